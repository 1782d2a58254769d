"""The measured walk end to end against OpenSim's static optimization and joint reactions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from tables import read_table

JOINTS = ("hip", "walker_knee", "patellofemoral", "ankle")
CHILD = {"hip": "femur", "walker_knee": "tibia", "patellofemoral": "patella", "ankle": "talus"}
TRUSTED = slice(4, -3)  # OpenSim's accelerations are off at the ends of the record


def reaction_table(folder, frame="ground"):
    """{joint: [frame, 3]} of OpenSim's joint reaction forces [N]."""
    table = read_table(folder / "oracle" / f"jra_{frame}.csv.gz")
    names = [(joint, side) for joint in JOINTS for side in "rl"]
    return {
        f"{joint}_{side}": table[
            [
                f"{joint}_{side}_on_{CHILD[joint]}_{side}_in_{_in(frame, joint, side)}_f{axis}"
                for axis in "xyz"
            ]
        ].to_numpy()
        for joint, side in names
    }


def _in(frame, joint, side):
    return "ground" if frame == "ground" else f"{CHILD[joint]}_{side}"


@pytest.fixture(scope="module")
def body_weight(analysed_subject):
    skeleton = analysed_subject.skeleton
    return float(jnp.sum(skeleton.mass) * jnp.linalg.norm(skeleton.gravity))


def test_activations_of_the_whole_chain(analysed_subject, recorded_answers, walk3d):
    """Bar: RMS 0.005, with OpenSim's pennation slip in the force capacities, as its results have.

    Without the slip activations rise by 0.005 RMS: weaker pennate muscles must work harder.
    """
    names = list(analysed_subject.muscles.names)
    table = read_table(walk3d / "oracle" / "so_activation.csv.gz")[names].to_numpy()
    rms = lambda record: np.sqrt(np.mean((np.asarray(record.activation) - table) ** 2))
    assert rms(recorded_answers["opensim_pennation"]) <= 0.005
    assert rms(recorded_answers["ours"]) <= 0.01
    assert np.all(np.asarray(recorded_answers["ours"].status) == 0)


def test_force_capacities_follow_the_file(analysed_subject, recorded_answers, walk3d):
    """All but gaslat (whose length OpenSim has wrong) and what loose wrapping explains."""
    names = analysed_subject.muscles.names
    table = read_table(walk3d / "oracle" / "so_active_force_a1.csv.gz")
    got = np.asarray(recorded_answers["opensim_pennation"].capacity)
    for i, name in enumerate(names):
        bar = 0.005 if not name.startswith("gaslat") else 0.15
        error = np.abs(got[:, i] - table[name]) / table[name].max()
        assert error.max() <= bar, name


@pytest.mark.parametrize("answers", ["ours", "opensim_pennation"])
def test_peak_loads(analysed_subject, recorded_answers, body_weight, walk3d, answers):
    """Bars: hip 1 %, patellofemoral 2 %, ankle 3 %, knee 5 % (there gaslat's length counts)."""
    bars = {"hip": 0.01, "patellofemoral": 0.02, "ankle": 0.03, "walker_knee": 0.05}
    record = recorded_answers[answers]
    for joint, expected in reaction_table(walk3d).items():
        column = analysed_subject.skeleton.joint_names.index(joint)
        ours = np.linalg.norm(np.asarray(record.joint_reaction_force[:, column]), axis=1)
        theirs = np.linalg.norm(expected, axis=1)
        error = ours.max() / theirs.max() - 1.0
        assert abs(error) <= bars[joint[:-2]], (joint, error)
        assert abs(ours.argmax() - theirs.argmax()) <= 1, joint


def test_knee_peak_with_opensims_gaslat_force(
    analysed_subject, recorded_motion, body_weight, walk3d
):
    """With gaslat's active force taken from OpenSim every peak is within 1 %."""
    from biomech.studies import inverse as study

    names = list(analysed_subject.muscles.names)
    table = read_table(walk3d / "oracle" / "so_active_force_a1.csv.gz")
    gaslat = np.array([names.index(n) for n in ("gaslat_r", "gaslat_l")])
    theirs = jnp.asarray(table[["gaslat_r", "gaslat_l"]].to_numpy())
    weights = study.equal_weights(analysed_subject)
    plain = study.active_force_at_full_activation

    def each(instant, force):
        def capacity(muscles, state, **options):
            return plain(muscles, state, **options).at[gaslat].set(force)

        study.active_force_at_full_activation = capacity
        try:
            return study.inverse_instant(analysed_subject, instant, weights, opensim_pennation=True)
        finally:
            study.active_force_at_full_activation = plain

    record = compiled(jax.vmap(each))(recorded_motion, theirs)
    for joint, expected in reaction_table(walk3d).items():
        column = analysed_subject.skeleton.joint_names.index(joint)
        ours = np.linalg.norm(np.asarray(record.joint_reaction_force[:, column]), axis=1)
        error = ours.max() / np.linalg.norm(expected, axis=1).max() - 1.0
        assert abs(error) <= 0.01, (joint, error)


def test_joint_reactions_from_opensims_muscle_forces(
    analysed_subject, reactions_to_their_muscles, walk3d
):
    """Own wrapping: hip 25 N, knee 10 N, ankle 3 N (vector norm), frames 4 to n-3."""
    ours, skeleton = reactions_to_their_muscles[0], analysed_subject.skeleton
    bars = {"hip": 25.0, "walker_knee": 10.0, "ankle": 3.0, "patellofemoral": 10.0}
    for joint, expected in reaction_table(walk3d).items():
        column = skeleton.joint_names.index(joint)
        error = np.linalg.norm(np.asarray(ours[:, column]) - expected, axis=1)[TRUSTED]
        assert error.max() <= bars[joint[:-2]], (joint, error.max())


def test_reactions_in_body_axes(analysed_subject, recorded_answers, walk3d):
    """The rotation to the child body's axes is OpenSim's: same vector, both tables."""
    record = recorded_answers["opensim_pennation"]
    child, ground = reaction_table(walk3d, "child"), reaction_table(walk3d)
    for joint in child:
        column = analysed_subject.skeleton.joint_names.index(joint)
        force = np.asarray(record.joint_reaction_force[:, column])
        local = np.asarray(record.joint_reaction_force_body_axes[:, column])
        difference = np.linalg.norm(local - child[joint], axis=1)
        np.testing.assert_allclose(
            difference, np.linalg.norm(force - ground[joint], axis=1), atol=1e-4
        )
