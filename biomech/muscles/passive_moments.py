"""Passive moments about coordinates: a spring, a damper and a soft stop at each end.

    M = -k (q - q0) - d dq/dt + M_lower exp(-(q - q_lower) / w_lower)
                              - M_upper exp( (q - q_upper) / w_upper)

Positive moments act towards positive q. The part without d is the slope of `passive_energy`.

Source: the double exponential is that of Audu & Davy (1985), J. Biomech. Eng. 107:147-157, and
Anderson & Pandy (1999), Comput. Methods Biomech. Biomed. Engin. 2:201-231,
doi:10.1080/10255849908907988. The numbers are the model's own and have their sources there.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..model.passive_moments import PassiveMoments


def passive_moment(
    moments: PassiveMoments,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
) -> Float[Array, " moment"]:
    """Each moment [N m] at coordinates [rad] and speeds [rad/s]; see `about_coordinates`."""
    q, v = (x[np.array(moments.coordinates, int)] for x in (value, speed))
    lower, upper = _stops(moments, q)
    return lower - upper - moments.stiffness * (q - moments.neutral) - moments.damping * v


def passive_energy(
    moments: PassiveMoments, value: Float[Array, " coordinate"]
) -> Float[Array, " moment"]:
    """Elastic energy of each moment [J], the stops' counted from infinitely far inside them."""
    q = value[np.array(moments.coordinates, int)]
    lower, upper = _stops(moments, q)
    spring = 0.5 * moments.stiffness * (q - moments.neutral) ** 2
    return spring + lower * moments.lower_width + upper * moments.upper_width


def about_coordinates(
    moments: PassiveMoments, moment: Float[Array, " moment"], n_coordinates: int
) -> Float[Array, " coordinate"]:
    """Sum of the moments about each coordinate [N m], couplers not applied."""
    own = np.array(moments.coordinates, int)[:, None] == np.arange(n_coordinates)
    return moment @ jnp.asarray(own, moment.dtype)


def _stops(moments, q):
    lower = moments.lower_moment * jnp.exp((moments.lower_angle - q) / moments.lower_width)
    upper = moments.upper_moment * jnp.exp((q - moments.upper_angle) / moments.upper_width)
    return lower, upper
