"""How a changed body walks, found from the answer of the unchanged one.

Between the unchanged body (share 0) and the case (share 1) lies a straight line of bodies: every
number that the case changes has gone that share of the way. These are tried until one is solved:

    unchanged_body   the case, from the answer of the unchanged body
    smaller_steps    along the line in halves, those that fail in quarters
    reference        the case, from the reference

So the answer of a case depends neither on other cases nor on their order.

Walks have more than one minimum. Let V be the least cost along the line. On one smooth branch its
slope dV/ds is that of the Lagrangian with unknowns and multipliers held (envelope theorem), and
what V changes by is the mean of the slope, which lies between the slopes at both ends unless the
slope turns on the way. A case whose cost changes by more or less than that, beyond `NOISE`, is
marked `other_basin`, and so is one that begins at the reference, which nothing ties to the
unchanged body's gait. No mark is no proof: a jump smaller than what the slope changes by, which may
be a tenth of the cost where the case is far, goes unseen.
"""

from collections.abc import Callable
from typing import NamedTuple

from ..model.body import Model
from .inverse import STATUS
from .walking import DEFAULT_SOLVER, Walking, WalkingRecord, WalkingSolver, lagrangian, track

WAYS = ("unchanged_body", "smaller_steps", "reference")
NOISE = 1e-4
"""Share of the cost below which a difference is no jump [-]; two solves agree to 1e-6."""
_LEAST_STEP = 0.25  # share of the line
_DIFFERENCE = 1e-3  # for slopes, share of the line
Line = Callable[[float], tuple[Model, Walking]]
"""Body and how it walks at a share of the line."""


class FoundWalk(NamedTuple):
    """The answer of a case.

    - `model`: of the case. `way`: index into `WAYS`.
    - `other_basin`: see the head of this file; False where the case has no answer.
    """

    record: WalkingRecord
    model: Model
    way: int
    other_basin: bool


def is_solved(record: WalkingRecord) -> bool:
    """Whether a gait was found."""
    return STATUS[int(record.status)] == "successful"


def track_unchanged(
    model: Model, walking: Walking, *, solver: WalkingSolver = DEFAULT_SOLVER
) -> WalkingRecord:
    """How the unchanged body walks: from the reference, and once more from there.

    The second time it begins as every case does, so that costs are left equally far from theirs.
    """
    cold = track(model, walking, solver=solver)
    return track(model, walking, cold, solver=solver) if is_solved(cold) else cold


def track_from(
    unchanged: WalkingRecord, line: Line, *, solver: WalkingSolver = DEFAULT_SOLVER
) -> FoundWalk:
    """How the body at the end of `line` walks, from the answer at its beginning.

    Compiles once per structure of model and mesh.
    """
    model, walking = line(1.0)
    record, way = None, 0
    if is_solved(unchanged):
        record = _in_steps(unchanged, line, 1.0, 1.0, solver)
        if record is None:
            record, way = _in_steps(unchanged, line, 0.5, _LEAST_STEP, solver), 1
    if record is None:
        record, way = track(model, walking, solver=solver), 2
    untied = WAYS[way] == "reference"
    other = is_solved(record) and (untied or _has_jumped(unchanged, record, line))
    return FoundWalk(record, model, way, other)


def _in_steps(record, line, step, least, solver) -> WalkingRecord | None:
    """The answer at the end of the line in such steps, halved down to `least`; None if not all
    are solved."""
    share = 0.0
    while share < 1.0 and step >= least:
        found = track(*line(share + step), record, solver=solver)
        if is_solved(found):
            record, share = found, share + step
        else:
            step /= 2.0
    return record if share == 1.0 else None


def _has_jumped(unchanged, record, line) -> bool:
    before, after = float(unchanged.cost.sum()), float(record.cost.sum())
    slopes = _slope(unchanged, line, 0.0, 1.0), _slope(record, line, 1.0, -1.0)
    noise = NOISE * max(before, after)
    return not min(slopes) - noise <= after - before <= max(slopes) + noise


def _slope(record, line, share, sign) -> float:
    """dV/ds at an end of the line; one-sided, of second order."""
    step = sign * _DIFFERENCE
    at = lambda s: float(lagrangian(*line(s), record.x, record.multipliers))
    return (-3.0 * at(share) + 4.0 * at(share + step) - at(share + 2.0 * step)) / (2.0 * step)
