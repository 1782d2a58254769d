"""The interventions on the bodies that they are for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values
from biomech.dynamics import pose as pose_uncompiled
from biomech.formats.load import load_built_in
from biomech.interventions import CATALOGUE, leg_length
from biomech.model.names import BadInput
from biomech.personalise import foot_length, scale_model, standing_height

OPTIONS = {
    "muscle_strength": {"group": "dorsiflexors"},
    "strengthening": {"group": "hip_abductors"},
    "stretching": {"group": "hip_flexors"},
}
FLAT = ("osteotomy",)  # what a body that moves in one plane refuses
BODIES = {"planar": None, "lower_limb": "hinge", "compliant": "compliant"}
pose = compiled(pose_uncompiled)


@pytest.fixture(scope="module", params=BODIES)
def body(request):
    name = "lower_limb" if request.param == "compliant" else request.param
    return load_built_in(name, knee=BODIES[request.param])


@pytest.mark.parametrize("kind", CATALOGUE)
def test_neutral_is_exactly_the_same_body(body, kind):
    neutral = {parameter.name: parameter.neutral for parameter in CATALOGUE[kind].parameters}
    if kind in FLAT and body.name == "planar":
        with pytest.raises(BadInput, match="in one plane"):
            CATALOGUE[kind].apply(body, side="l", **neutral)
        return
    same = CATALOGUE[kind].apply(body, side="l", **neutral, **OPTIONS.get(kind, {}))
    assert eqx.tree_equal(same, body)


def test_the_bodies_are_as_tall_and_heavy_as_they_say(body):
    assert float(standing_height(body)) == pytest.approx(1.75, abs=1e-12)
    assert float(jnp.sum(body.skeleton.mass)) == pytest.approx(75.0, abs=1e-9)
    # De Leva (1996), Table 4, men: 258.1 mm of 1.741 m; the file is rounded to 0.1 mm.
    for side in "rl":
        assert float(foot_length(body, side)) == pytest.approx(0.2581 * 1.75 / 1.741, abs=1e-4)


def test_scaled_to_its_own_size_it_is_the_same(body):
    own = scale_model(body, height_m=1.75, mass_kg=75.0)
    for new, old in zip(jax.tree.leaves(own), jax.tree.leaves(body), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("difference", [-20.0, 15.0])
def test_a_longer_leg_puts_the_ankle_lower_whatever_the_knee(body, difference):
    changed = leg_length(body, side="r", difference_mm=difference)
    ankle = body.skeleton.joint_names.index("ankle_r")
    before, after = (
        np.asarray(pose(m.skeleton, default_values(m.skeleton)).joint_center[ankle])
        for m in (body, changed)
    )
    # Along y of the shank, which the splines of the knee turn by a few microradians there.
    np.testing.assert_allclose(after - before, [0.0, -1e-3 * difference, 0.0], atol=1e-7)


def test_the_compliant_knee_is_lengthened_as_the_hinge_is():
    bodies = [load_built_in("lower_limb", knee=knee) for knee in ("hinge", "compliant")]
    hinge, compliant = (leg_length(m, side="r", difference_mm=20.0) for m in bodies)
    for field in ("optimal_fiber_length", "tendon_slack_length"):
        first, second = (getattr(m.muscles, field) for m in (hinge, compliant))
        np.testing.assert_allclose(first, second, rtol=1e-12)
    np.testing.assert_allclose(
        hinge.muscles.paths.location, compliant.muscles.paths.location, atol=1e-15
    )
