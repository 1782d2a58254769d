"""Numbers of a model by name: what a sensitivity is taken with respect to.

A parameter is `group:element`, e.g. `max_isometric_force:glmed1_r`, `segment_mass:tibia_l` or
`path_point:glmed1_r.2.y` (the second point's y in its body). A pattern chooses several:
`max_isometric_force:gl*`, `segment_mass:*`, or a group's name alone.
"""

import fnmatch
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from .body import Model
from .names import UnknownName, suggest

AXES = ("x", "y", "z")


class ParameterGroup(NamedTuple):
    """Parameters of one kind.

    - `leaf`: the model's array that holds them.
    - `elements`: name of every entry of that array, flattened; "" where padding is.
    - `unit`; `step`: a change worth speaking of, [unit], or None for 1 % of the value.
    """

    leaf: Callable[[Model], Array]
    elements: Callable[[Model], tuple[str, ...]]
    unit: str
    step: float | None
    description: str


class Parameters(NamedTuple):
    """Chosen parameters: a row each.

    - `names`: `group:element`. `groups`: of each row. `entry`: its place in the group's array.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    entry: np.ndarray

    @property
    def distinct_groups(self) -> tuple[str, ...]:
        """Groups with at least one parameter, in order."""
        return tuple(dict.fromkeys(self.groups))


def _muscles(model):
    return model.muscles.names


def _bodies(model):
    return model.skeleton.body_names


def _by_axis(names):
    return tuple(f"{name}.{axis}" for name in names for axis in AXES)


def _points(model):
    """Fixed points only: a moving one's place is a function, not a number."""
    paths, moving = model.muscles.paths, set(model.muscles.paths.moving)
    width = paths.location.shape[1]
    names = []
    for row, (name, bodies) in enumerate(zip(paths.names, paths.point_bodies, strict=True)):
        for place in range(width):
            real = place < len(bodies) and (row, place) not in moving
            names += [f"{name}.{place + 1}.{axis}" if real else "" for axis in AXES]
    return tuple(names)


_MILLIMETRE = 1e-3

PARAMETERS: dict[str, ParameterGroup] = {
    "max_isometric_force": ParameterGroup(
        lambda m: m.muscles.max_isometric_force, _muscles, "N", None, "Muscle strength"
    ),
    "optimal_fiber_length": ParameterGroup(
        lambda m: m.muscles.optimal_fiber_length, _muscles, "m", None, "Optimal fiber length"
    ),
    "tendon_slack_length": ParameterGroup(
        lambda m: m.muscles.tendon_slack_length, _muscles, "m", None, "Tendon slack length"
    ),
    "pennation_angle": ParameterGroup(
        *(lambda m: m.muscles.pennation_angle, _muscles, "rad", None),
        "Pennation angle at optimal fiber length",
    ),
    "max_contraction_velocity": ParameterGroup(
        *(lambda m: m.muscles.max_contraction_velocity, _muscles, "1/s", None),
        "Maximum contraction velocity [optimal fiber lengths / s]",
    ),
    "path_point": ParameterGroup(
        *(lambda m: m.muscles.paths.location, _points, "m", _MILLIMETRE),
        "Place of a muscle's path point in its body",
    ),
    "wrap_radius": ParameterGroup(
        *(lambda m: m.muscles.paths.cylinders.radius, lambda m: m.muscles.paths.cylinders.names),
        *("m", None, "Radius of a cylinder that muscles wrap over"),
    ),
    "segment_mass": ParameterGroup(lambda m: m.skeleton.mass, _bodies, "kg", None, "Segment mass"),
    "segment_mass_center": ParameterGroup(
        *(lambda m: m.skeleton.mass_center, lambda m: _by_axis(_bodies(m)), "m", _MILLIMETRE),
        "Place of a segment's mass center in its body",
    ),
    "contact_stiffness": ParameterGroup(
        *(lambda m: m.contacts.stiffness, lambda m: m.contacts.names, "N/m^2", None),
        "Stiffness of a region of the sole",
    ),
}
"""Group name -> what it is. Every entry can be differentiated with respect to."""


def choose_parameters(model: Model, patterns: Sequence[str]) -> Parameters:
    """The model's parameters that any of `patterns` names, in the order of the catalogue.

    **Raises:** `UnknownName` for a pattern that names none.
    """
    known = {
        group: [f"{group}:{element}" if element else "" for element in entry.elements(model)]
        for group, entry in PARAMETERS.items()
    }
    every = [name for names in known.values() for name in names if name]
    wanted = set()
    for pattern in patterns:
        found = fnmatch.filter(every, pattern if ":" in pattern else f"{pattern}:*")
        if not found:
            candidates = every if ":" in pattern else tuple(PARAMETERS)
            raise UnknownName(
                f"No parameter of this model is called '{pattern}'. {suggest(pattern, candidates)}"
            )
        wanted.update(found)
    rows = [
        (name, group, place)
        for group, names in known.items()
        for place, name in enumerate(names)
        if name in wanted
    ]
    return Parameters(
        tuple(name for name, _, _ in rows),
        tuple(group for _, group, _ in rows),
        np.array([place for _, _, place in rows], dtype=int),
    )


def parameter_values(model: Model, parameters: Parameters) -> np.ndarray:
    """Value of each parameter, in its group's unit."""
    flat = {g: np.asarray(PARAMETERS[g].leaf(model)).ravel() for g in parameters.distinct_groups}
    pairs = zip(parameters.groups, parameters.entry, strict=True)
    return np.array([flat[group][entry] for group, entry in pairs], dtype=float)
