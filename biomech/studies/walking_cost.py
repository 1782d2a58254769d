"""What a walk costs: small terms, each an average over the cycle, and their weights.

    tracking      sum over coordinates of weight (q - reference)^2
    activation    mean over muscles of a^exponent
    excitation    mean over muscles of e^2
    control       mean over actuators of control^2
    acceleration  mean over coordinates of (acceleration / ACCELERATION)^2
    passive       mean over passive moments of (moment / (PASSIVE body weight))^2

`activation` and `control` are effort. `excitation` and `acceleration` keep apart what nothing else
tells apart, and keep muscles and joints from chattering. `passive` spares joints that lean on the
ends of their range. Weights are numbers: other ones compile nothing new.

Source of the terms: Falisse et al. (2019), J. R. Soc. Interface 16:20190402,
doi:10.1098/rsif.2019.0402, table of the cost function, whose exponents are 2; that of a^3,
Ackermann & van den Bogert (2010), J. Biomech. 43:1055-1060, doi:10.1016/j.jbiomech.2009.12.012.
The units and the weights are assumed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.inverse_dynamics import body_weight
from ..model.names import BadInput
from ..muscles.passive_moments import passive_moment
from .equilibrium import full_value

ACCELERATION, PASSIVE = 50.0, 0.02
"""Accelerations [rad/s^2 or m/s^2] and passive moments [m] that cost 1."""


class Weights(NamedTuple):
    """How much each term counts [-]; `tracking`: of each free coordinate [1/rad^2 or 1/m^2].

    `exponent`: of activation [-].
    """

    tracking: Float[Array, " free"]
    activation: Float[Array, ""]
    excitation: Float[Array, ""]
    control: Float[Array, ""]
    acceleration: Float[Array, ""]
    passive: Float[Array, ""]
    exponent: Float[Array, ""]


PREDICTED = {
    "activation": 10.0,
    "excitation": 0.1,
    "control": 1.0,
    "acceleration": 0.01,
    "passive": 0.1,
    "exponent": 2.0,
}
"""Weights of a walk that follows no reference: effort is most of what it costs."""


def weights(
    tracking: Float[Array, " free"],
    *,
    activation: float = 1.0,
    excitation: float = 0.1,
    control: float = 1.0,
    acceleration: float = 1e-3,
    passive: float = 0.0,
    exponent: float = 2.0,
) -> Weights:
    """Weights, the default ones unless said otherwise.

    **Raises:** `BadInput` for one that is negative or no number, or an exponent below 1.
    """
    others = (activation, excitation, control, acceleration, passive, exponent)
    for name, value in zip(Weights._fields[1:], others, strict=True):
        if not np.isfinite(value) or value < (1.0 if name == "exponent" else 0.0):
            raise BadInput(
                f"'{name}' of what walking costs is {value}; it must be a number, at least "
                f"{'1' if name == 'exponent' else '0'}."
            )
    return Weights(jnp.asarray(tracking), *(jnp.asarray(x, float) for x in others))


def cost(u: Any, walk: Any, reference: Float[Array, " free"]) -> Float[Array, ""]:
    """All terms at one instant, weighed."""
    return jnp.sum(weighed(u, walk, reference))


def weighed(u: Any, walk: Any, reference: Float[Array, " free"]) -> Float[Array, " term"]:
    """Each of `TERMS` at one instant times its weight."""
    weight = walk.weights._asdict() | {_TRACKING: 1.0}  # weighed coordinate by coordinate
    return jnp.stack([weight[name] * term(u, walk, reference) for name, term in TERMS.items()])


def _tracking(u, walk, reference):
    return jnp.sum(walk.weights.tracking * (u.value - reference) ** 2)


def _activation(u, walk, _):
    return jnp.mean(u.activation**walk.weights.exponent)


def _excitation(u, walk, _):
    return jnp.mean(u.excitation**2)


def _control(u, walk, _):
    return jnp.sum(u.control**2) / max(1, u.control.size)


def _acceleration(u, walk, _):
    return jnp.mean((u.acceleration / ACCELERATION) ** 2)


def _passive(u, walk, _):
    model = walk.model
    if not model.passive_moments.names:
        return jnp.zeros((), u.value.dtype)
    value = full_value(model, u.value)
    moment = passive_moment(model.passive_moments, value, jnp.zeros_like(value))
    return jnp.mean((moment / (PASSIVE * body_weight(model.skeleton))) ** 2)


_TRACKING = "tracking"
TERMS: dict[str, Callable[[Any, Any, Array], Array]] = {
    _TRACKING: _tracking,
    "activation": _activation,
    "excitation": _excitation,
    "control": _control,
    "acceleration": _acceleration,
    "passive": _passive,
}
"""Name -> term(unknowns, walk, reference)."""
