"""What is stored is what was computed, whatever happens on the way."""

import errno
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import xarray as xr

from biomech.experiment.executors import Worker, serial
from biomech.experiment.open_run import open_run
from biomech.experiment.store import (
    BATCHES,
    MANIFEST,
    RESULTS,
    BatchEntry,
    CannotStore,
    Store,
    only_runner,
)
from biomech.model.names import BadInput
from biomech.studies.inverse import STATUS
from experiment.arithmetic import CASES, SIZE, Arithmetic, new_store


@pytest.fixture
def study():
    return Arithmetic()


def fill(store, study):
    return list(serial(Worker(study, store), store.pending(), retries=0))


@pytest.fixture
def whole(tmp_path, study):
    """All cases, stored without disturbance."""
    store = new_store(tmp_path / "whole", study)
    fill(store, study)
    return store.open().load()


def test_every_case_is_where_it_belongs(whole, study):
    a, b = study.table.values.T
    np.testing.assert_array_equal(whole["metric_value"], np.stack([a + b, a * b], axis=1))
    np.testing.assert_array_equal(whole["a.x"], a)
    assert whole["metric"].values.tolist() == ["sum", "product"]
    assert whole.attrs == {"title": "arithmetic"}
    assert whole["status"].attrs["flag_values"] == [0, 1, 2]
    assert list(whole.data_vars) == ["metric_value", "status", "body_mass"]


def test_what_failed_is_counted(tmp_path, study):
    entries = fill(new_store(tmp_path / "run", study), study)
    assert entries == [BatchEntry(b, int(b == 1)) for b in range(4)]  # case 4 is in batch 1


def test_unfinished_cases_say_so(tmp_path, study):
    store = new_store(tmp_path / "run", study)
    Worker(study, store)(2)
    part = open_run(tmp_path / "run").load()
    known = np.zeros(CASES, bool)
    known[2 * SIZE : 3 * SIZE] = True
    assert np.all((part["status"].values == STATUS.index("not_computed")).all(axis=1) == ~known)
    assert np.all(np.isnan(part["metric_value"].values).all(axis=1) == ~known)
    assert float(part["body_mass"]) == 75.0
    assert store.pending() == [0, 1, 3]


class Killed(BaseException):
    """Nothing that the code could catch by mistake."""


def writes(monkeypatch, stop_at):
    """Every file that is put into place is counted; at number `stop_at` the process 'dies'."""
    done = []

    def counted(put):
        def replace(*arguments):
            done.append(arguments[-1])
            if len(done) - 1 == stop_at:
                raise Killed
            return put(*arguments)

        return replace

    monkeypatch.setattr(os, "replace", counted(os.replace))
    return done


def test_killed_at_any_write_and_resumed_is_as_never_killed(tmp_path, study, whole, monkeypatch):
    empty = tmp_path / "empty"
    new_store(empty, study)
    with monkeypatch.context() as patch:
        counted = writes(patch, -1)
        shutil.copytree(empty, tmp_path / "again")
        fill(Store(tmp_path / "again"), study)
    assert len(counted) == 4 * 3  # two arrays and the mark, four batches
    for stop_at in range(len(counted)):
        folder = tmp_path / f"killed-{stop_at}"
        shutil.copytree(empty, folder)
        with monkeypatch.context() as patch:
            writes(patch, stop_at)
            with pytest.raises(Killed):
                fill(Store(folder), study)
        study.computed.clear()
        store = Store(folder)
        assert len(store.pending()) == 4 - stop_at // 3
        fill(store, study)
        assert len(study.computed) == 4 - stop_at // 3  # nothing finished is computed again
        xr.testing.assert_identical(store.open().load(), whole)


def test_batch_without_its_mark_is_computed_again(tmp_path, study, whole):
    store = new_store(tmp_path / "run", study)
    fill(store, study)
    (tmp_path / "run" / BATCHES / "0000001.json").unlink()
    chunk = next(p for p in (tmp_path / "run" / RESULTS / "metric_value").rglob("1/*"))
    chunk.write_bytes(chunk.read_bytes()[:-3])  # half-written
    assert store.pending() == [1]
    fill(store, study)
    xr.testing.assert_identical(store.open().load(), whole)


def test_what_a_power_cut_leaves_is_computed_again(tmp_path, study, whole):
    """A mark on the disk whose chunk never arrived, or arrived empty; and an empty mark."""
    store = new_store(tmp_path / "run", study)
    fill(store, study)
    chunks = tmp_path / "run" / RESULTS / "metric_value" / "c"
    (chunks / "0" / "0").unlink()
    (chunks / "2" / "0").write_bytes(b"")
    (tmp_path / "run" / BATCHES / "0000003.json").write_bytes(b"")
    assert store.pending() == [3]
    store.drop_incomplete()
    assert store.pending() == [0, 2, 3]
    fill(store, study)
    xr.testing.assert_identical(store.open().load(), whole)


@pytest.mark.parametrize("left", [lambda x: x[:-5], lambda x: x[:9], lambda x: bytes(len(x))])
def test_what_a_power_cut_leaves_of_a_chunk_is_computed_again(tmp_path, study, whole, left):
    """A part of it, or a file of that length that holds nothing."""
    store = new_store(tmp_path / "run", study)
    fill(store, study)
    chunk = tmp_path / "run" / RESULTS / "metric_value" / "c" / "1" / "0"
    chunk.write_bytes(left(chunk.read_bytes()))
    store.drop_incomplete()
    assert store.pending() == [1]
    fill(store, study)
    store.drop_incomplete()
    assert store.pending() == []
    xr.testing.assert_identical(store.open().load(), whole)


def flip_a_bit(chunk, at):
    content = bytearray(chunk.read_bytes())
    content[at] ^= 0x10
    chunk.write_bytes(content)


@pytest.mark.parametrize("at", [0, 13, -9, -1])
def test_damaged_chunk_is_told_of_and_computed_again(tmp_path, study, whole, at):
    folder = tmp_path / "run"
    store = new_store(folder, study)
    fill(store, study)
    flip_a_bit(folder / RESULTS / "metric_value" / "c" / "1" / "0", at)
    damaged = open_run(folder)
    np.testing.assert_array_equal(damaged["metric_value"][:SIZE], whole["metric_value"][:SIZE])
    with pytest.raises(BadInput, match="damaged: 'metric_value' of cases 3 to 5 cannot") as error:
        damaged.load()
    assert f"--resume --out {folder}" in str(error.value)
    store.drop_incomplete()
    assert store.pending() == [1]
    fill(store, study)
    xr.testing.assert_identical(open_run(folder).load(), whole)


def test_several_damaged_chunks_are_counted(tmp_path, study):
    store = new_store(tmp_path / "run", study)
    fill(store, study)
    for batch in (0, 1, 3):
        flip_a_bit(tmp_path / "run" / RESULTS / "status" / "c" / str(batch) / "0", -9)
    with pytest.raises(BadInput, match="'status' of cases 0 to 2 cannot be read, nor can 5 cases"):
        open_run(tmp_path / "run")["status"].load()


@pytest.mark.parametrize("label", ["a.x", "body_mass", "metric", "time"])
def test_damaged_label_is_told_of(tmp_path, study, label):
    new_store(tmp_path / "run", study)
    files = (tmp_path / "run" / RESULTS / label).rglob("*")
    flip_a_bit(next(p for p in files if p.is_file() and p.name != "zarr.json"), -6)
    with pytest.raises(BadInput, match="its labels cannot be read"):
        open_run(tmp_path / "run")


def test_what_is_not_damage_is_not_called_so(tmp_path, study, monkeypatch):
    fill(store := new_store(tmp_path / "run", study), study)
    dataset = store.open()
    with monkeypatch.context() as patch:
        patch.setattr(xr.Variable, "__getitem__", raises(MemoryError()))
        with pytest.raises(MemoryError):
            dataset["metric_value"].load()
    with monkeypatch.context() as patch:
        patch.setattr(xr.Variable, "__getitem__", raises(OSError(errno.EIO, "Input/output error")))
        with pytest.raises(BadInput, match=r"Cannot read results\.zarr in .*: Input/output error"):
            dataset["metric_value"].load()


def test_batch_that_was_given_up_is_tried_again(tmp_path, study, whole):
    store = new_store(tmp_path / "run", study)
    fill(store, study)
    entry = store.give_up(3, "MemoryError: too large")
    assert entry == BatchEntry(3, CASES - 3 * SIZE, "MemoryError: too large")
    assert store.pending() == [3]
    fill(store, study)
    assert store.pending() == []
    xr.testing.assert_identical(store.open().load(), whole)


@pytest.mark.parametrize(
    "number, said",
    [(errno.ENOSPC, "Free some space"), (errno.EROFS, "Make it writable")],
)
def test_disk_that_refuses_stops_the_run_and_keeps_what_is_there(
    tmp_path, study, monkeypatch, number, said
):
    store = new_store(tmp_path / "run", study)
    Worker(study, store)(0)
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", raises(OSError(number, os.strerror(number))))
        with pytest.raises(CannotStore, match=said) as error:
            fill(store, study)
    assert f"--resume --out {tmp_path / 'run'}" in str(error.value)
    assert store.pending() == [1, 2, 3]
    assert np.isfinite(open_run(tmp_path / "run")["metric_value"][:SIZE]).all()


def raises(error):
    def fail(*arguments, **options):
        raise error

    return fail


def test_two_runners_do_not_share_a_folder(tmp_path, study):
    new_store(tmp_path / "run", study)
    with (
        only_runner(tmp_path / "run"),
        pytest.raises(BadInput, match="Another run has this folder"),
        only_runner(tmp_path / "run"),
    ):
        pass
    with only_runner(tmp_path / "run"):
        pass


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda folder: (folder / MANIFEST).write_text("{"), "is damaged"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "holds no mapping"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": 9}'), "has format 9"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": 1}'), "is damaged"),
        (lambda folder: _changed(folder, plan={"cases": "a", "size": 1}), "is damaged: plan.cases"),
        (lambda folder: _changed(folder, plan={"cases": 11, "size": 0}), "is damaged: plan.size"),
        (
            lambda folder: _changed(folder, axes={"a.x": [1.0, 2.0]}),
            "its axes do not make its cases",
        ),
        (
            lambda folder: _changed(folder, plan={"cases": 11, "size": 3, "spare": 1}),
            "is damaged",
        ),
        (lambda folder: _changed(folder, axes=[1]), "is damaged: axes"),
        (lambda folder: _changed(folder, order=5), "is damaged: order"),
        (lambda folder: _changed(folder, variables=["../../x"]), "is damaged: variables"),
        (lambda folder: _changed(folder, plan={"cases": 12, "size": 3}), "has other cases"),
        (lambda folder: _longer(folder, "metric"), "too many"),
        (lambda folder: shutil.rmtree(folder / RESULTS), "There is no results.zarr"),
        (lambda folder: (folder / RESULTS / "zarr.json").write_text("{"), "is damaged"),
        (lambda folder: _as_objects(folder), "is damaged"),
    ],
)
def test_damaged_or_foreign_store_is_refused(tmp_path, study, damage, said):
    new_store(tmp_path / "run", study)
    damage(tmp_path / "run")
    with pytest.raises(BadInput, match=said):
        open_run(tmp_path / "run").load()


def test_an_array_that_is_gone_is_told_of_before_anything_is_added(tmp_path, study):
    store = new_store(tmp_path / "run", study)
    shutil.rmtree(tmp_path / "run" / RESULTS / "metric_value")
    with pytest.raises(BadInput, match="is damaged: it lacks 'metric_value'"):
        Store(store.folder).drop_incomplete()


def _changed(folder, **changes):
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _longer(folder, name):
    path = folder / RESULTS / name / "zarr.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shape": [10**9]}))


def _as_objects(folder):
    path = folder / RESULTS / "metric_value" / "zarr.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "data_type": "object"}))


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no run folder"):
        open_run(tmp_path)
    with pytest.raises(BadInput, match="There is no file"):
        open_run(tmp_path / "none")
