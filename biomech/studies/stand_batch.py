"""Many cases of the study `stand` in one compiled programme.

A case is the body after a change that takes numbers, and how it is asked to stand. The unchanged
body is solved first, from cold; every case begins near its answer, and once more from cold where
that fails. So the answer of a case depends neither on the other cases nor on their order. They are
solved one after the other: together all would take as many steps as the slowest of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..compilation import compiled
from ..model.body import Model
from ..model.names import BadInput
from ..solvers.interior_point import WarmStart
from .metrics import body_mass
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

    The same `change`, the function object itself, with equally many cases compiles once; give a
    long sweep in batches of one size.

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
    begin = no_start(model) if near is None else near
    known = jnp.asarray(near is not None)
    record, metrics, mass, found, solved = _batch(
        model, standing, change, values, begin, known, solver
    )
    return StandingCases(record, metrics, mass, found if bool(solved) else None)


@compiled
def _batch(model, standing, change, values, begin, known, solver):
    count = jax.tree.leaves(values)[0].shape[0]
    # Case 0 is the unchanged body, whatever its values.
    padded = jax.tree.map(lambda x: jnp.concatenate([x[:1], x]), values)

    def case(state, each):
        near, solved = state
        index, own = each
        is_first = index == 0
        pick = lambda unchanged, changed: jnp.where(is_first, unchanged, changed)
        body, how = jax.tree.map(pick, (model, standing), change(model, standing, own))
        begins = jnp.where(solved, 0, 1)
        record = stand_near(body, how, near, jnp.where(is_first & solved, 2, begins), solver)
        metrics = evaluate_standing_metrics(body, record).value
        found = is_first & (record.status == STATUS.index("successful"))
        near = jax.tree.map(
            lambda new, old: jnp.where(found & ~solved, new, old), warm_start(record), near
        )
        return (near, solved | found), (record, metrics, body_mass(body))

    indices = jnp.arange(count + 1)
    (near, solved), found = jax.lax.scan(case, (begin, known), (indices, padded))
    record, metrics, mass = jax.tree.map(lambda x: x[1:], found)
    return record, metrics, mass, near, solved
