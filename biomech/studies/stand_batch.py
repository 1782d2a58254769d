"""Many cases of the study `stand` in one compiled programme.

A case is the body after a change that takes numbers, and how it is asked to stand. The unchanged
body is solved first, from cold; every case begins near its answer, and once more from cold where
that fails. So the answer of a case depends neither on the other cases nor on their order. They are
solved one after the other: together all would take as many steps as the slowest of them.

Changes are applied before, in a programme of their own that is quick to compile. So the solver's
programme depends on the structure of the body and the number of cases only, and every sweep of that
size shares it, whatever is varied.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_mass
from ..model.body import Model
from ..model.names import BadInput
from ..solvers.interior_point import WarmStart
from .stand import (
    DEFAULT_SOLVER,
    STATUS,
    Standing,
    StandingRecord,
    StandingSolver,
    no_start,
    stand_near,
    warm_start,
)
from .standing_metrics import evaluate_standing_metrics

_BARRIER = 1e-4  # a case of a sweep may be far from the unchanged body
Change = Callable[[Model, Standing, Any], tuple[Model, Standing]]
"""The body and how it stands of a case, from those of the unchanged one and the case's values."""


class StandingCases(NamedTuple):
    """Answers of some cases, every field with a leading case axis but the last.

    - `record`; `metrics` [case, metric], in the order of `standing_metrics`; `body_mass` [kg].
    - `near`: where any case of this sweep begins; None if the unchanged body has no answer.
    """

    record: StandingRecord
    metrics: Float[Array, "case metric"]
    body_mass: Float[Array, " case"]
    near: WarmStart | None


def stand_batch(
    model: Model,
    standing: Standing,
    change: Change,
    values: PyTree,
    near: WarmStart | None = None,
    *,
    solver: StandingSolver = DEFAULT_SOLVER,
) -> StandingCases:
    """How every case stands.

    Equally many cases of bodies of one structure compile once; give a long sweep in batches of one
    size.

    - `change`: pure, and keeps the structure of the model (`biomech.interventions`).
    - `values`: arrays of what it takes, with the case as first axis.
    - `near`: of an earlier batch of the same sweep, which spares the unchanged body.

    **Raises:** `BadInput` if the values are not equally many, or there are none.
    """
    counts = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(values)}
    if len(counts) != 1 or counts <= {(), (0,)}:
        raise BadInput(
            "`values` must hold equally many numbers of each parameter, one per case, and at least "
            f"one; their first axes are {sorted(counts) or 'missing'}."
        )
    begin = no_start(model, standing) if near is None else near
    known = jnp.asarray(near is not None)
    cases = _changed(model, standing, change, values)
    record, metrics, mass, found, solved = _batch((model, standing), cases, begin, known, solver)
    return StandingCases(record, metrics, mass, found if bool(solved) else None)


@compiled
def _changed(model, standing, change, values):
    return jax.vmap(lambda own: change(model, standing, own))(values)


@compiled
def _batch(unchanged, cases, begin, known, solver):
    together = jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), unchanged, cases)

    def case(state, each):
        near, solved = state
        is_unchanged, (model, standing) = each
        begins = jnp.where(solved, 0, 1)  # near the unchanged body, or from cold
        first_try = jnp.where(is_unchanged & solved, 2, begins)
        record = stand_near(model, standing, near, first_try, solver)
        metrics = evaluate_standing_metrics(model, record).value
        found = is_unchanged & (record.status == STATUS.index("successful"))
        keep = lambda new, old: jnp.where(found & ~solved, new, old)
        near = jax.tree.map(keep, warm_start(record, _BARRIER), near)
        return (near, solved | found), (record, metrics, body_mass(model.skeleton))

    count = jax.tree.leaves(together)[0].shape[0]
    (near, solved), found = jax.lax.scan(case, (begin, known), (jnp.arange(count) == 0, together))
    record, metrics, mass = jax.tree.map(lambda x: x[1:], found)
    return record, metrics, mass, near, solved
