"""Sobol' indices and Morris screening: closed forms, failed cases, datasets that are not theirs."""

import math

import numpy as np
import pytest

import biomech as bm
from biomech.model.names import BadInput, UnknownName

pytest.importorskip("SALib")

THREE = {name: {"uniform": [-math.pi, math.pi]} for name in ("x1", "x2", "x3")}
# Ishigami & Homma (1990), doi:10.1109/ISUMA.1990.151285: sin x1 + a sin^2 x2 + b x3^4 sin x1.
A, B = 7.0, 0.1
_V1 = 0.5 * (1.0 + B * math.pi**4 / 5.0) ** 2
_V2 = A**2 / 8.0
_V13 = B**2 * math.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
FIRST = np.array([_V1, _V2, 0.0]) / (_V1 + _V2 + _V13)
TOTAL = np.array([_V1 + _V13, _V2, _V13]) / (_V1 + _V2 + _V13)
SECOND_13 = _V13 / (_V1 + _V2 + _V13)


def ishigami(cases):
    return np.sin(cases.x1) + A * np.sin(cases.x2) ** 2 + B * cases.x3**4 * np.sin(cases.x1)


def with_metrics(cases, **metrics):
    names = list(metrics)
    values = np.stack([np.asarray(metrics[name]) for name in names], axis=-1)
    return cases.assign(metric_value=(("case", "metric"), values)).assign_coords(metric=names)


@pytest.fixture(scope="module")
def sampled():
    cases = bm.design(THREE, kind="saltelli", samples=1024, seed=2)
    linear = 3.0 * cases.x1 + 4.0 * cases.x3 + 100.0
    return with_metrics(cases, ishigami=ishigami(cases), linear=linear, constant=0.0 * cases.x1 + 2)


@pytest.fixture(scope="module")
def indices(sampled):
    return bm.sobol_indices(sampled)


def test_indices_of_ishigami_are_the_closed_form(indices):
    found = indices.sel(metric="ishigami")
    for name, expected in (("first_order", FIRST), ("total", TOTAL)):
        error = np.abs(found[name] - expected)
        assert (error <= found[f"{name}_confidence"] + 1e-3).all()
        assert (error < 0.03).all()  # of 1024 samples; independent ones would leave 0.05
    pair = found["second_order"].sel(parameter="x1", other_parameter="x3")
    assert float(pair) == pytest.approx(SECOND_13, abs=0.05)
    np.testing.assert_array_equal(found["second_order"], found["second_order"].T)
    assert np.isnan(np.diag(found["second_order"])).all()


def test_a_sum_has_no_interactions(indices):
    found = indices.sel(metric="linear")
    np.testing.assert_allclose(found["first_order"], [9 / 25, 0.0, 16 / 25], atol=0.01)
    np.testing.assert_allclose(found["total"], found["first_order"], atol=0.01)


def test_a_metric_that_stands_still_has_no_indices(indices):
    found = indices.sel(metric="constant")
    assert np.isnan(found["first_order"]).all() and np.isnan(found["second_order"]).all()


def test_results_are_labelled(indices, sampled):
    assert indices["second_order"].dims == ("metric", "parameter", "other_parameter")
    assert indices["parameter"].values.tolist() == ["x1", "x2", "x3"]
    assert all("long_name" in v.attrs for v in indices.variables.values())
    assert all("units" in v.attrs for v in indices.data_vars.values())
    assert indices.attrs["blocks"] == 1024 and indices.attrs["blocks_dropped"] == 0
    assert "doi:10.1016/j.cpc.2009.09.018" in indices.attrs["citations"]
    mm = sampled.assign_coords(metric_unit=("metric", ["mm", "N", "1"]))
    assert bm.sobol_indices(mm, ["linear"])["metric_unit"].values.tolist() == ["N"]


def test_intervals_follow_seed_and_confidence(sampled):
    width = lambda **options: float(
        bm.sobol_indices(sampled, ["ishigami"], **options)["total_confidence"][0, 0]
    )
    assert width() == width()
    assert width() != width(seed=1)
    assert width(confidence=0.5) < 0.5 * width(confidence=0.99)


def test_first_order_only_takes_fewer_cases():
    cases = bm.design(THREE, kind="saltelli", samples=512, second_order=False)
    assert cases.sizes["case"] == 512 * 5
    found = bm.sobol_indices(with_metrics(cases, y=ishigami(cases)))
    assert "second_order" not in found and "other_parameter" not in found.coords
    np.testing.assert_allclose(found["total"][0], TOTAL, atol=0.05)


def test_what_is_uncertain_is_the_distribution_not_the_name():
    """y = x1 + x2: shares are those of the variances, whatever the shapes."""
    sweep = {"x1": {"normal": [0.0, 1.0]}, "x2": {"uniform": [0.0, 2.0 * math.sqrt(12.0)]}}
    cases = bm.design(sweep, kind="saltelli", samples=2048)
    found = bm.sobol_indices(with_metrics(cases, y=cases.x1 + cases.x2))
    np.testing.assert_allclose(found["first_order"][0], [1 / 5, 4 / 5], atol=0.01)


def test_blocks_with_a_failed_case_are_left_out(sampled, indices):
    value = sampled["metric_value"].copy()
    value[5, 0], value[16:24, 0], value[80, 0] = np.nan, np.nan, np.inf  # three blocks of eight
    found = bm.sobol_indices(sampled.assign(metric_value=value))
    assert found["dropped"].values.tolist() == [3, 0, 0]
    assert found.attrs["blocks_dropped"] == 3
    # Three blocks in a thousand move the indices by little, and those of other metrics not at all.
    np.testing.assert_allclose(found["total"][0], indices["total"][0], atol=0.02)
    np.testing.assert_array_equal(found["total"][1], indices["total"][1])
    whole = sampled.isel(case=np.arange(8 * 1024).reshape(1024, 8)[: 512 + 2].ravel())
    assert whole.sizes["case"] == 514 * 8  # the same cases alone are no design
    with pytest.raises(BadInput, match="needs all 8192 cases of the design"):
        bm.sobol_indices(whole)


def test_too_many_failures_are_refused_and_no_value_is_left_out(sampled):
    value = sampled["metric_value"].copy()
    value[: 8 * 513, 0] = np.nan
    with pytest.raises(BadInput, match=r"'ishigami' has failed cases in 513 of 1024 groups"):
        bm.sobol_indices(sampled.assign(metric_value=value))
    assert bm.sobol_indices(sampled.assign(metric_value=value), ["linear"]).sizes["metric"] == 1
    value[:, 0] = np.nan
    found = bm.sobol_indices(sampled.assign(metric_value=value))
    assert found["metric"].values.tolist() == ["linear", "constant"]
    with pytest.raises(BadInput, match="no metric has a value"):
        bm.sobol_indices(sampled.assign(metric_value=np.nan * value))


# --------------------------------------------------------------------------------- Morris


@pytest.fixture(scope="module")
def walked():
    sweep = {
        "x1": {"uniform": [-1.0, 3.0]},
        "x2": {"uniform": [0.0, 1.0]},
        "x3": {"normal": [5.0, 2.0]},
    }
    cases = bm.design(sweep, kind="morris", trajectories=40, levels=4, seed=1)
    linear = 2.0 * cases.x1 - 3.0 * cases.x2 + 0.0 * cases.x3
    return with_metrics(cases, linear=linear, product=cases.x1 * cases.x2, tail=cases.x3)


def test_effects_of_a_linear_function_are_its_slopes(walked):
    found = bm.morris_screening(walked).sel(metric="linear")
    np.testing.assert_allclose(found["mu"], [2.0 * 4.0, -3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["mu_star"], [8.0, 3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["sigma"], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["mu_star_confidence"], 0.0, atol=1e-12)


def test_interactions_show_in_sigma(walked):
    """y = x1 x2: the effect of x2 is x1, on a grid of -1, 1/3, 5/3, 3 with mean 1."""
    found = bm.morris_screening(walked).sel(metric="product", parameter="x2")
    deviation = np.std([-1.0, 1 / 3, 5 / 3, 3.0])
    assert float(found["mu"]) == pytest.approx(1.0, abs=3.0 * deviation / math.sqrt(40))
    assert float(found["sigma"]) == pytest.approx(deviation, rel=0.25)
    assert float(found["mu_star"]) > float(found["mu"])  # some effects are negative


def test_the_interval_follows_the_seed(walked):
    width = lambda seed: bm.morris_screening(walked, ["product"], seed=seed)["mu_star_confidence"]
    np.testing.assert_array_equal(width(0), width(0))
    assert not np.array_equal(width(0), width(1))


def test_step_of_a_tail_is_between_its_middle_shares(walked):
    """Steps of two levels of 1/8, 3/8, 5/8, 7/8: the effect is their size times 3/2."""
    from scipy.stats import norm

    found = bm.morris_screening(walked).sel(metric="tail", parameter="x3")
    step = 2.0 * (norm.ppf(5 / 8) - norm.ppf(1 / 8))  # as long from 3/8 to 7/8
    assert float(found["mu"]) == pytest.approx(1.5 * step, rel=1e-9)
    assert float(found["sigma"]) == pytest.approx(0.0, abs=1e-9)


def test_walks_with_a_failed_case_are_left_out(walked):
    value = walked["metric_value"].copy()
    value[4:6, 0] = np.nan  # the second walk
    found = bm.morris_screening(walked.assign(metric_value=value))
    assert found["dropped"].values.tolist() == [1, 0, 0]
    assert (found.attrs["walks"], found.attrs["walks_dropped"]) == (40, 1)
    np.testing.assert_allclose(found["mu"].sel(metric="linear"), [8.0, -3.0, 0.0], atol=1e-12)


# ------------------------------------------------------------------- not what is needed


def test_cases_out_of_order_are_refused(sampled, walked):
    for analyse, dataset in ((bm.sobol_indices, sampled), (bm.morris_screening, walked)):
        with pytest.raises(BadInput, match="not those of the design in their order"):
            analyse(dataset.sortby("x1"))
        moved = dataset["x2"].copy()
        moved[1] += 1e-9
        with pytest.raises(BadInput, match="not those of the design"):
            analyse(dataset.assign(x2=moved))
    last = sampled.isel(case=np.r_[0:4, 5, 4, 6 : 8 * 1024])  # only what second order needs
    with pytest.raises(BadInput, match="not those of the design"):
        bm.sobol_indices(last)


def test_another_dataset_is_refused(sampled, walked):
    with pytest.raises(BadInput, match=r"needs a sweep with .*kind: saltelli.*; this one is 'mor"):
        bm.sobol_indices(walked)
    with pytest.raises(BadInput, match=r"needs a sweep with .*kind: morris.*; this one is 'grid'"):
        bm.morris_screening(walked.drop_attrs())
    with pytest.raises(BadInput, match="the attribute `design` is damaged"):
        bm.morris_screening(
            walked.assign_attrs(design='{"kind": "morris", "parameters": ["x1"], "levels": 4}')
        )
    with pytest.raises(BadInput, match="this one is 'grid'"):
        bm.morris_screening(walked.assign_attrs(design="[1"))
    with pytest.raises(BadInput, match="needs the values of 'x2' over `case`"):
        bm.sobol_indices(sampled.drop_vars("x2"))
    with pytest.raises(BadInput, match="needs `metric_value` over `case`"):
        bm.sobol_indices(sampled.drop_vars("metric_value"))
    with pytest.raises(UnknownName, match=r"Did you mean 'linear'\?"):
        bm.sobol_indices(sampled, ["liner"])
    with pytest.raises(BadInput, match="`confidence` is 95"):
        bm.sobol_indices(sampled, confidence=95.0)
    with pytest.raises(BadInput, match="`resamples` is 0"):
        bm.morris_screening(walked, resamples=0)
    one = bm.design(THREE, kind="saltelli", samples=1)
    with pytest.raises(BadInput, match="needs more than one sample"):
        bm.sobol_indices(with_metrics(one, y=ishigami(one)))
