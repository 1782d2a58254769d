"""Which coordinates of a body meet: which second derivatives of its virtual power can be other than
zero, whatever the pose.

Two coordinates meet where both move one body (its inertia, and what the ground does to it), or
where one path bridges both. So those of one leg never meet those of the other.
"""

import numpy as np
from jaxtyping import Bool

from ..dynamics.kinematics import coordinate_ancestry
from ..model.body import Model
from ..muscles.paths import bridged_coordinates


def coordinates_that_meet(model: Model) -> Bool[np.ndarray, "free free"]:
    """Pairs of free coordinates; each meets itself."""
    moved = coordinate_ancestry(model.skeleton) > 0
    tied = [bridged_coordinates(x.paths, model.skeleton) for x in (model.muscles, model.ligaments)]
    together = _of_free(model, np.concatenate([moved, *tied])).astype(int)
    return (together.T @ together > 0) | np.eye(together.shape[1], dtype=bool)


def coordinates_of_muscles(model: Model) -> Bool[np.ndarray, "muscle free"]:
    """The free coordinates that each muscle's length and speed depend on."""
    return _of_free(model, bridged_coordinates(model.muscles.paths, model.skeleton))


def _of_free(model, rows):
    """[row, coordinate] of what depends on which, with coupled coordinates put down to those they
    follow."""
    coordinates = model.skeleton.coordinates
    follows = np.eye(len(coordinates.names), dtype=bool)
    follows[list(coordinates.dependent), list(coordinates.independent)] = True
    return (rows.astype(int) @ follows > 0)[:, np.array(coordinates.free, int)]
