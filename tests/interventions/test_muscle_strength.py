import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.interventions import CATALOGUE, GROUPS, gluteal_strength, muscle_strength
from biomech.interventions.muscle_groups import muscles_in_group
from biomech.model.build import build_model
from biomech.model.names import BadInput
from bodies import body, coordinate, description, muscle, pin, point

NAMES = ("glmed1_r", "glmed2_r", "glmin1_r", "glmax2_r", "glmed1_l", "soleus_r", "glmedius_r")
ENDS = [point("ground", 0.05, 0.0, 0.0), point("thigh", 0.05, -0.3, 0.0)]
MODEL = build_model(
    description(
        bodies=[body("thigh")],
        joints=[pin("hip", "ground", "thigh", "angle")],
        coordinates=[coordinate("angle")],
        muscles=[muscle(name, ENDS) for name in NAMES],
    )
)


def strengths(model):
    return dict(
        zip(model.muscles.names, np.asarray(model.muscles.max_isometric_force), strict=True)
    )


def test_gluteal_strength_scales_the_glutei_of_one_side():
    weak = strengths(gluteal_strength(MODEL, side="r", scale=0.5))
    for name, force in strengths(MODEL).items():
        gluteal = name in ("glmed1_r", "glmed2_r", "glmin1_r", "glmax2_r")
        assert weak[name] == force * (0.5 if gluteal else 1.0)


def test_a_stem_does_not_catch_longer_names():
    assert "glmedius_r" not in muscles_in_group("gluteus_medius", "r", NAMES)


def test_neutral_scale_changes_nothing():
    same = gluteal_strength(MODEL, scale=1.0)
    assert eqx.tree_equal(same, MODEL)


def test_muscles_by_name():
    strong = strengths(muscle_strength(MODEL, muscles=("soleus_r",), scale=2.0))
    assert strong["soleus_r"] == 2000.0 and strong["glmed1_r"] == 1000.0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"muscles": ("glmed_1_r",), "scale": 0.5}, "Did you mean.*glmed1_r"),
        ({"group": "gluteal", "scale": 0.5}, "Did you mean.*gluteals"),
        ({"group": "hamstrings", "scale": 0.5}, "no muscle of group 'hamstrings'"),
        ({"group": "gluteals", "side": "right", "scale": 0.5}, "must be one of r, l, both"),
        ({"group": "gluteals", "scale": -0.1}, "between 0 and 3"),
        ({"scale": 0.5}, "either `muscles.* to say which muscles"),
        ({"group": "gluteals", "muscles": ("soleus_r",), "scale": 0.5}, "not both"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(BadInput, match=message):
        muscle_strength(MODEL, **arguments)


def test_a_sweep_traces_once_and_differentiates():
    @jax.jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def total(scale):
        return jnp.sum(
            gluteal_strength(MODEL, side="both", scale=scale).muscles.max_isometric_force
        )

    values = [float(total(jnp.asarray(s))) for s in (1.0, 0.75, 0.5)]
    np.testing.assert_allclose(np.diff(values), [-1250.0, -1250.0])
    assert float(jax.grad(lambda s: total(s))(jnp.asarray(0.5))) == 5000.0


def test_the_catalogue_says_what_a_user_must_know():
    for kind, intervention in CATALOGUE.items():
        assert intervention.kind == kind and intervention.summary
        for parameter in intervention.parameters:
            assert parameter.lower <= parameter.neutral <= parameter.upper
            assert parameter.unit and parameter.source and parameter.description


def test_groups_have_no_muscle_twice():
    for stems in GROUPS.values():
        assert len(set(stems)) == len(stems)


def test_clinical_groups_name_the_muscles_of_the_published_model():
    """Every muscle of a leg of Rajagopal et al. (2016) is in a group."""
    leg = (
        *("addbrev", "addlong", "addmagDist", "addmagIsch", "addmagMid", "addmagProx", "bflh"),
        *("bfsh", "edl", "ehl", "fdl", "fhl", "gaslat", "gasmed", "glmax1", "glmax2", "glmax3"),
        *("glmed1", "glmed2", "glmed3", "glmin1", "glmin2", "glmin3", "grac", "iliacus"),
        *("perbrev", "perlong", "piri", "psoas", "recfem", "sart", "semimem", "semiten"),
        *("soleus", "tfl", "tibant", "tibpost", "vasint", "vaslat", "vasmed", "fdb"),
    )
    names = tuple(f"{name}_r" for name in leg)
    members = {group: muscles_in_group(group, "r", names) for group in GROUPS}
    stems = lambda group: {name[:-2] for name in members[group]}
    assert {name for group in members.values() for name in group} == set(names)
    assert stems("biceps_femoris_short_head") == {"bfsh"}
    assert stems("adductor_magnus_ischial") == {"addmagIsch"}
    assert stems("hip_stabilizers") == stems("gluteals") | {"tfl", "piri"}
    of_gait2392 = tuple(f"{name}_r" for name in ("bifemsh", "add_mag3", "add_mag1", "peri", "gem"))
    assert muscles_in_group("biceps_femoris_short_head", "r", of_gait2392) == ("bifemsh_r",)
    assert muscles_in_group("adductor_magnus_ischial", "r", of_gait2392) == ("add_mag3_r",)
    assert muscles_in_group("hip_stabilizers", "r", of_gait2392) == ("peri_r", "gem_r")
    assert stems("peroneals") == {"perbrev", "perlong"}
    assert stems("tibialis_posterior") == {"tibpost"}
    assert stems("deep_rotators") == {"piri"}
    assert stems("foot_intrinsics") == {"fdb"}
    assert stems("invertors") == {"tibpost", "tibant", "fdl", "fhl"}
    assert stems("evertors") == {"perlong", "perbrev", "edl"}
    assert stems("toe_flexors") == {"fdl", "fhl"} and stems("toe_extensors") == {"edl", "ehl"}
    assert stems("triceps_surae") == stems("plantarflexors") == {"soleus", "gasmed", "gaslat"}
