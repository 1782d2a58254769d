"""Make the built-in body `planar` from published figures.

    python experiments/planar_body/make.py RajagopalLaiUhlrich2023.osim

Needs the extra `oracle` (opensim) and the public generic model (see README). Masses follow from
de Leva (1996); geometry and muscles from the generic model, times 1.75 / 1.70. Muscles that wrap
there get effective points here, fitted so that sagittal moment arms agree.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from biomech.formats.native import format_description

OUT = Path(__file__).resolve().parents[2] / "biomech" / "model" / "library" / "planar.yaml"

MASS, HEIGHT = 75.0, 1.75  # [kg], [m]
SCALE = HEIGHT / 1.70  # the generic model is 1.70 m tall
DE_LEVA_SCALE = HEIGHT / 1.741  # de Leva's average man is 1.741 m tall

RLU = (
    "Rajagopal et al. 2016 (doi:10.1109/TBME.2016.2586891), generic model as updated by Lai et al. "
    "2017 (doi:10.1007/s10439-017-1920-7) and Uhlrich et al. 2022 (doi:10.1038/s41598-022-13386-9)"
)
SCALED = f"{RLU}; lengths x 1.75 m / 1.70 m"
DE_LEVA = "de Leva 1996 (doi:10.1016/0021-9290(95)00178-6), Table 4, men"
DRILLIS = "Drillis & Contini 1966, in Winter 2009, Figure 4.1"

# de Leva 1996, Table 4, men: mass [% of body], mass center [% of length from the proximal end],
# radius of gyration [% of length] about the antero-posterior, medio-lateral and long axes,
# length [mm].
SEGMENTS = {
    "head": (6.94, 50.02, (30.3, 31.5, 26.1), 242.9),  # vertex to cervicale
    "upper_trunk": (15.96, 29.99, (71.6, 45.4, 65.9), 170.7),
    "middle_trunk": (16.33, 45.02, (48.2, 38.3, 46.8), 215.5),
    "lower_trunk": (11.17, 61.15, (61.5, 55.1, 58.7), 145.7),
    "upper_arm": (2.71, 57.72, (28.5, 26.9, 15.8), 281.7),
    "forearm": (1.62, 45.74, (27.6, 26.5, 12.1), 268.9),
    "hand": (0.61, 79.00, (62.8, 51.3, 40.1), 86.2),
    "thigh": (14.16, 40.95, (32.9, 32.9, 14.9), 422.2),
    "shank": (4.33, 43.95, (25.1, 24.6, 10.2), 440.3),  # knee to ankle joint center
    "foot": (1.37, 44.15, (25.7, 24.5, 12.4), 258.1),
}
HIP_TO_CERVICALE, HIP_TO_SHOULDER = 603.3, 515.5  # same table [mm]

# Geometry of the generic model [m], before scaling.
HIP = np.array([-0.056276, -0.07849, 0.07726])
LUMBAR = np.array([-0.1007, 0.0815, 0.0])
ANKLE_IN_TIBIA = np.array([-0.01, -0.40, 0.0])
ANKLE_IN_CALCN = np.array([0.04877, 0.04195, -0.00792])
MTP_IN_CALCN = np.array([0.1788, -0.002, 0.00108])
# Pin that follows the generic knee within 0.9 mm over 0-70 degrees: in femur and in tibia.
KNEE_IN_FEMUR, KNEE_IN_TIBIA = np.array([-0.0056, -0.4140]), np.array([-0.0095, -0.0088])

PELVIS_TILT = np.deg2rad(-10.3)  # mean of Fukuchi 2018 in walking; where the trunk is upright

# Foot, in the (scaled) calcn frame [m].
SOLE = round(ANKLE_IN_CALCN[1] * SCALE - 0.039 * HEIGHT, 4)  # ankle height 0.039 H
HEEL = -0.015
TIP = round(HEEL + 0.2581 * DE_LEVA_SCALE, 4)
MIDTARSAL = np.array([round(HEEL + 0.38 * (TIP - HEEL), 4), round(SOLE + 0.047, 4), 0.0])

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


def turn(angle):
    """[n, 2, 2] rotations."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


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
    side = HIP[2] if body != "pelvis" else 0.0
    return np.column_stack([flat, depth + side])


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


def rounded(values, digits=4):
    """Plain numbers, rounded, without minus zero."""
    return [round(float(v), digits) + 0.0 for v in values]


def inertia_of(segment, length=None):
    """Principal inertia [kg m^2]: antero-posterior (x), long (y), medio-lateral (z) axis."""
    share, _, (sagittal, transverse, longitudinal), table_length = SEGMENTS[segment]
    length = table_length * 1e-3 * DE_LEVA_SCALE if length is None else length
    radii = np.array([sagittal, longitudinal, transverse]) / 100.0 * length
    return share / 100.0 * MASS * radii**2


def torso():
    """Mass, height of the mass center above the hips [m], inertia about it [kg m^2]."""
    lower, middle = SEGMENTS["lower_trunk"][3], SEGMENTS["middle_trunk"][3]
    upper, arm, fore = (SEGMENTS[s][3] for s in ("upper_trunk", "upper_arm", "forearm"))
    below = lambda segment, top: top - SEGMENTS[segment][1] / 100.0 * SEGMENTS[segment][3]
    height = {
        "middle_trunk": below("middle_trunk", lower + middle),
        "upper_trunk": below("upper_trunk", lower + middle + upper),
        "head": below("head", HIP_TO_CERVICALE + SEGMENTS["head"][3]),
        "upper_arm": below("upper_arm", HIP_TO_SHOULDER),
        "forearm": below("forearm", HIP_TO_SHOULDER - arm),
        "hand": below("hand", HIP_TO_SHOULDER - arm - fore),
    }
    count = {name: 2 if name in ("upper_arm", "forearm", "hand") else 1 for name in height}
    masses = {name: count[name] * SEGMENTS[name][0] / 100.0 * MASS for name in height}
    heights = {name: h * 1e-3 * DE_LEVA_SCALE for name, h in height.items()}
    mass = sum(masses.values())
    center = sum(masses[n] * heights[n] for n in height) / mass
    inertia = np.zeros(3)
    for name in height:
        offset = masses[name] * (heights[name] - center) ** 2
        inertia += count[name] * inertia_of(name) + offset * np.array([1.0, 0.0, 1.0])
    return mass, center, inertia


def upright(height):
    """A point `height` above the hips when the pelvis is at `PELVIS_TILT`, in the pelvis."""
    tilt = -PELVIS_TILT
    return HIP[:2] * SCALE + height * np.array([-np.sin(tilt), np.cos(tilt)])


def foot_parts():
    """Shares of foot mass in hindfoot, midfoot and toes: areas of a wedge-shaped side view.

    The side view is a triangle-like wedge: as high as the ankle behind the midtarsal joint, from
    there linearly down to 15 mm at the toe tip.
    """
    ankle_height, tip_height = 0.039 * HEIGHT, 0.015
    slope = (ankle_height - tip_height) / (TIP - MIDTARSAL[0])
    profile = lambda x: np.where(
        x < MIDTARSAL[0], ankle_height, ankle_height - slope * (x - MIDTARSAL[0])
    )
    mtp = MTP_IN_CALCN[0] * SCALE
    total_mass = SEGMENTS["foot"][0] / 100.0 * MASS
    edges = {"calcn": (HEEL, MIDTARSAL[0]), "midfoot": (MIDTARSAL[0], mtp), "toes": (mtp, TIP)}
    parts, total = {}, 0.0
    for name, (start, end) in edges.items():
        x = np.linspace(start, end, 2001)
        h = profile(x)
        area = np.trapezoid(h, x)
        center = np.array([np.trapezoid(h * x, x), np.trapezoid(h * (SOLE + h / 2.0), x)]) / area
        second = np.trapezoid(h * ((x - center[0]) ** 2 + (SOLE + h / 2.0 - center[1]) ** 2), x)
        spread = second + np.trapezoid(h**3 / 12.0, x)
        parts[name] = [area, center, spread / area]
        total += area
    for part in parts.values():
        part[0] = part[0] / total * total_mass
    return parts


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


def mirrored(position, side):
    """z changes sign on the left."""
    x, y, z = position
    return rounded([x, y, z if side == "r" else -z], 5)


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
            "mass": lower_trunk[0] / 100.0 * MASS,
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
            "-10.3 deg, Fukuchi 2018 (doi:10.7717/peerj.4640) (assumed)",
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
    for side in ("r", "l"):
        more_bodies, more_joints = leg(side)
        bodies += more_bodies
        joints += more_joints
    return bodies, joints


def leg(side):
    """Bodies and joints of one leg."""
    z = lambda position: mirrored(position, side)
    knee_f = np.array([*KNEE_IN_FEMUR * SCALE, 0.0])
    knee_t = np.array([*KNEE_IN_TIBIA * SCALE, 0.0])
    ankle_t = ANKLE_IN_TIBIA * SCALE
    bodies = []
    for name, segment, start, end in (
        ("femur", "thigh", np.zeros(3), knee_f),
        ("tibia", "shank", knee_t, ankle_t),
    ):
        share, center, _, _ = SEGMENTS[segment]
        span = float(np.linalg.norm(end - start))
        bodies.append(
            {
                "name": f"{name}_{side}",
                "mass": round(share / 100.0 * MASS, 4),
                "mass_center": z(start + center / 100.0 * (end - start)),
                "inertia": rounded([*inertia_of(segment, span), 0.0, 0.0, 0.0], 5),
                "source": f"{DE_LEVA}: {segment}, on the joint-to-joint length of this body",
            }
        )
    parts = foot_parts()
    origins = {"calcn": np.zeros(2), "midfoot": MIDTARSAL[:2], "toes": MTP_IN_CALCN[:2] * SCALE}
    for name, (mass, center, spread) in parts.items():
        principal = mass * np.array([0.3 * spread, 0.8 * spread, spread])
        bodies.append(
            {
                "name": f"{name}_{side}",
                "mass": round(float(mass), 5),
                "mass_center": z([*(center - origins[name]), 0.0]),
                "inertia": rounded([*principal, 0.0, 0.0, 0.0], 7),
                "source": f"{DE_LEVA}: foot mass; its split and the inertias are assumed: a side "
                "view of uniform thickness, as high as the ankle (0.039 H, "
                f"{DRILLIS}) to the midtarsal joint, then tapering to 15 mm at the tip; "
                "x and y inertia 0.3 and 0.8 of z (they play no part in the plane)",
            }
        )
    pin = lambda name, parent, child, at, coordinate, source, child_at=None: {
        "name": f"{name}_{side}",
        "parent": parent if parent == "pelvis" else f"{parent}_{side}",
        "child": f"{child}_{side}",
        "parent_position": z(at),
        "child_position": z(child_at if child_at is not None else np.zeros(3)),
        "axes": axes(f"{coordinate}_{side}"),
        "source": source,
    }
    joints = [
        pin("hip", "pelvis", "femur", HIP * SCALE, "hip_flexion", f"{SCALED}: hip, flexion only"),
        pin(
            "knee",
            "femur",
            "tibia",
            knee_f,
            "knee_angle",
            f"{SCALED}: the pin whose centers miss the generic knee's sagittal motion least "
            "(0.3 mm rms, 0.9 mm at most, over 0-70 deg)",
            knee_t,
        ),
        pin(
            "ankle",
            "tibia",
            "calcn",
            ankle_t,
            "ankle_angle",
            f"{SCALED}: ankle; axis medio-lateral; talus and calcn are one body, no subtalar joint",
            ANKLE_IN_CALCN * SCALE * np.array([1.0, 1.0, 0.0]),
        ),
        pin(
            "midtarsal",
            "calcn",
            "midfoot",
            MIDTARSAL,
            "midtarsal_angle",
            "assumed: 38 % of foot length from the heel, 47 mm above the sole (0.7 of the dorsal "
            "arch height: 0.340 x truncated foot length, Butler et al. 2008, J Am Podiatr Med "
            "Assoc 98:102); axis medio-lateral",
        ),
        pin(
            "mtp",
            "midfoot",
            "toes",
            np.array([*MTP_IN_CALCN[:2] * SCALE, 0.0]) - MIDTARSAL,
            "mtp_angle",
            f"{SCALED}: joint `mtp`; axis medio-lateral",
        ),
    ]
    knee_axis = joints[1]["axes"][0]
    knee_axis["function"] = {"kind": "linear", "slope": -1.0, "intercept": 0.0}
    return bodies, joints


def coordinates():
    """Ranges are those of the generic model, wider for toes and midtarsal joint."""
    degrees = {
        "pelvis_tilt": (-90, 90),
        "pelvis_tx": (-5, 5),
        "pelvis_ty": (-1, 2),
        "lumbar_extension": (-90, 90),
        "hip_flexion": (-30, 120),
        "knee_angle": (0, 140),
        "ankle_angle": (-50, 50),
        "midtarsal_angle": (-30, 30),
        "mtp_angle": (-45, 75),
    }
    pelvis_height = 0.92
    body = ("pelvis_tilt", "pelvis_tx", "pelvis_ty")
    legs = [(name, side) for side in ("_r", "_l") for name in list(degrees)[4:]]
    listed = []
    for name, side in [*((name, "") for name in body), *legs, ("lumbar_extension", "")]:
        low, high = degrees[name]
        length = name in ("pelvis_tx", "pelvis_ty")
        factor = 1.0 if length else np.pi / 180.0
        assumed = "assumed range" if name in ("midtarsal_angle", "mtp_angle") else RLU
        listed.append(
            {
                "name": f"{name}{side}",
                "motion_type": "translational" if length else "rotational",
                "default": pelvis_height if name == "pelvis_ty" else 0.0,
                "range": rounded([low * factor, high * factor], 6),
                "locked": False,
                "clamped": False,
                "source": f"{assumed}; default: standing" if name == "pelvis_ty" else assumed,
            }
        )
    return listed


def foot_point(body, point):
    """A scaled point given in calcn (toes: toes), in the frame of its body."""
    scaled = np.asarray(point, float) * SCALE
    return scaled - MIDTARSAL if body == "midfoot" else scaled


def muscles(generic, report):
    """All muscles of both legs."""
    patella = np.round(fit_patella(generic), 4)
    listed = {"r": [], "l": []}
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
        for side in ("r", "l"):
            path = []
            for body, point in points:
                if body == "patella":
                    z = round(point[2] * SCALE * (1 if side == "r" else -1), 5)
                    constant = {"kind": "constant", "value": z}
                    moving = [
                        {
                            "coordinate": f"knee_angle_{side}",
                            "function": {
                                "kind": "polynomial",
                                "coefficients": rounded(row * SCALE, 5),
                            },
                        }
                        for row in patella
                    ] + [{"coordinate": None, "function": constant}]
                    path.append({"body": f"tibia_{side}", "moving": moving})
                else:
                    on = body if body == "pelvis" else f"{body}_{side}"
                    path.append({"body": on, "location": mirrored(foot_point(body, point), side)})
            listed[side].append(
                {
                    "name": f"{name}_{side}",
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
                        "points": path,
                        "wraps": [],
                        "source": f"{SCALED}{fit}",
                    },
                    "source": f"{SCALED}; {lumped}fibers and pennation of {heads[0]}; tendon slack "
                    f"length such that at the neutral pose the fiber is as long as there",
                }
            )
    return listed["r"] + listed["l"]


# --- arch, contact, motors --------------------------------------------------------------------

FASCIA_STIFFNESS = 203.7e3  # Kitaoka 1994, intact fascia [N/m]
ARCH_STIFFNESS = (15.88 + 3.90 + 4.64) / 3.0 * MASS  # Sanchis-Sales 2016 [N m/rad]
ARCH_MOMENT = 100.0  # where that stiffness is met, as a secant: 1.3 N m/kg, late stance [N m]
TOE_STRAIN = 0.01  # assumed end of the toe region [-]


def resisting_moment(points, stiffness, angle):
    """Moment [N m] of a ligament against flattening the arch by `angle` [rad].

    Plane path; the first point is on the hindfoot, the others move with the midfoot.
    """
    rest = path_length(points, 0.0)
    tension = stiffness * rest * tension_shape(path_length(points, angle) / rest)
    arm = (path_length(points, angle + 1e-6) - path_length(points, angle - 1e-6)) / 2e-6
    return tension * arm


def path_length(points, angle):
    """Length [m] of such a path."""
    center = MIDTARSAL[:2]
    moved = [points[0]] + [turn(np.array(angle)) @ (p - center) + center for p in points[1:]]
    return sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(moved))


def tension_shape(norm_length):
    """The curve of `toe_then_line`."""
    strain = norm_length - 1.0
    toe = 0.5 * strain**2 / TOE_STRAIN
    return np.where(strain < TOE_STRAIN, np.where(strain < 0.0, 0.0, toe), strain - TOE_STRAIN / 2)


def toe_then_line():
    """Tension / (stiffness x length): quadratic to `TOE_STRAIN`, then straight with slope 1."""
    return {
        "kind": "piecewise",
        "breaks": [1.0, 1.0 + TOE_STRAIN],
        "origin": [1.0, 1.0, 1.0 + TOE_STRAIN],
        "coefficients": [
            [0.0, 0.0, 0.0],
            [0.0, 0.0, 0.5 / TOE_STRAIN],
            [0.5 * TOE_STRAIN, 1.0, 0.0],
        ],
    }


def ligaments():
    """Plantar fascia, and one ligament for all other plantar tissue."""
    mtp = MTP_IN_CALCN[:2] * SCALE
    under_head = np.array([mtp[0], mtp[1] - 0.010])
    phalanx = np.array([mtp[0] + 0.012, mtp[1] - 0.008])
    fascia = [np.array([0.010, -0.013]), under_head, phalanx]
    fascia_length = path_length(fascia, 0.0)
    plantar = [np.array([0.025, -0.010]), np.array([0.125, -0.008])]
    plantar_length = path_length(plantar, 0.0)
    flat = ARCH_MOMENT / ARCH_STIFFNESS
    rest = ARCH_MOMENT - resisting_moment(fascia, FASCIA_STIFFNESS, flat)
    plantar_stiffness = rest / resisting_moment(plantar, 1.0, flat)
    toe = "quadratic up to 1 % strain (assumed), then linear; slack at the neutral pose (assumed)"
    listed = []
    for side in ("r", "l"):
        at = lambda body, xy: {
            "body": f"{body}_{side}",  # noqa: B023
            "location": rounded([*xy, 0.0], 5),
        }
        listed += [
            {
                "name": f"plantar_fascia_{side}",
                "resting_length": round(fascia_length, 6),
                "pcsa_force": round(FASCIA_STIFFNESS * fascia_length, 1),
                "curve": toe_then_line(),
                "path": {
                    "points": [
                        at("calcn", fascia[0]),
                        at("midfoot", fascia[1] - MIDTARSAL[:2]),
                        at("toes", fascia[2] - mtp),
                    ],
                    "wraps": [],
                    "source": "assumed: 12 mm above the sole at the heel (loaded heel pad), under "
                    "the metatarsal head 10 mm below the joint, to the proximal phalanx",
                },
                "source": "203.7 N/mm: Kitaoka et al. 1994 (Foot Ankle Int 15:557), cadaver; "
                + toe,
            },
            {
                "name": f"plantar_ligaments_{side}",
                "resting_length": round(plantar_length, 6),
                "pcsa_force": round(plantar_stiffness * plantar_length, 1),
                "curve": toe_then_line(),
                "path": {
                    "points": [
                        at("calcn", plantar[0]),
                        at("midfoot", plantar[1] - MIDTARSAL[:2]),
                    ],
                    "wraps": [],
                    "source": "assumed: long plantar ligament, calcaneus to metatarsal bases",
                },
                "source": "calibrated: with the fascia it makes the midtarsal secant stiffness at "
                "100 N m (toes level) 8.14 N m/kg/rad, mean of three phases of stance (15.88, "
                "3.90, 4.64), Sanchis-Sales et al. 2016 (J Am Podiatr Med Assoc 106:37), at "
                f"75 kg; {toe}",
            },
        ]
    return listed


def contacts():
    """Heel, metatarsal heads and toes of each foot, resting on the sole plane."""
    mtp = MTP_IN_CALCN[:2] * SCALE
    places = {
        "heel": ("calcn", [0.012, SOLE + 0.032], 0.032, np.zeros(2)),
        "metatarsal": ("midfoot", [mtp[0] - 0.005, SOLE + 0.022], 0.022, MIDTARSAL[:2]),
        "toes": ("toes", [TIP - 0.020, SOLE + 0.014], 0.014, mtp),
    }
    listed = []
    for side in ("r", "l"):
        for name, (body, xy, radius, origin) in places.items():
            listed.append(
                {
                    "name": f"{name}_{side}",
                    "body": f"{body}_{side}",
                    "location": rounded([*(np.array(xy) - origin), 0.0], 5),
                    "radius": radius,
                    "half_space_position": [0.0, 0.0, 0.0],
                    "half_space_orientation": [0.0, 0.0, -float(np.pi / 2.0)],
                    "stiffness": 1e6,
                    "dissipation": 2.0,
                    "static_friction": 0.8,
                    "dynamic_friction": 0.8,
                    "viscous_friction": 0.5,
                    "transition_velocity": 0.2,
                    "constant_contact_force": 1e-5,
                    "hertz_smoothing": 300.0,
                    "hunt_crossley_smoothing": 50.0,
                    "source": "stiffness, dissipation, friction: Falisse et al. 2019 "
                    "(doi:10.1098/rsif.2019.0402); smoothing: OpenSim's "
                    f"SmoothSphereHalfSpaceForce; sole plane: ankle height 0.039 H, {DRILLIS}; "
                    "places, radii assumed",
                }
            )
    return listed


def motors():
    """Torque motors where this body has no muscles."""
    lumbar = {
        "name": "lumbar",
        "coordinate": "lumbar_extension",
        "optimal_force": 100.0,
        "min_control": -float("inf"),
        "max_control": float("inf"),
        "kind": "motor",
        "source": "assumed: ideal trunk muscles; the size only sets what effort they cost",
    }
    arch = [
        {
            "name": f"midtarsal_{side}",
            "coordinate": f"midtarsal_angle_{side}",
            "optimal_force": 20.0,
            "min_control": -float("inf"),
            "max_control": float("inf"),
            "kind": "motor",
            "source": "assumed: intrinsic foot muscles, tibialis posterior and peroneals, which "
            "this body leaves out; the size only sets what effort they cost",
        }
        for side in ("r", "l")
    ]
    toes = [
        {
            "name": f"mtp_{side}",
            "coordinate": f"mtp_angle_{side}",
            "optimal_force": 10.0,
            "min_control": -float("inf"),
            "max_control": float("inf"),
            "kind": "motor",
            "source": "assumed: intrinsic toe muscles and passive tissue, which this body leaves "
            "out; the size only sets what effort they cost",
        }
        for side in ("r", "l")
    ]
    return [lumbar, *arch, *toes]


def main(path):
    """Write the body and print how well moment arms agree."""
    report = {}
    bodies, joints = bodies_and_joints()
    description = {
        "format": "biomech-model",
        "version": 1,
        "name": "planar",
        "source": "gravity: standard value, CGPM 1901; made by experiments/planar_body/make.py",
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
        "coordinates": coordinates(),
        "muscle_curves": "degrootefregly2016",
        "muscles": muscles(generic_figures(path), report),
        "ligaments": ligaments(),
        "contacts": contacts(),
        "actuators": motors(),
    }
    OUT.write_text(format_description(description), encoding="utf-8")
    for name, (rms, most) in report.items():
        print(f"{name:8s} moment arms: rms {rms:4.1f} mm, at most {most:4.1f} mm")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
