"""From a plain description (dict, list, text, numbers) to a `Model`, and back.

The description is what native model files hold and what the .osim reader makes; `docs` lists its
keys. Everything in it is checked here, while values are still concrete: an error says which entry
is wrong, what is wrong with it and what would be right. `describe_model` is the inverse, so a
model changed by interventions can be saved: `build_model(describe_model(model))` equals `model`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .actuators import CoordinateActuators
from .body import Markers, Model
from .contacts import Contacts
from .curve_rules import broken_rule
from .entries import Entry, printable_name, unique_names
from .functions import (
    PiecewisePolynomial,
    ScalarFunction,
    constant,
    linear,
    polynomial,
    simm_spline,
    stack,
)
from .ligaments import Ligaments
from .muscle_curves import DeGrooteFregly2016Curves, Millard2012Curves, Thelen2003Curves
from .muscles import Muscles
from .names import BadInput
from .pains import Pains
from .passive_moments import PassiveMoments
from .paths import Paths, WrapCylinders
from .skeleton import GROUND, Coordinates, Skeleton

FORMAT = "biomech-model"
VERSION = 1

CURVES = {
    "degrootefregly2016": DeGrooteFregly2016Curves,
    "millard2012": Millard2012Curves,
    "thelen2003": Thelen2003Curves,
}

# No muscle is so long [m], nor its tendon: larger numbers are millimetres.
_LENGTH: dict[str, Any] = {"positive": True, "below": 10.0, "unit": "m"}
_MUSCLE_NUMBERS: dict[str, dict[str, Any]] = {
    "max_isometric_force": {"minimum": 0.0},
    "optimal_fiber_length": _LENGTH,
    "tendon_slack_length": _LENGTH,
    "pennation_angle": {"minimum": 0.0, "below": 0.5 * math.pi, "unit": "rad"},
    "max_contraction_velocity": {"positive": True},
    "min_activation": {"minimum": 0.0},
    "max_activation": {"minimum": 0.0},
}
_ANGLE: dict[str, Any] = {}
_NOT_NEGATIVE: dict[str, Any] = {"minimum": 0.0}
_WIDTH: dict[str, Any] = {"positive": True}
# Value where none is given, and what a given one must be.
_PASSIVE_NUMBERS: dict[str, tuple[float, dict[str, Any]]] = {
    "stiffness": (0.0, _NOT_NEGATIVE),
    "neutral": (0.0, _ANGLE),
    "damping": (0.0, _NOT_NEGATIVE),
    "lower_moment": (0.0, _NOT_NEGATIVE),
    "lower_angle": (0.0, _ANGLE),
    "lower_width": (1.0, _WIDTH),
    "upper_moment": (0.0, _NOT_NEGATIVE),
    "upper_angle": (0.0, _ANGLE),
    "upper_width": (1.0, _WIDTH),
}
_PAINS = ("load_weight", "anterior_weight")
_CONTACT_VECTORS = ("location", "half_space_position", "half_space_orientation")
_CONTACT_UNDER = {
    "under_thickness": {},
    "under_softness": _NOT_NEGATIVE,
    "under_dissipation": _NOT_NEGATIVE,
}
_CONTACT_POSITIVE = ("radius", "transition_velocity", "constant_contact_force")
_NO_SHIFT = (0.0, 0.0, 0.0)
MAX_BODIES = 1000
"""Most bodies, and most coordinates."""
MAX_POINTS = 100
"""Most points of one path."""
_MAX_WRAPS = 2
_SAME_PLACE = 1e-9  # two points nearer to each other have no line between them [m]
_MOTION_TYPES = ("rotational", "translational")
_QUADRANTS = ("all", "x", "-x", "y", "-y")
_KINDS = ("motor", "reserve", "residual")


def build_model(description: dict) -> Model:
    """The model that a plain `description` describes.

    **Raises:** `BadInput` for unknown, missing or repeated entries, for names that are not in the
    description, for numbers that cannot be, and for bodies that do not form a tree.
    """
    with np.errstate(all="ignore"):  # what overflows is refused as not finite, by name
        return _model(Entry(description, "the model"))


def _model(top: Entry) -> Model:
    top.text("format", FORMAT, [FORMAT])
    if (version := top.number("version", VERSION)) != VERSION:
        raise BadInput(f"The model has version {version:g}; this reads {VERSION}.")
    skeleton = _skeleton(top)
    cylinders = _cylinders(top, skeleton)
    model = Model(
        skeleton=skeleton,
        muscles=_muscles(top, skeleton, cylinders),
        ligaments=_ligaments(top, skeleton, cylinders),
        passive_moments=_passive_moments(top, skeleton),
        contacts=_contacts(top, skeleton),
        actuators=_actuators(top, skeleton),
        markers=_markers(top, skeleton),
        pains=_pains(top, skeleton),
        name=printable_name(top, "model"),
        conventions=_conventions(top),
        notes=top.texts("notes"),
        citations=top.texts("citations"),
    )
    top.close()
    return model


def describe_model(model: Model) -> dict[str, Any]:
    """The plain description of `model`; `build_model` undoes it."""
    model = jax.tree.map(np.asarray, model)  # elements of JAX arrays are slow to read one by one
    bodies = (*model.skeleton.body_names, "ground")  # index -1 is the last one
    coordinates = model.skeleton.coordinates.names
    curves = next(name for name, kind in CURVES.items() if isinstance(model.muscles.curves, kind))
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": model.name,
        "gravity": _plain(model.skeleton.gravity),
        "conventions": dict(model.conventions),
        "notes": list(model.notes),
        "citations": list(model.citations),
        **_describe_skeleton(model.skeleton),
        "cylinders": _describe_cylinders(model.muscles.paths.cylinders, bodies),
        "muscle_curves": curves,
        "muscles": _describe_muscles(model.muscles, bodies, coordinates),
        "ligaments": _describe_ligaments(model.ligaments, bodies, coordinates),
        "passive_moments": _describe_passive_moments(model.passive_moments, coordinates),
        "contacts": _describe_contacts(model.contacts, bodies),
        "actuators": _describe_actuators(model.actuators, coordinates),
        "markers": [
            {"name": name, "body": bodies[body], "location": _plain(location)}
            for name, body, location in zip(
                model.markers.names, model.markers.bodies, model.markers.location, strict=True
            )
        ],
        "pains": _describe_pains(model),
    }


# --- skeleton ---------------------------------------------------------------------------------


def _skeleton(top: Entry) -> Skeleton:
    bodies, joints = top.entries("bodies", "body"), top.entries("joints", "joint")
    for what, count in (
        ("bodies", len(bodies)),
        ("coordinates", len(top.entries("coordinates", "coordinate"))),
    ):
        if count > MAX_BODIES:
            raise BadInput(f"The model has {count} {what}; at most {MAX_BODIES} are read.")
    names = unique_names(bodies, "body")
    if "ground" in names:
        raise BadInput("A body is named 'ground'. Ground is always there; do not list it.")
    unique_names(joints, "joint")
    coordinates = _coordinates(top)
    joint_of = _joint_of_each_body(joints, names)
    order, parents = _tree_order(names, joint_of)
    bodies = [bodies[i] for i in order]
    joints = [joint_of[i] for i in order]
    axes = [joint.entries("axes", "axis", 6) for joint in joints]
    functions, axis_coordinates, directions = _axes(axes, coordinates.names)
    _check_each_coordinate_has_one_joint(coordinates.names, axis_coordinates, joints)
    skeleton = Skeleton(
        mass=_array([body.number("mass", minimum=0.0) for body in bodies]),
        mass_center=_rows([body.vector("mass_center", 3) for body in bodies], 3),
        inertia=_rows([_inertia(body) for body in bodies], 6),
        parent_frame_position=_rows([j.vector("parent_position", 3) for j in joints], 3),
        parent_frame_orientation=_rows([_shift(j, "parent_orientation") for j in joints], 3),
        child_frame_position=_rows([_shift(j, "child_position") for j in joints], 3),
        child_frame_orientation=_rows([_shift(j, "child_orientation") for j in joints], 3),
        axes=jnp.asarray(directions),
        axis_functions=stack(functions, (len(joints), 6)),
        gravity=jnp.asarray(top.vector("gravity", 3)),
        coordinates=coordinates,
        body_names=tuple(names[i] for i in order),
        joint_names=tuple(joint.text("name") for joint in joints),
        parents=tuple(parents),
        axis_coordinates=axis_coordinates,
    )
    _close(bodies, joints)
    return skeleton


def _inertia(body: Entry) -> np.ndarray:
    inertia = body.vector("inertia", 6)
    xx, yy, zz, xy, xz, yz = np.clip(inertia, -1e100, 1e100)  # so that no product overflows
    principal = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    if principal[0] < -1e-9 * max(1.0, principal[-1]):
        raise BadInput(
            f"{body.where}: `inertia` has the principal moment {principal[0]:.3g} kg m^2; none may "
            "be negative. The order is xx, yy, zz, xy, xz, yz."
        )
    return inertia


def _shift(entry: Entry, key: str) -> np.ndarray:
    return entry.vector(key, 3, _NO_SHIFT)


def _coordinates(top: Entry) -> Coordinates:
    entries = top.entries("coordinates", "coordinate")
    names = unique_names(entries, "coordinate")
    couplers = top.entries("couplers", "coupler")
    dependent = [c.reference("dependent", "coordinate", names) for c in couplers]
    independent = [c.reference("independent", "coordinate", names) for c in couplers]
    for coupler, i in zip(couplers, dependent, strict=True):
        coupler.take("name", None)
        if i in independent or dependent.count(i) > 1:
            raise BadInput(
                f"{coupler.where}: coordinate '{names[i]}' may depend on one coordinate only, and "
                "nothing may depend on it in turn."
            )
    ranges = _rows([entry.interval("range") for entry in entries], 2)
    coordinates = Coordinates(
        default_value=_array([entry.number("default", 0.0) for entry in entries]),
        lower=ranges[:, 0],
        upper=ranges[:, 1],
        coupler=stack([_function(c, "function") for c in couplers], (len(couplers),)),
        names=names,
        motion_types=tuple(e.text("motion_type", choices=_MOTION_TYPES) for e in entries),
        locked=tuple(entry.flag("locked", False) for entry in entries),
        clamped=tuple(entry.flag("clamped", False) for entry in entries),
        dependent=tuple(dependent),
        independent=tuple(independent),
    )
    _close(entries, couplers)
    return coordinates


def _joint_of_each_body(joints: Sequence[Entry], bodies: tuple[str, ...]) -> list[Entry]:
    """The joint whose child each body is."""
    found: dict[int, Entry] = {}
    for joint in joints:
        child = joint.reference("child", "body", bodies)
        if child in found:
            raise BadInput(
                f"Body '{bodies[child]}' is the child of {found[child].where} and of "
                f"{joint.where}. A body has one joint; the skeleton must be a tree."
            )
        found[child] = joint
    for i, name in enumerate(bodies):
        if i not in found:
            raise BadInput(
                f"Body '{name}' is the child of no joint. Add a joint to it, with parent 'ground' "
                "if it moves freely."
            )
    return [found[i] for i in range(len(bodies))]


def _tree_order(bodies: tuple[str, ...], joint_of: Sequence[Entry]) -> tuple[list[int], list[int]]:
    """Bodies by depth in the tree (file order within a depth), and each one's new parent index."""
    named = (*bodies, "ground")
    parent = [joint.reference("parent", "body", named) for joint in joint_of]
    depth = []
    for i, name in enumerate(bodies):
        steps, at = 0, i
        while at < len(bodies):
            at, steps = parent[at], steps + 1
            if steps > len(bodies):
                raise BadInput(f"Body '{name}' hangs on a ring of joints that never meets ground.")
        depth.append(steps)
    order = sorted(range(len(bodies)), key=lambda i: depth[i])
    place = {old: new for new, old in enumerate(order)}
    return order, [place.get(parent[old], GROUND) for old in order]


def _axes(axes: Sequence[Sequence[Entry]], coordinates: tuple[str, ...]):
    """Functions, coordinate indices and unit directions of every joint's six axes."""
    functions, indices = [], []
    directions = np.zeros((len(axes), 6, 3))
    for i, joint in enumerate(axes):
        row = []
        for j, axis in enumerate(joint):
            function, index = _function_of_coordinate(axis, coordinates)
            functions.append(function)
            row.append(index)
            directions[i, j] = _unit(axis)
            axis.close()
        indices.append(tuple(row))
    return functions, tuple(indices), directions


def _unit(axis: Entry) -> np.ndarray:
    direction = axis.vector("axis", 3)
    largest = np.abs(direction).max()
    if largest == 0.0:
        raise BadInput(f"{axis.where}: `axis` is zero; it must point somewhere.")
    length = np.linalg.norm(direction)
    if not 1e-100 < length < 1e100:  # so extreme that the square is lost
        direction, length = direction / largest, np.linalg.norm(direction / largest)
    return direction if abs(length - 1.0) < 1e-15 else direction / length


def _check_each_coordinate_has_one_joint(names, axis_coordinates, joints) -> None:
    for index, name in enumerate(names):
        owners = [j for j, axes in zip(joints, axis_coordinates, strict=True) if index in axes]
        if len(owners) != 1:
            found = " and ".join(joint.where for joint in owners) or "no joint"
            raise BadInput(f"Coordinate '{name}' moves {found}; it must move exactly one joint.")


def _describe_skeleton(skeleton: Skeleton) -> dict[str, Any]:
    bodies = (*skeleton.body_names, "ground")
    names = skeleton.coordinates.names
    functions = _split(skeleton.axis_functions)
    return {
        "bodies": [
            {
                "name": name,
                "mass": float(skeleton.mass[i]),
                "mass_center": _plain(skeleton.mass_center[i]),
                "inertia": _plain(skeleton.inertia[i]),
            }
            for i, name in enumerate(skeleton.body_names)
        ],
        "joints": [
            {
                "name": name,
                "parent": bodies[skeleton.parents[i]],
                "child": bodies[i],
                "parent_position": _plain(skeleton.parent_frame_position[i]),
                "parent_orientation": _plain(skeleton.parent_frame_orientation[i]),
                "child_position": _plain(skeleton.child_frame_position[i]),
                "child_orientation": _plain(skeleton.child_frame_orientation[i]),
                "axes": [
                    {
                        "axis": _plain(skeleton.axes[i, j]),
                        "coordinate": names[c] if c >= 0 else None,
                        "function": functions[6 * i + j],
                    }
                    for j, c in enumerate(skeleton.axis_coordinates[i])
                ],
            }
            for i, name in enumerate(skeleton.joint_names)
        ],
        **_describe_coordinates(skeleton.coordinates),
    }


def _describe_coordinates(coordinates: Coordinates) -> dict[str, Any]:
    names = coordinates.names
    pairs = zip(coordinates.dependent, coordinates.independent, strict=True)
    return {
        "coordinates": [
            {
                "name": name,
                "motion_type": coordinates.motion_types[i],
                "default": float(coordinates.default_value[i]),
                "range": [float(coordinates.lower[i]), float(coordinates.upper[i])],
                "locked": coordinates.locked[i],
                "clamped": coordinates.clamped[i],
            }
            for i, name in enumerate(names)
        ],
        "couplers": [
            {
                "name": f"{names[i]}_follows_{names[j]}",
                "dependent": names[i],
                "independent": names[j],
                "function": function,
            }
            for (i, j), function in zip(pairs, _split(coordinates.coupler), strict=True)
        ],
    }


# --- functions --------------------------------------------------------------------------------


def _function(owner: Entry, key: str) -> ScalarFunction:
    entry = owner.mapping(key)
    try:
        function = _FUNCTIONS[entry.text("kind", choices=tuple(_FUNCTIONS))](entry)
    except BadInput as error:
        if entry.where in str(error):
            raise
        raise BadInput(f"{entry.where}: {error}") from None
    scale = entry.number("scale", 1.0)
    entry.close()
    function = function if scale == 1.0 else function.scaled(scale)
    if not np.isfinite(function.coefficients).all():
        raise BadInput(f"{entry.where}: its numbers are too large, or its knots too near.")
    return function


def _function_of_coordinate(
    owner: Entry, coordinates: tuple[str, ...]
) -> tuple[ScalarFunction, int]:
    """A function and the index of its coordinate; without a coordinate it must be constant."""
    index = owner.optional_reference("coordinate", "coordinate", coordinates)
    function = _function(owner, "function")
    if index < 0 and not function.is_constant:
        raise BadInput(f"{owner.where}: `function` is not constant, so `coordinate` must be named.")
    return function, index


def _piecewise(entry: Entry) -> ScalarFunction:
    breaks, origin = entry.vector("breaks", None), entry.vector("origin", None)
    rows = entry.take("coefficients")
    pieces = len(rows) if isinstance(rows, list | tuple) else 0
    if pieces < 1 or not len(origin) == len(breaks) + 1 == pieces:
        raise BadInput(
            f"{entry.where}: n pieces need n - 1 `breaks`, n `origin` and n rows of "
            f"`coefficients`; got {len(breaks)}, {len(origin)} and {pieces}."
        )
    if np.any(np.diff(breaks) <= 0.0):
        raise BadInput(f"{entry.where}: `breaks` must increase.")
    powers = [Entry({"row": row}, f"{entry.where}, piece {i}") for i, row in enumerate(rows)]
    coefficients = [piece.vector("row", None) for piece in powers]
    if len({row.size for row in coefficients}) != 1 or not coefficients[0].size:
        raise BadInput(f"{entry.where}: every row of `coefficients` must have the same length > 0.")
    return ScalarFunction(breaks, origin, np.stack(coefficients))


def _polynomial(entry: Entry) -> ScalarFunction:
    coefficients = entry.vector("coefficients", None)
    if not coefficients.size:
        raise BadInput(f"{entry.where}: `coefficients` is empty.")
    return polynomial(coefficients.tolist())


_FUNCTIONS = {
    "constant": lambda entry: constant(entry.number("value")),
    "linear": lambda entry: linear(entry.number("slope"), entry.number("intercept", 0.0)),
    "polynomial": _polynomial,
    "simm_spline": lambda entry: simm_spline(
        entry.vector("x", None).tolist(), entry.vector("y", None).tolist()
    ),
    "piecewise": _piecewise,
}


def _split(functions: PiecewisePolynomial) -> list[dict[str, Any]]:
    """Each function of a batch as a plain mapping, in row-major order."""
    pieces, powers = functions.origin.shape[-1], functions.coefficients.shape[-1]
    count = int(np.prod(functions.origin.shape[:-1], dtype=int))
    breaks = np.asarray(functions.breaks).reshape(count, pieces - 1)
    origin = np.asarray(functions.origin).reshape(count, pieces)
    coefficients = np.asarray(functions.coefficients).reshape(count, pieces, powers)
    return [_describe_function(*one) for one in zip(breaks, origin, coefficients, strict=True)]


def _describe_function(breaks, origin, coefficients) -> dict[str, Any]:
    """Without padding: unused pieces break at infinity, unused powers are zero."""
    pieces = 1 + int(np.sum(np.isfinite(breaks)))
    breaks, origin, coefficients = breaks[: pieces - 1], origin[:pieces], coefficients[:pieces]
    used = np.flatnonzero(np.any(coefficients != 0.0, axis=0))
    powers = 1 + int(used[-1]) if used.size else 1
    coefficients = coefficients[:, :powers]
    if pieces == 1 and powers == 1:
        return {"kind": "constant", "value": float(coefficients[0, 0])}
    if pieces == 1 and powers == 2 and origin[0] == 0.0:
        intercept, slope = coefficients[0].tolist()
        return {"kind": "linear", "slope": slope, "intercept": intercept}
    return {
        "kind": "piecewise",
        "breaks": _plain(breaks),
        "origin": _plain(origin),
        "coefficients": _plain(coefficients),
    }


# --- paths, muscles, ligaments ----------------------------------------------------------------


def _cylinders(top: Entry, skeleton: Skeleton) -> WrapCylinders:
    entries = top.entries("cylinders", "cylinder")
    cylinders = WrapCylinders(
        radius=_array([e.number("radius", positive=True) for e in entries]),
        length=_array([e.number("length", positive=True) for e in entries]),
        position=_rows([e.vector("position", 3) for e in entries], 3),
        orientation=_rows([_shift(e, "orientation") for e in entries], 3),
        names=unique_names(entries, "cylinder"),
        bodies=tuple(_body(e, skeleton) for e in entries),
        quadrants=tuple(e.text("quadrant", "all", _QUADRANTS) for e in entries),
    )
    _close(entries)
    return cylinders


def _paths(
    owners: Sequence[Entry], names: tuple[str, ...], skeleton: Skeleton, cylinders: WrapCylinders
) -> Paths:
    """The `path` of every owner (muscle or ligament)."""
    entries = [owner.mapping("path") for owner in owners]
    points = [entry.entries("points", "point") for entry in entries]
    most = max(map(len, points), default=2)
    if most > MAX_POINTS:
        raise BadInput(f"A path has {most} points; at most {MAX_POINTS} are read.")
    location = np.zeros((len(entries), most, 3))
    moving, moving_coordinates, functions = [], [], []
    conditional, ranges = [], []
    for i, path in enumerate(points):
        if len(path) < 2:
            raise BadInput(f"{entries[i].where} has {len(path)} points; it needs at least 2.")
        for j, point in enumerate(path):
            if "moving" in point:
                motion, indices = _moving_point(point, skeleton.coordinates.names)
                moving.append((i, j))
                moving_coordinates.append(indices)
                functions.extend(motion)
            else:
                location[i, j] = point.vector("location", 3)
            if "condition" in point:
                coordinate, interval = _condition(point, skeleton.coordinates.names)
                conditional.append((i, j, coordinate))
                ranges.append(interval)
    point_bodies = tuple(tuple(_body(p, skeleton) for p in path) for path in points)
    conditions = {(i, j): (c, *span) for (i, j, c), span in zip(conditional, ranges, strict=True)}
    for i, bodies in enumerate(point_bodies):
        _check_points_differ(
            entries[i].where,
            bodies,
            location[i],
            {j for k, j in moving if k == i},
            {j: condition for (k, j), condition in conditions.items() if k == i},
        )
    paths = Paths(
        location=jnp.asarray(location),
        moving_location=stack(functions, (len(moving), 3)),
        condition_range=_rows(ranges, 2),
        cylinders=cylinders,
        names=names,
        point_bodies=point_bodies,
        moving=tuple(moving),
        moving_coordinates=tuple(moving_coordinates),
        conditional=tuple(conditional),
        wraps=tuple(
            _wraps(entry, len(path), cylinders) for entry, path in zip(entries, points, strict=True)
        ),
    )
    _close(entries, *points)
    return paths


def _check_points_differ(where, bodies, location, moving, conditions) -> None:
    """Raise if two fixed points, one after the other, are one place: nothing pulls between them.

    Points follow each other if all between them may be absent. Two conditional ones at one place
    may stand for each other, if they are never present together.
    """
    for i in range(len(bodies)):
        for j in range(i + 1, len(bodies)):
            apart = bodies[i] != bodies[j] or {i, j} & moving
            if not apart and not _exclude_each_other(conditions.get(i), conditions.get(j)):
                distance = np.abs(location[i] - location[j]).max()
                if distance < _SAME_PLACE:
                    raise BadInput(
                        f"{where}: points {i} and {j} (counted from 0) follow each other at the "
                        "same place in the same body. Remove or move one of them."
                    )
            if j not in conditions:
                break


def _exclude_each_other(a, b) -> bool:
    """Whether two conditions (coordinate, lower, upper) hold together at one value at most."""
    if a is None or b is None or a[0] != b[0]:
        return False
    return bool(max(a[1], b[1]) >= min(a[2], b[2]))


def _moving_point(point: Entry, coordinates: tuple[str, ...]):
    axes = point.entries("moving", "axis", 3)
    pairs = [_function_of_coordinate(axis, coordinates) for axis in axes]
    _close(axes)
    return [function for function, _ in pairs], tuple(index for _, index in pairs)


def _condition(point: Entry, coordinates: tuple[str, ...]) -> tuple[int, np.ndarray]:
    condition = point.mapping("condition")
    index = condition.reference("coordinate", "coordinate", coordinates)
    interval = condition.interval("range")
    condition.close()
    return index, interval


def _wraps(path: Entry, count: int, cylinders: WrapCylinders) -> tuple[tuple[int, int, int], ...]:
    wraps = []
    for entry in path.entries("wraps", "wrap"):
        cylinder = entry.reference("cylinder", "cylinder", cylinders.names)
        first, last = entry.take("first"), entry.take("last")
        whole = all(isinstance(i, int) and not isinstance(i, bool) for i in (first, last))
        if not whole or not 0 <= first < last < count:
            raise BadInput(
                f"{entry.where}: the wrap runs from point {first!r} to {last!r}; it needs two "
                f"different points of 0 to {count - 1}, the first one first."
            )
        entry.close()
        wraps.append((cylinder, first, last))
    if len(wraps) > _MAX_WRAPS:
        raise BadInput(f"{path.where} wraps over {len(wraps)} cylinders; at most {_MAX_WRAPS}.")
    return tuple(wraps)


def _muscles(top: Entry, skeleton: Skeleton, cylinders: WrapCylinders) -> Muscles:
    entries = top.entries("muscles", "muscle")
    names = unique_names(entries, "muscle")
    kind = CURVES[top.text("muscle_curves", "degrootefregly2016", tuple(CURVES))]
    numbers = {
        key: [entry.number(key, **rule) for entry in entries]
        for key, rule in _MUSCLE_NUMBERS.items()
    }
    for entry, low, high in zip(
        entries, numbers["min_activation"], numbers["max_activation"], strict=True
    ):
        if low > high:
            raise BadInput(
                f"{entry.where}: `min_activation` {low} exceeds `max_activation` {high}."
            )
    muscles = Muscles(
        **{key: _array(values) for key, values in numbers.items()},
        curves=_curves(entries, kind),
        paths=_paths(entries, names, skeleton, cylinders),
        names=names,
    )
    _close(entries)
    return muscles


def _curves(owners: Sequence[Entry], kind: type) -> Any:
    """The curve record of all muscles; a record inside it is a mapping inside `curves`."""
    entries = [owner.mapping("curves") for owner in owners]
    return _curve_record(entries, kind)


def _curve_record(entries: Sequence[Entry], kind: type) -> Any:
    values: dict[str, Any] = {}
    numbers: list[dict[str, float]] = [{} for _ in entries]
    for field in dataclasses.fields(kind):
        record: Any = field.type
        if isinstance(record, type) and issubclass(record, eqx.Module):
            inner = [entry.mapping(field.name) for entry in entries]
            values[field.name] = _curve_record(inner, record)
        else:
            for entry, own in zip(entries, numbers, strict=True):
                own[field.name] = entry.number(field.name)
            values[field.name] = _array([own[field.name] for own in numbers])
    _close(entries)
    for entry, own in zip(entries, numbers, strict=True):
        if (broken := broken_rule(kind, own)) is not None:
            shown = ", ".join(f"{key} = {value:g}" for key, value in own.items())
            raise BadInput(f"{entry.where}: {broken}. It has {shown}.")
    return kind(**values)


def _describe_curves(curves: Any, i: int) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for field in dataclasses.fields(curves):
        value = getattr(curves, field.name)
        inner = isinstance(value, eqx.Module)
        described[field.name] = _describe_curves(value, i) if inner else float(value[i])
    return described


def _ligaments(top: Entry, skeleton: Skeleton, cylinders: WrapCylinders) -> Ligaments:
    entries = top.entries("ligaments", "ligament")
    names = unique_names(entries, "ligament")
    ligaments = Ligaments(
        resting_length=_array([e.number("resting_length", positive=True) for e in entries]),
        pcsa_force=_array([e.number("pcsa_force", minimum=0.0) for e in entries]),
        curve=stack([_function(e, "curve") for e in entries], (len(entries),)),
        paths=_paths(entries, names, skeleton, cylinders),
        names=names,
    )
    _close(entries)
    return ligaments


def _describe_cylinders(cylinders: WrapCylinders, bodies) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "body": bodies[cylinders.bodies[i]],
            "radius": float(cylinders.radius[i]),
            "length": float(cylinders.length[i]),
            "position": _plain(cylinders.position[i]),
            "orientation": _plain(cylinders.orientation[i]),
            "quadrant": cylinders.quadrants[i],
        }
        for i, name in enumerate(cylinders.names)
    ]


def _describe_paths(paths: Paths, bodies, coordinates) -> list[dict[str, Any]]:
    functions = _split(paths.moving_location)
    described = []
    for i, point_bodies in enumerate(paths.point_bodies):
        points: list[dict[str, Any]] = [
            {"body": bodies[body], "location": _plain(paths.location[i, j])}
            for j, body in enumerate(point_bodies)
        ]
        wraps = [
            {"cylinder": paths.cylinders.names[cylinder], "first": first, "last": last}
            for cylinder, first, last in paths.wraps[i]
        ]
        described.append({"points": points, "wraps": wraps})
    for k, (i, j) in enumerate(paths.moving):
        point = described[i]["points"][j]
        del point["location"]
        point["moving"] = [
            {"coordinate": coordinates[c] if c >= 0 else None, "function": functions[3 * k + n]}
            for n, c in enumerate(paths.moving_coordinates[k])
        ]
    for k, (i, j, c) in enumerate(paths.conditional):
        interval = _plain(paths.condition_range[k])
        described[i]["points"][j]["condition"] = {"coordinate": coordinates[c], "range": interval}
    return described


def _describe_muscles(muscles: Muscles, bodies, coordinates) -> list[dict[str, Any]]:
    paths = _describe_paths(muscles.paths, bodies, coordinates)
    return [
        {
            "name": name,
            **{key: float(getattr(muscles, key)[i]) for key in _MUSCLE_NUMBERS},
            "curves": _describe_curves(muscles.curves, i),
            "path": paths[i],
        }
        for i, name in enumerate(muscles.names)
    ]


def _describe_ligaments(ligaments: Ligaments, bodies, coordinates) -> list[dict[str, Any]]:
    paths = _describe_paths(ligaments.paths, bodies, coordinates)
    curves = _split(ligaments.curve)
    return [
        {
            "name": name,
            "resting_length": float(ligaments.resting_length[i]),
            "pcsa_force": float(ligaments.pcsa_force[i]),
            "curve": curves[i],
            "path": paths[i],
        }
        for i, name in enumerate(ligaments.names)
    ]


# --- passive moments, contacts, actuators, markers --------------------------------------------


def _passive_moments(top: Entry, skeleton: Skeleton) -> PassiveMoments:
    entries = top.entries("passive_moments", "passive moment")
    coordinates = skeleton.coordinates.names
    moments = PassiveMoments(
        **{
            key: _array([entry.number(key, default, **rule) for entry in entries])
            for key, (default, rule) in _PASSIVE_NUMBERS.items()
        },
        names=unique_names(entries, "passive moment"),
        coordinates=tuple(e.reference("coordinate", "coordinate", coordinates) for e in entries),
    )
    _close(entries)
    return moments


def _pains(top: Entry, skeleton: Skeleton) -> Pains:
    entries = top.entries("pains", "pain")
    weights = {key: np.zeros(len(skeleton.joint_names)) for key in _PAINS}
    hurting = [entry.reference("joint", "joint", skeleton.joint_names) for entry in entries]
    if len(set(hurting)) < len(hurting):
        raise BadInput("`pains` names a joint twice; give each joint one entry.")
    for entry, joint in zip(entries, hurting, strict=True):
        for key, values in weights.items():
            values[joint] = entry.number(key, 0.0, minimum=0.0)
    _close(entries)
    return Pains(**{key: _array(list(values)) for key, values in weights.items()})


def _describe_pains(model: Model) -> list[dict[str, Any]]:
    return [
        {
            "joint": model.skeleton.joint_names[i],
            **{key: float(getattr(model.pains, key)[i]) for key in _PAINS},
        }
        for i in model.pains.joints()
    ]


def _describe_passive_moments(moments: PassiveMoments, coordinates) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "coordinate": coordinates[moments.coordinates[i]],
            **{key: float(getattr(moments, key)[i]) for key in _PASSIVE_NUMBERS},
        }
        for i, name in enumerate(moments.names)
    ]


def _contacts(top: Entry, skeleton: Skeleton) -> Contacts:
    entries = top.entries("contacts", "contact")
    fields = {field.name for field in dataclasses.fields(Contacts)} - {"names", "bodies"}
    values = {}
    for key in sorted(fields):
        if key in _CONTACT_VECTORS:
            values[key] = _rows([e.vector(key, 3) for e in entries], 3)
        elif key in _CONTACT_UNDER:
            values[key] = _array([e.number(key, 0.0, **_CONTACT_UNDER[key]) for e in entries])
        elif key in _CONTACT_POSITIVE:
            values[key] = _array([e.number(key, positive=True) for e in entries])
        else:
            values[key] = _array([e.number(key, minimum=0.0) for e in entries])
    contacts = Contacts(
        **values,
        names=unique_names(entries, "contact"),
        bodies=tuple(_body(e, skeleton) for e in entries),
    )
    _close(entries)
    return contacts


def _describe_contacts(contacts: Contacts, bodies) -> list[dict[str, Any]]:
    fields = [f.name for f in dataclasses.fields(contacts) if f.name not in ("names", "bodies")]
    written = lambda f, i: f not in _CONTACT_UNDER or getattr(contacts, f)[i] != 0.0
    return [
        {
            "name": name,
            "body": bodies[contacts.bodies[i]],
            **{f: _plain(getattr(contacts, f)[i]) for f in fields if written(f, i)},
        }
        for i, name in enumerate(contacts.names)
    ]


def _actuators(top: Entry, skeleton: Skeleton) -> CoordinateActuators:
    entries = top.entries("actuators", "actuator")
    coordinates = skeleton.coordinates.names
    low = [_control(entry, "min_control") for entry in entries]
    high = [_control(entry, "max_control") for entry in entries]
    for entry, a, b in zip(entries, low, high, strict=True):
        if a > b:
            raise BadInput(f"{entry.where}: `min_control` {a} exceeds `max_control` {b}.")
    actuators = CoordinateActuators(
        optimal_force=_array([e.number("optimal_force", positive=True) for e in entries]),
        min_control=_array(low),
        max_control=_array(high),
        names=unique_names(entries, "actuator"),
        coordinates=tuple(e.reference("coordinate", "coordinate", coordinates) for e in entries),
        kinds=tuple(e.text("kind", "motor", _KINDS) for e in entries),
    )
    _close(entries)
    return actuators


def _control(entry: Entry, key: str) -> float:
    return entry.number(key, finite=False)


def _describe_actuators(actuators: CoordinateActuators, coordinates) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "coordinate": coordinates[actuators.coordinates[i]],
            "optimal_force": float(actuators.optimal_force[i]),
            "min_control": float(actuators.min_control[i]),
            "max_control": float(actuators.max_control[i]),
            "kind": actuators.kinds[i],
        }
        for i, name in enumerate(actuators.names)
    ]


def _markers(top: Entry, skeleton: Skeleton) -> Markers:
    entries = top.entries("markers", "marker")
    markers = Markers(
        location=_rows([entry.vector("location", 3) for entry in entries], 3),
        names=unique_names(entries, "marker"),
        bodies=tuple(_body(entry, skeleton) for entry in entries),
    )
    _close(entries)
    return markers


# --- small things -----------------------------------------------------------------------------


def _conventions(top: Entry) -> tuple[tuple[str, str], ...]:
    entry = top.mapping("conventions", {})
    pairs = tuple((str(key), entry.text(key)) for key in top.take("conventions", {}))
    entry.close()
    return pairs


def _body(entry: Entry, skeleton: Skeleton) -> int:
    index = entry.reference("body", "body", (*skeleton.body_names, "ground"))
    return GROUND if index == len(skeleton.body_names) else index


def _close(*groups: Sequence[Entry]) -> None:
    for group in groups:
        for entry in group:
            entry.close()


def _array(values: Sequence[float]):
    return jnp.asarray(np.array(values, float))


def _rows(values: Sequence[np.ndarray], width: int):
    return jnp.asarray(np.array(values, float).reshape(len(values), width))


def _plain(array) -> Any:
    """Nested lists of Python floats."""
    return np.asarray(array, float).tolist()
