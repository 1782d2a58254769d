"""Which starts a changed body is walked from, and when a jump in cost is told; without a solver."""

import numpy as np
import pytest

from biomech.model.body import Model
from biomech.studies import walking_continuation as study
from biomech.studies.inverse import STATUS
from biomech.studies.walking import Walking, WalkingRecord
from biomech.studies.walking_continuation import WAYS, track_from, track_unchanged

GOOD, BAD = STATUS.index("successful"), STATUS.index("maximum_iterations")


def bare(kind, **fields):
    """A record with these fields alone."""
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def walk(status=GOOD, cost=1.0, at=0.0) -> WalkingRecord:
    return bare(WalkingRecord, status=status, cost=np.array([cost]), x=at, multipliers=None)


def line(share):
    """The share stands in for the reference."""
    return bare(Model, notes=share), bare(Walking, reference=share)


class Solver:
    """Solves a step along the line that is no longer than `reach`, and from cold if `cold`."""

    def __init__(self, monkeypatch, reach, *, cold=True, cost=lambda share: 1.0):
        self.asked, self._reach, self._cold, self._cost = [], reach, cold, cost
        monkeypatch.setattr(study, "track", self)
        monkeypatch.setattr(study, "lagrangian", lambda body, how, x, y: cost(how.reference))

    def __call__(self, body, how, start=None, *, solver):
        share = how.reference
        self.asked.append((None if start is None else start.x, share))
        near = self._cold if start is None else abs(share - start.x) <= self._reach
        return walk(GOOD if near else BAD, self._cost(share), share)


@pytest.mark.parametrize(
    "reach, way, asked",
    [
        (1.0, "unchanged_body", [(0, 1)]),
        (0.5, "smaller_steps", [(0, 1), (0, 0.5), (0.5, 1)]),
        (0.3, "smaller_steps", [(0, 1), (0, 0.5), *((s, s + 0.25) for s in (0, 0.25, 0.5, 0.75))]),
        (0.1, "reference", [(0, 1), (0, 0.5), (0, 0.25), (None, 1)]),
    ],
)
def test_steps_are_as_large_as_can_be(reach, way, asked, monkeypatch):
    solver = Solver(monkeypatch, reach)
    found = track_from(walk(), line)
    assert solver.asked == asked
    assert (WAYS[found.way], found.model.notes, int(found.record.status)) == (way, 1.0, GOOD)
    assert found.other_basin is (way == "reference")  # which nothing ties to the unchanged gait


def test_what_nothing_solves_keeps_its_record(monkeypatch):
    Solver(monkeypatch, 0.1, cold=False)
    found = track_from(walk(), line)
    assert int(found.record.status) == BAD and not found.other_basin


def test_without_an_unchanged_gait_every_case_begins_at_the_reference(monkeypatch):
    solver = Solver(monkeypatch, 1.0)
    found = track_from(walk(BAD), line)
    assert solver.asked == [(None, 1)] and WAYS[found.way] == "reference" and found.other_basin


def test_the_unchanged_body_is_solved_twice(monkeypatch):
    solver = Solver(monkeypatch, 1.0)
    body, how = line(0.0)
    track_unchanged(body, how)
    assert solver.asked == [(None, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize("jump, told", [(0.0, False), (0.02, False), (0.2, True), (-0.2, True)])
def test_a_jump_beyond_what_the_slopes_allow_is_told(jump, told, monkeypatch):
    """The cost 1 + s + 0.1 s^2 rises by 1.1, its slopes are 1 and 1.2: up to 0.1 goes unseen."""
    cost = lambda share: 1.0 + share + 0.1 * share**2
    Solver(monkeypatch, 1.0, cost=cost)
    monkeypatch.setattr(study, "track", lambda *a, **o: walk(cost=cost(1.0) + jump))
    assert track_from(walk(cost=cost(0.0)), line).other_basin is told


def test_a_cost_that_stays_is_no_jump(monkeypatch):
    """Two solves of one case differ by a little."""
    Solver(monkeypatch, 1.0)
    monkeypatch.setattr(study, "track", lambda *a, **o: walk(cost=1.0 + 0.5 * study.NOISE))
    assert not track_from(walk(), line).other_basin
