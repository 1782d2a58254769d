"""Study `predict`: how a body would walk at a speed, with no one to follow.

    minimise   average over the cycle of effort and its like (`walking_cost.PREDICTED`)
    subject to the laws of mechanics, activation dynamics, a cycle that ends as it began, the speed

The time for a stride is free. Such a programme has many minima, and from afar the solver comes to
leaps and shuffles. So the body first follows a reference, whose pull then fades (`FADING`): every
walk begins at the one before, and the last, which nothing pulls, is the answer. It belongs to the
reference in that its minimum lies near; another one may lead to another gait.
"""

import dataclasses

import jax.numpy as jnp

from ..model.body import Model
from .inverse import STATUS
from .walking import DEFAULT_SOLVER, Walking, WalkingRecord, WalkingSolver, track

FADING = (1.0, 0.1, 1e-2, 1e-3, 0.0)
"""Shares of the reference's pull, one walk after the other [-]."""
_BARRIER = 1e-5  # where a walk begins from the one before [-]


def predict(
    model: Model, walking: Walking, *, solver: WalkingSolver = DEFAULT_SOLVER
) -> tuple[WalkingRecord, Walking]:
    """How `model` walks as asked but with no reference, and what it then was asked.

    `walking`: with the weights of the reference at full. Compiles once, as `track`. A walk on the
    way that is not found is left out; `iterations` are those of all walks.
    """
    begin, steps = None, jnp.zeros((), int)
    for share in FADING:
        weights = walking.weights._replace(tracking=share * walking.weights.tracking)
        asked = dataclasses.replace(walking, weights=weights)
        found = track(model, asked, begin, barrier=_BARRIER, solver=solver)
        steps = steps + found.iterations
        if found.status == STATUS.index("successful"):
            begin = found
    return dataclasses.replace(found, iterations=steps), asked
