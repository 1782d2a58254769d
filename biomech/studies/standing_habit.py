"""How people habitually stand, as a reference for study `stand`.

Legs: the knee is 3.8 cm and the hip 6.2 cm in front of the ankle. Trunk: the mass center of all
that is above the hips is 1.0 cm behind them. With the thigh and shank of de Leva's average man
that is an ankle dorsiflexed by 5.0 degrees and a knee flexed by 1.7; the pelvis tilts until the
trunk is where it should be, and the hip makes up the difference. Angles of the legs are the same
for every body, so a change of leg length leaves the habit alone.

On one leg, the other foot is lifted behind the body: hip flexed by 10 and knee by 60 degrees more
(assumed).

Source: Woodhull, Maltrud & Mello (1985), Eur. J. Appl. Physiol. 54:109-115,
doi:10.1007/BF00426309, means of 15 subjects (their standard deviations: knee 2.0, hip 1.3, trunk
1.6 cm); de Leva (1996), doi:10.1016/0021-9290(95)00178-6, Table 4: thigh 422.2, shank 440.3 mm.

`SPREAD`: 2.0 cm of the knee about the ankle is 2.6 degrees, 1.6 cm of the trunk's mass center about
the hip 3 degrees; 3 degrees stand for every one of `SEGMENTS`, about every axis.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..dynamics.inverse_dynamics import mass_centers
from ..dynamics.kinematics import pose
from ..model.body import Model
from ..model.names import BadInput
from .gait_events import SIDES

_THIGH, _SHANK = 0.4222, 0.4403  # de Leva's average man [m]
_SHANK_LEAN = math.asin(0.038 / _SHANK)
_THIGH_LEAN = math.asin((0.062 - 0.038) / _THIGH)
TRUNK_BEHIND_HIPS = 0.010
"""How far the mass center of all above the hips is behind them [m]."""
SEGMENTS = ("pelvis", "torso", "femur_r", "tibia_r", "femur_l", "tibia_l")
"""Bodies whose direction in space is habitual."""
SPREAD = math.radians(3.0)
"""Turn of a segment from its habitual direction that counts 1 [rad]."""
LIFTED_HIP, LIFTED_KNEE = math.radians(10.0), math.radians(60.0)
"""By how much a lifted leg's hip and knee are flexed more [rad]; assumed."""
SUPPORTS = {"both": SIDES, "right_leg": ("r",), "left_leg": ("l",)}
"""What the body stands on -> sides of the feet on the ground."""


def habitual_posture(model: Model, support: str = "both") -> Float[Array, " coordinate"]:
    """Value of every coordinate in habitual standing [rad or m], on level ground.

    Coordinates that the habit does not speak of keep their defaults. Signs are those of the
    built-in bodies; a model whose `conventions` say that its knee flexes to negative is followed.
    """
    coordinates = model.skeleton.coordinates
    knee_sign = -1.0 if dict(model.conventions).get("knee_flexion") == "negative" else 1.0
    tilt = _pelvis_tilt(model)
    hip, knee = -_THIGH_LEAN - tilt, _SHANK_LEAN - _THIGH_LEAN
    wanted: dict[str, ArrayLike] = {"pelvis_tilt": tilt}
    for side in SIDES:
        lifted = float(side not in _sides(support))
        wanted[f"hip_flexion_{side}"] = hip + lifted * LIFTED_HIP
        wanted[f"knee_angle_{side}"] = knee_sign * (knee + lifted * LIFTED_KNEE)
        wanted[f"ankle_angle_{side}"] = _SHANK_LEAN * (1.0 - lifted)
    pairs = zip(coordinates.names, coordinates.default_value, strict=True)
    return jnp.stack([jnp.asarray(wanted.get(name, default)) for name, default in pairs])


def _sides(support):
    if support not in SUPPORTS:
        raise BadInput(f"`support` is '{support}'; it must be one of {', '.join(SUPPORTS)}.")
    return SUPPORTS[support]


def loaded_regions(model: Model, support: str) -> Float[Array, " contact"]:
    """1 for the contact regions of the feet that `support` stands on, 0 for the others.

    A region's side is the suffix of its name; one without a side is always loaded.
    """
    sides = _sides(support)
    other = tuple(f"_{side}" for side in SIDES if side not in sides)
    return jnp.asarray(
        [0.0 if name.endswith(other) and other else 1.0 for name in model.contacts.names]
    )


def _pelvis_tilt(model):
    """Rotation of the pelvis about z [rad] that puts the trunk's mass center behind the hips."""
    skeleton = model.skeleton
    coordinates = skeleton.coordinates
    hips = [i for i, name in enumerate(skeleton.joint_names) if name.startswith("hip_")]
    if not hips or "pelvis_tilt" not in coordinates.names:
        raise BadInput(
            f"Model '{model.name}' cannot stand: it needs joints 'hip_r' and 'hip_l' and a "
            "coordinate 'pelvis_tilt'."
        )
    tilts = np.array(coordinates.names) == "pelvis_tilt"
    upright = jnp.where(tilts, 0.0, coordinates.default_value)
    now = pose(skeleton, upright)
    beyond_hips = np.any(skeleton.ancestors[:, hips] > 0.0, axis=1)
    mass = skeleton.mass * jnp.asarray(~beyond_hips, skeleton.mass.dtype)
    trunk = mass @ mass_centers(skeleton, now) / jnp.sum(mass)
    arm = trunk - jnp.mean(now.joint_center[np.array(hips)], axis=0)
    # arm_x cos(tilt) - arm_y sin(tilt) = -TRUNK_BEHIND_HIPS
    length = jnp.sqrt(arm[0] ** 2 + arm[1] ** 2)
    return jnp.arcsin(TRUNK_BEHIND_HIPS / length) + jnp.arctan2(arm[0], arm[1])
