"""A polynomial through scattered cases: what a sample says about one parameter at a time.

    y ~ c0 + sum c_i z_i + sum c_ij z_i z_j,    z = (parameter - mean) / standard deviation

by least squares. Second order where there are at least twice as many cases as coefficients (and not
more than `MOST_TERMS` of these), first order where that holds without the products; fewer cases are
refused.

`explained` is the share of the variance that the polynomial predicts of cases it was not fitted to,
each left out in turn: 1 - PRESS / sum of squares. At most 1; below 0 a mean would predict better.

Source: Box & Wilson (1951), J. R. Stat. Soc. B 13:1-45, doi:10.1111/j.2517-6161.1951.tb00067.x;
PRESS: Allen (1974), Technometrics 16:125-127, doi:10.1080/00401706.1974.10489157.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..model.names import BadInput

_CASES_PER_COEFFICIENT = 2
MOST_TERMS = 500
"""Of second order, beyond which memory and time go into products that few cases could tell."""
_LEAST = 1e-12  # variance left over by one case [-]; smaller is rounding


class ResponseSurface(NamedTuple):
    """A fitted polynomial of order 1 or 2; see the head of this file."""

    center: Float[np.ndarray, " parameter"]
    scale: Float[np.ndarray, " parameter"]
    coefficients: Float[np.ndarray, " term"]
    order: int
    explained: float

    def value(self, point: Float[np.ndarray, "*n parameter"]) -> Float[np.ndarray, "*n"]:
        return np.asarray(
            _terms((point - self.center) / self.scale, self.order) @ self.coefficients
        )

    def slope(self, point: Float[np.ndarray, " parameter"], parameter: int) -> float:
        """Derivative along one parameter; exact, since a difference of a parabola is."""
        step = np.zeros_like(point)
        step[parameter] = self.scale[parameter]
        ahead, behind = self.value(np.stack([point + step, point - step]))
        return float((ahead - behind) / (2.0 * self.scale[parameter]))


def fit_response(
    points: Float[np.ndarray, "case parameter"], values: Float[np.ndarray, " case"]
) -> ResponseSurface:
    """The polynomial through `values` at `points`.

    **Raises:** `BadInput` where the cases are too few.
    """
    count, parameters = points.shape
    enough = lambda order: count >= _CASES_PER_COEFFICIENT * _term_count(parameters, order)
    second = enough(2) and _term_count(parameters, 2) <= MOST_TERMS
    if not enough(1):
        raise BadInput(
            f"{count} usable cases are too few to tell {parameters} parameters apart: "
            f"{_CASES_PER_COEFFICIENT * _term_count(parameters, 1)} are needed."
        )
    center, spread = points.mean(axis=0), points.std(axis=0)
    scale = np.where(spread > 0.0, spread, 1.0)
    order = 2 if second else 1
    terms = _terms((points - center) / scale, order)
    coefficients = np.linalg.lstsq(terms, values, rcond=None)[0]
    explained = _explained(terms, values, coefficients)
    return ResponseSurface(center, scale, coefficients, order, explained)


def _terms(z, order):
    """One column per coefficient."""
    columns = [np.ones_like(z[..., :1]), z]
    if order == 2:
        pairs = itertools.combinations_with_replacement(range(z.shape[-1]), 2)
        columns += [z[..., i, None] * z[..., j, None] for i, j in pairs]
    return np.concatenate(columns, axis=-1)


def _term_count(parameters, order):
    return 1 + parameters + (parameters * (parameters + 1) // 2 if order == 2 else 0)


def _explained(terms, values, coefficients):
    """1 - PRESS / sum of squares; 1 where there is nothing to explain."""
    total = float(np.sum((values - values.mean()) ** 2))
    if total <= _LEAST * float(np.sum(values**2)):
        return 1.0
    leverage = np.sum(terms * np.linalg.pinv(terms).T, axis=1)
    left_out = (values - terms @ coefficients) / np.maximum(1.0 - leverage, _LEAST)
    return 1.0 - float(np.sum(left_out**2)) / total
