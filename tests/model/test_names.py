"""Names in messages: near misses in bearable time, and nothing that a terminal would obey."""

import time

import pytest

from biomech.model.names import BadInput, UnknownName, find, legible, short_name, suggest


@pytest.mark.parametrize(
    "text, shown",
    [
        ("glmed1_r, größer\nnext line", "glmed1_r, größer\nnext line"),
        ("\x1b[2J\x9b31m\x07\r\t", "\\x1b[2J\\x9b31m\\x07\\r\\t"),
        ("\u202eevil\u200b\ufeff", "\\u202eevil\\u200b\\ufeff"),
        ("\udcff.mot", "\\udcff.mot"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text, shown):
    assert legible(text) == shown
    assert str(BadInput(text)) == shown
    assert str(UnknownName(text)) == shown


def test_a_quoted_name_is_one_short_line():
    assert short_name("glmed1_r") == "glmed1_r"
    assert short_name("a\nb") == "a\\nb"
    assert len(short_name("a" * 10**6)) == 80


def test_near_misses_of_long_and_many_names_come_quickly():
    names = ["soleus", *(f"muscle_{i:06d}" for i in range(10**5))]
    start = time.perf_counter()
    assert suggest("solues", names) == "Did you mean 'soleus'?"
    assert suggest("x" * 10**6, ["y" * 10**6]).startswith("There are: yyy")
    assert len(suggest("x", [f"{c}" * 10**6 for c in "abcdefghijklmnop"])) < 2000
    assert time.perf_counter() - start < 5.0
    with pytest.raises(UnknownName, match=r"No muscle named 'x{77}\.{3}'"):
        find("muscle", "x" * 10**6, names)
