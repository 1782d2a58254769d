"""What docs/sweeps.md tells users to write is accepted and runs."""

import re
from pathlib import Path

import pytest

from biomech.experiment.config import check, parse_yaml
from biomech.experiment.schema import DESIGNS, ExperimentConfig

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BASE = "schema: 1\nname: page\nmodel: {name: planar}\ntrial: {reference: default}\n"
STUDY = "study: {kind: inverse}\n"
BODY, FILTER, GRID, *_ = BLOCKS


def checked(text):
    return check(parse_yaml(BASE + STUDY + text, "sweeps.md"), "sweeps.md")


def test_the_first_configuration_and_the_grid_are_good():
    first = checked(BODY)
    assert set(first.sweep) == {"gluteal.scale", "vasti.scale"}
    grid = checked(BODY.partition("sweep:")[0] + GRID)
    assert grid.design.kind == "grid"
    filters = check(parse_yaml(BASE + FILTER, "sweeps.md"), "sweeps.md")
    assert set(filters.sweep) == {"study.lowpass_hz"}


@pytest.mark.parametrize("line", sorted(set(re.findall(r"(?m)^design: \{.*?\}", PAGE))))
def test_every_design_that_is_shown_is_good(line):
    drawn = BODY.partition("design:")[0]
    text = drawn.partition("sweep:")[0] if "cohort" in line else drawn
    assert isinstance(checked(text + line + "\n"), ExperimentConfig)


def test_every_design_is_shown():
    shown = set(re.findall(r"kind: (\w+)", PAGE)) | {"grid"}
    assert set(DESIGNS) <= shown


def test_python_without_a_model_runs(capsys):
    pytest.importorskip("SALib")
    code = next(c for c in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "bm.design" in c)
    exec(compile(code, "sweeps.md", "exec"), {})
    stiffness, length = map(float, re.findall(r"[\d.]+", capsys.readouterr().out))
    assert 0.0 < stiffness < 1.0 and 0.0 < length < 1.0
    assert stiffness + length > 1.0  # a product: there are interactions
