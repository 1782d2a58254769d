import stat

import jax
import numpy as np
import pytest

from biomech.formats import native
from biomech.formats.native import format_model, parse_model, read_model, write_model
from biomech.model.build import build_model, describe_model
from biomech.model.names import BadInput
from small_models import leg_description


@pytest.fixture
def leg():
    return build_model(leg_description())


def test_round_trip_is_exact(leg, tmp_path):
    odd = leg.skeleton.mass.at[0].set(0.1 + 0.2)
    leg = jax.tree.map(lambda leaf: odd if leaf is leg.skeleton.mass else leaf, leg)
    write_model(leg, tmp_path / "leg.yaml")
    again = read_model(tmp_path / "leg.yaml")
    assert jax.tree.structure(again) == jax.tree.structure(leg)
    for old, new in zip(jax.tree.leaves(leg), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(new, old)
    assert describe_model(again) == describe_model(leg)


@pytest.mark.parametrize("value", [1e-5, -0.0, 1e300, 5e-324, 123456789.123456789, 1e16, 1.0])
def test_every_kind_of_float_survives(leg, value):
    leg = jax.tree.map(lambda x: x.at[0, 1].set(value) if x is leg.markers.location else x, leg)
    again = parse_model(format_model(leg), "leg.yaml").markers.location
    assert repr(float(again[0, 1])) == repr(value)


@pytest.mark.parametrize(
    "text", ['say "yes"', "back\\slash", "# not a comment", "a: b", "ü μ", "no", "1e-3", "x\ny", ""]
)
def test_every_kind_of_text_survives(text):
    description = {**leg_description(), "notes": [text]}
    assert parse_model(format_model(build_model(description)), "leg.yaml").notes == (text,)


def test_file_is_meant_for_people(leg):
    lines = format_model(leg).splitlines()
    assert "gravity: [0.0, -9.81, 0.0]" in lines
    assert max(map(len, lines)) < 200


def test_failed_write_leaves_the_old_file(leg, tmp_path):
    path = tmp_path / "leg.yaml"
    write_model(leg, path)
    before = path.read_text()
    nan = jax.tree.map(lambda x: x * np.nan if x is leg.skeleton.mass else x, leg)
    with pytest.raises(BadInput, match="NaN"):
        write_model(nan, path, overwrite=True)
    assert path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["leg.yaml"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


def test_an_existing_file_is_overwritten_only_if_asked(leg, tmp_path):
    path = tmp_path / "leg.yaml"
    path.write_text("mine")
    with pytest.raises(BadInput, match=r"exists already.*overwrite=True"):
        write_model(leg, path)
    assert path.read_text() == "mine"
    write_model(leg, path, overwrite=True)
    assert read_model(path).skeleton.body_names == leg.skeleton.body_names


@pytest.mark.parametrize(
    "name, said",
    [
        ("none/leg.yaml", "There is no folder .*none' to write 'leg.yaml' in"),
        ("old.yaml", "is a folder; name the file to write"),
        ("leg.osim", "let it end in .yaml"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(leg, tmp_path, name, said):
    (tmp_path / "old.yaml").mkdir()
    with pytest.raises(BadInput, match=said):
        write_model(leg, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["old.yaml"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("name: a\nname: b\n", "bad.yaml cannot be read.*duplicate key"),
        ("name: [", "bad.yaml cannot be read"),
        ("- 1\n", "bad.yaml is not a model"),
        ("name: !!python/object:os.system x\n", "bad.yaml cannot be read"),
        ("a: &x [1]\nb: *x\n", "anchors"),
        ("a: " + "[" * 30 + "]" * 30, "deeper than 20"),
        ("bodys: []\n", "bad.yaml: .*no `"),
        ("name: x\ngravity: [0, .nan, 0]\n", "bad.yaml: .*finite"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_model(path)


def test_missing_binary_and_huge_files_are_refused(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match=r"There is no file .*none\.yaml"):
        read_model(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not UTF-8"):
        read_model(tmp_path / "binary.yaml")
    monkeypatch.setattr(native, "MAX_BYTES", 2)
    with pytest.raises(BadInput, match="has more than 2 bytes"):
        read_model(tmp_path / "binary.yaml")
