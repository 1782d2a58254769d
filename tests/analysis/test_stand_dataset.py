"""Standing results with names: one case and many, figures, effects and the page about them."""

import json

import equinox as eqx
import jax
import numpy as np
import pytest

import biomech as bm
from biomech.analysis.cases import failed_cases, has_instants, main_loads, statuses
from biomech.analysis.credibility import BALANCE, credibility, credibility_text
from biomech.analysis.report import report_html
from biomech.analysis.stand_dataset import (
    POSTURE_WEIGHT_ASSUMED,
    label_standing,
    support_margin,
)
from biomech.formats.load import load_built_in
from biomech.model.names import BadInput
from biomech.studies.stand import STATUS, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics
from web_page import Page

A, B = "weak.scale", "study.posture_weight"
GRID = {A: (1.0, 0.5, 0.25), B: (0.1, 1.0)}
CONFIG = {
    "schema": 1,
    "name": "weak_stand",
    "description": "What do weak glutei do in standing?",
    "model": {"name": "planar"},
    "study": {"kind": "stand", "support": "both", "held": [], "posture_weight": 0.1},
    "interventions": {"weak": {"kind": "gluteal_strength", "side": "r", "scale": 1.0}},
    "solver": {"tolerance": 1e-9, "max_steps": 200},
}


@pytest.fixture(scope="module")
def stood():
    """A body, how it is asked to stand, and how it does."""
    model = load_built_in("planar")
    how = standing(model)
    return model, how, stand(model, how)


@pytest.fixture(scope="module")
def single(stood):
    model, how, record = stood
    return label_standing(record, model, how, config=CONFIG)


def repeated(record, count):
    return jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], count, axis=0), record)


@pytest.fixture(scope="module")
def cases(stood):
    """Two strengths and weights; metrics by formula, the last case without a balance."""
    model, how, record = stood
    values = np.stack([x.ravel() for x in np.meshgrid(*GRID.values(), indexing="ij")], axis=-1)
    status = np.zeros(len(values), int)
    status[-1] = STATUS.index("maximum_iterations")
    records = eqx.tree_at(lambda r: r.status, repeated(record, len(values)), status)
    metrics = np.asarray(evaluate_standing_metrics(model, record).value)
    factor = 1.0 + 0.3 * (values[:, 0] - 1.0) + 0.01 * np.log(values[:, 1] / 0.1)
    return label_standing(
        records,
        model,
        how,
        metrics=factor[:, None] * metrics,
        body_mass=np.linspace(70.0, 75.0, len(values)),
        sweep={"case": dict(zip(GRID, values.T, strict=True))},
        config=CONFIG,
    )


@pytest.fixture(scope="module")
def grid(cases):
    """The same cases with one dimension for each parameter."""
    from biomech.experiment.grid import as_grid

    return as_grid(cases, GRID, "case")


# ------------------------------------------------------------------------------ one and many


def test_every_number_has_a_unit_and_every_variable_a_name(single):
    for name, variable in single.variables.items():
        assert variable.attrs["long_name"], name
        assert variable.dtype.kind not in "fi" or variable.attrs["units"], name
    assert "time" not in single.dims and single["status"].dims == ()


def test_bm_stand_is_the_record_with_names(stood, single):
    model, how, record = stood
    asked = bm.stand(model, posture_weight=float(how.weight))
    for name in ("coordinate_value", "joint_reaction_force", "metric_value", "support_margin"):
        np.testing.assert_array_equal(asked[name], single[name])
    assert POSTURE_WEIGHT_ASSUMED in asked.attrs["notes"]
    hip = list(single["joint"].values).index("hip_r")
    load = np.linalg.norm(record.joint_reaction_force[hip]) / float(single["body_weight"])
    np.testing.assert_allclose(single["metric_value"].sel(metric="hip_force_r"), load, rtol=1e-12)


def test_feet_carry_what_their_regions_do(single):
    force = single["regional_plantar_force"]
    for side in "rl":
        own = [str(name).endswith(f"_{side}") for name in force["contact_region"].values]
        total = force.values[own].sum(axis=0)
        np.testing.assert_allclose(single["ground_reaction_force"].sel(side=side), total, atol=1e-9)
    center = (single["contact_point"] * force.sel(axis="y")).sum("contact_region") / force.sel(
        axis="y"
    ).sum()
    both = single["center_of_pressure"].mean("side")  # the feet of this body carry the same
    np.testing.assert_allclose(center.sel(axis="x"), both.sel(axis="x"), atol=1e-4)


def test_a_case_among_many_is_labelled_as_it_is_alone(cases, single):
    first = cases.isel(case=0)
    for name in single.data_vars:
        if name not in ("body_mass", "body_weight", "support_margin"):
            np.testing.assert_allclose(first[name], single[name], rtol=1e-12, err_msg=str(name))
    assert cases["joint_reaction_force"].dims == ("case", "joint", "axis")
    assert cases["habitual_value"].dims == ("coordinate",)  # the same in all cases
    np.testing.assert_allclose(cases["body_weight"], cases["body_mass"] * 9.80665, rtol=1e-6)


def test_a_case_without_a_balance_is_nan_with_its_status(cases):
    lost, found = cases.isel(case=-1), cases.isel(case=0)
    told = ("status", "iterations", "balance_residual", "weakly_active", "habitual_value")
    asked = ("body_mass", "body_weight")
    for name, variable in lost.data_vars.items():
        if name in (*told, *asked):
            assert (np.isnan(variable) == np.isnan(found[name])).all(), name
        else:
            assert np.isnan(variable.astype(float)).all(), name
    assert statuses(cases)[int(lost["status"])] == "maximum_iterations"
    assert failed_cases(cases).tolist() == [False] * 5 + [True]
    assert not has_instants(cases)


def test_sweep_must_name_every_leading_axis(stood):
    model, how, record = stood
    with pytest.raises(BadInput, match="leading axes"):
        label_standing(repeated(record, 2), model, how)


def test_only_chosen_variables_are_made(stood):
    model, how, record = stood
    few = label_standing(record, model, how, only={"status", "activation"})
    assert set(few.data_vars) == {"status", "activation"}


def test_margin_of_a_square_support():
    """A square of 0.2 m by 0.2 m, the center 3 cm from one edge; unloaded corners do not count."""
    point = np.array([[x, 0.0, z] for x in (0.0, 0.2, 5.0) for z in (-0.1, 0.1)])
    normal = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    inside, outside = np.array([0.17, 1.0, 0.0]), np.array([0.24, 1.0, 0.0])
    np.testing.assert_allclose(support_margin(normal, point, inside, 4.0), 0.03, atol=1e-12)
    np.testing.assert_allclose(support_margin(normal, point, outside, 4.0), -0.04, atol=1e-12)
    assert np.isnan(support_margin(normal * [1, 1, 0, 0, 0, 0], point, inside, 4.0))


# ----------------------------------------------------------------------------- effects, checks


def test_effects_are_those_of_the_formula(grid):
    table = bm.effect_table(grid, ["hip_force_r", "knee_angle_r"])
    half = table.loc[("hip_force_r", A, 0.5)]
    assert half["percent"] == pytest.approx(-15.0) and half["warning"] == ""
    assert half["unit"] == "BW" and half["slope"] == pytest.approx(0.3 * half["baseline"])
    assert table.loc[("hip_force_r", B, 1.0)]["percent"] == pytest.approx(np.log(10.0))
    angle = table.loc[("knee_angle_r", A, 0.5)]  # whose zero is a convention
    assert np.isnan(angle["percent"]) and angle["change"] == pytest.approx(
        -0.15 * angle["baseline"]
    )


def test_comparison_says_where_there_is_no_solution(grid, single):
    table = bm.compare(single, grid, ["hip_force_r"])
    lost = table.loc[("hip_force_r", 0.25, 1.0)]
    assert lost["warning"] == "no solution in b" and np.isnan(lost["b"])
    assert (table["warning"] != "").sum() == 1


def test_main_loads_are_those_of_the_study(grid, walk):
    assert main_loads(grid) == ("hip_force", "knee_force", "ankle_force")
    assert main_loads(walk)[:2] == ("peak_hip_force", "peak_knee_force")


def test_checks_judge_the_worst_case_that_was_solved(grid, single):
    table = credibility(single).set_index("check")
    assert (table["verdict"] == "pass").all() and set(table.index) == {
        *("cases solved", "balance", "support"),
    }
    worse = grid.load().copy(deep=True)
    worse["balance_residual"][0, 0] = 2.0 * BALANCE
    worse["support_margin"][1, 0] = -0.01
    table = credibility(worse).set_index("check")
    assert (table["verdict"] == "fail").all()
    assert table["peak"].to_list() == pytest.approx([1.0 / 6.0, 2.0 * BALANCE, 0.01])
    assert "cases solved: 83.33 % (not: 17 %)" in credibility_text(worse)
    nothing = worse.where(False).assign(status=worse["status"] * 0 + 2)
    assert credibility(nothing)["verdict"].tolist() == ["fail", "no data", "no data"]


# --------------------------------------------------------------------------------- to look at


def test_figure_shows_loads_soles_and_muscles(single, grid):
    figure = bm.plot(single)  # the default of a body at rest
    loads, soles, muscles = figure.axes
    names = [text.get_text() for text in loads.get_yticklabels()]
    assert names == ["Hip", "Knee", "Ankle", "Midtarsal"]
    widths = [patch.get_width() for patch in loads.patches]
    assert widths[0] == pytest.approx(float(single["metric_value"].sel(metric="hip_force_r")))
    assert soles.get_aspect() == 1.0 and muscles.patches
    discs = sum(len(c.get_offsets()) for c in soles.collections)
    assert discs >= single.sizes["contact_region"]
    with pytest.raises(BadInput, match=r"sweeps weak\.scale"):
        bm.plot(grid, "standing")
    with pytest.raises(BadInput, match="No balance was found"):
        bm.plot(grid.isel({A: 2, B: 1}), "standing")
    with pytest.raises(BadInput, match="no `contact_point`"):
        bm.plot(single.drop_vars("contact_point"), "standing")


@pytest.mark.parametrize("kind", ["joint_loads", "angles", "activations", "sweep_joint_loads"])
def test_figures_of_motions_say_what_to_draw_instead(single, kind):
    with pytest.raises(BadInput, match="kind 'standing'"):
        bm.plot(single, kind)


@pytest.mark.parametrize("kind", ["response", "tornado", "heat_map"])
def test_figures_of_sweeps_take_a_body_at_rest(grid, kind):
    titles = " ".join(ax.get_title(loc="left") for ax in bm.plot(grid, kind).axes)
    assert "ip force" in titles or "nee force" in titles


def test_page_of_one_case(single):
    page = Page(report_html(single))
    for said in (
        *("biomech report: stand study", "Hip force", "both sides", "The body is at rest"),
        *("posture_weight", "stands on", "both", "largest force or moment left over"),
        *("Whether the body is in balance", "no posture, activation or load has been compared"),
        *("How to cite", "Woodhull", "biomech run config.resolved.yaml"),
    ):
        assert said in page.text, said
    assert "motion ends" not in page.text and "static optimization" not in page.text.lower()
    assert len(page.all("img")) == 1


def test_page_of_a_sweep(grid):
    page = Page(report_html(grid))
    assert len(page.all("img")) == 5  # tornado, two responses, heat map, the unchanged body
    for said in (
        *(
            "1 of 6 cases have no balance",
            "Cases without a balance: ",
            "maximum iterations",
            "swept: 0.1, 1",
            "deg",
        ),
    ):
        assert said in page.text, said
    assert "Peak joint" not in page.text and "peak loads most" not in page.text


def test_configuration_is_kept(single):
    assert json.loads(single.attrs["config"]) == CONFIG
    assert (
        single.attrs["study"] == "stand" and "static optimization" not in single.attrs["citations"]
    )
