"""Exact derivatives of a walking subject's peak loads against differences of the whole chain.

80 muscles, many of them wrapped around cylinders, and two patellae: what a planar model lacks.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.analysis.sensitivity import _by_parameter
from biomech.formats.trial import load_trial
from biomech.model.parameters import choose_parameters
from biomech.studies.gait_events import gait_events
from biomech.studies.sensitivity import metric_gradients
from biomech.studies.static_optimization import equal_weights
from finite_differences import central_differences, check_gradients, scales

METRICS = tuple(f"peak_{joint}_force_{side}" for joint in ("hip", "knee") for side in "rl")
PARAMETERS = (
    *("max_isometric_force:gl*", "segment_mass", "optimal_fiber_length", "tendon_slack_length"),
    *(f"path_point:{muscle}" for muscle in ("gl*", "vas*", "recfem*", "gas*")),
)


@pytest.fixture(scope="module")
def walk(analysed_subject, recorded_motion, walk3d):
    trial = load_trial(
        walk3d / "kinematics_100hz.mot", walk3d / "grf_walk.xml", model=analysed_subject
    )
    events, time = gait_events(trial), np.asarray(recorded_motion.time)
    of_gait = (jnp.asarray(f(time)) for f in (events.percent, events.stance, events.stance_share))
    return analysed_subject, recorded_motion, equal_weights(analysed_subject), *of_gait


def test_derivatives_of_peak_hip_and_knee_loads(walk):
    model = walk[0]
    chosen = choose_parameters(model, PARAMETERS)
    values, gradients = metric_gradients(*walk, chosen.distinct_groups, METRICS)
    assert np.all(np.asarray(values) > 3.0)
    exact = _by_parameter(chosen, gradients, 1) * scales(model, chosen)
    differences = central_differences(*walk, chosen, METRICS, (1e-5, 2e-5))
    check_gradients(exact, differences)
