"""`bm.replay`: a model and its walk in, how far its own laws carry it from that walk out.

One number for every `interval` of the mesh and every coordinate; see `studies.replay`.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..model.body import Model
from ..model.names import BadInput
from ..precision import require_precision
from ..studies import replay as study
from ..studies.walking_record import Drive
from .labels import attributes, filled, kind_of, model_coordinates, require_dataset
from .provenance import model_hash, provenance

_STATES = ("coordinate_value", "coordinate_speed", "activation")
_ANOTHER_BODY = "The model is not the one that walked: departures are due to the change as well."
_NOT_FREE = "NaN for coordinates that are locked or follow another."
_LARGEST_TOLERANCE = 1e-4


def replay(model: Model, walk: xr.Dataset, *, tolerance: float = study.TOLERANCE) -> xr.Dataset:
    """How far from `walk` each interval of its mesh ends, if `model` is driven as in it.

    - `walk`: a single case, as `bm.track` returns it.
    - `tolerance`: of a step of the integration, relative, and absolute in [rad or m, per s] and of
      activations [-].

    Departures are replayed minus walked: `value_departure` [interval, coordinate] [rad or m],
    `speed_departure` [per s], `activation_departure` [interval, muscle] [-]. The attribute
    `replay_report` says the largest in words. The friction law is the rounded one that was walked
    with. Where the integration gave up, `replayed` is 0 and numbers are not to be used.

    **Raises:** `TypeError` for other arguments; `BadInput` for a dataset that is no single walk, or
    one of a body with other coordinates, muscles or actuators.
    """
    if not isinstance(model, Model):
        raise TypeError(
            f"`replay` takes a model first, as `bm.load_model(...)` returns it, not "
            f"{kind_of(model)}."
        )
    require_dataset(walk, "replay")
    require_precision("float64")
    if not 0.0 < tolerance <= _LARGEST_TOLERANCE:
        raise BadInput(
            f"`tolerance` is {tolerance}; it must be above 0 and at most {_LARGEST_TOLERANCE:g}."
        )
    require_walk(walk, model, "replay")
    intervals = walk.sizes["interval"]
    if walk.sizes["time"] != intervals + 1:
        raise BadInput(
            f"The walk has {intervals} intervals between {walk.sizes['time']} instants. Select "
            "both: walk.isel(time=slice(0, 11), interval=slice(0, 10))."
        )
    free = np.array(model.skeleton.coordinates.free, int)
    value, speed, activation = (jnp.asarray(walk[name].values) for name in _STATES)
    walked = study.State(value[:, free], speed[:, free], activation)
    found = study.replay(
        model,
        jnp.asarray(walk["time"].values),
        study.State(*(x[:-1] for x in walked)),
        _drive(walk, model),
        jnp.asarray(walk["interval_point"].values),
        jnp.asarray(walk.attrs["friction_sharpness"]),
        tolerance,
    )
    return _label(found, walked, walk, model, tolerance)


def require_walk(walk: xr.Dataset, model: Model, asked_by: str) -> None:
    """`BadInput` unless `walk` is a single walk of a body with the names of `model`."""
    if "interval_excitation" not in walk:
        raise BadInput(
            f"`{asked_by}` takes a walk, as `bm.track` returns it; this dataset is of the study "
            f"'{walk.attrs.get('study', 'unknown')}'."
        )
    dims = map(str, walk["activation"].dims)
    if extra := [dim for dim in dims if dim not in ("time", "muscle")]:
        raise BadInput(
            f"`{asked_by}` takes one walk, but this dataset has several along {', '.join(extra)}. "
            f"Select one, e.g. walk.isel({extra[0]}=0)."
        )
    for kind, names in (
        ("coordinate", model.skeleton.coordinates.names),
        ("muscle", model.muscles.names),
        ("actuator", model.actuators.names),
    ):
        theirs = tuple(walk[kind].values) if kind in walk.coords else ()
        if theirs != tuple(names):
            raise BadInput(
                f"`{asked_by}`: model '{model.name}' has {len(names)} {kind}s, the walk of "
                f"'{walk.attrs.get('model', 'unknown')}' {len(theirs)} of other names or in "
                "another order. Pass the model that walked."
            )


def _drive(walk, model) -> Drive:
    excitation = walk["interval_excitation"].values
    none = np.zeros((*excitation.shape[:2], len(model.actuators.names)))
    control = walk["interval_control"].values if "interval_control" in walk else none
    return Drive(jnp.asarray(excitation), jnp.asarray(control))


def _label(found: study.Replay, walked: study.State, walk, model: Model, tolerance) -> xr.Dataset:
    coordinates = model.skeleton.coordinates
    n, free = len(coordinates.names), list(coordinates.free)
    value, speed, activation = (
        np.asarray(end - x[1:]) for end, x in zip(found.end, walked, strict=True)
    )
    of_coordinates = lambda values, units, what: (
        ("interval", "coordinate"),
        filled(values, free, n),
        attributes(units, f"{what}, replayed minus walked, at the end", comment=_NOT_FREE),
    )
    time = walk["time"].values
    known = model_coordinates(model)
    kept = ("coordinate", "motion_type", "value_unit", "muscle")
    dataset = xr.Dataset(
        {
            "value_departure": of_coordinates(value, "rad or m", "Coordinate value"),
            "speed_departure": of_coordinates(speed, "rad/s or m/s", "Coordinate speed"),
            "activation_departure": (
                ("interval", "muscle"),
                activation,
                attributes("1", "Muscle activation, replayed minus walked, at the end"),
            ),
            "integration_steps": (
                ("interval",),
                np.asarray(found.steps),
                attributes("1", "Steps of the integration"),
            ),
            "replayed": (
                ("interval",),
                np.asarray(found.successful).astype(np.int8),
                attributes("1", "1 where the integration came to the end of the interval"),
            ),
        },
        {
            **{name: known[name] for name in kept},
            "start_time": ("interval", time[:-1], attributes("s", "Start of the interval")),
            "end_time": ("interval", time[1:], attributes("s", "End of the interval")),
        },
    )
    same = walk.attrs.get("model_sha256") == model_hash(model)
    notes = walk.attrs.get("notes", "").splitlines()
    dataset.attrs = {
        "title": f"biomech replay: {model.name}",
        "study": "replay",
        **provenance(model, config={"study": "replay", "tolerance": tolerance}, study="replay"),
        "notes": "\n".join(notes if same else (*notes, _ANOTHER_BODY)),
        "replay_report": _report(np.abs(value), found, time, model),
    }
    return dataset


def _report(away: np.ndarray, found: study.Replay, time, model: Model) -> str:
    """In words: median and largest departure of a coordinate, where, and what was not replayed."""
    reached = np.asarray(found.successful)
    lines: list[Any] = []
    if reached.any():
        away = np.where(reached[:, None], away, -np.inf)
        interval, coordinate = np.unravel_index(int(away.argmax()), away.shape)
        names = model.skeleton.coordinates.free_names
        lines.append(
            f"Coordinates depart by {np.median(away[reached]):.1e} rad or m in the median, by "
            f"{away.max():.1e} at most: '{names[coordinate]}' between {time[interval]:.3f} and "
            f"{time[interval + 1]:.3f} s."
        )
    if not reached.all():
        lines.append(f"In {int((~reached).sum())} of {reached.size} intervals it gave up.")
    return "\n".join(lines)
