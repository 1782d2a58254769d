"""Cases together give what each gives alone, and compile once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.names import BadInput
from biomech.studies import batch
from biomech.studies.batch import inverse_cases, stack_cases
from biomech.studies.inverse import inverse
from elbow import forearm, still
from small_walk import walking_model


def weaker(model, scale):
    force = lambda m: m.muscles.max_isometric_force
    return eqx.tree_at(force, model, force(model) * scale)


def test_batch_is_single():
    model = forearm((2000.0, 1500.0))
    models = [weaker(model, scale) for scale in (1.0, 0.7, 0.4, 0.3, 0.2)]
    motion = still(model)
    records = list(inverse_cases(models, motion, chunk=2))  # the last chunk is half empty
    assert len(records) == len(models)
    for one, record in zip(models, records, strict=True):
        alone = inverse(one, motion)
        for a, b in zip(jax.tree.leaves(alone), jax.tree.leaves(record), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-10)
    assert records[0].activation[0, 0] < records[-1].activation[0, 0]


def test_a_sweep_compiles_once(monkeypatch):
    traces = []
    counted = lambda *arguments: traces.append(1) or original(*arguments)
    original = batch.inverse_uncompiled
    monkeypatch.setattr(batch, "inverse_uncompiled", counted)
    model = forearm((2000.0, 1499.0))  # a structure no other test compiles
    motion = still(model, count=3)
    for scales in (np.linspace(1.0, 0.5, 7), np.linspace(0.9, 0.2, 6)):
        models = [weaker(model, scale) for scale in scales]
        list(inverse_cases(models, motion, chunk=4))
    assert len(traces) == 1


def test_what_cases_share_is_kept_once():
    model = forearm()
    varying, shared = stack_cases([weaker(model, 1.0), weaker(model, 0.5)])
    assert [leaf.shape for leaf in jax.tree.leaves(varying)] == [(2, 1)]
    whole = len(jax.tree.leaves(model))
    assert len(jax.tree.leaves(shared)) == whole - 1


def test_equal_cases_are_solved_once_and_given_for_each():
    model = forearm()
    records = list(inverse_cases([model, model, model], still(model)))
    assert len(records) == 3
    np.testing.assert_array_equal(records[0].activation, records[2].activation)


def test_models_of_another_structure_are_refused():
    with pytest.raises(BadInput, match="numbers only"):
        stack_cases([forearm(), walking_model()])
    with pytest.raises(BadInput, match="no case"):
        list(inverse_cases([], still(forearm())))


def test_memory_bounds_the_chunk(monkeypatch):
    model = forearm()
    monkeypatch.setattr(batch, "CHUNK_BYTES", 1)
    size = batch._chunk_size(model, still(model), batch.equal_weights(model), 100)
    assert size == 1
    assert jnp.isfinite(
        next(inverse_cases([model, weaker(model, 0.5)], still(model))).activation
    ).all()
