import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values, pose
from biomech.interventions import arch_stiffness
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.passive_moments import passive_moment
from biomech.muscles.paths import path_geometry
from two_legs import LIGAMENTS, two_legs


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def flattened(model):
    """Coordinates with both arches 0.1 rad lower than in the reference posture."""
    names = model.skeleton.coordinates.names
    value = default_values(model.skeleton)
    for side in "rl":
        value = value.at[names.index(f"midtarsal_angle_{side}")].set(0.1)
    return value


@compiled
def tension_of_each(model):
    value = flattened(model)
    length = path_geometry(model.ligaments.paths, pose(model.skeleton, value), value).length
    return ligament_tension(model.ligaments, length)


def tensions(model):
    return dict(zip(model.ligaments.names, np.asarray(tension_of_each(model)), strict=True))


def moments(model, speed):
    value = flattened(model)
    found = passive_moment(model.passive_moments, value, jnp.full_like(value, speed))
    return dict(zip(model.passive_moments.names, np.asarray(found), strict=True))


def test_every_band_and_the_midtarsal_law_are_scaled_on_one_side(body):
    stiff = arch_stiffness(body, side="l", scale=2.5)
    before, after = tensions(body), tensions(stiff)
    assert max(before.values()) > 10.0
    for name, tension in before.items():
        gain = 2.5 if name.endswith("_l") else 1.0
        assert after[name] == pytest.approx(gain * tension, rel=1e-14)
    for speed in (0.0, 2.0):  # at speed the damping counts too
        before, after = moments(body, speed), moments(stiff, speed)
        for name, moment in before.items():
            gain = 2.5 if name == "midtarsal_l" else 1.0
            assert after[name] == pytest.approx(gain * moment, rel=1e-13)


def test_the_unloaded_arch_stays_as_high(body):
    stiff = arch_stiffness(body, side="r", scale=3.0)
    np.testing.assert_array_equal(stiff.ligaments.resting_length, body.ligaments.resting_length)
    for field in ("neutral", "lower_angle", "upper_angle", "lower_width", "upper_width"):
        same = getattr(stiff.passive_moments, field)
        np.testing.assert_array_equal(same, getattr(body.passive_moments, field))


def without(*names):
    description = two_legs()
    for key in ("ligaments", "passive_moments"):
        description[key] = [part for part in description[key] if part["name"] not in names]
    return build_model(description)


def test_strands_of_a_ligament_belong_to_it():
    description = two_legs()
    spring = next(p for p in description["ligaments"] if p["name"] == "spring_r")
    description["ligaments"].append(spring | {"name": "spring_2_r"})
    body = build_model(description)
    stiff = arch_stiffness(body, side="r", scale=2.0)
    ratio = np.asarray(stiff.ligaments.pcsa_force / body.ligaments.pcsa_force)
    scaled = {name for name, x in zip(body.ligaments.names, ratio, strict=True) if x == 2.0}
    assert scaled == {f"{stem}_r" for stem in LIGAMENTS} | {"spring_2_r"}


@pytest.mark.parametrize(
    "missing, said",
    [
        (("spring_r",), "'small' lacks the ligament spring_r. What holds up the arch"),
        (("midtarsal_r",), "lacks the passive moment midtarsal_r"),
        (
            ("spring_r", "midtarsal_r"),
            "lacks the ligament spring_r, the passive moment midtarsal_r. .* use a built-in body",
        ),
    ],
)
def test_a_body_without_the_parts_is_refused_by_their_names(missing, said):
    body = without(*missing)
    with pytest.raises(BadInput, match=said):
        arch_stiffness(body, side="both", scale=2.0)
    arch_stiffness(body, side="l", scale=2.0)
