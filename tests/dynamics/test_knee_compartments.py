import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.dynamics.knee_compartments import (
    DEFAULT_SPACING,
    compartment_forces,
    knee_contacts,
    lateral_shift,
)

OUTWARDS = {"r": 1.0, "l": -1.0}  # along z
MIRROR = jnp.array([1.0, 1.0, -1.0])
FORCE, MOMENT = jnp.array([60.0, -1900.0, 45.0]), jnp.array([-12.0, 3.0, 7.0])
BARE = jnp.array([30.0, -780.0, 20.0])


def reaction_of(side, medial, lateral, spacing, shear=(0.0, 0.0)):
    """Force and moment at the knee center of two pushes down the tibia, and shear through it."""
    out = OUTWARDS[side] * spacing / 2.0
    points = jnp.array([[0.0, 0.0, -out], [0.0, 0.0, out]])
    pushes = jnp.array([[0.0, -medial, 0.0], [0.0, -lateral, 0.0]])
    force = jnp.sum(pushes, axis=0) + jnp.array([shear[0], 0.0, shear[1]])
    return force, jnp.sum(jnp.cross(points, pushes), axis=0) + jnp.array([0.0, 4.0, -9.0])


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("medial, lateral", [(1500.0, 600.0), (900.0, 900.0), (700.0, -80.0)])
def test_two_known_contact_forces_are_found_again(side, medial, lateral):
    """A free-body diagram of the plateau, lift-off included; shear and twist play no part."""
    force, moment = reaction_of(side, medial, lateral, 0.046, shear=(70.0, -30.0))
    got = compartment_forces(force, moment, force, side=side, spacing=0.046)
    np.testing.assert_allclose(got, [medial, lateral], rtol=1e-12)


def test_left_is_the_mirror_image_of_right():
    mirrored = FORCE * MIRROR, -MOMENT * MIRROR, BARE * MIRROR  # a moment is an axial vector
    given = {"spacing": 0.04, "lateral_shift": 0.003}
    right = compartment_forces(FORCE, MOMENT, BARE, side="r", **given)
    np.testing.assert_allclose(
        compartment_forces(*mirrored, side="l", **given), right, rtol=0.0, atol=1e-12
    )


def test_an_adducting_moment_loads_the_medial_side():
    """Ground under the foot, 30 mm inwards of a knee without muscles: past the medial contact."""
    for side, out in OUTWARDS.items():
        ground = jnp.array([0.0, 700.0, 0.0])
        arm = jnp.array([0.0, -0.4, -0.03 * out])
        medial, lateral = compartment_forces(
            -ground, -jnp.cross(arm, ground), -ground, side=side, spacing=0.04
        )
        np.testing.assert_allclose([medial, lateral], [700.0 * 1.25, -700.0 * 0.25], rtol=1e-12)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("degrees", [-4.0, 0.5, 3.0])
def test_varus_against_a_leg_drawn_bent(side, degrees):
    """Hip above the ankle, the knee out by the shift, a vertical force through the ankle.

    The contacts move with the knee, so that in varus the force passes inwards of their middle.
    The exact triangle differs from the small-angle shift by the square of the angle.
    """
    thigh, shank, load, spacing = 0.41, 0.43, 800.0, 0.04
    hip, ankle = jnp.array([0.0, thigh + shank, 0.0]), jnp.zeros(3)
    straight = jnp.array([0.0, shank, 0.0])
    shift = lateral_shift(jnp.deg2rad(degrees), hip, straight, ankle)
    angle = np.arctan(float(shift) / thigh) + np.arctan(float(shift) / shank)
    np.testing.assert_allclose(angle, np.deg2rad(degrees), rtol=2.0 * np.deg2rad(degrees) ** 2)

    knee = straight + shift * jnp.array([0.0, 0.0, OUTWARDS[side]])
    ground = jnp.array([0.0, load, 0.0])
    about = lambda center: -jnp.cross(ankle - center, ground)
    bent = compartment_forces(-ground, about(knee), -ground, side=side, spacing=spacing)
    got = compartment_forces(
        -ground, about(straight), -ground, side=side, spacing=spacing, lateral_shift=shift
    )
    np.testing.assert_allclose(got, bent, rtol=1e-12)
    np.testing.assert_allclose(got[0] - got[1], 2.0 * load * shift / spacing, rtol=1e-9)


def test_a_degree_of_varus_weighs_what_lerner_2015_found():
    """51 N for each degree and 41 N for each millimetre of contact translation, one subject.

    A millimetre takes C / spacing: their first peak had C = 41 N/mm 40 mm = 1640 N. The degree
    needs the load without muscles and the leg's length, which the abstract does not give: with a
    ground reaction of 600 to 850 N and segments of 0.36 to 0.43 m ours is 47 to 80 N.
    """
    per_degree = []
    for load, length in ((600.0, 0.36), (850.0, 0.43)):
        shift = float(
            lateral_shift(
                jnp.deg2rad(1.0),
                jnp.array([0.0, 2.0 * length, 0.0]),
                jnp.array([0.0, length, 0.0]),
                jnp.zeros(3),
            )
        )
        per_degree.append(load * shift / DEFAULT_SPACING)
    assert per_degree[0] <= 51.0 <= per_degree[1], per_degree
    force = jnp.array([0.0, -1640.0, 0.0])
    moved = force[1] * 1e-3  # about the middle of contacts that are 1 mm farther outwards
    medial, _ = compartment_forces(
        force, jnp.array([moved, 0.0, 0.0]), force, side="r", spacing=DEFAULT_SPACING
    )
    np.testing.assert_allclose(medial - 820.0, 41.0, rtol=1e-12)


def test_alignment_and_spacing_change_the_shares_and_not_the_sum():
    total = lambda **given: jnp.sum(compartment_forces(FORCE, MOMENT, BARE, side="r", **given))
    for given in ({"spacing": 0.03}, {"spacing": 0.05, "lateral_shift": 0.01}):
        np.testing.assert_allclose(total(**given), -FORCE[1], rtol=1e-14)


def test_compartment_gradients():
    """With respect to the load, the spacing, the alignment and where the joints are."""
    centers = (
        jnp.array([0.0, 0.9, 0.08]),
        jnp.array([0.02, 0.48, 0.09]),
        jnp.array([-0.02, 0.08, 0.1]),
    )

    def forces(*arguments):
        force, moment, bare, spacing, varus, *joints = map(jnp.asarray, arguments)
        shift = lateral_shift(varus, *joints)
        return compartment_forces(
            force, moment, bare, side="l", spacing=spacing, lateral_shift=shift
        )

    arguments = (FORCE, MOMENT, BARE, jnp.array(0.04), jnp.array(0.03), *centers)
    check_grads(forces, arguments, order=1, modes=["fwd", "rev"], atol=1e-4, rtol=1e-6)
    per_radian = jax.jacfwd(forces, argnums=4)(*arguments)
    more = forces(*arguments[:4], arguments[4] + 0.1, *centers) - forces(*arguments)
    np.testing.assert_allclose(more, 0.1 * per_radian, rtol=1e-10)  # linear in varus


def test_contacts_of_both_knees_and_of_one():
    default = knee_contacts()
    np.testing.assert_array_equal(default.varus, [0.0, 0.0])
    np.testing.assert_allclose(default.spacing, [0.04, 0.04], rtol=1e-15)
    one = knee_contacts(varus_deg={"l": 5.0}, spacing_mm=46.0)
    np.testing.assert_allclose(one.varus, [0.0, np.deg2rad(5.0)], rtol=1e-15)
    np.testing.assert_allclose(one.spacing, [0.046, 0.046], rtol=1e-15)
