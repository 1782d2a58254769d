"""The two expressions that .osim files written here may hold, as text and back.

A function in pieces, of `x` (OpenSim's `ExpressionBasedFunction`), one term for each piece:

    step(x-(b1))*(1-step(x-(b2)))*((c0)+(c1)*(x-(o))^1+(c2)*(x-(o))^2)

A passive moment, of `q` and `qdot` (OpenSim's `ExpressionBasedCoordinateForce`), with the law and
the sign of `muscles.passive_moments`.

Reading evaluates nothing. The numbers are taken out of the text, and it is one of the two only if
writing these numbers gives the very same text; so no other expression can pass.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"\((-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\)")
_TERM = r"\(-?[\d.e+-]+\)(?:\*\(x-\(-?[\d.e+-]+\)\)\^\d+)?"
_POLYNOMIAL = re.compile(rf"\(({_TERM}(?:\+{_TERM})*)\)")
_LOWER_BREAK = re.compile(r"(?<!-)step\(x-(\([^()]+\))\)\*")
_PASSIVE_NUMBERS = (
    *("stiffness", "neutral", "damping", "lower_moment", "lower_angle", "lower_width"),
    *("upper_moment", "upper_angle", "upper_width"),
)
_PASSIVE_MOMENT = (
    "({stiffness})*(({neutral})-q)-({damping})*qdot"
    "+({lower_moment})*exp((({lower_angle})-q)/({lower_width}))"
    "-({upper_moment})*exp((q-({upper_angle}))/({upper_width}))"
)


def piecewise_expression(
    breaks: Sequence[float], origin: Sequence[float], coefficients: Sequence[Sequence[float]]
) -> str:
    """The function of `PiecewisePolynomial`, which says what the arguments are."""
    above = ["", *(f"step(x-({b!r}))*" for b in breaks)]
    below = [*(f"(1-step(x-({b!r})))*" for b in breaks), ""]
    pieces = (_polynomial(o, row) for o, row in zip(origin, coefficients, strict=True))
    return "+".join(map("".join, zip(above, below, pieces, strict=True)))


def _polynomial(origin: float, ascending: Sequence[float]) -> str:
    powers = (f"({c!r})*(x-({origin!r}))^{n}" for n, c in enumerate(ascending) if n)
    return f"({'+'.join((f'({ascending[0]!r})', *powers))})"


def read_piecewise(expression: str) -> dict[str, Any] | None:
    """The described function of a text `piecewise_expression` wrote; None for any other."""
    text = "".join(expression.split())
    numbers = [_floats(polynomial) for polynomial in _POLYNOMIAL.findall(text)]
    breaks = _floats("".join(_LOWER_BREAK.findall(text)))
    if not numbers or len(breaks) != len(numbers) - 1:
        return None
    origin = [row[2] if len(row) > 1 else 0.0 for row in numbers]
    coefficients = [[row[0], *row[1::2]] for row in numbers]
    if piecewise_expression(breaks, origin, coefficients) != text:
        return None
    return {"kind": "piecewise", "breaks": breaks, "origin": origin, "coefficients": coefficients}


def passive_moment_expression(moment: Mapping[str, Any]) -> str:
    """The moment [N m] of a described passive moment."""
    return _PASSIVE_MOMENT.format(**{key: repr(moment[key]) for key in _PASSIVE_NUMBERS})


def read_passive_moment(expression: str) -> dict[str, float] | None:
    """The numbers of a text `passive_moment_expression` wrote; None for any other."""
    text = "".join(expression.split())
    numbers = _floats(text)
    if len(numbers) != len(_PASSIVE_NUMBERS):
        return None
    moment = dict(zip(_PASSIVE_NUMBERS, numbers, strict=True))
    return moment if passive_moment_expression(moment) == text else None


def _floats(text: str) -> list[float]:
    return [float(word) for word in _NUMBER.findall(text)]
