"""The report: a page that is whole, says what it must, and obeys nothing that it was given."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import biomech as bm
from biomech.analysis.inverse_dataset import FIXED_KINEMATICS
from biomech.analysis.page import POLICY, Html, element, prose
from biomech.analysis.report import DISCLAIMER, report, report_html
from biomech.analysis.report_sources import notes_of
from biomech.model.names import BadInput
from small_sweeps import CONFIG, A, B, grid_of, sample_of
from web_page import Page

SECTIONS = ["answer", "figures", "effects", "method", "model", "convergence", "credibility"]
SECTIONS += ["validation", "notes", "reproduce", "cite", "versions"]
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x00\u202e$\\frac{"


@pytest.fixture(params=["single", "one", "two", "three", "cases"], scope="module")
def any_page(request, walk):
    """The page of a dataset of every shape."""
    grid = grid_of(walk)
    shapes = {
        "single": walk,
        "one": grid.sel({B: 1.0}, drop=True),
        "two": grid,
        "three": grid_of(walk, {A: (1.0, 0.5), B: (0.6, 1.0), "calf.scale": (1.0, 1.5)}),
        "cases": sample_of(walk),
    }
    return request.param, report_html(shapes[request.param])


@pytest.fixture
def text_of(monkeypatch):
    """What the report of a dataset says, without its figures, which take a second each."""
    monkeypatch.setattr("biomech.analysis.report.report_figures", lambda dataset: [])
    return lambda dataset, **texts: Page(report_html(dataset, **texts)).text


# ------------------------------------------------------------------------ whole and harmless


def test_the_page_stands_alone(any_page):
    text = any_page[1]
    page = Page(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
    assert page.all("meta")[1] == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert POLICY.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "svg"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("src", "data:image/svg+xml;base64,").startswith("data:image/svg+xml")
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in text and "@import" not in text
    assert len(text) < 1_500_000


def test_links_lead_to_sections_in_order(any_page):
    page = Page(any_page[1])
    anchors = [attributes["id"] for attributes in page.all("section")]
    assert [attributes["href"] for attributes in page.all("a")] == [f"#{name}" for name in anchors]
    without = {"single": ("effects", "reproduce")}.get(any_page[0], ())  # no sweep, no config
    assert anchors == [name for name in SECTIONS if name not in without]


def test_every_picture_has_its_words(any_page):
    page = Page(any_page[1])
    images = page.all("img")
    assert 1 <= len(images) <= 7
    for image in images:
        assert len(image["alt"]) > 40
        assert 300 <= int(image["width"]) <= 1100
    assert len(page.all("figcaption")) == len(images)
    assert len({image["src"] for image in images}) == len(images)


def test_no_text_becomes_markup(grid):
    """Whatever a file may hold: names, description, notes, works to cite, units, other keys."""
    config = {**CONFIG, "name": ATTACK, "description": ATTACK, "data_source": ATTACK}
    config["interventions"] = {**CONFIG["interventions"], ATTACK: {"kind": ATTACK, ATTACK: ATTACK}}
    config["study"] = {"exponent": ATTACK}
    config["trial"] = {"reference": ATTACK}
    config["files"] = {ATTACK: ATTACK}
    hostile = grid.copy(deep=True).rename({A: ATTACK})
    for name in ("muscle", "joint", "coordinate", "on_body", "metric_long_name", "force_unit"):
        hostile[name] = hostile[name].copy(
            data=[ATTACK + str(i) for i in range(hostile[name].size)]
        )
    hostile[ATTACK].attrs["units"] = ATTACK
    hostile.attrs = {name: ATTACK for name in hostile.attrs} | {"config": json.dumps(config)}
    hostile.attrs |= {"design": json.dumps({"kind": ATTACK, ATTACK: ATTACK})}
    hostile.attrs |= {"model_conventions": json.dumps({ATTACK: ATTACK})}
    clean = Page(report_html(grid, notes="x", config="x"))
    page = Page(report_html(hostile, notes=ATTACK, config=ATTACK))
    assert not page.all("script")
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert {name for name, _ in page.tags} <= {name for name, _ in clean.tags} | {"code"}
    assert page.text.count("<script>alert(1)</script>") > 20
    raw = report_html(hostile, notes=ATTACK, config=ATTACK)
    assert "\x00" not in raw and "\u202e" not in raw


def test_element_escapes_all_but_markup():
    assert element("p", "a < b", title='"x" & y') == (
        '<p title="&quot;x&quot; &amp; y">a &lt; b</p>'
    )
    assert element("p", Html("<b>x</b>"), class_="y") == '<p class="y"><b>x</b></p>'
    assert element("img", src="data:,", aria_label="z") == '<img src="data:," aria-label="z">'


def test_code_in_a_sentence():
    assert prose("of `x<y`, twice") == "of <code>x&lt;y</code>, twice"
    assert prose("a ` alone <") == "a ` alone &lt;"


# ------------------------------------------------------------------------------ what it says


def test_a_sweep_is_answered_in_body_weights_and_percent(grid, walk, text_of):
    text = text_of(grid)
    assert text.count("Two strengths") == 2 and CONFIG["description"] in text
    base = float(walk["metric_value"].sel(metric="peak_knee_force_r"))
    assert (
        f"Peak knee force, right +{0.4125 * base:.2f} BW +41 %: from {base:.2f} to "
        f"{1.4125 * base:.2f} BW at {A} 0.25"
    ) in text
    assert text.count(DISCLAIMER) == 2
    assert "compared step by step with OpenSim 4.6 on one measured walk" in text
    assert "no validation against loads measured in people yet" in text
    assert "calibrated demonstration" not in text  # that is of the built-in body


def test_effects_are_tabled_by_parameter(grid, walk, text_of):
    text = text_of(grid)
    base = float(walk["metric_value"].sel(metric="peak_knee_force_r"))
    row = text.partition("Peak knee force, right [BW]")[2].strip()  # at 0.25, 0.5 and 1
    cells = f"{base:.2f} +{0.4125 * base:.2f} (+41 %) +{0.25 * base:.2f} (+25 %) 0 "
    assert row.startswith(cells)
    metrics = int(np.isfinite(walk["metric_value"]).sum())  # the left half does not change
    assert f"{metrics // 2} of {metrics} metrics change by less than 1 %" in text


def test_a_single_case_is_answered_by_its_peaks(walk, text_of):
    value = walk["metric_value"].copy()
    value[walk["metric"].values.tolist().index("peak_hip_force_l")] += 0.3
    text = text_of(walk.assign(metric_value=value))
    right, left = (float(value.sel(metric=f"peak_hip_force_{side}")) for side in ("r", "l"))
    both = f"right {right:.2f}, left {left:.2f}"
    assert f"Peak hip force {max(right, left):.2f} BW {both}" in text
    assert "1 cases" not in text and "Cases with such an instant" not in text


def test_both_legs_are_told_once_where_they_are_the_same(grid, walk, text_of):
    """A change of both sides of a symmetric body; a metric that differs is told of each leg."""
    value, names = grid["metric_value"].copy(), grid["metric"].values.tolist()
    for name in names:
        if name.endswith("_l"):
            value[..., names.index(name)] = value[..., names.index(f"{name[:-1]}r")]
    value[..., names.index("peak_hip_force_l")] += 0.5
    text = text_of(grid.assign(metric_value=value))
    answer, _, rest = text.partition("Read with care:")
    assert "Peak knee force, both sides +" in answer and "Peak hip force, right +" in answer
    assert "Peak knee force, both sides [BW]" in rest
    assert "Peak knee force, right" not in text and "Peak knee force, left" not in text
    assert "Peak hip force, right [BW]" in rest and "Peak hip force, left [BW]" in rest
    knee = names.index("peak_knee_force_r")
    alone = text_of(walk.assign(metric_value=grid.assign(metric_value=value)["metric_value"][0, 1]))
    assert f"Peak knee force {float(value[0, 1, knee]):.2f} BW both sides" in alone


def test_answer_tells_of_the_other_leg_where_that_changes_more(grid, text_of):
    """The left knee makes the left leg the main one; the hip of the right leg changes more."""
    value, names = grid["metric_value"].copy(), grid["metric"].values.tolist()
    for stem, left in (("peak_knee_force", 3.0), ("peak_hip_force", 0.5)):
        right = value[..., names.index(f"{stem}_r")]
        base = right.sel({A: 1.0, B: 1.0})
        value[..., names.index(f"{stem}_l")] = base + left * (right - base)
    answer = text_of(grid.assign(metric_value=value)).partition("Read with care:")[0]
    told = re.search(
        r"Peak hip force, left \+(\S+) BW .*; right \+(\S+) BW \(\+\d+ %\) at ", answer
    )
    assert told and float(told[2]) == pytest.approx(2.0 * float(told[1]), abs=0.02)
    assert "; right" not in answer.partition("Peak knee force, left")[2]


def test_effects_of_a_sample_say_how_well_they_are_fitted(sample, text_of):
    text = text_of(sample)
    assert "a polynomial fitted to all counted cases" in text
    assert "Metric Fit Unchanged, fitted Nearest" in text and "[BW] 100 %" in text
    assert "%: from fitted" in text and "(fitted; the fit predicts 100 % of the variance)" in text
    assert "nearest to the unchanged body: case " in text
    assert "cases 80, random, samples 80" in text


def test_effects_that_do_not_count_are_no_answer(grid, text_of):
    share = grid["metric_limited_share"].copy()
    share[2] = 0.2  # where gluteal strength is 0.25
    answer = text_of(grid.assign(metric_limited_share=share)).partition("Read with care:")[0]
    assert f"{A} 0.5" in answer and f"{A} 0.25" not in answer


def test_cases_that_are_not_counted_are_told(sample, text_of):
    edge = sample["metric_at_edge"].copy()
    edge[:7, sample["metric"].values.tolist().index("peak_knee_force_r")] = True
    text = text_of(sample.assign(metric_at_edge=edge))
    assert "Up to 7 of 80 cases, depending on the metric, are not counted" in text
    assert "of 80 cases: Peak knee force, right: 7." in text


def test_signs_beside_the_answer_are_explained_under_it(grid, text_of):
    rival = grid["metric_rival_peak"].copy()
    rival[2] = 1  # where gluteal strength is 0.25
    answer = text_of(grid.assign(metric_rival_peak=rival)).partition("Read with care:")[0]
    assert f"at {A} 0.25 *" in answer and answer.count("* a second peak comes within 1 %") == 1
    assert "a second peak" not in text_of(grid).partition("Read with care:")[0]


def test_parameters_that_vary_together_are_read_with_care(sample, text_of):
    noise = np.random.default_rng(2).normal(size=80)
    text = text_of(sample.assign_coords({B: ("case", sample[A].values + 0.02 * noise)}))
    care = text.partition("Read with care:")[2]
    assert f"In these cases {A}, {B} vary together with other parameters (variance" in care
    assert "~ the parameter varies together with others" in care and "%) ~ " in care
    assert "vary together" not in text_of(sample)


@pytest.mark.parametrize("stems", [("peak_knee",), ("peak_knee", "peak_hip")])
def test_a_peak_that_cannot_be_fitted_spoils_no_report(sample, stems):
    share, edge = sample["metric_limited_share"].copy(), sample["metric_at_edge"].copy()
    for i, name in enumerate(sample["metric"].values):
        if str(name).startswith(stems):
            share[:78, i], edge[78:, i] = 0.2, True
    page = Page(report_html(sample.assign(metric_limited_share=share, metric_at_edge=edge)))
    answer = page.text.partition("Read with care:")[0]
    assert "from fitted" in answer and "Peak knee force" not in answer
    assert bool(page.all("img")) == (len(stems) == 1)  # no peak to draw in a tornado


def test_distributions_are_told_in_words(sample, text_of):
    drawn = {
        A: {"uniform": [0.4, 1.2]},
        B: {"normal": [1.0, 0.1], "limits": [0.0, None]},
        "calf.scale": {"triangular": [0.5, 1.0, 1.5]},
        "odd": 3,
    }
    design = {"kind": "lhs", "parameters": [A, B], "samples": 80, "distributions": drawn}
    text = text_of(sample.assign_attrs(design=json.dumps(design)))
    assert f"drawn from {A}: uniform 0.4 to 1.2; {B}: normal, mean 1, standard deviation" in text
    assert "deviation 0.1, not below 0; calf.scale: triangular, from 0.5, most likely 1, to" in text
    assert "{'" not in text


def test_what_failed_and_what_was_too_weak(grid, text_of):
    status, share = grid["status"].copy(), grid["metric_limited_share"].copy()
    status[2, 0, :4], share[2, 1] = 3, 0.2
    text = text_of(grid.assign(status=status, metric_limited_share=share))
    assert "1 of 9 cases have instants without a solution." in text
    assert "maximum iterations 4 of 909 1" in text
    assert f"no solution: {A} 0.25, {B} 0.6" in text
    assert "Muscles were too weak for part of the motion" in text
    assert "! muscles were too weak: the load there is too small" in text
    assert "Not within the limits of credibility: instants solved" in text


def test_notes_that_matter_come_first(walk, text_of):
    note = f"{FIXED_KINEMATICS}: arch would change the movement."
    text = text_of(walk.assign_attrs(notes=f"one\n{note}\nTwo\nlines"), notes="<own>")
    care = text.partition("Read with care:")[2].partition("no validation against implants yet")[0]
    assert note in care and "Two lines" not in care and "Two lines" in text
    assert "notes.txt of the run <own>" in text


def test_a_line_with_a_small_letter_goes_on():
    notes = "One that is\nlonger than a line.\n\n`x` is code.\nTwo"
    expected = ["One that is longer than a line.", "`x` is code.", "Two"]
    assert notes_of(xr.Dataset(attrs={"notes": notes})) == expected


@pytest.mark.parametrize("part", ["model", "trial"])
def test_configuration_whose_parts_are_lists_is_refused_by_name(grid, text_of, part):
    config = json.dumps({**CONFIG, part: [1]})
    with pytest.raises(BadInput, match=f"attribute `config`.*damaged: `{part}` is a list; it must"):
        text_of(grid.assign_attrs(config=config))


@pytest.mark.parametrize("odd", [[1], "x", None])
def test_whatever_else_a_configuration_holds_is_shown(grid, text_of, odd):
    keys = ("name", "description", "data_source", "study", "solver", "interventions", "files")
    config = json.dumps({**CONFIG, **dict.fromkeys(keys, odd)})
    assert config in text_of(grid.assign_attrs(config=config), config=config)
    assert "Peak knee force" in text_of(grid.assign_attrs(config=json.dumps(odd)))


def test_how_to_run_it_again(grid, walk, text_of):
    text = text_of(grid)
    assert "biomech run config.resolved.yaml" in text and "data_folder=" not in text
    assert '"kind": "gluteal_strength"' in text
    own = text_of(grid, config="name: as_written # <x>")
    assert "name: as_written # <x>" in own and '"kind": "gluteal_strength"' not in own
    files = {**CONFIG, "trial": {"coordinates": "walk.sto"}, "data_source": "ask Ann"}
    told = text_of(grid.assign_attrs(config=json.dumps(files)))
    assert "--set data_folder=FOLDER_OF_THE_FILES" in told and "Its files: ask Ann" in told
    in_python = walk.assign_attrs(config=json.dumps({"study": "inverse", "exponent": 3.0}))
    assert "Asked for in Python with" in text_of(in_python)


def test_solver_is_told_where_it_was_chosen(grid, text_of):
    said = "tolerance of the solver [-] 1e-09"
    chosen = {**CONFIG, "solver": {"tolerance": 1e-9, "max_steps": 60}}
    text = text_of(grid.assign_attrs(config=json.dumps(chosen)))
    assert said in text and "most steps of the solver 60" in text
    assert "tolerance of the solver" not in text_of(grid)


def test_swept_number_of_the_study_is_told_with_its_options(grid, text_of):
    text = text_of(grid.rename({A: "study.lowpass_hz"}))
    assert "low-pass filter [Hz] swept: 0.25, 0.5, 1" in text
    assert "study.lowpass_hz swept" not in text


def test_model_card_and_works_to_cite(walk, text_of):
    text = text_of(walk)
    assert f"name {walk.attrs['model']} mass 64.0 kg bodies 5 joints 5 coordinates 5" in text
    assert walk.attrs["model_sha256"] in text
    assert "Sources nobody 2026" in text
    assert "glmed1_r, vasti_r" in text
    assert "method, joint reactions Steele et al. (2012)" in text
    assert f"jax {walk.attrs['jax_version']}" in text


def test_variables_left_out_leave_figures_out(walk):
    kept = ["reserve_force", "residual_force", "moment_to_balance", "center_of_mass"]
    names = [n for n in walk.data_vars if str(n).startswith(("metric", "status", "body"))]
    page = Page(report_html(walk[names]))
    assert not page.all("img") and "does not hold the variables" in page.text
    assert "Checks" in Page(report_html(walk[[*names, *kept]])).text


def test_a_sample_too_small_to_fit_says_so(sample, text_of):
    text = text_of(sample.isel(case=slice(4)))
    assert "No effects are given: 4 usable cases are too few" in text


# ------------------------------------------------------------------------------------ file


def test_written_whole_and_never_over_another_file(walk, tmp_path, monkeypatch):
    out = bm.report(walk, tmp_path / "out.html")
    assert out.read_text(encoding="utf-8") == report_html(walk)
    with pytest.raises(BadInput, match="exists already"):
        report(walk, out)
    out.write_text("mine")
    assert "<html" in report(walk, out, overwrite=True).read_text(encoding="utf-8")
    with pytest.raises(BadInput, match="is a folder; name a file"):
        report(walk, tmp_path, overwrite=True)
    with pytest.raises(BadInput, match="There is no folder"):
        report(walk, tmp_path / "no" / "out.html")
    before = out.read_bytes()

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report(walk, out, notes="other", overwrite=True)
    assert out.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["out.html"]


def test_mistakes_are_explained(walk):
    with pytest.raises(BadInput, match="no result of a study"):
        report_html(walk.drop_vars("metric_value"))
