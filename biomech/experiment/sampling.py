"""Cases that are drawn: points of the unit cube, pushed through inverse distributions.

A design puts points in the unit cube, one axis per parameter; the inverse of each parameter's
distribution takes them to values. All designs share that path, so that they differ in where the
points lie and in nothing else. The same seed gives the same cases.

| kind | points | source |
| --- | --- | --- |
| `random` | independent | |
| `lhs` | one in each of `samples` equal slices of every axis | McKay, Beckman & Conover (1979), doi:10.1080/00401706.1979.10489755 |
| `sobol` | evenly spread in all axes together; scrambled | Sobol' (1967), doi:10.1016/0041-5553(67)90144-9; Matousek (1998), J. Complexity 14:527-556 |
| `saltelli` | two Sobol' samples, and each with one column of the other | Saltelli et al. (2010), doi:10.1016/j.cpc.2009.09.018 |
| `morris` | walks that change one parameter at a time | Morris (1991), doi:10.1080/00401706.1991.10484804 |

`normal` and `lognormal` are cut off at the limits of the parameter, exactly, without rejection:

    value = F^-1(F(lower) + u (F(upper) - F(lower))),    u uniform in (0, 1)

Departure, `morris`: a normal has no lowest and no highest value, so the levels of `normal` and
`lognormal` lie in the middle of `levels` equally likely slices. The levels of the others run from
the lowest value to the highest, as published.
"""  # noqa: E501

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from ..analysis.salib import salib
from ..model.names import BadInput, suggest

MAX_CASES = 1_000_000
"""Most cases of one design."""
MAX_PARAMETERS = 1000
MAX_NUMBERS = 50_000_000
"""Most cases times parameters."""
MAX_LEVELS = 100
NUMBERS = {
    "uniform": ("low", "high"),
    "loguniform": ("low", "high"),
    "triangular": ("low", "mode", "high"),
    "normal": ("mean", "standard deviation"),
    "lognormal": ("median", "sigma"),
}
"""What fixes each kind of distribution; `sigma` is the standard deviation of the logarithm."""
_LARGEST = 1e100  # of a number: its square is still one
_MOST_SIGMA = 10.0  # of a lognormal: one sigma is a factor of 22 000
_WIDEST = 1000.0  # standard deviation over range; a wider normal is uniform but for rounding
_OPEN = 2.0**-31  # share kept from either end of a tail: half a step of a Sobol' sequence

Points = Float[np.ndarray, "case parameter"]


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How likely each value of a parameter is.

    - `kind`: one of `NUMBERS`, which says what `numbers` are.
    - `lower`, `upper`: limits of the parameter; tails are cut off there.
    """

    kind: str
    numbers: tuple[float, ...]
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self):
        if self.kind not in NUMBERS:
            raise BadInput(
                f"No distribution is called '{self.kind}'. {suggest(self.kind, tuple(NUMBERS))}"
            )
        problem = self._problem()
        if problem:
            wanted = f"`{self.kind}: [{', '.join(NUMBERS[self.kind])}]`"
            shown = ", ".join(f"{x:g}" for x in self.numbers)
            raise BadInput(f"{wanted} is [{shown}]; {problem}")
        for value in self.places:
            if not self.lower <= value <= self.upper:
                raise BadInput(
                    f"`{self.kind}` has {value:g}; it must be between {self.lower:g} and "
                    f"{self.upper:g}"
                )

    def _problem(self) -> str:
        kind, numbers = self.kind, self.numbers
        if len(numbers) != len(NUMBERS[kind]):
            return f"it must have {len(NUMBERS[kind])} numbers"
        if not all(abs(x) <= _LARGEST for x in numbers):
            return f"each number must be finite, {_LARGEST:g} at most"
        if kind in ("loguniform", "lognormal") and numbers[0] < 1.0 / _LARGEST:
            return f"{NUMBERS[kind][0]} must be above 0, {1.0 / _LARGEST:g} at least"
        if self.has_tails and not numbers[1] > 0.0:
            return f"{NUMBERS[kind][1]} must be above 0"
        if kind == "lognormal" and numbers[1] > _MOST_SIGMA:
            return f"sigma, of the natural logarithm, must be {_MOST_SIGMA:g} at most"
        if kind == "normal" and numbers[1] > _WIDEST * (self.upper - self.lower):
            return f"for so wide a one write `uniform: [{self.lower:g}, {self.upper:g}]`"
        if not self.has_tails and not numbers[0] < numbers[-1]:
            return "low must be below high"
        if kind == "triangular" and not numbers[0] <= numbers[1] <= numbers[2]:
            return "mode must lie between low and high"
        return ""

    @property
    def has_tails(self) -> bool:
        """Whether values have no end but the limits of the parameter."""
        return self.kind in ("normal", "lognormal")

    @property
    def places(self) -> tuple[float, ...]:
        """Those of `numbers` that are values of the parameter."""
        return self.numbers[:1] if self.has_tails else self.numbers

    def as_plain(self) -> dict[str, list[float | None]]:
        """As JSON can hold it, with the limits if they cut a tail off; None is no limit."""
        plain: dict[str, list[float | None]] = {self.kind: list(self.numbers)}
        if self.has_tails:
            limits = (self.lower, self.upper)
            plain["limits"] = [x if math.isfinite(x) else None for x in limits]
        return plain

    def quantile(self, share: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """The value that a share `share` in [0, 1] of all values is below."""
        first, last = self.numbers[0], self.numbers[-1]
        lowest, highest = (self.lower, self.upper) if self.has_tails else (first, last)
        if self.kind == "uniform":
            value = _between(first, last, share)
        elif self.kind == "loguniform":
            value = first * (last / first) ** share
        elif self.kind == "triangular":
            value = _triangular(first, self.numbers[1], last, share)
        elif self.kind == "normal":
            z = _cut_normal((self.lower - first) / last, (self.upper - first) / last, share)
            value = first + last * z
        else:
            low, high = (_log(x / first) / last for x in (self.lower, self.upper))
            value = first * np.exp(last * _cut_normal(low, high, share))
        return np.clip(value, lowest, highest)  # which rounding may miss


def _between(low, high, share):
    return low * (1.0 - share) + high * share


def _triangular(low, mode, high, share):
    rising = low + np.sqrt(share * (high - low) * (mode - low))
    falling = high - np.sqrt((1.0 - share) * (high - low) * (high - mode))
    return np.where(share * (high - low) < mode - low, rising, falling)


def _cut_normal(low, high, share):
    """Quantile of the standard normal between low <= 0 <= high, from whichever end is nearer."""
    from scipy.special import ndtr, ndtri  # on use: slow to import

    below, above = ndtr(low), ndtr(-high)
    share = np.clip(share, _OPEN, 1.0 - _OPEN)
    from_left = below + share * (1.0 - below - above)
    from_right = above + (1.0 - share) * (1.0 - below - above)
    return np.where(from_left < from_right, ndtri(from_left), -ndtri(from_right))


def _log(x):
    return math.log(x) if x > 0.0 else -math.inf


# ------------------------------------------------------------------------------- designs


def random(parameters: int, samples: int, seed: int) -> Points:
    """Independent points."""
    return np.random.default_rng(seed).random((samples, parameters))


def latin_hypercube(parameters: int, samples: int, seed: int) -> Points:
    """Points of which one lies in each of `samples` equal slices of every axis."""
    from scipy.stats import qmc  # on use: slow to import

    return qmc.LatinHypercube(parameters, rng=np.random.default_rng(seed)).random(samples)


def sobol(parameters: int, samples: int, seed: int) -> Points:
    """The first points of a scrambled Sobol' sequence; `samples` is a power of two."""
    from scipy.stats import qmc  # on use: slow to import

    require_power_of_two(samples)
    return qmc.Sobol(parameters, rng=np.random.default_rng(seed)).random(samples)


def saltelli(parameters: int, samples: int, seed: int, second_order: bool = True) -> Points:
    """Blocks of points for Sobol' indices: a row of sample A, that row with each column of sample
    B in turn, (for indices of second order) the row of B with each column of A, the row of B.
    """
    require_power_of_two(samples)
    problem = _cube(parameters)
    return salib("sample.sobol").sample(
        problem, samples, calc_second_order=second_order, seed=np.random.default_rng(seed)
    )


def morris(parameters: int, trajectories: int, seed: int, levels: int = 4) -> Points:
    """Walks of `parameters` steps on a grid of `levels`, each step along another axis."""
    require_levels(levels)
    rng = np.random.default_rng(seed)
    return salib("sample.morris").sample(_cube(parameters), trajectories, levels, seed=rng)


def _cube(parameters: int) -> dict:
    names = [str(i) for i in range(parameters)]
    return {"num_vars": parameters, "names": names, "bounds": [[0.0, 1.0]] * parameters}


POINTS: dict[str, Callable[..., Points]] = {
    "random": random,
    "lhs": latin_hypercube,
    "sobol": sobol,
    "saltelli": saltelli,
    "morris": morris,
}
"""Every design that draws, by its `kind`."""


def require_power_of_two(samples: int) -> None:
    """`BadInput` that names the powers of two near `samples`, unless it is one."""
    if samples > 0 and samples & (samples - 1) == 0:
        return
    below = 1 << max(samples.bit_length() - 1, 0)
    raise BadInput(f"is {samples}; it must be a power of two: {below} or {2 * below}")


def require_levels(levels: int) -> None:
    """`BadInput` unless `levels` is even, so that every step has a level to lead to."""
    if not 2 <= levels <= MAX_LEVELS or levels % 2:
        raise BadInput(f"is {levels}; it must be even, 2 to {MAX_LEVELS}")


def case_count(
    kind: str,
    parameters: int,
    *,
    samples: int = 1,
    second_order: bool = True,
    trajectories: int = 1,
    levels: int = 4,
) -> int:
    """How many cases a design has."""
    if kind == "saltelli":
        return samples * ((2 if second_order else 1) * parameters + 2)
    return trajectories * (parameters + 1) if kind == "morris" else samples


def too_many(cases: int, parameters: int) -> str:
    """What is said of more cases or parameters than one design may have; else nothing."""
    if parameters > MAX_PARAMETERS:
        return f"has {parameters} parameters; at most {MAX_PARAMETERS} are varied together"
    if cases > MAX_CASES:
        shown = str(cases) if cases < 10**15 else "more than 1e15"
        return f"has {shown} cases; at most {MAX_CASES} are run at once"
    if cases * parameters > MAX_NUMBERS:
        return f"has {cases} cases of {parameters} parameters: more than {MAX_NUMBERS} values"
    return ""


def draw(distributions: Sequence[Distribution], kind: str, *, seed: int = 0, **settings) -> Points:
    """Values of every case, one column per distribution.

    `settings`: of the design; `samples` (and `second_order` of `saltelli`), or `trajectories` and
    `levels` of `morris`.

    **Raises:** `BadInput` for an unknown kind, more than `MAX_CASES` cases, settings that do not
    fit, or a missing SALib.
    """
    if kind not in POINTS:
        raise BadInput(f"No design is called '{kind}'. {suggest(kind, tuple(POINTS))}")
    count = len(distributions)
    problem = too_many(case_count(kind, count, **settings), count) if count else "has no parameter"
    if problem:
        raise BadInput(f"The design {problem}.")
    share = POINTS[kind](count, seed=seed, **settings)
    if kind == "morris":
        share = _off_the_ends(share, distributions, settings.get("levels", 4))
    columns = zip(distributions, share.T, strict=True)
    return np.stack([one.quantile(column) for one, column in columns], axis=-1)


def _off_the_ends(share: Points, distributions: Sequence[Distribution], levels: int) -> Points:
    """Levels in the middle of equally likely slices, for distributions without an end."""
    edge = np.array([0.5 / levels if one.has_tails else 0.0 for one in distributions])
    return edge + (1.0 - 2.0 * edge) * share
