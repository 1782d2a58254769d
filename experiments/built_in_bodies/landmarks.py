"""The marker at the top of the head, which says how tall a body is."""

import jax
import numpy as np
from anthropometry import DE_LEVA_SCALE, HEIGHT, HIP_TO_CERVICALE, SEGMENTS

from biomech.dynamics import default_values, pose
from biomech.dynamics.spatial import rotate
from biomech.model.build import build_model

DE_LEVA_ABOVE_HIP = (HIP_TO_CERVICALE + SEGMENTS["head"][3]) * 1e-3 * DE_LEVA_SCALE


def vertex(description):
    """The marker, `HEIGHT` above the lowest contact region in the default pose.

    Not rounded: the height of the body is what it says to the last digit.
    """
    with jax.enable_x64(True):
        model = build_model(description)
        now = pose(model.skeleton, default_values(model.skeleton))
        feet = np.array(model.contacts.bodies)
        bottom = now.position[feet] + rotate(now.rotation[feet], model.contacts.location)
        sole = float(np.min(np.asarray(bottom[:, 1] - model.contacts.radius)))
        bodies, joints = model.skeleton.body_names, model.skeleton.joint_names
        torso = float(now.position[bodies.index("torso"), 1])
        hip = float(now.joint_center[joints.index("hip_r"), 1])
    trunk = next(body for body in description["bodies"] if body["name"] == "torso")
    above = HEIGHT + sole - hip - DE_LEVA_ABOVE_HIP
    return {
        "name": "vertex",
        "body": "torso",
        "location": [trunk["mass_center"][0], HEIGHT + sole - torso, 0.0],
        "source": f"top of the head: {HEIGHT} m above the sole, {1e3 * above:.0f} mm above where "
        "de Leva 1996 (doi:10.1016/0021-9290(95)00178-6), Table 4, men, puts it over the hips; "
        "above the mass center of the trunk (assumed)",
    }
