"""Mass and strength of a body of another height and mass.

With m the ratio of the new to the old mass, h that of the heights, and V the volume of the muscles
of the leg,

    masses and inertias                        x m
    max isometric force of muscles             x V ratio / h
    moments of motors                          x V ratio         (of one that pushes: as muscles)
    tension of ligaments (`pcsa_force`)        x m / h
    passive moments, their damping             x m               (about a translation: see below)

Muscles: V [cm^3] = 47.05 mass [kg] height [m] + 1289.6, measured in 24 people: Handsfield, Meyer,
Hart, Abel & Blemker (2014), J. Biomech. 47:631-638, doi:10.1016/j.jbiomech.2013.12.002. Force is
volume over fiber length, which goes with height, at an unchanged specific tension: the rule that
Rajagopal et al. (2016), doi:10.1109/TBME.2016.2586891, set their strengths with. A motor stands for
muscles with levers in proportion to height.

Passive tissue (assumed): it grows like the body, so its cross-section goes with mass over height,
its forces with that, its moments with that times a lever; per angle, or per length where it acts on
a translation. Reserves and residuals, contact stiffness and friction stay.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.body import Model

_Pair = tuple[Float[Array, ""], Float[Array, ""]]
"""Before and after."""


def muscle_volume(mass: Float[Array, ""], height: Float[Array, ""]) -> Float[Array, ""]:
    """Volume [cm^3] of the muscles of a leg, of a body of that mass [kg] and height [m]."""
    return 47.05 * mass * height + 1289.6


def scale_mass_and_strength(model: Model, *, mass: _Pair, height: _Pair) -> Model:
    """The model, its lengths right already, with masses and strengths that go with its size.

    `mass` [kg] and `height` [m] of the whole body, before and after.
    """
    m, h = (new / old for old, new in (mass, height))
    v = muscle_volume(mass[1], height[1]) / muscle_volume(mass[0], height[0])
    moments = model.passive_moments
    rate, load = _tissue_gains(model, m / h, h)
    return eqx.tree_at(
        lambda body: (
            *(body.skeleton.mass, body.skeleton.inertia),
            *(body.muscles.max_isometric_force, body.actuators.optimal_force),
            body.ligaments.pcsa_force,
            *(body.passive_moments.stiffness, body.passive_moments.damping),
            *(body.passive_moments.lower_moment, body.passive_moments.upper_moment),
        ),
        model,
        (
            *(m * model.skeleton.mass, m * model.skeleton.inertia),
            v / h * model.muscles.max_isometric_force,
            _motor_gains(model, v, h) * model.actuators.optimal_force,
            m / h * model.ligaments.pcsa_force,
            *(rate * moments.stiffness, rate * moments.damping),
            *(load * moments.lower_moment, load * moments.upper_moment),
        ),
    )


def _motor_gains(model, volume, height):
    actuators = model.actuators
    turns = _turns(model, actuators.coordinates)
    motor = jnp.array([kind == "motor" for kind in actuators.kinds], bool)
    return jnp.where(motor, jnp.where(turns, volume, volume / height), 1.0)


def _tissue_gains(model, force, height):
    """Of what passive moments give per angle (or length) or its rate, and of what they give."""
    turns = _turns(model, model.passive_moments.coordinates)
    moment = force * height
    return jnp.where(turns, moment, force / height), jnp.where(turns, moment, force)


def _turns(model, coordinates):
    """Whether each of the coordinates is a rotation."""
    kinds = model.skeleton.coordinates.motion_types
    return jnp.array([kinds[c] == "rotational" for c in coordinates], bool)
