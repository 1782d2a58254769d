import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.dynamics.inverse_dynamics import joint_reactions
from biomech.dynamics.kinematics import body_motion
from biomech.dynamics.spatial import rotate_back, wrench_at
from biomech.model.names import UnknownName
from biomech.studies.gait_events import gait_events
from biomech.studies.inverse import STATUS
from biomech.studies.metrics import (
    METRICS,
    PEAK,
    at_edge,
    available_metrics,
    context,
    evaluate_metrics,
    find_metric,
    impulse,
    is_periodic,
    joint_index,
    knee_adduction_moment,
    peak,
    rival_peak,
    window_mask,
)
from small_walk import RAMP, two_peaks, walking_model, walking_record, walking_trial

METRIC_JOINTS = ("hip", "knee")
EVERYWHERE, NOWHERE = jnp.ones(101, bool), jnp.zeros(101, bool)
TIME = jnp.linspace(0.0, 1.0, 101)


def metric_named(name):
    """One metric as a function of (record, context)."""
    return lambda record, here: evaluate_metrics(record, here, [name]).value[0]


@pytest.mark.parametrize("top", [0.5, 0.503, 0.4951])
def test_peak_of_a_parabola_is_exact_between_samples(top):
    values = 2.0 - 7.0 * (TIME - top) ** 2
    # Rounding of 1e-16 divided by the curvature of 1e-3 between samples.
    np.testing.assert_allclose(peak(values, EVERYWHERE), 2.0, atol=1e-12)


def test_peak_of_a_sine_between_samples():
    values = jnp.sin(jnp.pi * (TIME + 0.0037))
    # The parabola errs by the fourth derivative: (pi 0.01)^4 / 384 x 9 at most.
    np.testing.assert_allclose(peak(values, EVERYWHERE), 1.0, atol=3e-8)


def test_peak_obeys_its_window():
    values = TIME * 1.0
    assert peak(values, TIME < 0.5) == values[49]  # no neighbour inside: the sample itself
    assert jnp.isnan(peak(values, jnp.zeros(101, bool)))
    holes = jnp.where(TIME > 0.9, jnp.nan, values)
    np.testing.assert_allclose(peak(holes, TIME < 0.5), values[49])


def test_peak_gradients():
    samples = jnp.sin(3.0 * TIME[::10])
    refined = lambda values: peak(jnp.asarray(values), EVERYWHERE[::10])
    check_grads(refined, (samples,), order=1, modes=["fwd", "rev"], eps=1e-6)


@pytest.mark.parametrize("ratio, flagged", [(1.0, True), (0.995, True), (0.985, False)])
def test_rival_peak_within_one_percent(ratio, flagged):
    values = jnp.exp(-(((TIME - 0.2) / 0.05) ** 2)) + ratio * jnp.exp(-(((TIME - 0.7) / 0.05) ** 2))
    assert bool(rival_peak(values, EVERYWHERE)) is flagged
    assert not bool(rival_peak(values, TIME < 0.5))


def test_one_flat_top_is_no_rival():
    assert not bool(rival_peak(jnp.minimum(TIME, 0.5), EVERYWHERE))


@pytest.mark.parametrize("shift", [0, 1, 23, 24, 25, 26, 60, 99])
def test_a_peak_of_a_periodic_record_is_the_same_wherever_the_record_begins(shift):
    once = jnp.exp(2.0 * jnp.sin(2.0 * jnp.pi * (TIME[:-1] + 0.0037)))
    turned = jnp.roll(once, shift)
    values = jnp.concatenate([turned, turned[:1]])
    got = peak(values, EVERYWHERE, periodic=True)
    # As far inside the record.
    np.testing.assert_allclose(got, peak(jnp.roll(once, 40), EVERYWHERE[:-1]), rtol=1e-15)
    assert not bool(rival_peak(values, EVERYWHERE, periodic=True))


def test_a_window_still_bounds_a_periodic_peak():
    values = jnp.cos(2.0 * jnp.pi * TIME)  # the top is at both ends
    np.testing.assert_allclose(peak(values, EVERYWHERE, periodic=True), 1.0, rtol=1e-15)
    after = (TIME > 0.005) & (TIME < 0.5)
    assert peak(values, after, periodic=True) == values[1]
    two = jnp.cos(4.0 * jnp.pi * TIME)
    assert bool(rival_peak(two, EVERYWHERE, periodic=True))


def test_the_edge_of_a_record_is_no_peak():
    hump = jnp.sin(jnp.pi * TIME)
    assert bool(at_edge(TIME, EVERYWHERE, NOWHERE)) and bool(at_edge(-TIME, EVERYWHERE, NOWHERE))
    assert not bool(at_edge(TIME, TIME < 0.5, NOWHERE))  # the edge of the window, not of the record
    assert not bool(at_edge(hump, EVERYWHERE, NOWHERE))
    assert not bool(at_edge(TIME, NOWHERE, NOWHERE))
    assert not bool(at_edge(TIME, EVERYWHERE, NOWHERE, periodic=True))
    assert bool(at_edge(hump, EVERYWHERE, TIME < 0.505))
    assert not bool(at_edge(hump, EVERYWHERE, TIME < 0.495))
    assert bool(at_edge(hump, EVERYWHERE, TIME < 0.505, periodic=True))


def test_impulse_of_a_ramp():
    whole = jnp.ones(100)
    np.testing.assert_allclose(
        impulse(TIME, 3.0 * TIME, EVERYWHERE, whole, EVERYWHERE), 1.5, rtol=1e-12
    )
    known = (TIME < 0.205) | (TIME > 0.795)
    np.testing.assert_allclose(
        impulse(TIME, jnp.ones(101), EVERYWHERE, whole, known), 0.4, rtol=1e-12
    )
    assert jnp.isnan(impulse(TIME, TIME, NOWHERE, 0.0 * whole, EVERYWHERE))
    assert jnp.isnan(impulse(TIME, TIME, EVERYWHERE, whole, NOWHERE))


def test_impulse_runs_from_event_to_event():
    """A ramp from heel strike at 0.203 to toe-off at 0.608, 3 and 8 parts of 10 into intervals."""
    stance = (TIME > 0.203) & (TIME < 0.608)
    share = (stance[1:] & stance[:-1]).astype(float).at[20].set(0.7).at[60].set(0.8)
    np.testing.assert_allclose(
        impulse(TIME, 3.0 * TIME, stance, share, EVERYWHERE),
        1.5 * (0.608**2 - 0.203**2),
        rtol=1e-12,
    )


all_metrics = eqx.filter_jit(evaluate_metrics)
place = eqx.filter_jit(context)


def _walk(knee="knee"):
    model, events = walking_model(knee), gait_events(walking_trial())
    time = 0.25 + np.arange(101) / 100.0
    record = walking_record(model, time)
    return model, record, events.percent(time), events.stance(time)


@pytest.mark.parametrize("knee", ["knee", "walker_knee"])
def test_metrics_of_a_walk_by_formula(knee):
    model, record, percent, stance = _walk(knee)
    report = all_metrics(record, place(model, record, percent, stance))
    value = dict(zip(report.names, np.asarray(report.value), strict=True))
    for side in "rl":
        for joint in ("hip", "knee"):
            # Two bumps 30 % apart barely touch, and the parabola errs by 1e-4 of a bump.
            assert value[f"peak_{joint}_force_{side}"] == pytest.approx(3.0, abs=1e-3)
            assert value[f"early_peak_{joint}_force_{side}"] == pytest.approx(2.0, abs=1e-3)
            assert value[f"late_peak_{joint}_force_{side}"] == pytest.approx(3.0, abs=1e-3)
        assert f"peak_ankle_force_{side}" not in value
    assert not np.asarray(report.rival_peak)[report.names.index("early_peak_hip_force_r")]


def test_first_five_percent_do_not_count():
    model, record, percent, stance = _walk()
    index = joint_index(model.skeleton.joint_names, "hip", "r")
    spike = jnp.asarray((percent[:, 0] < 4.0).astype(float))
    force = record.joint_reaction_force.at[:, index, 1].add(-1e5 * spike)
    spiked = eqx.tree_at(lambda r: r.joint_reaction_force, record, force)
    metric = metric_named("peak_hip_force_r")
    here = place(model, record, percent, stance)
    assert metric(spiked, here) == metric(record, here)


def test_without_events_the_window_is_the_record():
    model, record, _, _ = _walk()
    here = place(model, record)
    assert bool(window_mask(record, here, "r", PEAK).all())
    assert metric_named("peak_hip_force_r")(record, here) > 2.99
    assert jnp.isnan(metric_named("early_peak_knee_force_r")(record, here))


def test_unsolved_instants_are_left_out_and_weak_ones_counted():
    model, record, percent, stance = _walk()
    here = place(model, record, percent, stance)
    metric = metric_named("late_peak_hip_force_r")
    late = jnp.asarray((percent[:, 0] > 40.0) & (percent[:, 0] < 50.0))
    mark = lambda name: eqx.tree_at(
        lambda r: r.status, record, jnp.where(late, STATUS.index(name), 0)
    )
    assert metric(mark("infeasible"), here) < 2.9
    weak = mark("strength_limited")
    weak = eqx.tree_at(lambda r: r.limited, weak, jnp.stack([late, ~late], axis=1))
    assert metric(weak, here) == metric(record, here)
    report = evaluate_metrics(weak, here, ["peak_hip_force_r", "peak_hip_force_l"])
    for row, (side, own) in enumerate((("r", late), ("l", ~late))):
        mask = window_mask(weak, here, side, PEAK)
        expected = jnp.sum(own & mask) / jnp.sum(mask)
        np.testing.assert_allclose(report.limited_share[row], expected)


def test_a_stride_by_formula_is_periodic_and_less_is_not():
    model, record, percent, stance = _walk()
    names = model.skeleton.coordinates.names
    assert is_periodic(record, names)
    assert not is_periodic(jax.tree.map(lambda x: x[:-5], record), names)
    assert not is_periodic(jax.tree.map(lambda x: x[:1], record), names)
    back = record.speed.at[-1].set(1.0)  # where it was, on its way back
    assert not is_periodic(eqx.tree_at(lambda r: r.speed, record, back), names)


def test_edges_are_marked_unless_the_motion_repeats():
    """The window begins at the top of the right leg's second bump: 45 % of its cycle."""
    model, events = walking_model(), gait_events(walking_trial())
    time = 0.70 + np.arange(101) / 100.0
    record, percent, stance = (
        walking_record(model, time),
        events.percent(time),
        events.stance(time),
    )
    reports = {
        periodic: all_metrics(record, place(model, record, percent, stance, periodic=periodic))
        for periodic in (False, True)
    }
    marked = lambda periodic: {
        name for name, edge in zip(reports[periodic].names, reports[periodic].at_edge) if edge
    }
    right = {f"{kind}_{joint}_force_r" for kind in ("peak", "late_peak") for joint in METRIC_JOINTS}
    assert marked(False) >= right and not any("force_l" in name for name in marked(False))
    assert marked(True) == set()
    value = dict(zip(reports[True].names, np.asarray(reports[True].value), strict=True))
    for joint in METRIC_JOINTS:
        # Both legs carry the same curve, sampled alike: equal but for rounding.
        assert value[f"peak_{joint}_force_r"] == pytest.approx(
            value[f"peak_{joint}_force_l"], rel=1e-12
        )


@pytest.mark.parametrize("intervals", [97, 51])
def test_impulses_of_a_symmetric_gait_are_the_same_wherever_its_samples_fall(intervals):
    """One stride; the left leg does what the right did half a stride, no whole sample, before."""
    model, events = walking_model(), gait_events(walking_trial())
    time = 1.2037 + np.arange(intervals + 1) / intervals
    record = walking_record(model, time)
    here = place(
        model,
        record,
        events.percent(time),
        events.stance(time),
        stance_share=events.stance_share(time),
    )
    report = all_metrics(record, here)
    value = dict(zip(report.names, np.asarray(report.value), strict=True))
    fine = np.linspace(100.0 * RAMP, 60.0 - 100.0 * RAMP, 20001)
    exact = np.trapezoid(two_peaks(fine), fine / 100.0)
    for side in ("r", "l"):
        # Straight lines between samples 2 % apart, under bumps that are 8 % wide.
        assert value[f"hip_force_impulse_{side}"] == pytest.approx(exact, rel=1e-3)


def test_stance_is_stance_where_no_stride_is_known():
    """A piece of the walk with the right foot's toe-off and no heel strike."""
    model, record, percent, stance = _walk()
    unknown = jnp.full_like(jnp.asarray(percent), jnp.nan)
    here = place(model, record, unknown, stance)
    mask = window_mask(record, here, "r", PEAK)
    np.testing.assert_array_equal(mask, stance[:, 0])
    assert 0 < int(mask.sum()) < 101
    known = place(model, record, percent, stance)
    metric = metric_named("hip_force_impulse_r")
    np.testing.assert_allclose(metric(record, here), metric(record, known), rtol=1e-12)
    assert jnp.isnan(metric_named("late_peak_hip_force_r")(record, here))


def test_peaks_near_the_ends_of_the_motion_are_marked():
    model, record, percent, stance = _walk()
    late = np.asarray(percent[:, 0] > 40.0) & np.asarray(percent[:, 0] < 50.0)
    report = all_metrics(record, place(model, record, percent, stance, near_end=late))
    marked = {name for name, edge in zip(report.names, report.at_edge, strict=True) if edge}
    right = {f"{kind}_{joint}_force_r" for kind in ("peak", "late_peak") for joint in METRIC_JOINTS}
    assert {name for name in marked if name.endswith("force_r")} == right


@pytest.mark.parametrize("side, medial", [("r", -1.0), ("l", 1.0)])
def test_knee_adduction_moment_of_a_standing_leg(side, medial):
    """A vertical ground reaction 5 cm medial of the knee adducts by 0.05 m x force."""
    model = walking_model()
    skeleton = model.skeleton
    zero = jnp.zeros(len(skeleton.coordinates.names))
    motion = eqx.filter_jit(body_motion)(skeleton, zero, zero, zero)
    tibia, knee = skeleton.body_index(f"tibia_{side}"), f"knee_{side}"
    index = skeleton.joint_names.index(knee)
    center = motion.pose.joint_center[index]
    point = center + jnp.array([0.03, -0.4, 0.05 * medial])
    applied = jnp.zeros((len(skeleton.body_names), 6))
    applied = applied.at[tibia].set(wrench_at(jnp.array([0.0, 700.0, 0.0]), point))
    _, moment = eqx.filter_jit(joint_reactions)(skeleton, motion, applied)
    record = walking_record(model, np.zeros(1))
    about_tibia = rotate_back(motion.pose.rotation, moment)
    record = eqx.tree_at(lambda r: r.intersegmental_moment_body_axes, record, about_tibia[None])
    got = knee_adduction_moment(record, place(model, record), side)
    mass = float(jnp.sum(skeleton.mass))
    np.testing.assert_allclose(got, 0.05 * 700.0 / mass, rtol=1e-9)


def test_metric_gradient_with_respect_to_the_load():
    """d(peak)/d(scale of all forces) is the peak itself; d/d(body mass) is minus it over mass."""
    model, record, percent, stance = _walk()
    metric = metric_named("peak_hip_force_r")

    def scaled(scale):
        force = record.joint_reaction_force * scale
        new = eqx.tree_at(lambda r: r.joint_reaction_force, record, force)
        return metric(new, context(model, new, percent, stance))

    value, slope = jax.jit(jax.value_and_grad(scaled))(1.0)
    np.testing.assert_allclose(slope, value, rtol=1e-10)

    def heavier(factor):
        heavy = eqx.tree_at(lambda m: m.skeleton.mass, model, model.skeleton.mass * factor)
        return metric(record, context(heavy, record, percent, stance))

    np.testing.assert_allclose(jax.jit(jax.grad(heavier))(1.0), -value, rtol=1e-10)


def test_metrics_vmap_over_cases():
    model, record, percent, stance = _walk()
    many = walking_record(model, np.asarray(record.time), lead=(3,))
    here = place(model, record, percent, stance)
    each = lambda r: evaluate_metrics(r, here).value
    one = all_metrics(record, here).value
    np.testing.assert_allclose(jax.jit(jax.vmap(each))(many), np.broadcast_to(one, (3, one.size)))


def test_names_are_found_or_suggested():
    assert joint_index(("hip_r", "walker_knee_r"), "knee", "r") == 1
    assert joint_index(("hip_r", "knee_r"), "knee", "r") == 1
    with pytest.raises(UnknownName, match=r"No joint named 'knee_r'.*Did you mean"):
        joint_index(("hip_r", "kneee_r"), "knee", "r")
    with pytest.raises(UnknownName, match=r"Did you mean.*peak_hip_force_r"):
        find_metric("peak_hip_forces_r")
    assert not any("ankle" in name for name in available_metrics(("hip_r", "knee_r")))
    assert all(metric.unit and metric.long_name for metric in METRICS.values())
