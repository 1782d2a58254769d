"""Fitting smooth polynomials to the exact muscle paths, and saying how well they fit.

Least squares on lengths and moment arms together, over poses sampled around a motion and in the
box of coordinate ranges that it visits:

    minimize  sum_s [ ((L_s - l(q_s)) / 0.5 mm)^2 + sum_j ((r_js + dl/dq_j(q_s)) / 1 mm)^2 ]

plus a small ridge. A muscle's coordinates are the free ones along which its exact moment arm
exceeds 1 um anywhere in the samples; its degree is the lowest that comes close to the least error
on samples that the fit has not seen. Errors are reported on further unseen samples.

Smoothness is bought with error: where a wrap comes or goes the exact moment arm has a kink, and
where a conditional point comes or goes the exact length jumps. A polynomial cannot follow; the
report says by how much it misses, and `gate` refuses it.

Source: see `model.path_surrogate`. Samples: Latin hypercube, McKay, Beckman & Conover (1979),
Technometrics 21:239-245, doi:10.1080/00401706.1979.10489755, drawn with the density
1 / sqrt(1 - x^2) towards the ends, where polynomials err most.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..dynamics.kinematics import apply_couplers, pose, project_couplers
from ..model.body import Model
from ..model.names import BadInput, find
from ..model.path_surrogate import (
    PathSurrogates,
    PolynomialGroup,
    chebyshev,
    polynomial_terms,
    products,
    term_derivatives,
)
from .paths import moment_arms, path_geometry

LENGTH_GATE = 0.5e-3
"""Largest root-mean-square length error [m]."""
ARM_GATE = 1e-3
"""Largest root-mean-square moment-arm error, worst coordinate [m, or - for translations]."""
SIGN_MATTERS = 3e-3
"""Moment arms beyond this must have the right sign [m]."""
_DEPENDS = 1e-6  # a moment arm beyond this makes a muscle depend on a coordinate [m]
_LEAST_WIDTH = 0.1  # of the range of a coordinate that hardly moves [rad or m]
_GOOD_ENOUGH = 0.01  # of the gates: no higher degree is tried
_CLOSE = 1.1  # the lowest degree within this factor of the least error is kept
_ROWS_PER_TERM = 2.0  # at least, or the degree is not tried
_RIDGE = 1e-11  # of the normal matrix's diagonal
_MAX_DEGREE = {1: 12, 2: 10, 3: 8, 4: 7, 5: 6, 6: 5}  # by number of coordinates; beyond: 4
_LINES, _LINE_POINTS = 16, 40  # of each kind across the box, to find jumps
_CHUNK = 256  # poses evaluated at once: one compilation for any number of samples


@dataclasses.dataclass(frozen=True, eq=False)
class Errors:
    """Surrogate minus exact over one set of unseen poses, by muscle (host arrays).

    **Attributes:**

    - `length_rms`, `length_max`: [m].
    - `arm_rms`, `arm_max`: of the worst coordinate [m].
    - `wrong_sign`: share of moment arms beyond 3 mm whose sign is wrong [-].
    - `jump`: largest jump of the exact length found along the motion, or along lines across the
      box and through the worst misfits [m]: a conditional point or a wrap comes or goes.
    - `count`: number of poses.
    """

    length_rms: Float[np.ndarray, " muscle"]
    length_max: Float[np.ndarray, " muscle"]
    arm_rms: Float[np.ndarray, " muscle"]
    arm_max: Float[np.ndarray, " muscle"]
    wrong_sign: Float[np.ndarray, " muscle"]
    jump: Float[np.ndarray, " muscle"]
    count: int


@dataclasses.dataclass(frozen=True, eq=False)
class FitReport:
    """How well surrogates fit, on poses that the fit has not seen.

    **Attributes:**

    - `names`: of the muscles.
    - `coordinates`: that each muscle depends on.
    - `degree`: total degree of each muscle's polynomial; 0 if it depends on nothing.
    - `motion`: errors at every other frame of the motion, withheld; None without a motion.
    - `box`: errors over the box of coordinate ranges.
    """

    names: tuple[str, ...]
    coordinates: tuple[tuple[str, ...], ...]
    degree: tuple[int, ...]
    motion: Errors | None
    box: Errors

    def __str__(self):
        return table(self)


def fit_surrogate(
    model: Model,
    motion: Float[np.ndarray, "frame coordinate"] | None = None,
    *,
    ranges: Mapping[str, Sequence[float]] | None = None,
    margin: float = 0.1,
    samples: int = 1000,
    max_degree: int | None = None,
    seed: int = 0,
) -> tuple[PathSurrogates, FitReport]:
    """Smooth surrogates of all muscle paths of `model`, and how well they fit.

    - `motion`: coordinates of some frames [rad or m], in the model's order.
    - `ranges`: lowest and highest value of coordinates, by name [rad or m]; instead of the
      motion's. A coordinate with neither gets the range given in the model.
    - `margin`: share of each range added at both ends.
    - `samples`: number of poses to fit; a quarter as many more choose the degrees, half as many
      more are for the report.
    - `max_degree`: of every muscle; by default 12 for one coordinate down to 4 for seven.
    - `seed`: of the sampling. Same seed, same surrogates.
    """
    frames = None if motion is None else _checked_motion(model, motion)
    low, high = _box(model, frames, ranges or {}, margin)
    data = _sampled(model, frames, low, high, margin, samples, seed)
    found = _fit(data, max_degree)
    surrogates = _record(model, data, found)
    names = model.skeleton.coordinates.names
    on_motion = None
    if frames is not None:
        walked = data.exact["motion"]
        on_motion = _errors(surrogates, walked.every_other(), _jump(walked, len(frames)))
    report = FitReport(
        names=model.muscles.names,
        coordinates=tuple(tuple(names[c] for c in one.coordinates) for one in found),
        degree=tuple(one.degree for one in found),
        motion=on_motion,
        box=_errors(surrogates, data.exact["box"], _jump_in_box(model, data, surrogates)),
    )
    return surrogates, report


def gate(report: FitReport, over: str = "motion", *, throw: bool = True) -> dict[str, str]:
    """Which muscles' surrogates must not be used, and why.

    - `over`: "motion" or "box". Without a motion it is the box.
    - `throw`: raise `BadInput` if there are any.
    """
    if over not in ("motion", "box"):
        raise BadInput(f"`gate` got over='{over}'. Pass 'motion' or 'box'.")
    errors = report.motion if over == "motion" and report.motion is not None else report.box
    failed = {}
    for i, name in enumerate(report.names):
        reasons = []
        if not errors.length_rms[i] <= LENGTH_GATE:
            reasons.append(f"length off by {1e3 * errors.length_rms[i]:.2f} mm RMS")
        if not errors.arm_rms[i] <= ARM_GATE:
            reasons.append(f"moment arm off by {1e3 * errors.arm_rms[i]:.2f} mm RMS")
        if not errors.wrong_sign[i] <= 0.0:
            share = 100.0 * errors.wrong_sign[i]
            reasons.append(f"{share:.1f} % of moment arms beyond 3 mm have the wrong sign")
        if not errors.jump[i] <= LENGTH_GATE:
            reasons.append(f"the exact length jumps by {1e3 * errors.jump[i]:.2f} mm")
        if reasons:
            failed[name] = "; ".join(reasons)
    if failed and throw:
        lines = "\n".join(f"  {name}: {reason}" for name, reason in failed.items())
        raise BadInput(
            f"The surrogates of {len(failed)} of {len(report.names)} muscle paths are too far "
            f"from the exact ones:\n{lines}\nFit them over a smaller range of motion, with more "
            "`samples`, or use the exact paths for these muscles."
        )
    return failed


def table(report: FitReport) -> str:
    """The report as text, one line per muscle; errors in mm as RMS / largest."""
    parts = [("motion", report.motion), ("box", report.box)]
    parts = [(name, part) for name, part in parts if part is not None]
    columns = "".join(
        f" | {f'{name}: length':>15} {'moment arm':>15} {'sign %':>6} {'jump':>5}"
        for name, _ in parts
    )
    lines = [f"{'muscle':<14} {'n':>2} {'deg':>3}{columns}"]
    for i, name in enumerate(report.names):
        line = f"{name:<14} {len(report.coordinates[i]):>2} {report.degree[i]:>3}"
        for _, part in parts:
            length = f"{1e3 * part.length_rms[i]:.3f} / {1e3 * part.length_max[i]:.3f}"
            arm = f"{1e3 * part.arm_rms[i]:.3f} / {1e3 * part.arm_max[i]:.3f}"
            share, jump = 100.0 * part.wrong_sign[i], 1e3 * part.jump[i]
            line += f" | {length:>15} {arm:>15} {share:>6.2f} {jump:>5.2f}"
        lines.append(line)
    return "\n".join(lines)


# --- exact geometry at samples ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Samples:
    """Poses with their exact lengths and moment arms."""

    value: np.ndarray  # [sample, coordinate]
    length: np.ndarray  # [sample, muscle]
    arm: np.ndarray  # [sample, muscle, coordinate]

    def every_other(self):
        """The frames that were not fitted."""
        return _Samples(self.value[1::2], self.length[1::2], self.arm[1::2])


@dataclasses.dataclass(frozen=True, eq=False)
class _Data:
    """All samples, by purpose, and the box they come from."""

    exact: dict[str, _Samples]
    depends: np.ndarray  # [muscle, coordinate]
    center: np.ndarray
    half_width: np.ndarray


@eqx.filter_jit
def _exact_chunk(skeleton_and_paths, values):
    skeleton, paths = skeleton_and_paths

    def one(value):
        value = apply_couplers(skeleton, value)
        now = pose(skeleton, value)
        found = path_geometry(paths, now, value)
        arm = moment_arms(found, skeleton, now)
        return found.length, project_couplers(skeleton, value, arm)

    return jax.vmap(one)(values)


@eqx.filter_jit
def _surrogate_chunk(surrogates, values):
    return jax.vmap(surrogates.length_and_moment_arm)(values)


def _in_chunks(evaluate, record, values):
    """Lengths and moment arms at many poses, on the host; one shape, so one compilation."""
    count = values.shape[0]
    padded = np.concatenate([values, np.repeat(values[-1:], -count % _CHUNK, axis=0)])
    chunks = np.split(padded, padded.shape[0] // _CHUNK)
    found = [jax.tree.map(np.asarray, evaluate(record, jnp.asarray(part))) for part in chunks]
    lengths, arms = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return lengths, arms


def exact_lengths_and_arms(
    model: Model, values: Float[np.ndarray, "sample coordinate"]
) -> tuple[Float[np.ndarray, "sample muscle"], Float[np.ndarray, "sample muscle coordinate"]]:
    """Exact lengths and moment arms (couplers respected) at many poses, on the host."""
    return _in_chunks(_exact_chunk, (model.skeleton, model.muscles.paths), values)


def _checked_motion(model, motion):
    frames = np.asarray(motion, dtype=float)
    n = len(model.skeleton.coordinates.names)
    if frames.ndim != 2 or frames.shape[1] != n or frames.shape[0] < 2:
        raise BadInput(
            f"`fit_surrogate` got a motion of shape {frames.shape}. Pass [frame, coordinate] with "
            f"at least 2 frames and the model's {n} coordinates, in its order."
        )
    if not np.all(np.isfinite(frames)):
        raise BadInput("`fit_surrogate` got a motion with nan or inf. Fill the gaps first.")
    return frames


def _box(model, frames, ranges, margin):
    """Lowest and highest value of every coordinate; equal for those that are not free."""
    coordinates = model.skeleton.coordinates
    if frames is None:
        low, high = np.array(coordinates.lower, float), np.array(coordinates.upper, float)
    else:
        low, high = frames.min(axis=0), frames.max(axis=0)
        still = np.maximum(_LEAST_WIDTH - (high - low), 0.0)
        low, high = low - 0.5 * still, high + 0.5 * still
    for name, (lowest, highest) in ranges.items():
        if not (np.isfinite(lowest) and np.isfinite(highest) and lowest < highest):
            raise BadInput(
                f"The range of '{name}' runs from {lowest} to {highest}. Pass (lowest, highest)."
            )
        index = find("coordinate", name, coordinates.names)
        low[index], high[index] = lowest, highest
    fixed = np.ones(low.size, dtype=bool)
    fixed[list(coordinates.free)] = False
    stay = np.array(coordinates.default_value, float) if frames is None else frames[0]
    low[fixed] = high[fixed] = stay[fixed]
    unbounded = [coordinates.names[i] for i in np.flatnonzero(~np.isfinite(low + high))]
    if unbounded:
        raise BadInput(f"No finite range is known for {unbounded}. Pass them in `ranges`.")
    return low - margin * (high - low), high + margin * (high - low)


def _hypercube(generator, count, dimensions):
    """Latin hypercube in (0, 1): each coordinate has one sample in each of `count` strata."""
    strata = generator.permuted(np.tile(np.arange(count), (dimensions, 1)), axis=1).T
    return (strata + generator.random((count, dimensions))) / count


def _sampled(model, frames, low, high, margin, samples, seed):
    """Poses and exact geometry: in the box, around the motion, on it, on lines across the box."""
    generator = np.random.default_rng(seed)
    center, half = 0.5 * (low + high), 0.5 * (high - low)
    n, half_of, quarter = low.size, max(samples // 2, 8), max(samples // 4, 8)

    def inside(count, ends=False):
        share = _hypercube(generator, count, n)
        x = -np.cos(np.pi * share) if ends else 2.0 * share - 1.0
        return center + half * x

    def around(count):
        """Poses near those of the motion, between frames, inside the box."""
        place = generator.random(count) * (frames.shape[0] - 1)
        first = np.minimum(place.astype(int), frames.shape[0] - 2)
        share = (place - first)[:, None]
        on = (1.0 - share) * frames[first] + share * frames[first + 1]
        off = (2.0 * _hypercube(generator, count, n) - 1.0) * 2.0 * margin * half
        return np.clip(on + off, low, high)

    def across():
        """Curves from corner to corner, so past every value of every coordinate, and chords."""
        t = np.linspace(0.0, 1.0, _LINE_POINTS)[None, :, None]
        corner = generator.choice([-1.0, 1.0], size=(_LINES, 1, n))
        bend = generator.uniform(-0.9, 0.9, size=(_LINES, 1, n))
        curve = center + half * corner * (2.0 * (t + bend * t * (1.0 - t)) - 1.0)
        start, end = inside(_LINES, ends=True)[:, None], inside(_LINES, ends=True)[:, None]
        return np.concatenate([curve, start + t * (end - start)]).reshape(-1, n)

    values = {"box": inside(half_of), "across": across()}
    if frames is None:
        values["fit"], values["choose"] = inside(samples, ends=True), inside(quarter)
    else:
        around_too = [around(samples - half_of), np.clip(frames[::2], low, high)]
        values["fit"] = np.concatenate([inside(half_of, ends=True), *around_too])
        values["choose"] = np.concatenate([inside(quarter // 2), around(quarter // 2)])
        values["motion"] = frames
    lengths, arms = exact_lengths_and_arms(model, np.concatenate(list(values.values())))
    free = np.isin(np.arange(n), model.skeleton.coordinates.free)
    arms = np.where(free, arms, 0.0)  # a locked coordinate does not vary
    ends = np.cumsum([len(part) for part in values.values()])[:-1]
    pieces = zip(values, np.split(lengths, ends), np.split(arms, ends), strict=True)
    exact = {name: _Samples(values[name], *parts) for name, *parts in pieces}
    depends = np.abs(arms).max(axis=0) > _DEPENDS
    return _Data(exact, depends, center, np.where(half > 0.0, half, 1.0))


# --- least squares ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Polynomial:
    """One muscle's fitted polynomial."""

    coordinates: tuple[int, ...]
    degree: int
    coefficients: np.ndarray  # [term]


def _fit(data, max_degree):
    """A `_Polynomial` for every muscle; muscles with the same coordinates share the work."""
    sets = {}
    for muscle, row in enumerate(data.depends):
        sets.setdefault(tuple(np.flatnonzero(row).tolist()), []).append(muscle)
    found = {}
    for coordinates, muscles in sets.items():
        polynomials = _fit_set(data, coordinates, muscles, max_degree)
        found.update(zip(muscles, polynomials, strict=True))
    return [found[muscle] for muscle in range(len(data.depends))]


def _fit_set(data, coordinates, muscles, max_degree):
    n = len(coordinates)
    if n == 0:
        flat = data.exact["fit"].length[:, muscles].mean(axis=0)
        return [_Polynomial((), 0, np.array([level])) for level in flat]
    degrees = _degrees(n, max_degree, data.exact["fit"].value.shape[0])
    matrix, right = _equations(data.exact["fit"], data, coordinates, muscles, degrees[-1])
    unseen, truth = _equations(data.exact["choose"], data, coordinates, muscles, degrees[-1])
    scale = np.sqrt(np.sum(matrix**2, axis=0))
    normal = (matrix.T @ matrix) / (scale[:, None] * scale)
    projected = (matrix.T @ right) / scale[:, None]

    def solve(degree):
        """Terms are sorted by degree: a lower degree is the leading block."""
        size = len(polynomial_terms(n, degree))
        block = normal[:size, :size] + _RIDGE * np.eye(size)
        return np.linalg.solve(block, projected[:size]) / scale[:size, None]

    tried, errors = [], []
    for degree in degrees:
        coefficients = solve(degree)
        miss = unseen[:, : coefficients.shape[0]] @ coefficients - truth
        tried.append(coefficients)
        errors.append(np.sqrt(np.mean(miss**2, axis=0)))
        if np.all(errors[-1] < _GOOD_ENOUGH):
            break
    errors = np.array(errors)
    enough = np.maximum(_CLOSE * errors.min(axis=0), _GOOD_ENOUGH)
    chosen = np.argmax(errors <= enough, axis=0)
    return [_Polynomial(coordinates, degrees[d], tried[d][:, i]) for i, d in enumerate(chosen)]


def _degrees(n, max_degree, samples):
    """Degrees worth trying: enough equations for every term."""
    most = max_degree or _MAX_DEGREE.get(n, 4)
    rows = samples * (1 + n)
    allowed = [
        d for d in range(1, most + 1) if _ROWS_PER_TERM * len(polynomial_terms(n, d)) <= rows
    ]
    if not allowed:
        raise BadInput(f"{samples} samples cannot determine a function of {n} coordinates.")
    return allowed


def _equations(samples, data, coordinates, muscles, degree):
    """Weighted rows of lengths, then of moment arms, in units of the gates: (matrix, right)."""
    used = np.array(coordinates)
    x = (samples.value[:, used] - data.center[used]) / data.half_width[used]
    terms = products(chebyshev(x, degree), np.arange(used.size)[None], degree)[:, 0]
    slopes = term_derivatives(used.size, degree)
    matrix, right = [terms / LENGTH_GATE], [samples.length[:, muscles] / LENGTH_GATE]
    for coordinate, slope in zip(coordinates, slopes, strict=True):
        matrix.append(terms @ slope.T / (-data.half_width[coordinate] * ARM_GATE))
        right.append(samples.arm[:, muscles, coordinate] / ARM_GATE)
    return np.concatenate(matrix), np.concatenate(right)


def _record(model, data, found):
    """All polynomials as one batched record."""
    groups = []
    for n in sorted({len(one.coordinates) for one in found} - {0}):
        members = [i for i, one in enumerate(found) if len(one.coordinates) == n]
        sets = sorted({found[i].coordinates for i in members})
        rows = tuple(tuple(i for i in members if found[i].coordinates == c) for c in sets)
        degree = max(found[i].degree for i in members)
        terms = len(polynomial_terms(n, degree))
        coefficients = np.zeros((len(sets), max(map(len, rows)), 1 + n, terms))
        for s, (coordinates, muscles) in enumerate(zip(sets, rows, strict=True)):
            for r, muscle in enumerate(muscles):
                own = found[muscle].coefficients[1:]
                coefficients[s, r, 0, 1 : 1 + own.size] = own
            slopes = coefficients[s, :, 0] @ term_derivatives(n, degree)
            width = data.half_width[list(coordinates)]
            coefficients[s, :, 1:] = -np.swapaxes(slopes, 0, 1) / width[:, None]
        groups.append(PolynomialGroup(jnp.asarray(coefficients), tuple(sets), rows, degree))
    return PathSurrogates(
        jnp.asarray(np.array([one.coefficients[0] for one in found])),
        jnp.asarray(data.center),
        jnp.asarray(data.half_width),
        tuple(groups),
        model.muscles.names,
    )


# --- errors -------------------------------------------------------------------------------------


def _errors(surrogates, exact, jump):
    length, arm = _in_chunks(_surrogate_chunk, surrogates, exact.value)
    length_miss, arm_miss = length - exact.length, arm - exact.arm
    matters = np.abs(exact.arm) > SIGN_MATTERS
    wrong = matters & (arm * exact.arm <= 0.0)
    rms = lambda miss: np.sqrt(np.mean(miss**2, axis=0))
    return Errors(
        length_rms=rms(length_miss),
        length_max=np.abs(length_miss).max(axis=0),
        arm_rms=rms(arm_miss).max(axis=-1),
        arm_max=np.abs(arm_miss).max(axis=(0, 2)),
        wrong_sign=wrong.sum(axis=(0, 2)) / np.maximum(matters.sum(axis=(0, 2)), 1),
        jump=jump,
        count=exact.value.shape[0],
    )


def _jump(exact, points):
    """What moment arms do not account for between neighbours on lines of `points` poses [m].

    Step of the length plus mean moment arm times step of the coordinates, the trapezoidal rule.
    """
    line = lambda array: array.reshape(-1, points, *array.shape[1:])
    value, length, arm = line(exact.value), line(exact.length), line(exact.arm)
    work = np.einsum("lsmc,lsc->lsm", 0.5 * (arm[:, 1:] + arm[:, :-1]), np.diff(value, axis=1))
    return np.abs(np.diff(length, axis=1) + work).max(axis=(0, 1))


def _jump_in_box(model, data, surrogates):
    """Largest jump on the lines across the box, and on lines through the worst misfits."""
    jump = _jump(data.exact["across"], _LINE_POINTS)
    seen = [data.exact[name] for name in ("fit", "choose", "box")]
    value, length, arm = (
        np.concatenate([getattr(part, field) for part in seen])
        for field in ("value", "length", "arm")
    )
    fitted_length, fitted_arm = _in_chunks(_surrogate_chunk, surrogates, value)
    arm_miss = np.abs(fitted_arm - arm).max(axis=-1)
    miss = np.maximum(np.abs(fitted_length - length) / LENGTH_GATE, arm_miss / ARM_GATE)
    suspects = [
        (muscle, coordinate)
        for muscle in np.flatnonzero(miss.max(axis=0) > 1.0)
        for coordinate in np.flatnonzero(data.depends[muscle])
    ]
    if not suspects:
        return jump
    lines = []
    for muscle, coordinate in suspects:
        line = np.repeat(value[miss[:, muscle].argmax()][None], _LINE_POINTS, axis=0)
        center, half = data.center[coordinate], data.half_width[coordinate]
        line[:, coordinate] = np.linspace(center - half, center + half, _LINE_POINTS)
        lines.append(line)
    lines = np.concatenate(lines)
    exact = _Samples(lines, *exact_lengths_and_arms(model, lines))
    for row, (muscle, _) in enumerate(suspects):
        rows = slice(row * _LINE_POINTS, (row + 1) * _LINE_POINTS)
        line = _Samples(exact.value[rows], exact.length[rows], exact.arm[rows])
        jump[muscle] = max(jump[muscle], _jump(line, _LINE_POINTS)[muscle])
    return jump


__all__ = [
    "ARM_GATE",
    "Errors",
    "FitReport",
    "LENGTH_GATE",
    "SIGN_MATTERS",
    "exact_lengths_and_arms",
    "fit_surrogate",
    "gate",
    "table",
]
