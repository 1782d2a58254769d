"""What a picture of the body shows: a pose, and the forces in it where a result knows them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from ..compilation import compiled
from ..dynamics.contact import sphere_centers
from ..dynamics.inverse_dynamics import center_of_mass
from ..dynamics.kinematics import Pose, apply_couplers, pose
from ..dynamics.slope import on_slope
from ..dynamics.spatial import body_fixed_xyz_rotation
from ..model.body import Model
from ..model.names import BadInput, find
from ..muscles.path_course import path_courses
from ..muscles.paths import path_geometry
from ..studies.gait_events import SIDES
from ..studies.standing_habit import habitual_posture
from .labels import kind_of

_HEIGHT = "pelvis_ty"


class GroundReaction(NamedTuple):
    """What the ground does to one foot: `force` [N] at `point` [m], ground axes."""

    side: str
    force: Float[np.ndarray, "3"]
    point: Float[np.ndarray, "3"]


class Shown(NamedTuple):
    """A pose and what is known of the forces in it; None for what is not.

    - `value`: of every coordinate [rad or m].
    - `muscle_force`, `ligament_force` [N], `activation` [-].
    - `ground`: of each foot on the ground.
    - `region_force`: of the ground on each contact region [N].
    - `joint_force`: of each joint's parent on its child [N].
    - `instant`: words for the title, "" for none.
    """

    value: Float[np.ndarray, " coordinate"]
    muscle_force: Float[np.ndarray, " muscle"] | None = None
    activation: Float[np.ndarray, " muscle"] | None = None
    ligament_force: Float[np.ndarray, " ligament"] | None = None
    ground: tuple[GroundReaction, ...] = ()
    region_force: Float[np.ndarray, "contact 3"] | None = None
    joint_force: Float[np.ndarray, "joint 3"] | None = None
    instant: str = ""


class Placed(NamedTuple):
    """Where the parts of a body are in ground [m].

    - `now`: the pose. `muscles`, `ligaments`: their courses.
    - `regions`: centers of the contact spheres. `mass_center`: of the whole body.
    """

    now: Pose
    muscles: tuple[Float[np.ndarray, "_ 3"], ...]
    ligaments: tuple[Float[np.ndarray, "_ 3"], ...]
    regions: Float[np.ndarray, "contact 3"]
    mass_center: Float[np.ndarray, "3"]


def placed(model: Model, value: Float[np.ndarray, " coordinate"]) -> Placed:
    """The body at coordinates `value` [rad or m]; coupled ones are recomputed."""
    now, muscles, ligaments, regions, mass_center = _place(model, jnp.asarray(value))
    return Placed(
        now,
        path_courses(model.muscles.paths, now, muscles),
        path_courses(model.ligaments.paths, now, ligaments),
        np.asarray(regions),
        np.asarray(mass_center),
    )


@compiled
def _place(model, value):
    value = apply_couplers(model.skeleton, value)
    now = pose(model.skeleton, value)
    points = [
        path_geometry(p, now, value).points for p in (model.muscles.paths, model.ligaments.paths)
    ]
    return now, *points, _regions(model, now), center_of_mass(model.skeleton, now)


def _regions(model, now):
    return sphere_centers(model.contacts, now)


def ground_normals(model: Model) -> Float[np.ndarray, "contact 3"]:
    """Unit vector out of the ground under each contact region."""
    return -np.asarray(body_fixed_xyz_rotation(model.contacts.half_space_orientation)[..., 0])


# ------------------------------------------------------------------------- what was asked for


def shown(model: Model, given: Any = None, time: float | None = None) -> Shown:
    """The pose, and forces if known, of whatever `plot_body` takes.

    **Raises:** `BadInput` for a pose or result that is not of this model, or not one instant;
    `TypeError` for something else.
    """
    if isinstance(given, xr.Dataset):
        return _of_dataset(model, given, time)
    if time is not None:
        raise BadInput("`time` chooses an instant of a result; a pose is one already.")
    if given is None or isinstance(given, Mapping):
        return Shown(_of_names(model, given or {}))
    try:
        value = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(
            "A body is drawn in a pose (an array, or a dict of coordinates by name) or from a "
            f"result (a dataset), not {kind_of(given)}."
        ) from None
    return Shown(_checked(model, value))


def _checked(model, value):
    names = model.skeleton.coordinates.names
    if value.shape != (len(names),):
        shape = " x ".join(map(str, value.shape)) or "1"
        raise BadInput(
            f"The pose has {shape} values, but model '{model.name}' has {len(names)} coordinates. "
            "Pass one value for each, in the order of `model.skeleton.coordinates.names`, or a "
            "dict with those that are not as in standing."
        )
    wrong = [name for name, x in zip(names, value, strict=True) if not np.isfinite(x)]
    if wrong:
        raise BadInput(f"The pose is not finite at: {', '.join(wrong[:6])}.")
    return value


def _of_names(model, given):
    """Standing, but for the coordinates given; set on the ground unless the height is given."""
    names = model.skeleton.coordinates.names
    value = _standing(model)
    for name, number in given.items():
        value[find("coordinate", name, names)] = float(number)
    value = _checked(model, value)
    if _HEIGHT in names and _HEIGHT not in given and model.contacts.names:
        value[names.index(_HEIGHT)] -= _gap(model, value)
    return value


def _standing(model):
    """Habitual standing; the default pose of a model that cannot stand."""
    try:
        value = _habit(model) if model.contacts.names else None
    except BadInput:
        value = None
    return np.array(model.skeleton.coordinates.default_value if value is None else value, float)


_habit = compiled(habitual_posture)


def _gap(model, value):
    """Height of the lowest contact region above the ground [m]."""
    centers = np.asarray(_region_centers(model, jnp.asarray(value)))
    above = (centers - np.asarray(model.contacts.half_space_position)) * ground_normals(model)
    normal_up = ground_normals(model)[:, 1]
    return float(np.min((above.sum(-1) - np.asarray(model.contacts.radius)) / normal_up))


@compiled
def _region_centers(model, value):
    return _regions(model, pose(model.skeleton, apply_couplers(model.skeleton, value)))


# -------------------------------------------------------------------------------- of results


def _of_dataset(model, dataset, time) -> Shown:
    if "coordinate_value" not in dataset:
        raise BadInput("The result has no `coordinate_value`, so there is no pose to draw.")
    one, instant = _one_instant(dataset, time)
    pick = lambda name, dim, names: _by_name(one, name, dim, names, model)
    value = pick("coordinate_value", "coordinate", model.skeleton.coordinates.names)
    return Shown(
        _checked(model, np.asarray(value)),
        pick("muscle_force", "muscle", model.muscles.names),
        pick("activation", "muscle", model.muscles.names),
        pick("ligament_force", "ligament", model.ligaments.names),
        _ground_of(one),
        pick("regional_plantar_force", "contact_region", model.contacts.names),
        pick("joint_reaction_force", "joint", model.skeleton.joint_names),
        ", ".join(words for words in (instant, _trouble(one)) if words),
    )


def _trouble(dataset) -> str:
    """The status of an instant that is not simply solved."""
    if "status" not in dataset or dataset["status"].ndim or int(dataset["status"]) == 0:
        return ""
    meanings = str(dataset["status"].attrs.get("flag_meanings", "")).split()
    code = int(dataset["status"])
    return meanings[code].replace("_", " ") if 0 < code < len(meanings) else "not solved"


def _one_instant(dataset, time):
    """The dataset at one instant, and words for it."""
    more = [str(d) for d in dataset["coordinate_value"].dims if d not in ("time", "coordinate")]
    if more:
        raise BadInput(
            f"The result sweeps {', '.join(more)}. Select one case with `result.isel(...)` first."
        )
    if "time" not in dataset["coordinate_value"].dims:
        if time is not None and "time" not in dataset.coords:
            raise BadInput("The result has no time, so leave `time` out.")
        at = dataset.coords.get("time")
        return dataset, "" if at is None or at.ndim else f"at {float(at):.2f} s"
    times = dataset["time"].values
    if time is None and times.size > 1:
        raise BadInput(
            f"The result has {times.size} instants. Choose one: `time=` from {times[0]:g} to "
            f"{times[-1]:g} s."
        )
    index = 0 if time is None else int(np.argmin(np.abs(times - time)))
    step = float(np.max(np.diff(times))) if times.size > 1 else 0.0
    if time is not None and not abs(times[index] - time) <= step + 1e-9:
        raise BadInput(
            f"`time` is {time:g} s, but the result runs from {times[0]:g} to {times[-1]:g} s."
        )
    return dataset.isel(time=index), f"at {times[index]:.2f} s"


def _by_name(dataset, variable, dim, names, model):
    """Values in the model's order; None where the result has none."""
    if variable not in dataset:
        return None
    known = set(dataset[dim].values.tolist())
    missing = [name for name in names if name not in known]
    if missing:
        raise BadInput(
            f"The result is of another model: it has no {dim} '{missing[0]}', which model "
            f"'{model.name}' has. Pass the model that the result was computed with."
        )
    return np.asarray(dataset[variable].sel({dim: list(names)}).transpose(dim, ...), float)


def _ground_of(dataset):
    if not {"ground_reaction_force", "center_of_pressure"} <= set(dataset.data_vars):
        return ()
    found = []
    for side in SIDES:
        force = dataset["ground_reaction_force"].sel(side=side).values
        point = dataset["center_of_pressure"].sel(side=side).values
        if np.isfinite(point).all() and np.any(force != 0.0):
            found.append(GroundReaction(side, force, point))
    return tuple(found)


def on_its_ground(model: Model, given: Any) -> Model:
    """The model on the slope that a result of `bm.stand` was computed on."""
    if not isinstance(given, xr.Dataset):
        return model
    config = json.loads(given.attrs.get("config", "{}"))
    slope = {key: config.get(key, 0.0) for key in ("uphill_deg", "right_side_up_deg")}
    return on_slope(model, **slope) if any(slope.values()) else model
