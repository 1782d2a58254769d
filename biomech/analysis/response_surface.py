"""A polynomial through scattered cases: what a sample says about one parameter at a time.

    y ~ c0 + sum c_i z_i + sum c_ij (z_i z_j - m_ij),    z = (parameter - mean) / standard deviation

with m_ij the mean of z_i z_j, by least squares; of what cases cannot tell apart, the smallest
coefficients. Second order where there are at least twice as many cases as coefficients (and not
more than `MOST_TERMS` of these), first order where that holds without the products; fewer cases are
refused. A parameter with two values has no square.

`explained` is the share of the variance that the polynomial predicts of cases it was not fitted to,
each left out in turn: 1 - PRESS / sum of squares. At most 1; below 0 a mean would predict better.

The error of what is attributed to a parameter that varies together with others grows by the root
of its variance inflation factor, 1 / (1 - R^2), R^2 the share of its variance that a linear
function of the others predicts. Above `MOST_INFLATION` it is no effect of its own.

Source: Box & Wilson (1951), J. R. Stat. Soc. B 13:1-45, doi:10.1111/j.2517-6161.1951.tb00067.x;
PRESS: Allen (1974), Technometrics 16:125-127, doi:10.1080/00401706.1974.10489157; variance
inflation and its limit: Marquardt (1970), Technometrics 12:591-612,
doi:10.1080/00401706.1970.10488699.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ..model.names import BadInput

_CASES_PER_COEFFICIENT = 2
MOST_TERMS = 500
"""Of second order, beyond which memory and time go into products that few cases could tell."""
MOST_INFLATION = 10.0
"""Largest variance inflation factor of an effect of its own [-]: an error 3.2 times as large."""
_LEAST = 1e-12  # variance left over by one case, or by other parameters [-]; smaller is rounding
_LARGEST = 1e6  # variance inflation [-]; beyond, rounding is all that is a parameter's own


class ResponseSurface(NamedTuple):
    """A fitted polynomial of order 1 or 2; see the head of this file.

    - `pairs`: i and j of each product, `product_mean` its m_ij; none for order 1.
    - `inflation`: variance inflation factor of each parameter [-]; inf where others fix it.
    """

    center: Float[np.ndarray, " parameter"]
    scale: Float[np.ndarray, " parameter"]
    pairs: Int[np.ndarray, "product 2"]
    product_mean: Float[np.ndarray, " product"]
    coefficients: Float[np.ndarray, " term"]
    order: int
    explained: float
    inflation: Float[np.ndarray, " parameter"]

    def value(self, point: Float[np.ndarray, "*n parameter"]) -> Float[np.ndarray, "*n"]:
        z = (point - self.center) / self.scale
        return np.asarray(_terms(z, self.pairs, self.product_mean) @ self.coefficients)

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
    z = (points - center) / scale
    pairs = _pairs(points) if order == 2 else np.zeros((0, 2), int)
    product_mean = _products(z, pairs).mean(axis=0)
    terms = _terms(z, pairs, product_mean)
    coefficients = np.linalg.lstsq(terms, values, rcond=None)[0]
    explained = _explained(terms, values, coefficients)
    return ResponseSurface(
        *(center, scale, pairs, product_mean, coefficients, order, explained),
        variance_inflation(points),
    )


def variance_inflation(
    points: Float[np.ndarray, "case parameter"],
) -> Float[np.ndarray, " parameter"]:
    """Variance inflation factor of each parameter [-]: 1 where it varies by itself, or not at all;
    inf where the others fix it."""
    spread = points.std(axis=0)
    varies = spread > 0.0
    z = (points[:, varies] - points[:, varies].mean(axis=0)) / spread[varies]
    size, axes = np.linalg.eigh(z.T @ z / len(points))  # the inverse's diagonal, by axes
    inflation = np.ones(varies.size)
    inflation[varies] = axes**2 @ (1.0 / np.maximum(size, _LEAST))
    return np.where(inflation > _LARGEST, np.inf, inflation)


def _terms(z, pairs, product_mean):
    """One column per coefficient."""
    centered = _products(z, pairs) - product_mean
    return np.concatenate([np.ones_like(z[..., :1]), z, centered], axis=-1)


def _products(z, pairs):
    return z[..., pairs[:, 0]] * z[..., pairs[:, 1]]


def _pairs(points):
    """Pairs of parameters, and those with themselves that take three values or more."""
    curved = [np.unique(column).size > 2 for column in points.T]
    both = np.stack(np.triu_indices(points.shape[1]), axis=1)
    return both[[i != j or curved[i] for i, j in both]]


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
