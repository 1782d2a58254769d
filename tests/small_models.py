"""A small description with one of everything, as a start for tests to change."""


def _axis(direction, coordinate=None, function=None):
    function = function or {"kind": "constant", "value": 0.0}
    return {"axis": direction, "coordinate": coordinate, "function": function}


def joint(name, parent, child, rotations=(), translations=(), **frames):
    """A joint; its (coordinate, function) pairs turn about z, y, x and slide along x, y, z."""
    turn = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    slide = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    given = [*rotations, *[()] * (3 - len(rotations)), *translations]
    given += [()] * (6 - len(given))
    axes = [_axis(d, *pair) for d, pair in zip(turn + slide, given, strict=True)]
    return {
        "name": name,
        "parent": parent,
        "child": child,
        "parent_position": [0.0, 0.0, 0.0],
        "axes": axes,
        **frames,
    }


def linear(slope=1.0, intercept=0.0):
    """A described linear function."""
    return {"kind": "linear", "slope": slope, "intercept": intercept}


def body(name, mass=1.0):
    """A described body."""
    inertia = [0.02, 0.03, 0.04, 0.001, -0.002, 0.0]
    return {"name": name, "mass": mass, "mass_center": [0.01, -0.1, 0.0], "inertia": inertia}


def coordinate(name, motion_type="rotational"):
    """A described coordinate."""
    return {
        "name": name,
        "motion_type": motion_type,
        "default": 0.1,
        "range": [-2.0, 2.0],
        "locked": False,
        "clamped": True,
    }


def leg_description():
    """Shank listed before thigh; a patella that follows the knee; one muscle with every point."""
    spline = {
        "kind": "simm_spline",
        "x": [-2.0, 0.0, 0.5, 1.0, 2.0],
        "y": [0.1, 0.2, 0.1, 0.3, 0.0],
    }
    curves = {
        "active_force_width_scale": 1.0,
        "fiber_damping": 0.01,
        "passive_fiber_strain_at_one_norm_force": 0.6,
        "tendon_strain_at_one_norm_force": 0.049,
    }
    return {
        "format": "biomech-model",
        "version": 1,
        "name": "small leg",
        "gravity": [0.0, -9.81, 0.0],
        "conventions": {"knee_flexion": "positive"},
        "notes": ["made for tests"],
        "citations": ['nobody "2026"'],
        "bodies": [body("shank"), body("patella", 0.1), body("thigh", 8.0)],
        "joints": [
            joint(
                "knee",
                "thigh",
                "shank",
                [("knee_angle", linear(-1.0))],
                [("knee_angle", {**spline, "scale": 0.5})],
                parent_position=[0.0, -0.4, 0.0],
                child_position=[0.0, 0.02, 0.0],
                child_orientation=[0.1, 0.2, 0.3],
            ),
            joint("kneecap", "thigh", "patella", [("patella_angle", linear(-1.0))]),
            joint("hip", "ground", "thigh", [("hip_flexion", linear())], [("hip_tx", linear())]),
        ],
        "coordinates": [
            coordinate("hip_tx", "translational"),
            coordinate("knee_angle"),
            coordinate("hip_flexion"),
            coordinate("patella_angle"),
        ],
        "couplers": [
            {
                "name": "patella_angle_follows_knee_angle",
                "dependent": "patella_angle",
                "independent": "knee_angle",
                "function": linear(0.5, 0.01),
            }
        ],
        "cylinders": [
            {
                "name": "condyle",
                "body": "thigh",
                "radius": 0.02,
                "length": 0.1,
                "position": [0.0, -0.4, 0.0],
                "orientation": [0.0, 0.1, 0.0],
                "quadrant": "-x",
            }
        ],
        "muscle_curves": "degrootefregly2016",
        "muscles": [
            {
                "name": "vasti",
                "max_isometric_force": 5000.0,
                "optimal_fiber_length": 0.1,
                "tendon_slack_length": 0.15,
                "pennation_angle": 0.1,
                "max_contraction_velocity": 10.0,
                "min_activation": 0.01,
                "max_activation": 1.0,
                "curves": curves,
                "path": {
                    "points": [
                        {"body": "ground", "location": [0.0, 0.1, 0.0]},
                        {
                            "body": "thigh",
                            "location": [0.05, -0.2, 0.0],
                            "condition": {"coordinate": "knee_angle", "range": [0.5, 2.0]},
                        },
                        {
                            "body": "thigh",
                            "moving": [
                                {"coordinate": "knee_angle", "function": spline},
                                {
                                    "coordinate": None,
                                    "function": {"kind": "constant", "value": 0.1},
                                },
                                {"coordinate": "hip_flexion", "function": linear(0.01)},
                            ],
                        },
                        {"body": "shank", "location": [0.03, -0.05, 0.0]},
                    ],
                    "wraps": [{"cylinder": "condyle", "first": 2, "last": 3}],
                },
            }
        ],
        "ligaments": [
            {
                "name": "cruciate",
                "resting_length": 0.03,
                "pcsa_force": 1000.0,
                "curve": {"kind": "polynomial", "coefficients": [0.0, 0.0, 3.0]},
                "path": {
                    "points": [
                        {"body": "thigh", "location": [0.0, -0.4, 0.0]},
                        {"body": "shank", "location": [0.0, -0.03, 0.0]},
                    ],
                    "wraps": [],
                },
            }
        ],
        "passive_moments": [
            {
                "name": "knee_capsule",
                "coordinate": "knee_angle",
                "stiffness": 4.0,
                "neutral": 0.1,
                "damping": 0.5,
                "lower_moment": 2.0,
                "lower_angle": -0.1,
                "lower_width": 0.05,
                "upper_moment": 3.0,
                "upper_angle": 1.9,
                "upper_width": 0.08,
            }
        ],
        "contacts": [
            {
                "name": "heel",
                "body": "shank",
                "location": [0.0, -0.4, 0.0],
                "radius": 0.03,
                "half_space_position": [0.0, 0.0, 0.0],
                "half_space_orientation": [0.0, 0.0, -1.5],
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
        ],
        "actuators": [
            {
                "name": "hip_motor",
                "coordinate": "hip_flexion",
                "optimal_force": 100.0,
                "min_control": float("-inf"),
                "max_control": 1.0,
                "kind": "motor",
            }
        ],
        "markers": [{"name": "R.Knee", "body": "thigh", "location": [0.0, -0.4, 0.05]}],
    }
