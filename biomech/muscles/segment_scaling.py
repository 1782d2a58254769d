"""Scaled segments with muscles and ligaments that fit them.

    new optimal fiber length, tendon slack length, ligament resting length
        = old one * (new / old path length in the reference posture)

So in the reference posture (default coordinates) every norm fiber length, tendon strain and
ligament strain of the given model is kept. Pennation, force and normalised velocity stay.

Source: as OpenSim scales `optimal_fiber_length` and `tendon_slack_length`, in the posture of
scaling; Delp & Loan (1995), Comput. Biol. Med. 25:21-34, doi:10.1016/0010-4825(95)98882-E.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.errors import ConcretizationTypeError
from jaxtyping import Array, ArrayLike, Float, ScalarLike

from ..compilation import compiled
from ..dynamics.kinematics import default_values, pose
from ..dynamics.stretched_segments import stretch_segments
from ..model.body import Model
from ..model.names import BadInput, find
from .paths import path_geometry

Factor = ArrayLike | tuple[ScalarLike, ScalarLike, ScalarLike]
"""One factor [-], or one each along x, y, z of a body."""


def scale_segments(model: Model, factors: Mapping[str, Factor]) -> Model:
    """The model with the bodies named in `factors` scaled.

    Geometry and inertia follow by the rules of `dynamics.stretched_segments`, fibers, tendons and
    ligaments by those above; masses and strengths stay. Factors of 1 change nothing, exactly.
    Differentiable in the factors; shapes are kept.

    **Raises:** `UnknownName`; `BadInput` for what is not one or three positive factors.
    """
    mass = model.skeleton.mass
    rows = jnp.ones((mass.shape[0], 3), mass.dtype)
    for body, factor in factors.items():
        index = find("body", body, model.skeleton.body_names)
        rows = rows.at[index].set(_checked(body, jnp.asarray(factor, mass.dtype)))
    return _scaled(model, rows)


@compiled
def _scaled(model, factors):
    return fit_lengths(stretch_segments(model, factors), model)


def fit_lengths(new: Model, old: Model) -> Model:
    """`new` with fibers, tendons and ligaments as long, for its paths, as those of `old`."""
    muscles, ligaments = (_gain(lengths) for lengths in reference_lengths(old, new))
    return eqx.tree_at(
        lambda m: (
            m.muscles.optimal_fiber_length,
            m.muscles.tendon_slack_length,
            m.ligaments.resting_length,
        ),
        new,
        (
            muscles * old.muscles.optimal_fiber_length,
            muscles * old.muscles.tendon_slack_length,
            ligaments * old.ligaments.resting_length,
        ),
    )


def reference_lengths(
    first: Model, second: Model
) -> tuple[Float[Array, "2 muscle"], Float[Array, "2 ligament"]]:
    """Path lengths [m] of muscles and of ligaments in the reference posture, of two models alike.

    Both pass through the same instructions, so equal models have equal lengths to the last bit.
    """
    parts = lambda m: (m.skeleton, m.muscles.paths, m.ligaments.paths)
    both = jax.tree.map(lambda a, b: jnp.stack([a, b]), parts(first), parts(second))
    return jax.lax.map(_lengths, both)


def _lengths(parts):
    skeleton, *paths = parts
    value = default_values(skeleton)
    now = pose(skeleton, value)
    return tuple(path_geometry(group, now, value).length for group in paths)


def _gain(old_and_new):
    old, new = old_and_new
    return new / old


def _checked(body, factor):
    if factor.shape not in ((), (3,)):
        raise BadInput(
            f"The scale factor of '{body}' has the shape {factor.shape}; give one number, or three "
            "of them: along x, y and z of the body."
        )
    try:
        smallest = float(jnp.min(factor))
    except ConcretizationTypeError:
        return factor
    if not smallest > 0.0:
        raise BadInput(f"The scale factor of '{body}' is {smallest:g}; it must be positive.")
    return factor
