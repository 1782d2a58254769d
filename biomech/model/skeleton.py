"""The skeleton: rigid bodies in a tree, each moved by the joint named with it.

Every joint is OpenSim's `SpatialTransform`: three rotations about axes fixed in successive
frames, then three translations along axes of the joint's parent frame, each a function of at
most one coordinate (`PinJoint`, `WeldJoint`, `UniversalJoint`, `PlanarJoint` are special cases).
So one record of arrays describes any tree, and kinematics run over all joints at once.

Frames: ground x forward, y up, z right. A joint connects a frame fixed in the parent body to a
frame fixed in the child body; orientations are body-fixed x-y-z angles, as in OpenSim.
"""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from .functions import PiecewisePolynomial
from .names import BadInput, find

GROUND = -1
"""Index that stands for ground wherever a body index is asked for."""


class Coordinates(eqx.Module):
    """Generalized coordinates, in the order of the `coordinate` axis.

    **Attributes:**

    - `default_value`: [rad] or [m].
    - `lower`, `upper`: range [rad] or [m]; information, not enforced.
    - `coupler`: value of each dependent coordinate as a function of its independent one.
    - `names`, `motion_types` ("rotational" or "translational"), `locked`, `clamped`: static.
    - `dependent`, `independent`: index pairs of coupled coordinates, e.g. patella and knee. Static.
    """

    default_value: Float[Array, " coordinate"]
    lower: Float[Array, " coordinate"]
    upper: Float[Array, " coordinate"]
    coupler: PiecewisePolynomial
    names: tuple[str, ...] = eqx.field(static=True)
    motion_types: tuple[str, ...] = eqx.field(static=True)
    locked: tuple[bool, ...] = eqx.field(static=True)
    clamped: tuple[bool, ...] = eqx.field(static=True)
    dependent: tuple[int, ...] = eqx.field(static=True, default=())
    independent: tuple[int, ...] = eqx.field(static=True, default=())

    @property
    def free(self) -> tuple[int, ...]:
        """Coordinates that muscles must balance: neither locked nor dependent on another."""
        fixed = set(self.dependent) | {i for i, locked in enumerate(self.locked) if locked}
        return tuple(i for i in range(len(self.names)) if i not in fixed)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free coordinates, in order."""
        return tuple(self.names[i] for i in self.free)


class Skeleton(eqx.Module):
    """Bodies and joints; joint `i` moves body `i` relative to body `parents[i]`.

    **Attributes:**

    - `mass`: [kg]. `mass_center`: in the body frame [m].
    - `inertia`: xx, yy, zz, xy, xz, yz about the mass center, body axes [kg m^2].
    - `parent_frame_position` [m], `parent_frame_orientation` [rad]: joint frame in the parent.
    - `child_frame_position` [m], `child_frame_orientation` [rad]: joint frame in the child.
    - `axes`: unit axes of rotation 1-3 and translation 1-3.
    - `axis_functions`: amount along each axis, [rad] or [m], as a function of its coordinate.
    - `gravity`: acceleration in ground [m/s^2].
    - `axis_coordinates`: index of the coordinate each axis depends on, -1 for none. Static.
    - `parents`: index of the parent body, -1 for ground; parents come before children. Static.
    """

    mass: Float[Array, " body"]
    mass_center: Float[Array, "body 3"]
    inertia: Float[Array, "body 6"]
    parent_frame_position: Float[Array, "body 3"]
    parent_frame_orientation: Float[Array, "body 3"]
    child_frame_position: Float[Array, "body 3"]
    child_frame_orientation: Float[Array, "body 3"]
    axes: Float[Array, "body 6 3"]
    axis_functions: PiecewisePolynomial
    gravity: Float[Array, "3"]
    coordinates: Coordinates
    body_names: tuple[str, ...] = eqx.field(static=True)
    joint_names: tuple[str, ...] = eqx.field(static=True)
    parents: tuple[int, ...] = eqx.field(static=True)
    axis_coordinates: tuple[tuple[int, ...], ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.body_names)
        if not (len(self.joint_names) == len(self.parents) == len(self.axis_coordinates) == n):
            raise BadInput(f"`Skeleton` got {n} bodies but another number of joints.")
        late = [self.body_names[i] for i, parent in enumerate(self.parents) if parent >= i]
        if late:
            raise BadInput(f"`Skeleton` needs every parent before its children; not so for {late}.")
        for name, axes in zip(self.joint_names, self.axis_coordinates, strict=True):
            owners = {c for c in axes if c >= 0}
            if any(owners & set(other) for other in self._other_axes(name)):
                raise BadInput(f"A coordinate of joint '{name}' also moves another joint.")

    def _other_axes(self, joint_name):
        pairs = zip(self.joint_names, self.axis_coordinates, strict=True)
        return [axes for name, axes in pairs if name != joint_name]

    def body_index(self, name: str) -> int:
        """Index of a body; -1 for "ground"."""
        return GROUND if name == "ground" else find("body", name, self.body_names)

    @property
    def coordinate_body(self) -> tuple[int, ...]:
        """Body moved by each coordinate's joint."""
        owner = [GROUND] * len(self.coordinates.names)
        for body, axes in enumerate(self.axis_coordinates):
            for coordinate in axes:
                if coordinate >= 0:
                    owner[coordinate] = body
        return tuple(owner)

    @property
    def root_coordinates(self) -> tuple[int, ...]:
        """Coordinates of joints to ground."""
        moved = enumerate(self.coordinate_body)
        return tuple(c for c, body in moved if body >= 0 and self.parents[body] < 0)

    @property
    def ancestors(self) -> np.ndarray:
        """[body, body] of 0 and 1: row `i` marks body `i` and every body between it and ground."""
        n = len(self.parents)
        chain = np.eye(n)
        for body, parent in enumerate(self.parents):
            if parent >= 0:
                chain[body] += chain[parent]
        return chain

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Bodies grouped by their number of joints from ground."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(0 if parent < 0 else depth[parent] + 1)
        return tuple(
            tuple(i for i, d in enumerate(depth) if d == level)
            for level in range(max(depth, default=-1) + 1)
        )
