"""What a path looks like is as long as the path, and lies on what it wraps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import pose
from biomech.muscles.path_course import path_courses
from biomech.muscles.paths import path_geometry
from wrapped_leg import ALL

FINE = np.deg2rad(0.1)
NAMES = ALL.muscles.names
# Wrapped once, twice on one stretch, and with the conditional points absent and present.
VALUES = [[0.1, 0.4], [0.1, -0.3], [0.2, -0.8], [0.1, -1.2], [-0.2, -1.6]]


@jax.jit
def geometry(value):
    now = pose(ALL.skeleton, value)
    return now, path_geometry(ALL.muscles.paths, now, value)


def courses(value, turn=FINE):
    now, paths = geometry(jnp.array(value))
    return path_courses(ALL.muscles.paths, now, paths.points, turn), now, paths


def long(course):
    return np.linalg.norm(np.diff(course, axis=0), axis=1).sum()


@pytest.mark.parametrize("value", VALUES)
def test_a_course_is_as_long_as_its_path(value):
    """But for chords: an arc of radius 0.03 m loses less than its length x turn^2 / 24."""
    found, _, paths = courses(value)
    for name, course, length in zip(NAMES, found, np.asarray(paths.length), strict=True):
        missing = float(length) - long(course)
        assert -1e-12 < missing < 0.1 * FINE**2 / 24.0 + 1e-12, name


@pytest.mark.parametrize("value", VALUES)
def test_a_course_goes_through_every_point_in_use(value):
    found, _, paths = courses(value)
    for course, points in zip(found, np.asarray(paths.points), strict=True):
        used = points[np.isfinite(points[:, 0])]
        at = [int(np.argmin(np.linalg.norm(course - point, axis=1))) for point in used]
        np.testing.assert_array_equal(course[at], used)
        assert at == sorted(at) and at[0] == 0 and at[-1] == len(course) - 1


def test_an_arc_lies_on_its_cylinder():
    found, now, paths = courses([0.1, -1.2])
    cylinders, which = ALL.muscles.paths.cylinders, NAMES.index("wrapped")
    center = now.position[0] + now.rotation[0] @ cylinders.position[0]
    course = found[which]
    assert len(course) > 100 and np.isfinite(paths.points[which]).all(axis=-1).sum() == 2
    x, y, _ = cylinders.orientation[0]
    own = np.array([np.sin(y), -np.sin(x) * np.cos(y), np.cos(x) * np.cos(y)])  # its z axis
    away = course[1:-1] - np.asarray(center)
    along = np.asarray(now.rotation[0]) @ own
    distance = np.linalg.norm(away - np.outer(away @ along, along), axis=1)
    np.testing.assert_allclose(distance, 0.03, rtol=1e-12)


def test_turn_bounds_the_angle_between_neighbours():
    """A coarser line has fewer points, between the same tangent points."""
    which = NAMES.index("wrapped")
    fine, coarse = (courses([0.1, -1.2], np.deg2rad(deg))[0][which] for deg in (1.0, 10.0))
    assert len(coarse) < len(fine) / 4
    np.testing.assert_allclose(coarse[[1, -2]], fine[[1, -2]], rtol=1e-12)
    step = np.diff(coarse[1:-1], axis=0)
    step = step / np.linalg.norm(step, axis=1, keepdims=True)
    turn = np.arccos(np.clip(np.sum(step[1:] * step[:-1], axis=1), -1.0, 1.0))
    assert 0.0 < np.rad2deg(turn.max()) <= 10.0
