"""Derivatives against central differences of the whole pipeline."""

import jax
import jax.numpy as jnp
import numpy as np

from biomech.compilation import compiled
from biomech.model.parameters import PARAMETERS, parameter_values
from biomech.studies.inverse import inverse_uncompiled
from biomech.studies.metrics import context, evaluate_metrics
from biomech.studies.sensitivity import leaves_of, with_leaves

PLACE_SCALE = 0.01  # what a relative step of a place is taken of [m]


def scales(model, chosen):
    """What a relative step of each parameter is taken of, in its unit."""
    values = np.abs(parameter_values(model, chosen))
    places = np.array([PARAMETERS[group].step is not None for group in chosen.groups])
    return np.where(places | (values == 0.0), PLACE_SCALE, values)


def central_differences(
    model, motion, weights, percent, stance, share, chosen, metrics, steps, **more
):
    """[step, metric, parameter]: change of each metric per relative change of each parameter."""
    groups = chosen.distinct_groups
    leaves = leaves_of(model, groups)
    row = np.array([groups.index(group) for group in chosen.groups])
    scale = scales(model, chosen)

    def values(change):
        group, entry, size = change
        moved = tuple(
            leaf.ravel().at[entry].add(jnp.where(group == i, size, 0.0)).reshape(leaf.shape)
            for i, leaf in enumerate(leaves)
        )
        changed = with_leaves(model, groups, moved)
        record = inverse_uncompiled(changed, motion, weights, False, False)
        here = context(changed, record, percent, stance, stance_share=share, **more)
        return evaluate_metrics(record, here, metrics).value

    every = compiled(lambda changes: jax.lax.map(values, changes))
    found = []
    for step in steps:
        ends = [
            every((jnp.asarray(row), jnp.asarray(chosen.entry), jnp.asarray(sign * step * scale)))
            for sign in (1.0, -1.0)
        ]
        found.append(np.asarray(ends[0] - ends[1]).T / (2.0 * step))
    return np.array(found)


def check_gradients(exact, differences, tolerance=1e-4):
    """Every derivative that two step sizes agree on meets the tolerance; few do not agree.

    |exact - difference| <= tolerance x max(|difference|, 1e-3 x the metric's largest).
    """
    small, large = differences
    allowed = tolerance * np.maximum(
        np.abs(small), 1e-3 * np.abs(small).max(axis=-1, keepdims=True)
    )
    agree = np.abs(small - large) <= 0.5 * allowed
    assert agree.mean() > 0.98, f"steps disagree on {np.sum(~agree)} of {agree.size} derivatives"
    wrong = agree & (np.abs(exact - small) > allowed)
    assert not wrong.any(), (np.argwhere(wrong)[:5], exact[wrong][:5], small[wrong][:5])
