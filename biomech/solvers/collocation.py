"""Collocation rules: where in an interval a differential equation holds, and with what weights.

An interval has points of its own, and what the interval before hands on to it, y. With states x and
rates r = h dx/dt at its points (h the length of the interval),

    y + sum over j of (state_ij x_j + rate_ij r_j) = 0          for each row i
    y of the next interval = sum over j of (on_state_j x_j + on_rate_j r_j)

and at the start of it all y = x + start_rate r.

`radau`: Radau IIA, implicit, stiffly accurate and L-stable; of order 2 s - 1 at the ends of the
intervals with s points. The last point is the end of the interval. With one point it is implicit
Euler. `trapezoidal`: of order 2, and not damped at all: fast modes ring from point to point.

Source: Hairer & Wanner (1996), *Solving Ordinary Differential Equations II*, 2nd ed., section IV.5.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Collocation(NamedTuple):
    """See the head of this file.

    - `points`: c in (0, 1], where in the interval; `quadrature`: weights of an integral over it;
      `start_quadrature`: that of the point that the interval begins with.
    """

    points: Float[np.ndarray, " point"]
    state: Float[np.ndarray, "row point"]
    rate: Float[np.ndarray, "row point"]
    on_state: Float[np.ndarray, " point"]
    on_rate: Float[np.ndarray, " point"]
    start_rate: float
    quadrature: Float[np.ndarray, " point"]
    start_quadrature: float


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
    weights = (c[:, None] ** (powers + 1) / (powers + 1)) @ np.linalg.inv(basis)
    last = np.zeros(points)
    last[-1] = 1.0
    return Collocation(c, -np.eye(points), weights, last, np.zeros(points), 0.0, weights[-1], 0.0)


def trapezoidal() -> Collocation:
    """The trapezoidal rule: one point an interval, its end."""
    one, half = np.ones(1), np.full(1, 0.5)
    return Collocation(one, -np.eye(1), 0.5 * np.eye(1), one, half, 0.5, half, 0.5)
