"""Files made to do harm, or wrong in the ways people get them wrong: each ends in a clear message.

First what the readers say; then the same through the command line, where bad input is exit code 2
and nothing is written; then files that are small and want much memory or time.
"""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from biomech.analysis.labels import read_netcdf, write_netcdf
from biomech.cli import app
from biomech.experiment.config import load_config
from biomech.experiment.inputs import find_files, load_inputs
from biomech.formats.external_loads import evaluate_external_force, read_external_loads
from biomech.formats.load import load_model
from biomech.formats.native import format_description, format_model, parse_model, read_model
from biomech.formats.osim import load_osim, load_osim_bytes, read_osim_bytes
from biomech.formats.storage import read_storage, write_storage
from biomech.formats.trc import read_trc
from biomech.formats.trial import load_trial
from biomech.model.build import build_model
from biomech.model.names import BadInput
from experiment.swinging_leg import configuration, write
from osim_texts import leg, old_leg
from small_models import leg_description
from small_records import LOADS, MARKERS, TABLE, plates, write_plates

LEG = leg().decode()
LONGEST = 10.0
"""Twice what the slowest may take, for a machine with much else to do [s]."""
CONTROL = "\x1b[2J\x9b31m\u202e"
"""Clears a screen, colours it and writes backwards, if a terminal obeys it."""


def refused(read, *arguments) -> str:
    """What `BadInput` says: one message, of bearable length, that no terminal obeys."""
    with pytest.raises(BadInput) as error:
        read(*arguments)
    said = str(error.value)
    assert 0 < len(said) < 5000
    assert all(c.isprintable() or c == "\n" for c in said)
    return said


def changed(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


# --------------------------------------------------------------------------------- OpenSim model

BILLION_LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1 if i else chr(0)};" * 10}">' for i in range(1, 10))
    + "]>"
).replace("&a0;", "&a;")
HEAD = '<?xml version="1.0" encoding="UTF-8" ?>'
VASTI = '<Millard2012EquilibriumMuscle name="vasti">'
MASS = "<mass>2.0</mass>"


@pytest.mark.parametrize(
    "old, new, said",
    [
        # XML
        (HEAD, HEAD + BILLION_LAUGHS, "document type or an entity"),
        (HEAD, HEAD + '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "an entity"),
        (HEAD, HEAD + '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">', "document type"),
        (MASS, "<mass>&x;</mass>", "undefined entity"),
        (MASS, "<mass>2.0</mass>\0", "not well-formed"),
        (MASS, "<mass>\x08</mass>", "not well-formed"),
        ('encoding="UTF-8"', 'encoding="klingon"', "model.osim"),
        ('encoding="UTF-8"', 'encoding="UTF-16"', "not well-formed"),
        ("</Model>", "<a>" * 200 + "</a>" * 200 + "</Model>", "nested more than 100 deep"),
        ("</Model>", "<a/>" * 200_001 + "</Model>", "more than 200000 elements"),
        ("<objects><Marker ", f"<objects>{'<Probe/>' * 20_001}<Marker ",
         "more than 20000 components"),
        ('name="model"', f'name="{"m" * 1000}"', "at most 200 characters"),
        ("</Model>", "</Model><Model/>", "2 <Model>"),
        ("<defaults></defaults>", "<defaults/><defaults/>", "2 <defaults>"),
        ("<defaults></defaults>", "<defaults><Body/><Body/></defaults>", "two objects of one type"),
        # names
        ('<Body name="thigh">', '<Body name="thigh&#10;Good: nothing is wrong">', "can be printed"),
        ('<Body name="thigh">', f'<Body name="{CONTROL[4:]}">', "can be printed"),
        ('<Body name="thigh">', '<Body name="">', "A body has no name"),
        ('<Body name="cap">', '<Body name="cap"/><Body name="cap">', "Body 'cap' has no <mass>"),
        ('name="soleus"', 'name="vasti"', "2 of the muscle names are 'vasti'"),
        ('<Coordinate name="slide">', '<Coordinate name="hip">', "coordinate 'hip'|2 of the"),
        ('name="hip_in_child"', 'name="hip_in_parent"', "is there twice"),
        # numbers
        (MASS, "<mass>-2</mass>", "Body 'thigh': <mass> is -2.0 kg; it must not be negative"),
        (MASS, "<mass>nan</mass>", "'nan', which is not a finite number"),
        (MASS, "<mass>inf</mass>", "'inf', which is not a finite number"),
        (MASS, "<mass>1e400</mass>", "'1e400', which is not a finite number"),
        (MASS, f"<mass>{'9' * 500}</mass>", "which is not a finite number"),
        (MASS, "<mass></mass>", "<mass> is empty"),
        (MASS, "<mass>heavy</mass>", "'heavy', which is not a finite number"),
        (MASS, "<mass>2,5</mass>", "must have 1 number; it has 2"),
        (MASS, "<mass>\u0662</mass>", "which is not a finite number"),
        (MASS, "<mass>2<x>5</x></mass>", "must be plain text"),
        (MASS, "<mass>2</mass><mass>3</mass>", "Body 'thigh' has 2 <mass>"),
        (MASS, "<masss>2</masss>", "has no <mass>. Did you mean 'masss'"),
        ("<inertia>0.03 ", "<inertia>-0.03 ", "principal moment"),
        # units
        ("<length_units>meters", "<length_units>millimeters", "only meters can be read"),
        ("<force_units>N<", "<force_units>lbf<", "only N can be read"),
        ("<optimal_fiber_length>0.09", "<optimal_fiber_length>90", "below 10 m. Is it in another"),
        ("<tendon_slack_length>0.15", "<tendon_slack_length>150", "below 10 m. Is it in another"),
        ("_at_optimal>0.1<", "_at_optimal>15<", "below 1.5708 rad. Is it in another unit"),
        # muscles
        ("<optimal_fiber_length>0.09", "<optimal_fiber_length>0", "'vasti'.*must be positive"),
        ("<tendon_slack_length>0.15", "<tendon_slack_length>-0.15", "'vasti'.*must be positive"),
        ("<max_isometric_force>700", "<max_isometric_force>-1", "'vasti'.*must not be negative"),
        ("max_isometric_force>700</max_isometric_force>",
         "max_isometric_forc>700</max_isometric_forc>", "Did you mean <max_isometric_force>"),
        ("_norm_force>0.6<", "_norm_force>-0.6<", "strain at one norm force must exceed"),
        (VASTI, VASTI + "<ActiveForceLengthCurve><transition_norm_fiber_length>2"
         "</transition_norm_fiber_length></ActiveForceLengthCurve>", "'vasti'.*0.95"),
        (VASTI, VASTI + "<fiber_damping>-1</fiber_damping>", "<fiber_damping> is -1.0"),
        (VASTI, VASTI + "<min_control>2</min_control>", "'vasti': activation is bounded by 2.0"),
        # paths
        ('<location>0 -0.1 0</location>', "<location>0 0.1 0</location>", None),
        ('>shank</socket_parent_frame><location>0 -0.1 0<',
         ">/bodyset/thigh</socket_parent_frame><location>0 0.1 0<",
         "muscle 'soleus'.*points 0 and 1.*same place in the same body"),
        ("<wrap_object>drum<", "<wrap_object>drun<", "'drun'.*Did you mean 'drum'"),
        ("<range>1 2<", "<range>1 9<", "two different points"),
        ("<radius>0.03<", "<radius>0<", "must be positive"),
        ("<range>-1 0.5<", "<range>0.5 -1<", "runs from 0.5 down to -1"),
        # joints
        ("shank</socket_parent>", "shankk</socket_parent>", "Did you mean 'shank'"),
        ("<socket_parent>/ground<", "<socket_parent>/bodyset/cap<", "ring of joints"),
        ("<socket_parent>/ground<", "<socket_parent>/bodyset/thigh<", "joins 'thigh' to itself"),
        ("<socket_parent>/ground<", f"<socket_parent>{'../' * 9000}<", "path of 27000 characters"),
        ("<axis>0 0 1<", "<axis>0 0 0<", "must point somewhere"),
        ("<axis>0 0 1<", "<axis>1e200 0 1e-200<", None),
        ('<TransformAxis name="rotation1">', "<TransformAxis>", "Transform is called 'None'"),
        ('<TransformAxis name="rotation2">', '<TransformAxis name="rotation1">', "two <rotation1>"),
        ("<range>-2 2<", "<range>2 -2<", "runs from 2.0 down to -2.0"),
        ("<coordinate>hip<", "<coordinate>hop<", "Did you mean 'hip'"),
        # splines
        ("<x>-2 -1 -0.3", "<x>-2 -1 -1", "the values of <x> must increase"),
        ("<x>-2 -1 -0.3", "<x>-2 -1 -3", "the values of <x> must increase"),
        ("<x>-2 -1 -0.3", "<x>-2 -1", "as many of both"),
        ("<x>-2 -1 -0.3 0.4 1.5<", f"<x>{' '.join(map(str, range(2000)))}<", "has 2000 <x>"),
        ("<y>0.01 -0.04", "<y>1e308 -1e308", "too large, or its knots too near"),
        # other files
        ('<ForceSet name="forceset">', '<ForceSet file="../f.xml">', "'../f.xml', which is not"),
        ('<ForceSet name="forceset">', '<ForceSet file="/etc/passwd">', "which is not opened"),
        ('Version="40500"', 'Version="-1"', "no whole-number Version"),
    ],
)  # fmt: skip
def test_osim(old, new, said):
    content = changed(LEG, old, new).encode()
    if said is None:
        load_osim_bytes(content)
    else:
        assert re.search(said, refused(load_osim_bytes, content), re.DOTALL)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "not well-formed"),
        (b" \r\n", "not well-formed"),
        (leg()[: len(leg()) // 2], "not well-formed XML at line"),
        (leg()[:-3], "not well-formed XML at line"),
        (leg().replace(b'"vasti"', b'"v\xe4sti"'), "not well-formed"),
        (leg().decode().encode("utf-16"), "not well-formed"),
        (leg().decode().encode("cp037"), "not well-formed"),
        (b"time\t0\n", "not well-formed"),
        (b"\x89HDF\r\n\x1a\n", "not well-formed"),
        (b"<OpenSimDocument Version='40000'/>", "no <Model>"),
        (b"<html><Model/></html>", "no <Model>"),
        (b"<OpenSimDocument Version='40000'><Model/></OpenSimDocument>", "has no body"),
    ],
)
def test_osim_that_is_none(content, said):
    assert re.search(said, refused(load_osim_bytes, content))


@pytest.mark.parametrize("content", [leg(), old_leg()], ids=["OpenSim 4", "OpenSim 3"])
def test_osim_in_other_line_ends_and_with_a_byte_order_mark_is_the_same(content):
    as_read = read_osim_bytes(content.replace(b"><", b">\n<")).description
    for other in (content.replace(b"><", b">\r\n<"), b"\xef\xbb\xbf" + content):
        assert read_osim_bytes(other).description == as_read


@pytest.mark.parametrize("content", [leg(), old_leg()], ids=["OpenSim 4", "OpenSim 3"])
def test_osim_loses_nothing_quietly(content):
    """Every element renamed, misspelt, doubled or emptied: an error, a note, or no difference."""
    good = read_osim_bytes(content).description
    count = sum(1 for _ in ElementTree.fromstring(content).iter())
    for i in range(2, count):
        for blow in (_rename, _misspell, _double, _empty, _nest):
            damaged = ElementTree.fromstring(content)
            element = list(damaged.iter())[i]
            parent = {child: parent for parent in damaged.iter() for child in parent}[element]
            where = f"{blow.__name__} <{element.tag}> of <{parent.tag}>"
            if not blow(element, parent):
                continue
            try:
                osim = read_osim_bytes(ElementTree.tostring(damaged))
            except BadInput:
                continue
            report = osim.report
            lines = (*report.notes, *report.ignored, *report.not_simulated)
            told = any(element.tag in line for line in lines)
            assert report.refused or told or osim.description == good, where


def _rename(element, parent):
    element.tag = "other"
    return True


def _misspell(element, parent):
    element.tag = element.tag[:-1] if len(element.tag) > 4 else element.tag + "s"
    return True


def _double(element, parent):
    parent.append(copy.deepcopy(element))
    return True


def _empty(element, parent):
    written = bool((element.text or "").strip()) and not len(element)
    element.text = ""
    return written


def _nest(element, parent):
    written = bool((element.text or "").strip()) and not len(element)
    if written:
        ElementTree.SubElement(element, "x").text = "5"
    return written


# ---------------------------------------------------------------------------------- native model


def _native(change):
    """The text of a small native model after `change` of its description."""
    description = leg_description()
    change(description)
    return json.dumps(description).replace("Infinity", ".inf")


def _set(*keys_and_value):
    """A change: the value at nested keys."""
    *keys, last, value = keys_and_value

    def change(description):
        for key in keys:
            description = description[key]
        description[last] = value

    return change


def _same_place(description):
    points = description["ligaments"][0]["path"]["points"]
    points[1].update(points[0])


SPLINE_PATH = ("joints", 0, "axes", 3, "function")
ALIASES = "a: &a [x, x]\n" + "".join(
    f"{key}: &{key} [{', '.join(9 * ['*' + chr(ord(key) - 1)])}]\n" for key in "bcdefghi"
)


@pytest.mark.parametrize(
    "text, said",
    [
        # YAML
        (ALIASES, "uses YAML anchors"),
        ("name: !!python/object/apply:os.system ['true']\n", "it uses the tag"),
        ("name: !!binary aGk=\n", "it uses the tag"),
        ("%YAML 1.1\n---\nname: no\n", "directives"),
        ("<<: {name: x}\n", "merge key"),
        ("name: a\nname: b\n", "duplicate key"),
        ("? {a: 1}\n: 2\n", "cannot be read as YAML"),
        ("name: x\n---\nname: y\n", "cannot be read as YAML"),
        ("name: " + "[" * 5000, "nested deeper than 20"),
        ("name: " + "{a: " * 5000, "nested deeper than 20"),
        ("- " * 5000, "nested deeper than 20"),
        (f"version: {'9' * 5000}\n", "whole number of 5000 digits"),
        (f"version: 0x{'f' * 5000}\n", "whole number of 5002 digits"),
        ("name: 2024-13-45\n", "cannot be read as YAML"),
        ("name: a\0b\n", "cannot be read as YAML"),
        ("", "is not a model"),
        ("[]", "is not a model"),
        # names
        (_native(_set("bodies", 0, "name", "shank\nGood: all is well")), "can be printed"),
        (_native(_set("bodies", 0, "name", CONTROL)), "can be printed"),
        (_native(_set("name", "leg\x07")), "can be printed"),
        (_native(_set("bodies", 0, "name", "b" * 300)), "at most 200 characters"),
        (_native(_set("bodies", 0, "name", 3)), "must be text"),
        (_native(_set("bodies", 0, "name", "thigh")), "More than one body is named 'thigh'"),
        (_native(_set(CONTROL, 1)), "unknown key"),
        (_native(_set("b" * 1000, 1)), "unknown key"),
        # numbers
        (_native(_set("bodies", 0, "mass", -1)), "must be at least 0"),
        (_native(_set("bodies", 0, "mass", "1")), "must be a number"),
        (_native(_set("bodies", 0, "mass", True)), "must be a number"),
        (_native(_set("bodies", 0, "mass", None)), "must be a number"),
        (_native(_set("bodies", 0, "mass", float("nan"))).replace("NaN", ".nan"), "finite number"),
        (_native(_set("bodies", 0, "mass", 0.5)).replace("0.5", "1e400", 1), "finite number"),
        (_native(_set("bodies", 0, "mass_center", [1e308] * 4)), "must have 3 numbers"),
        (_native(_set("bodies", 0, "inertia", [-1, 1, 1, 0, 0, 0])), "principal moment"),
        (_native(_set("bodies", 0, "inertia", [1, 1, 1, 1e308, 0, 0])), "principal moment"),
        # structure
        (_native(_set("joints", 0, "parent", "thihg")), "Did you mean 'thigh'"),
        (_native(_set("joints", 2, "parent", "shank")), "ring of joints"),
        (_native(_set("joints", 0, "child", "thigh")), "A body has one joint"),
        (_native(_set("joints", 0, "axes", 0, "axis", [0, 0, 0])), "is zero"),
        (_native(_set(*SPLINE_PATH, "x", [-2, 0, 0, 1, 2])), "increasing x"),
        (_native(_set(*SPLINE_PATH, "x", [-2, 0])), "2 x values and 5 y values"),
        (_native(_set(*SPLINE_PATH, "x", list(range(2000)))), "2000 x values and 5 y values"),
        (_native(_set(*SPLINE_PATH, "y", [1e308, -1e308, 0, 0, 0])), "too large"),
        # muscles
        (_native(_set("muscles", 0, "optimal_fiber_length", 0)), "must be positive"),
        (_native(_set("muscles", 0, "tendon_slack_length", -0.1)), "must be positive"),
        (_native(_set("muscles", 0, "optimal_fiber_length", 90)), "Is it in another unit"),
        (_native(_set("muscles", 0, "pennation_angle", 15)), "Is it in another unit"),
        (_native(_set("muscles", 0, "curves", "fiber_damping", -1)), "must be positive"),
        (_native(_same_place), "points 0 and 1.*same place in the same body"),
        (_native(_set("muscles", 0, "path", "wraps", 0, "first", 3)), "two different points"),
        (_native(_set("muscles", 0, "path", "points", [leg_description()["muscles"][0]["path"][
            "points"][0]] * 101)), "at most 100 are read"),
    ],
)  # fmt: skip
def test_native(tmp_path, text, said):
    (tmp_path / "leg.yaml").write_text(text, encoding="utf-8")
    assert re.search(said, refused(read_model, tmp_path / "leg.yaml"), re.DOTALL)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"name: \xff\n", "not UTF-8"),
        ("name: leg\n".encode("utf-16"), "not UTF-8"),
        (b"#" * 1_000_001, "more than 1000000 bytes"),
    ],
)
def test_native_that_is_no_text(tmp_path, content, said):
    (tmp_path / "leg.yaml").write_bytes(content)
    assert said in refused(read_model, tmp_path / "leg.yaml")


def test_native_in_other_line_ends_and_with_a_byte_order_mark_is_the_same(tmp_path):
    text = format_description(leg_description())
    for content in (text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
        (tmp_path / "leg.yaml").write_bytes(content)
        assert format_model(read_model(tmp_path / "leg.yaml")) == format_model(
            parse_model(text, "leg.yaml")
        )


@pytest.mark.parametrize(
    "key, count, said",
    [
        ("muscles", 5001, "`muscles` has 5001 entries; at most 5000 are read"),
        ("bodies", 1001, "1001 bodies; at most 1000 are read"),
        ("coordinates", 1001, "1001 coordinates; at most 1000 are read"),
    ],
)
def test_more_parts_than_any_body_has(key, count, said):
    description = leg_description()
    description[key] *= count
    description[key] = description[key][:count]
    assert said in refused(build_model, description)


def test_conditional_points_at_one_place_may_stand_for_each_other():
    """As long as their ranges do not overlap: then they are never present together."""
    description = leg_description()
    points = description["muscles"][0]["path"]["points"]
    points.insert(2, copy.deepcopy(points[1]))
    said = refused(build_model, description)
    assert "muscle 'vasti', `path`: points 1 and 2" in said
    points[2]["condition"]["range"] = [-2.0, 0.5]
    assert build_model(description).muscles.paths.point_bodies[0][1:3] == (0, 0)


# --------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("nRows=4", "nRows=1000000000000", "is no count"),
        ("nRows=4", "nRows=100000000000", "says 100000000000 rows, the file has 4"),
        ("nRows=4", "nRows=-4", "is no count"),
        ("nRows=4", "nRows=4\nnRows=5", "gives nrows twice"),
        ("nRows=4", "nRow=9", "Did you mean 'nrows'"),
        ("inDegrees=no", "inDegree=yes", "Did you mean 'indegrees'"),
        ("inDegrees=no", "inDegrees=no\ninDegrees=yes", "gives indegrees twice"),
        ("inDegrees=no", "inDegrees=perhaps", "must be yes or no"),
        ("version=1", "version=1e3", "is no count"),
        ("version=1", "DataType=Vec3", "only tables of plain numbers"),
        ("endheader", "endheadr", "no line 'endheader'"),
        ("\thip\t", "\thip\thip\t", "two columns 'hip'"),
        ("\thip\t", "\tknee\t", "two columns 'knee'"),
        ("\thip\t", f"\t{CONTROL}\t", "can be printed"),
        ("\thip\t", f"\t{'h' * 300}\t", "at most 200 characters"),
        ("time\t", "hip\t", "must be 'time', which is missing"),
        ("time\thip", "hip\ttime", "must be 'time', which is in another place"),
        ("time\t", "time" + "\tx" * 1_000_000, "line of more than 1000000 characters"),
        ("time\t", "time" + "\tx" * 300_000, "columns; the limit is 10000"),
        ("0.1\t1\n", "0.1\n", "2 values for 3 columns"),
        ("0.1\t1\n", "0.1\t1\t5\n", "4 values for 3 columns"),
        ("0.1\t1\n", "text\t1\n", "'text' is no number"),
        ("0.1\t1\n", "0,1\t1\n", "'0,1' is no number"),
        ("0.1\t1\n", "1_0\t1\n", "'1_0' is no number"),
        ("0.1\t1\n", "0x1\t1\n", "'0x1' is no number"),
        ("0.1\t1\n", "\u0661\t1\n", "is no number"),
        ("0.1\t1\n", "0.1\t\n", "2 values for 3 columns"),
        ("0.02\t", "0.01\t", "repeats time"),
        ("0.02\t", "0.005\t", "goes back to time"),
        ("0.02\t", "nan\t", "the time in data row 3 is nan"),
        ("0.03\t", "inf\t", "the time in data row 4 is inf"),
        ("0.03\t", "1e400\t", "the time in data row 4 is inf"),
        ("0.03\t", "1e300\t", "the time in data row 4 is 1e"),
        ("0.01\t", "5e-324\t", "repeats time"),
        ("0.03\t0.4\t4\n", "", "says 4 rows, the file has 3"),
        ("0.03\t0.4\t4\n", "0.03\t0.4", "2 values for 3 columns"),
        ("time\thip\tknee\n0.00\t0.1\t1\n0.01\t0.2\t2\n0.02\t0.3\t3\n0.03\t0.4\t4\n", "",
         "no labels, no numbers"),
        ("walk", "wa\0lk", "is not a text file"),
    ],
)  # fmt: skip
def test_table(tmp_path, old, new, said):
    (tmp_path / "walk.mot").write_text(changed(TABLE, old, new), encoding="utf-8")
    assert re.search(said, refused(read_storage, tmp_path / "walk.mot"))


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (TABLE.encode("utf-16"), "UTF-16 text"),
        (TABLE.encode("utf-16-le"), "not a text file"),
        (TABLE.encode("utf-32"), "UTF-16 text"),
        (TABLE.encode("cp037"), "no line 'endheader'"),
        (b"\x89HDF\r\n\x1a\n\0", "not a text file"),
        (LEG.encode(), "no line 'endheader'"),
        (b"x" * 2_000_000, "line of more than 1000000 characters"),
    ],
)
def test_table_that_is_none(tmp_path, content, said):
    (tmp_path / "walk.mot").write_bytes(content)
    assert re.search(said, refused(read_storage, tmp_path / "walk.mot"))


def test_table_in_other_line_ends_and_with_a_byte_order_mark_is_the_same(tmp_path):
    good = read_storage(_written(tmp_path / "a.mot", TABLE.encode()))
    for content in (
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.replace("endheader\n", "endheader" + "\n" * 1000).encode(),
    ):
        table = read_storage(_written(tmp_path / "b.mot", content))
        assert (table.labels, table.notes) == (good.labels, good.notes)
        np.testing.assert_array_equal(table.values, good.values)


def test_a_last_number_that_may_have_lost_digits_is_noted(tmp_path):
    table = read_storage(_written(tmp_path / "a.mot", TABLE[:-2].encode() + b"4"))
    assert "may be cut off" in table.notes[-1]
    markers = read_trc(_written(tmp_path / "a.trc", MARKERS[:-1].encode()))
    assert "may be cut off" in markers.notes[-1]


def _written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("\t3\t2\tmm", "\t1000000000000\t2\tmm", "says 1000000000000 frames"),
        ("\t3\t2\tmm", "\t3\t1000000000000\tmm", "says 1000000000000 markers"),
        ("\tmm\t", "\tinch\t", "must be m, cm or mm"),
        ("Units", "Units Units", "line 2 has 7 names"),
        ("CameraRate", "Units", "line 2 has a name twice"),
        ("Y1\tZ1", "Z1\tY1", "must name the axes X, Y and Z"),
        ("L.ASIS", "R.ASIS", "two columns 'R.ASIS'"),
        ("L.ASIS", CONTROL, "can be printed"),
        ("1000\t", "inf\t", "infinite number"),
        ("1000\t", "1e400\t", "infinite number"),
        ("1000\t", "text\t", "'text' is no number"),
        ("0.01", "0.00", "repeats time"),
        ("0.02", "0.005", "goes back"),
        ("3\t0.02", "\0", "not a text file"),
        ("Frame#", "Frame", "must start with 'Frame#'"),
    ],
)
def test_trc(tmp_path, old, new, said):
    (tmp_path / "walk.trc").write_text(changed(MARKERS, old, new), encoding="utf-8")
    assert said in refused(read_trc, tmp_path / "walk.trc")


# --------------------------------------------------------------------------------- external loads


@pytest.mark.parametrize(
    "old, new, said",
    [
        (HEAD, HEAD + BILLION_LAUGHS, "document type or an entity"),
        (HEAD, HEAD + '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "an entity"),
        ("<objects>", "<a>" * 200 + "</a>" * 200 + "<objects>", "nested more than 100"),
        ("</OpenSimDocument>", "", "not well-formed"),
        ("plate.mot", "../plate.mot", "outside its own folder"),
        ("plate.mot", "/etc/passwd", "outside its own folder"),
        ("plate.mot", "C:\\plate.mot", "outside its own folder"),
        ("plate.mot", "a/../../plate.mot", "outside its own folder"),
        ("plate.mot", "link.mot", "outside its own folder"),
        ("plate.mot", "p" * 5000, "File name too long"),
        ("plate.mot", "pl\nate.mot", "There is no file"),
        ("datafile>plate.mot</datafile", "datafil>plate.mot</datafil", "Did you mean 'datafile'"),
        ("<datafile>plate.mot</datafile>", "<datafile>plate.mot</datafile>" * 2, "2 <datafile>"),
        ("<applied_to_body>", "<isDisabled>maybe</isDisabled><applied_to_body>", "neither true"),
        ("<applied_to_body>", "<appliesForces>false</appliesForces><applied_to_body>",
         "Did you mean 'appliesForce'"),
        ("point_identifier>r_p</point_identifier", "other>r_p</other", "<other>, which is not"),
        ("force_identifier>r_v<", "force_identifier>l_v<", "is not a number at 0 s"),
        ("<objects>", "<objects><ExternalForces/>", "Did you mean <ExternalForce>"),
        ('name="l"', 'name="r"', "have one name"),
        ('name="l"', f'name="{CONTROL[4:]}"', "can be printed"),
        ("r_v<", "rv<", "has no column 'rvx'"),
        ("ExternalLoads name", "ExternalLoads file='x' name", None),
    ],
)  # fmt: skip
def test_external_loads(tmp_path, old, new, said):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = write_plates(inner)
    (inner / "plate.mot").rename(tmp_path / "plate.mot")
    (inner / "link.mot").symlink_to(tmp_path / "plate.mot")
    write_plates(inner)
    path.write_text(changed(LOADS, old, new))
    if said is None:
        assert read_external_loads(path).forces
    else:
        assert re.search(said, refused(read_external_loads, path))


@pytest.mark.parametrize(
    "label, row, value, said",
    [
        ("r_vy", 3, np.nan, "column 'r_vy' is nan"),
        ("r_vy", 3, np.inf, "column 'r_vy' is inf"),
        ("r_vy", 3, 1e300, "Is it in another unit"),
        ("l_my", 3, -1e9, "Is it in another unit"),
        ("r_px", 3, np.nan, "is not a number at 0.03 s"),
        ("r_px", 3, np.inf, "is not a number at 0.03 s"),
        ("r_px", 3, 1e300, "is not a number at 0.03 s"),
        ("r_px", 3, 412.0, "divide by 1000 if it is millimetres"),
    ],
)
def test_plates(tmp_path, label, row, value, said):
    path = write_plates(tmp_path)
    labels, values = plates()
    values[row, labels.index(label)] = value
    write_storage(tmp_path / "plate.mot", 0.01 * np.arange(len(values)), labels, values)
    assert said in refused(read_external_loads, path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, 500.0, 1e6])
def test_points_in_swing_may_be_anything(tmp_path, value):
    """The foot is off the plate: the load is exactly nothing, and finite all the same."""
    path = write_plates(tmp_path)
    labels, values = plates()
    values[0, labels.index("r_px")] = value
    write_storage(tmp_path / "plate.mot", 0.01 * np.arange(len(values)), labels, values)
    load = evaluate_external_force(read_external_loads(path).forces[0], np.array([0.0, 0.01]))
    assert np.isfinite(np.concatenate(load, axis=1)).all()
    np.testing.assert_array_equal(load.force, 0.0)


def test_a_gap_in_a_record_is_refused(tmp_path):
    path = write_plates(tmp_path)
    labels, values = plates()
    time = 0.01 * np.arange(len(values)) + np.where(np.arange(len(values)) > 4, 0.06, 0.0)
    write_storage(tmp_path / "plate.mot", time, labels, values)
    assert "no rows between 0.04 and 0.11 s" in refused(read_external_loads, path)
    write_storage(tmp_path / "walk.mot", time, ["hip"], values[:, :1])
    assert "no rows between 0.04 and 0.11 s" in refused(load_trial, tmp_path / "walk.mot")


# --------------------------------------------------------------------------------- configurations


@pytest.mark.parametrize(
    "text, said",
    [
        (ALIASES, "uses YAML anchors"),
        ("name: !!python/object/apply:os.system ['true']\n", "it uses the tag"),
        ("? [a]\n: 1\n", "no key"),
        ("[" * 5000, "nested deeper than 12"),
        (f"schema: 0x{'f' * 5000}\n", "whole number of 5002 digits"),
        ("schema: 1" + "0" * 150, "`schema` is 10"),
        ("schema: .nan\n", "`schema` is nan"),
        ("schema: 1\nname: a\\nb\n", "lower-case"),
        ('"na\\nme\\e[2J": 1\n', r"no key 'na\\nme\\x1b\[2J'"),
        ("a" * 1000 + ": 1\n", "no key 'aaa"),
        ("study: {kind: [1, 2]}\n", "`study.kind`"),
        ("study: {kind: inverse, rate_hz: 1e400}\n", "`study.rate_hz` is inf"),
        ("study: {kind: inverse, start: .nan}\n", "`study.start` is nan"),
        ("interventions: {a: {kind: [x]}}\n", "`interventions.a"),
        ("interventions: {a: {kind: {b: 1}, scale: 2}}\n", "interventions"),
        ("interventions: {a: 1}\n", "interventions.a"),
        ("sweep: {a.scale: {linspace: [0, 1, 1000000000000]}}\n", "10000 will do"),
        ("sweep: {a.scale: {linspace: [0, 1, 1e12]}}\n", "sweep.a.scale"),
        ("model: {path: leg.exe}\n", "no model file"),
        ('model: {path: "a\\0b.osim"}\n', "model.path.: is empty"),
        ("model: " + "{a: " * 11 + "1" + "}" * 11 + "\n", "`model` has no key 'a'"),
    ],
)
def test_configuration(tmp_path, text, said):
    (tmp_path / "a.yaml").write_text(text)
    assert re.search(said, refused(load_config, tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("study." + "a." * 5000 + "b=1", "write key=value"),
        ("files." + "a." * 9 + "b=1", "files"),
        ("seed=" + "[" * 5000, "nested deeper than 12"),
        ("seed=&a 1", "uses YAML anchors"),
        ("seed=0x" + "f" * 5000, "digits"),
        (f"{CONTROL}=1", r"no key '\\x1b"),
        ("seed=\0", "cannot be read as YAML"),
        ("seed=\udcff", "cannot be read as YAML"),
        ("=" * 100_000, "write key=value"),
    ],
)
def test_override(text, said):
    assert re.search(said, refused(load_config, configuration(), [text]))


def test_configuration_that_holds_itself():
    endless = configuration()
    endless["study"]["again"] = endless
    assert "nested deeper than 12" in refused(load_config, endless)


@pytest.mark.parametrize("name", ["a" * 5000, "a" * 300 + ".yaml", "a\0b", "\udcff.yaml"])
def test_names_that_no_file_has(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for read in (load_config, read_storage, read_trc, load_model, read_external_loads, read_netcdf):
        assert refused(read, name)


def test_a_name_in_a_configuration_that_no_file_has():
    config = load_config(configuration(trial={"coordinates": "a" * 300}))
    assert "cannot be read: File name too long" in refused(find_files, config)


def test_devices_and_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe"):
        for read in (read_storage, read_trc, read_model, read_external_loads, load_osim):
            assert "is a device or a pipe" in refused(read, path)


# ---------------------------------------------------------------------------------------- results


def _results(path: Path) -> Path:
    metrics = np.array(["peak_hip_force_r", "peak_knee_force_r"], object)
    zero = ("metric", np.zeros(2), {"units": "1"})
    dataset = xr.Dataset(
        {
            "metric_value": ("metric", [2.5, 3.0], {"units": "1"}),
            **dict.fromkeys(("metric_rival_peak", "metric_at_edge", "metric_limited_share"), zero),
        },
        {
            "metric": metrics,
            "metric_unit": ("metric", np.array(["BW", "BW"], object)),
            "metric_long_name": ("metric", np.array(["Hip", "Knee"], object)),
        },
    )
    return write_netcdf(dataset, path)


def _objects(file):
    lists = file.create_dataset("lists", (2,), h5py.vlen_dtype(np.float64))
    lists[0] = [1.0, 2.0]


def _chunked_texts(file):
    file.create_dataset("texts", data=["a"] * 9, dtype=h5py.string_dtype(), chunks=(3,))


def _references(file):
    file.create_dataset("refs", data=[file.ref], dtype=h5py.ref_dtype)


def _compound(file):
    file.create_dataset("pairs", data=np.zeros(2, [("a", "f8"), ("b", "i4")]))


def _opaque(file):
    file.create_dataset("opaque", data=np.zeros(2, "V8"))


def _complex(file):
    file.create_dataset("complex", data=np.zeros(2, complex))


def _nobody_wrote_so_much(file):
    """Eight terabytes that are nowhere: what was never written is zero when it is read."""
    for axis in ("a", "b"):
        file.create_dataset(axis, (10**6,), "f8").make_scale(axis)
    huge = file.create_dataset("huge", (10**6, 10**6), "f8", chunks=(100, 100))
    for i, axis in enumerate(("a", "b")):
        huge.dims[i].attach_scale(file[axis])


def _metric_is_numbers(file):
    del file["metric_value"]
    file["metric_value"] = np.zeros((2, 2))


def _no_metric(file):
    del file["metric_value"]


@pytest.mark.parametrize(
    "damage, said",
    [
        (_objects, "'lists' holds neither numbers nor texts"),
        (_chunked_texts, "'texts' are not in one piece"),
        (_references, "cannot be read as NetCDF 4"),
        (_compound, "'pairs' holds neither numbers nor texts"),
        (_opaque, "'opaque' holds neither numbers nor texts"),
        (_complex, "'complex' holds neither numbers nor texts"),
        (_nobody_wrote_so_much, "8000016 MB of memory; at most 537 MB"),
        (_metric_is_numbers, "cannot be read as NetCDF 4"),
        (_no_metric, "no `metric_value` over `metric`"),
    ],
)
def test_results(tmp_path, damage, said):
    good, bad = _results(tmp_path / "good.nc"), _results(tmp_path / "bad.nc")
    with h5py.File(bad, "r+") as file:
        damage(file)
    assert re.search(said, bad_input("compare", bad, good))


@pytest.mark.parametrize("content", [b"", b"x", b"CDF\x01" + bytes(100), b"\x89HDF\r\n\x1a\n"])
def test_results_that_are_none(tmp_path, content, capfd):
    _written(tmp_path / "a.nc", content)
    assert "cannot be read as NetCDF 4" in refused(read_netcdf, tmp_path / "a.nc")
    whole = _results(tmp_path / "b.nc").read_bytes()
    for length in (100, len(whole) // 2, len(whole) - 1):
        _written(tmp_path / "b.nc", whole[:length])
        assert "cannot be read as NetCDF 4" in refused(read_netcdf, tmp_path / "b.nc")
    assert capfd.readouterr() == ("", "")  # nor do the libraries below print anything


# -------------------------------------------------------------------------------- the command line


def bad_input(*arguments) -> str:
    """What the command says as it ends with exit code 2; on its output there is nothing."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert "Traceback" not in done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stderr)
    return done.stderr


SWING_LOADS = """<ExternalLoads name="loads"><objects><ExternalForce name="push">
<applied_to_body>femur_r</applied_to_body><force_identifier>v</force_identifier>
<point_identifier>p</point_identifier></ExternalForce></objects>
<datafile>plate.mot</datafile></ExternalLoads>"""


def _push(folder: Path, shift: float = 0.0, point: float = 0.1) -> None:
    """A force on the swinging leg, whose point is garbage while there is no force."""
    time = np.linspace(0.0, 0.5, 51)
    values = np.zeros((51, 6))
    values[25:, 1], values[25:, 3] = 100.0, point
    values[:25, 3:] = [np.nan, 1e300, -5e5]
    write_storage(folder / "plate.mot", time + shift, ["vx", "vy", "vz", "px", "py", "pz"], values)
    (folder / "loads.xml").write_text(SWING_LOADS)


def _with_push(change=None, **how):
    def wrong(folder):
        _push(folder, **how)
        if change is not None:
            path = folder / "loads.xml"
            path.write_text(changed(path.read_text(), *change))
        return {"trial": {"coordinates": "swing.sto", "external_loads": "loads.xml"}}

    return wrong


def _swing(**how):
    def wrong(folder):
        time, values = np.linspace(0.0, 0.5, 51), 0.3 * np.sin(np.linspace(0.0, 3.0, 51))
        values = values * how.get("times", 1.0)
        values[how.get("nan", [])] = np.nan
        keep = ~np.isin(np.arange(51), how.get("gap", []))
        path, label = folder / "swing.sto", how.get("label", "hip_flexion_r")
        degrees = how.get("in_degrees", False)
        write_storage(path, time[keep], [label], values[keep, None], in_degrees=degrees)
        return {}

    return wrong


def _osim(content):
    def wrong(folder):
        (folder / "leg.osim").write_bytes(content)
        return {"model": {"path": "leg.osim"}}

    return wrong


def _native_leg(old, new):
    def wrong(folder):
        path = folder / "leg.yaml"
        path.write_text(changed(path.read_text(), old, new))
        return {}

    return wrong


def _config(**changes):
    return lambda folder: changes


def _reference(to):
    """A table of loads outside the folder: `to`, or a link that leads there."""

    def wrong(folder):
        changes = _with_push(("plate.mot", to.format(parent=folder.parent)))(folder)
        (folder / "plate.mot").rename(folder.parent / "plate.mot")
        if to == "link.mot":
            (folder / "link.mot").symlink_to(folder.parent / "plate.mot")
        return changes

    return wrong


def _muscle(name):
    return {"weak": {"kind": "muscle_strength", "muscles": [name], "scale": 0.5}}


@pytest.mark.parametrize(
    "wrong, said",
    [
        (_swing(label="hip_flexon_r"), "no column for hip_flexion_r.*mean ['hip_flexon_r']"),
        (_swing(nan=[7]), "coordinate 'hip_flexion_r' is nan at 0.07 s. Fill the gap"),
        (_swing(gap=range(20, 27)), "no rows between 0.19 and 0.27 s"),
        (_swing(times=57.3), "read in radians, but these columns exceed 1.05 turns"),
        (_swing(in_degrees=True), "they seem to be radians"),
        (_with_push(("femur_r", "femur_l")), "No body named 'femur_l'.*Did you mean 'femur_r'?"),
        (_with_push(shift=9.0), "have no time in common"),
        (_with_push(point=400.0), "divide by 1000 if it is millimetres"),
        (_with_push(("<objects>", "<objects>&lol;")), "undefined entity"),
        (_with_push(("<ExternalLoads", BILLION_LAUGHS + "<ExternalLoads")), "declares a document"),
        (_reference("../plate.mot"), "outside its own folder"),
        (_reference("{parent}/plate.mot"), "outside its own folder"),
        (_reference("link.mot"), "outside its own folder"),
        (_osim(leg()[:5000]), "leg.osim is not well-formed XML at line"),
        (_osim(changed(LEG, HEAD, HEAD + BILLION_LAUGHS).encode()), "declares a document type"),
        (_osim(changed(LEG, HEAD, HEAD + '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>')
               .encode()), "declares a document type or an entity"),
        (_osim(changed(LEG, '<ForceSet name="forceset">', '<ForceSet file="../f.xml">').encode()),
         "kept in another file, '../f.xml', which is not opened"),
        (_osim(changed(LEG, MASS, "<mass>-2</mass>").encode()), "must not be negative"),
        (_osim(changed(LEG, "<length_units>meters", "<length_units>mm").encode()), "only meters"),
        (_native_leg("mass: 8.0", "mass: -8.0"), "must be at least 0"),
        (_native_leg("optimal_fiber_length: 0.12", "optimal_fiber_length: 120"), "another unit"),
        (_config(interventions=_muscle("glmax_r")), "No muscle named 'glmax_r'.*'glmax1_r'"),
        (_config(study={"kind": "inverse", "start": 5.0, "end": 6.0}), "does not lie within"),
        (_config(trial={"coordinates": "../swing.osto"}), "no file for"),
    ],
)  # fmt: skip
def test_run_ends_before_it_begins(wrong, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "study"
    write(folder)
    config = configuration(**wrong(folder))
    (folder / "swing.yaml").write_text(json.dumps(config))
    before = sorted(tmp_path.rglob("*"))
    for out in ((), ("--out", folder / "out")):
        assert re.search(said.replace("[", r"\["), bad_input("run", folder / "swing.yaml", *out))
    assert sorted(tmp_path.rglob("*")) == before


def test_points_in_swing_are_handled(tmp_path):
    """Garbage where there is no force: the study gets no load there, and the load later."""
    write(tmp_path)
    config = configuration(**_with_push()(tmp_path))
    (tmp_path / "swing.yaml").write_text(json.dumps(config))
    inputs = load_inputs(load_config(tmp_path / "swing.yaml"))
    wrench = np.asarray(inputs.motion.external_wrench)
    time = np.asarray(inputs.motion.time)
    assert np.isfinite(wrench).all()
    # 1e-12: rounding of the spline through 100 N.
    np.testing.assert_allclose(wrench[time < 0.24], 0.0, atol=1e-12)
    np.testing.assert_allclose(wrench[time > 0.26][..., 4].sum(axis=-1), 100.0)


@pytest.mark.parametrize("content", [b"", leg()[:5000], leg().replace(MASS.encode(), b"<mass>x")])
def test_inspect(tmp_path, content):
    (tmp_path / "leg.osim").write_bytes(content)
    assert "leg.osim" in bad_input("inspect", tmp_path / "leg.osim")


@pytest.mark.parametrize("text", [ALIASES, "a: !!python/name:os.system\n", "[" * 9999, "\0", ""])
def test_run_of_no_configuration(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    assert "a.yaml" in bad_input("run", "a.yaml")
    assert os.listdir(tmp_path) == ["a.yaml"]


# ------------------------------------------------------------------- small files, great appetites

_CHILD = """
import json, resource, sys, time
from pathlib import Path

import jax

from biomech.analysis.labels import read_netcdf
from biomech.experiment.config import load_config
from biomech.formats.external_loads import read_external_loads
from biomech.formats.native import read_model
from biomech.formats.osim import load_osim
from biomech.formats.storage import read_storage
from biomech.formats.trc import read_trc
from biomech.model.names import BadInput

READERS = {
    ".mot": read_storage, ".trc": read_trc, ".osim": load_osim, ".xml": read_external_loads,
    ".yaml": read_model, ".yml": load_config, ".nc": read_netcdf,
}
jax.numpy.zeros(1).block_until_ready()  # JAX sets aside address space when it starts
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**30, held + 2**30))
for path in map(Path, sys.argv[1:]):
    start = time.process_time()
    try:
        READERS[path.suffix](path)
        said = "accepted"
    except BadInput as refused:
        cause = refused.__cause__
        said = repr(cause) if isinstance(cause, MemoryError) else str(refused)
    print(json.dumps([path.name, said, time.process_time() - start]))
"""


def _bombs(folder: Path) -> dict[str, str]:
    """Files that a reader without bounds would give gigabytes or minutes; what is to be said."""
    head, million = b"walk\nversion=1\nendheader\n", 10**6
    mot, osim = b"time\thip\n", leg()
    open_end = osim.partition(b"</Model>")[0]
    files = {
        "rows.mot": (head + mot + b"0\t0\n" * 2 * million, "more than 1000000 lines"),
        "blank.mot": (head + b"\n" * 4 * million + mot, "more than 1000000 lines"),
        "header.mot": (b"a=b\n" * 900_000 + head + mot, "header of more than 1000 lines"),
        "line.mot": (head + b"time" + b"\tx" * 4 * million, "line of more than 1000000"),
        "values.mot": (
            head
            + b"time"
            + b"".join(b"\t%d" % i for i in range(999))
            + b"\n"
            + (b"0" + b"\t0" * 999 + b"\n") * 5_001,
            "more than 5000000 values",
        ),
        "rows.trc": (MARKERS.encode() + b"4\t0\n" * 2 * million, "more than 1000000 lines"),
        "laughs.osim": (changed(LEG, HEAD, HEAD + BILLION_LAUGHS).encode(), "document type"),
        "laughs.xml": (changed(LOADS, HEAD, HEAD + BILLION_LAUGHS).encode(), "document type"),
        "deep.osim": (open_end + b"<a>" * 4 * million, "nested more than 100 deep"),
        "wide.osim": (open_end + b"<a/>" * 4 * million, "more than 200000 elements"),
        "attributes.osim": (
            open_end + b"<a " + b" ".join(b'b%d=""' % i for i in range(200_000)) + b"/>",
            "200000 attributes",
        ),
        "numbers.osim": (
            osim.replace(b"<x>-2 ", b"<x>" + b"1 " * 7 * million, 1),
            "more than 100000 characters",
        ),
        "names.osim": (
            osim.replace(b'name="model"', b'name="' + b"m" * 15 * million + b'"'),
            "at most 200 characters",
        ),
        "tags.osim": (
            osim.replace(
                b"</Model>", b"".join(map(b"<a%d/>".__mod__, range(190_000))) + b"</Model>"
            ),
            "190000 kinds of properties are unknown",
        ),
        "points.osim": (
            osim.replace(
                b'<PathPoint name="b">',
                b"".join(
                    b'<PathPoint name="%d"><socket_parent_frame>shank</socket_parent_frame>'
                    b"</PathPoint>" % i
                    for i in range(60_000)
                )
                + b'<PathPoint name="b">',
                1,
            ),
            "at most 5000 are read",
        ),
        "aliases.yaml": (ALIASES.encode(), "uses YAML anchors"),
        "aliases.yml": (ALIASES.encode(), "uses YAML anchors"),
        "values.yaml": (b"a: [" + b"1," * 400_000, "more than 80000 keys and values"),
        "deep.yaml": (b"[" * million, "nested deeper than 20"),
        "values.yml": (b"a: [" + b"1," * 100_000, "more than 80000 keys and values"),
    }
    for name, (content, _) in files.items():
        _written(folder / name, content)
    with h5py.File(_results(folder / "zeros.nc"), "r+") as file:
        _nobody_wrote_so_much(file)
    said = {name: said for name, (_, said) in files.items()} | {"zeros.nc": "MB of memory"}
    for suffix in (".mot", ".trc", ".osim", ".xml", ".yaml", ".yml"):
        (folder / f"terabyte{suffix}").touch()
        os.truncate(folder / f"terabyte{suffix}", 10**12)  # takes no place on the disk
        said[f"terabyte{suffix}"] = "bytes, the most that is read"
    return said


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs to know its memory")
def test_no_file_takes_a_gigabyte_or_hangs(tmp_path):
    """In a process of its own, which may take 1 GiB more than it has after importing."""
    said = _bombs(tmp_path)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *(str(tmp_path / name) for name in said)],
        env={**os.environ, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, _, _ in results] == list(said)
    for name, answer, seconds in results:
        assert said[name] in answer, f"{name}: {answer}"
        assert seconds < LONGEST, f"{name}: {seconds} s of processor time"  # others share the cores
