import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from biomech.model.build import build_model
from biomech.model.functions import simm_spline, stack
from biomech.model.ligaments import Ligaments
from biomech.muscles.ligaments import ligament_strain, ligament_tension
from small_models import leg_description
from tables import read_table

PATHS = build_model(leg_description()).ligaments.paths


def _read_ligaments(file):
    entries = list(ET.parse(file).getroot().iter("Ligament"))
    number = lambda tag: jnp.array([float(entry.findtext(tag)) for entry in entries])
    knots = lambda entry, axis: [float(x) for x in entry.findtext(f"SimmSpline/{axis}").split()]
    curves = [simm_spline(knots(entry, "x"), knots(entry, "y")) for entry in entries]
    return Ligaments(
        number("resting_length"),
        number("pcsa_force"),
        stack(curves, (len(entries),)),
        PATHS,
        tuple(entry.get("name") for entry in entries),
    )


def test_tension_matches_opensim(dhondt2024):
    ligaments = _read_ligaments(dhondt2024 / "DHondt_et_al_2024_4seg.osim")
    table = read_table(dhondt2024 / "oracle" / "ligament.csv.gz")
    length = table[[f"{name}_length" for name in ligaments.names]].to_numpy()
    expected = table[[f"{name}_tension" for name in ligaments.names]].to_numpy()
    tension = jax.jit(jax.vmap(lambda l: ligament_tension(ligaments, l)))(jnp.asarray(length))
    assert expected.shape == (40, 26) and expected.max() > 1000.0
    # Lengths are tabulated to ten digits, 1e-12 m; stiffness reaches 1e6 N/m.
    np.testing.assert_allclose(tension, expected, rtol=1e-7, atol=1e-5)


def _stiffening(count):
    curve = simm_spline([0.99, 1.0, 1.02, 1.05, 1.1], [0.0, 0.0, 0.1, 0.6, 3.0])
    names = tuple("abcdef"[:count])
    return Ligaments(
        jnp.full(count, 0.1), jnp.full(count, 200.0), stack([curve] * count, (count,)), PATHS, names
    )


def test_slack_carries_nothing_and_stretch_pulls():
    ligaments = _stiffening(5)
    tension = ligament_tension(ligaments, jnp.array([0.05, 0.0999, 0.1, 0.102, 0.11]))
    np.testing.assert_array_equal(tension[:3], 0.0)
    np.testing.assert_allclose(tension[3:], [20.0, 600.0], rtol=1e-12)
    strain = ligament_strain(ligaments, jnp.full(5, 0.11))
    np.testing.assert_allclose(strain, 0.1, rtol=1e-12)


def test_gradients_in_length_and_parameters():
    ligaments = _stiffening(3)

    @jax.jit
    def tension(resting_length, pcsa_force, length):
        parts = ligaments.curve, ligaments.paths, ligaments.names
        return ligament_tension(Ligaments(resting_length, pcsa_force, *parts), length)

    arguments = (ligaments.resting_length, ligaments.pcsa_force, jnp.array([0.09, 0.1037, 0.12]))
    # Tensions of 1e2 to 1e3 N with slopes of 1e4 N/m and more.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-7, "rtol": 1e-6, "atol": 1e-4}
    check_grads(lambda *x: tension(*map(jnp.asarray, x)), arguments, **options)
