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

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from ..dynamics.spatial import rotate, rotate_back

_ROUNDS = 8  # alternations between two cylinders on one path, as many as OpenSim allows
_NEWTON_STEPS = 5
_GRAZING = 1e-9  # a turn this little below 0 is rounding, not a whole turn [rad]


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


class _Seen(NamedTuple):
    """A point in a cylinder's axes [m], its squared distance from the axis, its tangent's length.

    The tangent is seen along the axis; 0, with no slope, where the point is not outside.
    """

    x: Float[Array, ""]
    y: Float[Array, ""]
    z: Float[Array, ""]
    square: Float[Array, ""]
    tangent: Float[Array, ""]


def _see(cylinder, point):
    x, y, z = jnp.unstack(rotate_back(cylinder.rotation, point - cylinder.center))
    on_axis = (x == 0.0) & (y == 0.0)
    x = jnp.where(on_axis, 1e-9, x)  # a point on the axis has no direction
    square = x * x + y * y
    beyond = square - cylinder.radius * cylinder.radius
    outside = beyond > 0.0
    tangent = jnp.where(outside, jnp.sqrt(jnp.where(outside, beyond, 1.0)), 0.0)
    return _Seen(x, y, z, square, tangent)


def _touch(point, radius, side):
    """Unit vector from the axis to where a tangent from `point` touches: left +1, right -1.

    The point's own direction, turned by arccos(radius / distance).
    """
    across = side * point.tangent
    x = (radius * point.x - across * point.y) / point.square
    y = (radius * point.y + across * point.x) / point.square
    return x, y


def arc(
    p: Float[Array, "3"], q: Float[Array, "3"], cylinder: Cylinder, sense: Float[Array, ""]
) -> Arc:
    """Shortest path from `p` to `q` [m, ground] around `cylinder` in the given sense.

    Finite (but meaningless) with zero-gradient guards where a point is inside the radius.
    """
    return _arc(_see(cylinder, p), _see(cylinder, q), cylinder, sense)


def _arc(a, b, cylinder, sense):
    radius = cylinder.radius
    (ax, ay), (bx, by) = _touch(a, radius, sense), _touch(b, radius, -sense)
    turn = jnp.arctan2(sense * (ax * by - ay * bx), ax * bx + ay * by)
    turn = jnp.where(turn < -_GRAZING, turn + 2.0 * jnp.pi, turn)

    in_plane = jnp.maximum(a.tangent + radius * turn + b.tangent, 1e-12)
    rise = b.z - a.z
    slope = rise / in_plane
    first = jnp.stack([radius * ax, radius * ay, a.z + slope * a.tangent])
    second = jnp.stack([radius * bx, radius * by, b.z - slope * b.tangent])
    place = lambda local: cylinder.center + rotate(cylinder.rotation, local)
    return Arc(place(first), place(second), jnp.sqrt(in_plane * in_plane + rise * rise))


def decide(p: Float[Array, "3"], q: Float[Array, "3"], cylinder: Cylinder) -> Decision:
    """OpenSim's rules for the straight stretch from `p` to `q` [m, ground].

    `path` can be differentiated; the decisions are piecewise constant.
    """
    seen = _see(cylinder, p), _see(cylinder, q)
    a, b, frozen = jax.lax.stop_gradient((*seen, cylinder))
    square, sign = frozen.radius * frozen.radius, frozen.sign
    outside = (a.square >= square) & (b.square >= square)

    along_x, along_y = b.x - a.x, b.y - a.y
    t = -(a.x * along_x + a.y * along_y) / jnp.maximum(along_x**2 + along_y**2, 1e-24)
    nearest_x, nearest_y = a.x + t * along_x, a.y + t * along_y
    cuts = (nearest_x**2 + nearest_y**2 < square) & (t > 0.0) & (t < 1.0)

    active = lambda x, y: (jnp.where(frozen.axis == 0, x, y) >= 0.0) == (sign > 0.0)
    a_active, b_active = active(a.x, a.y), active(b.x, b.y)
    slips_behind = (a_active != b_active) & ~active(nearest_x, nearest_y)
    free = sign == 0.0
    wraps = outside & (cuts | ~free & (~a_active & ~b_active | slips_behind))
    short_way = jnp.where(a.x * b.y - a.y * b.x >= 0.0, 1.0, -1.0)
    sense = jnp.where(free, short_way, _sense_in_half(a, b, frozen.radius, active))

    path = _arc(*seen, cylinder, sense)
    ends = jax.lax.stop_gradient(jnp.stack([path.first, path.second]))
    height = jnp.sum((ends - frozen.center[None]) * frozen.rotation[None, :, 2], axis=-1)
    wraps = wraps & ~jnp.all(jnp.abs(height) > 0.5 * frozen.length)
    return Decision(wraps, wraps & cuts, sense, path)


def _sense_in_half(a, b, radius, active):
    """Which way round keeps to the cylinder's active half, from where the tangents touch."""
    a_left, a_right, b_left, b_right = (
        _touch(point, radius, side) for point in (a, b) for side in (1.0, -1.0)
    )
    dot = lambda u, v: u[0] * v[0] + u[1] * v[1]
    wider = dot(a_left, b_right) < dot(a_right, b_left)
    clockwise = jnp.where(
        active(*a_left),
        active(*a_right) & active(*b_left),
        active(*a_right) | active(*b_left) | ~active(*b_right) & ~wider,
    )
    return jnp.where(clockwise, -1.0, 1.0)


def straight_length(p: Float[Array, "*n 3"], q: Float[Array, "*n 3"]) -> Float[Array, "*n"]:
    """Distance [m]; 1e-12 m, with no slope, where the points coincide."""
    return jnp.sqrt(jnp.maximum(jnp.sum((q - p) ** 2, axis=-1), 1e-24))


def wrap_rank(
    decision: Decision,
    straight: Float[Array, "*n"],
    order: ArrayLike,
    allowed: ArrayLike,
) -> Float[Array, "*n"]:
    """Which stretch of a path wraps: the one of lowest rank, none if that is infinite.

    The first that is cut, else the one that lengthens the path least. `straight`: lengths without
    wrapping [m]; `order`: place of each stretch along its path.
    """
    wraps, cut = decision.wraps & allowed, decision.mandatory & allowed
    longer = jax.lax.stop_gradient(decision.path.length - straight)
    ahead = jnp.asarray(order, longer.dtype) - 1e6
    return jnp.where(cut, ahead, jnp.where(wraps, longer, jnp.inf))


class PairState(eqx.Module):
    """One cylinder of two on a path: its current stretch and tangent points.

    `after`: it sits beyond the other cylinder in the same stretch; `before`: ahead of it.
    """

    wraps: Bool[Array, "*two"]
    stretch: Int[Array, "*two"]
    sense: Float[Array, "*two"]
    first: Float[Array, "*two 3"]
    second: Float[Array, "*two 3"]
    after: Bool[Array, "*two"]
    before: Bool[Array, "*two"]


def decide_pair(
    start: Float[Array, "stretch 3"],
    end: Float[Array, "stretch 3"],
    allowed: Bool[Array, "2 stretch"],
    cylinders: Cylinder,
) -> PairState:
    """Alternate between the two cylinders of one path, each seeing the other's tangent points."""
    no, none = jnp.zeros(2, bool), jnp.zeros(2, jnp.int32)
    nowhere = jnp.zeros((2, 3), start.dtype)
    pair = PairState(no, none, jnp.ones(2, start.dtype), nowhere, nowhere, no, no)
    one = lambda record, which: jax.tree.map(lambda leaf: leaf[which], record)

    def half_round(count, pair):
        which = count % 2
        placed = _place(start, end, allowed[which], one(cylinders, which), one(pair, 1 - which))
        return jax.tree.map(lambda leaf, new: leaf.at[which].set(new), pair, placed)

    return jax.lax.fori_loop(0, 2 * _ROUNDS, half_round, pair)


def _place(start, end, allowed, cylinder, other):
    """One cylinder's state, given the other's."""
    n = start.shape[0]
    shared = other.wraps & (jnp.arange(n, dtype=jnp.int32) == other.stretch)
    ends = jnp.where(shared[:, None], other.first[None], end)
    starts = jnp.concatenate([start, other.second[None]])
    ends = jnp.concatenate([ends, end[other.stretch][None]])
    order = jnp.arange(n, dtype=start.dtype)
    order = jnp.concatenate([order, (other.stretch.astype(start.dtype) + 0.5)[None]])
    allowed = jnp.concatenate([allowed, (other.wraps & allowed[other.stretch])[None]])
    found = jax.vmap(decide, in_axes=(0, 0, None))(starts, ends, cylinder)
    rank = wrap_rank(found, straight_length(starts, ends), order, allowed)
    best = jnp.argmin(rank).astype(jnp.int32)
    wraps = jnp.isfinite(rank[best])
    after = best == n
    stretch = jnp.where(after, other.stretch, best)
    before = ~after & other.wraps & (stretch == other.stretch)
    path = found.path
    return PairState(
        wraps,
        stretch,
        found.sense[best],
        path.first[best],
        path.second[best],
        wraps & after,
        wraps & before,
    )


def pair_arcs(
    p: Float[Array, "3"],
    q: Float[Array, "3"],
    first: Cylinder,
    second: Cylinder,
    senses: Float[Array, "2"],
    touch: Float[Array, "3"],
) -> tuple[Arc, Arc]:
    """Shortest path from `p` over `first`, then `second`, to `q`.

    `touch` is a guess of where it meets `second`. Differentiable to second order in everything:
    after convergence two more steps are taken with the Jacobian held constant, of which each
    makes one more order of the derivative exact (implicit function theorem).
    """

    def meet(touch, p, q, first, second):
        over_first = arc(p, touch, first, senses[0])
        over_second = arc(over_first.second, q, second, senses[1])
        return over_second.first, (over_second.first, over_first, over_second)

    arguments = (p, q, first, second)
    frozen = jax.lax.stop_gradient(arguments)

    def newton(_, at):
        touch, _ = at
        slope, (met, *_) = jax.jacfwd(meet, has_aux=True)(touch, *frozen)
        matrix = jnp.eye(3, dtype=touch.dtype) - slope
        return touch + solve_3x3(matrix, met - touch), matrix

    start = jax.lax.stop_gradient(touch), jnp.eye(3, dtype=touch.dtype)
    touch, matrix = jax.lax.stop_gradient(jax.lax.fori_loop(0, _NEWTON_STEPS, newton, start))

    def correct(touch, _):
        _, (met, *arcs) = meet(touch, *arguments)
        return touch + solve_3x3(matrix, met - touch), arcs

    _, (over_first, over_second) = jax.lax.scan(correct, touch, length=3)
    last = lambda record: jax.tree.map(lambda leaf: leaf[-1], record)
    return last(over_first), last(over_second)


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
