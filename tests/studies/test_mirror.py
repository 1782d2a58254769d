"""Left for right: maps, and which bodies are symmetric."""

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.slope import on_slope
from biomech.formats.load import load_model
from biomech.interventions import (
    arch_stiffness,
    gluteal_strength,
    hip_osteoarthritis,
    leg_length,
    leg_lift,
)
from biomech.model.build import build_model, describe_model
from biomech.model.edits import with_activation_bounds
from biomech.model.names import BadInput
from biomech.studies.mirror import is_symmetric, mirror


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


def test_sides_swap_and_turns_about_x_and_y_reverse():
    body = load_model("lower_limb")
    names = body.skeleton.coordinates.free_names
    image = mirror(body)
    values = jnp.arange(1.0, len(names) + 1.0)
    got = dict(zip(names, np.asarray(image.motion(values)), strict=True))
    own = dict(zip(names, np.asarray(values), strict=True))
    for name in names:
        if name.endswith("_r"):
            assert got[name] == own[f"{name[:-2]}_l"]
    assert got["pelvis_tilt"] == own["pelvis_tilt"] and got["pelvis_tx"] == own["pelvis_tx"]
    for name in ("pelvis_list", "pelvis_rotation", "pelvis_tz"):
        assert got[name] == -own[name]
    np.testing.assert_array_equal(image.motion(image.motion(values)), values)
    muscles = jnp.arange(float(len(body.muscles.names)))
    np.testing.assert_array_equal(image.muscles(image.muscles(muscles)), muscles)


def test_built_in_bodies_are_symmetric_until_one_side_is_changed(planar):
    assert is_symmetric(planar)
    changes = (
        lambda m: leg_length(m, side="r", difference_mm=1.0),
        lambda m: gluteal_strength(m, side="l", scale=0.9),
        lambda m: arch_stiffness(m, side="r", scale=0.9),
    )
    for change in changes:
        assert not is_symmetric(change(planar))
    both = gluteal_strength(arch_stiffness(planar, side="both", scale=2.0), scale=0.5)
    assert is_symmetric(both)


def test_what_lies_under_one_foot_and_hurts_in_one_hip_is_seen(planar):
    for change in (
        lambda m, side: leg_lift(m, side=side, height_mm=10.0),
        lambda m, side: hip_osteoarthritis(m, side=side, pain=0.5),
    ):
        assert is_symmetric(change(planar, "both"))
        assert not is_symmetric(change(planar, "r"))


def test_bounds_of_one_side_and_a_cross_slope_are_seen(planar):
    muscles = planar.muscles
    capped = np.where(np.array(muscles.names) == "soleus_r", 0.3, muscles.max_activation)
    assert not is_symmetric(with_activation_bounds(planar, 0.01, capped))
    assert is_symmetric(with_activation_bounds(planar, 0.02, 0.9))
    assert is_symmetric(on_slope(planar, uphill_deg=5.0))
    assert not is_symmetric(on_slope(planar, right_side_up_deg=5.0))


def test_a_body_with_one_side_alone_has_no_mirror(planar):
    description = describe_model(planar)
    description["muscles"] = [m for m in description["muscles"] if m["name"] != "soleus_l"]
    lame = build_model(description)
    with pytest.raises(BadInput, match="There is a muscle 'soleus_r' and no 'soleus_l'"):
        mirror(lame)
    assert not is_symmetric(lame)
