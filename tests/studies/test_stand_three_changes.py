"""Derivatives of what knee and hip carry in standing, to what the package is about.

Arch stiffness, leg length, gluteal strength, the weight of habit and, on the body that has a width,
a wedge: derivatives through the whole of `stand` against central differences of the whole of it,
and forward ones of the planar body against reverse ones.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.formats.load import load_model
from biomech.interventions import arch_stiffness, gluteal_strength, leg_length, wedge
from biomech.studies.stand import StandingSolver, stand_uncompiled, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics

LOADS = ("hip_force_r", "knee_force_r", "hip_force_l", "knee_force_l")
CLOSE = StandingSolver(tolerance=1e-11)  # so that differences of it can be told from rounding
HABIT, WEDGE = "habit's weight [-]", "wedge [deg]"
CHANGES = {  # of body and habit: how, at which dose, and the larger of two steps of the difference
    "arch stiffness [-]": (lambda m, s, x: (arch_stiffness(m, side="r", scale=x), s), 0.8, 2e-3),
    "leg length [mm]": (lambda m, s, x: (leg_length(m, side="r", difference_mm=x), s), 4.0, 5e-3),
    "gluteal strength [-]": (
        lambda m, s, x: (gluteal_strength(m, side="r", scale=x), s),
        0.8,
        2e-3,
    ),
    HABIT: (lambda m, s, x: (m, dataclasses.replace(s, weight=x)), 0.1, 2e-4),
    WEDGE: (lambda m, s, x: (wedge(m, side="r", angle_deg=x), s), 3.0, 5e-3),
}


def derivatives_agree(body, support, changes):
    """Every load's derivative to every change, against differences with two steps.

    Returns the derivatives, forward and reverse.
    """
    model = load_model(body)
    asked = standing(model, support)
    loads = [load for load in LOADS if support == "both" or load.endswith("_r")]

    def found(changed, how, dose):
        for i, name in enumerate(changes):
            changed, how = CHANGES[name][0](changed, how, dose[i])
        record = stand_uncompiled(changed, how, solver=CLOSE)
        value = evaluate_standing_metrics(changed, record, loads).value
        return value, (record.status, record.weakly_active)

    @compiled
    def differentiated(model, asked, dose):
        at = lambda dose: found(model, asked, dose)
        value, slope, aux = jax.linearize(at, dose, has_aux=True)
        (gradients,) = jax.vmap(jax.linear_transpose(slope, dose))(jnp.eye(len(loads)))
        return value, jax.vmap(slope, out_axes=1)(jnp.eye(len(changes))), gradients, aux

    dose = jnp.array([CHANGES[name][1] for name in changes])
    _, slopes, gradients, (status, weak) = differentiated(model, asked, dose)
    assert status == 0 and not weak
    slopes = np.asarray(slopes)
    elasticity = np.abs(slopes * np.asarray(dose))
    for i, name in enumerate(changes):
        step = CHANGES[name][2]
        differences = []
        for h in (step, 0.5 * step):
            moved = (dose.at[i].add(sign * h) for sign in (1.0, -1.0))
            up, down = (differentiated(model, asked, far)[0] for far in moved)
            differences.append(np.asarray((up - down) / (2.0 * h)))
        floor = 1e-3 * elasticity.max(axis=1) / dose[i]
        allowed = 1e-4 * np.maximum(np.abs(differences[1]), floor)
        assert np.all(np.abs(differences[0] - differences[1]) <= allowed), name
        assert np.all(np.abs(slopes[:, i] - differences[1]) <= allowed), name
    return slopes, gradients


def test_planar_body_on_both_legs():
    changes = [name for name in CHANGES if name != WEDGE]
    forward, reverse = derivatives_agree("planar", "both", changes)
    np.testing.assert_allclose(reverse, forward, rtol=1e-8, atol=1e-10)


@pytest.mark.science  # minutes: derivatives of the whole 3-D body are long to compile
@pytest.mark.parametrize("support", ["both", "right_leg"])
def test_body_in_space(support):
    derivatives_agree("lower_limb", support, [name for name in CHANGES if name != HABIT])
