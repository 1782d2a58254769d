"""Radau IIA collocation: where in an interval a differential equation holds, and with what weights.

With points c_i of an interval of length h, the last of them its end,

    x_i = x_start + h sum over j of a_ij f(x_j)

Implicit, stiffly accurate and L-stable; of order 2 s - 1 at the ends of the intervals with s
points.

Source: Hairer & Wanner (1996), *Solving Ordinary Differential Equations II*, 2nd ed., section IV.5.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Collocation(NamedTuple):
    """`points` c in (0, 1], the last 1; `weights` a; the last row of them weighs the integral."""

    points: Float[np.ndarray, " point"]
    weights: Float[np.ndarray, "point point"]


def radau(points: int) -> Collocation:
    """Radau IIA with this many points."""
    legendre = np.polynomial.legendre
    rule = np.zeros(points + 1)
    rule[points], rule[points - 1] = 1.0, -1.0  # P_s - P_(s-1), whose last root is 1
    c = 0.5 * (np.sort(legendre.legroots(rule).real) + 1.0)
    c[-1] = 1.0
    powers = np.arange(points)
    # Exact for polynomials up to degree s - 1: sum over j of a_ij c_j^k = c_i^(k+1) / (k+1).
    basis = c[:, None] ** powers
    integrals = c[:, None] ** (powers + 1) / (powers + 1)
    return Collocation(c, integrals @ np.linalg.inv(basis))
