import numpy as np
import pytest

from biomech.analysis.response_surface import fit_response
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


def test_what_does_not_vary_has_no_slope():
    points = POINTS.copy()
    points[:, 1] = 7.0
    surface = fit_response(points, 2.0 * points[:, 0])
    assert surface.slope(HELD, 1) == pytest.approx(0.0, abs=1e-9)
    constant = fit_response(POINTS, np.full(60, 3.0))
    assert constant.explained == 1.0 and constant.value(HELD) == pytest.approx(3.0)
