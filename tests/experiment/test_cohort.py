"""A cohort's table: what is read, and every kind of mistake by row and column."""

import numpy as np
import pytest

from biomech.experiment import cohort
from biomech.experiment.cohort import MAX_BYTES, read_cohort
from biomech.interventions import Parameter
from biomech.model.names import BadInput

PARAMETERS = {
    f"{name}.scale": Parameter("scale", "-", 0.0, 3.0, 1.0, "strength", "-")
    for name in ("gluteal", "flexor")
}


def read(tmp_path, text):
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_cohort(path, PARAMETERS)


def test_rows_become_cases(tmp_path):
    text = 'case,flexor.scale,gluteal.scale\nanna, 0.9 ,1e-1\n"ben, jr",1,.5\n\n\n'
    got = read(tmp_path, text)
    assert got.names == ("flexor.scale", "gluteal.scale")
    assert got.labels == ("anna", "ben, jr")
    np.testing.assert_array_equal(got.values, [[0.9, 0.1], [1.0, 0.5]])


@pytest.mark.parametrize("mark, end", [("\ufeff", "\n"), ("", "\r\n"), ("", "\r")])
def test_marks_and_ends_of_lines_of_spreadsheets(tmp_path, mark, end):
    got = read(tmp_path, f"{mark}gluteal.scale{end}1{end}0.5{end}")
    assert got.labels is None
    np.testing.assert_array_equal(got.values, [[1.0], [0.5]])


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "people.csv is empty"),
        ("\n\n", "people.csv is empty"),
        ("gluteal.scale\n", "there is no row below the header"),
        ("gluteal.scal\n1\n", "no parameter is called 'gluteal.scal'. Did you mean 'gluteal.sc"),
        ("gluteal.scale,gluteal.scale\n1,1\n", "the column 'gluteal.scale' is there twice"),
        ("case,case,gluteal.scale\n1,1,1\n", "the column 'case' is there twice"),
        ("gluteal.scale,case\n1,a\n", "`case` must be the first column; it is number 2"),
        ("gluteal.scale,\n1,1\n", "column 2 has no name"),
        ("case\na\n", "there is no column beside `case`"),
        ("case;gluteal.scale\na;1\n", "columns must be separated by commas"),
        ("gluteal.scale\tcase\n1\ta\n", "columns must be separated by commas"),
        ("gluteal.scale\n1\nx\n", "row 3, column 'gluteal.scale' is 'x'; it must be a finite num"),
        ("case,gluteal.scale\na,\n", "row 2, column 'gluteal.scale' is empty; it must be a num"),
        ("gluteal.scale\nNaN\n", "row 2, column 'gluteal.scale' is 'NaN'"),
        ("gluteal.scale\ninf\n", "is 'inf'"),
        ("gluteal.scale\n1e999\n", "is '1e999'"),
        ("gluteal.scale\n1_0\n", "is '1_0'"),
        ("gluteal.scale\n\uff11\n", "must be a finite number"),  # a digit, but not of ASCII
        ('gluteal.scale\n"0,5"\n', "is '0,5'; it must be a finite number, as in 0.75"),
        ("gluteal.scale\n0,5\n", "row 2 has 2 cells; the header has 1"),
        ("gluteal.scale\n1\n\n1\n", "row 3 has 0 cells; the header has 1"),
        ("gluteal.scale\n3.5\n", "is 3.5; it must be between 0 and 3 (neutral 1)"),
        ("gluteal.scale\n-0.1\n", "is -0.1; it must be between 0 and 3"),
        ("case,gluteal.scale\na,1\nb,1\na,1\n", "row 4, column 'case' is 'a', which row 2 is"),
        ("case,gluteal.scale\n ,1\n", "row 2, column 'case' is empty; it must be a name"),
        ('case,gluteal.scale\n"a\nb",1\n', "must be a name in one line"),
        (f"case,gluteal.scale\n{'a' * 201},1\n", "of at most 200 characters"),
        ('gluteal.scale\n"1\n', "people.csv, row 2: unexpected end of data"),
        ('gluteal.scale\n"1"2\n', "row 2: "),
        (b"gluteal.scale\n\xff\n", "is not UTF-8 text"),
        ("gluteal.scale\n1\n".encode("utf-16"), "is not UTF-8 text"),
        (b"#" * (MAX_BYTES + 1), "the most that is read"),
        (",".join(["gluteal.scale"] * 1002) + "\n", "there are 1002 columns"),
        ("gluteal.scale\n" + "9" * 200_000, "row 2: field larger than field limit"),
    ],
)
def test_mistake_is_named(tmp_path, text, said):
    with pytest.raises(BadInput) as error:
        read(tmp_path, text)
    assert said in str(error.value)
    assert "people.csv" in str(error.value)


def test_all_complaints_come_together_but_not_too_many(tmp_path):
    with pytest.raises(BadInput) as error:
        read(tmp_path, "gluteal.scale,flexor.scale\n" + "9,x\n" * 10)
    lines = str(error.value).splitlines()
    assert lines[1].startswith("people.csv: row 2, column 'flexor.scale'")
    assert len(lines) == 9 and lines[-1] == "people.csv: and 12 more."


def test_too_many_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(cohort, "MAX_CASES", 3)
    assert len(read(tmp_path, "gluteal.scale\n1\n1\n1\n").values) == 3
    with pytest.raises(BadInput, match="has more than 3 rows"):
        read(tmp_path, "gluteal.scale\n1\n1\n1\n1\n")


def test_no_intervention_at_all(tmp_path):
    (tmp_path / "people.csv").write_text("gluteal.scale\n1\n")
    with pytest.raises(BadInput, match=r"no parameter is called 'gluteal\.scale'\. There are none"):
        read_cohort(tmp_path / "people.csv", {})
