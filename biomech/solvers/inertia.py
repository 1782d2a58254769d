"""A shift of the Newton matrix, large enough that its point is a minimum along the constraints.

Source: algorithm IC of Waechter & Biegler (2006), Math. Program. 106:25-57,
doi:10.1007/s10107-004-0559-y, without its shift of the rows.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

FIRST, LARGEST = 1e-8, 1e8
"""Least and largest shift, unless said otherwise [-]."""
GROWTH, FALL = 8.0, 0.3
"""From one try to the next, from one step to the next."""


def least_shift(
    factor: Callable[[Array], Any],
    is_minimum: Callable[[Any], Bool[Array, ""]],
    last: Float[Array, ""],
    first: float = FIRST,
) -> tuple[Float[Array, ""], Any]:
    """The first shift tried at which `is_minimum(factor(shift))`, and what `factor` gave there.

    Tried are 0, then from 0.3 `last` or `first` upwards; beyond `LARGEST` the search ends as it is.
    """

    def larger(state):
        shift, _ = state
        again = jnp.maximum(first, FALL * last)
        shift = jnp.where(shift == 0.0, again, GROWTH * shift)
        return shift, factor(shift)

    wrong = lambda state: ~is_minimum(state[1]) & (state[0] < LARGEST)
    none = jnp.zeros_like(last)
    return jax.lax.while_loop(wrong, larger, (none, factor(none)))
