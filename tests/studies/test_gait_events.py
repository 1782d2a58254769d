import dataclasses

import numpy as np
import pytest

from biomech.formats.external_loads import read_external_loads
from biomech.formats.trial import Trial
from biomech.studies.gait_events import gait_events, is_cyclic, side_load
from small_walk import FIRST_STRIKE, RAMP, STRIDE, walking_forces, walking_trial


def test_events_of_a_walk_by_formula():
    events = gait_events(walking_trial())
    for side in events.sides:
        strikes = FIRST_STRIKE[side.side] + RAMP + STRIDE * np.arange(side.heel_strikes.size)
        assert side.heel_strikes.size >= 2
        # Half a sample of 1 ms, where force is read between samples.
        np.testing.assert_allclose(side.heel_strikes, strikes, atol=1e-5)
        np.testing.assert_allclose(
            side.toe_offs[0], FIRST_STRIKE[side.side] + 0.6 - RAMP, atol=1e-5
        )
        assert side.stride_time == pytest.approx(STRIDE, abs=1e-9)
        assert side.toe_off_percent == pytest.approx(100 * (0.6 - 2 * RAMP), abs=1e-2)


def test_percentage_runs_from_heel_strike_and_wraps():
    right = gait_events(walking_trial()).right
    strike = right.heel_strikes[0]
    time = strike + np.array([-0.1, 0.0, 0.25, 0.9999, 1.0, 1.5, 2.4])
    expected = [90.0, 0.0, 25.0, 99.99, 0.0, 50.0, 40.0]
    np.testing.assert_allclose(right.percent(time), expected, atol=1e-9)


def test_an_event_divides_its_interval():
    events = gait_events(walking_trial())
    time = np.array([0.2, 0.24, 0.30, 0.5, 0.74, 0.80, 0.84, 0.90, 1.0])
    got = events.stance_share(time)
    strike, left_strike, lift = 0.25 + RAMP, 0.75 + RAMP, 0.85 - RAMP
    right = [0.0, (0.30 - strike) / 0.06, 1.0, 1.0, 1.0, 1.0, (lift - 0.84) / 0.06, 0.0]
    left = [0.0, 0.0, 0.0, 0.0, (0.80 - left_strike) / 0.06, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(got, np.stack([right, left], axis=1), atol=1e-3)


def test_noise_is_no_stance():
    trial = walking_trial()
    force = trial.external_forces[0].force.copy()
    force[100:110, 1] = 60.0  # 10 ms in swing
    force[500:505, 1] = 0.0  # 5 ms in stance
    noisy = dataclasses.replace(trial.external_forces[0], force=force)
    noisy = dataclasses.replace(trial, external_forces=(noisy, trial.external_forces[1]))
    np.testing.assert_allclose(
        gait_events(noisy).right.heel_strikes, gait_events(trial).right.heel_strikes
    )


def _cut(force, start, end):
    inside = (force.time >= start - 1e-9) & (force.time <= end + 1e-9)
    arrays = {name: getattr(force, name)[inside] for name in ("time", "force", "point", "torque")}
    return dataclasses.replace(force, **arrays)


@pytest.mark.parametrize("where", [slice(0, 6), slice(-6, None)])
def test_noise_at_an_end_of_the_record_is_no_stance(where):
    """The right foot swings from 0.85 to 1.25 s."""
    cut = tuple(_cut(force, 0.9, 1.2) for force in walking_trial().external_forces)
    force = cut[0].force.copy()
    force[where, 1] = 30.0
    trial = dataclasses.replace(
        walking_trial(), external_forces=(dataclasses.replace(cut[0], force=force), cut[1])
    )
    right = gait_events(trial, cyclic=False).right
    assert right.heel_strikes.size == right.toe_offs.size == 0


def test_a_stance_cut_short_by_the_record_is_one():
    """Right toe-off at 0.85 s and heel strike at 1.25 s, each 20 ms from an end of the record."""
    cut = tuple(_cut(force, 0.83, 1.27) for force in walking_trial().external_forces)
    trial = dataclasses.replace(walking_trial(), external_forces=cut)
    right = gait_events(trial, cyclic=False).right
    np.testing.assert_allclose(right.toe_offs, [0.85 - RAMP], atol=1e-5)
    np.testing.assert_allclose(right.heel_strikes, [1.25 + RAMP], atol=1e-5)


def test_stride_time_is_borrowed_from_the_other_leg():
    trial = walking_trial()
    cut = lambda force, end: dataclasses.replace(
        force,
        time=force.time[force.time <= end],
        force=force.force[force.time <= end],
        point=force.point[force.time <= end],
        torque=force.torque[force.time <= end],
    )
    forces = tuple(cut(force, 1.7) for force in trial.external_forces)
    events = gait_events(dataclasses.replace(trial, external_forces=forces))
    assert events.left.heel_strikes.size == 1
    assert events.left.stride_time == pytest.approx(STRIDE, abs=1e-9)


def test_without_loads_nothing_is_known():
    events = gait_events(dataclasses.replace(walking_trial(), external_forces=()))
    assert np.isnan(events.percent(np.linspace(0.0, 1.0, 5))).all()
    assert not events.stance(np.linspace(0.0, 1.0, 5)).any()


def test_a_cyclic_record_is_continued():
    trial = walking_trial()
    drift = np.linspace(0.0, 0.01, 306)[:, None]
    drifting = dataclasses.replace(trial, coordinate_values=trial.coordinate_values + drift)
    assert not is_cyclic(drifting) and not is_cyclic(trial)
    # One stride that begins at 50 % of right stance: no upward crossing of the right foot inside.
    keep, loads = slice(155, 256), slice(1550, 2551)
    forces = tuple(
        dataclasses.replace(
            force,
            time=force.time[loads],
            force=force.force[loads],
            point=force.point[loads],
            torque=force.torque[loads],
        )
        for force in trial.external_forces
    )
    one = Trial(
        trial.time[keep], trial.coordinate_names, trial.coordinate_values[keep], forces, 1.55, 2.55
    )
    assert is_cyclic(one)
    events = gait_events(one)
    assert events.right.stride_time == pytest.approx(STRIDE)
    percent = events.percent(np.array([1.55, 2.0]))
    np.testing.assert_allclose(percent[:, 0], [30.0 - 100 * RAMP, 75.0 - 100 * RAMP], atol=1e-2)
    np.testing.assert_allclose(percent[:, 1], [80.0 - 100 * RAMP, 25.0 - 100 * RAMP], atol=1e-2)


def test_side_load_joins_forces_into_one_wrench():
    """Two plates under one foot: same wrench about any point, moment vertical at the center."""
    time = np.array([0.6])
    (right, _) = walking_forces()
    other = dataclasses.replace(right, point=right.point + 0.1, torque=0.5 * right.force)
    force, center, moment = side_load((right, other), "r", time)
    parts = [side_load((one,), "r", time) for one in (right, other)]
    total = sum(np.cross(c, f) + m for f, c, m in parts)
    np.testing.assert_allclose(force, sum(f for f, _, _ in parts))
    np.testing.assert_allclose(np.cross(center, force) + moment, total, atol=1e-9)
    np.testing.assert_allclose(moment[:, [0, 2]], 0.0, atol=1e-9)
    one = side_load((right,), "r", time)
    np.testing.assert_allclose(one[1], [[0.05, 0.0, 0.1]], atol=1e-9)
    np.testing.assert_allclose(one[2], [[0.0, 2.0, 0.0]], atol=1e-9)


def test_measured_walk(walk3d):
    """Events listed with the data; its force plates were sampled every 0.5 ms."""
    forces = read_external_loads(walk3d / "grf_walk.xml").forces
    time = np.linspace(0.48, 1.63, 116)
    trial = Trial(time, ("a",), np.linspace(0, 1, 116)[:, None], forces, 0.48, 1.63)
    events = gait_events(trial)
    np.testing.assert_allclose(events.right.heel_strikes, [0.267, 1.4115], atol=5e-4)
    np.testing.assert_allclose(events.left.heel_strikes, [0.836], atol=5e-4)
    np.testing.assert_allclose(events.right.toe_offs[0], 1.024, atol=5e-4)
    np.testing.assert_allclose(events.left.toe_offs, [1.590], atol=5e-4)
    assert events.right.stride_time == pytest.approx(1.1445, abs=5e-4)
    assert events.left.stride_time == events.right.stride_time
    percent = events.percent(time)
    assert 18.0 < percent[0, 0] < 19.5 and 18.0 < percent[-1, 0] < 20.0
    assert events.stance(time)[0].tolist() == [True, False]
