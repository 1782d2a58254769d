import dataclasses
import types

import jax
import numpy as np
import pytest

from biomech.formats.storage import write_storage
from biomech.formats.trial import Trial, load_trial, match_coordinates
from biomech.model.names import BadInput

NAMES = ("pelvis_tilt", "pelvis_tx", "knee_angle_r", "knee_angle_r_beta")
TIME = np.arange(0.0, 1.001, 0.1)
VALUES = np.stack([0.1 * TIME, 1.2 * TIME, 0.5 * TIME, 60.0 * TIME], axis=1)
LOADS = """<OpenSimDocument Version="40500"><ExternalLoads><objects><ExternalForce name="Right">
<applied_to_body>calcn_r</applied_to_body><force_identifier>f_v</force_identifier>
<point_identifier>f_p</point_identifier></ExternalForce></objects>
<datafile>grf.mot</datafile></ExternalLoads></OpenSimDocument>"""


def _motion(folder, values=VALUES, names=NAMES, **options):
    write_storage(folder / "walk.mot", TIME, names, values, **options)
    return folder / "walk.mot"


def _loads(folder, time):
    columns = [f"f_{kind}{axis}" for kind in "vp" for axis in "xyz"]
    write_storage(folder / "grf.mot", time, columns, np.ones((time.size, 6)))
    (folder / "grf.xml").write_text(LOADS)
    return folder / "grf.xml"


def _model(
    types_of=("rotational", "translational", "rotational", "rotational"), bodies=("calcn_r",)
):
    coordinates = types.SimpleNamespace(names=NAMES, motion_types=types_of)
    skeleton = types.SimpleNamespace(coordinates=coordinates, body_names=bodies)
    return types.SimpleNamespace(skeleton=skeleton)


def _trial(values=VALUES, names=NAMES):
    return Trial(TIME, names, values, (), start=0.0, end=1.0, source=(("walk.mot", "0"),))


def test_keeps_radians_and_knows_its_sources_without_paths(tmp_path):
    trial = load_trial(_motion(tmp_path), _loads(tmp_path, TIME), emg=tmp_path / "walk.mot")
    assert trial.coordinate_names == NAMES
    np.testing.assert_array_equal(trial.coordinate_values, VALUES)
    assert [name for name, _ in trial.source] == ["walk.mot", "grf.xml", "grf.mot", "walk.mot"]
    assert all(len(digest) == 64 for _, digest in trial.source)
    assert str(tmp_path) not in repr(trial)
    assert trial.external_forces[0].body == "calcn_r"
    assert trial.emg.labels == NAMES
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.start = 1.0


def test_degrees_are_converted_where_they_are_angles(tmp_path):
    factor = np.array([180 / np.pi, 1.0, 180 / np.pi, 180 / np.pi])
    path = _motion(tmp_path, VALUES * factor[None, :], in_degrees=True)
    by_name, by_model = load_trial(path), load_trial(path, model=_model())
    np.testing.assert_allclose(by_name.coordinate_values, VALUES, rtol=1e-15)
    np.testing.assert_allclose(by_model.coordinate_values, VALUES, rtol=1e-15)
    assert "all columns but" in by_name.notes[0]
    assert "all columns but" not in by_model.notes[0]
    # A model may move a joint along an axis that no name tells.
    slides = load_trial(path, model=_model(("rotational", "translational", "translational", "")))
    np.testing.assert_allclose(slides.coordinate_values[:, 2], VALUES[:, 2] * 180 / np.pi)


@pytest.mark.parametrize("columns", [("knee_angle_r_beta",), "knee_angle_r_beta"])
def test_named_columns_are_in_degrees_in_spite_of_the_header(tmp_path, columns):
    trial = load_trial(_motion(tmp_path), in_degrees_columns=columns)
    np.testing.assert_array_equal(trial.coordinate_values[:, :3], VALUES[:, :3])
    np.testing.assert_allclose(trial.coordinate_values[:, 3], np.deg2rad(VALUES[:, 3]))
    assert trial.notes == ("'walk.mot': knee_angle_r_beta were converted from degrees.",)


def test_all_angles_in_degrees_in_spite_of_the_header(tmp_path):
    trial = load_trial(_motion(tmp_path), in_degrees_columns="all")
    np.testing.assert_array_equal(trial.coordinate_values[:, 1], VALUES[:, 1])
    np.testing.assert_allclose(trial.coordinate_values[:, 0], np.deg2rad(VALUES[:, 0]))


def test_emg_of_another_time_is_refused(tmp_path):
    path = _motion(tmp_path)
    write_storage(tmp_path / "emg.sto", TIME + 5.0, ("soleus",), np.ones((TIME.size, 1)))
    with pytest.raises(BadInput, match=r"'emg.sto' was recorded from 5 to 6 s, outside.*0 to 1 s"):
        load_trial(path, emg=tmp_path / "emg.sto")


def test_unknown_column_suggests_near_misses(tmp_path):
    with pytest.raises(BadInput, match=r"No column named 'knee_r'.*knee_angle_r"):
        load_trial(_motion(tmp_path), in_degrees_columns=("knee_r",))


def test_single_precision_must_be_asked_for(tmp_path):
    path = _motion(tmp_path)
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(BadInput, match=r"bm\.use_float64\(\)"):
            load_trial(path)
        load_trial(path, precision="float32")
    finally:
        jax.config.update("jax_enable_x64", True)


def test_the_model_must_have_the_loaded_body(tmp_path):
    files = _motion(tmp_path), _loads(tmp_path, TIME)
    load_trial(*files, model=_model())
    with pytest.raises(BadInput, match=r"No body named 'calcn_r'.*'calcn_right'\?"):
        load_trial(*files, model=_model(bodies=("calcn_right",)))


def test_window_bounds_frames_but_keeps_the_record(tmp_path):
    files = _motion(tmp_path), _loads(tmp_path, np.linspace(0.2, 0.8, 61))
    trial = load_trial(*files)
    assert (trial.start, trial.end) == (0.2, 0.8)
    assert "motion and loads cover 0.2 to 0.8 s" in trial.notes[-1]
    np.testing.assert_allclose(trial.frame_times, np.arange(0.2, 0.81, 0.1))
    assert trial.time.size == TIME.size
    chosen = load_trial(*files, start=0.3, end=0.5)
    np.testing.assert_allclose(chosen.frame_times, [0.3, 0.4, 0.5])
    assert chosen.notes == ()
    with pytest.raises(BadInput, match=r"`start` is 0\.1 s, but motion and loads cover 0\.2"):
        load_trial(*files, start=0.1)
    with pytest.raises(BadInput, match="is after"):
        load_trial(*files, start=0.5, end=0.3)
    with pytest.raises(BadInput, match="no time in common"):
        load_trial(_motion(tmp_path), _loads(tmp_path, TIME + 5.0))


# ------------------------------------------------------------------------------- matching


def test_columns_come_in_the_models_order(tmp_path):
    names = ("knee_angle_r", "pelvis_tilt", "knee_angle_r_beta", "mtp_angle_r", "pelvis_tx")
    matched, notes = match_coordinates(
        _trial(), names, coupled=("knee_angle_r_beta",), locked={"mtp_angle_r": 0.25}
    )
    zero = np.zeros_like(TIME)
    expected = [VALUES[:, 2], VALUES[:, 0], zero, zero + 0.25, VALUES[:, 1]]
    np.testing.assert_array_equal(matched, np.stack(expected, axis=1))
    assert notes == (
        "'walk.mot': knee_angle_r_beta ignored; the model computes them.",
        "Held at a constant value: mtp_angle_r = 0.25.",
    )


def test_held_coordinates_and_unknown_columns_are_noted():
    matched, notes = match_coordinates(
        _trial(),
        ("pelvis_tilt", "knee_angle_r"),
        locked={"pelvis_tilt": 0.0},
        values={"pelvis_tilt": 0.1},
    )
    np.testing.assert_array_equal(matched[:, 0], 0.1)
    assert "columns ignored: pelvis_tilt" in notes[0]
    assert "no such coordinate in the model: pelvis_tx, knee_angle_r_beta" in notes[1]


def test_a_free_coordinate_without_column_is_refused_with_ways_out():
    names = (*NAMES, "mtp_angle_r", "pelvis_list")
    with pytest.raises(BadInput) as refused:
        match_coordinates(_trial(names=("pelvis_tilt", "pelvis_tx", "knee_r", "beta")), names)
    for said in (
        "no column for knee_angle_r, knee_angle_r_beta, mtp_angle_r, pelvis_list",
        "for 'knee_angle_r' did you mean ['knee_r']?",
        "weld",
        "lock",
        "value",
        "`model_edits`",
        "`biomech.model.edits`",
    ):
        assert said in str(refused.value)


def test_degrees_are_recognised_in_used_columns_only():
    with pytest.raises(BadInput, match=r"knee_angle_r_beta \(60\).*in_degrees_columns="):
        match_coordinates(_trial(), NAMES)
    match_coordinates(_trial(), NAMES, coupled=("knee_angle_r_beta",))
    match_coordinates(_trial(), NAMES, values={"knee_angle_r_beta": 0.0})
    match_coordinates(_trial(), NAMES[:3])
    # Translations by name, or as the model says.
    far = VALUES * np.array([1.0, 10.0, 1.0, 0.0])[None, :]
    match_coordinates(_trial(far), NAMES)
    with pytest.raises(BadInput, match=r"pelvis_tx \(12\)"):
        match_coordinates(_trial(far), NAMES, translational=())


def test_many_columns_in_degrees_are_counted_not_listed():
    names = tuple(f"angle_{i}" for i in range(8))
    values = np.full((TIME.size, 8), 30.0)
    with pytest.raises(BadInput) as refused:
        match_coordinates(_trial(values, names), names)
    assert "angle_4 (30), and 3 more." in str(refused.value)
    assert "angle_5" not in str(refused.value)
    assert "--set 'trial.in_degrees_columns=[all]'" in str(refused.value)


GAIT = ("pelvis_rotation", "knee_angle_r")
HEADING = np.stack([np.pi + 0.1 * TIME, 2.2 * TIME], axis=1)
"""Angles [rad] of someone who walks backwards along x."""


def _in_degrees_file(folder, values, **options):
    path = _motion(folder, values, GAIT, in_degrees=True)
    return lambda: match_coordinates(load_trial(path, **options), GAIT)[0]


def test_radians_that_the_header_calls_degrees_are_refused(tmp_path):
    read = _in_degrees_file(tmp_path, HEADING)
    with pytest.raises(BadInput, match=r"inDegrees=yes.*seem to be radians.*inDegrees=no") as said:
        read()
    assert "--set 'trial.in_degrees_columns=[all]'" in str(said.value)
    # Once confirmed, the same numbers are degrees.
    confirmed = _in_degrees_file(tmp_path, HEADING, in_degrees_columns="all")
    np.testing.assert_allclose(confirmed(), np.deg2rad(HEADING))


def test_degrees_that_the_header_calls_degrees_are_read(tmp_path):
    gait = np.rad2deg(HEADING)
    leaning = np.full_like(HEADING, 7.0)  # no angle of 7 rad exists
    rest = np.zeros_like(HEADING)  # the same in both units
    for values in (gait, leaning, rest):
        np.testing.assert_allclose(_in_degrees_file(tmp_path, values)(), np.deg2rad(values))


def test_only_used_columns_tell_radians_from_degrees(tmp_path):
    path = _motion(tmp_path, in_degrees=True)  # radians, but for the patella
    with pytest.raises(BadInput, match="seem to be radians"):
        match_coordinates(load_trial(path), NAMES, coupled=("knee_angle_r_beta",))
    match_coordinates(load_trial(path), NAMES)


def test_millimetres_are_recognised():
    values = VALUES * np.array([1.0, 1e3, 1.0, 0.0])[None, :]
    with pytest.raises(BadInput, match=r"pelvis_tx \(1200\) cannot be metres"):
        match_coordinates(_trial(values), NAMES)


def test_missing_numbers_in_used_columns_are_refused():
    values = VALUES.copy()
    values[3, 2] = np.nan
    match_coordinates(_trial(values), NAMES[:2])
    with pytest.raises(BadInput, match=r"'knee_angle_r' is nan at 0\.3 s"):
        match_coordinates(_trial(values), NAMES[:3])


def test_measured_trial(walk3d):
    trial = load_trial(
        walk3d / "coordinates.sto",
        walk3d / "grf_walk.xml",
        emg=walk3d / "electromyography.sto",
        start=0.48,
        end=1.63,
    )
    assert trial.time.size == 1350
    assert trial.frame_times.size == 1151
    assert [force.body for force in trial.external_forces] == ["calcn_r", "calcn_l"]
    # The two patella columns hold degrees against the header: harmless while the model computes
    # them, refused if they were used.
    names = (*trial.coordinate_names, "mtp_angle_r")
    betas = tuple(name for name in names if name.endswith("_beta"))
    matched, _ = match_coordinates(trial, names, coupled=betas, values={"mtp_angle_r": 0.0})
    assert matched.shape == (1350, 32)
    with pytest.raises(BadInput, match="knee_angle_r_beta"):
        match_coordinates(trial, trial.coordinate_names)
