"""Activation dynamics: how fast a muscle follows its excitation.

    da/dt = [ (1/2 + f) / (tau_a (1/2 + 3/2 a)) + (1/2 - f) (1/2 + 3/2 a) / tau_d ] (e - a)
    f = 1/2 tanh(b (e - a))

with tau_a = 15 ms and tau_d = 60 ms. Smooth; the larger b, the sharper the switch between both. At
the b = 0.1 of the source both rates mix almost evenly: from half activation it takes 26 ms up and
28 ms down, where b = 10 would take 19 and 48.

Source: De Groote, Kinney, Rao & Fregly (2016), Ann. Biomed. Eng. 44:2922-2936,
doi:10.1007/s10439-016-1591-9, equations 1 and 2, with their b. Same numbers as OpenSim's
`DeGrooteFregly2016Muscle`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

ACTIVATION_TIME, DEACTIVATION_TIME = 0.015, 0.060
"""tau_a and tau_d [s]."""
SMOOTHING = 0.1
"""b [-]."""


def activation_rate(
    excitation: Float[Array, "*n muscle"], activation: Float[Array, "*n muscle"]
) -> Float[Array, "*n muscle"]:
    """da/dt [1/s]."""
    more = excitation - activation
    switch = 0.5 * jnp.tanh(SMOOTHING * more)
    slowing = 0.5 + 1.5 * activation
    up = (0.5 + switch) / (ACTIVATION_TIME * slowing)
    return (up + (0.5 - switch) * slowing / DEACTIVATION_TIME) * more
