"""Cases together give what each gives alone, and compile once."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.names import BadInput
from biomech.studies import batch
from biomech.studies.batch import inverse_batch
from biomech.studies.inverse import inverse
from elbow import forearm, still

SCALES = np.array([1.0, 0.7, 0.4, 0.3, 0.2])


def weaker(model, scale):
    force = lambda m: m.muscles.max_isometric_force
    return eqx.tree_at(force, model, force(model) * scale)


@pytest.mark.parametrize("strength", [1.0, 0.02])
def test_batch_is_single(strength):
    """The weak elbow is infeasible unchanged, so no case starts from its answer."""
    model = forearm((2000.0 * strength, 1500.0 * strength))
    motion = still(model)
    solved = inverse(model, motion).status == 0
    assert np.all(solved) if strength == 1.0 else not np.any(solved)
    scales = SCALES / strength
    records = inverse_batch(model, motion, weaker, jnp.asarray(scales))
    assert np.all(records.status == 0)
    for case, scale in enumerate(scales):
        alone = inverse(weaker(model, scale), motion)
        here = jax.tree.map(lambda leaf, case=case: leaf[case], records)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(here), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-10)
    assert records.activation[0, 0, 0] < records.activation[-1, 0, 0]


def test_together_is_one_after_the_other(monkeypatch):
    """As on a GPU, where all cases take their steps together."""
    model = forearm((2000.0, 1400.0))
    motion = still(model)
    one_by_one = inverse_batch(model, motion, weaker, jnp.asarray(SCALES))
    monkeypatch.setattr(batch.jax, "default_backend", lambda: "gpu")
    together = inverse_batch(model, motion, weaker, jnp.asarray(SCALES))
    for a, b in zip(jax.tree.leaves(one_by_one), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-10)


def test_a_sweep_compiles_once():
    traces = []
    model = forearm((2000.0, 1499.0))
    counted = lambda model, scale: traces.append(scale) or weaker(model, scale)
    inverse_batch(model, still(model, count=3), counted, jnp.linspace(1.0, 0.5, 4))
    once = len(traces)
    inverse_batch(model, still(model, count=3), counted, jnp.linspace(0.9, 0.2, 4))
    assert len(traces) == once > 0


def test_each_case_may_have_a_motion_of_its_own():
    model = forearm((2000.0, 1500.0))
    level = still(model)
    lifted = dataclasses.replace(level, acceleration=level.acceleration.at[:, 1].set(3.0))
    own = jax.tree.map(lambda *cases: jnp.stack(cases), level, lifted)
    records = inverse_batch(model, own, weaker, jnp.array([1.0, 0.9]))
    for case, (scale, motion) in enumerate([(1.0, level), (0.9, lifted)]):
        alone = inverse(weaker(model, scale), motion)
        here = jax.tree.map(lambda leaf, case=case: leaf[case], records)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(here), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-10)
    assert records.generalized_force[1, 0, 1] > records.generalized_force[0, 0, 1] + 0.1


def test_values_of_several_parameters_go_together():
    model = forearm((2000.0, 1500.0))

    def each(model, values):
        force = lambda m: m.muscles.max_isometric_force
        gain = jnp.stack([values["first"], values["second"]])
        return eqx.tree_at(force, model, force(model) * gain)

    values = {"first": jnp.array([1.0, 0.5]), "second": jnp.array([1.0, 0.25])}
    records = inverse_batch(model, still(model), each, values)
    ratio = records.capacity[1, 0] / records.capacity[0, 0]
    np.testing.assert_allclose(ratio, [0.5, 0.25], rtol=1e-12)


@pytest.mark.parametrize(
    "values",
    [{}, jnp.zeros(0), {"a": jnp.ones(2), "b": jnp.ones(3)}, jnp.array(1.0)],
)
def test_values_that_do_not_fit_are_refused(values):
    with pytest.raises(BadInput, match="equally many"):
        inverse_batch(forearm(), still(forearm()), weaker, values)
