"""Lengths, moment arms and body wrenches of taut paths (muscles and ligaments).

A path is a string of straight pulls between nodes: its points, and the tangent points where it
wraps a cylinder. Unit tension pulls each node along its straight pieces; the resulting wrenches
on bodies, projected on the motion subspace, are the moment arms

    r_k = - d(length) / d(coordinate k) = sum over bodies wrench . twist of unit speed k,

so virtual work holds, and the same wrenches load the joints. Sign: a positive moment arm gives a
positive generalized force in tension (OpenSim).

Source: the lever-arm / virtual-work equivalence, e.g. Delp & Loan (1995), Comput. Biol. Med.
25:21-34; Sherman, Seth & Delp (2013), ASME DETC2013-13633 (moment arms under couplers).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..dynamics.inverse_dynamics import generalized_forces
from ..dynamics.kinematics import Pose
from ..dynamics.spatial import body_fixed_xyz_rotation, compose, rotate, wrench_at
from ..model.paths import Paths
from .wrapping import (
    Cylinder,
    arc,
    choose_stretch,
    decide_pair,
    pair_arcs,
    quadrant_arrays,
)


class PathGeometry(eqx.Module):
    """Every path at one instant.

    **Attributes:**

    - `length`: [m].
    - `wrench`: on each body per newton of tension, ground axes and origin [m, -].
    - `mobility`: generalized force per newton that moving points do on their own coordinate [m].
    - `points`: the path's own points in ground [m]; `present`: whether each is in use.
    """

    length: Float[Array, " path"]
    wrench: Float[Array, "path body 6"]
    mobility: Float[Array, "path coordinate"]
    points: Float[Array, "path point 3"]
    present: Bool[Array, "path point"]


def path_geometry(paths: Paths, now: Pose, value: Float[Array, " coordinate"]) -> PathGeometry:
    """Lengths and unit-tension wrenches at a pose with coordinates `value` [rad or m]."""
    n_bodies, n_coordinates = now.position.shape[0], value.shape[0]
    n_paths = len(paths.names)
    local, local_rate = _locations(paths, value)
    position, rotation = _with_ground(now)
    bodies = _body_table(paths)
    points = position[bodies] + rotate(rotation[bodies], local)
    present = _present(paths, value)
    previous = _previous_present(paths, present)

    start = jnp.take_along_axis(points, previous[..., None], axis=1)
    stretch = present & (previous < np.arange(points.shape[1])[None])
    gap = jnp.where(stretch[..., None], points - start, jnp.asarray(_ANY_DIRECTION, points.dtype))
    straight = jnp.where(stretch, jnp.sqrt(jnp.sum(gap**2, axis=-1)), 0.0)
    unit = gap / jnp.sqrt(jnp.sum(gap**2, axis=-1, keepdims=True))
    weight = stretch.astype(points.dtype)

    length = jnp.sum(straight, axis=-1)
    node_force = _ends(weight[..., None] * unit, previous)
    wrench = jnp.zeros((n_paths, n_bodies, 6), points.dtype)

    for wrap in (_single_wraps, _double_wraps):
        found = wrap(paths, position, rotation, points, start, stretch, unit, straight, previous)
        if found is not None:
            rows, extra_length, extra_force, extra_wrench = found
            length = length.at[rows].add(extra_length)
            node_force = node_force.at[rows].add(extra_force)
            wrench = wrench.at[rows].add(extra_wrench[:, :n_bodies])

    at_node = wrench_at(node_force, points)
    on_body = jnp.asarray(bodies[..., None] == np.arange(n_bodies), points.dtype)
    wrench = wrench + jnp.einsum("npb,npi->nbi", on_body, at_node)
    mobility = _moving_work(paths, node_force, rotation, local_rate, n_coordinates)
    return PathGeometry(length, wrench, mobility, points, present)


def moment_arms(paths_now: PathGeometry, skeleton, now: Pose) -> Float[Array, "path coordinate"]:
    """r = -d(length)/d(coordinate) [m, or - for translations], couplers not applied."""
    return generalized_forces(skeleton, now, paths_now.wrench) + paths_now.mobility


_ANY_DIRECTION = np.array([[[1.0, 0.0, 0.0]]])  # keeps the unused stretches finite


def _with_ground(now):
    """Positions and rotations with ground appended, so that body index -1 means ground."""
    position = jnp.concatenate([now.position, jnp.zeros((1, 3), now.position.dtype)])
    eye = jnp.eye(3, dtype=now.rotation.dtype)[None]
    return position, jnp.concatenate([now.rotation, eye])


def _body_table(paths):
    """Body index of every point, padded with ground."""
    table = np.full(paths.location.shape[:2], -1)
    for row, bodies in enumerate(paths.point_bodies):
        table[row, : len(bodies)] = bodies
    return table


def _locations(paths, value):
    """Points in their bodies, and the moving ones' derivative to their coordinates."""
    if not paths.moving:
        return paths.location, None
    index = np.array(paths.moving_coordinates)
    argument = jnp.where(index >= 0, value[np.maximum(index, 0)], 0.0)
    rows, columns = np.array(paths.moving).T
    location = paths.location.at[rows, columns].set(paths.moving_location(argument))
    return location, paths.moving_location.derivative()(argument)


def _present(paths, value):
    """Which points are in use: real ones, and conditional ones inside their range."""
    count = np.array([len(bodies) for bodies in paths.point_bodies])
    present = jnp.asarray(np.arange(paths.location.shape[1])[None] < count[:, None])
    if not paths.conditional:
        return present
    rows, columns, coordinate = np.array(paths.conditional).T
    at = value[coordinate]
    inside = (at >= paths.condition_range[:, 0]) & (at <= paths.condition_range[:, 1])
    return present.at[rows, columns].set(inside)


def _previous_present(paths, present) -> Int[Array, "path point"]:
    """Index of the point each stretch starts from; a point's own index when it is the first."""
    here = np.broadcast_to(np.arange(present.shape[1]), present.shape)
    if not paths.conditional:
        return jnp.asarray(np.maximum(here - 1, 0))
    latest = jax.lax.cummax(jnp.where(present, here, -1), axis=1)
    before = jnp.concatenate([-jnp.ones_like(latest[:, :1]), latest[:, :-1]], axis=1)
    return jnp.where(before >= 0, before, here)


def _ends(pull, previous):
    """Node forces of stretches: +pull on the point it starts from, -pull on the one it ends at."""
    starts = (previous[..., None] == np.arange(pull.shape[1])[None, None]).astype(pull.dtype)
    return jnp.einsum("nsp,nsi->npi", starts, pull) - pull


def _moving_work(paths, node_force, rotation, local_rate, n_coordinates):
    """Generalized force of a moving point's own motion within its body."""
    work = jnp.zeros((node_force.shape[0], n_coordinates), node_force.dtype)
    if not paths.moving:
        return work
    rows, columns = np.array(paths.moving).T
    body = np.array([paths.point_bodies[row][column] for row, column in paths.moving])
    in_body = jnp.einsum("nji,nj->ni", rotation[body], node_force[rows, columns])
    power = in_body * local_rate
    index = np.array(paths.moving_coordinates)
    for axis in range(3):
        used = np.flatnonzero(index[:, axis] >= 0)
        work = work.at[rows[used], index[used, axis]].add(power[used, axis])
    return work


def _cylinders(paths, wraps, position, rotation):
    """The named cylinders in ground, as one batch."""
    index = np.array(wraps)
    record = paths.cylinders
    body = np.array(record.bodies)[index]
    axis, sign = quadrant_arrays(tuple(record.quadrants[i] for i in index))
    return Cylinder(
        position[body] + rotate(rotation[body], record.position[index]),
        compose(rotation[body], body_fixed_xyz_rotation(record.orientation[index])),
        record.radius[index],
        record.length[index],
        jnp.asarray(axis),
        jnp.asarray(sign, position.dtype),
    ), body


def _rows_with(paths, count):
    rows = [i for i, wraps in enumerate(paths.wraps) if len(wraps) == count]
    return np.array(rows, dtype=int)


def _allowed(paths, rows, which, stretch, previous):
    """Stretches that lie within a wrap's range of points."""
    first = np.array([paths.wraps[row][which][1] for row in rows])
    last = np.array([paths.wraps[row][which][2] for row in rows])
    here = np.arange(stretch.shape[1])
    within = jnp.asarray(here[None] <= last[:, None]) & (previous[rows] >= first[:, None])
    return stretch[rows] & within


def _pick(index, values):
    """values[index] for each row, without a gather's gradient cost."""
    hot = jnp.arange(values.shape[1])[None] == index[:, None]
    hot = hot.reshape(hot.shape + (1,) * (values.ndim - 2))
    return jnp.sum(jnp.where(hot, values, 0), axis=1)


def _direction(start, end):
    gap = end - start
    return gap / jnp.sqrt(jnp.maximum(jnp.sum(gap**2, axis=-1, keepdims=True), 1e-24))


def _frozen(*arrays):
    return jax.lax.stop_gradient(arrays)


def _single_wraps(paths, position, rotation, points, start, stretch, unit, straight, previous):
    """Corrections of paths with one cylinder: (rows, length, node forces, body wrenches)."""
    rows = _rows_with(paths, 1)
    if rows.size == 0:
        return None
    names = [paths.wraps[row][0][0] for row in rows]
    cylinder, body = _cylinders(paths, names, position, rotation)
    allowed = _allowed(paths, rows, 0, stretch, previous)
    order = jnp.arange(points.shape[1], dtype=points.dtype)
    starts, ends, frozen = _frozen(start[rows], points[rows], cylinder)
    wraps, best, decision = jax.vmap(choose_stretch, in_axes=(0, 0, None, 0, 0))(
        starts, ends, order, allowed, frozen
    )
    best = jnp.where(wraps, best, _first_stretch(allowed))
    p, q = _pick(best, start[rows]), _pick(best, points[rows])
    path = jax.vmap(arc)(p, q, cylinder, decision.sense)
    pull_p, pull_q = _direction(p, path.first), _direction(q, path.second)
    on = jnp.where(wraps, 1.0, 0.0).astype(points.dtype)
    old = _pick(best, unit[rows])
    length = jnp.where(wraps, path.length - _pick(best, straight[rows]), 0.0)
    force = _replace(on, best, previous[rows], pull_p - old, pull_q + old, points.shape[1])
    load = wrench_at(-pull_p, path.first) + wrench_at(-pull_q, path.second)
    wrench = _on_body(body, on[:, None] * load, position.shape[0])
    return rows, length, force, wrench


def _double_wraps(paths, position, rotation, points, start, stretch, unit, straight, previous):
    """Corrections of paths with two cylinders, in one stretch or in two."""
    rows = _rows_with(paths, 2)
    if rows.size == 0:
        return None
    n_nodes = points.shape[1]
    cylinders, bodies, allowed = [], [], []
    for which in (0, 1):
        names = [paths.wraps[row][which][0] for row in rows]
        cylinder, body = _cylinders(paths, names, position, rotation)
        cylinders.append(cylinder)
        bodies.append(body)
        allowed.append(_allowed(paths, rows, which, stretch, previous))
    starts, ends, frozen = _frozen(start[rows], points[rows], tuple(cylinders))
    state = jax.vmap(decide_pair)(starts, ends, tuple(allowed), frozen)
    together = state[0].wraps & state[1].wraps & (state[1].after | state[1].before)

    length = jnp.zeros(rows.size, points.dtype)
    force = jnp.zeros((rows.size, n_nodes, 3), points.dtype)
    wrench = jnp.zeros((rows.size, position.shape[0], 6), points.dtype)
    for which in (0, 1):
        on = (state[which].wraps & ~together).astype(points.dtype)
        best = jnp.where(on > 0, state[which].stretch, _first_stretch(allowed[which]))
        p, q = _pick(best, start[rows]), _pick(best, points[rows])
        path = jax.vmap(arc)(p, q, cylinders[which], state[which].sense)
        pull_p, pull_q = _direction(p, path.first), _direction(q, path.second)
        old = _pick(best, unit[rows])
        length = length + jnp.where(on > 0, path.length - _pick(best, straight[rows]), 0.0)
        force = force + _replace(on, best, previous[rows], pull_p - old, pull_q + old, n_nodes)
        load = wrench_at(-pull_p, path.first) + wrench_at(-pull_q, path.second)
        wrench = wrench + _on_body(bodies[which], on[:, None] * load, position.shape[0])

    swap = state[1].before
    near = jax.tree.map(lambda a, b: _where(swap, b, a), cylinders[0], cylinders[1])
    far = jax.tree.map(lambda a, b: _where(swap, a, b), cylinders[0], cylinders[1])
    near_sense = jnp.where(swap, state[1].sense, state[0].sense)
    far_sense = jnp.where(swap, state[0].sense, state[1].sense)
    touch = _where(swap, state[0].first, state[1].first)
    best = jnp.where(together, state[0].stretch, _first_stretch(allowed[0]))
    p, q = _pick(best, start[rows]), _pick(best, points[rows])
    real = (p, q, near, far, (near_sense, far_sense), jax.lax.stop_gradient(touch))
    stand_in = jax.tree.map(
        lambda leaf, value: jnp.broadcast_to(value[None], leaf.shape),
        real,
        _stand_in_pair(points.dtype),
    )
    over_near, over_far = jax.vmap(pair_arcs)(
        *jax.tree.map(lambda a, b: _where(together, a, b), real, stand_in)
    )
    on = together.astype(points.dtype)
    between = over_far.first - over_near.second
    shared = jnp.sqrt(jnp.maximum(jnp.sum(between**2, axis=-1), 1e-24))
    total = over_near.length + over_far.length - shared
    length = length + jnp.where(together, total - _pick(best, straight[rows]), 0.0)
    old = _pick(best, unit[rows])
    pull_p, pull_q = _direction(p, over_near.first), _direction(q, over_far.second)
    across = _direction(over_near.second, over_far.first)
    force = force + _replace(on, best, previous[rows], pull_p - old, pull_q + old, n_nodes)
    near_load = wrench_at(-pull_p, over_near.first) + wrench_at(across, over_near.second)
    far_load = wrench_at(-across, over_far.first) + wrench_at(-pull_q, over_far.second)
    load_0 = _where(swap, far_load, near_load)
    load_1 = _where(swap, near_load, far_load)
    for body, load in zip(bodies, (load_0, load_1), strict=True):
        kept = jnp.where(together[:, None], load, 0.0)
        wrench = wrench + _on_body(body, kept, position.shape[0])
    return rows, length, force, wrench


def _stand_in_pair(dtype):
    """A well-posed path over two cylinders, evaluated where the real one does not wrap both."""
    point = lambda *x: jnp.asarray(x, dtype)
    number = lambda x: jnp.asarray(x, dtype)
    at = lambda center: Cylinder(
        center, jnp.eye(3, dtype=dtype), number(0.1), number(1.0), jnp.array(0), number(0.0)
    )
    senses = (number(-1.0), number(-1.0))
    near, far = at(point(0.0, 0.0, 0.0)), at(point(1.0, 0.0, 0.0))
    return point(-1.0, 0.0, 0.0), point(2.0, -0.5, 0.0), near, far, senses, point(1.0, 0.1, 0.0)


def _where(condition, yes, no):
    return jnp.where(condition.reshape(condition.shape + (1,) * (yes.ndim - 1)), yes, no)


def _first_stretch(allowed):
    """A harmless stretch to evaluate where none wraps."""
    return jnp.argmax(allowed, axis=1)


def _replace(on, best, previous, at_start, at_end, n_nodes):
    """Node forces added at the two ends of stretch `best` of each row."""
    nodes = np.arange(n_nodes)[None]
    start = _pick(best, previous)
    at = lambda index, value: jnp.where((nodes == index[:, None])[..., None], value[:, None], 0.0)
    return on[:, None, None] * (at(start, at_start) + at(best, at_end))


def _on_body(body, wrench, n):
    """[row, body, 6] with each row's wrench in its (static) body; ground is the last."""
    hot = jnp.asarray(np.where(body < 0, n - 1, body)[:, None] == np.arange(n), wrench.dtype)
    return hot[..., None] * wrench[:, None]
