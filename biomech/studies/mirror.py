"""Left for right: what a motion becomes in a mirror at the plane z = 0, and which bodies are alike.

In the mirror a right leg is a left one; a turn about x or y is the other way, a shift along z too.
So coordinates, muscles and actuators of one side take the numbers of the other side, those of no
side keep theirs or change sign. The half cycle of a symmetrical walk ends in the mirror image of
its start.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..compilation import compiled
from ..dynamics.contact import half_space_normal
from ..dynamics.kinematics import default_values, pose
from ..model.body import Model
from ..model.names import BadInput
from .moving_body import missing, moving_body

_TWIST = np.array([-1.0, -1.0, 1.0, 1.0, 1.0, -1.0])  # of (angular, linear) in the mirror
_SAME = 1e-9  # largest difference of numbers that are the same [relative]
_ALIKE = 0.9  # cosine between the axes of both sides, of which one may be changed [-]
_OTHER = {"r": "l", "l": "r"}
_FRAME = ("half_space_position", "half_space_orientation")


class Mirror(NamedTuple):
    """Where each number comes from in the mirror, and with which sign.

    - `coordinate`, `coordinate_sign`: of the free coordinates, and of their speeds and so on.
    - `muscle`. `actuator`, `actuator_sign`.
    """

    coordinate: Int[np.ndarray, " free"]
    coordinate_sign: Float[np.ndarray, " free"]
    muscle: Int[np.ndarray, " muscle"]
    actuator: Int[np.ndarray, " actuator"]
    actuator_sign: Float[np.ndarray, " actuator"]

    def motion(self, values: Float[Array, "*n free"]) -> Float[Array, "*n free"]:
        """The mirror image of values, speeds or residuals of the free coordinates."""
        return _signed(self.coordinate_sign, values[..., self.coordinate])

    def muscles(self, values: Float[Array, "*n muscle"]) -> Float[Array, "*n muscle"]:
        """Of what muscles have."""
        return values[..., self.muscle]

    def actuators(self, values: Float[Array, "*n actuator"]) -> Float[Array, "*n actuator"]:
        """Of what actuators do."""
        return _signed(self.actuator_sign, values[..., self.actuator])


def _signed(sign, values):
    return jnp.broadcast_to(jnp.asarray(sign, values.dtype), values.shape) * values


def mirror(model: Model) -> Mirror:
    """The mirror of a body whose sides are named `..._r` and `..._l`.

    **Raises:** `BadInput` for a body with one side alone of something, or with a coordinate that is
    neither kept nor reversed.
    """
    skeleton = model.skeleton
    coordinates = skeleton.coordinates
    names = coordinates.free_names
    other = _partners("coordinate", names)
    twist = np.asarray(_subspace(skeleton))[np.array(coordinates.free, int)]
    sign = _signs(_TWIST * twist[other], twist)
    if np.any(sign == 0.0):
        odd = [name for name, s in zip(names, sign, strict=True) if s == 0.0]
        raise BadInput(
            f"'{model.name}' does not look the same in a mirror: what {', '.join(odd)} move is no "
            "mirror image of anything."
        )
    of = {index: s for index, s in zip(coordinates.free, sign, strict=True)}
    driven = [of.get(index, 1.0) for index in model.actuators.coordinates]
    return Mirror(
        other,
        sign,
        _partners("muscle", model.muscles.names),
        _partners("actuator", model.actuators.names),
        np.array(driven, float),
    )


def no_mirror(model: Model) -> Mirror:
    """Where every number is its own image: of a whole cycle."""
    free, muscles = len(model.skeleton.coordinates.free), len(model.muscles.names)
    actuators = len(model.actuators.names)
    return Mirror(
        *(np.arange(free), np.ones(free), np.arange(muscles)),
        *(np.arange(actuators), np.ones(actuators)),
    )


def is_symmetric(model: Model) -> bool:
    """Whether both sides are alike: the mirror image of a motion needs the mirror image of effort.

    Asked at one motion at random, where everything has a say but the ground, pain and the bounds of
    activations and controls: those are compared number by number. False without a mirror too.
    """
    try:
        image = mirror(model)
        alike = _same_soles(model.contacts) and _same_pains(model) and _same_bounds(model, image)
        if not alike:
            return False
    except BadInput:
        return False
    free = len(model.skeleton.coordinates.free)
    rng = np.random.default_rng(0)
    default = jnp.asarray(model.skeleton.coordinates.default_value)
    value = default[np.array(model.skeleton.coordinates.free, int)]
    value = value + jnp.asarray(rng.uniform(-0.05, 0.05, free))
    speed, acceleration = (jnp.asarray(rng.normal(size=free)) for _ in range(2))
    activation = jnp.asarray(rng.uniform(0.1, 0.9, len(model.muscles.names)))
    control = jnp.asarray(rng.uniform(-0.5, 0.5, len(model.actuators.names)))
    needed = _residual(model, value, speed, acceleration, activation, control)
    mirrored = _residual(
        model,
        *(image.motion(x) for x in (value, speed, acceleration)),
        image.muscles(activation),
        image.actuators(control),
    )
    size = float(jnp.max(jnp.abs(needed)))
    return bool(jnp.max(jnp.abs(image.motion(needed) - mirrored)) <= _SAME * size)


def _same_soles(contacts):
    other = _partners("contact", contacts.names)
    across = np.array([1.0, 1.0, -1.0])
    fields = {field.name for field in dataclasses.fields(contacts)} - {"names", "bodies", *_FRAME}
    for name in fields:
        values = np.asarray(getattr(contacts, name))
        sign = across if name == "location" else np.ones(values.shape[1:])
        if not _are_same(sign * values[other], values):
            return False
    normal = np.asarray(half_space_normal(contacts))
    height = np.sum(normal * np.asarray(contacts.half_space_position), axis=1)
    return _are_same(across * normal[other], normal) and _are_same(height[other], height)


def _are_same(image, values):
    return not np.any(np.abs(image - values) > _SAME * np.maximum(1.0, np.abs(values)))


def _same_bounds(model, image):
    muscles, actuators = model.muscles, model.actuators
    low, high = np.asarray(actuators.min_control), np.asarray(actuators.max_control)
    swapped = np.where(image.actuator_sign > 0.0, low, -high)[image.actuator]
    return (
        all(
            _are_same(np.asarray(bound)[image.muscle], np.asarray(bound))
            for bound in (muscles.min_activation, muscles.max_activation)
        )
        and np.allclose(swapped, low, rtol=_SAME, atol=0.0)
        and np.allclose(np.where(image.actuator_sign > 0.0, high, -low)[image.actuator], high)
    )


def _same_pains(model):
    other = _partners("joint", model.skeleton.joint_names)
    both = (model.pains.load_weight, model.pains.anterior_weight)
    return all(np.array_equal(np.asarray(weight)[other], weight) for weight in both)


@compiled
def _residual(model, value, speed, acceleration, activation, control):
    return missing(model, moving_body(model, value, speed, acceleration, activation, control))


@compiled
def _subspace(skeleton):
    return pose(skeleton, default_values(skeleton)).motion_subspace


def _signs(image, twist):
    """1 where both turn (or, where nothing turns, shift) alike, -1 the other way, else 0."""
    turns = np.linalg.norm(twist[:, :3], axis=1, keepdims=True) > _SAME
    a, b = (np.where(turns, part[:, :3], part[:, 3:]) for part in (image, twist))
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    alike = np.sum(a * b, axis=1) / np.where(size > 0.0, size, 1.0)
    return np.where(np.abs(alike) > _ALIKE, np.sign(alike), 0.0)


def _partners(kind, names):
    """Index of the other side's namesake, or of itself for what has no side."""
    found = []
    for name in names:
        stem, _, side = name.rpartition("_")
        partner = f"{stem}_{_OTHER[side]}" if side in _OTHER else name
        if partner not in names:
            raise BadInput(f"There is a {kind} '{name}' and no '{partner}': no mirror image.")
        found.append(names.index(partner))
    return np.array(found, int)
