"""The README's Python runs as it stands, and its numbers are those of the code."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names():
    """What the code block leaves behind."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    defined = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "README.md", "exec"), defined)
    assert "early_peak_knee_force_r" in printed.getvalue()
    return defined


def test_peaks_of_the_quickstart_are_those_in_the_table(names):
    peaks = names["before"]["metric_value"]
    for joint in ("hip", "knee", "ankle"):
        for side in "rl":
            value = float(peaks.sel(metric=f"peak_{joint}_force_{side}"))
            assert f"| {joint} | {value:.1f} BW |" in README  # assumptions move them by 0.5 BW


def test_effect_of_the_weak_muscle_is_as_told(names):
    told = " ".join(README.split())
    for joint in ("knee", "hip"):
        change = [
            float(names[case]["metric_value"].sel(metric=f"early_peak_{joint}_force_r"))
            for case in ("before", "after")
        ]
        assert f"right {joint} " in told and "{:.2f} to {:.2f}".format(*change) in told
