"""A taut string over cylinders.

Over one cylinder the shortest path has a closed form. Seen along the axis it is a tangent, an arc
and a tangent, of total length S = l1 + r theta + l2; unrolled, it is straight, so its length is
sqrt(S^2 + dz^2) and the two tangent points lie at fractions l1/S and (l1 + r theta)/S of the
axial distance dz. Over two cylinders in one stretch, each one's path ends at the other's tangent
point; the pair is solved by alternation, then Newton.

*Whether* a stretch wraps follows OpenSim's rules (`WrapCylinder`, method hybrid; the rules, not
the code): a point inside the radius never wraps; "all" wraps where the straight line cuts the
cylinder, the short way round; a half ("-y", ...) is kept to, the long way if need be; no wrap
when both tangent points lie beyond the cylinder's ends. These decisions are piecewise constant
and are never differentiated through; the geometry given the decision is.

Departure from OpenSim: tangent points are exact here. OpenSim slides them until the angle matches
to 0.1 degree, which leaves up to 3 mm in some moment arms, and with two cylinders on one path its
length misses 2-7 mm.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..dynamics.spatial import rotate, rotate_back

_ROUNDS = 8  # alternations between two cylinders on one path, as many as OpenSim allows
_NEWTON_STEPS = 4


class Cylinder(eqx.Module):
    """Cylinders in ground: `center` [m], `rotation` (z the axis), `radius`, `length` [m].

    `axis` (0 x, 1 y) and `sign` (0 for "all") name the half that the path keeps to.
    """

    center: Float[Array, "*n 3"]
    rotation: Float[Array, "*n 3 3"]
    radius: Float[Array, "*n"]
    length: Float[Array, "*n"]
    axis: Int[Array, "*n"]
    sign: Float[Array, "*n"]


class Arc(eqx.Module):
    """Path p - `first` - around - `second` - q: tangent points in ground [m] and its length [m]."""

    first: Float[Array, "*n 3"]
    second: Float[Array, "*n 3"]
    length: Float[Array, "*n"]


class Decision(eqx.Module):
    """Whether a stretch wraps, which way round, and whether the rules let it choose.

    - `mandatory`: the straight line cuts the cylinder.
    - `sense`: +1 counter-clockwise about the cylinder's z from first to second point, -1 clockwise.
    - `path`: the wrapped path, also where it is not taken.
    """

    wraps: Bool[Array, "*n"]
    mandatory: Bool[Array, "*n"]
    sense: Float[Array, "*n"]
    path: Arc


def arc(
    p: Float[Array, "3"], q: Float[Array, "3"], cylinder: Cylinder, sense: Float[Array, ""]
) -> Arc:
    """Shortest path from `p` to `q` [m, ground] around `cylinder` in the given sense.

    Finite (but meaningless) with zero-gradient guards where a point is inside the radius.
    """
    a = rotate_back(cylinder.rotation, p - cylinder.center)
    b = rotate_back(cylinder.rotation, q - cylinder.center)
    radius = cylinder.radius
    tangent_a, tangent_b = _tangent_length(a, radius), _tangent_length(b, radius)
    half_a, half_b = jnp.arctan2(tangent_a, radius), jnp.arctan2(tangent_b, radius)
    angle_a, angle_b = jnp.arctan2(a[1], a[0]), jnp.arctan2(b[1], b[0])
    turn = sense * (angle_b - angle_a) - half_a - half_b
    turn = turn - jax.lax.stop_gradient(2.0 * jnp.pi * jnp.floor(turn / (2.0 * jnp.pi)))

    in_plane = jnp.maximum(tangent_a + radius * turn + tangent_b, 1e-12)
    rise = b[2] - a[2]
    z_first = a[2] + rise * tangent_a / in_plane
    z_second = b[2] - rise * tangent_b / in_plane
    first = _on_surface(angle_a + sense * half_a, z_first, radius)
    second = _on_surface(angle_b - sense * half_b, z_second, radius)
    place = lambda local: cylinder.center + rotate(cylinder.rotation, local)
    return Arc(place(first), place(second), jnp.sqrt(in_plane**2 + rise**2))


def decide(p: Float[Array, "3"], q: Float[Array, "3"], cylinder: Cylinder) -> Decision:
    """OpenSim's rules for the straight stretch from `p` to `q` [m, ground]."""
    a = rotate_back(cylinder.rotation, p - cylinder.center)
    b = rotate_back(cylinder.rotation, q - cylinder.center)
    radius, sign = cylinder.radius, cylinder.sign
    outside = (_distance_squared(a) >= radius**2) & (_distance_squared(b) >= radius**2)

    along = b[:2] - a[:2]
    squared = jnp.maximum(jnp.sum(along**2), 1e-24)
    t = -jnp.sum(a[:2] * along) / squared
    nearest = a[:2] + t * along
    cuts = (jnp.sum(nearest**2) < radius**2) & (t > 0.0) & (t < 1.0)

    side = lambda point: jnp.where(point[cylinder.axis] >= 0.0, 1.0, -1.0)
    neither = (side(a) != sign) & (side(b) != sign)
    slips_behind = (side(a) != side(b)) & (side(nearest) != sign)
    free = sign == 0.0
    wraps = outside & jnp.where(free, cuts, cuts | neither | slips_behind)
    short_way = jnp.where(a[0] * b[1] - a[1] * b[0] >= 0.0, 1.0, -1.0)
    sense = jnp.where(free, short_way, _sense_in_half(a, b, cylinder))

    path = arc(p, q, cylinder, sense)
    ends = jnp.stack([path.first, path.second])
    axis = cylinder.rotation[:, 2]
    height = jnp.sum((ends - cylinder.center[None]) * axis[None], axis=-1)
    beyond = jnp.all(jnp.abs(height) > 0.5 * cylinder.length)
    return Decision(wraps & ~beyond, wraps & ~beyond & cuts, sense, path)


def _sense_in_half(a, b, cylinder):
    """Which way round keeps to the cylinder's active half, from where the tangents touch."""
    radius = cylinder.radius
    half_a = jnp.arctan2(_tangent_length(a, radius), radius)
    half_b = jnp.arctan2(_tangent_length(b, radius), radius)
    angle_a, angle_b = jnp.arctan2(a[1], a[0]), jnp.arctan2(b[1], b[0])
    direction = lambda angle: jnp.stack([jnp.cos(angle), jnp.sin(angle)])
    a_left, a_right = direction(angle_a + half_a), direction(angle_a - half_a)
    b_left, b_right = direction(angle_b + half_b), direction(angle_b - half_b)
    active = lambda d: jnp.where(d[cylinder.axis] >= 0.0, 1.0, -1.0) == cylinder.sign
    wider = jnp.sum(a_left * b_right) < jnp.sum(a_right * b_left)
    neither_a = jnp.where(
        active(b_left), -1.0, jnp.where(active(b_right), 1.0, jnp.where(wider, 1.0, -1.0))
    )
    both_a = jnp.where(active(b_left), -1.0, 1.0)
    return jnp.where(
        active(a_left),
        jnp.where(active(a_right), both_a, 1.0),
        jnp.where(active(a_right), -1.0, neither_a),
    )


def _tangent_length(point, radius):
    """sqrt(d^2 - r^2); zero with zero gradient where the point is not outside."""
    squared = _distance_squared(point) - radius**2
    outside = squared > 0.0
    return jnp.where(outside, jnp.sqrt(jnp.where(outside, squared, 1.0)), 0.0)


def _distance_squared(point):
    return point[0] ** 2 + point[1] ** 2


def _on_surface(angle, height, radius):
    return jnp.stack([radius * jnp.cos(angle), radius * jnp.sin(angle), height])


def choose_stretch(
    start: Float[Array, "stretch 3"],
    end: Float[Array, "stretch 3"],
    order: Float[Array, " stretch"],
    allowed: Bool[Array, " stretch"],
    cylinder: Cylinder,
) -> tuple[Bool[Array, ""], Int[Array, ""], Decision]:
    """The stretch that wraps: the first that is cut, else the one that lengthens the path least."""
    decision = jax.vmap(decide, in_axes=(0, 0, None))(start, end, cylinder)
    longer = decision.path.length - jnp.sqrt(jnp.sum((end - start) ** 2, axis=-1))
    wraps, cut = decision.wraps & allowed, decision.mandatory & allowed
    rank = jnp.where(cut, order - 1e6, jnp.where(wraps, longer, jnp.inf))
    best = jnp.argmin(rank)
    return wraps[best], best, jax.tree.map(lambda leaf: leaf[best], decision)


class PairState(eqx.Module):
    """One cylinder of two on a path: its current stretch and tangent points.

    `after`: it sits beyond the other cylinder in the same stretch; `before`: ahead of it.
    """

    wraps: Bool[Array, ""]
    stretch: Int[Array, ""]
    sense: Float[Array, ""]
    first: Float[Array, "3"]
    second: Float[Array, "3"]
    after: Bool[Array, ""]
    before: Bool[Array, ""]


def decide_pair(
    start: Float[Array, "stretch 3"],
    end: Float[Array, "stretch 3"],
    allowed: tuple[Bool[Array, " stretch"], Bool[Array, " stretch"]],
    cylinders: tuple[Cylinder, Cylinder],
) -> tuple[PairState, PairState]:
    """Alternate between the two cylinders of one path, each seeing the other's tangent points."""
    nothing = PairState(
        jnp.array(False),
        jnp.array(0),
        jnp.ones_like(start[0, 0]),
        jnp.zeros_like(start[0]),
        jnp.zeros_like(start[0]),
        jnp.array(False),
        jnp.array(False),
    )

    def one_round(_, pair):
        a = _place(start, end, allowed[0], cylinders[0], pair[1])
        b = _place(start, end, allowed[1], cylinders[1], a)
        return a, b

    return jax.lax.fori_loop(0, _ROUNDS, one_round, (nothing, nothing))


def _place(start, end, allowed, cylinder, other):
    """One cylinder's state, given the other's."""
    n = start.shape[0]
    shared = other.wraps & (jnp.arange(n) == other.stretch)
    ends = jnp.where(shared[:, None], other.first[None], end)
    starts = jnp.concatenate([start, other.second[None]])
    ends = jnp.concatenate([ends, end[other.stretch][None]])
    order = jnp.arange(n, dtype=start.dtype)
    order = jnp.concatenate([order, (other.stretch.astype(start.dtype) + 0.5)[None]])
    allowed = jnp.concatenate([allowed, (other.wraps & allowed[other.stretch])[None]])
    wraps, best, decision = choose_stretch(starts, ends, order, allowed, cylinder)
    after = best == n
    stretch = jnp.where(after, other.stretch, best)
    before = ~after & other.wraps & (stretch == other.stretch)
    return PairState(
        wraps,
        stretch,
        decision.sense,
        decision.path.first,
        decision.path.second,
        wraps & after,
        wraps & before,
    )


def pair_arcs(
    p: Float[Array, "3"],
    q: Float[Array, "3"],
    first: Cylinder,
    second: Cylinder,
    senses: tuple[Float[Array, ""], Float[Array, ""]],
    touch: Float[Array, "3"],
) -> tuple[Arc, Arc]:
    """Shortest path from `p` over `first`, then `second`, to `q`.

    `touch` is a guess of where it meets `second`. Differentiable to second order in everything:
    after convergence two more steps are taken with the Jacobian held constant, of which each
    makes one more order of the derivative exact (implicit function theorem).
    """

    def meet(touch, p, q, first, second):
        over_first = arc(p, touch, first, senses[0])
        return arc(over_first.second, q, second, senses[1]).first

    def gap_and_matrix(touch, arguments):
        jacobian = jax.jacfwd(meet)(touch, *arguments)
        return meet(touch, *arguments) - touch, jnp.eye(3, dtype=touch.dtype) - jacobian

    def newton(_, touch):
        gap, matrix = gap_and_matrix(touch, frozen)
        return touch + solve_3x3(matrix, gap)

    arguments = (p, q, first, second)
    frozen = jax.lax.stop_gradient(arguments)
    touch = jax.lax.fori_loop(0, _NEWTON_STEPS, newton, jax.lax.stop_gradient(touch))
    _, matrix = jax.lax.stop_gradient(gap_and_matrix(touch, frozen))
    for _ in range(2):
        touch = touch + solve_3x3(matrix, meet(touch, *arguments) - touch)
    over_first = arc(p, touch, first, senses[0])
    over_second = arc(over_first.second, q, second, senses[1])
    return over_first, over_second


def solve_3x3(matrix: Float[Array, "3 3"], right: Float[Array, "3"]) -> Float[Array, "3"]:
    """Solution of a 3 x 3 system by Cramer's rule (small, and free of library calls under vmap)."""
    a, b, c = matrix[:, 0], matrix[:, 1], matrix[:, 2]
    bc, ca, ab = jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)
    inverse_rows = jnp.stack([bc, ca, ab]) / jnp.sum(a * bc)
    return jnp.sum(inverse_rows * right[None], axis=-1)


QUADRANTS = {"all": (0, 0.0), "x": (0, 1.0), "-x": (0, -1.0), "y": (1, 1.0), "-y": (1, -1.0)}
"""Name of a cylinder's active half -> (axis, sign)."""


def quadrant_arrays(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Axis index and sign of each named quadrant."""
    pairs = [QUADRANTS[name] for name in names]
    axes = np.array([axis for axis, _ in pairs], dtype=int)
    return axes, np.array([sign for _, sign in pairs], dtype=float)
