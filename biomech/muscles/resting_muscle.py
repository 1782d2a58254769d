"""Hill muscle at rest: fiber and elastic tendon in series, at constant length.

    (a f_L(l) + f_P(l)) cos(phi) = f_T(l_T)
    l_T = (muscle_tendon_length - s) / tendon_slack_length
    l = sqrt(h^2 + s^2) / optimal_fiber_length,   cos(phi) = s / sqrt(h^2 + s^2)
    force = max_isometric_force * f_T(l_T)

with s the fibers' length along the tendon and h their constant height. Fibers neither shorten nor
lengthen, so their velocity does not enter. Where a rigid tendon would hand all of a stretch to the
fiber, this one takes its share: in a passively stretched soleus, whose tendon is six times as long
as its fibers, most of it.

A muscle so short that its tendon would be slack even at the shortest fiber does not pull, and has
no slope there.

Source: Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411; limits of the fiber as in `rigid_tendon`.

Method: Newton on s, kept by bisection between the shortest fiber, where a taut tendon pulls more,
and the length that leaves the tendon slack, where the fiber does. Derivatives up to second order
are exact: after convergence three more steps are taken with the slope held constant, of which each
makes one more order of the derivative right (implicit function theorem).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscles import Muscles
from .curves import active_force_length, passive_force_length, tendon_force_length
from .rigid_tendon import shortest_along_tendon

_STEPS = 40  # each at least halves the bracket or is a Newton step
_CORRECTIONS = 3


class RestingMuscle(eqx.Module):
    """Muscles at rest.

    **Attributes:**

    - `force`: along the tendon [N].
    - `norm_fiber_length`: fiber length / optimal fiber length [-].
    - `tendon_strain`: lengthening of the tendon / slack length [-], 0 when slack.
    """

    force: Float[Array, " muscle"]
    norm_fiber_length: Float[Array, " muscle"]
    tendon_strain: Float[Array, " muscle"]


def resting_muscle(
    muscles: Muscles,
    activation: Float[Array, " muscle"],
    muscle_tendon_length: Float[Array, " muscle"],
) -> RestingMuscle:
    """Force and fibers at an activation [-] and a constant muscle-tendon length [m]."""
    inputs = muscles, activation, muscle_tendon_length
    frozen = jax.lax.stop_gradient(inputs)
    shortest = shortest_along_tendon(frozen[0])
    taut = frozen[2] - frozen[0].tendon_slack_length > shortest
    along = jax.lax.stop_gradient(_solve(*frozen, shortest))
    _, slope = _miss_and_slope(along, *frozen)
    slope = jax.lax.stop_gradient(jnp.where(taut, slope, jnp.inf))
    for _ in range(_CORRECTIONS):
        along = along - _miss(along, *inputs) / slope
    strain = (muscle_tendon_length - along) / muscles.tendon_slack_length - 1.0
    force = muscles.max_isometric_force * tendon_force_length(muscles.curves, 1.0 + strain)
    return RestingMuscle(
        jnp.where(taut, force, 0.0),
        _fiber(muscles, along)[0],
        jnp.where(taut, strain, 0.0),
    )


def _fiber(muscles, along):
    """Normalised length of the fibers and cosine of their pennation angle."""
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    length = jnp.sqrt(height**2 + along**2)
    return length / muscles.optimal_fiber_length, along / length


def _miss(along, muscles, activation, muscle_tendon_length):
    """What the fibers pull more than the tendon [-]; rises with `along`."""
    length, cosine = _fiber(muscles, along)
    active = activation * active_force_length(muscles.curves, length)
    tendon = (muscle_tendon_length - along) / muscles.tendon_slack_length
    pull = active + passive_force_length(muscles.curves, length)
    return pull * cosine - tendon_force_length(muscles.curves, tendon)


def _miss_and_slope(along, *inputs):
    miss = lambda along: _miss(along, *inputs)
    return jax.jvp(miss, (along,), (jnp.ones_like(along),))


def _solve(muscles, activation, muscle_tendon_length, shortest):
    slack = muscle_tendon_length - muscles.tendon_slack_length
    inputs = muscles, activation, muscle_tendon_length

    def step(_, state):
        along, low, high = state
        miss, slope = _miss_and_slope(along, *inputs)
        low, high = jnp.where(miss < 0.0, along, low), jnp.where(miss > 0.0, along, high)
        newton = along - miss / jnp.where(slope > 0.0, slope, 1.0)
        inside = (slope > 0.0) & (newton >= low) & (newton <= high)
        return jnp.where(inside, newton, 0.5 * (low + high)), low, high

    longest = jnp.maximum(slack, shortest)
    return jax.lax.fori_loop(0, _STEPS, step, (longest, shortest, longest))[0]
