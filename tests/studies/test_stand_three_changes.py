"""Derivatives of what knee and hip carry in standing, to what the package is about.

Arch stiffness, leg length, gluteal strength and, on the body that has a width, a wedge: forward
derivatives through the whole of `stand` against central differences of the whole of it.
"""

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
CHANGES = {  # how, at which dose, and the larger of two steps of the central difference
    "arch stiffness [-]": (lambda m, x: arch_stiffness(m, side="r", scale=x), 0.8, 2e-3),
    "leg length [mm]": (lambda m, x: leg_length(m, side="r", difference_mm=x), 4.0, 5e-3),
    "gluteal strength [-]": (lambda m, x: gluteal_strength(m, side="r", scale=x), 0.8, 2e-3),
    "wedge [deg]": (lambda m, x: wedge(m, side="r", angle_deg=x), 3.0, 5e-3),
}


def derivatives_agree(body, support, changes):
    """Every load's derivative to every change, against differences with two steps."""
    model = load_model(body)
    asked = standing(model, support)
    loads = [load for load in LOADS if support == "both" or load.endswith("_r")]

    @compiled
    def found(dose):
        changed = model
        for i, name in enumerate(changes):
            changed = CHANGES[name][0](changed, dose[i])
        record = stand_uncompiled(changed, asked, solver=CLOSE)
        value = evaluate_standing_metrics(changed, record, loads).value
        return value, (record.status, record.weakly_active)

    dose = jnp.array([CHANGES[name][1] for name in changes])
    (status, weak), slopes = found(dose)[1], jax.jacfwd(lambda x: found(x)[0])(dose)
    assert status == 0 and not weak
    slopes = np.asarray(slopes)
    elasticity = np.abs(slopes * np.asarray(dose))
    for i, name in enumerate(changes):
        step = CHANGES[name][2]
        differences = []
        for h in (step, 0.5 * step):
            up, down = (found(dose.at[i].add(sign * h))[0] for sign in (1.0, -1.0))
            differences.append(np.asarray((up - down) / (2.0 * h)))
        floor = 1e-3 * elasticity.max(axis=1) / dose[i]
        allowed = 1e-4 * np.maximum(np.abs(differences[1]), floor)
        assert np.all(np.abs(differences[0] - differences[1]) <= allowed), name
        assert np.all(np.abs(slopes[:, i] - differences[1]) <= allowed), name


def test_planar_body_on_both_legs():
    derivatives_agree("planar", "both", list(CHANGES)[:3])


@pytest.mark.science  # minutes: derivatives of the whole 3-D body are long to compile
@pytest.mark.parametrize("support", ["both", "right_leg"])
def test_body_in_space(support):
    derivatives_agree("lower_limb", support, list(CHANGES))
