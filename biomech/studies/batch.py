"""Many cases of the inverse study in one compiled programme.

A case is the model after a change that takes numbers: a strength, a length. What does not depend on
them is computed once for all cases: in a sweep of strengths the geometry of the muscles is shared.
The unchanged model (of cases that move differently, in the first one's motion) is solved first, and
every case starts from its answer. On a CPU, static
optimization goes through the cases one after the other: together they would all take as many steps
as the slowest of them, on arrays that leave the processor's cache.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ..compilation import compiled
from ..model.body import Model
from ..model.names import BadInput
from ..solvers.separable_programme import RESULTS
from .inverse import (
    InverseRecord,
    MeasuredMotion,
    after_sharing,
    before_sharing,
    over_the_motion,
)
from .static_optimization import (
    DEFAULT_SOLVER,
    EffortWeights,
    SolverSettings,
    equal_weights,
    share_moments,
)


def inverse_batch(
    model: Model,
    motion: MeasuredMotion,
    change: Callable[[Model, Any], Model],
    values: PyTree,
    weights: EffortWeights | None = None,
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
    solver: SolverSettings = DEFAULT_SOLVER,
) -> InverseRecord:
    """The record of every case, each as `inverse` gives it for `change(model, values of the case)`.

    Every field has a leading case axis. The same `change`, the function object itself, with equally
    many cases compiles once; give a long sweep in batches of one size, so that memory is bounded.

    - `motion`: of all cases; or one for each, every field with the case as first axis.
    - `change`: pure, and keeps the structure of the model (`biomech.interventions`).
    - `values`: arrays of what it takes, with the case as first axis.

    **Raises:** `BadInput` if the values are not equally many, or there are none.
    """
    counts = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(values)}
    if len(counts) != 1 or counts <= {(), (0,)}:
        raise BadInput(
            "`values` must hold equally many numbers of each parameter, one per case, and at least "
            f"one; their first axes are {sorted(counts) or 'missing'}."
        )
    weights = equal_weights(model) if weights is None else weights
    options = {"passive_fiber_force": passive_fiber_force, "opensim_pennation": opensim_pennation}
    one_by_one = jax.default_backend() == "cpu"
    return _batch(model, motion, change, values, weights, options, solver, one_by_one)


@compiled
def _batch(model, motion, change, values, weights, options, solver, one_by_one):
    own = 0 if motion.value.ndim > 2 else None  # whether each case has a motion of its own

    def before(changed, motion):
        each = lambda instant: before_sharing(changed, instant, **options)
        return jax.vmap(each)(motion)

    def share(changed, programme, start=None):
        def each(programme, start):
            value, arms, capacity, to_share = programme
            problem = value, arms, capacity, to_share, weights, start
            return share_moments(changed, *problem, solver=solver)

        return jax.vmap(each)(programme, start)

    def after(values, motion, known, shared):
        changed = change(model, values)
        each = lambda instant, known, shared: after_sharing(changed, instant, known, shared)
        return over_the_motion(changed, jax.vmap(each)(motion, known, shared))

    def programme(known):
        return known.value, known.muscles.moment_arm, known.muscles.capacity, known.to_share

    first = motion if own is None else jax.tree.map(lambda field: field[0], motion)
    unchanged = share(model, programme(before(model, first)))
    solved = unchanged.result == RESULTS.successful
    start = jnp.where(solved[:, None], unchanged.multipliers, 0.0)
    known = jax.vmap(
        lambda values, motion: before(change(model, values), motion), in_axes=(0, own)
    )(values, motion)
    shares = lambda case: share(change(model, case[0]), case[1], start)
    cases = values, programme(known)
    shared = jax.lax.map(shares, cases) if one_by_one else jax.vmap(shares)(cases)
    return jax.vmap(after, in_axes=(0, own, 0, 0))(values, motion, known, shared)
