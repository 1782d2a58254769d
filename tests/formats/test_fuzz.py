"""Thousands of damaged files: each is refused in words, or read to something sane; nothing else.

Never another exception or a warning, never longer than `LONGEST` for a small file, and whatever is
read is finite and consistent.
"""

import json
import math
import re
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray as xr

from biomech.analysis.labels import read_netcdf, write_netcdf
from biomech.experiment.cohort import read_cohort
from biomech.experiment.config import check, load_config, parse_yaml, to_plain
from biomech.experiment.sampling import case_count
from biomech.experiment.sweep import case_table
from biomech.formats.external_loads import evaluate_external_force, read_external_loads
from biomech.formats.native import read_model
from biomech.formats.osim import load_osim_bytes
from biomech.formats.storage import MOST_SECONDS, read_storage
from biomech.formats.trc import read_trc
from biomech.formats.trial import MOST_METRES, MOST_RADIANS, load_trial, match_coordinates
from biomech.interventions import Parameter
from biomech.model.names import BadInput
from mutations import change_element, change_value, mutants
from osim_texts import leg, old_leg
from small_models import leg_description
from small_records import LOADS, MARKERS, write_plates

COUNT = 500
LONGEST = 5.0  # [s]


def survive(
    seed: str,
    content: bytes,
    read: Callable,
    check_sane: Callable[[Any], None],
    *own,
    count: int = COUNT,
):
    """`read` of `count` damaged copies of `content` is sane or `BadInput`."""
    check_sane(read(content))
    accepted = 0
    for name, damaged in mutants(content, count, seed, *own):
        start = time.perf_counter()
        try:
            got = read(damaged)
            check_sane(got)
        except BadInput as refused:
            said = str(refused)
            assert said and len(said) < 5000, f"{name}: {said!r}"
            assert all(c.isprintable() or c == "\n" for c in said), f"{name}: {said!r}"
        except Exception as error:
            raise AssertionError(f"{name}: {error!r} from {damaged!r}") from error
        else:
            accepted += 1
        assert time.perf_counter() - start < LONGEST, name
    assert 0 < accepted < count  # else the copies are all too broken, or not broken at all


def from_file(reader: Callable, path) -> Callable[[bytes], Any]:
    """`reader` of a file, as a function of the file's content."""

    def read(content: bytes):
        path.write_bytes(content)
        return reader(path)

    return read


# -------------------------------------------------------------------------------------- models


def sane_model(model):
    """Every number finite but bounds that may be open, and those positive that must be."""
    skeleton, muscles, ligaments = model.skeleton, model.muscles, model.ligaments
    may_be_open = (
        *(skeleton.coordinates.lower, skeleton.coordinates.upper),
        *(model.actuators.min_control, model.actuators.max_control),
        *(skeleton.axis_functions.breaks, skeleton.coordinates.coupler.breaks),
        *(muscles.paths.moving_location.breaks, muscles.paths.condition_range),
        *(ligaments.paths.moving_location.breaks, ligaments.paths.condition_range),
        ligaments.curve.breaks,
    )
    for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array)):
        values = np.asarray(leaf)
        assert not np.isnan(values).any()
        assert np.isfinite(values).all() or any(leaf is x for x in may_be_open)
    assert (np.asarray(skeleton.mass) >= 0.0).all()
    assert np.allclose(np.linalg.norm(skeleton.axes, axis=-1), 1.0)
    for positive in (
        *(muscles.optimal_fiber_length, muscles.tendon_slack_length),
        *(muscles.max_contraction_velocity, muscles.paths.cylinders.radius),
        *(ligaments.resting_length, model.contacts.radius),
    ):
        assert (np.asarray(positive) > 0.0).all()
    assert (np.asarray(muscles.pennation_angle) < math.pi / 2).all()
    assert (np.asarray(skeleton.coordinates.lower) <= np.asarray(skeleton.coordinates.upper)).all()
    assert all(-1 <= parent < i for i, parent in enumerate(skeleton.parents))
    bodies = [
        b for paths in (muscles.paths, ligaments.paths) for p in paths.point_bodies for b in p
    ]
    assert all(-1 <= body < len(skeleton.body_names) for body in bodies)
    names = (*skeleton.body_names, *skeleton.joint_names, *skeleton.coordinates.names)
    names += (*muscles.names, *ligaments.names, *model.markers.names)
    assert all(name and name.isprintable() for name in names)


@pytest.mark.parametrize("version, content", [(4, leg()), (3, old_leg())])
def test_osim(version, content):
    survive(f"osim {version}", content, load_osim_bytes, sane_model, change_element)


def test_native(tmp_path):
    content = json.dumps(leg_description()).replace("Infinity", ".inf").encode()
    read = from_file(read_model, tmp_path / "leg.yaml")
    survive("native", content, read, sane_model, change_value)


# ------------------------------------------------------------------------------------ records


def _motion() -> bytes:
    """Ten rows of three coordinates, one of them as a state path, the last one not needed."""
    head = ["walk", "version=3", "nRows=10", "nColumns=4", "inDegrees=no", "endheader"]
    labels = "time\t/jointset/hip/hip/value\tslide\tspare"
    rows = [f"{0.01 * i:.2f}\t{0.1 * i:.3f}\t{-0.02 * i:.2e}\t{i}" for i in range(10)]
    return "\n".join([*head, labels, *rows, ""]).encode()


def sane_storage(table):
    assert table.values.shape == (table.time.size, len(table.labels))
    assert (np.diff(table.time) > 0.0).all() and (np.abs(table.time) <= MOST_SECONDS).all()
    assert len(set(table.labels)) == len(table.labels)
    assert all(label and label.isprintable() for label in table.labels)


def test_storage(tmp_path):
    survive("storage", _motion(), from_file(read_storage, tmp_path / "walk.mot"), sane_storage)


def test_motion_of_a_model(tmp_path):
    """What a study takes of a damaged motion: finite angles in radians and lengths in metres."""

    def read(path):
        trial = load_trial(path)
        return match_coordinates(trial, ("hip", "slide"), translational=("slide",))[0]

    def sane(values):
        assert np.isfinite(values).all()
        assert (np.abs(values) <= (MOST_RADIANS, MOST_METRES)).all()

    survive("motion", _motion(), from_file(read, tmp_path / "walk.mot"), sane)


def sane_loads(loads):
    assert loads.forces
    for force in loads.forces:
        middle = 0.5 * (force.time[1:] + force.time[:-1])
        for part in evaluate_external_force(force, np.concatenate([force.time, middle])):
            assert np.isfinite(part).all() and part.shape == (2 * force.time.size - 1, 3)
    assert len({force.name for force in loads.forces}) == len(loads.forces)


def test_external_loads(tmp_path):
    path = write_plates(tmp_path)
    read = from_file(read_external_loads, path)
    survive("external loads", LOADS.encode(), read, sane_loads, change_element)


def test_table_of_external_loads(tmp_path):
    path = write_plates(tmp_path)
    table = tmp_path / "plate.mot"
    read = from_file(lambda _: read_external_loads(path), table)
    survive("plates", table.read_bytes(), read, sane_loads)


def sane_markers(markers):
    assert markers.positions.shape == (markers.time.size, len(markers.names), 3)
    assert (np.diff(markers.time) > 0.0).all()
    assert not np.isinf(markers.positions).any()
    assert all(name and name.isprintable() for name in markers.names)
    gone = np.isnan(markers.positions)
    assert (gone.all(axis=-1) == gone.any(axis=-1)).all()
    assert markers.notes or not gone.any()  # no marker goes missing quietly


def test_trc(tmp_path):
    survive("trc", MARKERS.encode(), from_file(read_trc, tmp_path / "walk.trc"), sane_markers)


# ------------------------------------------------------------------------------ configurations

CONFIGURATION = {
    "schema": 1,
    "name": "glutei",
    "description": "What if?",
    "model": {"name": "planar"},
    "trial": {"coordinates": "walk.sto", "external_loads": "grf.xml", "in_degrees_columns": ["a"]},
    "model_edits": {"weld": {"mtp_r": 0.1}, "reserves": {"hip_r": 1}, "activation_bounds": [0, 1]},
    "study": {"kind": "inverse", "start": 0.1, "end": 0.4, "rate_hz": 20},
    "interventions": {"weak": {"kind": "gluteal_strength", "side": "r", "scale": 0.5}},
    "sweep": {"weak.scale": {"values": [1.0, 0.5]}},
    "outputs": ["activation"],
    "metrics": ["peak_hip_force_r"],
    "precision": "float64",
    "seed": 3,
    "files": {"walk.sto": "0" * 64},
}


DESIGNS = {
    "lhs": {"samples": 8},
    "sobol": {"samples": 8},
    "saltelli": {"samples": 4, "second_order": True},
    "morris": {"trajectories": 3, "levels": 4},
}
DISTRIBUTIONS = {
    "uniform": [0.2, 1.0],
    "triangular": [0.2, 0.5, 1.0],
    "normal": [1.0, 0.2],
    "lognormal": [1.0, 0.2],
}


def sane_configuration(checked):
    plain = to_plain(checked.config)
    assert check(json.loads(json.dumps(plain, allow_nan=False))) == checked.config


def test_configuration(tmp_path):
    content = json.dumps(CONFIGURATION, indent=1).encode()
    read = from_file(load_config, tmp_path / "glutei.yaml")
    survive("configuration", content, read, sane_configuration, change_value)


@pytest.mark.parametrize("kind", DESIGNS)
def test_design(tmp_path, kind):
    """A damaged sweep is refused, or means what it says: nothing in it is left out or replaced."""
    pytest.importorskip("SALib")
    distribution = dict([list(DISTRIBUTIONS.items())[list(DESIGNS).index(kind)]])
    content = json.dumps(
        CONFIGURATION
        | {"sweep": {"weak.scale": distribution}, "design": {"kind": kind, **DESIGNS[kind]}}
    )
    path = tmp_path / "glutei.yaml"
    load = from_file(load_config, path)

    def read(content):
        return load(content), parse_yaml(content.decode(), "damaged")

    def sane(got):
        checked, asked = got
        sane_configuration(checked)
        assert_kept(asked, to_plain(checked.config))
        table = case_table(checked.config, tmp_path)
        (kept,) = table.values.T if table.names else [np.ones(1)]
        assert (kept >= 0.0).all() and (kept <= 3.0).all()
        design = checked.config.design
        if design.kind != "grid":
            assert len(table) == case_count(design.kind, 1, **design.settings)

    survive(f"design {kind}", content.encode(), read, sane, change_value, count=200)


def assert_kept(asked, plain):
    """All that was asked for is in the checked configuration; it may have more."""
    if isinstance(asked, dict):
        for key, value in asked.items():
            assert_kept(value, plain[key])
    elif isinstance(asked, list):
        assert len(asked) == len(plain)
        for pair in zip(asked, plain, strict=True):
            assert_kept(*pair)
    else:
        assert asked == plain, f"{asked!r} became {plain!r}"


COHORT = "case,weak.scale,other.scale\nanna,0.62,1\nben,0.71,0.5\n"


def test_cohort(tmp_path):
    """A damaged table is refused, or every number in it is one that is in the file."""
    parameter = Parameter("scale", "-", 0.0, 3.0, 1.0, "strength", "-")
    known = {name: parameter for name in ("weak.scale", "other.scale")}
    path = tmp_path / "people.csv"

    def sane(cohort):
        assert len(set(cohort.names)) == len(cohort.names) and set(cohort.names) <= set(known)
        assert cohort.values.shape[0] >= 1 and cohort.values.shape[1] == len(cohort.names)
        assert (cohort.values >= 0.0).all() and (cohort.values <= 3.0).all()
        cells = re.split(r"[,\s\"]+", path.read_text("utf-8-sig"))
        written = {float(cell) for cell in cells if re.fullmatch(r"[-+.eE\d]*\d[.]?", cell)}
        assert set(cohort.values.ravel()) <= written

    read = from_file(lambda file: read_cohort(file, known), path)
    survive("cohort", COHORT.encode(), read, sane)


def test_override():
    """A damaged `--set` text changes the configuration to a good one, or is refused."""

    def read(content):
        return load_config(CONFIGURATION, [content.decode("utf-8", "surrogateescape")])

    for text in ("study.rate_hz=50", "sweep.weak.scale={values: [1, 0.5]}"):
        survive(f"--set {text}", text.encode(), read, sane_configuration)


# ------------------------------------------------------------------------------------- results


def sane_dataset(dataset):
    assert isinstance(dataset, xr.Dataset)
    for variable in dataset.variables.values():
        assert variable.dtype.kind in "fiubSUO" and np.asarray(variable).shape == variable.shape
        words = variable.values.ravel() if variable.dtype.kind == "O" else ()
        assert all(isinstance(word, str) for word in words)


def test_results(tmp_path):
    names = ["hip", "knee"]
    dataset = xr.Dataset(
        {
            "metric_value": ("metric", [2.5, 3.0], {"units": "1", "long_name": "Peaks"}),
            "load": (("time", "metric"), np.arange(10.0).reshape(5, 2), {"units": "N"}),
        },
        {"metric": np.array(names, object), "time": ("time", np.arange(5.0), {"units": "s"})},
        {"title": "small", "notes": "made for tests"},
    )
    path = write_netcdf(dataset, tmp_path / "results.nc")
    survive("results", path.read_bytes(), from_file(read_netcdf, path), sane_dataset)
