import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values, mass_centers
from biomech.dynamics import pose as pose_uncompiled
from biomech.dynamics.spatial import rotate
from biomech.interventions.leg_length import bone_length, long_bones
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.paths import path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state
from biomech.personalise import foot_length, scale_model, standing_height
from two_legs import VERTEX_ABOVE_SOLE, two_legs

MASS = 73.0  # of `two_legs` [kg]: 46 + 2 x 13.5
FEMUR, TIBIA, FOOT = 0.396, 0.4, 0.249  # of `two_legs` [m]

pose = compiled(pose_uncompiled)


def bone(model, stem, side="r"):
    """Length of femur or tibia [m]."""
    (found,) = (b for b in long_bones(model, side) if b.stem == stem)
    return float(bone_length(model.skeleton, found))


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


@compiled
def norm_fiber_lengths(model):
    value = default_values(model.skeleton)
    length = path_geometry(model.muscles.paths, pose(model.skeleton, value), value).length
    return rigid_tendon_state(model.muscles, length, jnp.zeros_like(length)).norm_fiber_length


def lowest(model, side):
    """Lowest point of the contact spheres of a foot below the pelvis [m]."""
    now = pose(model.skeleton, default_values(model.skeleton))
    feet = np.array(model.contacts.bodies)
    bottom = (now.position[feet] + rotate(now.rotation[feet], model.contacts.location))[:, 1]
    own = np.array([name.endswith(side) for name in model.contacts.names])
    return float(np.min((bottom - model.contacts.radius - now.position[0, 1])[own]))


def test_the_body_for_tests_is_of_the_size_it_says(body):
    assert float(standing_height(body)) == pytest.approx(VERTEX_ABOVE_SOLE, abs=1e-14)
    assert float(jnp.sum(body.skeleton.mass)) == pytest.approx(MASS, abs=1e-12)
    for side in "rl":
        assert float(foot_length(body, side)) == pytest.approx(FOOT, abs=1e-14)


def test_nothing_asked_for_is_the_model_itself(body):
    assert scale_model(body) is body


def test_its_own_size_changes_nothing(body):
    own = scale_model(
        body,
        height_m=standing_height(body),
        mass_kg=jnp.sum(body.skeleton.mass),
        segment_lengths={
            "femur": bone(body, "femur"),
            "tibia": bone(body, "tibia"),
        },
        foot_length=foot_length(body, "r"),
    )
    for new, old in zip(jax.tree.leaves(own), jax.tree.leaves(body), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-14, atol=1e-15)
    exact = scale_model(body, height_m=standing_height(body), mass_kg=jnp.sum(body.skeleton.mass))
    assert eqx.tree_equal(exact, body)


@pytest.mark.parametrize("height, mass", [(1.5, 45.0), (1.6, 95.0), (1.72, 73.0), (2.0, 110.0)])
def test_height_and_mass_come_out_and_fibers_keep_their_norm_lengths(body, height, mass):
    scaled = scale_model(body, height_m=height, mass_kg=mass)
    assert float(standing_height(scaled)) == pytest.approx(height, abs=1e-14)
    assert float(jnp.sum(scaled.skeleton.mass)) == pytest.approx(mass, rel=1e-14)
    np.testing.assert_allclose(
        norm_fiber_lengths(scaled), norm_fiber_lengths(body), rtol=0, atol=1e-11
    )  # the bar is 0.02
    ratio = height / VERTEX_ABOVE_SOLE
    for side in "rl":
        assert float(foot_length(scaled, side)) == pytest.approx(ratio * FOOT, rel=1e-13)
        assert lowest(scaled, side) == pytest.approx(ratio * lowest(body, side), rel=1e-13)


def test_shares_of_mass_and_place_of_the_center_stay(body):
    scaled = scale_model(body, height_m=1.9, mass_kg=90.0)
    np.testing.assert_allclose(
        scaled.skeleton.mass / 90.0, np.asarray(body.skeleton.mass) / MASS, rtol=1e-14
    )

    def center(model):
        now = pose(model.skeleton, default_values(model.skeleton))
        place = model.skeleton.mass @ mass_centers(model.skeleton, now)
        return np.asarray(place / jnp.sum(model.skeleton.mass) - now.position[0])

    ratio = 1.9 / VERTEX_ABOVE_SOLE
    np.testing.assert_allclose(center(scaled), ratio * center(body), atol=1e-14)
    factor = 90.0 / MASS * (1.9 / VERTEX_ABOVE_SOLE) ** 2
    np.testing.assert_allclose(
        scaled.skeleton.inertia, factor * np.asarray(body.skeleton.inertia), rtol=1e-13
    )


def volume(mass, height):
    """Handsfield et al. (2014): volume of the leg's muscles [cm^3]."""
    return 47.05 * mass * height + 1289.6


def test_strength_goes_with_muscle_volume_over_fiber_length(body):
    scaled = scale_model(body, height_m=1.9, mass_kg=90.0)
    m, h = 90.0 / MASS, 1.9 / VERTEX_ABOVE_SOLE
    v = volume(90.0, 1.9) / volume(MASS, VERTEX_ABOVE_SOLE)
    specific = lambda model: model.muscles.max_isometric_force * model.muscles.optimal_fiber_length
    np.testing.assert_allclose(specific(scaled) / specific(body), v, rtol=1e-12)
    ratio = lambda leaf: np.asarray(leaf(scaled) / leaf(body))
    np.testing.assert_allclose(ratio(lambda b: b.ligaments.pcsa_force), m / h, rtol=1e-14)
    np.testing.assert_allclose(ratio(lambda b: b.actuators.optimal_force), v, rtol=1e-14)
    for field in ("stiffness", "damping", "lower_moment", "upper_moment"):
        got = ratio(lambda b, field=field: getattr(b.passive_moments, field))
        np.testing.assert_allclose(got, m, rtol=1e-14)
    np.testing.assert_array_equal(scaled.contacts.stiffness, body.contacts.stiffness)


def test_only_motors_grow_stronger_and_slides_have_no_lever():
    description = two_legs()
    (lumbar,) = description["actuators"]
    description["actuators"] += [
        lumbar | {"name": "reserve", "coordinate": "mtp_angle_r", "kind": "reserve"},
        lumbar | {"name": "push", "coordinate": "pelvis_tx"},
    ]
    slide = {"name": "bungee", "coordinate": "pelvis_ty", "stiffness": 5.0, "upper_moment": 1.0}
    description["passive_moments"].append(slide)
    body = build_model(description)
    scaled = scale_model(body, height_m=1.9, mass_kg=90.0)
    m, h = 90.0 / MASS, 1.9 / VERTEX_ABOVE_SOLE
    v = volume(90.0, 1.9) / volume(MASS, VERTEX_ABOVE_SOLE)
    gain = scaled.actuators.optimal_force / body.actuators.optimal_force
    np.testing.assert_allclose(gain, [v, 1.0, v / h], rtol=1e-14)
    moments = scaled.passive_moments
    assert float(moments.stiffness[-1]) == pytest.approx(5.0 * m / h**2)  # force per length
    assert float(moments.upper_moment[-1]) == pytest.approx(m / h)  # force


def test_mass_alone_leaves_every_length(body):
    heavy = scale_model(body, mass_kg=95.0)
    np.testing.assert_array_equal(
        heavy.skeleton.parent_frame_position, body.skeleton.parent_frame_position
    )
    np.testing.assert_array_equal(
        heavy.muscles.tendon_slack_length, body.muscles.tendon_slack_length
    )
    v = volume(95.0, VERTEX_ABOVE_SOLE) / volume(MASS, VERTEX_ABOVE_SOLE)
    np.testing.assert_allclose(
        heavy.muscles.max_isometric_force, v * np.asarray(body.muscles.max_isometric_force)
    )


def test_lengths_of_segments_are_met_on_the_sides_asked_for(body):
    scaled = scale_model(
        body, segment_lengths={"femur": 0.43, "tibia": 0.37}, foot_length=0.27, side="l"
    )
    assert bone(scaled, "femur", "l") == pytest.approx(0.43, rel=1e-14)
    assert bone(scaled, "tibia", "l") == pytest.approx(0.37, rel=1e-14)
    assert float(foot_length(scaled, "l")) == pytest.approx(0.27, rel=1e-14)
    assert bone(scaled, "femur") == pytest.approx(FEMUR, abs=1e-15)
    assert float(foot_length(scaled, "r")) == pytest.approx(FOOT, abs=1e-15)
    np.testing.assert_array_equal(scaled.skeleton.mass, body.skeleton.mass)
    np.testing.assert_array_equal(
        scaled.muscles.max_isometric_force, body.muscles.max_isometric_force
    )
    np.testing.assert_allclose(norm_fiber_lengths(scaled), norm_fiber_lengths(body), atol=1e-11)


def test_height_is_met_whatever_the_legs_are(body):
    """Long legs, short trunk: the other segments share what is left."""
    scaled = scale_model(
        body, height_m=1.8, segment_lengths={"femur": 0.46, "tibia": 0.44}, foot_length=0.24
    )
    assert float(standing_height(scaled)) == pytest.approx(1.8, abs=1e-14)
    assert bone(scaled, "femur") == pytest.approx(0.46)
    assert bone(scaled, "tibia", "l") == pytest.approx(0.44)
    assert float(foot_length(scaled, "r")) == pytest.approx(0.24)
    place = lambda model: np.asarray(model.skeleton.parent_frame_position)[
        model.skeleton.joint_names.index("lumbar")
    ]
    # By hand: foot, ankle to hip and the rest of the body add up to the height.
    foot, legs = 0.061 * 0.24 / FOOT, 0.46 + 0.44
    rest = (1.8 - foot - legs) / (VERTEX_ABOVE_SOLE - 0.061 - FEMUR - TIBIA)
    np.testing.assert_allclose(place(scaled), rest * place(body), rtol=1e-12)


def test_derivative_with_respect_to_size(body):
    """Forward against central differences of height, mass, a length and a foot."""

    def reach(size):
        height, mass, femur, foot = size
        scaled = scale_model(
            body,
            height_m=height,
            mass_kg=mass,
            segment_lengths={"femur": femur},
            foot_length=foot,
        )
        return jnp.concatenate(
            [
                scaled.skeleton.inertia.ravel(),
                scaled.muscles.max_isometric_force / 1e3,
                scaled.muscles.optimal_fiber_length,
                scaled.ligaments.pcsa_force / 1e3,
                scaled.contacts.location.ravel(),
                scaled.passive_moments.stiffness / 1e2,
            ]
        )

    size = jnp.array([1.81, 82.0, 0.42, 0.26])
    exact = np.asarray(compiled(jax.jacfwd(reach))(size))
    once = compiled(reach)
    for column, step in enumerate((1e-4, 1e-2, 1e-4, 1e-4)):
        up, down = once(size.at[column].add(step)), once(size.at[column].add(-step))
        difference = np.asarray(up - down) / (2.0 * step)
        assert np.abs(difference).max() > 0.0
        np.testing.assert_allclose(
            exact[:, column], difference, rtol=1e-5, atol=1e-8 * np.abs(difference).max()
        )


def test_a_sweep_of_sizes_compiles_once(body):
    once = compiled(
        eqx.debug.assert_max_traces(
            lambda height, mass: scale_model(body, height_m=height, mass_kg=mass).skeleton.mass,
            max_traces=1,
        )
    )
    for height, mass in ((1.6, 60.0), (1.7, 70.0), (1.8, 80.0)):
        assert float(jnp.sum(once(jnp.asarray(height), jnp.asarray(mass)))) == pytest.approx(mass)


def without_vertex():
    description = two_legs()
    description["markers"] = description["markers"][:-1]
    return build_model(description)


def test_height_of_a_body_without_vertex_must_be_told(body):
    bare = without_vertex()
    for ask in ({"height_m": 1.8}, {"mass_kg": 80.0}):
        with pytest.raises(BadInput, match=r"no marker `vertex` .* Give `current_height_m`"):
            scale_model(bare, **ask)
    told = scale_model(bare, height_m=1.8, mass_kg=80.0, current_height_m=VERTEX_ABOVE_SOLE)
    known = scale_model(body, height_m=1.8, mass_kg=80.0)
    np.testing.assert_allclose(
        told.muscles.tendon_slack_length, known.muscles.tendon_slack_length, rtol=1e-13
    )
    np.testing.assert_allclose(
        told.muscles.max_isometric_force, known.muscles.max_isometric_force, rtol=1e-13
    )
    scale_model(bare, foot_length=0.25)  # needs no height


@pytest.mark.parametrize(
    "size, said",
    [
        ({"height_m": 180.0}, r"scale_model.height_m is 180; it must be between 1.3 and 2.2 m"),
        ({"mass_kg": 10.0}, r"scale_model.mass_kg is 10; it must be between 30 and 200 kg"),
        ({"mass_kg": 80.0, "current_height_m": 20.0}, r"current height.height_m is 20; it"),
        (
            {"segment_lengths": {"thigh": 0.4}},
            r"`segment_lengths` has no 'thigh'. There are: femur",
        ),
        ({"segment_lengths": {"femur": 43.0}}, r"length of femur_r would become 109 times"),
        ({"foot_length": 26.0}, r"length of foot 'r' would become 104 times .* is 0.249 m"),
        ({"side": "right", "foot_length": 0.26}, r"side is 'right'; it must be one of r, l, both"),
        ({"height_m": 1.8, "side": "r"}, r"height_m is of the whole body"),
    ],
)
def test_sizes_that_nobody_has_are_refused(body, size, said):
    with pytest.raises(BadInput, match=said):
        scale_model(body, **size)


def test_the_foot_is_as_long_as_its_markers_are_apart():
    description = two_legs()
    for side in "rl":
        ends = {"pternion": ("calcn", -0.02), "acropodion": ("toes", 0.06)}
        for name, (owner, x) in ends.items():
            marker = {"name": f"{name}_{side}", "body": f"{owner}_{side}", "location": [x, 0, 0]}
            description["markers"].append(marker)
    body = build_model(description)
    assert float(foot_length(body, "l")) == pytest.approx(0.26, abs=1e-14)  # 0.02+0.08+0.1+0.06
    longer = scale_model(body, foot_length=0.286, side="r")
    assert float(foot_length(longer, "r")) == pytest.approx(0.286, rel=1e-14)
    gain = longer.contacts.radius / body.contacts.radius
    feet = [1.1 if name.endswith("_r") else 1.0 for name in body.contacts.names]
    np.testing.assert_allclose(gain, feet, rtol=1e-14)


def test_a_body_without_feet_or_bones_is_refused():
    description = two_legs() | {"contacts": []}
    with pytest.raises(
        BadInput,
        match=r"no markers pternion_r and acropodion_r, and no contact spheres on talus_r, calcn_r",
    ):
        scale_model(build_model(description), foot_length=0.26)
    with pytest.raises(BadInput, match="or no contact spheres under its feet"):
        scale_model(build_model(description), height_m=1.8)
