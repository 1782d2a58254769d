"""Changes of a model's structure: weld or lock a coordinate, add reserves, bound activations.

Each returns a new model and leaves the given one alone. `weld` rebuilds the model, so it needs
concrete numbers: weld first, differentiate afterwards. The others pass derivatives through.
"""

import copy
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from .actuators import CoordinateActuators
from .body import Model
from .build import build_model, describe_model
from .functions import ScalarFunction
from .names import BadInput, UnknownName, find, suggest


def weld(model: Model, joint_or_coordinate: str, value: float = 0.0) -> Model:
    """The model without a coordinate: what depended on it stays as it is at `value` [rad or m].

    Given a joint's name, all its coordinates go, each at `value`. Coordinates coupled to a welded
    one are welded at the value the coupler gives them.

    **Raises:** `UnknownName`; `BadInput` for a coordinate that follows another (weld that one).
    """
    description = describe_model(model)
    values = {name: float(value) for name in _coordinates_of(model, joint_or_coordinate)}
    for coupler in description["couplers"]:
        leader, follower = coupler["independent"], coupler["dependent"]
        if follower in values and leader not in values:
            raise BadInput(
                f"Coordinate '{follower}' follows '{leader}'; weld '{leader}', and both are fixed."
            )
        if leader in values:
            values[follower] = _evaluate(coupler["function"], values[leader])
    return build_model(without_coordinates(description, values))


def lock(model: Model, coordinate: str, value: ArrayLike) -> Model:
    """The model with `coordinate` locked at `value` [rad or m]: still there, no longer free.

    **Raises:** `UnknownName`; `BadInput` for a coordinate that follows another.
    """
    coordinates = model.skeleton.coordinates
    index = find("coordinate", coordinate, coordinates.names)
    if index in coordinates.dependent:
        leader = coordinates.names[coordinates.independent[coordinates.dependent.index(index)]]
        raise BadInput(f"Coordinate '{coordinate}' follows '{leader}'; lock '{leader}' instead.")
    default = coordinates.default_value.at[index].set(value)
    locked = tuple(flag or i == index for i, flag in enumerate(coordinates.locked))
    new = dataclasses.replace(coordinates, default_value=default, locked=locked)
    return eqx.tree_at(lambda m: m.skeleton.coordinates, model, new)


def with_reserves(
    model: Model,
    optimal_force: Mapping[str, float],
    kind: str = "reserve",
) -> Model:
    """The model with one more, unbounded, actuator per named coordinate.

    `optimal_force` [N m or N] per coordinate: the larger, the cheaper its use. Names are
    `reserve_<coordinate>` or `residual_<coordinate>`.

    **Raises:** `UnknownName`; `BadInput` for a force that is not positive or a name that exists.
    """
    if kind not in ("reserve", "residual"):
        raise BadInput(f"kind is '{kind}'; it must be 'reserve' or 'residual'.")
    old = model.actuators
    names = tuple(f"{kind}_{coordinate}" for coordinate in optimal_force)
    for name, force in zip(names, optimal_force.values(), strict=True):
        if name in old.names:
            raise BadInput(f"The model already has an actuator '{name}'.")
        if not 0.0 < force < math.inf:
            raise BadInput(f"Actuator '{name}': `optimal_force` is {force}; it must be positive.")
    known = model.skeleton.coordinates.names
    force = np.array(list(optimal_force.values()), float)
    infinite = np.full(len(names), np.inf)
    actuators = CoordinateActuators(
        optimal_force=_append(old.optimal_force, force),
        min_control=_append(old.min_control, -infinite),
        max_control=_append(old.max_control, infinite),
        names=old.names + names,
        coordinates=old.coordinates + tuple(find("coordinate", c, known) for c in optimal_force),
        kinds=old.kinds + (kind,) * len(names),
    )
    return eqx.tree_at(lambda m: m.actuators, model, actuators)


def with_activation_bounds(model: Model, lower: ArrayLike, upper: ArrayLike) -> Model:
    """The model with activations kept within `lower` and `upper` [-]: one number, or one each."""
    old = model.muscles.min_activation
    try:
        low, high = (
            jnp.broadcast_to(jnp.asarray(bound, dtype=old.dtype), old.shape)
            for bound in (lower, upper)
        )
    except ValueError:
        raise BadInput(
            f"Pass one activation bound, or {old.size} of them (one per muscle, in `names` order)."
        ) from None
    return eqx.tree_at(
        lambda m: (m.muscles.min_activation, m.muscles.max_activation), model, (low, high)
    )


def _coordinates_of(model: Model, name: str) -> tuple[str, ...]:
    """The coordinates of a joint, or the one that `name` is."""
    skeleton, coordinates = model.skeleton, model.skeleton.coordinates.names
    if name in skeleton.joint_names:
        used = set(skeleton.axis_coordinates[skeleton.joint_names.index(name)])
        return tuple(c for i, c in enumerate(coordinates) if i in used)
    if name in coordinates:
        return (name,)
    known = skeleton.joint_names + coordinates
    raise UnknownName(
        f"No joint or coordinate named '{name}' in this model. {suggest(name, known)}"
    )


def _append(old, new):
    return jnp.concatenate([old, jnp.asarray(new, dtype=old.dtype)])


def _evaluate(function: Mapping[str, Any], x: float) -> float:
    """A described function's value; `describe_model` writes these three kinds."""
    if function["kind"] == "constant":
        return function["value"]
    if function["kind"] == "linear":
        return function["intercept"] + function["slope"] * x
    pieces = function["breaks"], function["origin"], function["coefficients"]
    return ScalarFunction(*pieces)(x)


def without_coordinates(description: dict[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """The plain description with every mention of the coordinates in `values` gone.

    What depended on one stays as it is at its value [rad or m].
    """
    new = copy.deepcopy(description)
    kept = lambda entry: entry["coordinate"] not in values
    new["coordinates"] = [c for c in new["coordinates"] if c["name"] not in values]
    new["couplers"] = [c for c in new["couplers"] if c["dependent"] not in values]
    new["actuators"] = [a for a in new["actuators"] if kept(a)]
    new["passive_moments"] = [m for m in new["passive_moments"] if kept(m)]
    for joint in new["joints"]:
        for axis in joint["axes"]:
            _freeze(axis, values)
    for owner in new["muscles"] + new["ligaments"]:
        _freeze_path(owner["path"], values, owner["name"])
    return new


def _freeze(axis: dict[str, Any], values: Mapping[str, float]) -> None:
    if axis["coordinate"] in values:
        value = _evaluate(axis["function"], values[axis["coordinate"]])
        axis["coordinate"], axis["function"] = None, {"kind": "constant", "value": value}


def _freeze_path(path: dict[str, Any], values: Mapping[str, float], name: str) -> None:
    """Moving points become fixed where nothing moves them; conditional ones stay or go for good."""
    gone = []
    for i, point in enumerate(path["points"]):
        for axis in point.get("moving", []):
            _freeze(axis, values)
        if "moving" in point and all(axis["coordinate"] is None for axis in point["moving"]):
            point["location"] = [_evaluate(axis["function"], 0.0) for axis in point.pop("moving")]
        condition = point.get("condition")
        if condition and condition["coordinate"] in values:
            low, high = point.pop("condition")["range"]
            if not low <= values[condition["coordinate"]] <= high:
                gone.append(i)
    for wrap in path["wraps"]:
        if wrap["first"] in gone or wrap["last"] in gone:
            raise BadInput(
                f"Welding here removes a conditional point at which '{name}' starts or ends a wrap."
            )
        for end in ("first", "last"):
            wrap[end] -= sum(i < wrap[end] for i in gone)
    path["points"] = [point for i, point in enumerate(path["points"]) if i not in gone]
