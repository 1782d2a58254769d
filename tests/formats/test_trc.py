import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomech.formats.trc import read_trc
from biomech.model.names import BadInput

GOOD = (
    "PathFileType\t4\t(X/Y/Z)\tC:\\patients\\jane_doe\\walk.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\n"
    "100.0\t100.0\t3\t2\tmm\t100.0\n"
    "Frame#\tTime\tR.ASIS\t\t\tL.ASIS\t\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\t\n"
    "\n"
    "1\t0.00\t1000\t2000\t-3000\t4\t5\t6\n"
    "2\t0.01\t\t\t\t40\t50\t60\t\n"
    "3\t0.02\t1\t2\t3\t0.0\t0\t0\n"
)


def _file(folder, content):
    path = folder / "walk.trc"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("unit, metres", [("mm", 1e-3), ("m", 1.0), ("cm", 1e-2), ("MM", 1e-3)])
def test_positions_in_metres_with_gaps(tmp_path, unit, metres):
    markers = read_trc(_file(tmp_path, GOOD.replace("mm", unit)))
    nan = [np.nan] * 3
    expected = np.array([[[1000, 2000, -3000], [4, 5, 6]], [nan, [40, 50, 60]], [[1, 2, 3], nan]])
    assert markers.names == ("R.ASIS", "L.ASIS")
    np.testing.assert_allclose(markers.time, [0.0, 0.01, 0.02])
    np.testing.assert_allclose(markers.positions, expected * metres)
    assert "1 marker positions are missing" in markers.notes[0]
    assert "0 0 0" in markers.notes[1]
    assert markers.source[0] == "walk.trc"
    assert "jane_doe" not in repr(markers)


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.replace("\n\n", "\n"),
        GOOD.replace("\t0.0\t0\t0\n", "\n"),  # missing at the end of a line
        GOOD.replace("1\t2\t3\t0.0", "   1.0\t 2.0\t3e0\t0.0"),
    ],
)
def test_accepts_the_dialects_in_use(tmp_path, content):
    markers = read_trc(_file(tmp_path, content))
    np.testing.assert_allclose(markers.positions[0, 0], [1.0, 2.0, -3.0])
    np.testing.assert_allclose(markers.positions[2, 0], [1e-3, 2e-3, 3e-3])
    assert np.isnan(markers.positions[2, 1]).all()


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("PathFileType", "Path", "does not start with 'PathFileType'"),
        ("mm", "inch", "Units is 'inch'"),
        ("Units", "Unit", "Units is ''"),
        ("OrigDataRate\n", "\n", "line 2 has 5 names, line 3 has 6"),
        ("Frame#", "Sample", "must start with 'Frame#'"),
        ("L.ASIS", "R.ASIS", "two columns 'R.ASIS'"),
        ("L.ASIS", "", "says 2 markers, the file has 1"),
        ("\t3\t2\tmm", "\t4\t2\tmm", "says 4 frames, the file has 3"),
        ("\t5\t6\n", "\t5\n", "line 7: 7 cells for 8 columns"),
        ("\t5\t6\n", "\tfive\t6\n", "line 7, column 7: 'five' is no number"),
        ("0.02", "0.01", "repeats time"),
        ("0.02", "", "time in data row 3 is nan"),
    ],
)
def test_bad_files_are_refused_by_place(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(BadInput, match=said):
        read_trc(_file(tmp_path, GOOD.replace(old, new, 1)))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.integers(0, len(GOOD)),
    removed=st.integers(0, 12),
    inserted=st.one_of(st.binary(max_size=6), st.sampled_from([b"\t", b"\n", b"nan", b"1e999"])),
)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, place, removed, inserted):
    content = GOOD.encode()
    path = _file(tmp_path, content[:place] + inserted + content[place + removed :])
    try:
        markers = read_trc(path)
    except BadInput as refused:
        assert str(refused)  # and any other exception fails the test
    else:
        assert markers.positions.shape == (markers.time.size, len(markers.names), 3)
        assert (np.diff(markers.time) > 0).all()


def test_measured_markers(walk3d):
    markers = read_trc(walk3d / "markers_walk.trc")
    assert markers.positions.shape == (238, 41, 3)
    assert markers.names[0] == "R.Shoulder"
    np.testing.assert_allclose(markers.positions[0, 0], [-0.652630, 1.529542, -0.094520])
    np.testing.assert_allclose(np.diff(markers.time), 0.01, atol=1e-9)
