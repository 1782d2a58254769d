"""The whole chain of study `inverse` beside OpenSim's own tools, on a leg made here.

A pelvis with six coordinates, a hip with three, a knee and an oblique ankle; thirteen Millard
muscles without wrapping, one of them pennate; motors on every coordinate; a smooth motion and a
load on the foot. OpenSim reads the same files: `InverseDynamicsTool`, `StaticOptimization` and
`JointReaction` run once for all tests, in a folder of their own.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import joint_reactions
from biomech.dynamics.kinematics import body_motion, coupled_motion
from biomech.formats.osim import load_osim
from biomech.formats.storage import read_storage, write_storage
from biomech.formats.trial import load_trial
from biomech.muscles.paths import path_geometry
from biomech.studies.inverse import inverse
from biomech.studies.motion import smooth_and_differentiate
from biomech.studies.prepare import measured_motion
from osim_texts import (
    axis,
    body,
    document,
    geometry_path,
    joint,
    object_set,
    path_point,
    spatial_transform,
)

pytestmark = pytest.mark.oracle

START, END = 0.2, 0.5  # of the analysis [s]; the record is longer at both ends

MUSCLES = {
    "glmax": ("pelvis -0.12 0.03 0.07", "pelvis -0.10 -0.04 0.09", "femur -0.01 -0.12 0.04"),
    "glmed": ("pelvis -0.03 0.05 0.12", "femur -0.01 -0.02 0.07"),
    "addlong": ("pelvis 0 -0.09 0", "femur 0.01 -0.22 0.02"),
    "psoas": ("pelvis 0 0.06 0.08", "pelvis 0.02 -0.03 0.09", "femur 0 -0.06 0.01"),
    "piri": ("pelvis -0.13 -0.02 0.03", "femur -0.03 -0.01 0.06"),
    "tfl": ("pelvis -0.01 0 0.12", "femur 0.04 -0.03 0.04"),
    "semimem": ("pelvis -0.11 -0.1 0.06", "tibia -0.03 -0.06 -0.02"),
    "bfsh": ("femur 0 -0.2 0.03", "tibia -0.03 -0.04 0.03"),
    "recfem": (
        "pelvis 0.02 -0.02 0.09", "femur 0.03 -0.38 0", "tibia 0.045 -0.03 0", "tibia 0.04 -0.08 0",
    ),
    "vaslat": (
        "femur 0.02 -0.2 0.02", "femur 0.04 -0.38 0", "tibia 0.045 -0.03 0", "tibia 0.04 -0.08 0",
    ),
    "gasmed": ("femur -0.02 -0.38 -0.02", "tibia -0.03 -0.05 -0.02", "foot -0.05 -0.03 0"),
    "soleus": ("tibia -0.01 -0.1 0", "foot -0.05 -0.03 0"),
    "tibant": ("tibia 0.015 -0.15 0.01", "tibia 0.03 -0.38 -0.01", "foot 0.06 -0.03 -0.01"),
}  # fmt: skip
PENNATION = {"soleus": 0.44}  # [rad]
ROOT = ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz")
HIP = ("hip_flexion", "hip_adduction", "hip_rotation")
COORDINATES = (*ROOT, *HIP, "knee_angle", "ankle_angle")


def path_of(muscle):
    points = [place.split(" ", 1) for place in MUSCLES[muscle]]
    return geometry_path(
        *(path_point(f"p{i}", f"/bodyset/{b}", at) for i, (b, at) in enumerate(points))
    )


def millard(name, fiber, tendon):
    return (
        f'<Millard2012EquilibriumMuscle name="{name}">{path_of(name)}'
        "<min_control>0.01</min_control><max_control>1</max_control>"
        "<max_isometric_force>2500</max_isometric_force>"
        f"<optimal_fiber_length>{fiber!r}</optimal_fiber_length>"
        f"<tendon_slack_length>{tendon!r}</tendon_slack_length>"
        f"<pennation_angle_at_optimal>{PENNATION.get(name, 0.0)}</pennation_angle_at_optimal>"
        "</Millard2012EquilibriumMuscle>"
    )


def motor(coordinate):
    force = 100.0 if coordinate in ROOT else 5.0
    return (
        f'<CoordinateActuator name="motor_{coordinate}"><coordinate>{coordinate}</coordinate>'
        f"<optimal_force>{force}</optimal_force></CoordinateActuator>"
    )


def three_turns(names, *moves):
    directions = ("0 0 1", "1 0 0", "0 1 0")
    turns = [axis(f"rotation{i + 1}", directions[i], names[i]) for i in range(3)]
    slides = [
        axis(f"translation{i + 1}", d, *moves[i : i + 1])
        for i, d in enumerate(("1 0 0", "0 1 0", "0 0 1"))
    ]
    return spatial_transform(*turns, *slides)


def leg(lengths=None) -> bytes:
    """The model; each muscle has its optimal fiber length where `lengths` [m] were measured."""
    lengths = lengths or dict.fromkeys(MUSCLES, 1.0)
    fiber = {m: 0.45 * length for m, length in lengths.items()}
    tendon = {
        m: length - fiber[m] * float(np.cos(PENNATION.get(m, 0.0))) for m, length in lengths.items()
    }
    zero = ("0 0 0", "0 0 0")
    ankle = ("0 0 0", "0.2 0.3 0")  # the pin is oblique in both bodies
    return document(
        object_set(
            "BodySet",
            body("pelvis", mass=10.0),
            body("femur", mass=8.0),
            body("tibia", mass=4.0),
            body("foot", mass=1.5),
        ),
        object_set(
            "JointSet",
            joint(
                "CustomJoint", "ground_pelvis", "/ground", "/bodyset/pelvis", ROOT,
                at_parent=zero, at_child=zero, transform=three_turns(ROOT, *ROOT[3:]),
            ),
            joint(
                "CustomJoint", "hip", "/bodyset/pelvis", "/bodyset/femur", HIP,
                at_parent=("-0.06 -0.07 0.08", "0.1 -0.05 0.2"),
                at_child=("0.01 0 0.005", "0.12 -0.05 0.15"), transform=three_turns(HIP),
            ),
            joint(
                "PinJoint", "knee", "/bodyset/femur", "/bodyset/tibia", ["knee_angle"],
                at_parent=("0 -0.4 0", "0 0.1 0.3"), at_child=("0 0 0.01", "0 0.1 0.3"),
            ),
            joint(
                "PinJoint", "ankle", "/bodyset/tibia", "/bodyset/foot", ["ankle_angle"],
                at_parent=("0 -0.42 0", ankle[1]), at_child=ankle,
            ),
        ),
        object_set(
            "ForceSet",
            *(millard(m, fiber[m], tendon[m]) for m in MUSCLES),
            *(motor(c) for c in COORDINATES),
        ),
    )  # fmt: skip


LOADS = """<?xml version="1.0" encoding="UTF-8" ?>
<OpenSimDocument Version="40500"><ExternalLoads name="loads"><objects>
<ExternalForce name="plate"><applied_to_body>foot</applied_to_body>
<force_expressed_in_body>ground</force_expressed_in_body>
<point_expressed_in_body>ground</point_expressed_in_body>
<force_identifier>plate_v</force_identifier><point_identifier>plate_p</point_identifier>
<torque_identifier>plate_m</torque_identifier></ExternalForce>
</objects><groups/><datafile>loads.mot</datafile></ExternalLoads></OpenSimDocument>
"""


def waves(time, rows):
    """Mean + two sines per column: (mean, amplitude, frequency [Hz], phase [rad])."""
    mean, size, rate, phase = (column[None] for column in np.array(rows).T)
    turn = 2.0 * np.pi * rate * time[:, None] + phase
    return mean + size * (np.sin(turn) + 0.3 * np.sin(2.0 * turn + 1.0))


def write_trial(folder):
    """Motion at 100 Hz and load at 200 Hz: 0 to 0.7 s."""
    draw = np.random.default_rng(5)
    middle = (0.1, -0.05, 0.1, 0.5, 0.95, -0.1, 0.2, -0.05, 0.05, -0.4, 0.1)
    size = (0.1, 0.1, 0.1, 0.05, 0.03, 0.03, 0.3, 0.1, 0.1, 0.2, 0.15)
    rows = [(m, s, draw.uniform(1.0, 1.6), draw.uniform(0.0, 6.0)) for m, s in zip(middle, size)]
    time = np.arange(71) / 100.0
    write_storage(folder / "motion.mot", time, COORDINATES, waves(time, rows))
    load = [(20, 30, 1.2, 0), (300, 150, 1.4, 1), (0, 20, 1.1, 2)]
    load += [(0.55, 0.05, 1.3, 3), (0, 0, 1, 0), (-0.05, 0.02, 1.2, 4)]
    load += [(0.5, 1.0, 1.5, 5), (0, 3.0, 1.1, 6), (0, 1.0, 1.2, 7)]
    labels = [f"plate_{kind}{a}" for kind in "vpm" for a in "xyz"]
    fine = np.arange(141) / 200.0
    write_storage(folder / "loads.mot", fine, labels, waves(fine, load))
    (folder / "loads.xml").write_text(LOADS)


@pytest.fixture(scope="module")
def opensim():
    opensim = pytest.importorskip("opensim")
    opensim.Logger.setLevelString("error")
    opensim.Logger.removeFileSink()
    return opensim


@pytest.fixture(scope="module")
def trial(opensim, tmp_path_factory):
    """Folder with leg.osim, motion.mot and loads.xml."""
    folder = tmp_path_factory.mktemp("leg")
    path = folder / "leg.osim"
    path.write_bytes(leg())
    rough = opensim.Model(str(path))
    state = rough.initSystem()
    lengths = {m: rough.getMuscles().get(m).getLength(state) for m in MUSCLES}
    path.write_bytes(leg(lengths))
    write_trial(folder)
    return folder


@pytest.fixture(scope="module")
def tables(opensim, trial):
    """What OpenSim's three tools wrote, by file name."""
    model = opensim.Model(str(trial / "leg.osim"))
    model.initSystem()
    tool = opensim.InverseDynamicsTool()
    tool.setModel(model)
    excluded = opensim.ArrayStr()
    excluded.append("Muscles")
    tool.setExcludedForces(excluded)
    tool.setCoordinatesFileName(str(trial / "motion.mot"))
    tool.setExternalLoadsFileName(str(trial / "loads.xml"))
    tool.setLowpassCutoffFrequency(-1.0)
    tool.setStartTime(START)
    tool.setEndTime(END)
    tool.setResultsDir(str(trial))
    tool.setOutputGenForceFileName("id.sto")
    assert tool.run()

    optimization = opensim.StaticOptimization()
    optimization.setName("SO")
    optimization.setUseModelForceSet(True)
    optimization.setActivationExponent(2.0)
    optimization.setUseMusclePhysiology(True)
    optimization.setConvergenceCriterion(1e-8)
    optimization.setMaxIterations(1000)
    analyze(opensim, trial, "leg", optimization)
    for frame in ("ground", "child", "parent"):
        reaction = opensim.JointReaction()
        reaction.setName(f"JR_{frame}")
        reaction.setForcesFileName(str(trial / "leg_SO_force.sto"))
        for setter, word in (("JointNames", "ALL"), ("OnBody", "child"), ("InFrame", frame)):
            words = opensim.ArrayStr()
            words.append(word)
            getattr(reaction, f"set{setter}")(words)
        analyze(opensim, trial, "leg", reaction)
    return {path.stem: read_storage(path) for path in trial.glob("*.sto")}


def analyze(opensim, trial, name, analysis):
    """One analysis of the recorded motion, with a model of its own."""
    model = opensim.Model(str(trial / "leg.osim"))
    analysis.setStartTime(START)
    analysis.setEndTime(END)
    model.addAnalysis(analysis)
    tool = opensim.AnalyzeTool(model)
    tool.setName(name)
    tool.setModelFilename(str(trial / "leg.osim"))
    tool.setCoordinatesFileName(str(trial / "motion.mot"))
    tool.setExternalLoadsFileName(str(trial / "loads.xml"))
    tool.setLowpassCutoffFrequency(-1.0)
    tool.setInitialTime(START)
    tool.setFinalTime(END)
    tool.setSolveForEquilibrium(False)
    tool.setLoadModelAndInput(True)
    tool.setResultsDir(str(trial))
    assert tool.run()


@pytest.fixture(scope="module")
def prepared(trial):
    """Our model and motion, from the same files."""
    model = load_osim(trial / "leg.osim")
    recorded = load_trial(trial / "motion.mot", trial / "loads.xml", model=model)
    motion, _ = measured_motion(model, recorded, start=START, end=END)
    return model, recorded, motion


def test_measure(prepared, tables):
    model, recorded, motion = prepared
    sk = model.skeleton
    rec = inverse(model, motion, opensim_pennation=True)
    ours = inverse(model, motion)
    idt = tables["id"]
    exp = np.stack(
        [idt.values[:, [l.rsplit("_", 1)[0] for l in idt.labels].index(c)] for c in COORDINATES], 1
    )
    assert tuple(sk.coordinates.names) == COORDINATES
    print("id", np.abs(rec.generalized_force - exp).max(0))
    act = tables["leg_SO_activation"]
    ta = np.stack([act.column(m) for m in model.muscles.names], 1)
    print("status", rec.status, "max act", ta.max(0), "min", ta.min(0))
    print(
        "SO act err",
        np.abs(rec.activation - ta).max(0),
        "plain",
        np.abs(ours.activation - ta).max(0),
    )
    tm = np.stack([act.column(m) for m in model.actuators.names], 1)
    print(
        "SO motor err",
        np.abs(np.asarray(rec.actuator_force) / np.asarray(model.actuators.optimal_force) - tm).max(
            0
        ),
        np.abs(tm).max(0),
    )
    full, _ = measured_motion(model, recorded)
    again = smooth_and_differentiate(recorded.time, np.asarray(full.speed), np.asarray(motion.time))
    print(
        "qdd diff",
        np.abs(again.value - motion.speed).max(),
        np.abs(again.speed - motion.acceleration).max(0),
    )
    m2 = eqx.tree_at(lambda m: m.acceleration, motion, jnp.asarray(again.speed))
    rec2 = inverse(model, m2, opensim_pennation=True)
    print("SO act err2", np.abs(rec2.activation - ta).max(0))
    f = tables["leg_SO_force"]
    tf = np.stack([f.column(m) for m in model.muscles.names], 1)
    print("cap", np.abs(rec.capacity * ta - tf).max(0), tf.max(0))
    for mm in (motion, m2):

        def each(instant, force):
            state = coupled_motion(sk, instant.value, instant.speed, instant.acceleration)
            mo = body_motion(sk, *state)
            w = path_geometry(model.muscles.paths, mo.pose, state[0]).wrench
            return joint_reactions(
                sk, mo, instant.external_wrench + jnp.einsum("n,nbi->bi", force, w)
            ), mo.pose

        (F, M), pose = jax.jit(jax.vmap(each))(mm, jnp.asarray(tf))
        for frame in ("ground", "child", "parent"):
            t = tables[f"leg_JR_{frame}_ReactionLoads"]
            for j, name in enumerate(sk.joint_names):
                R = np.asarray(pose.rotation[:, j])
                if frame == "parent":
                    R = (
                        np.asarray(pose.rotation[:, sk.parents[j]])
                        if sk.parents[j] >= 0
                        else np.broadcast_to(np.eye(3), R.shape)
                    )
                if frame == "ground":
                    R = np.broadcast_to(np.eye(3), R.shape)
                cols = [l for l in t.labels if l.startswith(name + "_on")]
                v = np.stack([t.column(c) for c in cols], 1)
                fo = np.einsum("tji,tj->ti", R, F[:, j])
                mo_ = np.einsum("tji,tj->ti", R, M[:, j])
                p = np.einsum("tji,tj->ti", R, pose.joint_center[:, j])
                print(
                    frame,
                    name,
                    np.abs(fo - v[:, :3]).max(),
                    np.abs(mo_ - v[:, 3:6]).max(),
                    np.abs(p - v[:, 6:]).max(),
                    np.abs(v[:, :3]).max(),
                )
    assert 0
