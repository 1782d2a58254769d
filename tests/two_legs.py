"""A small body with two mirrored legs and the names of the built-in ones, and its mirror image."""

import copy

from bodies import axis, body, coordinate, description, joint, muscle, point

LIGAMENTS = ("plantar_fascia", "long_plantar", "short_plantar", "spring")
VERTEX_ABOVE_SOLE = 1.72  # height of the body in the default pose [m]


def _turns(*coordinates):
    """Axes of a joint that turns about z, x, y with these coordinates."""
    about = [(0, 0, 1), (1, 0, 0), (0, 1, 0)]
    names = [*coordinates, *[None] * (3 - len(coordinates))]
    return [axis(d, name) for d, name in zip(about, names, strict=True)]


def _slides(x=None, y=None, z=None):
    """Axes along x, y, z; each (coordinate, function) or nothing."""
    directions = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    given = [x or (), y or (), z or ()]
    return [axis(d, *amount) for d, amount in zip(directions, given, strict=True)]


def _spline(*values):
    return {"kind": "simm_spline", "x": [-0.5, 0.0, 0.6, 1.5], "y": list(values)}


def _region(name, owner, x, y, z, radius):
    return {
        "name": f"{name}_r",
        "body": f"{owner}_r",
        "location": [x, y, z],
        "radius": radius,
        "half_space_position": [0.0, 0.0, 0.0],
        "half_space_orientation": [0.0, 0.0, -1.5707963267948966],
        "stiffness": 1e6,
        "dissipation": 2.0,
        "static_friction": 0.8,
        "dynamic_friction": 0.8,
        "viscous_friction": 0.5,
        "transition_velocity": 0.2,
        "constant_contact_force": 1e-5,
        "hertz_smoothing": 300.0,
        "hunt_crossley_smoothing": 50.0,
    }


def _ligament(name, length, *points):
    return {
        "name": f"{name}_r",
        "resting_length": length,
        "pcsa_force": 900.0,
        "curve": {"kind": "polynomial", "coefficients": [2.0, -5.0, 3.0]},
        "path": {"points": list(points), "wraps": []},
    }


def _moment(name, coordinate_name, **numbers):
    stops = {"lower_moment": 1.0, "lower_angle": -0.3, "lower_width": 0.1}
    stops |= {"upper_moment": 2.0, "upper_angle": 0.4, "upper_width": 0.08}
    spring = {"stiffness": 150.0, "neutral": 0.02, "damping": 0.5}
    return {"name": f"{name}_r", "coordinate": f"{coordinate_name}_r", **spring, **stops, **numbers}


def _right():
    """What the right leg adds to a description."""
    inertia = lambda a, b, c: (a, b, c, 0.001, -0.0005, 0.0007)
    bodies = [
        body("femur_r", 9.0, (0.01, -0.17, 0.005), inertia(0.15, 0.04, 0.16)),
        body("patella_r", 0.1, (0.0, 0.0, 0.0), (1e-5, 1e-5, 1e-5, 0.0, 0.0, 0.0)),
        body("tibia_r", 3.2, (0.0, -0.18, 0.002), inertia(0.05, 0.006, 0.05)),
        body("talus_r", 0.1, (0.0, 0.0, 0.0), (1e-4, 1e-4, 1e-4, 0.0, 0.0, 0.0)),
        body("calcn_r", 0.6, (0.04, 0.01, 0.001), (4e-4, 5e-4, 6e-4, 1e-5, 0.0, 0.0)),
        body("midfoot_r", 0.4, (0.04, -0.02, 0.0), (2e-4, 3e-4, 4e-4, 1e-5, 0.0, 0.0)),
        body("toes_r", 0.1, (0.02, -0.01, 0.0), (1e-5, 3e-5, 4e-5, 0.0, 0.0, 0.0)),
    ]
    hip = _turns("hip_flexion_r", "hip_adduction_r", "hip_rotation_r") + _slides()
    backwards = {"kind": "linear", "slope": -1.0, "intercept": 0.0}
    knee = [axis((0, 0, 1), "knee_angle_r", backwards), *_turns()[1:]]
    knee += _slides(
        ("knee_angle_r", _spline(-0.001, -0.005, 0.001, 0.004)),
        ("knee_angle_r", _spline(-0.39, -0.396, -0.4, -0.41)),
    )
    kneecap = [axis((0, 0, 1), "knee_angle_beta_r", backwards), *_turns()[1:]]
    kneecap += _slides(
        ("knee_angle_beta_r", _spline(0.05, 0.052, 0.04, 0.02)),
        ("knee_angle_beta_r", _spline(-0.02, -0.025, -0.04, -0.05)),
    )
    joints = [
        joint("hip_r", "pelvis", "femur_r", hip, (-0.056, -0.078, 0.077)),
        joint("knee_r", "femur_r", "tibia_r", knee),
        joint("patellofemoral_r", "femur_r", "patella_r", kneecap, (-0.006, -0.38, 0.0)),
        joint("ankle_r", "tibia_r", "talus_r", _turns("ankle_angle_r") + _slides(), (0, -0.4, 0)),
        joint(
            *("subtalar_r", "talus_r", "calcn_r"),
            [axis((0.787, 0.605, -0.12), "subtalar_angle_r"), *_turns()[1:], *_slides()],
            (-0.044, -0.038, 0.008),
        ),
        joint(
            *("midtarsal_r", "calcn_r", "midfoot_r"),
            _turns("midtarsal_angle_r") + _slides(),
            *((0.08, 0.02, 0.0), (0.0, 0.0, 0.002)),
            parent_orientation=[0.05, -0.1, 0.02],
            child_orientation=[0.05, -0.1, 0.02],
        ),
        joint("mtp_r", "midfoot_r", "toes_r", _turns("mtp_angle_r") + _slides(), (0.1, -0.022, 0)),
    ]
    angles = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "knee_angle_beta")
    angles += ("ankle_angle", "subtalar_angle", "midtarsal_angle", "mtp_angle")
    follow = {"dependent": "knee_angle_beta_r", "independent": "knee_angle_r"}
    coupler = {"name": "beta_r", **follow, "function": {"kind": "linear", "slope": 0.6}}
    condyle = {
        "name": "condyle_r",
        "body": "femur_r",
        "radius": 0.02,
        "length": 0.1,
        "position": [-0.01, -0.4, 0.0],
        "orientation": [0.0, 0.15, 0.0],
        "quadrant": "-x",
    }
    late = {"coordinate": "hip_flexion_r", "range": [-0.2, 3.0]}
    moving = {
        "body": "tibia_r",
        "moving": [
            {"coordinate": "knee_angle_r", "function": _spline(-0.03, -0.025, -0.02, -0.015)},
            {"coordinate": None, "function": {"kind": "constant", "value": -0.05}},
            {"coordinate": "knee_angle_r", "function": _spline(0.02, 0.021, 0.022, 0.023)},
        ],
    }
    wraps = [{"cylinder": "condyle_r", "first": 0, "last": 1}]
    fibers = {"optimal_fiber_length": 0.06, "tendon_slack_length": 0.08}
    muscles = [
        muscle(
            "glmed1_r",
            [point("pelvis", -0.04, 0.03, 0.12), point("femur_r", -0.02, -0.01, 0.056)],
            pennation_angle=0.3,
            **fibers,
        ),
        muscle(
            "recfem_r",
            [
                point("pelvis", -0.024, -0.04, 0.09),
                point("femur_r", 0.02, -0.3, 0.01) | {"condition": late},
                point("patella_r", 0.01, 0.02, 0.0),
                point("tibia_r", 0.04, -0.08, 0.0),
            ],
            optimal_fiber_length=0.11,
            tendon_slack_length=0.31,
        ),
        muscle("bfsh_r", [point("femur_r", 0.005, -0.2, 0.02), moving], **fibers),
        muscle(
            "gasmed_r",
            [point("femur_r", -0.02, -0.37, -0.02), point("calcn_r", 0.0, 0.03, -0.005)],
            wraps,
            optimal_fiber_length=0.05,
            tendon_slack_length=0.38,
        ),
        muscle(
            "soleus_r",
            [point("tibia_r", -0.003, -0.15, 0.007), point("calcn_r", 0.0, 0.03, -0.005)],
            optimal_fiber_length=0.04,
            tendon_slack_length=0.22,
        ),
        muscle(
            "fdb_r",
            [
                point("calcn_r", 0.02, 0.0, 0.0),
                point("midfoot_r", 0.09, -0.04, 0.0),
                point("toes_r", 0.03, -0.015, 0.0),
            ],
            optimal_fiber_length=0.03,
            tendon_slack_length=0.1,
        ),
    ]
    heel, front = point("calcn_r", 0.01, 0.0, 0.002), point("midfoot_r", 0.09, -0.045, 0.002)
    ligaments = [
        _ligament("plantar_fascia", 0.17, heel, front, point("toes_r", 0.015, -0.015, 0.0)),
        _ligament("long_plantar", 0.12, heel, point("midfoot_r", 0.05, -0.03, 0.005)),
        _ligament("short_plantar", 0.05, point("calcn_r", 0.06, 0.0, 0.01), front),
        _ligament("spring", 0.03, point("calcn_r", 0.07, 0.015, -0.01), front),
    ]
    contacts = [
        _region("heel_medial", "calcn", 0.012, 0.007, -0.014, 0.03),
        _region("heel_lateral", "calcn", 0.010, 0.007, 0.016, 0.03),
        _region("midfoot_medial", "midfoot", 0.01, 0.0, -0.02, 0.02),
        _region("midfoot_lateral", "midfoot", 0.02, -0.022, 0.028, 0.02),
        _region("metatarsal_1", "midfoot", 0.1, -0.0215, -0.028, 0.021),
        _region("metatarsal_23", "midfoot", 0.098, -0.0215, -0.002, 0.021),
        _region("metatarsal_45", "midfoot", 0.085, -0.0215, 0.026, 0.02),
        _region("hallux", "toes", 0.035, -0.006, -0.02, 0.014),
        _region("toes_lesser", "toes", 0.025, -0.0065, 0.015, 0.013),
    ]
    return {
        "bodies": bodies,
        "joints": joints,
        "coordinates": [coordinate(f"{name}_r") for name in angles],
        "couplers": [coupler],
        "cylinders": [condyle],
        "muscles": muscles,
        "ligaments": ligaments,
        "passive_moments": [
            *(_moment("midtarsal", "midtarsal_angle"), _moment("mtp", "mtp_angle")),
            _moment("subtalar", "subtalar_angle"),
            *(_moment(name, name) for name in ("hip_flexion", "hip_adduction", "hip_rotation")),
            _moment("ankle", "ankle_angle"),
        ],
        "contacts": contacts,
        "markers": [{"name": "knee_r", "body": "femur_r", "location": [0.0, -0.4, 0.05]}],
    }


def two_legs():
    """Description of the whole body."""
    slide = ("pelvis_tx",), ("pelvis_ty",)
    middle = {
        "bodies": [
            body("pelvis", 9.0, (-0.07, 0.0, 0.0), (0.08, 0.06, 0.05, 0.001, 0.0, 0.0)),
            body("torso", 37.0, (0.0, 0.25, 0.0), (1.5, 0.4, 1.4, 0.01, 0.0, 0.0)),
        ],
        "joints": [
            joint("ground_pelvis", "ground", "pelvis", _turns("pelvis_tilt") + _slides(*slide)),
            joint(
                *("lumbar", "pelvis", "torso", _turns("lumbar_extension") + _slides()),
                (-0.1, 0.08, 0.0),
            ),
        ],
        "coordinates": [
            coordinate("pelvis_tilt"),
            coordinate("pelvis_tx", "translational"),
            coordinate("pelvis_ty", "translational", 0.93),
            coordinate("lumbar_extension"),
        ],
        "actuators": [
            {
                "name": "lumbar",
                "coordinate": "lumbar_extension",
                "optimal_force": 100.0,
                "min_control": -1.0,
                "max_control": 1.0,
                "kind": "motor",
            }
        ],
    }
    right = _right()
    left = mirror_image(right)
    parts = (middle, right, left)
    together = {key: [e for part in parts for e in part.get(key, [])] for key in (*right, *middle)}
    whole = description(**together)
    # y of the lowest contact point below the pelvis: hip, knee, ankle, subtalar, heel sphere
    sole = -0.078 - 0.396 - 0.4 - 0.038 + 0.007 - 0.03
    vertex = VERTEX_ABOVE_SOLE + sole - 0.08  # in the torso, whose joint is 0.08 above the pelvis
    whole["pains"] = [
        {"joint": f"hip_{side}", "load_weight": 0.3, "anterior_weight": 0.2} for side in "rl"
    ]
    whole["markers"].append({"name": "vertex", "body": "torso", "location": [0.08, vertex, 0.0]})
    return whole


# --- mirror image -----------------------------------------------------------------------------

_PLACES = ("mass_center", "parent_position", "child_position", "location", "position")
_TURNS = ("parent_orientation", "child_orientation", "orientation")


def mirror_image(part):
    """The description in a mirror at the plane z = 0, sides swapped."""
    if isinstance(part, str):
        return part[:-1] + {"r": "l", "l": "r"}[part[-1]] if part[-2:] in ("_r", "_l") else part
    if isinstance(part, list):
        return [mirror_image(item) for item in part]
    if not isinstance(part, dict):
        return copy.deepcopy(part)
    image = {key: mirror_image(value) for key, value in part.items()}
    for key in _PLACES:
        if key in image:
            x, y, z = image[key]
            image[key] = [x, y, -z]
    for key in _TURNS:
        if key in image:
            x, y, z = image[key]
            image[key] = [-x, -y, z]
    if "inertia" in image:
        xx, yy, zz, xy, xz, yz = image["inertia"]
        image["inertia"] = [xx, yy, zz, xy, -xz, -yz]
    if "axes" in image:
        for i, entry in enumerate(image["axes"]):
            _mirror_axis(entry, turns=i < 3)
    if "moving" in image:
        image["moving"][2]["function"] = _negative(image["moving"][2]["function"])
    return image


def _mirror_axis(entry, turns):
    """A rotation keeps its amount about an axial vector, a slide along z is the other way."""
    x, y, z = entry["axis"]
    if entry["coordinate"] is not None:
        entry["axis"] = [-x, -y, z] if turns else [x, y, -z]


def _negative(function):
    if function["kind"] == "constant":
        return function | {"value": -function["value"]}
    if function["kind"] == "piecewise":
        rows = [[-c for c in row] for row in function["coefficients"]]
        return function | {"coefficients": rows}
    return function | {"scale": -function.get("scale", 1.0)}
