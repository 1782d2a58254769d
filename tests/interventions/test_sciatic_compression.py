"""Which muscles each preset weakens, by how much, and what it refuses."""

import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import sciatic_compression
from biomech.interventions.muscle_groups import muscles_in_group
from biomech.interventions.sciatic_compression import PRESETS
from biomech.model.names import BadInput

# Nerves and roots by standard anatomy; 0.6 and 0.4 of the strength for roots, all of it for nerves.
ABDUCTORS = ("glmed1", "glmed2", "glmed3", "glmin1", "glmin2", "glmin3", "tfl")
CALF = ("gasmed", "gaslat", "soleus")
HAMSTRINGS = ("bflh", "semimem", "semiten")
DORSIFLEXORS = ("tibant", "edl", "ehl")
LOST = {
    "l5": dict.fromkeys((*DORSIFLEXORS, *ABDUCTORS), 0.6)
    | dict.fromkeys(("perlong", "perbrev"), 0.4),
    "s1": dict.fromkeys((*CALF, *HAMSTRINGS, "glmax1", "glmax2", "glmax3"), 0.6),
    "superior_gluteal": dict.fromkeys(ABDUCTORS, 1.0),
    "complete": dict.fromkeys(
        (
            *(*HAMSTRINGS, "bfsh", "addmagIsch", *CALF, *DORSIFLEXORS),
            *("perlong", "perbrev", "tibpost", "fdl", "fhl", "fdb"),
        ),
        1.0,
    ),
}


@pytest.fixture(scope="module", params=["lower_limb", "planar"])
def model(request):
    return load_built_in(request.param)


def left_over(before, after):
    """Part of the strength that is left, by muscle."""
    part = after.muscles.max_isometric_force / before.muscles.max_isometric_force
    return dict(zip(before.muscles.names, np.asarray(part), strict=True))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_a_preset_weakens_its_muscles_and_no_others(model, preset, severity):
    weak = sciatic_compression(model, side="r", severity=severity, preset=preset)
    for name, part in left_over(model, weak).items():
        lost = LOST[preset].get(name.removesuffix("_r"), 0.0) if name.endswith("_r") else 0.0
        if model.name == "planar" and name == "glmed2_r":  # the planar body's one abductor
            lost = LOST[preset].get("glmed1", 0.0)
        np.testing.assert_allclose(part, 1.0 - severity * lost, rtol=1e-14, err_msg=name)


def test_muscles_of_the_femoral_and_obturator_nerves_are_spared(model):
    cut = left_over(model, sciatic_compression(model, side="r", severity=1.0, preset="complete"))
    for group in ("quadriceps", "iliopsoas", "gluteals"):
        assert all(cut[name] == 1.0 for name in muscles_in_group(group, "r", model.muscles.names))
    below = ("triceps_surae", "dorsiflexors", "toe_flexors", "foot_intrinsics")
    for group in below:
        assert all(cut[name] == 0.0 for name in muscles_in_group(group, "r", model.muscles.names))


def test_l5_is_the_usual_one():
    model = load_built_in("planar")
    usual = sciatic_compression(model, side="l", severity=0.7)
    named = sciatic_compression(model, side="l", severity=0.7, preset="l5")
    assert left_over(model, usual) == left_over(model, named)


def test_mistakes_are_named():
    model = load_built_in("planar")
    with pytest.raises(BadInput, match=r"preset is 's2'\. .*s1"):
        sciatic_compression(model, side="r", severity=0.5, preset="s2")
    with pytest.raises(BadInput, match=r"severity is 1\.5"):
        sciatic_compression(model, side="r", severity=1.5)
