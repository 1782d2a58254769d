"""Make the built-in body `lower_limb` from published figures.

    python experiments/built_in_bodies/lower_limb.py RajagopalLaiUhlrich2023.osim

Needs the public generic model (see README). Joints, wrap cylinders and muscles are its own, lengths
times 1.75 / 1.70; masses follow from de Leva (1996); the foot is that of `foot.py`, so muscles that
run past the midtarsal joint are attached beyond it to the midfoot. The left leg is the mirror image
of the right one.
"""

import copy
import re
import sys
from pathlib import Path

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

from biomech.formats.native import format_description
from biomech.formats.osim import read_osim

OUT = Path(__file__).resolve().parents[2] / "biomech" / "model" / "library" / "lower_limb.yaml"

# Muscles past the midtarsal joint: for each point of the generic path, the body it is now fixed
# to, at the same place in the neutral pose.
REATTACHED = {
    "tibant": {3: "midfoot"},
    "tibpost": {3: "midfoot"},
    "perbrev": {4: "midfoot"},
    "perlong": {4: "midfoot", 5: "midfoot", 6: "midfoot"},
    "edl": {2: "midfoot", 3: "midfoot"},
    "ehl": {3: "midfoot", 4: "midfoot", 5: "midfoot"},
    "fdl": {4: "midfoot"},
    "fhl": {3: "midfoot", 4: "midfoot"},
}
TRICEPS_SURAE = ("soleus", "gasmed", "gaslat")
SHOULDER = 0.17  # of the generic model, from the middle plane [m]


# --- mirror images ----------------------------------------------------------------------------


def left(name):
    """The left one's name."""
    return re.sub(r"_r(?=_|$)", "_l", name)


def mirrored(entry):
    """The left leg's counterpart of a description of something in the right leg.

    Places change the sign of z; the frames of joints and cylinders are reflected, so that
    body-fixed x-y-z angles change their first two signs; rotation axes reverse in the plane.
    """
    if isinstance(entry, list):
        return [mirrored(inner) for inner in entry]
    if isinstance(entry, str):
        return left(entry)
    if not isinstance(entry, dict):
        return entry
    new = {key: mirrored(value) if key != "source" else value for key, value in entry.items()}
    for key, signs in (
        *((k, (1, 1, -1)) for k in ("location", "position", "parent_position", "child_position")),
        *((k, (-1, -1, 1)) for k in ("orientation", "parent_orientation", "child_orientation")),
        ("mass_center", (1, 1, -1)),
        ("inertia", (1, 1, 1, 1, -1, -1)),
    ):
        if key in new:
            new[key] = signed(new[key], signs)
    if "axes" in new:
        kinds = [(-1, -1, 1)] * 3 + [(1, 1, -1)] * 3
        for axis, signs in zip(new["axes"], kinds, strict=True):
            axis["axis"] = signed(axis["axis"], signs)
    if "half_space_orientation" in new:  # of the ground: the same for both feet
        new["half_space_orientation"] = list(entry["half_space_orientation"])
    return new


def signed(values, signs):
    """Products, without minus zero."""
    return [float(v) * s + 0.0 for v, s in zip(values, signs, strict=True)]


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


LINE = {"kind": "linear", "slope": 1.0, "intercept": 0.0}
NOTHING = {"kind": "constant", "value": 0.0}


def hinge_axes(direction, coordinate):
    """Six axes of which the first turns by `coordinate` about `direction`."""
    others = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    first = {"axis": [float(v) for v in direction], "coordinate": coordinate, "function": LINE}
    return [
        copy.deepcopy(first),
        *(
            {"axis": [float(v) for v in axis], "coordinate": None, "function": dict(NOTHING)}
            for axis in others
        ),
    ]


def knee_joints(generic):
    """Femur to knee frame by flexion, as in the generic model; from there two passive turns."""
    flexion = scaled_joint(
        generic["walker_knee_r"],
        "knee_flexion_r",
        f"{SCALED}: joint `walker_knee`; turns and translations that follow flexion as there",
    )
    flexion["child"] = "knee_frame_r"
    center = flexion["child_position"]
    axes = hinge_axes([1, 0, 0], "knee_adduction_r")
    axes[1] = {"axis": [0.0, 1.0, 0.0], "coordinate": "knee_rotation_r", "function": dict(LINE)}
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

FOOT_RANGES = {  # [deg]
    "subtalar_angle_r": (-35, 35),
    "midtarsal_angle_r": (-30, 30),
    "mtp_angle_r": (-45, 75),
}
KNEE_RANGES = {"knee_adduction_r": (-10, 10), "knee_rotation_r": (-30, 30)}  # [deg]
TRUNK = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")
LUMBAR = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
LEG = (
    *("hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "knee_angle_r_beta"),
    *("knee_adduction_r", "knee_rotation_r", "ankle_angle_r", "subtalar_angle_r"),
    *("midtarsal_angle_r", "mtp_angle_r"),
)


def coordinates(generic, pelvis_height):
    """Ranges of the generic model where it has the coordinate."""
    listed = []
    for name in (*TRUNK, *LEG, *map(left, LEG), *LUMBAR):
        right = re.sub(r"_l(?=_|$)", "_r", name)
        if right in FOOT_RANGES | KNEE_RANGES:
            limits = np.deg2rad((FOOT_RANGES | KNEE_RANGES)[right])
            source = "assumed range"
        else:
            limits, source = generic[right]["range"], f"{RLU}: range"
        if name == "pelvis_ty":
            source += "; default: the soles touch the ground"
        kind = "translational" if name in ("pelvis_tx", "pelvis_ty", "pelvis_tz") else "rotational"
        listed.append(
            {
                "name": name,
                "motion_type": kind,
                "default": pelvis_height if name == "pelvis_ty" else 0.0,
                "range": rounded(limits, 6),
                "locked": False,
                "clamped": False,
                "source": source,
            }
        )
    return listed


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


def right_muscles(generic, origin):
    """Muscles of the right leg; `origin` of each foot body in the frame of calcn [m]."""
    return [muscle(entry, origin) for entry in generic if entry["name"].endswith("_r")]


def muscle(entry, origin):
    """One muscle of the generic model in this body."""
    name = entry["name"][:-2]
    path, note = path_of(name, entry["path"], origin)
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
        "tendon_slack_length": round(entry["tendon_slack_length"] * SCALE, 6),
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


def path_of(name, path, origin):
    """The scaled path, past the midtarsal joint on the bodies of this foot; and what was done."""
    moved = REATTACHED.get(name, {})
    points = []
    for i, point in enumerate(path["points"]):
        to = moved.get(i)
        location = np.array(point["location"]) * SCALE
        if to:
            location = location - origin[to]
        points.append(
            {"body": f"{to}_r" if to else point["body"], "location": rounded(location, 5)}
        )
    note = f"; points {', '.join(str(i + 1) for i in moved)} on the midfoot" if moved else ""
    return {"points": points, "wraps": copy.deepcopy(path["wraps"])}, note


# --- motors -----------------------------------------------------------------------------------


def motors():
    """Torque motors of the lumbar joint, which has no muscles."""
    return [
        {
            "name": name,
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


def both(right):
    """The right leg's entries, then the left leg's."""
    return [*right, *mirrored(right)]


def description(path):
    """The plain description of the body."""
    generic = read_osim(path).description
    by_name = {
        key: {e["name"]: e for e in generic[key]} for key in ("bodies", "joints", "coordinates")
    }
    foot = provisional_foot(by_name["joints"])
    joints = [*trunk_joints(by_name["joints"])]
    joints += both([*right_joints(by_name["joints"]), *foot["joints"]])
    bodies = trunk_bodies(by_name["joints"])
    bodies += both([*right_bodies(by_name["joints"], by_name["bodies"]), *foot["bodies"]])
    return {
        "format": "biomech-model",
        "version": 1,
        "name": "lower_limb",
        "source": "gravity: standard value, CGPM 1901; made by "
        "experiments/built_in_bodies/lower_limb.py",
        "gravity": [0.0, -9.80665, 0.0],
        "conventions": {
            "knee_flexion": "positive",
            "ankle_dorsiflexion": "positive",
            "subtalar_inversion": "positive",
            "midtarsal_dorsiflexion": "positive",
            "mtp_extension": "positive",
        },
        "notes": [
            "Man of 1.75 m and 75 kg; arms and head are part of the torso.",
        ],
        "citations": [
            "Rajagopal et al. 2016, doi:10.1109/TBME.2016.2586891",
            "Lai et al. 2017, doi:10.1007/s10439-017-1920-7",
            "Uhlrich et al. 2022, doi:10.1038/s41598-022-13386-9",
            "de Leva 1996, doi:10.1016/0021-9290(95)00178-6",
            "De Groote et al. 2016, doi:10.1007/s10439-016-1591-9",
        ],
        "bodies": bodies,
        "joints": joints,
        "coordinates": coordinates(by_name["coordinates"], foot["pelvis_height"]),
        "couplers": both(couplers(generic["couplers"])),
        "cylinders": both(cylinders(generic["cylinders"])),
        "muscle_curves": "degrootefregly2016",
        "muscles": both(right_muscles(generic["muscles"], foot["origin"])),
        "ligaments": both(foot["ligaments"]),
        "contacts": both(foot["contacts"]),
        "actuators": motors(),
    }


def provisional_foot(generic):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "planar_body"))
    import make

    parts = make.foot_parts()
    mtp = np.array(generic["mtp_r"]["parent_position"]) * SCALE
    mt = make.MIDTARSAL
    origin = {"calcn": np.zeros(3), "midfoot": mt, "toes": mtp}
    bodies = []
    for name, (mass, center, spread) in parts.items():
        share = {"calcn": 0.75}.get(name, 1.0)
        c = np.array([*center, 0.0]) - origin[name]
        p = mass * share * np.array([0.3 * spread, 0.8 * spread, spread])
        bodies.append(body(f"{name}_r", mass * share, c, p, "provisional (assumed)", digits=8))
    hind = parts["calcn"][0] * 0.25
    bodies.insert(
        0,
        body(
            "talus_r",
            hind,
            np.zeros(3),
            hind * np.full(3, 0.02**2 * 0.4),
            "provisional (assumed)",
            8,
        ),
    )
    base = {
        "parent_orientation": [0.0] * 3,
        "child_orientation": [0.0] * 3,
        "child_position": [0.0] * 3,
    }
    joints = [
        {
            "name": "midtarsal_r",
            "parent": "calcn_r",
            "child": "midfoot_r",
            "parent_position": rounded(mt, 5),
            **base,
            "axes": hinge_axes([0, 0, 1], "midtarsal_angle_r"),
            "source": "provisional (assumed)",
        },
        {
            "name": "mtp_r",
            "parent": "midfoot_r",
            "child": "toes_r",
            "parent_position": rounded(mtp - mt, 5),
            **base,
            "axes": hinge_axes([-0.5809544, 0, 0.8139361], "mtp_angle_r"),
            "source": "provisional (assumed)",
        },
    ]
    ligs = [l for l in make.ligaments() if l["name"].endswith("_r")]
    pattern = next(c for c in make.contacts() if c["name"] == "heel_r")
    S = make.SOLE
    contacts = []
    for name, on, x, z, r, up in (
        ("heel_medial", "calcn", 0.015, -0.018, 0.025, 0.0),
        ("heel_lateral", "calcn", 0.015, 0.012, 0.025, 0.0),
        ("midfoot_medial", "midfoot", 0.097, -0.026, 0.015, 0.015),
        ("midfoot_lateral", "midfoot", 0.087, 0.028, 0.015, 0.0),
        ("metatarsal_1", "midfoot", 0.178, -0.030, 0.018, 0.0),
        ("metatarsal_23", "midfoot", 0.183, -0.005, 0.018, 0.0),
        ("metatarsal_45", "midfoot", 0.158, 0.026, 0.018, 0.0),
        ("hallux", "toes", 0.232, -0.024, 0.014, 0.0),
        ("toes_lesser", "toes", 0.212, 0.016, 0.014, 0.0),
    ):
        c = copy.deepcopy(pattern)
        c |= {
            "name": f"{name}_r",
            "body": f"{on}_r",
            "radius": r,
            "location": rounded(np.array([x, S + r + up, z]) - origin[on], 5),
        }
        contacts.append(c)
    joint = lambda n, k: np.array(generic[n][k])
    low = sum(
        joint(n, "parent_position") - joint(n, "child_position")
        for n in ("hip_r", "walker_knee_r", "ankle_r", "subtalar_r")
    )
    return {
        "bodies": bodies,
        "joints": joints,
        "ligaments": ligs,
        "contacts": contacts,
        "origin": origin,
        "pelvis_height": round(float(-low[1] * SCALE - S), 4),
    }


def main(path):
    """Write the body."""
    OUT.write_text(format_description(description(path)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
