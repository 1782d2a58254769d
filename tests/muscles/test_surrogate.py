"""A limb of three links: a two-joint muscle, a coupled kneecap, a point that comes and goes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.model.path_surrogate import chebyshev, polynomial_terms, products, term_derivatives
from biomech.muscles.surrogate import (
    exact_lengths_and_arms,
    fit_surrogate,
    gate,
    table,
)
from bodies import body, coordinate, description, pin
from small_models import leg_description, linear

STRAIGHT = ("hip_front", "two_joint", "knee_front", "within_thigh")


def muscle(name, *points):
    curves = {
        "active_force_width_scale": 1.0,
        "fiber_damping": 0.01,
        "passive_fiber_strain_at_one_norm_force": 0.6,
        "tendon_strain_at_one_norm_force": 0.049,
    }
    return {
        "name": name,
        "max_isometric_force": 1000.0,
        "optimal_fiber_length": 0.1,
        "tendon_slack_length": 0.2,
        "pennation_angle": 0.0,
        "max_contraction_velocity": 10.0,
        "min_activation": 0.01,
        "max_activation": 1.0,
        "curves": curves,
        "path": {"points": [point for point in points], "wraps": []},
    }


def at(body, *location, **more):
    return {"body": body, "location": list(location), **more}


def limb(*extra, locked=None):
    """Ground, thigh (two hip angles), shank, and a patella that turns half as far as the knee."""
    down = {"parent_position": [0.0, -0.4, 0.0]}
    return build_model(
        description(
            bodies=[body("girdle"), body("thigh"), body("shank"), body("patella")],
            joints=[
                pin("hip", "ground", "girdle", "hip_flexion"),
                pin("hip_side", "girdle", "thigh", "hip_adduction", (1.0, 0.0, 0.0)),
                pin("knee", "thigh", "shank", "knee_angle", (0.0, 0.0, -1.0), **down),
                pin("kneecap", "thigh", "patella", "patella_angle", (0.0, 0.0, -1.0), **down),
            ],
            coordinates=[
                coordinate(name) | {"locked": name == locked}
                for name in ("patella_angle", "knee_angle", "hip_flexion", "hip_adduction")
            ],
            couplers=[
                {
                    "name": "patella_follows_knee",
                    "dependent": "patella_angle",
                    "independent": "knee_angle",
                    "function": linear(0.5, 0.1),
                }
            ],
            muscles=[
                muscle("hip_front", at("ground", 0.1, 0.1, 0.02), at("thigh", 0.05, -0.2, 0.0)),
                muscle(
                    "two_joint",
                    at("ground", -0.1, 0.05, 0.03),
                    at("thigh", -0.06, -0.35, 0.0),
                    at("shank", -0.04, -0.06, 0.0),
                ),
                muscle(
                    "knee_front",
                    at("thigh", 0.05, -0.1, 0.0),
                    at("patella", 0.05, 0.02, 0.0),
                    at("shank", 0.04, -0.06, 0.0),
                ),
                muscle("within_thigh", at("thigh", 0.05, -0.1, 0.0), at("thigh", 0.0, -0.3, 0.0)),
                *extra,
            ],
        )
    )


def stride(frames=40):
    """Some motion of the limb; what it says of the patella is wrong and must not matter."""
    t = np.linspace(0.0, 2.0 * np.pi, frames)
    knee, hip, side = 0.6 - 0.5 * np.cos(t), 0.5 * np.sin(t), 0.15 * np.cos(2.0 * t)
    return np.stack([np.full(frames, 7.0), knee, hip, side], axis=1)


@pytest.fixture(scope="module")
def model():
    return limb()


@pytest.fixture(scope="module")
def fitted(model):
    return fit_surrogate(model, stride(), samples=300)


@pytest.fixture(scope="module")
def poses():
    """Poses inside the fitted box."""
    low, high = stride().min(axis=0), stride().max(axis=0)
    return low + np.random.default_rng(1).random((50, 4)) * (high - low)


@pytest.mark.parametrize("degree", [1, 4, 7])
def test_terms_are_all_polynomials_of_the_degree(degree):
    """Enough independent products: C(3 + degree, 3), and cos(n arccos x) each."""
    terms = polynomial_terms(3, degree)
    expected = (degree + 1) * (degree + 2) * (degree + 3) // 6
    assert len(terms) == len({*map(tuple, terms)}) == expected
    assert np.all(np.diff(terms.sum(axis=1)) >= 0) and terms.sum(axis=1).max() == degree
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 3))
    got = products(chebyshev(x, degree), np.arange(3)[None], degree)[:, 0]
    cosines = np.cos(terms[None] * np.arccos(x)[:, None])
    np.testing.assert_allclose(got, np.prod(cosines, axis=-1), atol=1e-12)


def test_term_derivatives_match_autodiff():
    x = jnp.array([0.3, -0.7])
    one_set = np.arange(2)[None]
    terms = lambda x: products(chebyshev(x, 6), one_set, 6)[0]
    slopes = np.einsum("jtu,u->tj", term_derivatives(2, 6), np.asarray(terms(x)))
    np.testing.assert_allclose(slopes, jax.jacfwd(terms)(x), atol=1e-12)


def test_paths_without_wraps_fit_to_a_hundredth_of_a_millimetre(model, fitted, poses):
    """Straight pulls are analytic: polynomials converge fast, also at poses of our choosing."""
    surrogates, report = fitted
    assert gate(report) == {} and gate(report, "box") == {}
    assert report.box.length_max.max() < 1e-5 and report.motion.length_max.max() < 1e-5
    length, arm = jax.jit(jax.vmap(surrogates.length_and_moment_arm))(jnp.asarray(poses))
    exact_length, exact_arm = exact_lengths_and_arms(model, poses)
    np.testing.assert_allclose(length, exact_length, atol=1e-5)
    np.testing.assert_allclose(arm, exact_arm, atol=1e-4)


def test_a_muscle_depends_on_what_it_crosses(fitted):
    """Never on the coupled patella; a muscle within one bone on nothing, so it cannot move."""
    surrogates, report = fitted
    assert dict(zip(report.names, report.coordinates, strict=True)) == {
        "hip_front": ("hip_flexion", "hip_adduction"),
        "two_joint": ("knee_angle", "hip_flexion", "hip_adduction"),
        "knee_front": ("knee_angle",),
        "within_thigh": (),
    }
    assert report.degree[3] == 0
    value = jnp.array([3.0, 0.5, 0.2, 0.0])
    np.testing.assert_allclose(surrogates.length(value)[3], np.hypot(0.05, 0.2), rtol=1e-14)
    np.testing.assert_array_equal(surrogates.moment_arm(value)[3], 0.0)
    np.testing.assert_array_equal(surrogates.crosses.sum(axis=1), [2, 3, 1, 0])


def test_a_locked_joint_stays(model):
    """No coordinate of the surrogate, and its value is the motion's."""
    still = stride()
    still[:, 3] = 0.2
    surrogates, report = fit_surrogate(limb(locked="hip_adduction"), still, samples=300)
    assert gate(report) == gate(report, "box") == {}
    assert report.coordinates[1] == ("knee_angle", "hip_flexion")
    length = jax.vmap(surrogates.length)(jnp.asarray(still))
    np.testing.assert_allclose(length, exact_lengths_and_arms(model, still)[0], atol=1e-5)


def test_moment_arm_is_minus_the_gradient(fitted, poses):
    """Virtual work to rounding: both are the same polynomial."""
    surrogates, _ = fitted
    values = jnp.asarray(poses)
    arm = jax.vmap(surrogates.moment_arm)(values)
    for jacobian in (jax.jacrev, jax.jacfwd):
        slope = jax.jit(jax.vmap(jacobian(surrogates.length)))(values)
        np.testing.assert_allclose(arm, -slope, atol=1e-12)
    together = jax.vmap(surrogates.length_and_moment_arm)(values)
    np.testing.assert_array_equal(together[0], jax.vmap(surrogates.length)(values))
    np.testing.assert_array_equal(together[1], arm)


def test_gradients_of_lengths_and_arms(fitted):
    """Against differences, forward and reverse; the arm's gradient is the length's second."""
    surrogates, _ = fitted
    both = jax.jit(lambda v: surrogates.length_and_moment_arm(v))
    value = (jnp.array([0.4, 0.5, 0.1, 0.03]),)
    tolerance = {"atol": 1e-7, "rtol": 1e-7}
    check_grads(lambda v: both(jnp.asarray(v)), value, 1, ("fwd", "rev"), **tolerance)


def test_scale_and_place_of_coordinates_do_not_matter(model):
    """Ranges of 1e-3 rad fit as well as wide ones: terms are of scaled coordinates."""
    narrow = {
        "knee_angle": (0.5, 0.501),
        "hip_flexion": (-0.3, -0.299),
        "hip_adduction": (0, 0.001),
    }
    surrogates, report = fit_surrogate(model, ranges=narrow, samples=200)
    assert gate(report, "box") == {} and report.motion is None
    assert report.box.length_max.max() < 1e-5 and report.box.arm_max.max() < 1e-4
    # 10 % margin at both ends of 1 mrad; `outside` counts in half widths of that
    np.testing.assert_allclose(surrogates.half_width[1:], 0.6e-3, rtol=1e-9)
    value = jnp.array([0.0, 0.5005 + 0.9e-3, -0.2995, 0.0005])
    np.testing.assert_allclose(surrogates.outside(value), [0.0, 0.5, 0.5, 0.0], atol=1e-9)


def test_single_precision_keeps_a_hundredth_of_a_millimetre(fitted, poses):
    """Chebyshev terms and f32: rounding of a 0.5 m length, 3e-8 m, times a few."""
    surrogates, _ = fitted
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), surrogates)
    length, arm = jax.vmap(single.length_and_moment_arm)(jnp.asarray(poses, jnp.float32))
    expected = jax.vmap(surrogates.length_and_moment_arm)(jnp.asarray(poses))
    assert length.dtype == jnp.float32
    np.testing.assert_allclose(length, expected[0], atol=1e-6)
    np.testing.assert_allclose(arm, expected[1], atol=1e-6)


def test_more_degrees_fit_better_until_it_is_good_enough(model):
    errors = [
        fit_surrogate(model, stride(), samples=300, max_degree=degree)[1].box.length_rms[1]
        for degree in (1, 2, 4)
    ]
    assert errors[0] > 2.0 * errors[1] > 8.0 * errors[2]


def test_same_seed_same_surrogates(model, fitted):
    again, _ = fit_surrogate(model, stride(), samples=300)
    assert eqx.tree_equal(again, fitted[0])
    other, _ = fit_surrogate(model, stride(), samples=300, seed=1)
    assert not eqx.tree_equal(other, fitted[0])


def test_a_jump_of_the_length_fails_the_gate():
    """A conditional point 1.5 cm off the line comes at a knee angle of 0.8 rad, inside the stride.

    It lengthens the path by 1 mm: the fit misses by half of that, less in RMS, which would pass.
    """
    point = at(
        "thigh", -0.005, -0.25, 0.0, condition={"coordinate": "knee_angle", "range": [0.8, 3.0]}
    )
    comes = muscle("comes", at("thigh", 0.01, -0.1, 0.0), point, at("shank", 0.01, 0.0, 0.0))
    model = limb(comes)
    sides = np.array([[0.0, 0.8 - 1e-9, 0.0, 0.0], [0.0, 0.8 + 1e-9, 0.0, 0.0]])
    jump = np.abs(np.diff(exact_lengths_and_arms(model, sides)[0][:, 4]))[0]
    _, report = fit_surrogate(model, stride(), samples=300)
    assert jump > 0.5e-3
    np.testing.assert_allclose(report.motion.jump[4], jump, rtol=0.2)
    np.testing.assert_allclose(report.box.jump[4], jump, rtol=0.2)
    for over in ("motion", "box"):
        failed = gate(report, over, throw=False)
        assert list(failed) == ["comes"] and "jumps by" in failed["comes"]
    with pytest.raises(
        BadInput, match=r"(?s)1 of 5 muscle paths.*comes: .*smaller range of motion"
    ):
        gate(report)
    quiet = stride()
    quiet[:, 1] = 0.3 + 0.1 * np.sin(np.linspace(0.0, 6.0, len(quiet)))  # never reaches 0.8 rad
    _, report = fit_surrogate(model, quiet, samples=300)
    assert gate(report) == gate(report, "box") == {}


def test_wrong_signs_are_counted(model):
    """Degree 1, a constant moment arm, cannot follow one that changes sign: a pull from above."""
    over = muscle("over", at("ground", 0.0, 0.1, 0.0), at("thigh", 0.0, -0.2, 0.0))
    report = fit_surrogate(limb(over), stride(), samples=300, max_degree=1)[1]
    assert report.box.wrong_sign[4] > 0.3
    assert "wrong sign" in gate(report, "box", throw=False)["over"]


def test_a_leg_with_a_wrap_a_moving_and_a_conditional_point():
    """Everything a path may have goes through the fit; the conditional point is refused."""
    model = build_model(leg_description())
    ranges = {"knee_angle": (0.2, 0.9), "hip_flexion": (-0.2, 0.2), "hip_tx": (-0.01, 0.01)}
    _, report = fit_surrogate(model, ranges=ranges, samples=200)
    assert set(report.coordinates[0]) <= {"knee_angle", "hip_flexion", "hip_tx"}
    assert report.box.jump[0] > 0.5e-3 and "vasti" in gate(report, throw=False)


def test_report_prints_one_line_per_muscle(fitted):
    _, report = fitted
    lines = str(report).splitlines()
    assert str(report) == table(report) and len(lines) == 5
    assert "motion: length" in lines[0] and "box: length" in lines[0]
    assert lines[2].startswith("two_joint")


@pytest.mark.parametrize(
    "change, said",
    [
        (dict(motion=np.zeros((5, 3))), r"shape \(5, 3\).*4 coordinates"),
        (dict(motion=np.full((5, 4), np.nan)), "nan or inf"),
        (dict(motion=np.zeros((1, 4))), "at least 2 frames"),
        (dict(motion=stride(), ranges={"knee_angle": (1.0, 0.0)}), "knee_angle.*lowest, highest"),
        (dict(motion=stride(), ranges={"knee_angel": (0.0, 1.0)}), "Did you mean.*knee_angle"),
    ],
)
def test_bad_input_says_what_to_do(model, change, said):
    with pytest.raises(BadInput, match=said):
        fit_surrogate(model, **change)


def test_gate_refuses_an_unknown_set(fitted):
    with pytest.raises(BadInput, match="'motion' or 'box'"):
        gate(fitted[1], "walk")
