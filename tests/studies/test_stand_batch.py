"""Standing cases together give what each gives alone, however they begin, and share a programme."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import gluteal_strength
from biomech.model.names import BadInput
from biomech.studies import stand_batch as batch_file
from biomech.studies.stand import STATUS, no_start, standing
from biomech.studies.stand_batch import stand_batch
from biomech.studies.standing_metrics import standing_metrics


def case(model, how, values):
    """Weaker glutei of the right leg, and another weight of habit."""
    weaker = gluteal_strength(model, scale=values[0], side="r")
    return weaker, dataclasses.replace(how, weight=values[1])


WEAK, HEAVY = jnp.array([[0.5, 0.1]]), jnp.array([[1.0, 1.0]])


@pytest.fixture(scope="module")
def body():
    model = load_built_in("planar")
    return model, standing(model)


@pytest.fixture(scope="module")
def alone(body):
    return [stand_batch(*body, case, values) for values in (WEAK, HEAVY)]


def agree(a, b, tolerance=0.0):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def test_cases_together_are_each_alone(body, alone):
    together = stand_batch(*body, case, jnp.concatenate([WEAK, HEAVY]))
    assert np.all(together.record.status == 0)
    for i, one in enumerate(alone):
        agree(jax.tree.map(lambda x, i=i: x[i : i + 1], together[:3]), one[:3], 1e-9)
    assert abs(together.metrics[0, 0] - together.metrics[1, 0]) > 1e-3


def test_no_case_depends_on_what_was_computed_before(body, alone):
    weak, heavy = alone
    agree(weak.near, heavy.near)
    agree(stand_batch(*body, case, WEAK, heavy.near), weak)


def test_a_start_that_leads_nowhere_costs_a_try_and_no_answer(body, alone):
    lost = jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), no_start(*body))
    found = stand_batch(*body, case, WEAK, lost)
    assert found.record.status[0] == 0
    assert found.record.iterations[0] > alone[0].record.iterations[0]
    np.testing.assert_allclose(found.metrics, alone[0].metrics, atol=1e-6)


def test_an_impossible_case_says_so_and_spoils_no_other(body, alone):
    def in_the_air(model, how, values):
        return model, dataclasses.replace(how, loaded=how.loaded * values[0])

    found = stand_batch(*body, in_the_air, jnp.array([[0.0]]))
    assert STATUS[int(found.record.status[0])] not in ("successful", "not_computed")
    agree(found.near, alone[0].near)


def test_every_sweep_of_a_size_shares_one_programme(body, alone, monkeypatch):
    """Neither other values nor another change trace the solver again."""
    refuse = lambda *arguments: pytest.fail("traced again")
    monkeypatch.setattr(batch_file, "stand_near", refuse)
    stand_batch(*body, case, jnp.array([[0.9, 0.1]]))
    heavier = lambda model, how, values: (model, dataclasses.replace(how, weight=values[0]))
    found = stand_batch(*body, heavier, jnp.array([[1.0]]))
    np.testing.assert_allclose(found.metrics, alone[1].metrics, atol=1e-12)


def test_mass_and_metrics_are_those_of_the_changed_body(body):
    def heavy(model, how, values):
        return eqx.tree_at(lambda m: m.skeleton.mass, model, values[0] * model.skeleton.mass), how

    found = stand_batch(*body, heavy, jnp.array([[1.1]]))
    total = float(jnp.sum(body[0].skeleton.mass))
    np.testing.assert_allclose(found.body_mass, [1.1 * total], rtol=1e-12)
    names = list(standing_metrics(body[0]))
    shares = [names.index(f"weight_share_{side}") for side in "rl"]
    np.testing.assert_allclose(found.metrics[0, shares].sum(), 1.0, atol=1e-8)


@pytest.mark.parametrize("values", [{}, jnp.zeros(0), {"a": jnp.ones(2), "b": jnp.ones(3)}])
def test_values_that_do_not_fit_are_refused(body, values):
    with pytest.raises(BadInput, match="equally many"):
        stand_batch(*body, case, values)
