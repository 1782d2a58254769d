"""What a result owes: the list in its attributes, beside CITATION.cff and the page on citing."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import biomech
from biomech.analysis.provenance import METHODS, MUSCLE_CURVES, TITLE, what_to_cite
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from small_walk import walking_model

ROOT = Path(__file__).resolve().parents[2]


def test_software_is_cited_as_in_the_citation_file():
    stated = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
    assert (stated["title"], stated["version"]) == (TITLE, biomech.__version__)
    assert stated["authors"] == [{"name": "The biomech contributors"}]
    first = what_to_cite(walking_model())[0]
    assert first == f"software: The biomech contributors, {TITLE}, version {stated['version']}"


def test_built_in_body_and_gait_bring_all_they_owe():
    owed = what_to_cite(load_model("planar"), reference_gait("planar").citations)
    of = lambda kind: [line for line in owed if line.startswith(kind)]
    assert any("Fukuchi" in line and "10.7717/peerj.4640" in line for line in of("data: "))
    assert any("Rajagopal" in line for line in of("model: "))
    for part, who in (
        ("static optimization", "Crowninshield & Brand (1981)"),
        ("muscle curves", "De Groote, Kinney, Rao & Fregly (2016)"),
        ("rigid-body dynamics", "Featherstone (2008)"),
        ("spline through the coordinates", "Woltring (1986)"),
    ):
        assert of(f"method, {part}: {who}")


_WORKS = [work for study in METHODS.values() for work in study.values()]


@pytest.mark.parametrize("work", dict.fromkeys([*_WORKS, *MUSCLE_CURVES.values()]))
def test_the_page_on_citing_lists_every_method(work):
    page = (ROOT / "docs" / "how_to_cite.md").read_text()
    for one in work.split("; "):
        authors_and_year = re.match(r".+?\(\d{4}\)", one)
        assert authors_and_year and authors_and_year[0] in page
