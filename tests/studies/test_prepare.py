import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.spatial import wrench_at
from biomech.formats.external_loads import evaluate_external_force
from biomech.model.names import BadInput
from biomech.studies.prepare import FARTHEST_POINT, measured_motion
from small_walk import STANCE, walking_model, walking_trial


def _with_force(trial, **changed):
    first, second = trial.external_forces
    return dataclasses.replace(
        trial, external_forces=(dataclasses.replace(first, **changed), second)
    )


def _swing(trial):
    """Samples of the right force in swing."""
    return trial.external_forces[0].force[:, 1] == 0.0


@pytest.mark.parametrize("rate", [None, 100.0])
def test_recorded_loads_come_through_as_they_are(rate):
    """Points 300 m away where the force is 0 change nothing, and every bit is that of the file."""
    model, trial = walking_model(), walking_trial()
    motion, notes = measured_motion(model, trial, start=0.3, end=2.7, rate_hz=rate)
    assert not any("External force" in note for note in notes)
    for external in trial.external_forces:
        load = evaluate_external_force(external, np.asarray(motion.time))
        expected = wrench_at(*map(jnp.asarray, load))
        body = model.skeleton.body_index(external.body)
        np.testing.assert_array_equal(motion.external_wrench[:, body], expected)


def test_noise_under_an_unloaded_plate_acts_at_the_body():
    model, trial = walking_model(), walking_trial()
    swing = _swing(trial)
    noise = np.where(swing[:, None], np.array([1.0, 3.0, -1.0]), trial.external_forces[0].force)
    far = np.where(swing[:, None], np.array([-100.0, 0.0, 40.0]), trial.external_forces[0].point)
    options = {"start": 0.9, "end": 1.2, "rate_hz": 100.0}  # the right foot swings
    assert STANCE == 0.6
    noisy = _with_force(trial, force=noise, point=far)
    motion, notes = measured_motion(model, noisy, **options)
    (note,) = (note for note in notes if "External force" in note)
    assert "'r': at 31 of 31 frames it is below 20 N" in note
    body = model.skeleton.body_index("tibia_r")
    wrench = np.asarray(motion.external_wrench[:, body])
    np.testing.assert_array_equal(wrench[:, 3:], np.tile([1.0, 3.0, -1.0], (31, 1)))
    # About the ground origin: no more than the force times where the body is, 2 m away.
    assert np.abs(wrench[:, :3]).max() < 2.0 * np.sqrt(11.0)


@pytest.mark.parametrize(
    "size, meters, moved", [(19.0, 1.6, True), (21.0, 1.6, False), (19.0, 0.4, False)]
)
def test_only_small_forces_far_from_the_body_are_moved(size, meters, moved):
    model, trial = walking_model(), walking_trial()
    assert 0.4 < FARTHEST_POINT < 1.6
    swing = _swing(trial)[:, None]
    first = trial.external_forces[0]
    # The shank's origin is under the pelvis, 1.2 m/s x t ahead, near the ground.
    place = np.stack([1.2 * first.time, 0.0 * first.time - 0.4, meters + 0.0 * first.time], axis=1)
    force = np.where(swing, np.array([0.0, size, 0.0]), first.force)
    pushed = _with_force(trial, force=force, point=np.where(swing, place, first.point))
    _, notes = measured_motion(model, pushed, start=0.9, end=1.2, rate_hz=100.0)
    assert any("External force" in note for note in notes) is moved


def test_loads_in_axes_of_a_body_are_refused():
    for key in ("expressed_in", "point_expressed_in"):
        with pytest.raises(BadInput, match=r"'r' is expressed in 'tibia_r'.*in ground"):
            _with_force(walking_trial(), **{key: "tibia_r"})


def _ending(trial, end):
    """The trial with loads whose last sample is at `end`, and a window up to the motion's end."""
    keep = slice(0, 2001)
    forces = []
    for force in trial.external_forces:
        time = force.time[keep].copy()
        time[-1] = end
        arrays = {name: getattr(force, name)[keep] for name in ("force", "point", "torque")}
        forces.append(dataclasses.replace(force, time=time, **arrays))
    return dataclasses.replace(trial, external_forces=tuple(forces), end=2.0)


def test_time_stamps_may_differ_by_their_rounding():
    model, trial = walking_model(), walking_trial()
    for rate in (None, 100.0):
        motion, _ = measured_motion(model, _ending(trial, 2.0 - 5e-7), start=1.5, rate_hz=rate)
        assert motion.time.shape == (51,)
        exact, _ = measured_motion(model, _ending(trial, 2.0), start=1.5, rate_hz=rate)
        np.testing.assert_allclose(motion.external_wrench, exact.external_wrench, atol=1e-3)
    with pytest.raises(BadInput, match="not at 2 s"):
        measured_motion(model, _ending(trial, 2.0 - 5e-6), start=1.5)
    late, _ = measured_motion(model, trial, start=-5e-7, end=3.05 + 5e-7, rate_hz=100.0)
    assert late.time[0] == 0.0 and late.time[-1] <= 3.05
    with pytest.raises(BadInput, match="does not lie within what was recorded"):
        measured_motion(model, trial, end=3.06)


def test_frames_near_the_ends_of_the_record_are_named():
    model, trial = walking_model(), walking_trial()  # motion from 0 to 3.05 s
    said = lambda **options: [
        note for note in measured_motion(model, trial, **options)[1] if "of an end of" in note
    ]
    assert said(start=0.2, end=2.9, lowpass_hz=6.0) == []
    (note,) = said(start=0.1, end=2.9, rate_hz=100.0, lowpass_hz=6.0)
    assert "Frames from 0.1 to 0.13 s lie within 0.13 s" in note
    assert "the filter of 6 Hz" in note and "analyse 0.1333 to 2.917 s or record longer" in note
    (note,) = said()
    assert "Frames from 0 to 0.01 s and 3.04 to 3.05 s lie within 0.02 s" in note
    assert "the spline" in note
    (note,) = said(lowpass_hz=0.5)
    assert note.endswith("not reliable: record longer.")


@pytest.mark.parametrize(
    "window, said",
    [
        ({"start": 0.501, "end": 0.509}, "0.501 to 0.509 s holds 0 instants"),
        ({"rate_hz": 1e9}, "holds 3050000001 instants; 1 to 100000"),
    ],
)
def test_a_window_without_instants_or_with_too_many_is_refused(window, said):
    with pytest.raises(BadInput, match=said):
        measured_motion(walking_model(), walking_trial(), **window)
