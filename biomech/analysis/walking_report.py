"""In words, what the solver of a walk says: why it stopped, what is worst, which bounds hold."""

import jax.numpy as jnp
import numpy as np

from ..model.body import Model
from ..solvers.staged_system import Layout
from ..studies.inverse import STATUS
from ..studies.walking import Walking, WalkingRecord, bounds
from ..studies.walking_programme import instants, unknowns

_AT_BOUND = 1e-3  # an activation as near to its bound sits on it [-]
_MOST_NAMED = 5
_WHY = {
    "successful": "Solved in {steps} steps.",
    "infeasible": "Stopped after {steps} steps: none brings the laws nearer to holding. Start "
    "nearer, or ask for a motion that this body can do.",
    "maximum_iterations": "Stopped after {steps} steps before it was solved: either these are all "
    "that `max_steps` allows, or none made it better. Raise `max_steps`, or start nearer.",
    "not_finite": "Stopped after {steps} steps: the cost or the laws are not finite there. Look "
    "for NaN in the model and the reference.",
}


def solve_report(record: WalkingRecord, model: Model, how: Walking) -> str:
    """Lines of text about one walk."""
    status = STATUS[int(record.status)]
    lines = [_WHY[status].format(steps=int(record.iterations)), *_worst_row(record, model, how)]
    lines.append(
        f"Slope left along the laws {float(record.dual_residual):.1e}, bounds' products "
        f"{float(record.complementarity):.1e} (at most the tolerance where solved)."
    )
    lines.extend(_at_bounds(record, model, how))
    weak = int(np.asarray(record.weakly_active).sum())
    if weak:
        lines.append(
            f"Of {weak} bounds it cannot be told at this tolerance whether they hold: a derivative "
            "with respect to what moves one of them may be one-sided."
        )
    return "\n".join(lines)


def _worst_row(record, model, how):
    """The row of the programme that is violated most, by name and time."""
    residual = np.asarray(record.residual)
    if not np.all(np.isfinite(residual)):
        return ["A law is not a number: the search left where the model makes sense."]
    free = model.skeleton.coordinates.free_names
    states = [
        *(f"the value of {name}" for name in free),
        *(f"the speed of {name}" for name in free),
        *(f"the activation of {name}" for name in model.muscles.names),
    ]
    rule = how.collocation()
    ends = [f"{state} at the end against the start" for state in states]
    if how.free_duration:
        ends.append("the place of the pelvis at the start")
    layout = Layout(how.intervals, rule.points.size, 0, len(free), len(states), len(ends))
    rows = layout.split_rows(record.residual)
    at = 100.0 * instants(rule, how.intervals) * (0.5 if how.half else 1.0)
    point, coordinate = _largest(rows.path)
    interval, stage, state = _largest(rows.interval)
    end = _largest(rows.boundary)[0]
    candidates = [
        (rows.path[point, coordinate], f"balance about {free[coordinate]}", at[point]),
        (
            rows.interval[interval, stage, state],
            f"how {states[state]} changes",
            at[1 + interval * rule.points.size + stage],
        ),
        (rows.boundary[end], ends[end], at[-1]),
    ]
    size, words, when = max(candidates, key=lambda one: abs(float(one[0])))
    return [f"Violated most: {words}, by {abs(float(size)):.1e} at {when:.0f} % of the stride."]


def _largest(values):
    return np.unravel_index(int(np.argmax(np.abs(np.asarray(values)))), values.shape)


def _at_bounds(record, model, how):
    """Which excitations and controls sit on a bound, and for how long."""
    size = how.guess.shape[1]
    at_points = lambda x: np.asarray(x)[: how.guess.size].reshape(-1, size)
    lower, upper = map(at_points, bounds(model, how))
    z = at_points(record.x)
    kinds = unknowns(model, jnp.arange(size, dtype=float))
    lines = []
    for place, bound, words in (
        (kinds.excitation, upper, "fully excited"),
        (kinds.excitation, lower, "not excited"),
        (kinds.control, upper, "driven as hard as can be"),
        (kinds.control, lower, "driven as hard as can be, the other way"),
    ):
        columns = np.asarray(place, int)
        names = model.muscles.names if place is kinds.excitation else model.actuators.names
        share = np.mean(np.abs(z[:, columns] - bound[:, columns]) < _AT_BOUND, axis=0)
        order = [i for i in np.argsort(-share) if share[i] > 0.0][:_MOST_NAMED]
        if order:
            told = ", ".join(f"{names[i]} ({100.0 * share[i]:.0f} %)" for i in order)
            lines.append(f"At a bound, {words}: {told} of the time.")
    return lines
