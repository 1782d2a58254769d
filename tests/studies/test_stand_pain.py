"""Standing with a joint that hurts: the load is spared, exactly as far as its weight says."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.formats.load import load_model
from biomech.formats.save import save_model
from biomech.model.build import build_model, describe_model
from biomech.model.names import BadInput, UnknownName
from biomech.studies.stand import STATUS, StandingSolver, stand, stand_uncompiled, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics

EXACT = StandingSolver(tolerance=1e-11)
PAIN = 4  # part of the cost
LOADS = ("hip_force_r", "hip_force_l", "weight_share_r")


@pytest.fixture(scope="module")
def model():
    return load_model("planar")


def hurting(model, load=0.0, anterior=0.0, joint="hip_r"):
    """The model with a painful joint."""
    at = model.skeleton.joint_names.index(joint)
    where = lambda m: (m.pains.load_weight, m.pains.anterior_weight)
    weights = tuple(w.at[at].set(x) for w, x in zip(where(model), (load, anterior), strict=True))
    return eqx.tree_at(where, model, weights)


@pytest.fixture(scope="module")
def solved(model):
    """How the body stands with weights of pain of its hips, and the slopes of the right one's load.

    One programme for all tests: record, and slopes to load and anterior weight of the right hip.
    """
    asked = standing(model, painful=("hip_r", "hip_l"))

    def hip(right, left):
        hurts = hurting(hurting(model, *right), *left, joint="hip_l")
        record = stand_uncompiled(hurts, asked, None, EXACT)
        return evaluate_standing_metrics(hurts, record, ("hip_force_r",)).value[0], record

    programme = compiled(jax.grad(hip, has_aux=True))

    @functools.cache
    def of(right, left=(0.0, 0.0)):
        slopes, record = programme(jnp.array(right), jnp.array(left))
        return record, slopes

    return of


@pytest.fixture(scope="module")
def stands(solved):
    """How the body stands with weights of pain of its right hip."""
    return lambda load=0.0, anterior=0.0: solved((load, anterior))[0]


def loads(model, record):
    return dict(zip(LOADS, evaluate_standing_metrics(model, record, LOADS).value, strict=True))


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.1, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_a_balance_is_found(stands, weights):
    record = stands(*weights)
    assert STATUS[int(record.status)] == "successful"
    assert record.residual <= 1e-8 and record.dual_residual <= 1e-8


def test_the_load_in_the_cost_is_the_joint_reaction(model, stands):
    record = stands(0.1)
    skeleton = model.skeleton
    weight = jnp.sum(skeleton.mass) * jnp.linalg.norm(skeleton.gravity)
    hip = skeleton.joint_names.index("hip_r")
    tilt = float(record.value[skeleton.coordinates.names.index("pelvis_tilt")])
    cosine, sine = np.cos(tilt), np.sin(tilt)
    pelvis = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    on_pelvis = -np.asarray(record.joint_reaction_force[hip]) / float(weight)
    np.testing.assert_allclose(record.painful_load[0], on_pelvis @ pelvis, atol=1e-9)
    assert record.painful_load[0][1] > 0.3  # up into the socket
    np.testing.assert_allclose(record.cost[PAIN], 0.1 * np.sum(on_pelvis**2), rtol=1e-8)


def test_pain_lowers_the_load_and_the_more_the_heavier_it_weighs(model, stands):
    at = [loads(model, stands(w)) for w in (0.0, 0.1, 1.0)]
    assert at[0]["hip_force_r"] > at[1]["hip_force_r"] > at[2]["hip_force_r"]
    assert at[0]["weight_share_r"] > at[1]["weight_share_r"] > at[2]["weight_share_r"]
    for w in (0.1, 1.0):  # the pain is no more than it would be without sparing
        assert stands(w).cost[PAIN] < w * jnp.sum(stands(0.0).painful_load ** 2)


def test_an_anterior_pain_lowers_the_push_on_the_front_of_the_socket(stands):
    assert stands(0.0, 1.0).painful_load[0, 0] < stands(0.0).painful_load[0, 0]


def test_the_two_hips_hurt_alike(model, stands, solved):
    left, _ = solved((0.0, 0.0), (0.1, 0.0))
    found, mirrored = loads(model, left), loads(model, stands(0.1))
    np.testing.assert_allclose(found["hip_force_l"], mirrored["hip_force_r"], rtol=1e-6)
    np.testing.assert_allclose(found["hip_force_r"], mirrored["hip_force_l"], rtol=1e-6)


def test_no_weight_is_no_pain(model, stands):
    spared, plain = stands(0.0), stand(model, standing(model), solver=EXACT)
    assert plain.painful_load.shape == (0, 3)
    for part in ("value", "activation", "joint_reaction_force", "cost"):
        a, b = np.asarray(getattr(spared, part)), np.asarray(getattr(plain, part))
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * np.abs(b).max())


@pytest.mark.parametrize("kind", [0, 1], ids=["load", "anterior"])
def test_derivative_of_the_load_with_respect_to_the_weight(model, solved, kind):
    at = lambda weight: solved(tuple(weight * np.eye(2)[kind]))
    force = lambda weight: loads(model, at(weight)[0])["hip_force_r"]
    slope, step = at(0.1)[1][kind], 1e-3
    difference = (force(0.1 + step) - force(0.1 - step)) / (2.0 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-4)


def test_joints_that_hurt_are_spared_unless_others_are_named(model):
    index = model.skeleton.joint_names.index
    hurts = hurting(model, 0.3)
    assert standing(model).painful == ()
    assert standing(hurts).painful == (index("hip_r"),)
    assert standing(hurts, painful=("hip_l", "hip_r")).painful == (index("hip_r"), index("hip_l"))
    with pytest.raises(UnknownName, match="hip_r"):
        standing(model, painful=("hipr",))


def test_pains_are_saved_and_loaded(model, tmp_path):
    hurts = hurting(hurting(model, 0.3, 0.7), 0.2, joint="knee_l")
    save_model(hurts, tmp_path / "hurts.yaml")
    again = load_model(tmp_path / "hurts.yaml")
    assert eqx.tree_equal(again.pains, hurts.pains)
    assert describe_model(hurts)["pains"][0] == {
        "joint": "hip_r",
        "load_weight": 0.3,
        "anterior_weight": 0.7,
    }


@pytest.mark.parametrize(
    "pains, said",
    [
        ([{"joint": "hip_r"}, {"joint": "hip_r", "load_weight": 1.0}], "names a joint twice"),
        ([{"joint": "hip_r", "load_weight": -1.0}], "load_weight"),
        ([{"joint": "hip_r", "anterior_weight": -0.1}], "anterior_weight"),
        ([{"joint": "hipr"}], "hip_r"),
        ([{"joint": "hip_r", "weight": 1.0}], "weight"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(model, pains, said):
    with pytest.raises((BadInput, UnknownName), match=said):
        build_model(describe_model(model) | {"pains": pains})
