"""Drawn cases: the distributions against SciPy's, the designs against what defines them."""

import math
import sys

import numpy as np
import pytest
from scipy import stats

from biomech.experiment.sampling import (
    MAX_CASES,
    MAX_PARAMETERS,
    POINTS,
    Distribution,
    case_count,
    draw,
    latin_hypercube,
    morris,
    random,
    saltelli,
    sobol,
)
from biomech.model.names import BadInput

SETTINGS = {
    "random": {"samples": 32},
    "lhs": {"samples": 32},
    "sobol": {"samples": 32},
    "saltelli": {"samples": 8},
    "morris": {"trajectories": 8},
}
THREE = (
    Distribution("uniform", (-1.0, 3.0)),
    Distribution("triangular", (0.0, 1.0, 4.0)),
    Distribution("normal", (1.0, 0.5), 0.0, 3.0),
)


@pytest.fixture(autouse=True)
def _salib(request):
    if any(kind in request.node.name for kind in ("saltelli", "morris")):
        pytest.importorskip("SALib")


# -------------------------------------------------------------------------- distributions

FREE = [
    (Distribution("uniform", (-1.0, 3.0)), stats.uniform(-1.0, 4.0)),
    (Distribution("loguniform", (0.1, 10.0)), stats.loguniform(0.1, 10.0)),
    (Distribution("triangular", (0.0, 1.0, 4.0)), stats.triang(0.25, 0.0, 4.0)),
    (Distribution("triangular", (0.0, 0.0, 4.0)), stats.triang(0.0, 0.0, 4.0)),
    (Distribution("triangular", (0.0, 4.0, 4.0)), stats.triang(1.0, 0.0, 4.0)),
    (Distribution("normal", (1.0, 0.5)), stats.norm(1.0, 0.5)),
    (Distribution("lognormal", (2.0, 0.3)), stats.lognorm(0.3, scale=2.0)),
]
CUT = [  # a distribution with limits, and the one of SciPy that it is a part of
    (Distribution("normal", (1.0, 0.5), 0.0, 3.0), stats.norm(1.0, 0.5)),
    (Distribution("normal", (1.0, 0.5), 1.0, 3.0), stats.norm(1.0, 0.5)),
    (Distribution("normal", (0.0, 9.0), -1.0, 2.0), stats.norm(0.0, 9.0)),
    (Distribution("lognormal", (1.0, 0.8), 0.0, 3.0), stats.lognorm(0.8)),
    (Distribution("lognormal", (1.0, 0.8), 0.5, 1.0), stats.lognorm(0.8)),
]
ids = lambda pair: f"{pair.kind}{pair.numbers}" if isinstance(pair, Distribution) else ""


@pytest.mark.parametrize("mine, reference", FREE, ids=ids)
def test_quantile_inverts_the_distribution(mine, reference):
    share = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(mine.quantile(share), reference.ppf(share), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mine, reference", FREE, ids=ids)
def test_draws_follow_the_distribution(mine, reference):
    drawn = draw([mine], "random", samples=4000, seed=3)[:, 0]
    assert stats.kstest(drawn, reference.cdf).pvalue > 0.01
    even = draw([mine], "lhs", samples=4000, seed=3)[:, 0]
    # A Latin hypercube of n leaves the mean an error of about the spread over n.
    assert even.mean() == pytest.approx(reference.mean(), abs=4.0 * reference.std() / 1000)
    assert even.std() == pytest.approx(reference.std(), rel=0.01)


@pytest.mark.parametrize("mine, whole", CUT, ids=ids)
def test_tails_are_cut_off_exactly(mine, whole):
    share = np.linspace(0.001, 0.999, 999)
    below, above = whole.cdf(mine.lower), whole.cdf(mine.upper)
    back = (whole.cdf(mine.quantile(share)) - below) / (above - below)
    np.testing.assert_allclose(back, share, atol=1e-12)
    drawn = draw([mine], "random", samples=4000, seed=1)[:, 0]
    assert mine.lower <= drawn.min() and drawn.max() <= mine.upper


def test_far_tails_keep_their_digits():
    mine = Distribution("normal", (0.0, 1.0), -40.0, 40.0)
    np.testing.assert_allclose(
        mine.quantile(np.array([1e-9, 1.0 - 1e-9])), stats.norm.ppf([1e-9, 1.0 - 1e-9]), rtol=1e-9
    )
    low, high = Distribution("normal", (0.0, 1.0)).quantile(np.array([0.0, 1.0]))
    assert -7.0 < low < -6.0 and high == pytest.approx(-low)  # no infinity, whatever was drawn


@pytest.mark.parametrize("one", [pair[0] for pair in FREE + CUT], ids=ids)
def test_ends_are_never_passed(one):
    lowest, highest = (one.lower, one.upper) if one.has_tails else (one.numbers[0], one.numbers[-1])
    values = one.quantile(np.concatenate([np.zeros(1), np.random.default_rng(0).random(9999), [1]]))
    assert lowest <= values.min() and values.max() <= highest
    assert (np.diff(one.quantile(np.linspace(0.01, 0.99, 500))) > 0.0).all()
    if not one.has_tails:
        assert (values[0], values[-1]) == pytest.approx((lowest, highest), rel=1e-15)


def test_rounding_passes_no_end():
    """Of some of these the formula alone gives 3.0000000000000004 for the share 1."""
    ends = np.array([0.0, 1.0 - 1e-16, 1.0])
    for low in np.random.default_rng(0).uniform(0.01, 2.9, 200).tolist():
        for one in (
            Distribution("loguniform", (low, 3.0)),
            Distribution("lognormal", (low, 9.0), low, 3.0),
        ):
            values = one.quantile(ends)
            assert low <= values.min() and values.max() <= 3.0


@pytest.mark.parametrize(
    "kind, numbers, limits, said",
    [
        ("gaussian", (0, 1), (), "No distribution is called 'gaussian'"),
        ("unifrom", (0, 1), (), r"Did you mean .*'uniform'"),
        ("uniform", (1, 1), (), r"`uniform: \[low, high\]` is \[1, 1\]; low must be below high"),
        ("uniform", (0, 1, 2), (), "must have 2 numbers"),
        ("uniform", (0, math.nan), (), "must be finite"),
        ("uniform", (0, 1e200), (), "must be finite"),
        ("loguniform", (0, 1), (), "low must be above 0"),
        ("loguniform", (5e-324, 1), (), "low must be above 0"),
        ("triangular", (0, 5, 1), (), "mode must lie between"),
        ("normal", (1, 0), (), "standard deviation must be above 0"),
        ("lognormal", (-1, 1), (), "median must be above 0"),
        ("lognormal", (1, 11), (), "sigma, of the natural logarithm, must be 10 at most"),
        ("normal", (1, 1e6), (0, 3), r"write `uniform: \[0, 3\]`"),
        ("normal", (4, 1), (0, 3), "`normal` has 4; it must be between 0 and 3"),
        ("uniform", (1, 4), (0, 3), "`uniform` has 4"),
        ("triangular", (-1, 1, 2), (0, 3), "`triangular` has -1"),
    ],
)
def test_numbers_that_are_no_distribution(kind, numbers, limits, said):
    with pytest.raises(BadInput, match=said):
        Distribution(kind, tuple(map(float, numbers)), *map(float, limits))


# -------------------------------------------------------------------------------- designs


@pytest.mark.parametrize("kind", POINTS)
def test_same_seed_same_cases(kind):
    first, again, other = (draw(THREE, kind, seed=s, **SETTINGS[kind]) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(first) == case_count(kind, 3, **SETTINGS[kind])


def slices(points, count):
    """How many points lie in each of `count` equal slices of each axis."""
    return np.stack([np.bincount(np.floor(x * count).astype(int), minlength=count) for x in points])


@pytest.mark.parametrize("design", [latin_hypercube, sobol], ids=["lhs", "sobol"])
def test_every_slice_of_every_axis_holds_one_point(design):
    assert (slices(design(5, 64, 2).T, 64) == 1).all()
    assert slices(random(5, 64, 2).T, 64).max() > 1  # as chance would have it


def test_every_share_of_every_distribution_holds_one_case():
    cases = draw(THREE, "lhs", samples=50, seed=4)
    for column, one in zip(cases.T, THREE, strict=True):
        edges = one.quantile(np.linspace(0.0, 1.0, 51))
        assert (np.histogram(column, edges)[0] == 1).all()


def test_sobol_fills_the_plane_evenly():
    """Two axes: one point of 64 in each rectangle of area 1/64 with sides 1/2^i and 1/2^(6-i)."""
    points = sobol(2, 64, 5)
    for i in range(7):
        cells = np.floor(points * (2**i, 2 ** (6 - i))).astype(int)
        assert len(np.unique(cells, axis=0)) == 64
    cells = np.floor(latin_hypercube(2, 64, 5) * 8).astype(int)
    assert len(np.unique(cells, axis=0)) < 64


@pytest.mark.parametrize("samples, near", [(200, "128 or 256"), (3, "2 or 4"), (1000, "512 or")])
def test_sobol_and_saltelli_need_a_power_of_two(samples, near):
    for design in (sobol, saltelli):
        with pytest.raises(BadInput, match=f"is {samples}; it must be a power of two: {near}"):
            design(2, samples, 0)


@pytest.mark.parametrize("second_order", [True, False])
def test_saltelli_blocks_exchange_one_column(second_order):
    size = 8 if second_order else 5
    blocks = saltelli(3, 16, 1, second_order).reshape(16, size, 3)
    a, b = blocks[:, 0], blocks[:, -1]
    assert not (a == b).any()
    for k in range(3):
        others = [j for j in range(3) if j != k]
        np.testing.assert_array_equal(blocks[:, 1 + k, k], b[:, k])
        np.testing.assert_array_equal(blocks[:, 1 + k, others], a[:, others])
        if second_order:
            np.testing.assert_array_equal(blocks[:, 4 + k, k], a[:, k])
            np.testing.assert_array_equal(blocks[:, 4 + k, others], b[:, others])


@pytest.mark.parametrize("levels", [2, 4, 10])
def test_morris_walks_step_once_along_each_axis(levels):
    walks = morris(4, 30, 1, levels).reshape(30, 5, 4)
    steps = np.diff(walks, axis=1)
    assert ((steps != 0.0).sum(axis=1) == 1).all() and ((steps != 0.0).sum(axis=2) == 1).all()
    size = np.abs(steps[steps != 0.0])
    np.testing.assert_allclose(size, levels / (2.0 * (levels - 1.0)))  # Morris's own step
    np.testing.assert_allclose(np.unique(walks.round(12)), np.linspace(0.0, 1.0, levels), atol=1e-9)


def test_morris_levels_of_a_tail_are_middles_of_equal_shares():
    cases = draw(THREE, "morris", trajectories=50, levels=4)
    np.testing.assert_allclose(np.unique(cases[:, 0].round(9)), [-1.0, 1 / 3, 5 / 3, 3.0])
    middles = THREE[2].quantile(np.array([0.125, 0.375, 0.625, 0.875]))
    np.testing.assert_allclose(np.unique(cases[:, 2].round(9)), middles, atol=1e-9)


def test_morris_levels_must_be_even():
    for levels in (3, 0, 102):
        with pytest.raises(BadInput, match=f"is {levels}; it must be even, 2 to 100"):
            morris(2, 4, 0, levels)


def test_what_cannot_be_drawn_is_said(monkeypatch):
    with pytest.raises(BadInput, match=r"No design is called 'lhc'\. Did you mean 'lhs'\?"):
        draw(THREE, "lhc", samples=3)
    with pytest.raises(BadInput, match="has 1000001 cases; at most 1000000"):
        draw(THREE, "random", samples=MAX_CASES + 1)
    with pytest.raises(BadInput, match="more than 50000000 values"):
        draw(THREE[:1] * 100, "random", samples=MAX_CASES)
    with pytest.raises(BadInput, match="has 1001 parameters; at most 1000"):
        draw(THREE[:1] * (MAX_PARAMETERS + 1), "random", samples=1)
    with pytest.raises(BadInput, match="has no parameter"):
        draw((), "random", samples=1)
    monkeypatch.setitem(sys.modules, "SALib", None)
    for name in [name for name in sys.modules if name.startswith("SALib.")]:
        monkeypatch.delitem(sys.modules, name)
    for kind in ("saltelli", "morris"):
        with pytest.raises(BadInput, match=r'pip install "biomech\[uq\]"'):
            draw(THREE, kind, **SETTINGS[kind])
