import errno
import os

import pytest

from biomech.formats.files import as_path, files_in, read_bytes, why_no_file, write_whole
from biomech.model.names import BadInput


def test_only_text_and_paths_name_a_file(tmp_path):
    assert as_path(str(tmp_path), "emg") == as_path(tmp_path, "emg") == tmp_path
    with pytest.raises(TypeError, match="`emg` must be the name of a file, not int"):
        as_path(3, "emg")


def test_why_there_is_no_file(tmp_path):
    (tmp_path / "walk.mot").write_text("")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "old").mkdir()
    assert files_in(tmp_path) == ["walk.mot"]
    assert why_no_file(tmp_path / "wlak.mot").endswith("Did you mean 'walk.mot'?")
    assert why_no_file(tmp_path / "x").endswith("There are: walk.mot.")
    assert "is a folder" in why_no_file(tmp_path / "old")
    assert "its folder does not exist" in why_no_file(tmp_path / "new" / "walk.mot")
    assert "its folder does not exist" in why_no_file(tmp_path / "walk.mot" / "a")


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "walk.mot"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(BadInput, match=r"'walk\.mot' has more than 4 bytes.* Cut it\."):
        read_bytes(path, 4, "Cut it.")
    with pytest.raises(BadInput, match="There is no file"):
        read_bytes(tmp_path / "walk.sto", 5)
    with pytest.raises(BadInput, match="is a folder"):
        read_bytes(tmp_path, 5)
    with pytest.raises(BadInput, match=r"cannot be read: File name too long\."):
        as_path("a" * 5000, "emg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_must_not_be_read_is_bad_input(tmp_path):
    path = tmp_path / "walk.mot"
    path.write_bytes(b"12345")
    path.chmod(0)
    with pytest.raises(BadInput, match="Permission denied"):
        read_bytes(path, 5)


def test_a_full_disk_leaves_neither_a_file_nor_a_part_of_it(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInput, match=r"Cannot write '.*body\.yaml': No space left on device\."):
        write_whole(tmp_path / "body.yaml", "text")
    assert not list(tmp_path.iterdir())
