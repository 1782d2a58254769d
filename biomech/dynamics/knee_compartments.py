"""Medial and lateral contact force of the knee: its reaction shared by two points of the tibia.

    medial + lateral               = C = -R_y                        compression along the tibia
    (lateral - medial) spacing / 2 = m = +-M_x + shift N_y           frontal moment, + on the right

R and M are the force and moment of the femur on the tibia at the knee center, *with* muscles; N is
the force of the femur on the tibia *without* muscles (what ground, weight and inertia put across
the knee). All are in the tibia's axes: x anterior, y up, z right. Both contact points lie on the
tibia's z axis through the knee center, `spacing` apart and at equal distance from it, and each
pushes along the tibia. A negative force says that this compartment lifts off and that something
the model does not have, a collateral ligament, pulls instead: it is reported, never clipped.

Assumptions:

- The two contacts carry the whole frontal moment M_x. In a hinge knee that is the moment of its
  constraint; in a knee that can adduct against passive stiffness it is the moment of that
  stiffness, which counts as the knee's own (with whatever a reserve on that coordinate gives).
  Collateral ligaments are not told apart, so a tight one makes the true contact forces larger.
- Shear forces load neither compartment: the points are at the height of the knee center.

Varus. `varus` turns the mechanical axes of femur and tibia against each other (hip, knee and ankle
centers; + is a bow leg), on top of the alignment that the model has. Hip and ankle stay, so the
knee moves sideways,

    shift = varus a b / (a + b),      a = hip to knee, b = knee to ankle     (small angles)

and with it the contacts, the bones and the muscles on them. Ground, weight and inertia do not move
along, so that the force N gets an arm of `shift` more. First order: muscle forces are held, and the
tilt of the tibia (less than varus) is left out of C.

Source: the balance is that of a beam on two supports, Schipplein & Andriacchi (1991), J. Orthop.
Res. 9:113-119, doi:10.1002/jor.1100090114; with muscles, Winby et al. (2009), J. Biomech.
42:2294-2300, doi:10.1016/j.jbiomech.2009.06.019. Lerner et al. (2015), J. Biomech. 48:644-650,
doi:10.1016/j.jbiomech.2014.12.049, put contact points 40 mm apart about the knee center in a knee
of one degree of freedom and found 51 N more on the medial side for each degree of varus, 41 N for
each millimetre that the points move sideways. The shift is plane geometry.
"""

import math
from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

COMPARTMENTS = ("medial", "lateral")
DEFAULT_SPACING = 0.040
"""Between the contact points [m]; Lerner et al. (2015), see the head of this file."""
_SIDES = ("r", "l")


class KneeContacts(eqx.Module):
    """Where the femur rests on the tibia, one number for each side (r, l).

    **Attributes:**

    - `spacing`: between the contact points [m].
    - `varus`: alignment on top of the model's own [rad], + bow leg.
    """

    spacing: Float[Array, " side"]
    varus: Float[Array, " side"]


def knee_contacts(
    *,
    varus_deg: float | Mapping[str, float] = 0.0,
    spacing_mm: float | Mapping[str, float] = 1000.0 * DEFAULT_SPACING,
) -> KneeContacts:
    """Contact points of both knees; a number is for both sides, a mapping for those it names.

    The other side keeps the default: no varus, 40 mm.
    """
    of_sides = lambda given, rest: jnp.asarray(
        [float(given.get(side, rest) if isinstance(given, Mapping) else given) for side in _SIDES]
    )
    spacing = of_sides(spacing_mm, 1000.0 * DEFAULT_SPACING)
    varus = of_sides(varus_deg, 0.0)
    return KneeContacts(spacing * 1e-3, varus * (math.pi / 180.0))


def compartment_forces(
    reaction_force: Float[Array, "*n 3"],
    reaction_moment: Float[Array, "*n 3"],
    force_without_muscles: Float[Array, "*n 3"],
    *,
    side: str,
    spacing: Float[ArrayLike, ""],
    lateral_shift: Float[ArrayLike, "*#n"] = 0.0,
) -> Float[Array, "*n 2"]:
    """Medial and lateral contact force [N], compression positive; see the head of this file.

    All forces [N] and the moment [N m] are of the femur on the tibia, in tibia axes, at the knee
    center. `side`: r or l. `lateral_shift`: of the knee, out of line with hip and ankle [m].
    """
    outwards = 1.0 if side == "r" else -1.0
    compression = -reaction_force[..., 1]
    moment = outwards * reaction_moment[..., 0] + lateral_shift * force_without_muscles[..., 1]
    difference = 2.0 * moment / spacing
    return 0.5 * jnp.stack([compression - difference, compression + difference], axis=-1)


def external_adduction_moment(
    moment_without_muscles: Float[Array, "*n 3"], side: str
) -> Float[Array, "*n"]:
    """External knee adduction moment [N m] from that of the femur on the tibia, in tibia axes."""
    about_x = moment_without_muscles[..., 0]
    return -about_x if side == "r" else about_x


def lateral_shift(
    varus: Float[ArrayLike, ""],
    hip_center: Float[Array, "*n 3"],
    knee_center: Float[Array, "*n 3"],
    ankle_center: Float[Array, "*n 3"],
) -> Float[Array, "*n"]:
    """How far `varus` [rad] takes the knee outwards [m]; + away from the other leg."""
    distance = lambda p, q: jnp.sqrt(jnp.sum((q - p) ** 2, axis=-1))
    thigh, shank = distance(hip_center, knee_center), distance(knee_center, ankle_center)
    return jnp.asarray(varus) * thigh * shank / (thigh + shank)
