"""A run folder appears whole or not at all."""

import errno
import os
import stat

import pytest

from biomech.experiment.run_folder import check_destination, run_folder
from biomech.experiment.store import storing
from biomech.model.names import BadInput


def test_numbers_follow_the_largest_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for taken in ("walk-1", "walk-9", "walk-x", "other-20", "walk-2_more-30"):
        (tmp_path / "runs" / taken).mkdir(parents=True)
    with run_folder("walk") as run:
        (run.folder / "a").write_text("1")
    assert run.final == tmp_path / "runs" / "walk-10"
    assert (run.final / "a").read_text() == "1"


def test_first_run_is_number_one_and_readable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with run_folder("walk") as run:
        assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    assert run.final == tmp_path / "runs" / "walk-1"
    (tmp_path / "plain").mkdir()
    assert run.final.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_nothing_and_keeps_earlier_results(tmp_path, monkeypatch, error):
    monkeypatch.chdir(tmp_path)
    with run_folder("walk") as first:
        (first.folder / "a").write_text("1")
    with pytest.raises(error), run_folder("walk") as second:
        (second.folder / "a").write_text("2")
        raise error
    assert os.listdir(tmp_path / "runs") == ["walk-1"]
    assert (first.final / "a").read_text() == "1"
    assert second.final is None


def test_nothing_has_the_final_name_before_the_end(tmp_path):
    with run_folder("walk", tmp_path / "mine") as run:
        assert not (tmp_path / "mine").exists()
        assert run.folder.name.startswith(".mine-partial-")
        assert run.folder.parent == tmp_path
    assert os.listdir(tmp_path) == ["mine"]


def test_existing_folder_is_refused_before_and_after(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(BadInput, match="exists already"), run_folder("walk", tmp_path / "mine"):
        pass
    with (
        pytest.raises(BadInput, match="exists already"),
        run_folder("walk", tmp_path / "late") as run,
    ):
        (run.folder / "a").write_text("1")
        (tmp_path / "late").mkdir()  # somebody else was faster
    assert sorted(os.listdir(tmp_path)) == ["late", "mine"]
    assert os.listdir(tmp_path / "late") == []


def test_number_taken_meanwhile_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with run_folder("walk") as first, run_folder("walk") as second:
        (first.folder / "a").write_text("1")
        (second.folder / "a").write_text("2")
    assert {first.final.name, second.final.name} == {"walk-1", "walk-2"}


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BadInput, match="Cannot write in"),
        run_folder("walk", tmp_path / "file" / "x"),
    ):
        pass


@pytest.mark.parametrize("number, said", [(errno.ENOSPC, "Free some"), (errno.EACCES, "Make it w")])
def test_disk_that_refuses_is_said_of_the_folder_that_stays(tmp_path, number, said):
    with (
        pytest.raises(BadInput, match=f"Nothing of this run is kept. {said}") as told,
        run_folder("walk", tmp_path / "mine") as partial,
        storing(partial.folder),
    ):
        raise OSError(number, "as a library words it")
    assert str(told.value).startswith(f"Cannot write in {tmp_path}: {os.strerror(number)}.")
    assert "partial" not in str(told.value) and os.listdir(tmp_path) == []


def test_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"Cannot use --out .*: File name too long\."):
        check_destination(tmp_path / ("a" * 300))
