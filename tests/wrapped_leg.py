"""Two links with muscles whose points move, come and go, and wrap; shared by tests of paths."""

from biomech.model.build import build_model
from bodies import body, coordinate, description, muscle, pin, point

LINE = {"kind": "linear", "slope": 0.02, "intercept": 0.1}
PARABOLA = {"kind": "polynomial", "coefficients": [0.03, 0.0, 0.01]}
NOTHING = {"kind": "constant", "value": 0.0}


def leg(*muscles, cylinders=()):
    """Two links hanging from ground; the second hinge's axis is oblique."""
    return build_model(
        description(
            bodies=[body("thigh"), body("shank")],
            joints=[
                pin("hip", "ground", "thigh", "hip_angle"),
                pin(
                    *("knee", "thigh", "shank", "knee_angle"),
                    direction=(0.36, 0.48, 0.8),
                    parent_position=(0.0, -0.4, 0.0),
                ),
            ],
            coordinates=[coordinate("hip_angle"), coordinate("knee_angle")],
            cylinders=list(cylinders),
            muscles=list(muscles),
        )
    )


STRAIGHT = muscle("straight", [point("ground", 0.05, 0.1, 0.0), point("thigh", 0.04, -0.2, 0.01)])
VIA = muscle(
    "via",
    [
        point("ground", 0.05, 0.1, 0.0),
        point("thigh", 0.05, -0.3, 0.01),
        point("shank", 0.04, -0.1, 0.0),
    ],
)
MOVING = muscle(
    "moving",
    [
        point("ground", 0.05, 0.1, 0.0),
        {
            "body": "thigh",
            "moving": [
                {"coordinate": "knee_angle", "function": LINE},
                {"coordinate": "knee_angle", "function": PARABOLA},
                {"coordinate": None, "function": NOTHING},
            ],
        },
        point("shank", 0.04, -0.1, 0.0),
    ],
)
CONDITIONAL = muscle(
    "conditional",
    [
        point("ground", 0.05, 0.1, 0.0),
        {
            "body": "thigh",
            "location": [0.08, -0.3, 0.0],
            "condition": {"coordinate": "knee_angle", "range": [-3.0, -0.5]},
        },
        point("shank", 0.04, -0.1, 0.0),
    ],
)
CYLINDER = {
    "name": "condyle",
    "body": "thigh",
    "radius": 0.03,
    "length": 0.2,
    "position": [0.0, -0.4, 0.0],
    "orientation": [0.05, -0.02, 0.0],
    "quadrant": "x",
}
WRAPPED = muscle(
    "wrapped",
    [point("thigh", 0.02, -0.1, 0.0), point("shank", 0.02, -0.15, 0.01)],
    wraps=[{"cylinder": "condyle", "first": 0, "last": 1}],
)
BELOW = {
    "name": "shin",
    "body": "shank",
    "radius": 0.02,
    "length": 0.3,
    "position": [0.0, -0.1, 0.0],
    "orientation": [0.02, 0.03, 0.0],
    "quadrant": "x",
}
TWICE = muscle(
    "twice",
    [point("thigh", 0.0, -0.1, 0.0), point("shank", -0.01, -0.25, 0.01)],
    wraps=[
        {"cylinder": "shin", "first": 0, "last": 1},
        {"cylinder": "condyle", "first": 0, "last": 1},
    ],
)
ALONG = muscle(  # may wrap on either of two stretches, and its middle point comes and goes
    "along",
    [
        point("ground", 0.1, -0.05, 0.0),
        {
            "body": "thigh",
            "location": [0.05, -0.3, 0.0],
            "condition": {"coordinate": "knee_angle", "range": [-3.0, -0.5]},
        },
        point("shank", 0.02, -0.15, 0.01),
    ],
    wraps=[{"cylinder": "condyle", "first": 0, "last": 2}],
)
ALL = leg(*(STRAIGHT, VIA, MOVING, CONDITIONAL, WRAPPED, TWICE, ALONG), cylinders=[CYLINDER, BELOW])
