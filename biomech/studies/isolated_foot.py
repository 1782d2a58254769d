"""One foot alone: how its arch gives way under a load, and how the toes wind it up.

The load case of Arangio, Chen & Salathe (1998), Foot Ankle Int. 19:705-709: a vertical load at the
center of the ankle, the ankle free, no muscles, on a rigid level floor without friction. The leg
only guides: shank upright, ankle center free to sink. Unknowns are the height of the leg and the
angles from the ankle down; they are where the potential energy

    V = load * height of the ankle center + weight + ligaments + passive moments + contact

has no slope. Gravity pulls on the foot's own segments; the ankle's passive moment is left out;
damping plays no part. Newton's method on V from where the sole just touches, the load put on in
steps.

The derivative of the solution is the implicit one, at the solution.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from ..compilation import compiled
from ..dynamics.contact import contact_force, sphere_centers
from ..dynamics.inverse_dynamics import generalized_forces, mass_centers
from ..dynamics.kinematics import pose
from ..dynamics.spatial import rotate, wrench_at
from ..model.body import Model
from ..model.names import BadInput, find
from ..muscles.ligaments import ligament_strain, ligament_tension
from ..muscles.passive_moments import about_coordinates, passive_moment
from ..muscles.paths import path_geometry, pull_on_bodies

HEIGHT = "pelvis_ty"
"""Coordinate that raises the whole leg."""
BELOW_ANKLE = ("subtalar_angle", "midtarsal_angle", "mtp_angle")
"""Coordinates of the foot, where there."""
_LENGTH = 0.1  # a height of this much counts as much as an angle of 1 rad [m]
_STEPS = 60  # of Newton, at most
_HALVINGS = 8
_FARTHEST = 0.05  # of one step [rad, or of `_LENGTH`]
_RAMP = (0.1, 0.4, 0.7, 1.0)  # shares of the load, one after the other


class FootUnderLoad(eqx.Module):
    """Where a foot comes to rest, and what its parts carry.

    **Attributes:**

    - `value`: every coordinate of the model [rad or m].
    - `ankle_height`: of the ankle center above the floor [m].
    - `navicular_height`: of the navicular, where the spring ligament ends, above the floor [m].
    - `arch_height`: of the midtarsal center above the line under heel and metatarsal heads, the
      soft tissue not compressed [m].
    - `midtarsal_angle`, `mtp_angle`: dorsiflexion and extension [rad].
    - `ligament_tension` [N], `ligament_strain` [-]: of every ligament of the model.
    - `contact_force`: of the floor on every contact region [N], zero for the other foot.
    - `residual`: largest slope of the energy left [N or N m].
    - `converged`: whether it is below 1e-8 of the load (or of 1 N).
    """

    value: Float[Array, " coordinate"]
    ankle_height: Float[Array, ""]
    navicular_height: Float[Array, ""]
    arch_height: Float[Array, ""]
    midtarsal_angle: Float[Array, ""]
    mtp_angle: Float[Array, ""]
    ligament_tension: Float[Array, " ligament"]
    ligament_strain: Float[Array, " ligament"]
    contact_force: Float[Array, " contact"]
    residual: Float[Array, ""]
    converged: Bool[Array, ""]


def isolated_foot(
    model: Model,
    side: str = "r",
    load: ArrayLike | None = None,
    mtp_angle: ArrayLike | None = None,
) -> FootUnderLoad:
    """The foot at rest under `load` [N] on the ankle center; hanging free without one.

    With `mtp_angle` [rad] the toes are held at that angle, else they are free. Hanging, the ankle
    is held at its default. Differentiable in model, load and angle.

    **Raises:** `UnknownName` for a model without such a foot.
    """
    if side not in ("r", "l"):
        raise BadInput(f"side is '{side}'; it must be 'r' or 'l'.")
    as_array = lambda x: None if x is None else jnp.asarray(x, dtype=float)
    return _compiled_isolated_foot(model, side, as_array(load), as_array(mtp_angle))


def free_coordinates(model: Model, side: str, on_floor: bool, held_toes: bool) -> np.ndarray:
    """Indices of the unknown coordinates; on the floor the first is the height."""
    names = model.skeleton.coordinates.names
    wanted = [HEIGHT, f"ankle_angle_{side}"] if on_floor else []
    wanted += [f"{name}_{side}" for name in BELOW_ANKLE if f"{name}_{side}" in names]
    if held_toes:
        wanted.remove(f"mtp_angle_{side}")
    return np.array([find("coordinate", name, names) for name in wanted])


def _isolated_foot(model, side, load, mtp_angle):
    names = model.skeleton.coordinates.names
    toes = find("coordinate", f"mtp_angle_{side}", names)
    find("coordinate", f"midtarsal_angle_{side}", names)
    start = model.skeleton.coordinates.default_value
    if mtp_angle is not None:
        start = start.at[toes].set(jnp.asarray(mtp_angle, start.dtype))
    on_floor = load is not None
    free = free_coordinates(model, side, on_floor, mtp_angle is not None)
    total = jnp.asarray(load if on_floor else 0.0, start.dtype)
    if on_floor:
        height = names.index(HEIGHT)
        start = start.at[height].add(-jnp.min(_lowest_points(model, side, start)))
    scale = jnp.asarray([_LENGTH if names[i] == HEIGHT else 1.0 for i in free], start.dtype)

    def slope(x, parameters):
        model, total, start = parameters
        value = start.at[free].add(x * scale)
        return -scale * _forces(model, side, value, total, on_floor)[free]

    x = jnp.zeros(len(free), start.dtype)
    for share in _RAMP if on_floor else (1.0,):
        target = (model, share * total, start)
        x = _newton(slope, jax.lax.stop_gradient(target), jax.lax.stop_gradient(x))
    parameters = (model, total, start)
    x = _with_implicit_derivative(slope, x, parameters)
    value = start.at[free].add(x * scale)
    return _record(model, side, value, slope(x, parameters) / scale, total, on_floor)


_compiled_isolated_foot = compiled(_isolated_foot)


def _newton(slope, parameters, x):
    """Root of `slope` near `x`, at a minimum of the energy whose slope it is.

    Steps go downhill (the Hessian's eigenvalues are taken by size), not farther than `_FARTHEST`,
    and are halved until the energy's slope along them is less than it was.
    """
    hessian = jax.jacfwd(slope)

    def body(state):
        x, g, count, _ = state
        curvature, mode = jnp.linalg.eigh(hessian(x, parameters))
        curvature = jnp.maximum(jnp.abs(curvature), 1e-9 * jnp.max(jnp.abs(curvature)))
        step = -mode @ ((g @ mode) / curvature)
        step = step * jnp.minimum(1.0, _FARTHEST / jnp.max(jnp.abs(step)))
        shares = 0.5 ** jnp.arange(_HALVINGS, dtype=x.dtype)
        tried = jax.vmap(lambda t: slope(x + t * step, parameters))(shares)
        helps = jnp.abs(tried @ step) < 0.9 * jnp.abs(g @ step)
        pick = jnp.argmax(helps)  # the longest that helps
        any_helps = jnp.any(helps)
        new = jnp.where(any_helps, x + shares[pick] * step, x)
        return new, jnp.where(any_helps, tried[pick], g), count + 1, any_helps

    go_on = lambda state: state[3] & (state[2] < _STEPS)
    start = (x, slope(x, parameters), jnp.array(0), jnp.array(True))
    return jax.lax.while_loop(go_on, body, start)[0]


def _with_implicit_derivative(slope, x, parameters):
    """`x` with the derivative that the root has: one more Newton step, differentiated."""
    x = jax.lax.stop_gradient(x)
    jacobian = jax.jacfwd(slope)(x, jax.lax.stop_gradient(parameters))
    return x - jnp.linalg.solve(jax.lax.stop_gradient(jacobian), slope(x, parameters))


def _forces(model, side, value, load, on_floor):
    """Generalized force [N m or N] of all that acts on the foot, about every coordinate."""
    skeleton = model.skeleton
    now = pose(skeleton, value)
    foot = [f"{name}_{side}" for name in ("talus", "calcn", "midfoot", "toes")]
    mine = jnp.asarray(np.isin(skeleton.body_names, foot), value.dtype)
    weight = (mine * skeleton.mass)[:, None] * jnp.broadcast_to(skeleton.gravity, (len(mine), 3))
    wrench = wrench_at(weight, mass_centers(skeleton, now))

    geometry = path_geometry(model.ligaments.paths, now, value)
    tension = ligament_tension(model.ligaments, geometry.length)
    tension = tension * _of_side(model.ligaments.names, side, value.dtype)
    wrench = wrench + pull_on_bodies(geometry, tension, len(skeleton.body_names))
    if on_floor:
        floor = _contact(model, side, now)
        wrench = _added(wrench, model.contacts.bodies, wrench_at(floor.force, floor.point))
        ankle = skeleton.joint_names.index(f"ankle_{side}")
        push = jnp.array([0.0, -1.0, 0.0], value.dtype) * load
        wrench = wrench.at[ankle].add(wrench_at(push, now.joint_center[ankle]))
    moments = passive_moment(model.passive_moments, value, jnp.zeros_like(value))
    moments = about_coordinates(model.passive_moments, moments, value.size)
    return generalized_forces(skeleton, now, wrench) + moments


def _contact(model, side, now):
    """Floor on this foot's regions at rest."""
    contacts = model.contacts
    center = sphere_centers(contacts, now)
    still = jnp.zeros_like(center)
    found = contact_force(contacts, center, still, still)
    mine = _of_side(contacts.names, side, center.dtype)
    return eqx.tree_at(
        lambda c: (c.force, c.normal_force),
        found,
        (found.force * mine[:, None], found.normal_force * mine),
    )


def _added(wrench, bodies, on_contacts):
    of_body = np.arange(wrench.shape[0])[:, None] == np.array(bodies, int)
    return wrench + jnp.asarray(of_body, wrench.dtype) @ on_contacts


def _lowest_points(model, side, value):
    """Heights of the lowest points of this foot's regions above the floor [m]."""
    now = pose(model.skeleton, value)
    mine = [i for i, name in enumerate(model.contacts.names) if name.endswith(f"_{side}")]
    if not mine:
        find("contact", f"heel_medial_{side}", model.contacts.names)
    return -_contact(model, side, now).indentation[np.array(mine)]


def _of_side(names, side, dtype):
    return jnp.asarray([float(name.endswith(f"_{side}")) for name in names], dtype)


def _record(model, side, value, left_over, load, on_floor):
    skeleton, names = model.skeleton, model.skeleton.coordinates.names
    now = pose(skeleton, value)
    center = lambda joint: now.joint_center[find("joint", f"{joint}_{side}", skeleton.joint_names)]
    geometry = path_geometry(model.ligaments.paths, now, value)
    floor = _contact(model, side, now).normal_force
    residual = jnp.max(jnp.abs(left_over))
    of = lambda coordinate: value[names.index(f"{coordinate}_{side}")]
    return FootUnderLoad(
        value=value,
        ankle_height=center("ankle")[1],
        navicular_height=_navicular(model, side, geometry)[1],
        arch_height=_arch_height(model, side, now, center("midtarsal")),
        midtarsal_angle=of("midtarsal_angle"),
        mtp_angle=of("mtp_angle"),
        ligament_tension=ligament_tension(model.ligaments, geometry.length),
        ligament_strain=ligament_strain(model.ligaments, geometry.length),
        contact_force=floor if on_floor else jnp.zeros_like(floor),
        residual=residual,
        converged=residual <= 1e-8 * jnp.maximum(jnp.abs(load), 1.0),
    )


def _navicular(model, side, geometry):
    """Where the spring ligament ends, in ground [m]."""
    spring = find("ligament", f"spring_{side}", model.ligaments.names)
    return geometry.points[spring, len(model.ligaments.paths.point_bodies[spring]) - 1]


def _arch_height(model, side, now, center):
    """Height of the midtarsal center above the sole's line from heel to metatarsal heads [m]."""
    contacts = model.contacts

    def sole(part):
        rows = [
            i
            for i, name in enumerate(contacts.names)
            if name.startswith(part) and name.endswith(f"_{side}")
        ]
        body = np.array(contacts.bodies, int)[rows]
        local = contacts.location[np.array(rows)]
        local = local.at[:, 1].add(-contacts.radius[np.array(rows)])
        return jnp.mean(now.position[body] + rotate(now.rotation[body], local), axis=0)

    heel, heads = sole("heel"), sole("metatarsal")
    line, to_center = (heads - heel)[:2], (center - heel)[:2]
    return (line[0] * to_center[1] - line[1] * to_center[0]) / jnp.sqrt(jnp.sum(line**2))
