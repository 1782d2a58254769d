"""Make the built-in body `lower_limb` from published figures.

    python experiments/built_in_bodies/lower_limb.py RajagopalLaiUhlrich2023.osim

Needs the public generic model (see README). Joints, wrap cylinders and muscles are its own, lengths
times 1.75 / 1.70; masses follow from de Leva (1996); the foot is that of `foot.py`, so muscles that
run past the midtarsal joint are attached beyond it to the midfoot. The left leg is the mirror image
of the right one.
"""

import copy
import itertools
import sys
from pathlib import Path

import foot
import numpy as np
from anthropometry import (
    DE_LEVA,
    DE_LEVA_SCALE,
    FUKUCHI,
    PELVIS_TILT,
    RLU,
    SCALE,
    SCALED,
    SEGMENTS,
    inertia_of,
    mass_of,
    rounded,
    torso,
    turn,
)
from landmarks import vertex
from limits import ANDERSON, limits, passive_moment
from mirror import mirrored

from biomech.formats.native import format_description
from biomech.formats.osim import read_osim

OUT = Path(__file__).resolve().parents[2] / "biomech" / "model" / "library" / "lower_limb.yaml"

# Paths of the muscles that run past the midtarsal joint. A number is that point of the generic
# path, on its own body; with "midfoot", fixed to the midfoot at the same place in the neutral
# pose; a place is a new point, in the frame of calcn [m].
CUBOID_GROOVE = foot.above_sole(0.080, 0.016, 0.024)
FIFTH_BASE = foot.above_sole(0.0697, 0.020, 0.0353)
FOOT_PATHS = {
    "tibant": [0, 1, 2, ("midfoot", 3)],
    "tibpost": [0, 1, 2, ("midfoot", 3)],
    "perbrev": [0, 1, 2, 3, ("midfoot", FIFTH_BASE)],
    "perlong": [0, 1, 2, 3, ("midfoot", CUBOID_GROOVE), ("midfoot", 6)],
    "edl": [0, 1, ("midfoot", 2), ("midfoot", 3), 4, 5],
    "ehl": [0, 1, 2, ("midfoot", 3), ("midfoot", 4), ("midfoot", 5), 6, 7],
    "fdl": [0, 1, 2, 3, ("midfoot", 4), 5, 6, 7],
    "fhl": [0, 1, 2, ("midfoot", 3), ("midfoot", 4), 5, 6],
}
PATH_NOTES = {
    "perbrev": "insertion at the tuberosity of the fifth metatarsal, 20 mm above the sole "
    "(assumed; 47 mm there)",
    "perlong": "turns in the groove of the cuboid, 16 mm above the sole (assumed), instead of at "
    "points 5 and 6, which are 32 to 36 mm above this sole and above the midtarsal axis",
}
TRICEPS_SURAE = ("soleus", "gasmed", "gaslat")
SHOULDER = 0.17  # of the generic model, from the middle plane [m]


# --- joints -----------------------------------------------------------------------------------


def scaled(values, digits=5):
    """Lengths of the generic model in this body [m]."""
    return rounded(np.asarray(values) * SCALE, digits)


def scaled_function(function):
    """A described function with its values [m] in this body."""
    function = copy.deepcopy(function)
    for key in ("value", "slope", "intercept"):
        if key in function:
            function[key] = float(f"{function[key] * SCALE:.9g}")
    for key in ("y", "coefficients"):
        if key in function:
            function[key] = [float(f"{v * SCALE:.9g}") for v in function[key]]
    return function


def scaled_joint(joint, name, source):
    """A joint of the generic model in this body."""
    new = copy.deepcopy(joint)
    for axis in new["axes"][3:]:
        if axis["coordinate"] not in ("pelvis_tx", "pelvis_ty", "pelvis_tz"):
            axis["function"] = scaled_function(axis["function"])
    return new | {
        "name": name,
        "parent_position": scaled(joint["parent_position"]),
        "child_position": scaled(joint["child_position"]),
        "source": source,
    }


def knee_joints(generic):
    """Femur to knee frame by flexion, as in the generic model; from there two passive turns."""
    flexion = scaled_joint(
        generic["walker_knee_r"],
        "knee_flexion_r",
        f"{SCALED}: joint `walker_knee`; turns and translations that follow flexion as there",
    )
    flexion["child"] = "knee_frame_r"
    center = flexion["child_position"]
    axes = foot.hinge_axes([1, 0, 0], "knee_adduction_r")
    axes[1] = foot.hinge_axes([0, 1, 0], "knee_rotation_r")[0]
    axes[2]["axis"] = [0.0, 0.0, 1.0]
    passive = {
        "name": "knee_r",
        "parent": "knee_frame_r",
        "child": "tibia_r",
        "parent_position": center,
        "parent_orientation": [0.0, 0.0, 0.0],
        "child_position": center,
        "child_orientation": [0.0, 0.0, 0.0],
        "axes": axes,
        "source": "assumed: adduction about the tibia's x axis, then internal rotation about its "
        f"y axis (order of Grood & Suntay 1983), at the knee center of {RLU}",
    }
    return [flexion, passive]


def right_joints(generic):
    """Joints of the right leg from hip to subtalar joint."""
    as_there = lambda name, new: scaled_joint(generic[name], new, f"{SCALED}: joint `{name[:-2]}`")
    return [
        as_there("hip_r", "hip_r"),
        *knee_joints(generic),
        as_there("patellofemoral_r", "patellofemoral_r"),
        as_there("ankle_r", "ankle_r"),
        as_there("subtalar_r", "subtalar_r"),
    ]


def trunk_joints(generic):
    """Pelvis to ground and torso to pelvis."""
    return [
        scaled_joint(generic["ground_pelvis"], "ground_pelvis", f"{RLU}: joint `ground_pelvis`"),
        scaled_joint(generic["back"], "lumbar", f"{SCALED}: joint `back`"),
    ]


# --- bodies -----------------------------------------------------------------------------------


def body(name, mass, center, inertia, source, digits=6):
    """A body with principal axes along its own."""
    return {
        "name": name,
        "mass": float(mass),
        "mass_center": rounded(center, 5),
        "inertia": [*rounded(inertia, digits), 0.0, 0.0, 0.0],
        "source": source,
    }


def trunk_bodies(generic):
    """Pelvis and torso; upright above the hips at the mean pelvic tilt, as in `planar`."""
    hip = np.array(generic["hip_r"]["parent_position"]) * SCALE
    lumbar = np.array(generic["back"]["parent_position"]) * SCALE
    _, center, _, length = SEGMENTS["lower_trunk"]
    height = (1.0 - center / 100.0) * length * 1e-3 * DE_LEVA_SCALE
    pelvis_center = hip[:2] + turn(-PELVIS_TILT) @ np.array([0.0, height])
    mass, torso_height, inertia = torso(SHOULDER * SCALE)
    torso_center = np.array([0.0, torso_height]) - turn(PELVIS_TILT) @ (lumbar - hip)[:2]
    rule = (
        "mass centers above the hips (de Leva's trunk axis) at the mean pelvic tilt of walking, "
        f"-10.3 deg, {FUKUCHI} (assumed)"
    )
    return [
        body(
            "pelvis",
            mass_of("lower_trunk"),
            [*pelvis_center, 0.0],
            inertia_of("lower_trunk"),
            f"{DE_LEVA}: lower part of trunk; {rule}",
        ),
        body(
            "torso",
            mass,
            [*torso_center, 0.0],
            inertia,
            f"{DE_LEVA}: middle and upper trunk, head, hanging arms {SHOULDER * SCALE:.3f} m "
            f"beside the middle plane ({RLU}: joint `acromial`); {rule}",
        ),
    ]


def right_bodies(generic, bodies):
    """Femur, knee frame, patella and tibia of the right leg."""
    knee, ankle = generic["walker_knee_r"], generic["ankle_r"]
    knee_in_femur, knee_in_tibia, ankle_in_tibia = (
        np.array(place) * SCALE
        for place in (knee["parent_position"], knee["child_position"], ankle["parent_position"])
    )
    patella = bodies["patella_r"]
    rule = "on the joint-to-joint length of this body"
    limb = lambda segment, start, end: (
        start + SEGMENTS[segment][1] / 100.0 * (end - start),
        inertia_of(segment, float(np.linalg.norm(end - start))),
    )
    return [
        body(
            "femur_r",
            mass_of("thigh") - patella["mass"],
            *limb("thigh", np.zeros(3), knee_in_femur),
            f"{DE_LEVA}: thigh, less the patella; {rule}",
        ),
        body(
            "knee_frame_r",
            0.0,
            np.zeros(3),
            np.zeros(3),
            "no mass: parts flexion from the knee's passive turns",
        ),
        body(
            "patella_r",
            patella["mass"],
            np.array(patella["mass_center"]) * SCALE,
            np.array(patella["inertia"][:3]) * SCALE**2,
            f"{SCALED}: body `patella`",
            digits=9,
        ),
        body(
            "tibia_r",
            mass_of("shank"),
            *limb("shank", knee_in_tibia, ankle_in_tibia),
            f"{DE_LEVA}: shank, {rule}",
        ),
    ]


# --- coordinates ------------------------------------------------------------------------------

KNEE_RANGES = {"knee_adduction_r": (-10, 10), "knee_rotation_r": (-30, 30)}  # [deg]
TRUNK = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")
LUMBAR = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
LEG = (
    *("hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "knee_angle_r_beta"),
    *("knee_adduction_r", "knee_rotation_r", "ankle_angle_r", "subtalar_angle_r"),
)


def coordinate(name, limits, source, default=0.0):
    """One coordinate; `limits` in [rad] or [m]."""
    translates = name in ("pelvis_tx", "pelvis_ty", "pelvis_tz")
    return {
        "name": name,
        "motion_type": "translational" if translates else "rotational",
        "default": default,
        "range": rounded(limits, 6),
        "locked": False,
        "clamped": False,
        "source": source,
    }


def coordinates(generic, pelvis_height):
    """Trunk, right leg, left leg, lumbar joint; ranges of the generic model where it has them."""
    as_there = lambda name: coordinate(name, generic[name]["range"], f"{RLU}: range")
    trunk = [as_there(name) for name in TRUNK]
    trunk[TRUNK.index("pelvis_ty")] |= {
        "default": pelvis_height,
        "source": f"{RLU}: range; default: the soles touch the ground",
    }
    leg = [
        coordinate(name, np.deg2rad(KNEE_RANGES[name]), "assumed range")
        if name in KNEE_RANGES
        else as_there(name)
        for name in LEG
    ]
    return [*trunk, *both([*leg, *foot.coordinates()]), *map(as_there, LUMBAR)]


def pelvis_height(joints):
    """Height of the pelvis' origin when the soles are on the ground [m]."""
    down = ("hip_r", "walker_knee_r", "ankle_r", "subtalar_r")
    steps = [joints[j]["parent_position"][1] - joints[j]["child_position"][1] for j in down]
    return round(-sum(steps) * SCALE - foot.SOLE, 4)


# --- muscles ----------------------------------------------------------------------------------


def cylinders(generic):
    """Wrap cylinders of the right leg and its side of the pelvis."""
    return [
        {
            "name": cylinder["name"],
            "body": cylinder["body"],
            "radius": round(cylinder["radius"] * SCALE, 6),
            "length": round(cylinder["length"] * SCALE, 6),
            "position": scaled(cylinder["position"]),
            "orientation": rounded(cylinder["orientation"], 7),
            "quadrant": cylinder["quadrant"],
            "source": f"{SCALED}: WrapCylinder",
        }
        for cylinder in generic
        if cylinder["name"].endswith("_r")
    ]


def right_muscles(generic):
    """Muscles of the right leg."""
    return [muscle(entry) for entry in generic if entry["name"].endswith("_r")]


def muscle(entry):
    """One muscle of the generic model in this body."""
    name = entry["name"][:-2]
    path, longer, note = path_of(name, entry["path"])
    passive = entry["curves"]["fiber_force_length"]["strain_at_one_norm_force"]
    strain = 0.1 if name in TRICEPS_SURAE else 0.049
    strain_source = (
        "Arnold et al. 2013 (doi:10.1242/jeb.075697)"
        if name in TRICEPS_SURAE
        else "Millard et al. 2013 (doi:10.1115/1.4023390)"
    )
    return {
        "name": entry["name"],
        "max_isometric_force": round(entry["max_isometric_force"], 1),
        "optimal_fiber_length": round(entry["optimal_fiber_length"] * SCALE, 6),
        "tendon_slack_length": round(entry["tendon_slack_length"] * SCALE + longer, 6),
        "pennation_angle": round(entry["pennation_angle"], 6),
        "max_contraction_velocity": entry["max_contraction_velocity"],
        "min_activation": 0.01,
        "max_activation": 1.0,
        "curves": {
            "active_force_width_scale": 1.0,
            "fiber_damping": 0.01,
            "passive_fiber_strain_at_one_norm_force": round(passive, 4),
            "tendon_strain_at_one_norm_force": strain,
        },
        "path": path,
        "source": f"{SCALED}{note}; curves: De Groote et al. 2016 "
        "(doi:10.1007/s10439-016-1591-9), damping of OpenSim's DeGrooteFregly2016Muscle, passive "
        f"strain of the generic model, tendon strain: {strain_source}",
    }


def path_of(name, path):
    """The scaled path on the bodies of this foot, what it is longer at rest [m], and a note."""
    generic = path["points"]
    spec = FOOT_PATHS.get(name, range(len(generic)))
    points = [path_point(step, generic) for step in spec]
    note = "; beyond the midtarsal joint on the midfoot" if name in FOOT_PATHS else ""
    note += f"; {PATH_NOTES[name]}" if name in PATH_NOTES else ""
    longer = 0.0
    if name in PATH_NOTES:  # new points: all of them beyond the first one on calcn
        longer = foot_length(points) - foot_length(
            [path_point(i, generic) for i in range(len(generic))]
        )
    return {"points": points, "wraps": copy.deepcopy(path["wraps"])}, longer, note


def path_point(step, generic):
    """One point of a path, from its line in `FOOT_PATHS`."""
    to, place = step if isinstance(step, tuple) else (None, step)
    body = f"{to}_r" if to else generic[place]["body"]
    if isinstance(place, int):
        place = np.array(generic[place]["location"]) * SCALE
    return {"body": body, "location": rounded(place - (foot.ORIGIN[to] if to else 0.0), 5)}


def foot_length(points):
    """Length in the foot at the neutral pose [m]."""
    places = [
        np.array(point["location"]) + foot.ORIGIN[point["body"][:-2]]
        for point in points
        if point["body"][:-2] in foot.ORIGIN
    ]
    return sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(places))


# --- passive moments and motors ---------------------------------------------------------------


# Relaxed and unloaded: 10 N m turn the shank by 3.0 deg (SD 1) into varus or valgus, knee straight.
# Tensed muscles, which press the joint together, stiffen it two to four times in living people.
ADDUCTION_STIFFNESS = 3.0 * 10.0 / np.deg2rad(3.0)  # [N m/rad]
# Relaxed: 2.5 N m turn the shank inwards by 3.7 deg (SD 1.4) in living people, knee at 30 deg.
ROTATION_STIFFNESS = 2.5 / np.deg2rad(3.7)  # [N m/rad]


def right_passive_moments():
    """Of hip and knee; those of the foot and the ankle are the foot's."""
    named = {name: f"{name}_r" for name in ("hip_flexion", "hip_adduction", "hip_rotation")}
    stops = [
        passive_moment(f"{name}_r", coordinate, ANDERSON, **limits(name))
        for name, coordinate in (named | {"knee": "knee_angle_r"}).items()
    ]
    damping = "damping: loses 22 % of its energy in a load cycle, as the foot does (assumed)"
    turns = [
        passive_moment(
            "knee_adduction_r",
            "knee_adduction_r",
            "stiffness: 10 N m / 3.0 deg, relaxed, straight (Markolf et al. 1981, J Bone Joint "
            "Surg Am 63:570), x 3 for tensed muscles that press the joint together (two to four "
            f"times: Markolf et al. 1978, J Bone Joint Surg Am 60:664); {damping}",
            stiffness=ADDUCTION_STIFFNESS,
            damping=foot.loss_damping(ADDUCTION_STIFFNESS),
        ),
        passive_moment(
            "knee_rotation_r",
            "knee_rotation_r",
            "stiffness: 2.5 N m / 3.7 deg, relaxed, at 30 deg of flexion (Moewis et al. 2016, "
            f"doi:10.1371/journal.pone.0159600); {damping}",
            stiffness=ROTATION_STIFFNESS,
            damping=foot.loss_damping(ROTATION_STIFFNESS),
        ),
    ]
    return [*stops, *turns]


def lumbar_passive_moments():
    """Of the lumbar joint."""
    return [passive_moment(name, name, ANDERSON, **limits(name)) for name in LUMBAR]


def motors():
    """Torque motors of the lumbar joint, which has no muscles."""
    return [
        {
            "name": f"{name}_motor",
            "coordinate": name,
            "optimal_force": 100.0,
            "min_control": -float("inf"),
            "max_control": float("inf"),
            "kind": "motor",
            "source": "assumed: ideal trunk muscles; the size only sets what effort they cost",
        }
        for name in LUMBAR
    ]


def couplers(generic):
    """Patella and knee."""
    return [
        {
            "name": "knee_angle_r_beta_follows_knee_angle_r",
            "dependent": "knee_angle_r_beta",
            "independent": "knee_angle_r",
            "function": generic[0]["function"],
            "source": f"{RLU}: CoordinateCouplerConstraint of the patella",
        }
    ]


# --- the whole --------------------------------------------------------------------------------


CONVENTIONS = {
    "knee_flexion": "positive",
    "ankle_dorsiflexion": "positive",
    "subtalar_inversion": "positive",
    "midtarsal_dorsiflexion": "positive",
    "mtp_extension": "positive",
}
NOTES = [
    "Man of 1.75 m and 75 kg; arms and head are part of the torso.",
    "Muscles, joints and wrap cylinders proximal to the midtarsal joint are those of the generic "
    "Rajagopal-Lai-Uhlrich model, lengths x 1.75 / 1.70; left is the mirror image of right.",
    "The knee turns and shifts with flexion as there; the compliant knee adds adduction and axial "
    "rotation against passive stiffness.",
]
CITATIONS = [
    "Rajagopal et al. 2016, doi:10.1109/TBME.2016.2586891",
    "Lai et al. 2017, doi:10.1007/s10439-017-1920-7",
    "Uhlrich et al. 2022, doi:10.1038/s41598-022-13386-9",
    "de Leva 1996, doi:10.1016/0021-9290(95)00178-6",
    "De Groote et al. 2016, doi:10.1007/s10439-016-1591-9",
    "Natali et al. 2010, doi:10.3109/03008200903389127",
    "Gefen 2002, doi:10.1016/S0021-9290(01)00242-1",
    "Anderson & Pandy 1999, doi:10.1080/10255849908907988",
]


def both(right):
    """The right leg's entries, then the left leg's."""
    return [*right, *mirrored(right)]


def description(path):
    """The plain description of the body."""
    generic = read_osim(path).description
    joints, bodies, known = (
        {entry["name"]: entry for entry in generic[key]}
        for key in ("joints", "bodies", "coordinates")
    )
    right = foot.right_foot("space")
    whole = {
        "format": "biomech-model",
        "version": 1,
        "name": "lower_limb",
        "source": "gravity: standard value, CGPM 1901; made by "
        "experiments/built_in_bodies/lower_limb.py",
        "gravity": [0.0, -9.80665, 0.0],
        "conventions": CONVENTIONS,
        "notes": NOTES,
        "citations": CITATIONS,
        "bodies": [*trunk_bodies(joints), *both([*right_bodies(joints, bodies), *right["bodies"]])],
        "joints": [*trunk_joints(joints), *both([*right_joints(joints), *right["joints"]])],
        "coordinates": coordinates(known, pelvis_height(joints)),
        "couplers": both(couplers(generic["couplers"])),
        "cylinders": both(cylinders(generic["cylinders"])),
        "muscle_curves": "degrootefregly2016",
        "muscles": both([*right_muscles(generic["muscles"]), *right["muscles"]]),
        "ligaments": both(right["ligaments"]),
        "passive_moments": [
            *both([*right_passive_moments(), *right["passive_moments"]]),
            *lumbar_passive_moments(),
        ],
        "contacts": both(right["contacts"]),
        "actuators": motors(),
    }
    return whole | {"markers": [vertex(whole), *both(right["markers"])]}


def main(path):
    """Write the body."""
    OUT.write_text(format_description(description(path)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
