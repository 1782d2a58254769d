import numpy as np
import pytest

from biomech.analysis.response_surface import fit_response, variance_inflation
from biomech.model.names import BadInput

RANDOM = np.random.default_rng(1)
POINTS = RANDOM.uniform((0.2, 10.0, -3.0), (1.0, 60.0, 3.0), (60, 3))
HELD = np.array([0.5, 20.0, 1.0])


def _quadratic(x):
    return 2.0 - 3.0 * x[..., 0] + 0.1 * x[..., 1] * x[..., 2] + 0.5 * x[..., 2] ** 2


def test_a_parabola_is_found_exactly():
    surface = fit_response(POINTS, _quadratic(POINTS))
    assert surface.order == 2
    elsewhere = RANDOM.uniform((0.2, 10.0, -3.0), (1.0, 60.0, 3.0), (5, 3))
    np.testing.assert_allclose(surface.value(elsewhere), _quadratic(elsewhere), rtol=1e-9)
    slopes = [surface.slope(HELD, i) for i in range(3)]
    np.testing.assert_allclose(slopes, [-3.0, 0.1 * 1.0, 0.1 * 20.0 + 1.0], rtol=1e-9)
    assert surface.explained == pytest.approx(1.0, abs=1e-9)


def test_explained_is_that_of_cases_left_out():
    values = _quadratic(POINTS) + RANDOM.normal(0.0, 2.0, 60)
    left_out = [
        values[i] - fit_response(np.delete(POINTS, i, 0), np.delete(values, i)).value(POINTS[i])
        for i in range(60)
    ]
    expected = 1.0 - np.sum(np.square(left_out)) / np.sum((values - values.mean()) ** 2)
    assert fit_response(POINTS, values).explained == pytest.approx(expected, rel=1e-9)


def test_noise_explains_nothing():
    assert fit_response(POINTS, RANDOM.normal(size=60)).explained < 0.2


def test_few_cases_get_a_plane_and_fewer_are_refused():
    plane = 1.0 + POINTS @ np.array([1.0, 0.2, -0.5])
    surface = fit_response(POINTS[:12], plane[:12])
    assert surface.order == 1
    np.testing.assert_allclose(surface.value(POINTS), plane, rtol=1e-9)
    with pytest.raises(BadInput, match="7 usable cases are too few to tell 3 parameters apart: 8"):
        fit_response(POINTS[:7], plane[:7])


def test_many_parameters_get_a_plane():
    points = RANDOM.uniform(size=(1200, 32))
    assert fit_response(points, points.sum(axis=1)).order == 1


def test_a_parameter_with_two_values_has_a_step_and_no_curve():
    """Its square is the same in all cases: nothing of the rest may be taken for it."""
    points = POINTS.copy()
    points[:, 0] = np.where(np.arange(60) < 25, 0.5, 1.0)
    surface = fit_response(points, 3.0 + 2.0 * points[:, 0] + points[:, 2] ** 2)
    assert surface.order == 2
    between = np.array([[0.5, 20.0, 0.0], [0.75, 20.0, 0.0], [1.0, 20.0, 0.0]])
    np.testing.assert_allclose(surface.value(between), [4.0, 4.5, 5.0], rtol=1e-9)
    assert surface.slope(between[2], 0) == pytest.approx(2.0, rel=1e-9)


def test_inflation_is_that_of_the_definition():
    """1 / (1 - R^2) of each parameter on the others, by least squares."""
    points = POINTS @ np.array([[1.0, 0.0, 0.8], [0.0, 1.0, 0.02], [0.0, 0.0, 0.1]])
    expected = []
    for i in range(3):
        others = np.column_stack([np.ones(60), np.delete(points, i, 1)])
        left = points[:, i] - others @ np.linalg.lstsq(others, points[:, i], rcond=None)[0]
        expected.append(np.var(points[:, i]) / np.var(left))
    got = variance_inflation(points)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert got.max() > 2.0 > 1.0 <= got.min()


def test_inflation_of_what_others_fix_is_infinite_and_of_what_stands_still_1():
    points = np.column_stack([POINTS, POINTS[:, 0] - 2.0 * POINTS[:, 1], np.full(60, 5.0)])
    got = variance_inflation(points)
    assert np.isinf(got[[0, 1, 3]]).all()
    np.testing.assert_allclose(got[[2, 4]], [1.0, 1.0], atol=0.2)
    corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    np.testing.assert_allclose(variance_inflation(corners), 1.0, rtol=1e-12)


def test_an_inflated_effect_is_as_uncertain_as_its_factor_says():
    """Spread of the slope over many samples of the same noise: the root of the factor times that
    of a parameter that varies by itself."""
    random = np.random.default_rng(3)
    z = random.normal(size=(40, 2))
    together = np.column_stack([z[:, 0], 0.98 * z[:, 0] + 0.1 * z[:, 1], random.normal(size=40)])
    slopes = np.array([_plane_slopes(together, random.normal(size=40)) for _ in range(300)])
    alone = 1.0 / together.std(axis=0) / np.sqrt(40)  # of unit noise
    expected = alone * np.sqrt(variance_inflation(together))
    np.testing.assert_allclose(slopes.std(axis=0), expected, rtol=0.15)  # 4 % of 300 samples, x 3
    assert expected[0] > 5.0 * alone[0]


def _plane_slopes(points, values):
    columns = np.column_stack([np.ones(len(points)), points])
    return np.linalg.lstsq(columns, values, rcond=None)[0][1:]


def test_what_does_not_vary_has_no_slope():
    points = POINTS.copy()
    points[:, 1] = 7.0
    surface = fit_response(points, 2.0 * points[:, 0])
    assert surface.slope(HELD, 1) == pytest.approx(0.0, abs=1e-9)
    constant = fit_response(POINTS, np.full(60, 3.0))
    assert constant.explained == 1.0 and constant.value(HELD) == pytest.approx(3.0)
