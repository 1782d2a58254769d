"""Fiber and elastic tendon in balance at a constant muscle-tendon length.

    cos(phi) (a f_L(l) + f_P(l)) = f_T(l_T),      l_T = (L - l_M cos(phi)) / tendon_slack_length

with L the muscle-tendon length, l_M the fiber length, l = l_M / optimal_fiber_length, phi the
pennation angle of a fiber of constant height and a the activation. The force along the tendon is
max_isometric_force times either side. It pulls a little more than a rigid tendon's muscle where
that has long fibers and a little less, or far less, where it has short ones, since the tendon
gives and the fibers shorten.

The unknown is the fiber's length along the tendon, l_M cos(phi). The left side minus the right is
below 0 where the fiber is at its shortest and the tendon stretched, and not below it where the
tendon is slack; in between the tendon is stiffer than the fiber's descending limb, so that there is
one root. It is bracketed by bisection and refined by Newton's method; derivatives are those of the
last Newton step, which at the root are the implicit ones. A muscle that is slack even at its
shortest fiber pulls with no more than the passive force of that fiber: 0.

Source: Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411; Millard et al. (2013), J. Biomech. Eng.
135:021005, doi:10.1115/1.4023390, section 2, at zero velocity. Limits of the fiber as in
`muscles.rigid_tendon`.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscles import Muscles
from .curves import active_force_length, passive_force_length, tendon_force_length
from .rigid_tendon import shortest_along_tendon

_HALVINGS, _NEWTON_STEPS = 30, 4
_SAFE_SLOPE = 1e-3  # of the balance, per optimal fiber length [-]


class IsometricState(eqx.Module):
    """Muscles at rest in length.

    **Attributes:**

    - `force`: along the tendon [N].
    - `norm_fiber_length`: [-]. `tendon_strain`: [-], 0 when slack.
    - `imbalance`: what is left of the equation, over `max_isometric_force` [-].
    """

    force: Float[Array, " muscle"]
    norm_fiber_length: Float[Array, " muscle"]
    tendon_strain: Float[Array, " muscle"]
    imbalance: Float[Array, " muscle"]


def isometric_state(
    muscles: Muscles,
    muscle_tendon_length: Float[Array, " muscle"],
    activation: Float[Array, " muscle"],
) -> IsometricState:
    """Balance of every muscle at a muscle-tendon length [m] and an activation [-]."""
    given = (muscles, muscle_tendon_length, activation)
    shortest = shortest_along_tendon(muscles)
    slack = muscle_tendon_length - muscles.tendon_slack_length  # fiber's length when just slack
    longest = jnp.maximum(slack, shortest)
    found = _root(*jax.lax.stop_gradient((given, shortest, longest)))
    along = _newton_step(found, given)
    along = jnp.clip(along, shortest, longest)
    fiber, tendon, length, strain = _sides(along, given)
    pull = jnp.where(slack > shortest, fiber, 0.0)
    return IsometricState(
        force=muscles.max_isometric_force * pull,
        norm_fiber_length=length,
        tendon_strain=jnp.maximum(strain, 0.0),
        imbalance=jnp.where(slack > shortest, fiber - tendon, 0.0),
    )


def _sides(along, given):
    """Pull of fiber and of tendon [-], norm fiber length and tendon strain [-]."""
    muscles, muscle_tendon_length, activation = given
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    fiber_length = jnp.sqrt(height**2 + along**2)
    length = fiber_length / muscles.optimal_fiber_length
    active = activation * active_force_length(muscles.curves, length)
    passive = passive_force_length(muscles.curves, length)
    fiber = (active + jnp.maximum(passive, 0.0)) * along / fiber_length
    norm_tendon = (muscle_tendon_length - along) / muscles.tendon_slack_length
    return fiber, tendon_force_length(muscles.curves, norm_tendon), length, norm_tendon - 1.0


def _balance(along, given):
    fiber, tendon, _, _ = _sides(along, given)
    return fiber - tendon


def _root(given, shortest, longest):
    """Bisection, then Newton steps that stay in what it has left."""

    def halve(_, span):
        low, high = span
        middle = 0.5 * (low + high)
        below = _balance(middle, given) < 0.0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (shortest, longest))
    step = lambda _, x: jnp.clip(_newton_step(x, given), low, high)
    return jax.lax.fori_loop(0, _NEWTON_STEPS, step, 0.5 * (low + high))


def _newton_step(along, given):
    balance = lambda x: _balance(x, given)
    value, slope = jax.jvp(balance, (along,), (jnp.ones_like(along),))
    least = _SAFE_SLOPE / given[0].optimal_fiber_length
    slope = jax.lax.stop_gradient(jnp.maximum(slope, least))
    return jax.lax.stop_gradient(along) - value / slope
