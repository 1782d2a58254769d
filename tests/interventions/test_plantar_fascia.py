"""Fasciotomy: less fascia, as taut as before."""

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.interventions import fasciotomy
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_tension
from two_legs import two_legs


@pytest.mark.parametrize("release", [0.3, 1.0])
def test_what_is_left_pulls_in_proportion(release):
    body = load_model("planar")
    length = 1.02 * body.ligaments.resting_length
    before = np.asarray(ligament_tension(body.ligaments, length))
    cut = fasciotomy(body, side="r", release=jnp.asarray(release))
    after = np.asarray(ligament_tension(cut.ligaments, length))
    i = body.ligaments.names.index("plantar_fascia_r")
    assert before[i] > 100.0
    np.testing.assert_allclose(after[i], (1.0 - release) * before[i], rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(np.delete(after, i), np.delete(before, i))


def test_a_foot_without_fascia_is_refused():
    description = two_legs()
    ligaments = description["ligaments"]
    description["ligaments"] = [x for x in ligaments if x["name"] != "plantar_fascia_l"]
    body = build_model(description)
    fasciotomy(body, side="r", release=0.5)
    with pytest.raises(BadInput, match=r"has no ligament named plantar_fascia..._l"):
        fasciotomy(body, side="both", release=0.5)
    with pytest.raises(BadInput, match=r"release is 1.1; .* between 0 and 1"):
        fasciotomy(body, side="r", release=1.1)
