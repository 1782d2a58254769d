import hashlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biomech.formats.storage import read_storage, require_finite, write_storage
from biomech.model.names import BadInput

GOOD = (
    "walking\nversion=1\nnRows=3\nnColumns=3\ninDegrees=no\nendheader\n"
    "time\thip_flexion_r\tpelvis_tx\n0\t0.5\t1e-1\n0.01\t-0.25\t0.2\n0.02\t0.125\t+0.3\n"
)
VALUES = np.array([[0.5, 0.1], [-0.25, 0.2], [0.125, 0.3]])


def _file(folder, content, name="walking.mot"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_reads_header_labels_and_numbers(tmp_path):
    table = read_storage(_file(tmp_path, GOOD))
    assert table.name == "walking"
    assert table.labels == ("hip_flexion_r", "pelvis_tx")
    assert not table.in_degrees
    assert table.notes == ()
    assert table.source == ("walking.mot", hashlib.sha256(GOOD.encode()).hexdigest())
    np.testing.assert_array_equal(table.time, [0.0, 0.01, 0.02])
    np.testing.assert_array_equal(table.values, VALUES)
    np.testing.assert_array_equal(table.column("pelvis_tx"), VALUES[:, 1])


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\t", "   "),
        GOOD.replace("0.01\t", " 0.01 \t"),
        GOOD.replace("endheader", "  endheader  "),
        GOOD.replace("endheader\n", "endheader\n\n"),
        GOOD.replace("0.01", "\n\n0.01") + "\n\n",
        GOOD.replace("version=1", "version=2"),
        GOOD.replace("version=1", "version=3\nDataType=double\nOpenSimVersion=4.5-2024"),
        GOOD.replace("nRows=3", "nRows = 3").replace("nColumns=3", "nColumns 3"),
        GOOD.replace("version=1", "# made by hand\n\nUnits are S.I. units\nversion=1"),
        GOOD.replace("time", "Time"),
        GOOD.encode().replace(b"walking", b"walking\xe9"),
        "name walking\ndatacolumns 3\ndatarows 3\nrange 0 0.02\nAngles are in radians.\nendheader\n"
        + GOOD.split("endheader\n")[1],
    ],
)
def test_accepts_the_dialects_in_use(tmp_path, content):
    table = read_storage(_file(tmp_path, content))
    assert table.labels == ("hip_flexion_r", "pelvis_tx")
    assert table.name.startswith("walking")
    np.testing.assert_array_equal(table.values, VALUES)


@pytest.mark.parametrize(
    "header, degrees",
    [
        ("inDegrees=yes", True),
        ("inDegrees=Y", True),
        ("inDegrees=no", False),
        ("", False),
    ],
)
def test_units_of_angles(tmp_path, header, degrees):
    table = read_storage(_file(tmp_path, GOOD.replace("inDegrees=no", header)))
    assert table.in_degrees is degrees
    assert bool(table.notes) is (header == "")


def test_a_miscounted_column_is_noted_since_labels_and_rows_agree(tmp_path):
    table = read_storage(_file(tmp_path, GOOD.replace("nColumns=3", "nColumns=40")))
    assert table.notes == ("'walking.mot': The header says 40 columns; labels and rows have 3.",)
    np.testing.assert_array_equal(table.values, VALUES)


def test_old_files_say_degrees_in_words(tmp_path):
    old = GOOD.replace("version=1\n", "").replace("inDegrees=no", "Angles are in degrees.")
    assert read_storage(_file(tmp_path, old)).in_degrees


def test_state_paths_become_coordinate_names(tmp_path):
    labels = (
        "time\t/jointset/hip_r/hip_flexion_r/value\t/jointset/hip_r/hip_flexion_r/speed\t"
        "/forceset/soleus_r/activation\tground_pelvis/pelvis_tx/value\t/forceset/soleus_r"
    )
    table = read_storage(_file(tmp_path, f"x\nendheader\n{labels}\n0 1 2 3 4 5\n1 6 7 8 9 10\n"))
    assert table.labels == ("hip_flexion_r", "pelvis_tx", "/forceset/soleus_r")
    np.testing.assert_array_equal(table.values, [[1, 4, 5], [6, 9, 10]])
    assert any("2 state paths" in note for note in table.notes)
    assert any("2 columns of speeds and muscle states" in note for note in table.notes)


def test_missing_numbers_are_kept_and_refused_where_used(tmp_path):
    content = GOOD.replace("-0.25", "-1.#IND").replace("0.2\n", "nan\n")
    table = read_storage(_file(tmp_path, content))
    assert np.isnan(table.values).tolist() == [[False, False], [True, True], [False, False]]
    assert "line 9" in table.notes[0]
    require_finite(table, ())
    with pytest.raises(BadInput, match=r"'hip_flexion_r' is nan at 0\.01 s .* 1 of 3 rows"):
        require_finite(table, ("hip_flexion_r",))


@pytest.mark.parametrize(
    "change, said",
    [
        (("endheader\n", ""), "no line 'endheader'"),
        (("time", "frame"), r"line 7\) is 'frame'; it must be 'time', which is missing"),
        (("time\thip_flexion_r", "hip_flexion_r\ttime"), "is in another place"),
        (("pelvis_tx", "hip_flexion_r"), "two columns 'hip_flexion_r'"),
        (("hip_flexion_r", "/jointset/pelvis/pelvis_tx/value"), "two columns 'pelvis_tx'"),
        (("\t0.2\n", "\n"), "line 9: 2 values for 3 columns"),
        (("0.2\n", "0.2 7\n"), "line 9: 4 values for 3 columns"),
        (("-0.25", "half"), "line 9, column 2: 'half' is no number"),
        (("-0.25", "1_0"), "line 9, column 2: '1_0' is no number"),
        (("-0.25", "0,25"), "line 9, column 2: '0,25' is no number"),
        (("0.01", "0.03"), r"data row 3 goes back to time 0\.02 s after 0\.03 s"),
        (("0.02\t", "0.01\t"), "data row 3 repeats time 0.01 s"),
        (("0.02\t", "nan\t"), "time in data row 3 is nan"),
        (("nRows=3", "nRows=4"), "says 4 rows, the file has 3"),
        (("nRows=3", "nRows=three"), "nrows='three' is no count"),
        (("inDegrees=no", "inDegrees=maybe"), "must be yes or no"),
        (("version=1", "version=3\nDataType=Vec3"), "DataType=Vec3"),
        (("version=1", "version=9"), "version 9"),
        (("hip_flexion_r\tpelvis_tx", "hip_flexion_r"), "line 8: 3 values for 2 columns"),
        (("walking", "walk\0ing"), "not a text file"),
    ],
)
def test_bad_files_are_refused_by_place(tmp_path, change, said):
    assert change[0] in GOOD
    with pytest.raises(BadInput, match=said):
        read_storage(_file(tmp_path, GOOD.replace(*change, 1)))


def test_bad_whole_files(tmp_path):
    header = GOOD.split("time")[0]
    with pytest.raises(BadInput, match="is empty"):
        read_storage(_file(tmp_path, " \n"))
    with pytest.raises(BadInput, match="UTF-16"):
        read_storage(_file(tmp_path, GOOD.encode("utf-16")))
    with pytest.raises(BadInput, match="no labels"):
        read_storage(_file(tmp_path, header))
    with pytest.raises(BadInput, match="no row of numbers"):
        read_storage(_file(tmp_path, header + "time\ta\tb\n"))
    with pytest.raises(BadInput, match="has more than 100 bytes"):
        read_storage(_file(tmp_path, GOOD), max_bytes=100)
    with pytest.raises(BadInput, match="10001 columns"):
        read_storage(_file(tmp_path, "x\nendheader\n" + "time " * 10_001 + "\n"))
    with pytest.raises(BadInput, match=r"There is no file .* Did you mean 'walking.mot'\?"):
        read_storage(tmp_path / "walkin.mot")
    with pytest.raises(BadInput, match="is a folder; name a file"):
        read_storage(tmp_path)
    with pytest.raises(BadInput, match="folder does not exist"):
        read_storage(tmp_path / "none" / "a.mot")


# One mutation of a good file: bytes replaced, inserted or removed anywhere.
_TOKENS = (b"\t", b"\n", b" ", b"=", b"nan", b"1e999", b"-", b"\xff", b"\0", b"/", b"time", b"_")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.integers(0, len(GOOD)),
    removed=st.integers(0, 12),
    inserted=st.one_of(
        st.binary(max_size=6),
        st.sampled_from(_TOKENS),
        st.text(max_size=4).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, place, removed, inserted):
    content = GOOD.encode()
    path = _file(tmp_path, content[:place] + inserted + content[place + removed :], "fuzz.mot")
    try:
        table = read_storage(path)
    except BadInput as refused:
        assert str(refused)  # and any other exception fails the test
    else:
        assert table.values.shape == (table.time.size, len(table.labels))
        assert (np.diff(table.time) > 0).all()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=arrays(
        np.float64, (4, 2), elements=st.floats(allow_nan=False, allow_infinity=False, width=64)
    ),
    start=st.floats(-1e3, 1e3),
    degrees=st.booleans(),
)
def test_writing_and_reading_gives_back_every_bit(tmp_path, values, start, degrees):
    time = start + 0.1 * np.arange(4)
    path = tmp_path / "round.sto"
    write_storage(path, time, ("a", "b"), values, name="round trip", in_degrees=degrees)
    table = read_storage(path)
    assert (table.name, table.labels, table.in_degrees) == ("round trip", ("a", "b"), degrees)
    np.testing.assert_array_equal(table.time, time)
    np.testing.assert_array_equal(table.values, values)
    assert [file.name for file in tmp_path.iterdir()] == ["round.sto"]


def test_only_a_proper_table_is_written(tmp_path):
    path, time, values = tmp_path / "a.mot", np.arange(2.0), np.zeros((2, 1))
    for labels, written, said in [
        (("a", "b"), values, "2 labels but values of shape"),
        (("time",), values, "two columns 'time'"),
        (("a b",), values, "blanks"),
        (("a\n",), values, "can be printed"),
        (("",), values, "empty"),
    ]:
        with pytest.raises(BadInput, match=said):
            write_storage(path, time, labels, written)
    with pytest.raises(BadInput, match="repeats time"):
        write_storage(path, np.zeros(2), ("a",), values)
    assert list(tmp_path.iterdir()) == []


def test_measured_files(walk3d):
    motion = read_storage(walk3d / "coordinates.sto")
    assert motion.values.shape == (1350, 31)
    assert motion.labels[0] == "pelvis_tilt"
    assert motion.labels[-1] == "knee_angle_l_beta"
    np.testing.assert_allclose(motion.time[[0, -1]], [0.45, 1.799], atol=1e-12)
    assert read_storage(walk3d / "grf_walk.mot").values.shape == (4778, 18)
    assert read_storage(walk3d / "electromyography.sto").labels[0] == "soleus"
    assert read_storage(walk3d / "id_walk.sto").name == "Inverse Dynamics Generalized Forces"


@pytest.mark.oracle
def test_opensim_reads_what_we_write(tmp_path):
    opensim = pytest.importorskip("opensim")
    values = np.array([[0.1, 2.0], [1 / 3, -3.5e-7], [1e10, 0.0]])
    write_storage(tmp_path / "a.sto", np.array([0.0, 0.1, 0.2]), ("q", "r"), values)
    table = opensim.Storage(str(tmp_path / "a.sto"))
    labels = table.getColumnLabels()
    assert [labels.get(i) for i in range(labels.getSize())] == ["time", "q", "r"]
    assert not table.isInDegrees()
    rows = [table.getStateVector(i).getData() for i in range(3)]
    np.testing.assert_array_equal([[row.get(0), row.get(1)] for row in rows], values)
