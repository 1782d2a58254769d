"""Optimal control problems whose answers are known, as programmes along stages."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize

from biomech.compilation import _known_options
from biomech.model.build import build_model
from biomech.muscles.activation import activation_rate
from biomech.muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)
from biomech.solvers.collocation import radau, trapezoidal
from biomech.solvers.interior_point import (
    RESULTS,
    Options,
    WarmStart,
    minimise,
)
from biomech.solvers.staged_programme import StagedParameters, StagedProgramme
from small_models import leg_description

RULES = {
    "trapezoidal": trapezoidal(),
    "radau1": radau(1),
    "radau2": radau(2),
    "radau3": radau(3),
}


def plain(rule, intervals, size, controls=1, common=0, **functions):
    """A programme of z = (controls, states) that is all linear but for w, and without path."""
    return StagedProgramme(
        path=lambda y, z, w, shared, here: jnp.zeros(()),
        state=lambda z, w, shared, here: z[controls:],
        rule=RULES[rule],
        intervals=intervals,
        size=size,
        common=common,
        rows=0,
        pattern=np.eye(size, dtype=bool),
        basic=tuple(range(controls, size)),
        **functions,
    )


def solved(programme, p, x, bounds=None, options=Options()):  # noqa: B008
    """The minimum from `x`, within (lower, upper) if there are `bounds`."""
    low, high = bounds or (jnp.full_like(x, -jnp.inf), jnp.full_like(x, jnp.inf))
    begin = WarmStart(x, jnp.zeros(programme.layout(p).all_rows), jnp.asarray(1e-2))
    return minimise(programme, p, begin, low, high, options)


def instants(rule, intervals):
    """When the points are, in one unit of time."""
    inside = np.add.outer(np.arange(intervals), RULES[rule].points).ravel()
    return np.concatenate([[0.0], inside]) / intervals


def shares(rule, intervals):
    """Weights of all points in an integral over one unit of time."""
    rule = RULES[rule]
    inside = np.tile(rule.quadrature, (intervals, 1))
    inside[:-1, -1] += rule.start_quadrature
    return jnp.asarray(np.concatenate([[rule.start_quadrature], inside.ravel()]) / intervals)


def somewhere(share):
    """`share`, but something where a rule has no use for a control, which has to be somewhere."""
    return jnp.where(share > 0.0, share, 1e-3)


@functools.cache
def compiled(problem, *structure, slopes=False):
    """`problem(*structure, given)`, which gives a value and the solution it is from.

    With `slopes` of the value too, forward and reverse. Quick to compile rather than to run.
    """

    def sloping(given):
        value, along, found = jax.linearize(at, given, has_aux=True)
        forward = jax.vmap(along, out_axes=-1)(jnp.eye(given.size))
        back = jax.linear_transpose(along, given)
        (reverse,) = jax.vmap(back)(jnp.eye(value.size).reshape(value.size, *value.shape))
        return value, found, (forward, reverse.reshape(forward.shape))

    at = functools.partial(problem, *structure)
    known = _known_options().get("compiler_options", {})
    options = {"xla_backend_optimization_level": 0, **known}
    return jax.jit(sloping if slopes else at, compiler_options=options)


def check_slopes(slopes, expected, **tolerance):
    """Forward and reverse."""
    for mode in slopes:
        np.testing.assert_allclose(mode, expected, **tolerance)


# ----------------------------------------------------------------------- least effort (Kirk)


def kirk(rule, intervals, end):
    """Kirk (1970), *Optimal Control Theory*, example 5.1-1: least effort to (x, v) = `end` at 2 s.

    x' = v, v' = -v + u, from rest at 0; cost 1/2 integral of u^2.
    """
    programme = plain(
        *(rule, intervals, 3),
        cost=lambda z, w, end, share: somewhere(share) * z[0] ** 2,
        rate=lambda z, w, end, share: 2.0 / intervals * jnp.stack([z[2], z[0] - z[2]]),
        boundary=lambda first, last, w, end: jnp.concatenate([first[1:], last[1:] - end]),
    )
    p = StagedParameters(end, shares(rule, intervals))
    found = solved(programme, p, jnp.zeros(3 * programme.points))
    return programme.values(found.x, p)[0], found


def kirk_exactly(end):
    """Least cost and its slope to `end`, by the matrix exponential of states and costates."""
    matrix = np.array([[0, 1, 0, 0], [0, -1, 0, -1], [0, 0, 0, 0], [0, 0, -1, 1]], float)
    flow = scipy.linalg.expm(2.0 * matrix)
    costate = np.linalg.solve(flow[:2, 2:], end)  # at the start
    at_end = flow[2:, 2:] @ costate
    return -0.5 * at_end @ end, -at_end  # quadratic in `end`


def test_least_effort_of_kirk_converges_with_the_order_of_the_rule():
    end = jnp.array([5.0, 2.0])
    exact, _ = kirk_exactly(np.asarray(end))
    errors = []
    for intervals in (8, 16):
        cost, found = compiled(kirk, "radau3", intervals)(end)
        assert found.result == RESULTS.successful and found.iterations <= 2
        errors.append(float(cost) - exact)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(5, abs=0.4)


def test_the_slope_of_the_minimum_is_its_multiplier():
    end = jnp.array([5.0, 2.0])
    _, found, slopes = compiled(kirk, "radau3", 8, slopes=True)(end)
    check_slopes(slopes, found.multipliers[-2:], rtol=1e-9)
    check_slopes(slopes, kirk_exactly(np.asarray(end))[1], rtol=1e-6)


# -------------------------------------------------------------------- least time (steering)

ACCELERATION = 100.0


def steering(intervals, acceleration):
    """Linear tangent steering: least time to y = 5, x' = 45, y' = 0 from rest.

    Betts (2010), *Practical Methods for Optimal Control and Estimation Using Nonlinear
    Programming*, 2nd ed., example 4.1. States x, y, x', y'; control the angle of the thrust.
    """

    def rate(z, w, acceleration, share):
        thrust = acceleration * jnp.stack([jnp.cos(z[0]), jnp.sin(z[0])])
        return w[0] / intervals * jnp.concatenate([z[3:], thrust])

    programme = plain(
        *("radau2", intervals, 5),
        common=1,
        cost=lambda z, w, shared, share: share * w[0] + jnp.where(share > 0, 0.0, 1e-3) * z[0] ** 2,
        rate=rate,
        boundary=lambda first, last, w, shared: jnp.concatenate(
            [first[1:], last[2:] - jnp.array([5.0, 45.0, 0.0])]
        ),
    )
    p = StagedParameters(acceleration, shares("radau2", intervals))
    s = jnp.asarray(instants("radau2", intervals))
    z = jnp.stack([1.0 - 2.0 * s, 12.0 * s, 5.0 * s, 45.0 * s, 0.0 * s], axis=1)
    x = jnp.concatenate([z.ravel(), jnp.array([0.6])])
    low = jnp.full_like(x, -jnp.inf).at[-1].set(0.1)
    found = solved(programme, p, x, (low, jnp.full_like(x, jnp.inf)), Options(1e-9))
    return found.x[-1], found


def steering_exactly():
    """Duration, by the closed form tan(angle) = tan(first) (1 - 2 t / T) and quadrature."""
    s, weight = np.polynomial.legendre.leggauss(60)
    s, weight = 0.5 * (s + 1.0), 0.5 * weight

    def duration_and_miss(first):
        angle = np.arctan(np.tan(first) * (1.0 - 2.0 * s))
        duration = 45.0 / (ACCELERATION * np.sum(weight * np.cos(angle)))
        height = ACCELERATION * np.sum(weight * (1.0 - s) * np.sin(angle)) * duration**2
        return duration, height - 5.0

    first = scipy.optimize.brentq(lambda angle: duration_and_miss(angle)[1], 0.1, 1.4, xtol=1e-14)
    return duration_and_miss(first)[0]


def test_linear_tangent_steering_in_least_time():
    exact = steering_exactly()
    assert exact == pytest.approx(0.554570879, abs=1e-8)  # as Betts gives it
    errors = []
    for intervals in (10, 20):
        duration, found = compiled(steering, intervals)(ACCELERATION)
        assert found.result == RESULTS.successful
        errors.append(float(duration) - exact)
    assert abs(errors[1]) < 1e-8
    assert np.log2(errors[0] / errors[1]) > 2.7  # 2 * 2 - 1, and more for a functional such as T


# ------------------------------------------------------------------ least time (sliding mass)

SLIDING = jnp.array([2.0, 10.0, 1.0])
"""Mass [kg], largest force [N], distance [m]."""


def sliding(intervals, given):
    """A mass pushed from rest to rest over a distance in least time; radau2.

    z = (force / its largest in [-1, 1], place, speed); w the duration.
    """

    def rate(z, w, given, share):
        mass, force, _ = given
        return w[0] / intervals * jnp.stack([z[2], force / mass * z[0]])

    programme = plain(
        *("radau2", intervals, 3),
        common=1,
        cost=lambda z, w, given, share: share * w[0] + jnp.where(share > 0, 0.0, 1e-3) * z[0] ** 2,
        rate=rate,
        boundary=lambda first, last, w, given: jnp.concatenate(
            [first[1:], last[1:] - jnp.stack([given[2], jnp.zeros(())])]
        ),
    )
    p = StagedParameters(given, shares("radau2", intervals))
    s = jnp.asarray(instants("radau2", intervals))
    z = jnp.stack([0.5 - s, s, jnp.minimum(s, 1.0 - s)], axis=1)
    x = jnp.concatenate([z.ravel(), jnp.ones(1)])
    bound = jnp.full((programme.points, 3), jnp.inf).at[:, 0].set(1.0).ravel()
    low, high = jnp.append(-bound, 0.1), jnp.append(bound, jnp.inf)
    found = solved(programme, p, x, (low, high))
    return found.x[-1], found


def sliding_exactly(given):
    """T = 2 sqrt(distance mass / force)."""
    mass, force, distance = given
    return 2.0 * jnp.sqrt(distance * mass / force)


def test_a_mass_slides_full_ahead_then_full_astern():
    """The switch is on a node: the rule integrates both halves exactly."""
    intervals, exact = 6, sliding_exactly(SLIDING)
    duration, found, slopes = compiled(sliding, intervals, slopes=True)(SLIDING)
    assert found.result == RESULTS.successful
    np.testing.assert_allclose(duration, exact, rtol=1e-8)
    check_slopes(slopes, jax.grad(sliding_exactly)(SLIDING), rtol=1e-6)
    push, place, speed = found.x[:-1].reshape(-1, 3).T
    t = exact * instants("radau2", intervals)
    ahead, left = t <= 0.5 * exact + 1e-12, exact - t
    np.testing.assert_allclose(push[1:], np.where(ahead, 1.0, -1.0)[1:], atol=1e-6)
    mass, force, distance = SLIDING
    np.testing.assert_allclose(speed, force / mass * np.where(ahead, t, left), atol=1e-6)
    from_start, to_end = (0.5 * force / mass * time**2 for time in (t, left))
    np.testing.assert_allclose(place, np.where(ahead, from_start, distance - to_end), atol=1e-6)


def test_a_switch_within_an_interval_costs_what_theory_says():
    """The middle interval has force weights 3/4 and 1/4 at 1/3 and 1, which cannot switch halfway.

    The force that ends as fast as it began is 1/3 and -1 there: it gains h^2 / 6, not h^2 / 4.
    """
    intervals = 5
    longer = (1.0 - 1.0 / (3.0 * intervals**2)) ** -0.5
    duration, found, slopes = compiled(sliding, intervals, slopes=True)(SLIDING)
    assert found.result == RESULTS.successful
    np.testing.assert_allclose(duration, longer * sliding_exactly(SLIDING), rtol=1e-8)
    check_slopes(slopes, longer * jax.grad(sliding_exactly)(SLIDING), rtol=1e-6)
    push = found.x[:-1].reshape(-1, 3)[1:, 0].reshape(intervals, 2)
    np.testing.assert_allclose(push[intervals // 2], [1.0 / 3.0, -1.0], atol=1e-5)


# ------------------------------------------------------------------- a mass hung on a muscle

MASS, GRAVITY = 0.5, 9.81  # [kg], [m/s^2]
LOW, HIGH, RAISED_IN = 0.15, 0.145, 0.15  # lengths of the muscle and tendon [m], [s]
BEGIN = 0.5  # activation [-]
STRENGTH = jnp.array([10.0])  # [N]


def muscle(strength):
    """As in Moco's example of a hanging muscle, but pennate."""
    return dataclasses.replace(
        build_model(leg_description()).muscles,
        max_isometric_force=strength,
        optimal_fiber_length=jnp.array([0.1]),
        tendon_slack_length=jnp.array([0.05]),
        pennation_angle=jnp.array([0.3]),
        max_contraction_velocity=jnp.array([10.0]),
    )


def tension(muscle, length, speed, activation):
    """Along the tendon [N]."""
    state = rigid_tendon_state(muscle, length[None], speed[None])
    active = activation * active_force_at_full_activation(muscle, state)
    return (active + passive_force(muscle, state))[0]


def hanging(rule, intervals, hold, strength):
    """A mass raised from rest to rest by a muscle, which begins half active.

    z = (excitation, acceleration, length, speed, activation), down positive; the path is Newton's
    law. Least is the mean of excitation^2 + activation^2; or, to `hold` it where it is, of how far
    it moves, and the answers are all activations.
    """

    def cost(z, w, muscle, share):
        e, _, length, _, a = z
        if hold:
            return share * ((length - LOW) / 0.01) ** 2 + somewhere(share) * (e - a) ** 2
        return share * a**2 + somewhere(share) * e**2

    def rate(z, w, muscle, share):
        return RAISED_IN / intervals * jnp.stack([z[3], z[1], activation_rate(z[:1], z[4:])[0]])

    def boundary(first, last, w, muscle):
        ends = [first[2] - LOW, first[3], last[2] - (LOW if hold else HIGH), last[3]]
        return jnp.stack(ends if hold else [*ends, first[4] - BEGIN])

    pattern = np.eye(5, dtype=bool)
    pattern[2:, 2:] = pattern[[0, 4], [4, 0]] = True
    programme = StagedProgramme(
        cost=cost,
        path=lambda y, z, w, muscle, share: (
            y[0] * (1.0 - z[1] / GRAVITY - tension(muscle, *z[2:]) / (MASS * GRAVITY))
        ),
        state=lambda z, w, muscle, share: z[2:],
        rate=rate,
        boundary=boundary,
        rule=RULES[rule],
        intervals=intervals,
        size=5,
        common=0,
        rows=1,
        pattern=pattern,
        basic=(1, 2, 3, 4),
    )
    p = StagedParameters(muscle(strength), shares(rule, intervals))
    start = jnp.tile(jnp.array([0.5, 0.0, LOW, 0.0, 0.5]), programme.points)
    found = solved(programme, p, start)
    if hold:
        return programme.split(found.x)[0][:, 4], found
    return programme.values(found.x, p)[0], found


def raised_exactly(costates):
    """Least mean effort, by shooting to Pontryagin's conditions; guess: `costates` at the start."""
    pulling = muscle(STRENGTH)

    def excitation(a, costate):
        slope = jax.grad(
            lambda e: e**2 / RAISED_IN + costate * activation_rate(e[None], a[None])[0]
        )
        bend = jax.grad(slope)
        return jax.lax.fori_loop(0, 8, lambda _, e: e - slope(e) / bend(e), a)

    def hamiltonian(x, costate, e):
        pull = tension(pulling, *x)
        change = jnp.stack([x[1], GRAVITY - pull / MASS, activation_rate(e[None], x[2:])[0]])
        effort = (e**2 + x[2] ** 2) / RAISED_IN
        return effort + costate @ change, (change, effort)

    @jax.jit
    def flow(_, both):
        x, costate = both[:3], both[3:6]
        e = excitation(x[2], costate[2])
        slope, (change, effort) = jax.grad(hamiltonian, has_aux=True)(x, costate, e)
        return jnp.concatenate([change, -slope, effort[None]])

    def end(costates):
        start = [LOW, 0.0, BEGIN, *costates, 0.0]
        found = scipy.integrate.solve_ivp(
            flow, (0.0, RAISED_IN), start, method="DOP853", rtol=1e-10, atol=1e-12
        )
        return found.y[:, -1]

    miss = lambda costates: (end(costates) - [HIGH, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])[[0, 1, 5]]
    found = scipy.optimize.root(miss, costates, tol=1e-10)
    assert np.abs(found.fun).max() < 1e-7
    return end(found.x)[6]


@pytest.fixture(scope="module")
def raised():
    _, found = compiled(hanging, "radau3", 20, False)(STRENGTH)
    return raised_exactly(np.asarray(found.multipliers)[[-5, -4, -1]])


@pytest.mark.parametrize("rule, order", [("radau1", 1), ("trapezoidal", 2), ("radau2", 3)])
def test_a_muscle_raises_a_mass_with_the_order_of_the_rule(raised, rule, order):
    errors = []
    for intervals in (20, 40):
        cost, found = compiled(hanging, rule, intervals, False)(STRENGTH)
        assert found.result == RESULTS.successful
        errors.append(float(cost) - raised)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_a_muscle_holds_a_mass_with_the_activation_of_statics():
    """(weight - passive) / (strength f_L cos(pennation)), and its slope to strength."""
    pulling, none = muscle(STRENGTH), jnp.zeros(1)
    state = rigid_tendon_state(pulling, jnp.array([LOW]), none)
    active, passive = active_force_at_full_activation(pulling, state), passive_force(pulling, state)
    needed = (MASS * GRAVITY - passive) / active
    slope = -MASS * GRAVITY / active / STRENGTH
    activation, found, slopes = compiled(hanging, "radau2", 4, True, slopes=True)(STRENGTH)
    assert found.result == RESULTS.successful
    np.testing.assert_allclose(activation, np.full(activation.shape, needed), rtol=1e-8)
    check_slopes(slopes, np.full((*activation.shape, 1), slope), rtol=1e-6)


# ------------------------------------------------------------- a parameter (mass on two springs)

SPRINGS = jnp.array([2.0, 1.5, 30.0])
"""Mass [kg], period [s], stiffness of the known spring [N/m]."""
AMPLITUDE = 0.1  # [m]


def springs(intervals, given):
    """The second spring's stiffness w with which a mass crosses in half a period; radau3.

    z = (place, speed). From rest on one side: at rest again.
    """

    def rate(z, w, given, here):
        mass, period, first = given
        return 0.5 * period / intervals * jnp.stack([z[1], -(first + w[0]) / mass * z[0]])

    programme = plain(
        *("radau3", intervals, 2),
        controls=0,
        common=1,
        cost=lambda z, w, given, here: jnp.zeros(()),
        rate=rate,
        boundary=lambda first, last, w, given: jnp.stack([first[0] + AMPLITUDE, first[1], last[1]]),
    )
    s = np.pi * instants("radau3", intervals)
    z = np.stack([-AMPLITUDE * np.cos(s), AMPLITUDE * np.sin(s)], axis=1)
    x = jnp.append(jnp.asarray(z.ravel()), given[2])
    found = solved(programme, StagedParameters(given, jnp.zeros(programme.points)), x)
    return found.x[-1], found


def springs_exactly(given):
    """k1 + k2 = mass (2 pi / period)^2."""
    mass, period, first = given
    return mass * (2.0 * jnp.pi / period) ** 2 - first


def turned(angle):
    """By how much radau3 turns a mass in a step that should turn it by `angle`."""
    z = 1j * angle
    return np.angle((1.0 + 0.4 * z + z**2 / 20.0) / (1.0 - 0.6 * z + 0.15 * z**2 - z**3 / 60.0))


def test_two_springs_have_the_stiffness_of_their_period():
    """Exactly so for the angle that the rule takes for pi / 12 in each of 12 steps."""
    intervals, each = 12, np.pi / 12
    angle = scipy.optimize.brentq(lambda a: turned(a) - each, 0.9 * each, 1.1 * each, xtol=1e-15)
    stiffness, found, slopes = compiled(springs, intervals, slopes=True)(SPRINGS)
    assert found.result == RESULTS.successful
    first = SPRINGS[2]
    total = (angle / each) ** 2 * (springs_exactly(SPRINGS) + first)
    np.testing.assert_allclose(stiffness, total - first, rtol=1e-11)
    np.testing.assert_allclose(stiffness, springs_exactly(SPRINGS), rtol=1e-6)
    check_slopes(slopes, jax.grad(springs_exactly)(SPRINGS), rtol=1e-6)
    np.testing.assert_allclose(found.x[-3], AMPLITUDE, rtol=1e-5)


# -------------------------------------------------------------------------------- a pinned end

PINNED = jnp.array([0.3, 0.8])
"""Where it begins and ends."""


def pinned(given):
    """x' = u in two steps of implicit Euler, with least sum of u^2 less 3 x^2 at the end: a minimum
    only for an end that is given."""
    programme = plain(
        *("radau1", 2, 2),
        cost=lambda z, w, given, end: z[0] ** 2 - 3.0 * end * z[1] ** 2,
        rate=lambda z, w, given, end: z[:1],
        boundary=lambda first, last, w, given: jnp.stack([first[1], last[1]]) - given,
    )
    p = StagedParameters(given, jnp.array([0.0, 0.0, 1.0]))
    found = solved(programme, p, jnp.zeros(6))
    local = programme.local(*jax.lax.stop_gradient((found.x, found.multipliers, p)))
    shift = local.factorise(jnp.zeros(6), jnp.zeros(())).shift
    return jnp.concatenate([found.x, found.multipliers[-2:], shift[None]]), found


def pinned_exactly(given):
    """(u, x) of the three points, the slope of the least cost to both ends, and no shift."""
    first, last = given
    u = 0.5 * (last - first)
    return jnp.stack([0.0, first, u, first + u, u, last, -2.0 * u, 2.0 * u - 6.0 * last, 0.0])


def test_a_minimum_for_its_pinned_end_only():
    value, found, slopes = compiled(pinned, slopes=True)(PINNED)
    assert found.result == RESULTS.successful and found.iterations <= 2
    np.testing.assert_allclose(value, pinned_exactly(PINNED), atol=1e-9)
    check_slopes(slopes, jax.jacobian(pinned_exactly)(PINNED), atol=1e-9)
