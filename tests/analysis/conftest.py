"""A labelled walk by formula, shared by the tests of this folder."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def walk():
    """The dataset of one stride."""
    from biomech.analysis.labels import label_inverse
    from biomech.studies.gait_events import gait_events
    from small_walk import walking_model, walking_record, walking_trial

    model, time = walking_model(), 0.45 + np.arange(101) / 100.0
    return label_inverse(walking_record(model, time), model, gait_events(walking_trial()))


@pytest.fixture
def grid(walk):
    """Two strengths swept on a grid; see `small_sweeps`."""
    from small_sweeps import grid_of

    return grid_of(walk)


@pytest.fixture
def sample(walk):
    """The same strengths drawn at random."""
    from small_sweeps import sample_of

    return sample_of(walk)


@pytest.fixture(scope="session")
def walk_sweep():
    """The same with gluteal strength swept, loads falling and the weakest right leg too weak."""
    import equinox as eqx
    import jax.numpy as jnp

    from biomech.analysis.labels import label_inverse
    from biomech.studies.gait_events import gait_events
    from small_walk import walking_model, walking_record, walking_trial

    model, time = walking_model(), 0.45 + np.arange(101) / 100.0
    record = walking_record(model, time, lead=(3,))
    scale = jnp.array([1.0, 0.75, 0.5])
    force = record.joint_reaction_force * (1.5 - 0.5 * scale)[:, None, None, None]
    status, limited = record.status.at[2, 20:40].set(1), record.limited.at[2, 20:40, 0].set(True)
    parts = lambda r: (r.joint_reaction_force, r.status, r.limited)
    record = eqx.tree_at(parts, record, (force, status, limited))
    return label_inverse(
        record, model, gait_events(walking_trial()), sweep={"gluteal.scale": scale}
    )
