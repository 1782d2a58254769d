"""Walking as a programme: what its rows say of the reference gait, and that its blocks are true."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.interpolate

from biomech.dynamics.inverse_dynamics import body_weight
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.solvers.collocation import radau, trapezoidal
from biomech.studies.mirror import mirror
from biomech.studies.moving_body import missing, moving_body
from biomech.studies.walking_cost import weights
from biomech.studies.walking_programme import (
    FORCE,
    MOMENT,
    Unknowns,
    Walk,
    instants,
    unknowns,
    walking_parameters,
    walking_programme,
)


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.fixture(scope="module")
def gait(planar):
    """Half a stride of the reference gait as a spline, its duration [s] and advance [m]."""
    trial = reference_gait("planar")
    order = [trial.coordinate_names.index(x) for x in planar.skeleton.coordinates.free_names]
    spline = scipy.interpolate.CubicSpline(trial.time, trial.coordinate_values[:, order])
    half = 0.5 * (trial.end - trial.start)
    forward = planar.skeleton.coordinates.free_names.index("pelvis_tx")
    return spline, half, float((spline(half) - spline(0.0))[forward])


def points(planar, gait, rule, intervals):
    """Programme, parameters and the reference gait as unknowns."""
    spline, half, advance = gait
    programme = walking_programme(planar, rule, intervals)
    at = half * instants(rule, intervals)
    muscles = jnp.full((at.size, len(planar.muscles.names)), 0.1)
    motion = [jnp.asarray(spline(at, order)) for order in range(3)]
    u = Unknowns(*motion[:2], muscles, muscles, motion[2], jnp.zeros((at.size, 1)))
    free = len(planar.skeleton.coordinates.free)
    walk = Walk(
        *(planar, jnp.asarray(half), jnp.asarray(advance / half), jnp.zeros(())),
        *(weights(jnp.ones(free)), mirror(planar), jnp.asarray(4.0)),
    )
    return programme, walking_parameters(walk, rule, intervals, np.asarray(motion[0])), u


def test_unknowns_survive_packing(planar, gait):
    _, _, u = points(planar, gait, radau(2), 3)
    for got, put in zip(unknowns(planar, u.packed()), u, strict=True):
        np.testing.assert_allclose(got, put, rtol=1e-15)


@pytest.mark.parametrize("rule", [trapezoidal(), radau(2)])
def test_the_reference_gait_is_periodic_and_follows_the_rule(planar, gait, rule):
    largest = []
    for intervals in (20, 40):
        programme, p, u = points(planar, gait, rule, intervals)
        _, rows = jax.jit(programme.values)(u.packed().ravel(), p)
        rows = programme.layout(p).split_rows(rows)
        np.testing.assert_allclose(rows.boundary, 0.0, atol=1e-6)
        largest.append(float(jnp.abs(rows.interval[:, -1]).max()))
    assert largest[1] < 0.1 and largest[0] / largest[1] > 5.0  # h^3 or better; toes move fast


def test_rows_of_path_are_what_is_missing_over_body_weight(planar, gait):
    programme, p, u = points(planar, gait, trapezoidal(), 8)
    _, rows = jax.jit(programme.values)(u.packed().ravel(), p)
    path = programme.layout(p).split_rows(rows).path
    k = 3
    body = moving_body(
        *(planar, u.value[k], u.speed[k], u.acceleration[k], u.activation[k], u.control[k]),
        friction_sharpness=4.0,
    )
    unit = np.where(np.isin(np.arange(path.shape[1]), [1, 2]), FORCE, MOMENT)
    expected = missing(planar, body) / (body_weight(planar.skeleton) * unit)
    np.testing.assert_allclose(path[k], expected, rtol=1e-9, atol=1e-9)


def test_blocks_are_the_derivatives_of_the_whole(planar, gait):
    """So what is said to enter apart does, also of muscles."""
    programme, p, u = points(planar, gait, radau(1), 1)
    rng = np.random.default_rng(0)
    x = u.packed().ravel()
    x = x + jnp.asarray(rng.uniform(0.0, 0.02, x.size))
    y, direction = (
        jnp.asarray(rng.normal(size=size)) for size in (programme.layout(p).all_rows, x.size)
    )

    @jax.jit
    def both(x, y, direction):
        local = programme.local(x, y, p)
        slope = lambda x: programme.slopes(x, y, p)
        (_, rows), (bend, along) = jax.jvp(slope, (x,), (direction,))
        blocks = local.weighed(jnp.zeros_like(x), direction), local.rows_along(direction)
        return blocks, (bend, along), (local.residual, rows)

    (weighed, rows_along), (bend, along), (residual, rows) = both(x, y, direction)
    np.testing.assert_allclose(residual, rows, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rows_along, along, rtol=1e-9, atol=1e-9 * np.abs(along).max())
    np.testing.assert_allclose(weighed, bend, rtol=1e-8, atol=1e-9 * np.abs(bend).max())
