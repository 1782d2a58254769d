"""A string over cylinders: closed forms, OpenSim's rules, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.muscles import wrapping
from biomech.muscles.wrapping import Cylinder, straight_length, wrap_rank

arc, decide, pair_arcs, decide_pair = (
    jax.jit(getattr(wrapping, name)) for name in ("arc", "decide", "pair_arcs", "decide_pair")
)

ONE, MINUS = jnp.array(1.0), jnp.array(-1.0)


def cylinder(center=(0.0, 0.0, 0.0), radius=0.1, length=1.0, half=(0, 0.0)):
    return Cylinder(
        jnp.asarray(center, float),
        jnp.eye(3),
        jnp.array(radius),
        jnp.array(length),
        jnp.array(half[0]),
        jnp.array(half[1]),
    )


def test_symmetric_string_in_closed_form():
    """Points at distance d on both sides, a little below: two tangents and an arc over the top."""
    d, drop, rise, r = 0.3, 0.02, 0.08, 0.1
    p, q = jnp.array([-d, -drop, 0.0]), jnp.array([d, -drop, rise])
    far = np.hypot(d, drop)
    tangent = np.sqrt(far**2 - r**2)
    turn = np.pi + 2.0 * np.arctan2(drop, d) - 2.0 * np.arccos(r / far)
    flat = 2.0 * tangent + r * turn
    path = arc(p, q, cylinder(), MINUS)  # from -x over +y to +x is clockwise about z
    np.testing.assert_allclose(path.length, np.hypot(flat, rise), rtol=1e-14)
    np.testing.assert_allclose(path.first[2], rise * tangent / flat, rtol=1e-13)
    np.testing.assert_allclose(path.first[0], -path.second[0], atol=1e-15)
    np.testing.assert_allclose(jnp.linalg.norm(path.first[:2]), r, rtol=1e-14)


def test_the_long_way_is_the_rest_of_the_circle():
    """Points level with the axis: over and under together go once round."""
    p, q = jnp.array([-0.3, 0.0, 0.0]), jnp.array([0.3, 0.0, 0.0])
    over, under = arc(p, q, cylinder(), MINUS), arc(p, q, cylinder(), ONE)
    np.testing.assert_allclose(over.length, under.length, rtol=1e-14)
    p = p.at[1].set(-0.05)
    q = q.at[1].set(-0.05)
    short, long = arc(p, q, cylinder(), ONE), arc(p, q, cylinder(), MINUS)
    assert long.length > short.length


def test_belt_over_two_pulleys_in_closed_form():
    """Equal pulleys, a level run between them, symmetric ends."""
    r, apart, d, drop = 0.1, 0.5, 0.3, 0.05
    near, far = cylinder((0.0, 0.0, 0.0)), cylinder((apart, 0.0, 0.0))
    p, q = jnp.array([-d, -drop, 0.0]), jnp.array([apart + d, -drop, 0.0])
    away = np.hypot(d, drop)
    tangent = np.sqrt(away**2 - r**2)
    # from the tangent point to the top of the pulley
    turn = np.pi / 2.0 + np.arctan2(drop, d) - np.arccos(r / away)
    expected = 2.0 * (tangent + r * turn) + apart
    guess = jnp.array([apart - 0.02, 0.09, 0.01])
    over_near, over_far = pair_arcs(p, q, near, far, jnp.array([-1.0, -1.0]), guess)
    shared = jnp.linalg.norm(over_far.first - over_near.second)
    np.testing.assert_allclose(over_near.length + over_far.length - shared, expected, rtol=1e-13)
    np.testing.assert_allclose(over_far.first, [apart, r, 0.0], atol=1e-13)


def pair_length(p, q, near, far, guess):
    over_near, over_far = pair_arcs(p, q, near, far, jnp.array([-1.0, -1.0]), guess)
    between = over_far.first - over_near.second
    return over_near.length + over_far.length - jnp.sqrt(jnp.sum(between**2))


def test_derivatives_through_two_cylinders_to_second_order():
    near, far = cylinder((0.0, 0.0, 0.0)), cylinder((0.5, 0.05, 0.0), radius=0.08)
    q = jnp.array([0.85, -0.1, 0.06])
    guess = jnp.array([0.5, 0.13, 0.02])
    length = jax.jit(lambda p: pair_length(jnp.asarray(p), q, near, far, guess))
    check_grads(length, (jnp.array([-0.3, -0.1, 0.03]),), order=2, modes=("fwd", "rev"))


def test_a_string_pulls_along_itself():
    """d(length)/d(end point) is the unit vector of the straight piece that ends there."""
    p, q = jnp.array([-0.3, -0.02, 0.05]), jnp.array([0.25, -0.1, -0.07])
    slope = jax.grad(lambda p: arc(p, q, cylinder(), MINUS).length)(p)
    straight = p - arc(p, q, cylinder(), MINUS).first
    np.testing.assert_allclose(slope, straight / jnp.linalg.norm(straight), atol=1e-14)


@pytest.mark.parametrize(
    "p, q, half, wraps, sense",
    [
        ((-0.3, 0.05), (0.3, 0.05), (0, 0.0), True, -1.0),  # cuts: the short way, over the top
        ((-0.3, -0.05), (0.3, -0.05), (0, 0.0), True, 1.0),  # cuts: the short way, below
        ((-0.3, 0.15), (0.3, 0.15), (0, 0.0), False, None),  # misses
        ((-0.05, 0.0), (0.3, 0.0), (0, 0.0), False, None),  # starts inside
        ((-0.3, 0.05), (0.3, 0.05), (1, 1.0), True, -1.0),  # kept to +y: cuts, over
        ((-0.3, 0.05), (0.3, 0.05), (1, -1.0), True, 1.0),  # kept to -y: the long way, below
        ((-0.3, 0.15), (0.3, 0.15), (1, -1.0), True, 1.0),  # misses above, but must pass below
        ((-0.3, -0.15), (0.3, -0.15), (1, -1.0), False, None),  # already passes below
    ],
)
def test_rules_for_wrapping(p, q, half, wraps, sense):
    decision = decide(jnp.array([*p, 0.0]), jnp.array([*q, 0.0]), cylinder(half=half))
    assert bool(decision.wraps) is wraps
    if wraps:
        assert float(decision.sense) == sense


def test_no_wrap_beyond_the_ends_of_the_cylinder():
    p, q = jnp.array([-0.3, 0.0, 0.6]), jnp.array([0.3, 0.0, 0.6])
    assert not bool(decide(p, q, cylinder(length=1.0)).wraps)
    assert bool(decide(p, q, cylinder(length=1.3)).wraps)


def test_the_first_stretch_that_is_cut_wraps():
    start = jnp.array([[-0.5, 0.3, 0.0], [-0.3, 0.0, 0.0], [0.3, 0.0, 0.0]])
    end = jnp.array([[-0.3, 0.0, 0.0], [0.3, 0.0, 0.0], [0.5, 0.3, 0.0]])
    decision = jax.vmap(decide, in_axes=(0, 0, None))(start, end, cylinder())
    straight = straight_length(start, end)
    rank = wrap_rank(decision, straight, np.arange(3), np.ones(3, bool))
    assert int(jnp.argmin(rank)) == 1 and bool(jnp.isfinite(rank[1]))
    rank = wrap_rank(decision, straight, np.arange(3), np.array([True, False, True]))
    assert not bool(jnp.any(jnp.isfinite(rank)))


def test_a_string_that_grazes_does_not_go_round():
    """Both tangents touch in one point: the turn is 0 to rounding, never a whole turn."""
    r, d = 0.1, 0.3
    height = np.linspace(-0.05, 0.05, 41)
    down = np.arcsin(r / d)
    p = jnp.array([-d, 0.0, 0.0])
    lengths = []
    for h in height:  # beyond the tangent point along the upper tangent of p
        along = np.sqrt(d**2 - r**2) + 0.2 + h
        q = p + along * jnp.array([np.cos(down), np.sin(down), 0.0])
        lengths.append(float(arc(p, q, cylinder(), MINUS).length) - along)
    np.testing.assert_allclose(lengths, 0.0, atol=1e-9)


def test_two_cylinders_find_each_other():
    near, far = cylinder((0.0, 0.0, 0.0)), cylinder((0.5, 0.0, 0.0))
    start, end = jnp.array([[-0.3, 0.02, 0.0]]), jnp.array([[0.8, 0.02, 0.0]])
    pair = jax.tree.map(lambda a, b: jnp.stack([a, b]), far, near)
    state = decide_pair(start, end, jnp.ones((2, 1), bool), pair)
    assert bool(jnp.all(state.wraps))
    assert bool(state.before[1])  # listed second, met first
