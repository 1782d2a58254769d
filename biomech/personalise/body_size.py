"""A body of another size: height, mass, lengths of thigh, shank and foot.

Height runs from the lowest point of the contact spheres to the marker `vertex`, the top of the
head, in the reference posture (default coordinates). Given lengths are met first: femur and tibia
along y, the foot in all directions alike. Every other length shares one factor, that which gives
the height. What follows from the factors is said in `dynamics.stretched_segments` (geometry,
inertia) and `muscles.segment_scaling` (fibers, tendons, ligaments: norm lengths in the reference
posture are kept), what follows from height and mass in `body_strength`.

Lengths of single segments leave masses and strengths as they are. The shares of the segments in
mass and in height are those of the given model: it becomes a body of another size, not of another
sex, age or build.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.errors import ConcretizationTypeError
from jaxtyping import Array, Float, ScalarLike

from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_mass
from ..dynamics.kinematics import default_values, pose
from ..dynamics.spatial import rotate
from ..dynamics.stretched_segments import stretch_segments
from ..interventions.catalogue import Parameter, suffixes
from ..interventions.leg_length import bone_length, long_bones
from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from ..muscles.segment_scaling import fit_lengths
from .body_strength import scale_mass_and_strength

VERTEX = "vertex"
"""Name of the marker at the top of the head."""
FOOT_ENDS = ("pternion", "acropodion")
"""Stems of the names of the markers at the back of the heel and the tip of the toes."""
_FOOT = ("talus", "calcn", "midfoot", "toes")
_LONG_BONES = ("femur", "tibia")
_MOST = 2.0  # no segment becomes more than so many times longer or shorter (assumed)

HEIGHT = Parameter(
    name="height_m",
    unit="m",
    lower=1.3,
    upper=2.2,
    neutral=1.75,
    description="height of the body; neutral is that of the built-in bodies",
    source="adults; range assumed",
)
MASS = Parameter(
    name="mass_kg",
    unit="kg",
    lower=30.0,
    upper=200.0,
    neutral=75.0,
    description="mass of the body; neutral is that of the built-in bodies",
    source="adults; range assumed",
)

SIZE = {parameter.name: parameter for parameter in (HEIGHT, MASS)}
"""What a configuration's `model` may say of the size, and a sweep vary."""


def scale_model(
    model: Model,
    *,
    height_m: ScalarLike | None = None,
    mass_kg: ScalarLike | None = None,
    segment_lengths: Mapping[str, ScalarLike] | None = None,
    foot_length: ScalarLike | None = None,
    side: str = "both",
    current_height_m: ScalarLike | None = None,
) -> Model:
    """The model as a body of that size; what is not given stays.

    - `height_m` [m], `mass_kg` [kg]: of the whole body.
    - `segment_lengths`: of "femur" and "tibia" [m], from joint to joint along y.
    - `foot_length`: from the back of the heel to the tip of the toes [m].
    - `side`: of the lengths given, "r", "l" or "both".
    - `current_height_m`: of a model that has no marker `vertex` [m].

    Differentiable in every number; shapes are kept. Its own size changes nothing, to rounding.

    **Raises:** `BadInput` for what the model lacks, and for sizes that nobody has.
    """
    lengths = dict(segment_lengths or {})
    if not lengths and foot_length is None and height_m is None and mass_kg is None:
        return model
    sides = suffixes(side)
    if height_m is not None and side != "both":
        raise BadInput(
            "height_m is of the whole body: give it for both sides, then call scale_model again "
            f"for the lengths of side '{side}'."
        )
    rows = _rows(model, lengths, foot_length, sides)
    if height_m is None and mass_kg is None:
        return _scaled(model, rows.factors(1.0))
    old_height = _height(model, current_height_m)
    new_height = old_height if height_m is None else HEIGHT.of("scale_model", height_m, model)
    overall = jnp.ones_like(old_height)
    if height_m is not None:
        known = current_height_m is None
        overall = _overall_factor(model, rows, new_height, old_height, has_vertex=known)
    old_mass = body_mass(model.skeleton)
    new_mass = old_mass if mass_kg is None else MASS.of("scale_model", mass_kg, model)
    scaled = _scaled(model, rows.factors(overall))
    return scale_mass_and_strength(
        scaled, mass=(old_mass, new_mass), height=(old_height, new_height)
    )


def standing_height(model: Model) -> Float[Array, ""]:
    """Height [m] of the body in the reference posture, from the sole to the marker `vertex`.

    **Raises:** `BadInput` for a model without that marker or without contact spheres.
    """
    if VERTEX not in model.markers.names or not model.contacts.names:
        raise BadInput(
            f"The height of '{model.name}' is not known: it has no marker `{VERTEX}` at the top of "
            "the head, or no contact spheres under its feet. Give `current_height_m`."
        )
    return jnp.max(_heights(model))


def foot_length(model: Model, suffix: str) -> Float[Array, ""]:
    """Length [m] of the foot "r" or "l", along x in the reference posture.

    Between the markers `pternion` and `acropodion` of that side; without them over all contact
    spheres of the foot, which end a little inside it.

    **Raises:** `BadInput` for a foot without either.
    """
    ends = [f"{stem}_{suffix}" for stem in FOOT_ENDS]
    if all(name in model.markers.names for name in ends):
        heel, toes = (model.markers.names.index(name) for name in ends)
        place = _markers(model)
        return place[toes, 0] - place[heel, 0]
    feet = {model.skeleton.body_index(name) for name in _foot(model, suffix)}
    own = [i for i, body in enumerate(model.contacts.bodies) if body in feet]
    if not own:
        raise BadInput(
            f"The length of the foot '{suffix}' is not known: '{model.name}' has no markers "
            f"{' and '.join(ends)}, and no contact spheres on "
            f"{', '.join(f'{stem}_{suffix}' for stem in _FOOT)}."
        )
    index = np.array(own)
    forward, radius = _spheres(model)[index, 0], model.contacts.radius[index]
    return jnp.max(forward + radius) - jnp.min(forward - radius)


# --- factors ----------------------------------------------------------------------------------


class _Rows(NamedTuple):
    """Factor of each body along x, y, z [-]: `fixed` + overall factor x `open`."""

    fixed: Float[Array, "body 3"]
    open: Float[Array, "body 3"]

    def factors(self, overall: ScalarLike) -> Float[Array, "body 3"]:
        return self.fixed + overall * self.open


def _rows(model, lengths, foot, sides) -> _Rows:
    """What the given lengths fix; all else is open."""
    for name in lengths:
        if name not in _LONG_BONES:
            hint = suggest(name, _LONG_BONES)
            raise UnknownName(f"scale_model: `segment_lengths` has no '{name}'. {hint}")
    mass, index = model.skeleton.mass, model.skeleton.body_index
    fixed = jnp.zeros((mass.shape[0], 3), mass.dtype)
    open_ = jnp.ones_like(fixed)
    for suffix in sides:
        for bone in long_bones(model, suffix) if lengths else ():
            if bone.stem in lengths:
                present = bone_length(model.skeleton, bone)
                ratio = _ratio(lengths[bone.stem], present, bone.bodies[-1])
                own = np.array([index(name) for name in bone.bodies])
                fixed, open_ = fixed.at[own, 1].set(ratio), open_.at[own, 1].set(0.0)
        if foot is not None:
            ratio = _ratio(foot, foot_length(model, suffix), f"foot '{suffix}'")
            own = np.array([index(name) for name in _foot(model, suffix)])
            fixed, open_ = fixed.at[own].set(ratio), open_.at[own].set(0.0)
    return _Rows(fixed, open_)


def _foot(model, suffix):
    names = [f"{stem}_{suffix}" for stem in _FOOT]
    return [name for name in names if name in model.skeleton.body_names]


def _ratio(wanted, present, what):
    ratio = jnp.asarray(wanted, present.dtype) / present
    try:
        number = float(ratio)
    except ConcretizationTypeError:
        return ratio
    if not 1.0 / _MOST <= number <= _MOST:
        raise BadInput(
            f"scale_model: the length of {what} would become {number:.3g} times what it is, which "
            f"is {float(present):.3g} m; {1.0 / _MOST:g} to {_MOST:g} times will do."
        )
    return ratio


def _height(model, current_height):
    if current_height is None:
        return standing_height(model)
    return HEIGHT.of("current height", current_height, model)


def _overall_factor(model, rows, new_height, old_height, *, has_vertex):
    """The factor of all open lengths that gives the height, which is linear in it."""
    if not has_vertex:
        return new_height / old_height
    region = jnp.argmax(_heights(model))  # the lowest stays the lowest
    height = lambda overall: _heights(_stretched(model, rows.factors(overall)))[region]
    fixed, whole = height(0.0), height(1.0)
    return (new_height - fixed) / (whole - fixed)


# --- compiled parts ---------------------------------------------------------------------------


@compiled
def _scaled(model, factors):
    return fit_lengths(stretch_segments(model, factors), model)


@compiled
def _stretched(model, factors):
    return stretch_segments(model, factors)


@compiled
def _spheres(model):
    """Center of every contact sphere in ground [m], in the reference posture."""
    return _in_ground(model, model.contacts.bodies, model.contacts.location)


@compiled
def _markers(model):
    """Place of every marker in ground [m], in the reference posture."""
    return _in_ground(model, model.markers.bodies, model.markers.location)


@compiled
def _heights(model):
    """Height of the vertex above the lowest point of each contact sphere [m]."""
    markers, spheres = (
        _in_ground(model, part.bodies, part.location) for part in (model.markers, model.contacts)
    )
    vertex = markers[model.markers.names.index(VERTEX), 1]
    return vertex - (spheres[:, 1] - model.contacts.radius)


def _in_ground(model, bodies, location):
    now = pose(model.skeleton, default_values(model.skeleton))
    body = np.array(bodies, dtype=int)
    return now.position[body] + rotate(now.rotation[body], location)
