import pytest

from biomech.formats.files import as_path, files_in, why_no_file


def test_only_text_and_paths_name_a_file(tmp_path):
    assert as_path(str(tmp_path), "emg") == as_path(tmp_path, "emg") == tmp_path
    with pytest.raises(TypeError, match="`emg` must be the name of a file, not int"):
        as_path(3, "emg")


def test_why_there_is_no_file(tmp_path):
    (tmp_path / "walk.mot").write_text("")
    (tmp_path / "old").mkdir()
    assert files_in(tmp_path) == ["walk.mot"]
    assert why_no_file(tmp_path / "wlak.mot").endswith("Did you mean 'walk.mot'?")
    assert why_no_file(tmp_path / "x").endswith("There are: walk.mot.")
    assert "is a folder" in why_no_file(tmp_path / "old")
    assert "its folder does not exist" in why_no_file(tmp_path / "new" / "walk.mot")
    assert "its folder does not exist" in why_no_file(tmp_path / "walk.mot" / "a")
