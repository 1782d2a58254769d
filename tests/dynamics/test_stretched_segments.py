import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import apply_couplers, default_values, segment_length
from biomech.dynamics import pose as pose_uncompiled
from biomech.dynamics import stretch_segments as stretch_uncompiled
from biomech.dynamics.spatial import body_fixed_xyz_rotation, rotate
from biomech.model.build import build_model, describe_model
from bodies import axis, body, coordinate, description, joint, muscle, point
from small_models import leg_description
from two_legs import two_legs

pose, stretch_segments = compiled(pose_uncompiled), compiled(stretch_uncompiled)


def everywhere(model, factor):
    return jnp.broadcast_to(jnp.asarray(factor, float), (len(model.skeleton.body_names), 3))


@pytest.fixture(scope="module")
def legs():
    return build_model(two_legs())


@pytest.fixture(scope="module")
def small():
    return build_model(leg_description())


def test_factors_of_one_change_nothing_exactly(legs, small):
    for model in (legs, small):
        assert eqx.tree_equal(stretch_segments(model, everywhere(model, 1.0)), model)


def test_a_body_of_one_size_larger_is_similar_in_any_pose(legs):
    """All origins, joint centers, markers and spheres, seen from the root, 1.2 times as far."""
    large = stretch_segments(legs, everywhere(legs, 1.2))
    rng = np.random.default_rng(0)
    value = jnp.asarray(rng.uniform(-0.4, 0.9, len(legs.skeleton.coordinates.names)))
    poses = [pose(model.skeleton, apply_couplers(model.skeleton, value)) for model in (legs, large)]
    np.testing.assert_allclose(poses[1].rotation, poses[0].rotation, atol=1e-15)
    for field in ("position", "joint_center"):
        first, second = (np.asarray(getattr(now, field)) for now in poses)
        np.testing.assert_allclose(second - second[0], 1.2 * (first - first[0]), atol=1e-14)
    feet = np.array(legs.contacts.bodies)
    for model, now in zip((legs, large), poses, strict=True):
        place = now.position[feet] + rotate(now.rotation[feet], model.contacts.location)
        bottom = np.asarray(place[:, 1] - model.contacts.radius - now.position[0, 1])
        size = 1.2 if model is large else 1.0
        np.testing.assert_allclose(bottom / size, np.asarray(_bottoms(legs, poses[0])), atol=1e-14)


def _bottoms(model, now):
    feet = np.array(model.contacts.bodies)
    place = now.position[feet] + rotate(now.rotation[feet], model.contacts.location)
    return place[:, 1] - model.contacts.radius - now.position[0, 1]


def test_inertia_is_that_of_the_stretched_particles():
    """Eight particles anywhere: moments added up before and after moving each by F."""
    rng = np.random.default_rng(1)
    place, mass = rng.uniform(-0.3, 0.3, (8, 3)), rng.uniform(0.1, 1.0, 8)
    factors = np.array([1.3, 0.7, 1.1])

    def about_center(place):
        arm = place - mass @ place / mass.sum()
        each = [m * (x @ x * np.eye(3) - np.outer(x, x)) for m, x in zip(mass, arm, strict=True)]
        full = np.sum(each, axis=0)
        return [full[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]

    free = [axis((0, 0, 1), "a"), *[axis((1, 0, 0))] * 5]
    model = build_model(
        description(
            bodies=[body("b", mass.sum(), mass @ place / mass.sum(), about_center(place))],
            joints=[joint("j", "ground", "b", free)],
            coordinates=[coordinate("a")],
        )
    )
    stretched = stretch_segments(model, jnp.asarray(factors)[None])
    np.testing.assert_allclose(
        stretched.skeleton.inertia[0], about_center(place * factors), rtol=1e-13
    )
    center = mass @ (place * factors) / mass.sum()
    np.testing.assert_allclose(stretched.skeleton.mass_center[0], center, rtol=1e-14)


def cylinder_model(orientation):
    cylinder = {
        "name": "c",
        "body": "b",
        "radius": 0.03,
        "length": 0.2,
        "position": [0.1, -0.2, 0.05],
        "orientation": orientation,
        "quadrant": "all",
    }
    free = [axis((0, 0, 1), "a"), *[axis((1, 0, 0))] * 5]
    return build_model(
        description(
            bodies=[body("b")],
            joints=[joint("j", "ground", "b", free)],
            coordinates=[coordinate("a")],
            cylinders=[cylinder],
            muscles=[muscle("m", [point("ground", 0.1, 0.1, 0.0), point("b", 0.1, 0.5, 0.0)])],
        )
    )


@pytest.mark.parametrize("orientation", [[0.0, 0.0, 0.0], [0.3, 1.1, -0.4]])
def test_a_wrap_cylinder_keeps_its_volume_per_volume_of_the_body(orientation):
    """The image of a cylinder under a linear map has det F times its volume, |F d| its length."""
    model, factors = cylinder_model(orientation), np.array([1.3, 0.7, 1.1])
    old = model.muscles.paths.cylinders
    new = stretch_segments(model, jnp.asarray(factors)[None]).muscles.paths.cylinders
    direction = np.asarray(body_fixed_xyz_rotation(jnp.array(orientation)))[:, 2]
    assert float(new.length[0] / old.length[0]) == pytest.approx(
        np.linalg.norm(factors * direction), rel=1e-14
    )
    volume = lambda c: float(c.length[0] * c.radius[0] ** 2)
    assert volume(new) / volume(old) == pytest.approx(np.prod(factors), rel=1e-14)
    np.testing.assert_allclose(new.position[0], factors * np.asarray(old.position[0]), rtol=1e-15)


def test_a_cylinder_along_a_lengthened_bone_stays_as_thick():
    along_y = cylinder_model([-0.5 * np.pi, 0.0, 0.0])
    longer = stretch_segments(along_y, jnp.array([[1.0, 1.5, 1.0]])).muscles.paths.cylinders
    assert float(longer.radius[0]) == pytest.approx(0.03, rel=1e-14)
    assert float(longer.length[0]) == pytest.approx(0.3, rel=1e-14)


def sliding(direction=(0.0, 1.0, 0.0), orientation=(0.0, 0.0, 0.0)):
    """A body that slides on another along an axis; a point and a coupled angle follow the slide."""
    turn = [axis((0, 0, 1), "a"), *[axis((1, 0, 0))] * 5]
    square = {"kind": "polynomial", "coefficients": [0.01, 0.2, 3.0]}
    slide = [*[axis((1, 0, 0))] * 3, axis(direction, "s", square), *[axis((0, 0, 1))] * 2]
    moving = [
        {"coordinate": "s", "function": {"kind": "linear", "slope": 2.0, "intercept": 0.05}},
        *[{"coordinate": None, "function": {"kind": "constant", "value": 0.1}}] * 2,
    ]
    stop = {"stiffness": 1.0, "neutral": 0.02, "lower_width": 0.5, "upper_width": 0.25}
    where = {"parent_orientation": list(orientation)}
    condition = {"condition": {"coordinate": "s", "range": [-0.1, float("inf")]}}
    slide_range = {"range": [-0.3, 0.4], "default": 0.1}
    path = [point("ground", 0.1, 0.1, 0.0), {"body": "lower", "moving": moving}]
    return build_model(
        description(
            bodies=[body("upper"), body("lower")],
            joints=[
                joint("j", "ground", "upper", turn),
                joint("k", "upper", "lower", slide, (0.0, -0.4, 0.0), **where),
            ],
            coordinates=[
                coordinate("a"),
                coordinate("s", "translational") | slide_range,
            ],
            muscles=[muscle("m", [*path, point("lower", 0.0, 0.0, 0.1) | condition])],
            passive_moments=[{"name": "stop", "coordinate": "s", **stop}],
        )
    )


def test_a_slide_takes_the_factor_of_its_axis_in_the_parent():
    """The same shape at the same fraction of the slide: 1.5 times the amount at 1.5 times s."""
    model = sliding()
    large = stretch_segments(model, jnp.array([[1.0, 1.5, 1.0], [2.0, 1.0, 1.0]]))
    coordinates = large.skeleton.coordinates
    np.testing.assert_allclose(coordinates.default_value, [0.0, 0.15])
    np.testing.assert_allclose([coordinates.lower[1], coordinates.upper[1]], [-0.45, 0.6])
    np.testing.assert_allclose([coordinates.lower[0], coordinates.upper[0]], [-3.0, 3.0])
    for s in (-0.2, 0.0, 0.3):
        here = pose(model.skeleton, jnp.array([0.4, s]))
        there = pose(large.skeleton, jnp.array([0.4, 1.5 * s]))
        np.testing.assert_allclose(there.joint_center[1], 1.5 * here.joint_center[1], rtol=1e-14)
        at = lambda m, s: np.asarray(m.muscles.paths.moving_location(jnp.full((1, 3), s)))[0]
        np.testing.assert_allclose(at(large, 1.5 * s)[0], 2.0 * at(model, s)[0], rtol=1e-14)
    moments = large.passive_moments
    assert (float(moments.neutral[0]), float(moments.lower_width[0])) == pytest.approx((0.03, 0.75))
    np.testing.assert_allclose(large.muscles.paths.condition_range, [[-0.15, np.inf]])


def test_the_axis_of_a_slide_may_be_oblique():
    """Along d the factor is d . F d; here d = (1, 1, 0) / sqrt(2) in the parent body."""
    model = sliding((1.0, 0.0, 0.0), (0.0, 0.0, 0.25 * np.pi))
    large = stretch_segments(model, jnp.array([[1.2, 1.6, 1.0], [1.0, 1.0, 1.0]]))
    assert float(large.skeleton.coordinates.default_value[1]) == pytest.approx(0.1 * 1.4)


def test_slides_of_the_root_are_in_ground_which_has_no_size(legs):
    large = stretch_segments(legs, everywhere(legs, 1.3))
    np.testing.assert_array_equal(default_values(large.skeleton), default_values(legs.skeleton))
    names = legs.skeleton.joint_names
    root = names.index("ground_pelvis")
    np.testing.assert_array_equal(
        large.skeleton.axis_functions.coefficients[root],
        legs.skeleton.axis_functions.coefficients[root],
    )


def test_what_has_no_length_stays(legs):
    large = stretch_segments(legs, everywhere(legs, 1.3))
    for part, fields in (
        ("skeleton", ("mass", "axes", "gravity", "parent_frame_orientation")),
        ("contacts", ("stiffness", "dissipation", "half_space_position", "hertz_smoothing")),
        ("passive_moments", ("stiffness", "neutral", "upper_angle", "damping")),
        ("muscles", ("max_isometric_force", "optimal_fiber_length", "pennation_angle")),
        ("ligaments", ("pcsa_force", "resting_length")),
    ):
        for field in fields:
            new, old = (getattr(getattr(m, part), field) for m in (large, legs))
            np.testing.assert_array_equal(new, old)


def test_every_array_of_length_in_a_body_is_stretched(small):
    """A field that is added to a record must be thought of here."""
    parts = {field.name for field in dataclasses.fields(small)}
    thought_of = {"skeleton", "muscles", "ligaments", "passive_moments", "contacts", "markers"}
    without_length = {"actuators", "pains", "name", "conventions", "notes", "citations"}
    assert parts == thought_of | without_length
    factors = everywhere(small, 1.25)
    ratios = {
        "m": lambda x: 1.25 * x,
        "same": lambda x: x,
        "m2": lambda x: 1.25**2 * x,
    }
    kinds = {
        "skeleton": {
            "mass": "same",
            "mass_center": "m",
            "inertia": "m2",
            "parent_frame_orientation": "same",
            "child_frame_position": "m",
            "child_frame_orientation": "same",
            "axes": "same",
            "gravity": "same",
        },
        "contacts": {
            name: "m" if name in ("radius", "location") else "same"
            for name in (f.name for f in dataclasses.fields(small.contacts))
            if name not in ("names", "bodies")
        },
        "markers": {"location": "m"},
    }
    known = {"skeleton": {"parent_frame_position", "axis_functions", "coordinates"}}
    large = stretch_segments(small, factors)
    for part, fields in kinds.items():
        record = getattr(small, part)
        arrays = {f.name for f in dataclasses.fields(record) if not f.metadata.get("static")}
        assert arrays == set(fields) | known.get(part, set()), part
        for field, kind in fields.items():
            new, old = np.asarray(getattr(getattr(large, part), field)), getattr(record, field)
            np.testing.assert_allclose(new, ratios[kind](np.asarray(old)), rtol=1e-14)


def test_a_stretched_body_can_be_saved(legs):
    large = stretch_segments(legs, everywhere(legs, 1.1))
    assert eqx.tree_equal(build_model(describe_model(large)), large)


def test_the_length_of_a_segment_is_along_its_y(legs):
    length = float(segment_length(legs.skeleton, "femur_r", "femur_r", "tibia_r"))
    assert length == pytest.approx(0.396, abs=1e-15)  # of the knee's spline at 0
    factors = everywhere(legs, 1.0).at[legs.skeleton.body_index("femur_r"), 1].set(1.07)
    longer = stretch_segments(legs, factors)
    got = float(segment_length(longer.skeleton, "femur_r", "femur_r", "tibia_r"))
    assert got == pytest.approx(1.07 * 0.396, rel=1e-14)
