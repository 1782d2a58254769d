"""Two legs that walk by formula: a model, a trial and a record with known events and peaks."""

import jax.numpy as jnp
import numpy as np

from biomech.formats.external_loads import ExternalForce
from biomech.formats.trial import Trial
from biomech.model.build import build_model
from biomech.model.edits import with_reserves
from biomech.studies.inverse import InverseRecord
from small_models import body, coordinate, joint, linear

STRIDE, STANCE = 1.0, 0.6  # [s], share of the stride
FIRST_STRIKE = {"r": 0.25, "l": 0.75}  # [s]
RAMP = STANCE / np.pi * np.arcsin(20.0 / 900.0)
"""The vertical force passes 20 N this long after contact [s]."""
MUSCLES = ("glmed1", "vasti", "soleus")


def walking_model(knee="knee"):
    """Pelvis, two thighs, two shanks; y up, legs straight down, hips 0.1 m to the sides."""
    joints = [joint("ground_pelvis", "ground", "pelvis", (), [("pelvis_tx", linear())])]
    names, bodies, muscles = ["pelvis_tx"], [body("pelvis", 40.0)], []
    for side, z in (("r", 0.1), ("l", -0.1)):
        hip, own_knee, femur, tibia = (f"{w}_{side}" for w in ("hip", knee, "femur", "tibia"))
        at = {"parent_position": [0.0, 0.0, z]}
        joints.append(joint(hip, "pelvis", femur, [(f"hip_flexion_{side}", linear())], **at))
        down = {"parent_position": [0.0, -0.4, 0.0]}
        joints.append(joint(own_knee, femur, tibia, [(f"knee_angle_{side}", linear(-1.0))], **down))
        names += [f"hip_flexion_{side}", f"knee_angle_{side}"]
        bodies += [body(femur, 8.0), body(tibia, 4.0)]
        muscles += [_muscle(f"{name}_{side}", femur, tibia) for name in MUSCLES]
    model = build_model(
        {
            "format": "biomech-model",
            "version": 1,
            "name": "small walk",
            "gravity": [0.0, -10.0, 0.0],
            "conventions": {"knee_flexion": "positive"},
            "notes": ["made for tests"],
            "citations": ["nobody 2026"],
            "bodies": bodies,
            "joints": joints,
            "coordinates": [
                coordinate(n, "translational" if n == "pelvis_tx" else "rotational") for n in names
            ],
            "couplers": [],
            "cylinders": [],
            "muscle_curves": "degrootefregly2016",
            "muscles": muscles,
            "ligaments": [],
            "contacts": [],
            "actuators": [],
            "markers": [],
        }
    )
    model = with_reserves(model, {"pelvis_tx": 100.0}, kind="residual")
    return with_reserves(model, {name: 1.0 for name in names[1:]})


def _muscle(name, origin, insertion):
    return {
        "name": name,
        "max_isometric_force": 1000.0,
        "optimal_fiber_length": 0.1,
        "tendon_slack_length": 0.2,
        "pennation_angle": 0.0,
        "max_contraction_velocity": 10.0,
        "min_activation": 0.01,
        "max_activation": 1.0,
        "curves": {
            "active_force_width_scale": 1.0,
            "fiber_damping": 0.01,
            "passive_fiber_strain_at_one_norm_force": 0.6,
            "tendon_strain_at_one_norm_force": 0.049,
        },
        "path": {
            "points": [
                {"body": origin, "location": [0.05, -0.2, 0.0]},
                {"body": insertion, "location": [0.05, -0.1, 0.0]},
            ],
            "wraps": [],
        },
    }


def walking_forces(duration=3.05, rate=1000.0):
    """Half-sine vertical forces of 900 N under both feet; garbage points in swing."""
    time = np.arange(round(duration * rate) + 1) / rate
    forces = []
    for side, strike in FIRST_STRIKE.items():
        phase = np.mod(time - strike, STRIDE) / STRIDE
        on = (phase < STANCE) & (time >= strike)
        force = np.zeros((time.size, 3))
        force[:, 1] = np.where(on, 900.0 * np.sin(np.pi * phase / STANCE), 0.0)
        force[:, 0] = 0.1 * force[:, 1]
        point = np.where(on[:, None], np.array([[0.05, 0.0, 0.1 if side == "r" else -0.1]]), 300.0)
        torque = np.zeros_like(force)
        torque[:, 1] = np.where(on, 2.0, 0.0)
        forces.append(
            ExternalForce(side, f"tibia_{side}", "ground", "ground", time, force, point, torque)
        )
    return tuple(forces)


def walking_trial():
    """Coordinates at 100 Hz with the forces; three strides and a bit."""
    model, time = walking_model(), np.arange(306) / 100.0
    names = model.skeleton.coordinates.names
    return Trial(time, names, _values(time, names), walking_forces(), 0.0, 3.05)


def _values(time, names):
    shift = {"r": 0.0, "l": np.pi}
    swing = lambda name: 0.3 * np.sin(2 * np.pi * time / STRIDE + shift[name[-1]])
    return np.stack([1.2 * time if n == "pelvis_tx" else swing(n) for n in names], axis=1)


def two_peaks(percent):
    """A load [BW] with 2 BW at 15 %, 3 BW at 45 % and 0.2 BW in swing."""
    bump = lambda center, height: height * np.exp(-(((percent - center) / 8.0) ** 2))
    return 0.2 + bump(15.0, 1.8) + bump(45.0, 2.8)


def walking_record(model, time, lead=()):
    """A record whose hips and knees carry `two_peaks`; other arrays are plausible or zero."""
    skeleton = model.skeleton
    n, m, j = (len(x) for x in (skeleton.coordinates.names, model.muscles.names, skeleton.parents))
    a, f = len(model.actuators.names), len(skeleton.coordinates.free)
    weight = 10.0 * float(np.sum(skeleton.mass))
    force = np.zeros((time.size, j, 3))
    for i, name in enumerate(skeleton.joint_names):
        if name[-2:] in ("_r", "_l"):
            percent = np.mod(time - FIRST_STRIKE[name[-1]], STRIDE) / STRIDE * 100.0
            force[:, i, 1] = -weight * two_peaks(percent)
    zeros = lambda *shape: np.zeros((time.size, *shape))
    activation = 0.5 + 0.4 * np.sin(2 * np.pi * time / STRIDE)[:, None] * np.ones((1, m))
    moment = 50.0 * np.sin(2 * np.pi * time / STRIDE)[:, None] * np.ones((1, f))
    fields = {
        "time": time,
        "value": _values(time, skeleton.coordinates.names),
        "speed": zeros(n),
        "acceleration": zeros(n),
        "generalized_force": moment.copy(),
        "moment": moment,
        "activation": activation,
        "muscle_force": 1000.0 * activation,
        "norm_fiber_length": 1.0 + zeros(m),
        "muscle_tendon_length": 0.3 + zeros(m),
        "muscle_tendon_speed": zeros(m),
        "moment_arm": 0.04 + zeros(m, f),
        "capacity": 1000.0 + zeros(m),
        "actuator_force": zeros(a),
        "residual_moment": zeros(f),
        "joint_reaction_force": force,
        "joint_reaction_moment": zeros(j, 3),
        "joint_reaction_force_body_axes": force,
        "joint_reaction_moment_body_axes": zeros(j, 3),
        "intersegmental_force": 0.3 * force,
        "intersegmental_moment": zeros(j, 3),
        "intersegmental_force_body_axes": 0.3 * force,
        "intersegmental_moment_body_axes": zeros(j, 3),
        "joint_center": zeros(j, 3),
        "center_of_mass": zeros(3) + np.array([0.0, 0.9, 0.0]),
        "ligament_force": zeros(0),
        "status": np.zeros(time.size, int),
        "limited": np.zeros((time.size, 2), bool),
    }
    wide = lambda x: jnp.asarray(np.broadcast_to(x, (*lead, *x.shape)))
    return InverseRecord(**{name: wide(x) for name, x in fields.items()})
