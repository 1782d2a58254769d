"""Spatial vectors and rotations.

Every twist and wrench in this package is written in ground axes about the ground origin: a twist
is (angular velocity, velocity of the body-fixed point now at the origin), a wrench is (moment
about the origin, force). Sums along the tree then need no transforms.

Source: Featherstone (2008), *Rigid Body Dynamics Algorithms*, chapter 2.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def cross(a: Float[Array, "*n 3"], b: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """a x b."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return jnp.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def length(vector: Float[Array, "*n 3"]) -> Float[Array, "*n"]:
    """|a|; its gradient where it is 0 is 0."""
    square = jnp.sum(vector**2, axis=-1)
    positive = square > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def rotate(rotation: Float[Array, "*n 3 3"], vector: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    """Rotation times vector, over leading axes."""
    return jnp.sum(rotation * vector[..., None, :], axis=-1)


def rotate_back(
    rotation: Float[Array, "*n 3 3"], vector: Float[Array, "*n 3"]
) -> Float[Array, "*n 3"]:
    """Transposed rotation times vector, over leading axes."""
    return jnp.sum(rotation * vector[..., :, None], axis=-2)


def compose(a: Float[Array, "*n 3 3"], b: Float[Array, "*n 3 3"]) -> Float[Array, "*n 3 3"]:
    """a b, over leading axes. Elementwise: batches of small matrix products run slower on a CPU,
    and under two `vmap`s some versions of XLA fail to compile them."""
    return jnp.sum(a[..., :, :, None] * b[..., None, :, :], axis=-2)


def axis_angle_rotation(
    axis: Float[Array, "*n 3"], angle: Float[Array, "*n"]
) -> Float[Array, "*n 3 3"]:
    """Rotation by `angle` [rad] about the unit `axis` (Rodrigues' formula)."""
    return turned(rodrigues_terms(axis), angle)


def rodrigues_terms(axis: Float[Array, "*n 3"]) -> tuple[Float[Array, "*n 3 3"], ...]:
    """1, K and K^2, of which rotations about the unit `axis` are made: K v = axis x v."""
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    zero = jnp.zeros_like(x)
    skew = _rows([[zero, -z, y], [z, zero, -x], [-y, x, zero]])
    skew_squared = _rows(
        [
            [-y * y - z * z, x * y, x * z],
            [x * y, -x * x - z * z, y * z],
            [x * z, y * z, -x * x - y * y],
        ]
    )
    return jnp.broadcast_to(jnp.eye(3, dtype=axis.dtype), skew.shape), skew, skew_squared


def turned(
    terms: tuple[Float[Array, "*n 3 3"], ...], angle: Float[Array, "*n"]
) -> Float[Array, "*n 3 3"]:
    """Rotation by `angle` [rad], of `rodrigues_terms` or these times constant matrices."""
    still, skew, skew_squared = terms
    sine, versine = jnp.sin(angle), 1.0 - jnp.cos(angle)
    return still + sine[..., None, None] * skew + versine[..., None, None] * skew_squared


def body_fixed_xyz_rotation(angles: Float[Array, "*n 3"]) -> Float[Array, "*n 3 3"]:
    """Rotation by body-fixed x-y-z angles [rad]: Rx Ry Rz, OpenSim's `orientation`."""
    (cx, cy, cz), (sx, sy, sz) = (
        jnp.moveaxis(jnp.cos(angles), -1, 0),
        jnp.moveaxis(jnp.sin(angles), -1, 0),
    )
    return _rows(
        [
            [cy * cz, -cy * sz, sy],
            [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
            [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
        ]
    )


def wrench_at(
    force: Float[Array, "*n 3"],
    point: Float[Array, "*n 3"],
    moment: Float[Array, "*n 3"] | None = None,
) -> Float[Array, "*n 6"]:
    """Wrench of a `force` [N] acting at `point` [m] with a free `moment` [N m]."""
    about_origin = cross(point, force)
    total = about_origin if moment is None else about_origin + moment
    return jnp.concatenate([total, force], axis=-1)


def _rows(rows):
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
