"""The built-in body `lower_limb` against the published models it follows.

- Its muscles against those of the generic model, lengths times 1.75 / 1.70, over the walking range.
- What muscles do to arch and toes against a foot of four segments made by others.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import pose, project_couplers
from biomech.formats.load import load_built_in
from biomech.formats.osim import load_osim, read_osim
from biomech.muscles.paths import moment_arms, path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state
from tables import read_table

SCALE = 1.75 / 1.70
WALKING = {  # [deg]
    "hip_flexion_r": (-20.0, 40.0),
    "hip_adduction_r": (-10.0, 10.0),
    "hip_rotation_r": (-10.0, 10.0),
    "knee_angle_r": (0.0, 70.0),
    "ankle_angle_r": (-20.0, 20.0),
    "subtalar_angle_r": (-10.0, 10.0),
}
TO_THE_HINDFOOT = ("soleus", "gasmed", "gaslat")
PAST_THE_ARCH = ("tibant", "tibpost", "perbrev", "perlong", "edl", "ehl", "fdl", "fhl")
ROUNDING = 5e-5  # places are rounded to 10 um [m]


def right_muscles(model):
    return [name for name in model.muscles.names if name.endswith("_r")]


def over(model, values):
    """Lengths, moment arms along the couplings and norm fiber lengths of the right leg's muscles.

    `values`: name of a coordinate -> its values; the others rest at 0.
    """
    names = model.skeleton.coordinates.names
    states = np.zeros((len(next(iter(values.values()))), len(names)))
    for name, value in values.items():
        states[:, names.index(name)] = value
    leader = dict(
        zip(
            model.skeleton.coordinates.dependent,
            model.skeleton.coordinates.independent,
            strict=True,
        )
    )
    for follower, lead in leader.items():  # patella: as much as the knee
        states[:, follower] = states[:, lead]

    def one(q):
        now = pose(model.skeleton, q)
        found = path_geometry(model.muscles.paths, now, q)
        arms = project_couplers(model.skeleton, q, moment_arms(found, model.skeleton, now))
        still = jnp.zeros_like(found.length)
        return found.length, arms, rigid_tendon_state(model.muscles, found.length, still)

    length, arms, tendon = jax.jit(lambda v: jax.lax.map(one, v))(jnp.asarray(states))
    rows = [model.muscles.names.index(name) for name in right_muscles(model)]
    columns = [names.index(name) for name in WALKING]
    return (
        np.asarray(length)[:, rows],
        np.asarray(arms)[:, rows][:, :, columns],
        np.asarray(tendon.norm_fiber_length)[:, rows],
    )


@pytest.fixture(scope="module")
def body():
    return load_built_in("lower_limb")


@pytest.fixture(scope="module")
def side_by_side(body, rajagopal):
    """Muscle -> (length, arms, norm fiber length) of ours and of the enlarged generic model."""
    generic = load_osim(rajagopal / "RajagopalLaiUhlrich2023.osim")
    rng = np.random.default_rng(3)
    values = {
        name: np.deg2rad(np.concatenate([[0.0], rng.uniform(*limits, 60)]))
        for name, limits in WALKING.items()
    }
    ours, theirs = over(body, values), over(generic, values)
    theirs = (theirs[0] * SCALE, theirs[1] * SCALE, theirs[2])
    pick = lambda found, model, name: [x[:, right_muscles(model).index(name)] for x in found]
    return {
        name[:-2]: (pick(ours, body, name), pick(theirs, generic, name))
        for name in right_muscles(generic)
    }


def rms(error):
    return float(np.sqrt(np.mean(np.square(error))))


def test_muscles_that_end_above_the_foot_are_those_of_the_generic_model(side_by_side):
    """Bar: 1 mm. They differ by rounding only."""
    compared = [name for name in side_by_side if name not in (*TO_THE_HINDFOOT, *PAST_THE_ARCH)]
    assert len(compared) == 29
    for name in compared:
        (length, arms, _), (their_length, their_arms, _) = side_by_side[name]
        assert rms(length - their_length) < ROUNDING, name
        for k in range(len(WALKING)):
            assert rms(arms[:, k] - their_arms[:, k]) < ROUNDING, (name, list(WALKING)[k])


@pytest.mark.parametrize("name", TO_THE_HINDFOOT + PAST_THE_ARCH)
def test_muscles_of_the_foot_move_ankle_and_subtalar_joint_as_there(side_by_side, name):
    """Bar: 2 mm, the arch at neutral. New points stand beyond the last one that matters here."""
    (_, arms, _), (_, their_arms, _) = side_by_side[name]
    for k, coordinate in enumerate(WALKING):
        assert rms(arms[:, k] - their_arms[:, k]) < ROUNDING, coordinate
    assert np.abs(their_arms[:, list(WALKING).index("ankle_angle_r")]).max() > 5e-3


def test_fibers_are_as_long_as_there_at_the_neutral_pose(side_by_side):
    for name, ((_, _, fiber), (_, _, their_fiber)) in side_by_side.items():
        assert abs(fiber[0] - their_fiber[0]) < 2e-3, (name, fiber[0], their_fiber[0])


# --- arch and toes ----------------------------------------------------------------------------

THEIR_MUSCLE = {
    "tibant": "tib_ant",
    "tibpost": "tib_post",
    "perbrev": "per_brev",
    "perlong": "per_long",
    "edl": "ext_dig",
    "ehl": "ext_hal",
    "fdl": "flex_dig",
    "fhl": "flex_hal",
    "fdb": "FDB",
}
THEIR_COORDINATE = {
    "ankle_angle": "ankle_angle",
    "subtalar_angle": "subtalar_angle",
    "midtarsal_angle": "mtj_angle",
    "mtp_angle": "mtp_angle",
}
NOTHING = 2e-3  # an arm that comes nearer to 0 has no sign to speak of [m]


def direction(joints, coordinate):
    """+1 if the coordinate turns its body about an axis to the right, -1 if to the left."""
    for joint in joints:
        for axis in joint["axes"][:3]:
            if axis["coordinate"] == coordinate:
                return np.sign(axis["axis"][2])
    raise AssertionError(coordinate)


@pytest.mark.parametrize("side", ["r", "l"])
def test_muscles_bend_arch_and_toes_the_way_they_do_there(body, dhondt2024, side):
    """Wherever their arm has one sign at all states and ours is taken at the same foot angles."""
    joints = read_osim(dhondt2024 / "DHondt_et_al_2024_4seg.osim").description["joints"]
    table = read_table(dhondt2024 / "oracle" / "moment_arm.csv.gz")
    angles = read_table(dhondt2024 / "oracle" / "state_q.csv.gz")[: len(table)]
    names = body.skeleton.coordinates.names
    states = np.zeros((len(table), len(names)))
    for ours, theirs in THEIR_COORDINATE.items():
        states[:, names.index(f"{ours}_{side}")] = angles[f"{theirs}_{side}"]

    def one(q):
        now = pose(body.skeleton, q)
        return moment_arms(path_geometry(body.muscles.paths, now, q), body.skeleton, now)

    arms = np.asarray(jax.jit(lambda v: jax.lax.map(one, v))(jnp.asarray(states)))
    compared = []
    for ours, theirs in THEIR_MUSCLE.items():
        for coordinate in ("midtarsal_angle", "mtp_angle"):
            column = f"{theirs}_{side}:{THEIR_COORDINATE[coordinate]}_{side}"
            if column not in table or np.abs(table[column]).min() < NOTHING:
                continue
            sign = direction(joints, f"{THEIR_COORDINATE[coordinate]}_{side}")
            arm = arms[
                :,
                body.muscles.names.index(f"{ours}_{side}"),
                names.index(f"{coordinate}_{side}"),
            ]
            assert np.all(np.sign(arm) == sign * np.sign(table[column])), (ours, coordinate, arm)
            compared.append((ours, coordinate))
    assert len(compared) == 13  # all but the short peroneal, whose arm about the arch has no sign
