import contextlib
import dataclasses
import gc
import io
import json
import os
import re
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray as xr

from biomech.analysis import labels
from biomech.analysis.labels import label_inverse, read_netcdf, write_netcdf
from biomech.analysis.provenance import model_hash
from biomech.model.names import BadInput
from biomech.studies.gait_events import gait_events
from biomech.studies.inverse import STATUS
from small_walk import walking_model, walking_record, walking_trial

TIME = 0.25 + np.arange(101) / 100.0
SWEEP = {"gluteal.scale": [1.0, 0.5], "heel.mm": [0.0, 5.0, 10.0]}


@pytest.fixture(scope="module")
def dataset():
    model = walking_model()
    return label_inverse(
        walking_record(model, TIME),
        model,
        gait_events(walking_trial()),
        config={"exponent": 2.0, "start_s": None, "passive": True},
        notes=("a note",),
    )


@pytest.fixture(scope="module")
def swept():
    model = walking_model()
    record = walking_record(model, TIME, lead=(2, 3))
    return label_inverse(
        record, model, gait_events(walking_trial()), sweep=SWEEP, sweep_units={"heel.mm": "mm"}
    )


SCHEMA = {
    "coordinate_value": ("time", "coordinate"),
    "coordinate_speed": ("time", "coordinate"),
    "generalized_force": ("time", "coordinate"),
    "activation": ("time", "muscle"),
    "muscle_force": ("time", "muscle"),
    "norm_fiber_length": ("time", "muscle"),
    "muscle_tendon_length": ("time", "muscle"),
    "moment_arm": ("time", "muscle", "coordinate"),
    "joint_reaction_force": ("time", "joint", "axis"),
    "joint_reaction_force_body_axes": ("time", "joint", "axis"),
    "joint_reaction_moment": ("time", "joint", "axis"),
    "intersegmental_force": ("time", "joint", "axis"),
    "knee_adduction_moment": ("time", "side"),
    "external_force": ("time", "axis"),
    "ground_reaction_force": ("time", "side", "axis"),
    "center_of_pressure": ("time", "side", "axis"),
    "free_moment": ("time", "side"),
    "reserve_force": ("time", "coordinate"),
    "residual_force": ("time", "coordinate"),
    "body_weight": (),
    "status": ("time",),
    "strength_limited": ("time", "side"),
    "gait_pct": ("time", "side"),
    "motion_type": ("coordinate",),
    "value_unit": ("coordinate",),
    "force_unit": ("coordinate",),
    "on_body": ("joint",),
    "expressed_in": ("joint",),
    "at": ("joint",),
    "metric_value": ("metric",),
    "metric_at_edge": ("metric",),
}


@pytest.mark.parametrize("name", SCHEMA)
def test_schema(dataset, name):
    assert dataset[name].dims == SCHEMA[name]


def test_numbers_have_units_words_have_none_and_all_have_a_long_name(dataset, swept):
    for one in (dataset, swept):
        for name, variable in one.variables.items():
            assert variable.attrs.get("long_name"), name
            assert bool(variable.attrs.get("units")) == (variable.dtype.kind in "fiu"), name


def test_facts_that_fix_a_number(dataset):
    knee = dataset["joint_reaction_force"].sel(joint="knee_l")
    assert str(knee["on_body"].values) == "tibia_l" and str(knee["from_body"].values) == "femur_l"
    assert str(knee["expressed_in"].values) == "ground"
    assert str(dataset["from_body"].sel(joint="ground_pelvis").values) == "ground"
    units = dataset["force_unit"].sel(coordinate=["pelvis_tx", "knee_angle_r"]).values
    assert list(units) == ["N", "N m"]
    status = dataset["status"].attrs
    assert status["flag_meanings"].split() == list(STATUS)
    assert list(status["flag_values"]) == list(range(len(STATUS)))
    assert list(dataset["side"].values) == ["r", "l"]
    assert "ligament" not in dataset.dims


def test_actuators_are_told_apart(dataset):
    residual, reserve = (dataset[f"{kind}_force"].isel(time=0) for kind in ("residual", "reserve"))
    on = lambda x: [str(c) for c in x["coordinate"].values[np.isfinite(x.values)]]
    assert on(residual) == ["pelvis_tx"]
    assert set(on(reserve)) == set(dataset["coordinate"].values) - {"pelvis_tx"}


def test_ground_reaction_only_in_stance(dataset):
    force = dataset["ground_reaction_force"].sel(axis="y")
    center, moment = dataset["center_of_pressure"], dataset["free_moment"]
    on = dataset["stance"] > 0
    np.testing.assert_array_equal(np.isfinite(center).all("axis"), on)
    np.testing.assert_array_equal(np.isfinite(moment), on)
    assert float(force.where(on).min()) >= 20.0 > float(force.where(~on).max())
    np.testing.assert_allclose(center.sel(side="r", axis="z").dropna("time"), 0.1, atol=1e-9)
    np.testing.assert_allclose(moment.sel(side="l").dropna("time"), 2.0, atol=1e-9)


def test_body_weight_and_center_of_mass(dataset):
    assert float(dataset["body_weight"]) == pytest.approx(64.0 * 10.0)
    np.testing.assert_array_equal(dataset["center_of_mass"].sel(axis="y"), 0.9)


def test_a_planar_model_has_no_knee_adduction_moment(dataset):
    assert np.isnan(dataset["knee_adduction_moment"]).all()
    assert np.isnan(dataset["metric_value"].sel(metric="peak_knee_adduction_moment_r"))


def test_metrics_travel_along(dataset):
    metrics = dataset["metric_value"]
    assert float(metrics.sel(metric="peak_hip_force_r")) == pytest.approx(3.0, abs=1e-3)
    assert str(metrics.sel(metric="peak_hip_force_r")["metric_unit"].values) == "BW"


def test_a_metric_at_the_edge_of_the_record_is_marked():
    """Late right stance only: from 43 to 55 % of the cycle, and from 49 to 55 %, past the top."""
    model, events = walking_model(), gait_events(walking_trial())
    for begin, edge in ((0.68, 0), (0.74, 1)):
        time = np.arange(begin, 0.80, 0.01)
        part = label_inverse(walking_record(model, time), model, events)
        right = part.sel(metric=["peak_hip_force_r", "hip_force_impulse_r"])
        assert right["metric_at_edge"].values.tolist() == [edge, 0]


def test_a_whole_stride_has_no_edge(dataset):
    assert int(dataset["metric_at_edge"].sum()) == 0


def test_sweep_becomes_dimensions(dataset, swept):
    assert swept["activation"].dims == ("gluteal.scale", "heel.mm", "time", "muscle")
    assert swept["gait_pct"].dims == ("time", "side")
    assert swept["heel.mm"].attrs["units"] == "mm"
    one = swept.sel({"gluteal.scale": 0.5, "heel.mm": 10.0})
    xr.testing.assert_allclose(
        one["metric_value"].drop_vars(SWEEP), dataset["metric_value"], rtol=1e-12
    )


def test_several_parameters_along_one_case_dimension():
    model = walking_model()
    cases = {"case": {"a.scale": [1.0, 0.5], "b.scale": [0.1, 0.2]}}
    labelled = label_inverse(walking_record(model, TIME, lead=(2,)), model, sweep=cases)
    assert labelled["activation"].dims[0] == "case"
    assert labelled["b.scale"].dims == ("case",)
    assert "ground_reaction_force" not in labelled and "gait_pct" not in labelled
    with pytest.raises(BadInput, match="leading axes"):
        label_inverse(walking_record(model, TIME), model, sweep=cases)


def test_attributes_say_where_it_comes_from(dataset):
    attributes = dataset.attrs
    for name in ("biomech", "jax", "numpy", "xarray"):
        assert attributes[f"{name}_version"]
    assert json.loads(attributes["config"]) == {"exponent": 2.0, "start_s": None, "passive": True}
    assert "a note" in attributes["notes"]
    assert len(attributes["model_sha256"]) == 64 and attributes["created"].endswith("+00:00")
    no_doi = lambda value: re.sub(r"doi:\S+", "", str(value))
    assert not any("/" in no_doi(v) for k, v in attributes.items() if k != "convention")


@pytest.mark.parametrize("which", ["dataset", "swept"])
def test_netcdf_round_trip(which, request, tmp_path):
    dataset = request.getfixturevalue(which)
    path = write_netcdf(dataset, tmp_path / "result.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["result.nc"]
    back = read_netcdf(path)
    xr.testing.assert_identical(_plain(back), _plain(dataset))


def _plain(dataset):
    """Without what a file may not tell apart: lists from arrays."""
    dataset = dataset.copy()
    for variable in dataset.variables.values():
        variable.attrs = {k: np.asarray(v).tolist() for k, v in variable.attrs.items()}
        variable.encoding = {}
    return dataset


def test_a_failed_write_leaves_nothing(dataset, tmp_path):
    with pytest.raises(TypeError):
        write_netcdf(dataset.assign_attrs(bad={"a": 1}), tmp_path / "result.nc")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadInput, match=r"no file 'absent\.nc'"):
        read_netcdf(tmp_path / "absent.nc")
    with pytest.raises(BadInput, match=r"is a folder; name the results\.nc in it"):
        read_netcdf(tmp_path)
    (tmp_path / "peaks.csv").write_text("metric,value\n")
    with pytest.raises(BadInput, match=r"'peaks\.csv' cannot be read as NetCDF 4"):
        read_netcdf(tmp_path / "peaks.csv")


def test_model_hash_sees_numbers_and_names_only():
    model = walking_model()
    digest = model_hash(model)
    assert digest == model_hash(walking_model())
    assert digest == model_hash(dataclasses.replace(model, notes=("other",)))
    force = model.muscles.max_isometric_force
    stronger = eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, 2.0 * force)
    assert digest != model_hash(stronger)
    assert digest != model_hash(dataclasses.replace(model, name="other"))
    narrow = jax.tree.map(lambda x: x.astype("float32") if eqx.is_inexact_array(x) else x, model)
    assert digest != model_hash(narrow)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_disk_is_one_error(tmp_path, capfd):
    dataset = xr.Dataset({"a": ("x", np.arange(1000.0))})
    (tmp_path / f".a.nc.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_netcdf(dataset, tmp_path / "a.nc")
    assert capfd.readouterr().err == "" and not list(tmp_path.iterdir())


RANDOM = np.random.default_rng(0)
NOISE = xr.Dataset({name: (("x", "y"), RANDOM.random((500, 200))) for name in "abcd"})
WORDS = xr.Dataset(
    {
        "text": ("x", np.array([f"word {i}" for i in range(500)], object)),
        **{name: (("x", "y"), RANDOM.random((500, 3))) for name in "abcdef"},
    },
    {"x": np.arange(500)},
    {"notes": "note " * 600},
)


@contextlib.contextmanager
def room_for(size):
    """No file grows beyond `size` bytes."""
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize("dataset", [NOISE, WORDS], ids=["numbers", "words"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])
def test_disk_that_fills_on_the_way_is_one_error(tmp_path, capfd, dataset, share):
    (tmp_path / "a.nc").write_text("earlier")
    whole = write_netcdf(dataset, tmp_path / "whole.nc")
    size = whole.stat().st_size
    whole.unlink()
    with room_for(int(share * size)), pytest.raises(OSError, match="File too large"):
        write_netcdf(dataset, tmp_path / "a.nc")
    gc.collect()
    assert capfd.readouterr().err == ""
    assert [file.read_text() for file in tmp_path.iterdir()] == ["earlier"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_write_that_is_stopped_on_the_way_is_one_error(tmp_path, capfd, monkeypatch, error):
    class Stopped(io.FileIO):
        def write(self, data):
            if self.tell() > 1_000_000:
                raise error
            return super().write(data[: 1 + len(data) // 2])  # as a disk that is nearly full

    class File(labels._NeverRefusing, Stopped):
        pass

    monkeypatch.setattr(labels, "_NeverRefusing", File)
    with pytest.raises(type(error)) as caught:
        write_netcdf(NOISE, tmp_path / "a.nc")
    assert caught.value is error
    gc.collect()
    assert capfd.readouterr().err == "" and not list(tmp_path.iterdir())


def test_what_is_kept_in_memory_is_read_back(tmp_path):
    with room_for(10), labels._NeverRefusing(tmp_path / "a") as file:
        assert file.write(b"0123456") == 7 and file.refusal is None
        assert file.write(b"789abc") == 6 and file.refusal is not None
        file.seek(3)
        file.write(b"xy")
        assert file.seek(0, os.SEEK_END) == 13
        for start, expected in ((0, b"012xy56789abc"), (6, b"6789"), (12, b"c")):
            file.seek(start)
            back = bytearray(len(expected))
            assert file.readinto(back) == len(back) and back == expected
            assert file.tell() == start + len(back)


@pytest.mark.parametrize("dataset", [NOISE, WORDS], ids=["numbers", "words"])
def test_file_holds_what_was_written(tmp_path, dataset):
    write_netcdf(dataset, tmp_path / "a.nc")
    xr.testing.assert_identical(read_netcdf(tmp_path / "a.nc"), dataset)
