"""docs/interventions.md: its reference is what the interventions say, and its examples work."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import biomech as bm
from biomech.cli import app
from biomech.experiment.config import check, parse_yaml
from biomech.interventions import CATALOGUE, GROUPS
from biomech.interventions.reference import reference

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "interventions.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(YAML,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_reference_is_what_the_interventions_say():
    (held,) = re.findall(r"<!-- reference -->\n\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert held == reference(CATALOGUE.values())


def test_the_command_line_prints_the_same():
    told = CliRunner().invoke(app, ["interventions", "--markdown"]).stdout
    assert told.split() == reference(CATALOGUE.values()).split()


def test_the_reference_names_every_intervention_parameter_and_group():
    text = reference(CATALOGUE.values())
    for kind, entry in CATALOGUE.items():
        assert f"**`{kind}`**: {entry.summary}" in text
        for parameter in entry.parameters:
            assert parameter.source in text and f"`{parameter.name}`" in text
    assert all(f"| `{group}` |" in text for group in GROUPS)
    assert text.count("needs movement") == sum(e.needs_motion for e in CATALOGUE.values())


def test_equations_stay_indented():
    assert "\n    factor = 1 + difference / (length" in reference(CATALOGUE.values())


def test_the_configuration_is_good():
    base = "schema: 1\nname: page\nmodel: {name: planar}\ntrial: {reference: default}\n"
    checked = check(parse_yaml(base + YAML, "interventions.md"), "interventions.md")
    assert set(checked.interventions) == {"arch", "lift"} and "arch.scale" in checked.sweep
    (size,) = re.findall(r"`(model: \{.*?\})`", PAGE)
    text = base.replace("model: {name: planar}", size) + "study: {kind: inverse}\n"
    assert check(parse_yaml(text, "interventions.md")).model.height_m == 1.9


def test_the_examples_work():
    """On the smaller body, and without standing, which has tests of its own."""
    code = (
        "\n".join(PYTHON)
        .replace("lower_limb", "planar")
        .replace("bm.stand(wedged, habit_of=body)", "")
    )
    known: dict = {}
    exec(code, known)
    assert float(bm.personalise.standing_height(known["tall"])) == pytest.approx(1.9)
    assert float(bm.personalise.foot_length(known["short_shanks"], "l")) == pytest.approx(0.27)
    assert known["wedged"].name == "planar"
