"""Lines of action: the points a muscle or ligament passes through, and what it wraps over.

Points are padded to one length so that all paths evaluate together. A point may be fixed in its
body, *moving* (its place is a function of a coordinate) or *conditional* (present only while a
coordinate is inside a range; the path's length jumps where it comes and goes). A path may wrap
over at most two cylinders.
"""

import equinox as eqx
from jaxtyping import Array, Float

from .functions import PiecewisePolynomial


class WrapCylinders(eqx.Module):
    """Cylinders that paths wrap over; z is the cylinder's axis.

    **Attributes:**

    - `radius`, `length`: [m].
    - `position` [m], `orientation` (body-fixed x-y-z angles [rad]): in the body.
    - `names`, `bodies`: static. Bodies are indices, -1 for ground.
    - `quadrants`: "all", or the half the path must keep to: "x", "-x", "y", "-y". Static.
    """

    radius: Float[Array, " cylinder"]
    length: Float[Array, " cylinder"]
    position: Float[Array, "cylinder 3"]
    orientation: Float[Array, "cylinder 3"]
    names: tuple[str, ...] = eqx.field(static=True)
    bodies: tuple[int, ...] = eqx.field(static=True)
    quadrants: tuple[str, ...] = eqx.field(static=True)


class Paths(eqx.Module):
    """Points and wraps of every path.

    **Attributes:**

    - `location`: of each point in its body [m]; zero where padded or moving.
    - `moving_location`: x, y, z [m] of the moving points, functions of a coordinate.
    - `condition_range`: coordinate range [rad] within which each conditional point is present.
    - `point_bodies`: body index of each path's points (-1 ground), one tuple per path. Static.
    - `moving`: (path, point) of each moving point. Static.
    - `moving_coordinates`: coordinate index of its x, y, z (-1 where constant). Static.
    - `conditional`: (path, point, coordinate) of each conditional point. Static.
    - `wraps`: for each path, (cylinder, first, last) in the file's order; the points from index
      `first` to index `last` bound the stretch that may wrap. Static.
    """

    location: Float[Array, "path point 3"]
    moving_location: PiecewisePolynomial
    condition_range: Float[Array, "conditional 2"]
    cylinders: WrapCylinders
    names: tuple[str, ...] = eqx.field(static=True)
    point_bodies: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    moving: tuple[tuple[int, int], ...] = eqx.field(static=True)
    moving_coordinates: tuple[tuple[int, int, int], ...] = eqx.field(static=True)
    conditional: tuple[tuple[int, int, int], ...] = eqx.field(static=True)
    wraps: tuple[tuple[tuple[int, int, int], ...], ...] = eqx.field(static=True)
