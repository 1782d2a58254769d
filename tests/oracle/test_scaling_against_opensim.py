"""Scaled segments against OpenSim's own `Model.scale`, with another factor for each body.

Left out: muscles whose path OpenSim itself measures otherwise than we do before anything is scaled
(paths over cylinders, which OpenSim finds by iteration), and those over a cylinder in a body that
is scaled along its length alone, whose radius OpenSim scales by another rule.
"""

import numpy as np
import pytest

from biomech.formats.osim import load_osim
from biomech.muscles.segment_scaling import reference_lengths, scale_segments

pytestmark = pytest.mark.oracle
ALIKE = {
    "pelvis": 1.05,
    "femur_r": 1.1,
    "patella_r": 1.1,
    "tibia_r": 0.9,
    "calcn_r": 1.2,
    "toes_r": 0.85,
    "torso": 1.03,
}
LENGTHWISE = {"femur_l": 1.07, "tibia_l": 0.94}
FACTORS = {name: (f, f, f) for name, f in ALIKE.items()} | {
    name: (1.0, f, 1.0) for name, f in LENGTHWISE.items()
}
NAME = "RajagopalLaiUhlrich2023.osim"


@pytest.fixture(scope="module")
def theirs(rajagopal):
    """Architecture before and after, inertias and mass centers after scaling in OpenSim."""
    opensim = pytest.importorskip("opensim")
    opensim.Logger.setLevelString("error")
    opensim.Logger.removeFileSink()
    model = opensim.Model(str(rajagopal / NAME))
    state = model.initSystem()
    before = _architecture(model, state)
    scales = opensim.ScaleSet()
    for body, factors in FACTORS.items():
        scale = opensim.Scale()
        scale.setSegmentName(body)
        scale.setScaleFactors(opensim.Vec3(*factors))
        scale.setApply(True)
        scales.cloneAndAppend(scale)
    assert model.scale(state, scales, True, model.getTotalMass(state))
    after = _architecture(model, model.initSystem())
    bodies = {
        body.getName(): (
            [body.getInertia().getMoments()[i] for i in range(3)],
            [body.getMassCenter()[i] for i in range(3)],
        )
        for body in model.getBodySet()
    }
    return before, after, bodies


def _architecture(model, state):
    """Optimal fiber length, tendon slack length and path length [m] of every muscle."""
    muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
    return {
        muscle.getName(): (
            muscle.get_optimal_fiber_length(),
            muscle.get_tendon_slack_length(),
            muscle.getGeometryPath().getLength(state),
        )
        for muscle in muscles
    }


@pytest.fixture(scope="module")
def ours(rajagopal):
    model = load_osim(rajagopal / NAME)
    scaled = scale_segments(model, {body: np.array(f) for body, f in FACTORS.items()})
    return model, scaled, *np.asarray(reference_lengths(model, scaled)[0])


def _on_lengthened(model, muscle):
    paths = model.muscles.paths
    bodies = [paths.cylinders.bodies[cylinder] for cylinder, _, _ in paths.wraps[muscle]]
    return any(model.skeleton.body_names[body] in LENGTHWISE for body in bodies)


def test_fibers_and_tendons_are_scaled_as_there(theirs, ours):
    before, after, _ = theirs
    model, scaled, length, new_length = ours
    compared, moved = [], []
    for i, name in enumerate(model.muscles.names):
        if abs(length[i] / before[name][2] - 1.0) > 1e-7 or _on_lengthened(model, i):
            continue
        got = [
            float(scaled.muscles.optimal_fiber_length[i]),
            float(scaled.muscles.tendon_slack_length[i]),
            new_length[i],
        ]
        np.testing.assert_allclose(got, after[name], rtol=1e-6, err_msg=name)
        compared.append(name)
        moved += [name] if abs(new_length[i] / length[i] - 1.0) > 0.01 else []
    assert len(compared) > 50 and len(moved) > 40


def test_inertia_and_mass_centers_are_scaled_as_there(theirs, ours):
    """With unequal factors OpenSim takes a body for a cylinder; those inertias differ."""
    _, _, bodies = theirs
    _, scaled, *_ = ours
    for i, name in enumerate(scaled.skeleton.body_names):
        inertia, center = bodies[name]
        np.testing.assert_allclose(scaled.skeleton.mass_center[i], center, atol=1e-15)
        if name not in LENGTHWISE:
            np.testing.assert_allclose(scaled.skeleton.inertia[i, :3], inertia, rtol=1e-12)
