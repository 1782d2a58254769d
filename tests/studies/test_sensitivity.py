"""Exact derivatives of metrics against central differences of the whole chain."""

import jax.numpy as jnp
import numpy as np
import pytest

import biomech as bm
from biomech.analysis.sensitivity import _by_parameter, _is_periodic
from biomech.model.parameters import choose_parameters
from biomech.studies.gait_events import gait_events
from biomech.studies.prepare import ensure_actuated, measured_motion
from biomech.studies.sensitivity import load_gradients, metric_gradients
from biomech.studies.static_optimization import equal_weights
from finite_differences import central_differences, check_gradients, scales

METRICS = ("peak_hip_force_r", "late_peak_knee_force_l", "knee_force_impulse_r")
GROUPS = (
    *("max_isometric_force:*_r", "optimal_fiber_length:*_r", "tendon_slack_length:*_r"),
    *("pennation_angle:*_r", "max_contraction_velocity:*_r", "path_point:*_r.*"),
    *("segment_mass", "segment_mass_center:femur_*"),
)


@pytest.fixture(scope="module")
def planar():
    model, trial = ensure_actuated(bm.load_model("planar")), bm.reference_gait()
    motion, _ = measured_motion(model, trial, rate_hz=40.0)
    events = gait_events(trial)
    time = np.asarray(motion.time)
    facts = (events.percent, events.stance, events.stance_share)
    return model, motion, equal_weights(model), *(jnp.asarray(fact(time)) for fact in facts)


@pytest.fixture(scope="module")
def chosen(planar):
    return choose_parameters(planar[0], GROUPS)


@pytest.fixture(scope="module")
def found(planar, chosen):
    """Values of the metrics and their gradients."""
    return metric_gradients(*planar, chosen.distinct_groups, METRICS)


def test_every_derivative_is_that_of_the_whole_chain(planar, chosen, found):
    model = planar[0]
    assert len(chosen.names) > 150
    values, gradients = found
    assert np.isfinite(values).all()
    exact = _by_parameter(chosen, gradients, 1) * scales(model, chosen)
    differences = central_differences(*planar, chosen, METRICS, (1e-5, 2e-5))
    check_gradients(exact, differences)


def test_loads_at_every_instant_change_as_their_peak_does(planar, chosen, found):
    """The gradient of a peak is that of the load around it, weighted as its parabola says."""
    model, motion, weights, _, stance, _ = planar
    groups = ("max_isometric_force",)
    peak, values = METRICS.index("peak_hip_force_r"), found[0]
    of_peak = found[1][chosen.distinct_groups.index(*groups)][peak]
    loads, (of_load,) = load_gradients(model, motion, weights, groups, (("hip", "r"),))
    top = int(np.argmax(np.where(np.asarray(stance)[:, 0], np.asarray(loads)[:, 0], 0.0)))
    y0, y1, y2 = (float(loads[top + i, 0]) for i in (-1, 0, 1))
    curvature, rise = y0 - 2.0 * y1 + y2, y2 - y0
    np.testing.assert_allclose(y1 - rise**2 / (8.0 * curvature), values[peak], rtol=1e-9)
    share = np.array(
        [
            rise / (4.0 * curvature) + rise**2 / (8.0 * curvature**2),
            1.0 - rise**2 / (4.0 * curvature**2),
            -rise / (4.0 * curvature) + rise**2 / (8.0 * curvature**2),
        ]
    )
    expected = np.einsum("t,tm->m", share, np.asarray(of_load)[top - 1 : top + 2, 0])
    np.testing.assert_allclose(of_peak, expected, rtol=1e-6, atol=1e-12)


def test_a_whole_stride_is_periodic(planar):
    model = planar[0]
    whole, _ = measured_motion(model, bm.reference_gait())
    assert _is_periodic(whole, model)
    part, _ = measured_motion(model, bm.reference_gait(), start=0.1)
    assert not _is_periodic(part, model)
