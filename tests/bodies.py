"""Small bodies for tests, as plain descriptions."""

from biomech.model.build import build_model

ZERO = [0.0, 0.0, 0.0]


def description(**parts):
    """A description with every list empty but `parts`."""
    empty = {
        "format": "biomech-model",
        "version": 1,
        "name": "small",
        "gravity": [0.0, -9.80665, 0.0],
        "muscle_curves": "degrootefregly2016",
    }
    for key in (
        *("bodies", "joints", "coordinates", "couplers", "cylinders", "muscles"),
        *("ligaments", "contacts", "actuators", "markers"),
    ):
        empty[key] = []
    return empty | parts


def body(name, mass=1.0, center=(0.0, 0.0, 0.0), inertia=(0.1, 0.1, 0.1, 0.0, 0.0, 0.0)):
    return {
        "name": name,
        "mass": mass,
        "mass_center": list(center),
        "inertia": list(inertia),
    }


def axis(direction, coordinate=None, function=None):
    if function is None:
        slope = {"kind": "linear", "slope": 1.0, "intercept": 0.0}
        function = slope if coordinate else {"kind": "constant", "value": 0.0}
    return {"axis": list(direction), "coordinate": coordinate, "function": function}


def joint(name, parent, child, axes, parent_position=ZERO, child_position=ZERO, **more):
    return {
        "name": name,
        "parent": parent,
        "child": child,
        "parent_position": list(parent_position),
        "parent_orientation": more.get("parent_orientation", ZERO),
        "child_position": list(child_position),
        "child_orientation": more.get("child_orientation", ZERO),
        "axes": axes,
    }


def pin(name, parent, child, coordinate, direction=(0.0, 0.0, 1.0), **more):
    axes = [axis(direction, coordinate), axis((1, 0, 0)), axis((0, 1, 0))]
    axes += [axis((1, 0, 0)), axis((0, 1, 0)), axis((0, 0, 1))]
    return joint(name, parent, child, axes, **more)


def coordinate(name, motion_type="rotational", default=0.0):
    return {
        "name": name,
        "motion_type": motion_type,
        "default": default,
        "range": [-3.0, 3.0],
        "locked": False,
        "clamped": False,
    }


def muscle(name, points, wraps=(), **numbers):
    defaults = {
        "max_isometric_force": 1000.0,
        "optimal_fiber_length": 0.1,
        "tendon_slack_length": 0.2,
        "pennation_angle": 0.0,
        "max_contraction_velocity": 10.0,
        "min_activation": 0.0,
        "max_activation": 1.0,
    }
    return {
        "name": name,
        **(defaults | numbers),
        "curves": {
            "active_force_width_scale": 1.0,
            "fiber_damping": 0.0,
            "passive_fiber_strain_at_one_norm_force": 0.6,
            "tendon_strain_at_one_norm_force": 0.049,
        },
        "path": {"points": list(points), "wraps": list(wraps)},
    }


def point(body_name, *location):
    return {"body": body_name, "location": list(location)}


def double_pendulum(**parts):
    """Two links with oblique axes, offset joint frames and full inertias."""
    bodies = [
        body("upper", 2.0, (0.1, -0.3, 0.05), (0.05, 0.02, 0.06, 0.004, -0.003, 0.002)),
        body("lower", 1.5, (-0.05, -0.2, 0.02), (0.03, 0.01, 0.035, 0.001, 0.002, -0.001)),
    ]
    ball = [
        axis((0, 0, 1), "a"),
        axis((0.6, 0.8, 0.0), "b"),
        axis((0, 1, 0)),
        axis((1, 0, 0), "c"),
        axis((0, 1, 0)),
        axis((0, 0, 1)),
    ]
    joints = [
        joint(
            "first",
            "ground",
            "upper",
            ball,
            (0.1, 1.0, 0.0),
            (0.0, 0.05, 0.0),
            parent_orientation=[0.2, -0.1, 0.3],
        ),
        pin(
            "second",
            "upper",
            "lower",
            "d",
            (0.0, 0.6, 0.8),
            parent_position=(0.0, -0.5, 0.1),
            child_position=(0.02, 0.1, 0.0),
            child_orientation=[0.1, 0.4, -0.2],
        ),
    ]
    coordinates = [
        coordinate("a"),
        coordinate("b"),
        coordinate("c", "translational"),
        coordinate("d"),
    ]
    return build_model(description(bodies=bodies, joints=joints, coordinates=coordinates, **parts))
