"""How the cases of a run are divided: fixed when the run is created, followed ever after.

Cases go in batches of one size, in the order of their table; the last batch is filled up with its
last case. The sizes depend on the cases alone, never on who computes them or on what was finished
first, so that a run that is resumed, or given to more processes, gives the same numbers.
"""

import dataclasses

import numpy as np
from jaxtyping import Int

BATCH_BYTES = 64 * 2**20
"""Aim for the records of one batch [bytes]; what is needed on the way is several times that."""
LARGEST_BATCH = 64
"""Cases in one batch: more gains nothing, and a batch is what a crash costs."""
FEWEST_BATCHES = 8
"""A run is divided into at least so many batches, where it has the cases."""


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """Which cases are computed together.

    - `cases`: how many there are. `size`: of every batch.
    """

    cases: int
    size: int

    @property
    def count(self) -> int:
        """Number of batches."""
        return -(-self.cases // self.size)

    def span(self, batch: int) -> slice:
        """The cases of a batch."""
        return slice(batch * self.size, min((batch + 1) * self.size, self.cases))

    def rows(self, batch: int) -> Int[np.ndarray, " size"]:
        """The same as indices, filled up to the common size with the last case of all."""
        start = batch * self.size
        return np.minimum(np.arange(start, start + self.size), self.cases - 1)


def plan_batches(cases: int, bytes_per_case: int, size: int | None = None) -> BatchPlan:
    """A plan for `cases`; `size` where the user asks for one.

    A power of two, so that sweeps of like size share a compiled programme.
    """
    if size is not None:
        return BatchPlan(cases, min(size, cases))
    most = min(LARGEST_BATCH, cases / FEWEST_BATCHES, BATCH_BYTES / max(bytes_per_case, 1))
    size = 1
    while 2 * size <= most:
        size *= 2
    return BatchPlan(cases, size)
