"""The diseased hip: what exactly changes, and how the planar body stands with it."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import hip_osteoarthritis, hip_replacement, injection, labral_tear
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.passive_moments import passive_moment
from biomech.studies.stand import STATUS, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics
from two_legs import two_legs

HIP = ("hip_flexion_r", "hip_adduction_r", "hip_rotation_r")


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def moments(model, field):
    values = getattr(model.passive_moments, field)
    return dict(zip(model.passive_moments.names, np.asarray(values), strict=True))


def change(before, after, field):
    """Of a number of every passive moment that changes, by name."""
    old, new = moments(before, field), moments(after, field)
    return {name: new[name] - old[name] for name in old if new[name] != old[name]}


def test_osteoarthritis_stiffens_and_limits_every_turn_of_the_hip(body):
    sick = hip_osteoarthritis(body, side="r", stiffness=30.0, range_loss_deg=10.0, pain=0.5)
    loss = np.deg2rad(10.0)
    for field, amount in (("stiffness", 30.0), ("lower_angle", loss), ("upper_angle", -loss)):
        found = change(body, sick, field)
        assert found.keys() == set(HIP)
        np.testing.assert_allclose(list(found.values()), amount, rtol=1e-12)
    pained = np.asarray(sick.pains.load_weight - body.pains.load_weight)
    assert np.flatnonzero(pained).tolist() == [body.skeleton.joint_names.index("hip_r")]
    assert pained.max() == pytest.approx(0.5)
    assert eqx.tree_equal(sick.pains.anterior_weight, body.pains.anterior_weight)


def test_a_limit_is_met_as_many_degrees_earlier(body):
    sick = hip_osteoarthritis(body, side="r", range_loss_deg=10.0)
    row = body.passive_moments.names.index("hip_flexion_r")
    column = body.skeleton.coordinates.names.index("hip_flexion_r")
    far = jnp.zeros(len(body.skeleton.coordinates.names)).at[column].set(1.0)
    earlier = far.at[column].add(-np.deg2rad(10.0))
    stop = lambda m, q: (  # without its straight part, and far from the other stop
        passive_moment(m.passive_moments, q, jnp.zeros_like(q))[row]
        + m.passive_moments.stiffness[row] * (q[column] - m.passive_moments.neutral[row])
    )
    np.testing.assert_allclose(stop(sick, earlier), stop(body, far), rtol=1e-5)


def test_a_tear_limits_flexion_and_internal_rotation_alone(body):
    torn = labral_tear(body, side="r", pain=3.0, range_loss_deg=8.0)
    found = change(body, torn, "upper_angle")
    assert found.keys() == {"hip_flexion_r", "hip_rotation_r"}
    np.testing.assert_allclose(list(found.values()), -np.deg2rad(8.0), rtol=1e-12)
    for field in ("lower_angle", "stiffness"):
        assert not change(body, torn, field)
    hip = body.skeleton.joint_names.index("hip_r")
    assert torn.pains.anterior_weight[hip] == body.pains.anterior_weight[hip] + 3.0
    assert eqx.tree_equal(torn.pains.load_weight, body.pains.load_weight)


def test_a_body_without_the_parts_is_refused(body):
    bare = build_model(two_legs() | {"passive_moments": []})
    for change_of in (hip_osteoarthritis, labral_tear):
        with pytest.raises(BadInput, match="no passive moment about hip_flexion_l"):
            change_of(bare, side="l", pain=0.1)
    relieved = hip_replacement(bare, side="r", relief=1.0)  # pain alone
    assert relieved.pains.load_weight[body.skeleton.joint_names.index("hip_r")] == 0.0
    names = tuple(name.replace("hip_", "joint_") for name in body.skeleton.joint_names)
    renamed = dataclasses.replace(body.skeleton, joint_names=names)
    legless = dataclasses.replace(body, skeleton=renamed)
    with pytest.raises(BadInput, match="No joint named 'hip_r'"):
        injection(legless, side="r", relief=0.5)


# ------------------------------------------------------------------------------- in standing


@pytest.fixture(scope="module")
def stands():
    """Metrics of the planar body on both legs after a change of it."""
    model = load_built_in("planar")
    how = standing(model, painful=("hip_r",))
    names = ("hip_force_r", "hip_force_l", "weight_share_r")
    known = {}

    def of(change_of=None, **numbers):
        key = (change_of, *numbers.items())
        if key not in known:
            changed = model if change_of is None else change_of(model, side="r", **numbers)
            record = stand(changed, how)
            assert STATUS[int(record.status)] == "successful" and record.residual <= 1e-8
            values = evaluate_standing_metrics(changed, record, names).value
            front = float(record.painful_load[0, 0])
            known[key] = dict(zip(names, map(float, values), strict=True)) | {"front": front}
        return known[key]

    return of


def test_a_painful_hip_is_spared_and_the_other_leg_carries_more(stands):
    """Its muscles do less, which spares it most; weight goes to the other side, whose hip, itself
    with less muscle force, is hardly loaded more."""
    healthy, sick = stands(), stands(hip_osteoarthritis, pain=0.2)
    assert sick["hip_force_r"] < 0.9 * healthy["hip_force_r"]
    assert sick["weight_share_r"] < healthy["weight_share_r"] - 0.01
    assert sick["hip_force_l"] == pytest.approx(healthy["hip_force_l"], rel=0.02)


def test_an_injection_gives_back_what_pain_took(stands):
    def treated(model, *, side, relief):
        return injection(hip_osteoarthritis(model, side=side, pain=0.2), side=side, relief=relief)

    healthy, sick = stands(), stands(hip_osteoarthritis, pain=0.2)
    half, whole = stands(treated, relief=0.5), stands(treated, relief=1.0)
    assert whole == pytest.approx(healthy, rel=1e-6)
    assert sick["weight_share_r"] < half["weight_share_r"] < healthy["weight_share_r"]
    assert half == pytest.approx(stands(hip_osteoarthritis, pain=0.1), rel=1e-6)


def test_a_torn_labrum_is_pushed_on_less(stands):
    assert stands(labral_tear, pain=5.0)["front"] < stands()["front"]
