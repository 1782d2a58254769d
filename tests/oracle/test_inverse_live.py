"""The whole chain of study `inverse` beside OpenSim's own tools, on a leg made here.

A pelvis with six coordinates, a hip with three, a knee and an oblique ankle; thirteen Millard
muscles without wrapping, one of them pennate; motors on every coordinate; a smooth motion and a
load on the foot. OpenSim reads the same files: `InverseDynamicsTool`, `StaticOptimization` and
`JointReaction` run once for all tests, in a folder of their own.
"""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import joint_reactions
from biomech.dynamics.kinematics import body_motion, coupled_motion
from biomech.dynamics.spatial import cross, rotate_back
from biomech.formats.osim import load_osim
from biomech.formats.storage import read_storage, write_storage
from biomech.formats.trial import load_trial
from biomech.muscles.paths import path_geometry, pull_on_bodies
from biomech.studies.inverse import inverse
from biomech.studies.motion import smooth_and_differentiate
from biomech.studies.prepare import measured_motion
from osim_texts import (
    SPLINE,
    axis,
    body,
    document,
    geometry_path,
    joint,
    multiplied,
    object_set,
    path_point,
    spatial_transform,
)
from tables import read_table

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
    assert model.skeleton.coordinates.names == COORDINATES
    recorded = load_trial(trial / "motion.mot", trial / "loads.xml", model=model)
    whole, _ = measured_motion(model, recorded)
    motion, _ = measured_motion(model, recorded, start=START, end=END)
    return model, motion, whole


@pytest.fixture(scope="module")
def as_static_optimization(prepared):
    """The motion with the acceleration of OpenSim's static optimization and joint reactions.

    It is the derivative of the spline through speeds that are themselves derived from a spline.
    """
    _, motion, whole = prepared
    speed, time = np.asarray(whole.speed), np.asarray(motion.time)
    twice = smooth_and_differentiate(np.asarray(whole.time), speed, time)
    np.testing.assert_allclose(twice.speed, motion.acceleration, atol=1e-4)  # a small departure
    return eqx.tree_at(lambda m: m.acceleration, motion, jnp.asarray(twice.speed))


def columns(table, names):
    return np.stack([table.column(name) for name in names], axis=1)


def test_generalized_forces(prepared, tables):
    """Bars 1e-3 N m and 0.01 N; what is left are the table's 8 printed decimals."""
    model, motion, _ = prepared
    kinds = model.skeleton.coordinates.motion_types
    labels = [
        f"{name}_{'force' if kind == 'translational' else 'moment'}"
        for name, kind in zip(COORDINATES, kinds, strict=True)
    ]
    ours = inverse(model, motion, opensim_pennation=True).generalized_force
    np.testing.assert_allclose(ours, columns(tables["id"], labels), atol=1e-7)


@pytest.mark.parametrize("acceleration, bar", [("ours", 1e-5), ("opensim", 1e-6)])
def test_activations(prepared, as_static_optimization, tables, acceleration, bar):
    """With OpenSim's accelerations: what its tolerance of 1e-8 leaves of an activation.

    Ours are the second derivative of the spline through the coordinates, which differs by up to
    3e-5 rad/s^2 here: ten times that. Reached: 1e-6 and 3e-7.
    """
    model, motion, _ = prepared
    motion = motion if acceleration == "ours" else as_static_optimization
    record = inverse(model, motion, opensim_pennation=True)
    table = columns(tables["leg_SO_activation"], model.muscles.names)
    assert np.all(np.asarray(record.status) == 0)
    assert table.max() > 0.9 and np.sum(table.max(axis=0) > 0.1) >= 7  # muscles do work here
    np.testing.assert_allclose(record.activation, table, atol=bar)
    motors = columns(tables["leg_SO_force"], model.actuators.names)
    np.testing.assert_allclose(record.actuator_force, motors, atol=100.0 * bar)


def test_the_pennation_slip_is_the_wheels(prepared, tables):
    """Its force per activation is ours over the cosine of pennation, and only where there is one.

    The cosine it uses belongs to a fiber `1 / optimal_fiber_length` times as long, in metres.
    """
    model, motion, _ = prepared
    names = model.muscles.names
    activation, force = (
        columns(tables[f"leg_SO_{kind}"], names) for kind in ("activation", "force")
    )
    record = inverse(model, motion)
    ratio = force / activation / np.asarray(record.capacity)
    soleus = names.index("soleus")
    np.testing.assert_allclose(np.delete(ratio, soleus, axis=1), 1.0, atol=1e-6)
    height = float(model.muscles.optimal_fiber_length[soleus]) * np.sin(PENNATION["soleus"])
    norm_length = np.asarray(record.norm_fiber_length[:, soleus])
    length = norm_length * float(model.muscles.optimal_fiber_length[soleus])
    right, slip = (np.sqrt(1.0 - (height / x) ** 2) for x in (length, norm_length))
    np.testing.assert_allclose(ratio[:, soleus], slip / right, atol=1e-6)
    assert ratio[:, soleus].min() > 1.05


@pytest.mark.parametrize("frame", ["ground", "child", "parent"])
@pytest.mark.parametrize("acceleration, bar", [("ours", 1e-3), ("opensim", 1e-4)])
def test_joint_reactions(prepared, as_static_optimization, tables, frame, acceleration, bar):
    """From OpenSim's own muscle forces, every joint; the project's bar is 0.5 N.

    Reached: 2e-4 N, 1e-4 N m; with OpenSim's accelerations 2e-5 N, 6e-6 N m. Motors act inside
    the joint in both programs, so their moment is part of the reaction.
    """
    model, motion, _ = prepared
    motion = motion if acceleration == "ours" else as_static_optimization
    skeleton = model.skeleton
    force = columns(tables["leg_SO_force"], model.muscles.names)

    def each(instant, force):
        state = coupled_motion(skeleton, instant.value, instant.speed, instant.acceleration)
        moved = body_motion(skeleton, *state)
        paths = path_geometry(model.muscles.paths, moved.pose, state[0])
        pull = pull_on_bodies(paths, force, len(model.skeleton.body_names))
        applied = instant.external_wrench + pull
        return *joint_reactions(skeleton, moved, applied), moved.pose

    forces, moments, now = jax.jit(jax.vmap(each))(motion, jnp.asarray(force))
    table = tables[f"leg_JR_{frame}_ReactionLoads"]
    for j, name in enumerate(skeleton.joint_names):
        child, parent = skeleton.body_names[j], skeleton.parents[j]
        expressed_in = {"ground": -1, "child": j, "parent": parent}[frame]
        turn = jnp.broadcast_to(jnp.eye(3), now.rotation[:, j].shape)
        turn = turn if expressed_in < 0 else now.rotation[:, expressed_in]
        where = "ground" if expressed_in < 0 else skeleton.body_names[expressed_in]
        for kind, ours in (("f", forces), ("m", moments), ("p", now.joint_center)):
            if kind == "p" and frame != "ground":
                continue  # the same point, from another origin
            labels = [f"{name}_on_{child}_in_{where}_{kind}{a}" for a in "xyz"]
            np.testing.assert_allclose(
                rotate_back(turn, ours[:, j]), columns(table, labels), atol=bar, err_msg=name
            )


# --- Simbody's acceleration where one coordinate drives several rotations ----------------------


def moving_knee(second="flexion") -> bytes:
    """A thigh on a pin and a shank on a knee whose flexion also turns it about two other axes."""
    function = multiplied(SPLINE, 6.0) if second else ""
    transform = spatial_transform(
        axis("rotation1", "0.1 0.2 1", "flexion"),
        axis("rotation2", "0 1 0", second, function),
        axis("rotation3", "1 0 0", "flexion", multiplied(SPLINE, -4.0)),
        axis("translation1", "1 0 0", "flexion", SPLINE),
        axis("translation2", "0 1 0"),
        axis("translation3", "0 0 1"),
    )
    return document(
        object_set("BodySet", body("thigh"), body("shank")),
        object_set(
            "JointSet",
            joint("PinJoint", "pin", "/ground", "/bodyset/thigh", ["swing"]),
            joint(
                "CustomJoint", "knee", "/bodyset/thigh", "/bodyset/shank", ["flexion"],
                transform=transform,
            ),
        ),
    )  # fmt: skip


def spatial(vector):
    """(angular, linear) of a Simbody spatial vector, six numbers."""
    return np.array([vector.get(part).get(k) for part in (0, 1) for k in range(3)])


def place(reference, state, value, speed):
    for name in value:
        coordinate = reference.getCoordinateSet().get(name)
        coordinate.setValue(state, value[name], False)
        coordinate.setSpeedValue(state, speed[name])
    reference.realizeVelocity(state)


def wheel_accelerations(opensim, path, value, speed, step=1e-4):
    """Shank's acceleration at constant speeds, said by OpenSim and by its own velocities."""
    reference = opensim.Model(str(path))
    state = reference.initSystem()
    shank = reference.getBodySet().get("shank")

    def velocity(time):
        moved = {name: value[name] + time * speed[name] for name in value}
        place(reference, state, moved, speed)
        return spatial(shank.getVelocityInGround(state))

    near, far = ((velocity(h) - velocity(-h)) / (2.0 * h) for h in (step, 2.0 * step))
    place(reference, state, value, speed)
    none, said = opensim.Vector(state.getNU(), 0.0), opensim.VectorOfSpatialVec()
    reference.getMatterSubsystem().calcBodyAccelerationFromUDot(state, none, said)
    index = int(shank.getMobilizedBodyIndex())
    return spatial(said.get(index)), (4.0 * near - far) / 3.0


def our_acceleration(path, value, speed):
    """The same of ours: of the body's origin, ground axes."""
    skeleton = load_osim(path).skeleton
    names = skeleton.coordinates.names
    q, u = (jnp.asarray([x[name] for name in names]) for x in (value, speed))
    motion = eqx.filter_jit(body_motion)(skeleton, q, u, jnp.zeros_like(q))
    i = skeleton.body_index("shank")
    at, (twist, rate) = motion.pose.position[i], (motion.velocity[i], motion.acceleration[i])
    origin_speed = twist[3:] + cross(twist[:3], at)
    linear = rate[3:] + cross(rate[:3], at) + cross(twist[:3], origin_speed)
    return np.concatenate([rate[:3], linear])


@pytest.mark.parametrize("flexion", [-0.6, 0.1, 0.7])
def test_acceleration_is_the_derivative_of_the_wheels_velocity(opensim, tmp_path, flexion):
    """Ours is; OpenSim's own leaves out omega_2 x omega_3, and is right without omega_2.

    Bar 1e-9 (rad/s^2, m/s^2): rounding in the difference quotient, whose step is 1e-4 s.
    """
    value, speed = {"swing": 0.4, "flexion": flexion}, {"swing": 1.5, "flexion": -2.5}
    for second, off in (("flexion", True), ("", False)):
        path = tmp_path / f"knee{second}.osim"
        path.write_bytes(moving_knee(second))
        said, derived = wheel_accelerations(opensim, path, value, speed)
        np.testing.assert_allclose(our_acceleration(path, value, speed), derived, atol=1e-9)
        gap = np.abs(said - derived).max()
        assert gap > 1e-2 if off else gap < 1e-9, (second, gap)


# --- joint reactions of the measured walk through OpenSim's own path points --------------------


def wrenches_of_paths(reference, state, skeleton, force):
    """Wrench on each body [N m, N], ground axes and origin, of forces along OpenSim's paths."""
    total = np.zeros((len(skeleton.body_names), 6))
    at = lambda p: np.array([p.getLocationInGround(state).get(k) for k in range(3)])
    for name, size in force.items():
        path = reference.getMuscles().get(name).getGeometryPath().getCurrentPath(state)
        points = [path.get(i) for i in range(path.getSize())]
        for a, b in itertools.pairwise(points):
            bodies = [p.getParentFrame().getName() for p in (a, b)]
            if bodies[0] == bodies[1]:
                continue
            start, end = at(a), at(b)
            pull = size * (end - start) / np.linalg.norm(end - start)
            line = np.concatenate([np.cross(start, pull), pull])
            total[skeleton.body_index(bodies[0])] += line
            total[skeleton.body_index(bodies[1])] -= line
    return total


def bias_accelerations(opensim, reference, state, skeleton):
    """Twist rate of each body without coordinate accelerations, as Simbody has it.

    From (angular, linear of the body's origin), about the ground origin as in ours.
    """
    none, said = opensim.Vector(state.getNU(), 0.0), opensim.VectorOfSpatialVec()
    reference.getMatterSubsystem().calcBodyAccelerationFromUDot(state, none, said)
    rates = []
    for name in skeleton.body_names:
        body = reference.getBodySet().get(name)
        rate = spatial(said.get(int(body.getMobilizedBodyIndex())))
        twist = spatial(body.getVelocityInGround(state))
        at = np.array([body.getPositionInGround(state).get(k) for k in range(3)])
        linear = rate[3:] - np.cross(rate[:3], at) - np.cross(twist[:3], twist[3:])
        rates.append(np.concatenate([rate[:3], linear]))
    return np.stack(rates)


def test_joint_reactions_of_the_walk_through_opensims_path_points(
    opensim, analysed_subject, recorded_motion, walk3d
):
    """From OpenSim's muscle forces, with no wrapping of ours in between; the bar is 0.5 N.

    Simbody's bias acceleration of the knees (see above) alone makes up to 0.7 N in these frames.
    Repeated, 5e-4 N are left, and 0.014 N near the start of the record, where the accelerations
    OpenSim takes from splined speeds are off.
    """
    skeleton = analysed_subject.skeleton
    reference = opensim.Model(str(walk3d / "subject_walk_scaled.osim"))
    state = reference.initSystem()
    forces = read_table(walk3d / "oracle" / "so_force.csv.gz")
    table = read_table(walk3d / "oracle" / "jra_ground.csv.gz")
    frames = np.arange(6, 112, 25)
    instants = jax.tree.map(lambda x: x[frames], recorded_motion)
    coupled = lambda i: coupled_motion(skeleton, i.value, i.speed, i.acceleration)
    values, speeds, accelerations = jax.jit(jax.vmap(coupled))(instants)

    def said(k):
        """Wrench on and bias acceleration of each body at one frame, OpenSim's."""
        value, speed = (
            dict(zip(skeleton.coordinates.names, np.asarray(x[k]).tolist(), strict=True))
            for x in (values, speeds)
        )
        place(reference, state, value, speed)
        force = {m: forces[m][frames[k]] for m in analysed_subject.muscles.names}
        return (
            wrenches_of_paths(reference, state, skeleton, force),
            bias_accelerations(opensim, reference, state, skeleton),
        )

    def each(value, speed, acceleration, external, pull, their_bias):
        motion = body_motion(skeleton, value, speed, acceleration)
        bias = body_motion(skeleton, value, speed, jnp.zeros_like(speed)).acceleration
        rate = motion.acceleration - bias + their_bias
        slip = eqx.tree_at(lambda m: m.acceleration, motion, rate)
        reaction = lambda m: joint_reactions(skeleton, m, external + pull)[0]
        return reaction(slip), reaction(motion)

    pull, bias = (jnp.asarray(np.stack(x)) for x in zip(*map(said, range(frames.size))))
    repeated, ours = jax.jit(jax.vmap(each))(
        values, speeds, accelerations, instants.external_wrench, pull, bias
    )
    for name, child in (("hip", "femur"), ("walker_knee", "tibia"), ("ankle", "talus")):
        for side in "rl":
            label = f"{name}_{side}_on_{child}_{side}_in_ground_f"
            expected = table[[label + a for a in "xyz"]].to_numpy()[frames]
            column = skeleton.joint_names.index(f"{name}_{side}")
            errors = [np.linalg.norm(x[:, column] - expected, axis=1) for x in (repeated, ours)]
            assert errors[0].max() <= 0.05 and errors[1].max() <= 1.0, (name, side)
