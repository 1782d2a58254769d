"""Functions of one argument for an .osim file: each in the simplest class that says it exactly.

A piecewise polynomial is, in this order,

- a `PolynomialFunction`, if it has one piece;
- a `SimmSpline` through its breaks, if that is what it is;
- a `SimmSpline` with two more knots in its first and its last interval. The end conditions of a
  `SimmSpline` are the third derivatives of the cubics through the four outermost knots, so with
  four of them in one piece it is any spline of cubics that has two continuous derivatives between
  its first and its last knot and is straight, with one, beyond them;
- an `ExpressionBasedFunction`, where OpenSim asks for no second derivative: it gives a wrong one
  there, without a word (seen with 4.6: accelerations of a joint);
- a `SimmSpline` through many knots, its error in the report, or refused if that is large.
"""

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from ..model.functions import MAX_KNOTS, ScalarFunction, simm_spline
from .osim_elements import ExportReport, new_object
from .osim_expressions import piecewise_expression

_SAME = 1e-12  # of the largest value at a knot: what solving for a spline rounds away
_TOO_FAR = 1e-5  # [rad or m]: assumed; a tenth of what bone pins or imaging resolve
_MOST_PIECES = 100  # of an expression
_SAMPLES = 16  # of an interval between knots, when the error of a spline is measured


def function_object(
    function: dict[str, Any],
    where: str,
    report: ExportReport,
    span: tuple[float, float] | None = None,
) -> Element:
    """The object for a described function; `where` is for the report.

    `span` [rad or m] is where a function's coordinate moves. It is given for functions that OpenSim
    differentiates twice, those of joints and couplers.
    """
    if function["kind"] == "constant":
        return new_object("Constant", value=function["value"])
    if function["kind"] == "linear":
        return new_object("LinearFunction", coefficients=[function["slope"], function["intercept"]])
    pieces = function["breaks"], function["origin"], function["coefficients"]
    whole = ScalarFunction(*pieces)
    if not whole.breaks.size:
        ascending = _about(whole.coefficients[0], -whole.origin[0])
        return new_object("PolynomialFunction", coefficients=ascending[::-1].tolist())
    for knots in (whole.breaks, _with_end_knots(whole.breaks)):
        if knots.size > 1 and knots.size <= MAX_KNOTS and _is_spline(whole, knots):
            return _spline_object(whole, knots)
    if span is None and whole.origin.size <= _MOST_PIECES:
        return new_object(
            "ExpressionBasedFunction",
            expression=piecewise_expression(*pieces),
            variables="x",
        )
    return _spline_object(whole, _dense_knots(whole, where, report, span))


def _spline_object(function: ScalarFunction, knots: np.ndarray) -> Element:
    return new_object("SimmSpline", x=knots.tolist(), y=_values(function, knots).tolist())


def _is_spline(function: ScalarFunction, knots: np.ndarray) -> bool:
    """Whether the `SimmSpline` through the function at the knots is the function, everywhere."""
    values = _values(function, knots)
    spline = simm_spline(knots.tolist(), values.tolist())
    width = np.concatenate([[np.ptp(knots)], np.diff(knots), [np.ptp(knots)]])
    middle = np.concatenate([[knots[0] - 1.0], 0.5 * (knots[1:] + knots[:-1]), [knots[-1] + 1.0]])
    piece = np.sum(middle[:, None] >= function.breaks, axis=1)
    for i, k in enumerate(piece):
        own = _about(function.coefficients[k], spline.origin[i] - function.origin[k])
        powers = max(own.size, spline.coefficients.shape[1])
        difference = _padded(own, powers) - _padded(spline.coefficients[i], powers)
        if np.abs(difference) @ width[i] ** np.arange(powers) > _SAME * np.abs(values).max():
            return False
    return True


def _with_end_knots(knots: np.ndarray) -> np.ndarray:
    """The knots with two more in the first and in the last interval."""
    if knots.size < 2:
        return knots
    ends = [_thirds(a, b) for a, b in (knots[:2], knots[-2:])]
    return np.unique(np.concatenate([knots, *ends]))


def _thirds(low: float, high: float) -> np.ndarray:
    """Two numbers near the thirds of an interval, with few digits: OpenSim saves splines with 6."""
    digits = 1 - int(np.floor(np.log10(high - low)))
    return np.round(np.linspace(low, high, 4)[1:3], digits)


def _dense_knots(
    function: ScalarFunction,
    where: str,
    report: ExportReport,
    span: tuple[float, float] | None,
) -> np.ndarray:
    """Knots of the spline that follows the function best over its breaks and `span`."""
    ends = [x for x in span or () if np.isfinite(x)]
    base = np.unique(np.concatenate([function.breaks, ends]))
    if base.size < 2:
        base = base[0] + np.array([-1.0, 0.0, 1.0])
    best, error = base, np.inf
    knots, parts = _with_end_knots(base), 1
    while knots.size <= MAX_KNOTS and error > 0.0:
        found = _spline_error(function, knots)
        best, error = (knots, found) if found < error else (best, error)
        parts *= 2
        knots = _with_end_knots(_divided(base, parts))
    low, high = best[0], best[-1]
    if error > _TOO_FAR:
        report.refuse(
            where,
            f"its pieces do not join smoothly enough for a spline of OpenSim; one of {best.size} "
            f"knots is {error:.1e} off between {low:g} and {high:g}.",
        )
    report.changed.append(
        f"{where} is written as a spline through {best.size} knots: from {low:g} to {high:g} it "
        f"differs by at most {error:.1e}, beyond it is straight."
    )
    return best


def _divided(base: np.ndarray, parts: int) -> np.ndarray:
    steps = np.arange(parts) / parts
    inner = base[:-1, None] + np.diff(base)[:, None] * steps
    return np.append(inner.ravel(), base[-1])


def _spline_error(function: ScalarFunction, knots: np.ndarray) -> float:
    """Largest difference between the function and its spline at points between the knots."""
    values = _values(function, knots)
    spline = simm_spline(knots.tolist(), values.tolist())
    x = _divided(knots, _SAMPLES)
    error = np.abs(_values(spline, x) - _values(function, x)).max()
    return float(error) if error > _SAME * np.abs(values).max() else 0.0


def _values(function: ScalarFunction, x: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.array([function(value) for value in x])


def _about(ascending: np.ndarray, shift: float) -> np.ndarray:
    """Coefficients of the same polynomial about a zero that lies `shift` further on."""
    if shift == 0.0:
        return ascending
    moved = np.polynomial.Polynomial(ascending)(np.polynomial.Polynomial([shift, 1.0]))
    return _padded(moved.coef, ascending.size)


def _padded(row: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([row, np.zeros(size - row.size)])
