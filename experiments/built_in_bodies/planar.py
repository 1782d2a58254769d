"""Make the built-in body `planar` from published figures.

    python experiments/built_in_bodies/planar.py RajagopalLaiUhlrich2023.osim

Needs the extra `oracle` (opensim) and the public generic model (see README). Masses follow from
de Leva (1996); geometry and muscles from the generic model, times 1.75 / 1.70; the foot is that of
`foot.py`. Muscles that wrap there get effective points here, fitted so that sagittal moment arms
agree.
"""

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
from foot import ANKLE, MTP, ORIGIN
from landmarks import vertex
from limits import ANDERSON, limits, passive_moment
from mirror import mirrored
from scipy.optimize import least_squares

from biomech.formats.native import format_description

FOOT = foot.right_foot("plane")
OUT = Path(__file__).resolve().parents[2] / "biomech" / "model" / "library" / "planar.yaml"

# Geometry of the generic model [m], before scaling.
HIP = np.array([-0.056276, -0.07849, 0.07726])
LUMBAR = np.array([-0.1007, 0.0815, 0.0])
ANKLE_IN_TIBIA = np.array([-0.01, -0.40, 0.0])
ANKLE_IN_CALCN, MTP_IN_CALCN = ANKLE / SCALE, MTP / SCALE
# Pin that follows the generic knee within 0.9 mm over 0-70 degrees: in femur and in tibia.
KNEE_IN_FEMUR, KNEE_IN_TIBIA = np.array([-0.0056, -0.4140]), np.array([-0.0095, -0.0088])

# name: heads (first gives lengths, pennation, path), points, indices of points to be fitted (x, y)
MUSCLES = {
    "glmax2": (
        ("glmax2", "glmax1", "glmax3"),
        [
            ("pelvis", (-0.1317, 0.0087, 0.0462)),
            ("pelvis", (-0.1344, -0.0609, 0.0813)),
            ("femur", (-0.0450, -0.0584, 0.0252)),
            ("femur", (-0.0156, -0.1016, 0.0419)),
        ],
        (1, 2),
    ),
    "glmed2": (
        ("glmed2", "glmed1", "glmed3"),
        [("pelvis", (-0.0850, 0.0550, 0.0820)), ("femur", (-0.0220, -0.0100, 0.0560))],
        (0,),
    ),
    "psoas": (
        ("psoas", "iliacus"),
        [
            ("pelvis", (-0.0606, 0.0620, 0.0390)),
            ("pelvis", (-0.0205, -0.0654, 0.0656)),
            ("femur", (-0.0132, -0.0467, 0.0046)),
            ("femur", (-0.0235, -0.0524, 0.0088)),
        ],
        (1, 2),
    ),
    "addlong": (
        ("addlong", "addbrev"),
        [("pelvis", (-0.0076, -0.0889, 0.0189)), ("femur", (0.0113, -0.2394, 0.0158))],
        (0, 1),
    ),
    "recfem": (
        ("recfem",),
        [
            ("pelvis", (-0.0240, -0.0388, 0.0933)),
            ("patella", (0.05, -0.02, 0.0)),
            ("tibia", (0.0326, -0.0631, -0.0005)),
        ],
        (),
    ),
    "vaslat": (
        ("vaslat", "vasint", "vasmed"),
        [
            ("femur", (0.0048, -0.1854, 0.0349)),
            ("femur", (0.0269, -0.2591, 0.0409)),
            ("patella", (0.05, -0.02, 0.0073)),
            ("tibia", (0.0325, -0.0634, 0.0051)),
        ],
        (),
    ),
    "semimem": (
        ("semimem", "semiten", "bflh"),
        [("pelvis", (-0.0987, -0.1140, 0.0614)), ("tibia", (-0.0270, -0.0410, -0.0196))],
        (0, 1),
    ),
    "bfsh": (
        ("bfsh",),
        [("femur", (0.0050, -0.2111, 0.0234)), ("tibia", (-0.0287, -0.0328, 0.0320))],
        (0, 1),
    ),
    "gasmed": (
        ("gasmed", "gaslat"),
        [("femur", (-0.0200, -0.3950, -0.0220)), ("calcn", (0.0044, 0.0310, -0.0053))],
        (0,),
    ),
    "soleus": (
        ("soleus",),
        [("tibia", (-0.0076, -0.0916, 0.0098)), ("calcn", (0.0044, 0.0310, -0.0053))],
        (),
    ),
    "tibant": (
        ("tibant",),
        [
            ("tibia", (0.0154, -0.1312, 0.0162)),
            ("tibia", (0.0251, -0.1906, 0.0128)),
            ("tibia", (0.0233, -0.3659, -0.0132)),
            ("midfoot", (0.1166, 0.0178, -0.0305)),
        ],
        (),
    ),
    "edl": (
        ("edl", "ehl"),
        [
            ("tibia", (-0.0160, -0.1157, 0.0205)),
            ("tibia", (0.0164, -0.3760, 0.0112)),
            ("midfoot", (0.0919, 0.0360, 0.0008)),
            ("midfoot", (0.1616, 0.0055, 0.0130)),
            ("toes", (0.0003, 0.0047, 0.0153)),
            ("toes", (0.0443, -0.0004, 0.0250)),
        ],
        (),
    ),
    "fhl": (
        ("fhl", "fdl"),
        [
            ("tibia", (-0.0310, -0.2163, 0.0200)),
            ("tibia", (-0.0242, -0.3671, -0.0076)),
            ("calcn", (0.0374, 0.0276, -0.0241)),
            ("midfoot", (0.1038, 0.0068, -0.0256)),
            ("midfoot", (0.1788, -0.0120, -0.0269)),
            ("toes", (0.0155, -0.0064, -0.0265)),
            ("toes", (0.0562, -0.0102, -0.0181)),
        ],
        (),
    ),
}
MOVED = {
    "fhl": "but 5, moved under the metatarsal head, 10 mm below the joint (assumed), so that the "
    "tendon stays plantar when the toes extend"
}
COORDINATES = ("hip_flexion_r", "knee_angle_r", "ankle_angle_r")
GRID_DEG = [
    (hip, knee, ankle)
    for hip in (-20, 0, 20, 40)
    for knee in (0, 10, 20, 35, 50, 70)
    for ankle in (-20, 0, 20)
]
GRID = np.deg2rad(GRID_DEG)


# --- the generic model ------------------------------------------------------------------------


def generic_figures(path):
    """Strength, lengths and, over the grid, lengths and moment arms of every head."""
    import opensim

    opensim.Logger.setLevelString("off")
    model = opensim.Model(str(path))
    state = model.initSystem()
    coordinates = [model.getCoordinateSet().get(name) for name in COORDINATES]
    heads = [head for names, _, _ in MUSCLES.values() for head in names]
    muscles = {head: model.getMuscles().get(f"{head}_r") for head in heads}
    length = {head: np.zeros(len(GRID)) for head in heads}
    arm = {head: np.zeros((len(GRID), 3)) for head in heads}
    for i, values in enumerate(GRID):
        for coordinate, value in zip(coordinates, values, strict=True):
            coordinate.setValue(state, float(value), False)
        model.assemble(state)
        for head, muscle in muscles.items():
            length[head][i] = muscle.getLength(state)
            for j, coordinate in enumerate(coordinates):
                arm[head][i, j] = muscle.computeMomentArm(state, coordinate)
    return {
        head: {
            "force": muscle.getMaxIsometricForce(),
            "fiber": muscle.getOptimalFiberLength(),
            "tendon": muscle.getTendonSlackLength(),
            "pennation": muscle.getPennationAngleAtOptimalFiberLength(),
            "speed": muscle.getMaxContractionVelocity(),
            "length": length[head],
            "arm": arm[head],
        }
        for head, muscle in muscles.items()
    }


# --- the same body as a plane linkage (unscaled), for fitting ---------------------------------


def place(body, point, grid, patella):
    """Ground position [n, 3] of a body's point with the pelvis at rest."""
    hip, knee, ankle = grid.T
    n, point = len(grid), np.asarray(point, float)
    flat = np.broadcast_to(point[:2], (n, 2))
    depth = np.full(n, point[2])
    if body == "pelvis":
        return np.column_stack([flat, depth])
    if body in ("calcn", "midfoot", "toes"):
        offset = MTP_IN_CALCN[:2] if body == "toes" else np.zeros(2)
        flat = turn(ankle) @ (flat + offset - ANKLE_IN_CALCN[:2])[..., None]
        flat = flat[..., 0] + ANKLE_IN_TIBIA[:2]
    if body == "patella":
        powers = knee[:, None] ** np.arange(patella.shape[1])[None]
        flat = powers @ patella.T
    if body != "femur":
        flat = (turn(-knee) @ (flat - KNEE_IN_TIBIA)[..., None])[..., 0] + KNEE_IN_FEMUR
    flat = (turn(hip) @ flat[..., None])[..., 0] + HIP[:2]
    aside = 0.0 if body == "pelvis" else HIP[2]
    if body in ("calcn", "midfoot", "toes"):
        aside -= ANKLE_IN_CALCN[2]
    if body == "toes":
        aside += MTP_IN_CALCN[2]
    return np.column_stack([flat, depth + aside])


def length_of(points, grid, patella):
    """Path length [n]."""
    places = [place(body, point, grid, patella) for body, point in points]
    return sum(np.linalg.norm(b - a, axis=1) for a, b in itertools.pairwise(places))


def arms_of(points, grid, patella, step=1e-5):
    """Moment arms [n, 3] by virtual work."""
    arms = []
    for j in range(3):
        shift = step * np.eye(3)[j][None]
        forward = length_of(points, grid + shift, patella)
        arms.append(-(forward - length_of(points, grid - shift, patella)) / (2.0 * step))
    return np.stack(arms, axis=1)


def target_arms(heads, generic):
    """Strength-weighted mean of the heads' moment arms."""
    force = np.array([generic[head]["force"] for head in heads])
    arms = np.stack([generic[head]["arm"] for head in heads])
    return np.einsum("h,hij->ij", force / force.sum(), arms)


def fit_points(points, free, target, patella):
    """Points with the x, y of `free` moved so that moment arms agree; small moves preferred."""
    start = np.array([points[i][1][:2] for i in free]).ravel()

    def moved(x):
        new = list(points)
        for i, xy in zip(free, x.reshape(-1, 2), strict=True):
            new[i] = (points[i][0], (*xy, points[i][1][2]))
        return new

    def miss(x):
        arms = arms_of(moved(x), GRID, patella) - target
        return np.concatenate([arms.ravel() * 1e3, 0.5 * (x - start) * 1e3])

    return moved(least_squares(miss, start).x)


def fit_patella(generic, degree=3):
    """Where the extensor tendon turns, in the tibia: polynomials of the knee angle."""
    start = np.zeros((2, degree + 1))
    start[:, 0] = 0.05, -0.01
    names = ("recfem", "vaslat")
    targets = [target_arms(MUSCLES[name][0], generic)[:, 1] for name in names]

    def miss(x):
        patella = x.reshape(2, degree + 1)
        arms = [arms_of(MUSCLES[name][1], GRID, patella)[:, 1] for name in names]
        missed = [(a - t) * 1e3 for a, t in zip(arms, targets, strict=True)]
        return np.concatenate([*missed, 3.0 * (x - start.ravel())])

    return least_squares(miss, start.ravel()).x.reshape(2, degree + 1)


# --- the description --------------------------------------------------------------------------


def upright(height):
    """A point `height` above the hips when the pelvis is at `PELVIS_TILT`, in the pelvis."""
    tilt = -PELVIS_TILT
    return HIP[:2] * SCALE + height * np.array([-np.sin(tilt), np.cos(tilt)])


def axes(*rotation, translations=(None, None, None)):
    """Six axes: z first (sagittal), then x, y; then x, y, z."""
    free = {"kind": "linear", "slope": 1.0, "intercept": 0.0}
    fixed = {"kind": "constant", "value": 0.0}
    names = [rotation[0] if rotation else None, None, None, *translations]
    directions = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    return [
        {
            "axis": [float(v) for v in direction],
            "coordinate": name,
            "function": dict(free if name else fixed),
        }
        for name, direction in zip(names, directions, strict=True)
    ]


def bodies_and_joints():
    """All segments and the joints between them."""
    torso_mass, torso_height, torso_inertia = torso()
    lower_trunk = SEGMENTS["lower_trunk"]
    pelvis_height = (1.0 - lower_trunk[1] / 100.0) * lower_trunk[3] * 1e-3 * DE_LEVA_SCALE
    pelvis_center = upright(pelvis_height)
    c, s = np.cos(PELVIS_TILT), np.sin(PELVIS_TILT)
    lumbar = LUMBAR[:2] * SCALE
    from_hip = np.array([[c, -s], [s, c]]) @ (lumbar - HIP[:2] * SCALE)
    torso_center = np.array([0.0, torso_height]) - from_hip
    upright_rule = "mass centers above the hips (de Leva's trunk axis) at the mean pelvic tilt"
    bodies = [
        {
            "name": "pelvis",
            "mass": mass_of("lower_trunk"),
            "mass_center": rounded([*pelvis_center, 0.0]),
            "inertia": rounded([*inertia_of("lower_trunk"), 0.0, 0.0, 0.0]),
            "source": f"{DE_LEVA}: lower part of trunk; {upright_rule} of walking (assumed)",
        },
        {
            "name": "torso",
            "mass": round(torso_mass, 4),
            "mass_center": rounded([*torso_center, 0.0]),
            "inertia": rounded([*torso_inertia, 0.0, 0.0, 0.0]),
            "source": f"{DE_LEVA}: middle and upper trunk, head, hanging arms; {upright_rule}, "
            f"-10.3 deg, {FUKUCHI} (assumed)",
        },
    ]
    joints = [
        {
            "name": "ground_pelvis",
            "parent": "ground",
            "child": "pelvis",
            "parent_position": [0.0, 0.0, 0.0],
            "axes": axes("pelvis_tilt", translations=("pelvis_tx", "pelvis_ty", None)),
            "source": f"{RLU}: coordinates of the pelvis, sagittal ones only",
        },
        {
            "name": "lumbar",
            "parent": "pelvis",
            "child": "torso",
            "parent_position": rounded(LUMBAR * SCALE),
            "axes": axes("lumbar_extension"),
            "source": f"{SCALED}: joint `back`, extension only",
        },
    ]
    leg_bodies, leg_joints = right_leg()
    return bodies + both(leg_bodies), joints + both(leg_joints)


def both(right):
    """The right side's entries, then the left side's."""
    return [*right, *mirrored(right)]


def right_leg():
    """Bodies and joints of the right leg."""
    knee_f = np.array([*KNEE_IN_FEMUR * SCALE, 0.0])
    knee_t = np.array([*KNEE_IN_TIBIA * SCALE, 0.0])
    ankle_t = ANKLE_IN_TIBIA * SCALE
    bodies = []
    for name, segment, start, end in (
        ("femur", "thigh", np.zeros(3), knee_f),
        ("tibia", "shank", knee_t, ankle_t),
    ):
        center = SEGMENTS[segment][1]
        span = float(np.linalg.norm(end - start))
        bodies.append(
            {
                "name": f"{name}_r",
                "mass": round(mass_of(segment), 4),
                "mass_center": rounded(start + center / 100.0 * (end - start), 5),
                "inertia": rounded([*inertia_of(segment, span), 0.0, 0.0, 0.0], 5),
                "source": f"{DE_LEVA}: {segment}, on the joint-to-joint length of this body",
            }
        )
    pin = lambda name, parent, child, at, coordinate, source, child_at=(0.0, 0.0, 0.0): {
        "name": f"{name}_r",
        "parent": parent,
        "child": f"{child}_r",
        "parent_position": rounded(at, 5),
        "child_position": rounded(child_at, 5),
        "axes": axes(f"{coordinate}_r"),
        "source": source,
    }
    joints = [
        pin("hip", "pelvis", "femur", HIP * SCALE, "hip_flexion", f"{SCALED}: hip, flexion only"),
        pin(
            "knee",
            "femur_r",
            "tibia",
            knee_f,
            "knee_angle",
            f"{SCALED}: the pin whose centers miss the generic knee's sagittal motion least "
            "(0.3 mm rms, 0.9 mm at most, over 0-70 deg)",
            knee_t,
        ),
        pin(
            "ankle",
            "tibia_r",
            "calcn",
            ankle_t,
            "ankle_angle",
            f"{SCALED}: ankle; axis medio-lateral; talus and calcn are one body, no subtalar joint",
            ANKLE,
        ),
    ]
    knee_axis = joints[1]["axes"][0]
    knee_axis["function"] = {"kind": "linear", "slope": -1.0, "intercept": 0.0}
    return bodies + FOOT["bodies"], joints + FOOT["joints"]


def coordinates():
    """Ranges are those of the generic model; the foot's are its own."""
    degrees = {
        "pelvis_tilt": (-90, 90),
        "pelvis_tx": (-5, 5),
        "pelvis_ty": (-1, 2),
        "lumbar_extension": (-90, 90),
        "hip_flexion": (-30, 120),
        "knee_angle": (0, 140),
        "ankle_angle": (-50, 50),
    }
    pelvis_height = 0.92
    body = ("pelvis_tilt", "pelvis_tx", "pelvis_ty")
    leg = [f"{name}_r" for name in list(degrees)[4:]]
    entry = lambda name: _coordinate(name, *degrees[name.removesuffix("_r")], pelvis_height)
    right = [*map(entry, leg), *FOOT["coordinates"]]
    return [*map(entry, body), *both(right), entry("lumbar_extension")]


def _coordinate(name, low, high, pelvis_height):
    length = name in ("pelvis_tx", "pelvis_ty")
    factor = 1.0 if length else np.pi / 180.0
    height = name == "pelvis_ty"
    return {
        "name": name,
        "motion_type": "translational" if length else "rotational",
        "default": pelvis_height if height else 0.0,
        "range": rounded([low * factor, high * factor], 6),
        "locked": False,
        "clamped": False,
        "source": f"{RLU}; default: standing" if height else RLU,
    }


def foot_point(body, point):
    """A scaled point given in calcn (toes: toes), in the frame of its body."""
    scaled = np.asarray(point, float) * SCALE
    return scaled - ORIGIN["midfoot"] if body == "midfoot" else scaled


def muscles(generic, report):
    """All muscles of the right leg; `report` gets how well each one's moment arms agree."""
    patella = np.round(fit_patella(generic), 4)
    listed = []
    for name, (heads, points, free) in MUSCLES.items():
        target = target_arms(heads, generic)
        if free:
            points = fit_points(points, free, target, patella)
        points = [(body, tuple(np.round(point, 4))) for body, point in points]
        used = np.abs(target).max(axis=0) > 2e-3
        missed = (arms_of(points, GRID, patella) - target)[:, used]
        report[name] = np.sqrt(np.mean(missed**2)) * 1e3, np.abs(missed).max() * 1e3
        first, rest = generic[heads[0]], list(GRID_DEG).index((0, 0, 0))
        # The lumped muscle's fiber is as long at the neutral pose as that of its main head.
        shift = length_of(points, GRID, patella)[rest] - first["length"][rest]
        tendon = (first["tendon"] + shift) * SCALE
        force = sum(generic[head]["force"] for head in heads)
        lumped = f"strength summed over {', '.join(heads)}; " if len(heads) > 1 else ""
        strain = 0.1 if name in ("soleus", "gasmed") else 0.049
        strain_source = (
            "tendon strain 0.1: Arnold et al. 2013 (doi:10.1242/jeb.075697)"
            if strain == 0.1
            else "tendon strain 0.049: Millard et al. 2013 (doi:10.1115/1.4023390)"
        )
        fitted = (
            f"points {', '.join(str(i + 1) for i in free)} fitted to sagittal moment arms"
            if free
            else f"points as there {MOVED.get(name, '')}".strip()
        )
        if any(body == "patella" for body, _ in points):
            fitted = "moving point on the patella fitted to knee moment arms"
        fit = f"; {fitted} (rms {report[name][0]:.1f} mm, at most {report[name][1]:.1f} mm)"
        listed.append(
            {
                "name": f"{name}_r",
                "max_isometric_force": round(force, 1),
                "optimal_fiber_length": round(first["fiber"] * SCALE, 4),
                "tendon_slack_length": round(tendon, 4),
                "pennation_angle": round(first["pennation"], 4),
                "max_contraction_velocity": first["speed"],
                "min_activation": 0.01,
                "max_activation": 1.0,
                "curves": {
                    "active_force_width_scale": 1.0,
                    "fiber_damping": 0.01,
                    "passive_fiber_strain_at_one_norm_force": 0.6,
                    "tendon_strain_at_one_norm_force": strain,
                    "source": "De Groote et al. 2016 (doi:10.1007/s10439-016-1591-9); "
                    f"damping as in OpenSim's DeGrooteFregly2016Muscle; {strain_source}",
                },
                "path": {
                    "points": [path_point(*point, patella) for point in points],
                    "wraps": [],
                    "source": f"{SCALED}{fit}",
                },
                "source": f"{SCALED}; {lumped}fibers and pennation of {heads[0]}; tendon slack "
                f"length such that at the neutral pose the fiber is as long as there",
            }
        )
    return listed + FOOT["muscles"]


def path_point(body, point, patella):
    """A point of the generic model on this body; on the kneecap it moves with the knee."""
    if body != "patella":
        on = body if body == "pelvis" else f"{body}_r"
        return {"body": on, "location": rounded(foot_point(body, point), 5)}
    plane = [
        {
            "coordinate": "knee_angle_r",
            "function": {"kind": "polynomial", "coefficients": rounded(row * SCALE, 5)},
        }
        for row in patella
    ]
    aside = {"kind": "constant", "value": round(point[2] * SCALE, 5)}
    return {"body": "tibia_r", "moving": [*plane, {"coordinate": None, "function": aside}]}


def passive_moments():
    """Limits of hip and knee, and those of the foot."""
    limit = lambda name, coordinate, joint: passive_moment(
        name, coordinate, ANDERSON, **limits(joint)
    )
    return [
        limit("hip_flexion_r", "hip_flexion_r", "hip_flexion"),
        limit("knee_r", "knee_angle_r", "knee"),
        *FOOT["passive_moments"],
    ]


def motors():
    """A torque motor where this body has no muscles."""
    return [
        {
            "name": "lumbar",
            "coordinate": "lumbar_extension",
            "optimal_force": 100.0,
            "min_control": -float("inf"),
            "max_control": float("inf"),
            "kind": "motor",
            "source": "assumed: ideal trunk muscles; the size only sets what effort they cost",
        }
    ]


def main(path):
    """Write the body and print how well moment arms agree."""
    report = {}
    bodies, joints = bodies_and_joints()
    description = {
        "format": "biomech-model",
        "version": 1,
        "name": "planar",
        "source": "gravity: standard value, CGPM 1901; made by "
        "experiments/built_in_bodies/planar.py",
        "gravity": [0.0, -9.80665, 0.0],
        "conventions": {
            "knee_flexion": "positive",
            "ankle_dorsiflexion": "positive",
            "midtarsal_dorsiflexion": "positive",
            "mtp_extension": "positive",
        },
        "notes": [
            "Sagittal body of a man of 1.75 m and 75 kg: no motion out of the plane. Muscles keep "
            "their medio-lateral place, so that lengths are right; hinges carry the frontal "
            "moments.",
            "One muscle stands for each group; adductor magnus, sartorius, tensor, gracilis, "
            "tibialis posterior and peroneals are left out.",
            "The arch is held by plantar fascia, plantar ligaments and a passive moment about the "
            "midtarsal joint; only toe flexors and extensors and tibialis anterior act on it.",
        ],
        "citations": [
            "Rajagopal et al. 2016, doi:10.1109/TBME.2016.2586891",
            "Lai et al. 2017, doi:10.1007/s10439-017-1920-7",
            "Uhlrich et al. 2022, doi:10.1038/s41598-022-13386-9",
            "de Leva 1996, doi:10.1016/0021-9290(95)00178-6",
            "De Groote et al. 2016, doi:10.1007/s10439-016-1591-9",
            "Natali et al. 2010, doi:10.3109/03008200903389127",
            "Gefen 2002, doi:10.1016/S0021-9290(01)00242-1",
            "Anderson & Pandy 1999, doi:10.1080/10255849908907988",
            "Falisse et al. 2019, doi:10.1098/rsif.2019.0402",
        ],
        "bodies": bodies,
        "joints": joints,
        "coordinates": coordinates(),
        "muscle_curves": "degrootefregly2016",
        "muscles": both(muscles(generic_figures(path), report)),
        "ligaments": both(FOOT["ligaments"]),
        "passive_moments": both(passive_moments()),
        "contacts": both(FOOT["contacts"]),
        "actuators": motors(),
    }
    description["markers"] = [vertex(description), *both(FOOT["markers"])]
    OUT.write_text(format_description(description), encoding="utf-8")
    for name, (rms, most) in report.items():
        print(f"{name:8s} moment arms: rms {rms:4.1f} mm, at most {most:4.1f} mm")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
