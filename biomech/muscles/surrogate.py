"""Fitting smooth polynomials to the exact muscle paths, and saying how well they fit.

Least squares on lengths and moment arms together, over poses sampled around a motion and in the
box of coordinate ranges that it visits:

    minimize  sum_s w_s [ ((L_s - l(q_s)) / 0.5 mm)^2 + sum_j ((r_js + dl/dq_j(q_s)) / 1 mm)^2 ]

plus a small ridge. A muscle's coordinates are those along which its exact moment arm exceeds 1 um
anywhere in the samples; its degree is the lowest that comes close to the least error on samples
that the fit has not seen. Errors are reported on further unseen samples.

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
from ..model.path_surrogate import PathSurrogates, PolynomialGroup, basis, polynomial_terms
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
_STEP = 1e-7  # to either side of where a point comes or goes [rad or m]
_CHUNK = 256  # poses evaluated at once: one compilation for any number of samples


@dataclasses.dataclass(frozen=True, eq=False)
class Errors:
    """Surrogate minus exact over one set of unseen poses, by muscle (host arrays).

    **Attributes:**

    - `length_rms`, `length_max`: [m].
    - `arm_rms`, `arm_max`: of the worst coordinate [m].
    - `wrong_sign`: share of moment arms beyond 3 mm whose sign is wrong [-].
    - `count`: number of poses.
    """

    length_rms: Float[np.ndarray, " muscle"]
    length_max: Float[np.ndarray, " muscle"]
    arm_rms: Float[np.ndarray, " muscle"]
    arm_max: Float[np.ndarray, " muscle"]
    wrong_sign: Float[np.ndarray, " muscle"]
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
    - `jump`: largest jump of the exact length where a conditional point comes or goes inside the
      box [m]; nan where that could not be measured.
    """

    names: tuple[str, ...]
    coordinates: tuple[tuple[str, ...], ...]
    degree: tuple[int, ...]
    motion: Errors | None
    box: Errors
    jump: Float[np.ndarray, " muscle"]

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
    - `samples`: number of poses to fit; a quarter as many again choose the degrees, and as many
      as those are for the report.
    - `max_degree`: of every muscle; by default 12 for one coordinate down to 4 for seven.
    - `seed`: of the sampling. Same seed, same surrogates.
    """
    frames = None if motion is None else _checked_motion(model, motion)
    low, high = _box(model, frames, ranges or {}, margin)
    data = _sampled(model, frames, low, high, margin, samples, seed)
    found = _fit(data, max_degree)
    surrogates = _record(model, data, found)
    test = {name: _errors(surrogates, part) for name, part in data.held_out.items()}
    names = model.skeleton.coordinates.names
    report = FitReport(
        names=model.muscles.names,
        coordinates=tuple(tuple(names[c] for c in one.coordinates) for one in found),
        degree=tuple(one.degree for one in found),
        motion=test.get("motion"),
        box=test["box"],
        jump=_jumps(model, data),
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
        if not report.jump[i] <= LENGTH_GATE:
            size = f"by {1e3 * report.jump[i]:.2f} mm" if report.jump[i] >= 0.0 else "maybe"
            reasons.append(f"the length jumps {size} where a conditional point comes or goes")
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
    columns = "".join(f" | {f'{n}: length':>15} {'moment arm':>15} {'sign %':>6}" for n, _ in parts)
    lines = [f"{'muscle':<14} {'n':>2} {'deg':>3}{columns} | {'jump':>6}"]
    for i, name in enumerate(report.names):
        line = f"{name:<14} {len(report.coordinates[i]):>2} {report.degree[i]:>3}"
        for _, part in parts:
            length = f"{1e3 * part.length_rms[i]:.3f} / {1e3 * part.length_max[i]:.3f}"
            arm = f"{1e3 * part.arm_rms[i]:.3f} / {1e3 * part.arm_max[i]:.3f}"
            line += f" | {length:>15} {arm:>15} {100.0 * part.wrong_sign[i]:>6.2f}"
        lines.append(f"{line} | {1e3 * report.jump[i]:>6.2f}")
    return "\n".join(lines)


# --- exact geometry at samples ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Samples:
    """Poses with their exact lengths and moment arms, and each pose's share in the fit."""

    value: np.ndarray  # [sample, coordinate]
    length: np.ndarray  # [sample, muscle]
    arm: np.ndarray  # [sample, muscle, coordinate]
    weight: np.ndarray  # [sample]

    def part(self, rows):
        """Some of the samples."""
        return _Samples(self.value[rows], self.length[rows], self.arm[rows], self.weight[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class _Data:
    """Samples to fit, to choose the degrees by, and to report on; and the box they come from."""

    fit: _Samples
    choose: _Samples
    held_out: dict
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
    return tuple(np.concatenate(parts)[:count] for parts in zip(*found, strict=True))


def exact_lengths_and_arms(
    model: Model, values: Float[np.ndarray, "sample coordinate"]
) -> tuple[Float[np.ndarray, "sample muscle"], Float[np.ndarray, "sample muscle coordinate"]]:
    """Exact muscle-tendon lengths and moment arms (couplers respected) at many poses, on the host."""
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
    generator = np.random.default_rng(seed)
    center, half = 0.5 * (low + high), 0.5 * (high - low)
    fewer = max(samples // 4, 8)
    n = low.size

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
        off = (2.0 * _hypercube(generator, count, n) - 1.0) * half * 2.0 * margin
        return np.clip(on + off, low, high)

    def blend(count, ends):
        if frames is None:
            return [(inside(count, ends), 1.0)]
        return [(inside(count // 2, ends), 1.0), (around(count - count // 2), 1.0)]

    parts = {"fit": blend(samples, True), "choose": blend(fewer, False)}
    parts["box"] = [(inside(fewer), 1.0)]
    if frames is not None:
        parts["fit"].append((np.clip(frames[::2], low, high), 1.0))
        parts["motion"] = [(frames[1::2], 1.0)]
    parts = {name: _joined(pieces) for name, pieces in parts.items()}
    lengths, arms = exact_lengths_and_arms(model, np.concatenate([v for v, _ in parts.values()]))
    sampled, start = {}, 0
    for name, (value, weight) in parts.items():
        rows = slice(start, start + value.shape[0])
        sampled[name] = _Samples(value, lengths[rows], arms[rows], weight)
        start = rows.stop
    held_out = {name: sampled[name] for name in ("motion", "box") if name in sampled}
    depends = np.abs(arms).max(axis=0) > _DEPENDS
    width = np.where(half > 0.0, half, 1.0)
    return _Data(sampled["fit"], sampled["choose"], held_out, depends, center, width)


def _joined(pieces):
    values = np.concatenate([value for value, _ in pieces])
    return values, np.concatenate([np.full(len(value), weight) for value, weight in pieces])


# --- least squares ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _Polynomial:
    """One muscle's fitted polynomial."""

    coordinates: tuple[int, ...]
    degree: int
    offset: float
    coefficients: np.ndarray  # [term]


def _fit(data, max_degree):
    """A `_Polynomial` for every muscle; muscles with the same coordinates share the work."""
    sets = {}
    for muscle, row in enumerate(data.depends):
        sets.setdefault(tuple(np.flatnonzero(row).tolist()), []).append(muscle)
    found = [None] * len(data.depends)
    for coordinates, muscles in sets.items():
        for muscle, one in zip(muscles, _fit_set(data, coordinates, muscles, max_degree)):
            found[muscle] = one
    return found


def _fit_set(data, coordinates, muscles, max_degree):
    n = len(coordinates)
    if n == 0:
        flat = data.fit.length[:, muscles].mean(axis=0)
        return [_Polynomial((), 0, float(level), np.zeros(0)) for level in flat]
    degrees = _degrees(n, max_degree, data.fit.value.shape[0])
    matrix, right = _equations(data.fit, data, coordinates, muscles, degrees[-1])
    unseen, truth = _equations(data.choose, data, coordinates, muscles, degrees[-1])
    scale = np.sqrt(np.sum(matrix**2, axis=0))
    normal = (matrix.T @ matrix) / (scale[:, None] * scale)
    projected = (matrix.T @ right) / scale[:, None]

    def solve(degree):
        """Terms are sorted by degree: a lower degree is the leading block."""
        size = 1 + len(polynomial_terms(n, degree))
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
    return [
        _Polynomial(coordinates, degrees[d], float(tried[d][0, i]), tried[d][1:, i])
        for i, d in enumerate(chosen)
    ]


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
    center, width = data.center[used], data.half_width[used]
    terms, slopes = basis((samples.value[:, used] - center) / width, degree)
    one = np.ones((terms.shape[0], 1))
    matrix = [np.concatenate([one, terms], axis=1) / LENGTH_GATE]
    right = [samples.length[:, muscles] / LENGTH_GATE]
    for j, coordinate in enumerate(coordinates):
        slope = np.concatenate([0.0 * one, slopes[:, j] / width[j]], axis=1)
        matrix.append(-slope / ARM_GATE)
        right.append(samples.arm[:, muscles, coordinate] / ARM_GATE)
    weight = np.tile(np.sqrt(samples.weight), 1 + len(coordinates))[:, None]
    return weight * np.concatenate(matrix), weight * np.concatenate(right)


def _record(model, data, found):
    """All polynomials as one batched record."""
    groups = []
    for n in sorted({len(one.coordinates) for one in found} - {0}):
        members = [i for i, one in enumerate(found) if len(one.coordinates) == n]
        sets = sorted({found[i].coordinates for i in members})
        rows = tuple(tuple(i for i in members if found[i].coordinates == c) for c in sets)
        degree = max(found[i].degree for i in members)
        size = len(polynomial_terms(n, degree))
        coefficients = np.zeros((len(sets), max(map(len, rows)), size))
        for s, muscles in enumerate(rows):
            for r, muscle in enumerate(muscles):
                own = found[muscle].coefficients
                coefficients[s, r, : own.size] = own
        groups.append(PolynomialGroup(jnp.asarray(coefficients), tuple(sets), rows, degree))
    return PathSurrogates(
        jnp.asarray([one.offset for one in found]),
        jnp.asarray(data.center),
        jnp.asarray(data.half_width),
        tuple(groups),
        model.muscles.names,
    )


# --- errors -------------------------------------------------------------------------------------


def _errors(surrogates, exact):
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
        count=exact.value.shape[0],
    )


def _jumps(model, data, poses=32):
    """Largest step of the exact length across each end of a conditional point's range."""
    paths, coordinates = model.muscles.paths, model.skeleton.coordinates
    jump = np.zeros(len(paths.names))
    low, high = data.center - data.half_width, data.center + data.half_width
    ends, sides = [], []
    for (muscle, _, coordinate), condition in zip(paths.conditional, paths.condition_range):
        if coordinate in coordinates.dependent:
            jump[muscle] = np.nan
        for end in np.asarray(condition):
            if coordinate in coordinates.free and low[coordinate] < end < high[coordinate]:
                ends.append(muscle)
                for side in (end - _STEP, end + _STEP):
                    sides.append(data.held_out["box"].value[:poses].copy())
                    sides[-1][:, coordinate] = side
    if ends:
        lengths, _ = exact_lengths_and_arms(model, np.concatenate(sides))
        lengths = lengths.reshape(len(ends), 2, -1, len(paths.names))
        step = np.abs(lengths[:, 0] - lengths[:, 1]).max(axis=1)
        for row, muscle in enumerate(ends):
            jump[muscle] = np.maximum(jump[muscle], step[row, muscle])  # nan stays
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
