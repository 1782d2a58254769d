import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomech.formats import external_loads
from biomech.formats.external_loads import (
    ExternalForce,
    evaluate_external_force,
    read_external_loads,
)
from biomech.formats.storage import write_storage
from biomech.model.names import BadInput
from tables import read_table

COLUMNS = tuple(f"{kind}{axis}" for kind in ("plate_v", "plate_p", "plate_m") for axis in "xyz")
TIME = np.arange(6) / 100.0
FORCE = """
<ExternalForce name="Right">
  <applied_to_body>calcn_r</applied_to_body>
  <force_expressed_in_body>ground</force_expressed_in_body>
  <point_expressed_in_body>ground</point_expressed_in_body>
  <force_identifier>plate_v</force_identifier>
  <point_identifier>plate_p</point_identifier>
  <torque_identifier>plate_m</torque_identifier>
</ExternalForce>"""
LOADS = f"""<?xml version="1.0" encoding="UTF-8"?>
<OpenSimDocument Version="40000"><ExternalLoads name="loads"><objects>{FORCE}</objects>
<datafile>plate.mot</datafile></ExternalLoads></OpenSimDocument>"""


def _table():
    values = np.arange(54.0).reshape(6, 9)
    values[:, 1] = [0.0, 5.0, 400.0, 800.0, 300.0, 0.0]
    values[:, [0, 2]] = 0.0
    return values


def _files(folder, xml=LOADS, values=None, columns=COLUMNS):
    folder.mkdir(parents=True, exist_ok=True)
    write_storage(folder / "plate.mot", TIME, columns, _table() if values is None else values)
    (folder / "loads.xml").write_text(xml)
    return folder / "loads.xml"


def test_reads_columns_by_identifier(tmp_path):
    loads = read_external_loads(_files(tmp_path))
    (force,) = loads.forces
    assert (force.name, force.body, force.expressed_in) == ("Right", "calcn_r", "ground")
    assert force.identifiers == ("plate_v", "plate_p", "plate_m")
    np.testing.assert_array_equal(force.time, TIME)
    np.testing.assert_array_equal(force.force, _table()[:, 0:3])
    np.testing.assert_array_equal(force.point, _table()[:, 3:6])
    np.testing.assert_array_equal(force.torque, _table()[:, 6:9])
    assert [name for name, _ in loads.sources] == ["loads.xml", "plate.mot"]
    assert loads.notes == ()


@pytest.mark.parametrize(
    "old, new",
    [
        ("calcn_r</", "/bodyset/calcn_r</"),
        (">ground<", ">/ground<"),
        ("<force_expressed_in_body>ground</force_expressed_in_body>", ""),
        ("</ExternalForce>", "<isDisabled>false</isDisabled></ExternalForce>"),
        ("</ExternalForce>", "<appliesForce>true</appliesForce></ExternalForce>"),
        ("</ExternalForce>", "<data_source_name>Unassigned</data_source_name></ExternalForce>"),
        ("plate.mot<", "./plate.mot<"),
        ("plate.mot<", "..\\{folder}\\plate.mot<"),
        ("<datafile>plate.mot</datafile>", ""),
    ],
)
def test_accepts_the_dialects_in_use(tmp_path, old, new):
    assert old in LOADS
    xml = LOADS.replace(old, new.format(folder=tmp_path.name))
    if "datafile" in old:
        xml = xml.replace(
            "</ExternalForce>", "<data_source_name>plate.mot</data_source_name></ExternalForce>"
        )
    (force,) = read_external_loads(_files(tmp_path, xml)).forces
    assert (force.body, force.point_expressed_in) == ("calcn_r", "ground")
    np.testing.assert_array_equal(force.force, _table()[:, 0:3])


@pytest.mark.parametrize(
    "switch", ["<appliesForce>false</appliesForce>", "<isDisabled>1</isDisabled>"]
)
def test_forces_switched_off_are_left_out(tmp_path, switch):
    off = FORCE.replace("Right", "Off").replace("</ExternalForce>", f"{switch}</ExternalForce>")
    loads = read_external_loads(_files(tmp_path, LOADS.replace("<objects>", f"<objects>{off}")))
    assert [force.name for force in loads.forces] == ["Right"]
    assert "'Off' is switched off" in loads.notes[0]
    with pytest.raises(BadInput, match="no `ExternalForce` that is switched on"):
        read_external_loads(_files(tmp_path, LOADS.replace(FORCE, off)))


def test_torque_alone_and_numbered_components(tmp_path):
    xml = LOADS.replace("<force_identifier>plate_v</force_identifier>", "").replace("plate_p", "")
    columns = COLUMNS[:6] + ("plate_m_1", "plate_m_2", "plate_m_3")
    (force,) = read_external_loads(_files(tmp_path, xml, columns=columns)).forces
    np.testing.assert_array_equal(force.force, 0.0)
    np.testing.assert_array_equal(force.torque, _table()[:, 6:9])


@pytest.mark.parametrize(
    "old, new, said",
    [
        (
            "plate_v<",
            "plte_v<",
            r"no column 'plte_vx', 'plte_vy', 'plte_vz'.*Did you mean 'plate_vx'",
        ),
        ("ground</force", "calcn_r</force", "moving body are not supported"),
        ("ground</point", "tibia_r</point", "moving body are not supported"),
        ("plate_p", "", "no point of application|force at the body's origin"),
        ("calcn_r", "", "has no <applied_to_body>"),
        ("<datafile>plate.mot</datafile>", "", "no data file is given"),
        ("plate.mot", "plate.sto", r"There is no file .* Did you mean 'plate.mot'"),
        ("ExternalLoads", "ForceSet", "holds no `ExternalLoads`"),
        ("</objects>", "", "not well-formed XML"),
        ("<objects>", "<objects>&boom;", "not well-formed XML"),
        (
            "</ExternalForce>",
            "<isDisabled>perhaps</isDisabled></ExternalForce>",
            "neither true nor false",
        ),
    ],
)
def test_bad_files_are_refused(tmp_path, old, new, said):
    assert old in LOADS
    with pytest.raises(BadInput, match=said):
        read_external_loads(_files(tmp_path, LOADS.replace(old, new)))


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a [<!ENTITY e "ha"><!ENTITY f "&e;&e;&e;">]>',
        '<!DOCTYPE a SYSTEM "http://example.org/a.dtd">',
    ],
)
def test_no_entity_or_document_type_is_read(tmp_path, declaration):
    head, _, body = LOADS.partition("\n")
    with pytest.raises(BadInput, match="Remove the declaration"):
        read_external_loads(_files(tmp_path, f"{head}\n{declaration}{body}"))


@pytest.mark.parametrize("reference", ["../plate.mot", "{folder}/plate.mot", "C:\\lab\\plate.mot"])
def test_the_table_must_lie_beside_the_xml_or_in_a_trusted_folder(tmp_path, reference):
    xml = _files(
        tmp_path / "inner",
        LOADS.replace("plate.mot", reference.format(folder=tmp_path)),
    )
    write_storage(tmp_path / "plate.mot", TIME, COLUMNS, _table())
    with pytest.raises(BadInput, match=r"its own folder\. A file 'plate\.mot' stands beside"):
        read_external_loads(xml)
    if "C:" not in reference:
        assert read_external_loads(xml, allow_path=tmp_path).forces[0].body == "calcn_r"
        with pytest.raises(BadInput, match="outside its own folder"):
            read_external_loads(xml, allow_path=tmp_path / "inner" / "other")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.integers(0, len(LOADS)),
    removed=st.integers(0, 20),
    inserted=st.one_of(st.binary(max_size=6), st.sampled_from([b"<", b"/>", b"../", b"\0"])),
)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, place, removed, inserted):
    xml = _files(tmp_path)
    content = LOADS.encode()
    xml.write_bytes(content[:place] + inserted + content[place + removed :])
    try:
        assert read_external_loads(xml).forces
    except BadInput as refused:
        assert str(refused)  # and any other exception fails the test


def test_a_link_does_not_lead_outside(tmp_path):
    xml = _files(tmp_path / "inner")
    (tmp_path / "inner" / "plate.mot").rename(tmp_path / "elsewhere.mot")
    (tmp_path / "inner" / "plate.mot").symlink_to(tmp_path / "elsewhere.mot")
    with pytest.raises(BadInput, match="outside its own folder"):
        read_external_loads(xml)


def test_missing_points_of_swing_are_bridged_and_only_those(tmp_path):
    values = _table()
    values[[0, 1, 5], 3:6] = np.nan
    loads = read_external_loads(_files(tmp_path, values=values))
    (force,) = loads.forces
    assert "3 missing points of application under 20 N" in loads.notes[0]
    np.testing.assert_array_equal(force.point[2:5], _table()[2:5, 3:6])
    np.testing.assert_array_equal(force.point[[0, 1, 5]], _table()[[2, 2, 4], 3:6])
    with pytest.raises(BadInput, match=r"not a number at 0\.01 s, where the force is 5 N"):
        read_external_loads(tmp_path / "loads.xml", cop_force_threshold=1.0)
    values[3, 4] = np.nan
    with pytest.raises(BadInput, match=r"not a number at 0\.03 s, where the force is 800 N"):
        read_external_loads(_files(tmp_path, values=values))


def test_more_values_than_can_be_held_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(external_loads, "MAX_VALUES", 50)
    with pytest.raises(BadInput, match="more than 50 values in all"):
        read_external_loads(_files(tmp_path))


@pytest.mark.parametrize("column", ["plate_vy", "plate_mz"])
def test_a_missing_force_or_torque_is_refused(tmp_path, column):
    values = _table()
    values[1, COLUMNS.index(column)] = np.nan
    with pytest.raises(BadInput, match=rf"column '{column}' is nan at 0\.01 s"):
        read_external_loads(_files(tmp_path, values=values))


def _recorded(time, columns):
    return ExternalForce("f", "calcn_r", "ground", "ground", time, *np.split(columns, 3, axis=1))


def test_evaluation_meets_the_samples_and_follows_a_straight_line():
    time = np.array([0.0, 0.1, 0.15, 0.3, 0.5])
    samples = np.random.default_rng(0).normal(size=(5, 9))
    got = evaluate_external_force(_recorded(time, samples), time)
    np.testing.assert_allclose(np.concatenate(got, axis=1), samples, atol=1e-14)
    line = time[:, None] * np.arange(1.0, 10.0)[None, :]
    for count in (2, 3, 5):
        frames = np.linspace(0.0, time[count - 1], 7)
        got = evaluate_external_force(_recorded(time[:count], line[:count]), frames)
        np.testing.assert_allclose(
            np.concatenate(got, axis=1), frames[:, None] * np.arange(1.0, 10.0)[None, :], atol=1e-14
        )
    one = evaluate_external_force(_recorded(time[:1], samples[:1]), time[:1])
    np.testing.assert_array_equal(one.force, samples[:1, 0:3])


def test_loads_are_not_extrapolated():
    force = _recorded(np.arange(5) / 10, np.ones((5, 9)))
    evaluate_external_force(force, np.array([0.4 + 1e-12]))
    with pytest.raises(BadInput, match=r"recorded from 0 to 0\.4 s, not at 0\.41 s"):
        evaluate_external_force(force, np.array([0.2, 0.41]))


def test_reproduces_what_opensim_used(walk3d):
    table = read_table(walk3d / "oracle" / "external_loads.csv.gz")
    loads = read_external_loads(walk3d / "grf_walk.xml")
    assert [force.body for force in loads.forces] == ["calcn_r", "calcn_l"]
    for force in loads.forces:
        got = evaluate_external_force(force, table["time"].to_numpy())
        for kind, values in got._asdict().items():
            printed = table[[f"{force.body}_{kind}_{axis}" for axis in "xyz"]].to_numpy()
            # Half of the tenth significant digit; 1e-12: rounding of splines through forces of 1 kN
            # and swing points of 500 m.
            digit = 10.0 ** (np.floor(np.log10(np.maximum(np.abs(printed), 1e-300))) - 9)
            assert (np.abs(values - printed) <= 0.51 * digit + 1e-12).all(), (force.body, kind)
