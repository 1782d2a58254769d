"""The .osim reader against OpenSim itself: poses, path lengths, curves, and files it re-saved."""

import json
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import apply_couplers, pose
from biomech.formats.osim import load_osim, read_osim
from biomech.muscles.paths import path_geometry
from osim_texts import (
    AXES,
    OLD_GROUND,
    SPLINE,
    axis,
    body,
    document,
    geometry_path,
    joint,
    multiplied,
    muscle,
    object_set,
    offset,
    old_body,
    old_joint,
    path_point,
    pendulum,
    spatial_transform,
)

pytestmark = pytest.mark.oracle
POLYNOMIAL = (
    "<PolynomialFunction><coefficients>0.1 -0.2 0.3 0.05</coefficients></PolynomialFunction>"
)


@pytest.fixture(scope="module")
def opensim():
    opensim = pytest.importorskip("opensim")
    opensim.Logger.setLevelString("error")
    opensim.Logger.removeFileSink()
    return opensim


@pytest.fixture
def written(tmp_path):
    """Writes a file and gives its path."""

    def write(data: bytes):
        path = tmp_path / "small.osim"
        path.write_bytes(data)
        return path

    return write


def random_state(opensim_model, seed=0):
    """OpenSim's state at random coordinates, and the coordinates by name [rad or m]."""
    state = opensim_model.initSystem()
    coordinates = opensim_model.getCoordinateSet()
    draw = np.random.default_rng(seed)
    value = {}
    for i in range(coordinates.getSize()):
        coordinate = coordinates.get(i)
        value[coordinate.getName()] = float(draw.uniform(-1.5, 1.5))
        coordinate.setValue(state, value[coordinate.getName()], False)
    opensim_model.realizePosition(state)
    return state, value


def assert_same_poses(opensim, path, seed=0):
    """Both programs put every body in the same place; 5e-9 is the bar, 1e-14 what is reached."""
    reference = opensim.Model(str(path))
    state, value = random_state(reference, seed)
    skeleton = load_osim(path).skeleton
    now = pose(skeleton, jnp.asarray([value[name] for name in skeleton.coordinates.names]))
    for i, name in enumerate(skeleton.body_names):
        frame = reference.getBodySet().get(name).getTransformInGround(state)
        position, rotation = frame.p(), frame.R()
        np.testing.assert_allclose(now.position[i], [position.get(k) for k in range(3)], atol=5e-9)
        expected = [[rotation.get(a, b) for b in range(3)] for a in range(3)]
        np.testing.assert_allclose(now.rotation[i], expected, atol=5e-9)


# --- joints -----------------------------------------------------------------------------------

SIMPLE = [
    ("PinJoint", 1),
    ("SliderJoint", 1),
    ("UniversalJoint", 2),
    ("GimbalJoint", 3),
    ("PlanarJoint", 3),
    ("WeldJoint", 0),
]


@pytest.mark.parametrize("tag, count", SIMPLE)
def test_simple_joints(opensim, written, tag, count):
    names = [f"q{i}" for i in range(count)]
    path = written(
        document(
            object_set("BodySet", body("one"), body("two")),
            object_set(
                "JointSet",
                joint(tag, "j", "/ground", "/bodyset/one", names),
                joint("PinJoint", "k", "/bodyset/one", "/bodyset/two", ["z"]),
            ),
        )
    )
    assert_same_poses(opensim, path)
    kinds = {1: "rotational", 2: "translational"}
    reference = opensim.Model(str(path))
    reference.initSystem()
    for c in load_osim(path).skeleton.coordinates.names:
        kind = reference.getCoordinateSet().get(c).getMotionType()
        described = {x["name"]: x for x in read_osim(path).description["coordinates"]}
        assert described[c]["motion_type"] == kinds[kind]


@pytest.mark.parametrize(
    "tag, count", [s for s in SIMPLE if s[0] in ("PinJoint", "UniversalJoint", "WeldJoint")]
)
def test_joints_written_by_opensim_3(opensim, written, tag, count):
    path = written(
        document(
            object_set(
                "BodySet",
                OLD_GROUND,
                old_body("one", old_joint(tag, "j", "ground", [f"q{i}" for i in range(count)])),
                old_body("two", old_joint("PinJoint", "k", "one", ["z"])),
            ),
            version=30000,
        )
    )
    assert_same_poses(opensim, path)


OBLIQUE = ("0.3 0.2 1", "1 .1 .2", "0 2 0", "1 .5 0", "0 2 0", ".2 0 3")  # none of unit length


def oblique_model() -> bytes:
    axes = [axis(*three) for three in zip(AXES, OBLIQUE, "abcdef", strict=True)]
    transform = spatial_transform(*axes)
    return document(
        object_set("BodySet", body("one")),
        object_set(
            "JointSet",
            joint("CustomJoint", "j", "/ground", "/bodyset/one", "abcdef", transform=transform),
        ),
    )


def test_oblique_axes_of_any_length(opensim, written):
    assert_same_poses(opensim, written(oblique_model()))


def knee() -> str:
    return spatial_transform(
        axis("rotation1", "-0.1 0.2 1", "flexion"),
        axis("rotation2", "0 1 0"),
        axis("rotation3", "1 0 0", "flexion", multiplied(SPLINE, 1.3)),
        axis("translation1", "1 0 0", "flexion", SPLINE),
        axis("translation2", "0 1 0", "flexion", multiplied(POLYNOMIAL, -0.7)),
        axis("translation3", "0 0 1", "", "<Constant><value>0.07</value></Constant>"),
    )


@pytest.mark.parametrize("seed", range(4))  # inside the spline's knots and beyond them
def test_functions_of_the_knee(opensim, written, seed):
    bodies = [
        OLD_GROUND,
        old_body("one", old_joint("CustomJoint", "j", "ground", ["flexion"], transform=knee())),
    ]
    path = written(document(object_set("BodySet", *bodies), version=30000))
    assert_same_poses(opensim, path, seed)


def test_an_axis_without_a_function_does_not_move(opensim, written):
    still = (
        '<TransformAxis name="rotation1"><coordinates>q</coordinates><axis>0 0 1</axis>'
        "</TransformAxis>"
    )
    transform = spatial_transform(
        still,
        axis("rotation2", "0 1 0"),
        axis("rotation3", "1 0 0"),
        axis("translation1", "1 0 0", "w"),
    )
    parts = (
        object_set("BodySet", body("one")),
        object_set(
            "JointSet",
            joint("CustomJoint", "j", "/ground", "/bodyset/one", "qw", transform=transform),
        ),
    )
    assert_same_poses(opensim, written(document(*parts)))


def test_joints_between_nested_offset_frames(opensim, written):
    inner = offset("f", "/bodyset/one", "0.1 0.2 0.3", ".1 .2 .3") + offset(
        "g", "../f", "0.1 0 0", "1.2 -.2 .3"
    )
    path = written(
        document(
            object_set("BodySet", body("one", inner=inner), body("two")),
            object_set(
                "JointSet",
                joint("PinJoint", "j", "/ground", "/bodyset/one", ["q"]),
                joint("PinJoint", "k", "/bodyset/one/g", "/bodyset/two", ["r"]),
            ),
        )
    )
    assert_same_poses(opensim, path)


# --- what OpenSim saves again -----------------------------------------------------------------


def without_notes(description: dict) -> dict:
    return {k: v for k, v in description.items() if k not in ("notes", "citations", "name")}


def assert_close(ours, theirs, where="description"):
    """Equal but for the rounding of numbers printed with 17 digits and recomputed angles."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_close(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_close(a, b, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, abs=1e-14), where
    else:
        assert ours == theirs, where


def old_leg() -> bytes:
    """Thigh and shank as OpenSim 3 wrote them, with conditional and moving points."""
    points = (
        '<PathPoint name="a"><location>0 0.1 0</location><body>thigh</body></PathPoint>'
        '<ConditionalPathPoint name="c"><location>0.02 -0.1 0.1</location><body>thigh</body>'
        "<range>-1 0.5</range><coordinate>flexion</coordinate></ConditionalPathPoint>"
        '<MovingPathPoint name="v"><location>0 0 0</location><body>shank</body>'
        f"<x_coordinate>flexion</x_coordinate><x_location>{multiplied(SPLINE, 1.1)}</x_location>"
        f"<y_coordinate>flexion</y_coordinate><y_location>{SPLINE}</y_location>"
        "<z_coordinate>flexion</z_coordinate><z_location><Constant><value>0.2</value></Constant>"
        "</z_location></MovingPathPoint>"
        '<PathPoint name="b"><location>0 -0.2 0</location><body>shank</body></PathPoint>'
    )
    hip = spatial_transform(
        axis("rotation1", "0 0 1", "hip"), axis("rotation2", "0.1 1 0"), axis("rotation3", "1 0 0")
    )
    path = geometry_path(points)
    thigh = old_joint("CustomJoint", "hip", "ground", ["hip"], transform=hip)
    shank = old_joint("CustomJoint", "knee", "thigh", ["flexion"], transform=knee())
    marker = '<Marker name="tip"><body>shank</body><location>0 -0.4 0.01</location></Marker>'
    return document(
        object_set("BodySet", OLD_GROUND, old_body("thigh", thigh), old_body("shank", shank)),
        object_set(
            "ForceSet",
            muscle("Thelen2003Muscle", "m", path, "<isDisabled>false</isDisabled><Af>0.3</Af>"),
            '<CoordinateActuator name="motor"><coordinate>hip</coordinate>'
            "<optimal_force>50</optimal_force></CoordinateActuator>",
        ),
        object_set("MarkerSet", marker),
        version=20303,
    )


@pytest.mark.parametrize("data", [old_leg(), oblique_model()], ids=["old leg", "oblique"])
def test_a_model_reads_alike_after_opensim_saved_it(opensim, written, tmp_path, data):
    """OpenSim's own conversion to its newest format against our reading."""
    path = written(data)
    model = opensim.Model(str(path))
    model.initSystem()
    saved = tmp_path / "saved.osim"
    model.printToXML(str(saved))
    ours, theirs = read_osim(path), read_osim(saved)
    assert ours.report.refused == theirs.report.refused == []
    assert theirs.version > ours.version or theirs.version >= 40500
    assert_close(without_notes(ours.description), without_notes(theirs.description))


def path_lengths(path, value):
    model = load_osim(path)
    names = model.skeleton.coordinates.names
    q = apply_couplers(model.skeleton, jnp.asarray([value[name] for name in names]))
    return path_geometry(model.muscles.paths, pose(model.skeleton, q), q).length


@pytest.mark.parametrize("seed", range(3))
def test_lengths_of_paths_with_conditional_and_moving_points(opensim, written, seed):
    path = written(old_leg())
    reference = opensim.Model(str(path))
    state, value = random_state(reference, seed)
    expected = reference.getMuscles().get("m").getLength(state)
    np.testing.assert_allclose(path_lengths(path, value)[0], expected, atol=1e-12)


# --- muscles ----------------------------------------------------------------------------------

PATH = geometry_path(
    path_point("a", "/ground", "0 0.5 0"), path_point("b", "/bodyset/rod", "0 -0.3 0.1")
)
CURVES = {
    "active_force_length": ("ActiveForceLengthCurve", ()),
    "force_velocity": ("ForceVelocityCurve", ()),
    "fiber_force_length": (
        "FiberForceLengthCurve",
        ("stiffness_at_low_force", "stiffness_at_one_norm_force", "curviness"),
    ),
    "tendon_force_length": (
        "TendonForceLengthCurve",
        ("stiffness_at_one_norm_force", "norm_force_at_toe_end", "curviness"),
    ),
}


@pytest.mark.parametrize(
    "properties",
    [
        "",
        '<FiberForceLengthCurve name="x"><strain_at_zero_force>0.1</strain_at_zero_force>'
        "<strain_at_one_norm_force>0.5</strain_at_one_norm_force></FiberForceLengthCurve>"
        '<TendonForceLengthCurve name="y"><strain_at_one_norm_force>0.033'
        "</strain_at_one_norm_force></TendonForceLengthCurve>",
        "<fiber_damping>0</fiber_damping>",
        "<fiber_damping>0.0005</fiber_damping><ignore_tendon_compliance>true"
        "</ignore_tendon_compliance>",
        '<FiberForceLengthCurve name="x"><stiffness_at_low_force>0.3</stiffness_at_low_force>'
        "<stiffness_at_one_norm_force>4</stiffness_at_one_norm_force><curviness>0.6</curviness>"
        "</FiberForceLengthCurve>",
    ],
)
def test_millard_parameters(opensim, written, properties):
    path = written(
        pendulum(
            object_set("ForceSet", muscle("Millard2012EquilibriumMuscle", "m", PATH, properties))
        )
    )
    model = opensim.Model(str(path))
    model.initSystem()
    reference = opensim.Millard2012EquilibriumMuscle.safeDownCast(model.getMuscles().get("m"))
    (m,) = read_osim(path).description["muscles"]
    for key, (tag, automatic) in CURVES.items():
        curve = getattr(reference, f"get_{tag}")()
        for name, ours in m["curves"][key].items():
            if name in automatic:
                camel = "".join(word.capitalize() for word in name.split("_"))
                expected = getattr(curve, f"get{camel}InUse")()
            else:
                expected = getattr(curve, f"get_{name}")()
            assert ours == pytest.approx(expected, rel=1e-12), (key, name)
    assert m["curves"]["fiber_damping"] == reference.get_fiber_damping()
    assert_same_muscle_properties(reference, m)


def assert_same_muscle_properties(reference, m):
    for key in (
        "max_isometric_force",
        "optimal_fiber_length",
        "tendon_slack_length",
        "max_contraction_velocity",
    ):
        assert m[key] == getattr(reference, f"get_{key}")()
    assert m["pennation_angle"] == reference.get_pennation_angle_at_optimal()
    assert m["max_activation"] == reference.getMaxControl()
    assert m["min_activation"] >= reference.getMinControl()


@pytest.mark.parametrize(
    "tag, names",
    [
        (
            "Thelen2003Muscle",
            (
                "FmaxTendonStrain",
                "FmaxMuscleStrain",
                "KshapeActive",
                "KshapePassive",
                "Af",
                "Flen",
                "fv_linear_extrap_threshold",
            ),
        ),
        (
            "DeGrooteFregly2016Muscle",
            (
                "active_force_width_scale",
                "fiber_damping",
                "passive_fiber_strain_at_one_norm_force",
                "tendon_strain_at_one_norm_force",
            ),
        ),
    ],
)
def test_defaults_of_other_muscles(opensim, written, tag, names):
    path = written(pendulum(object_set("ForceSet", f'<{tag} name="m">{PATH}</{tag}>')))
    model = opensim.Model(str(path))
    model.initSystem()
    reference = getattr(opensim, tag).safeDownCast(model.getMuscles().get("m"))
    (m,) = read_osim(path).description["muscles"]
    assert m["curves"] == {name: getattr(reference, f"get_{name}")() for name in names}
    assert_same_muscle_properties(reference, m)


DEFAULTS = """
import json, sys, opensim
opensim.Logger.setLevelString("error")
opensim.Logger.removeFileSink()
model = opensim.Model(sys.argv[1])
model.initSystem()
muscle = opensim.Thelen2003Muscle.safeDownCast(model.getMuscles().get("m"))
print(json.dumps({name: getattr(muscle, "get_" + name)() for name in sys.argv[2:]}))
"""


def test_the_defaults_section(opensim, written):
    """In a process of its own: OpenSim keeps a file's defaults for every model it opens later."""
    defaults = (
        '<Thelen2003Muscle name="default"><Flen>1.8</Flen><KshapePassive>4</KshapePassive>'
        "<max_contraction_velocity>12</max_contraction_velocity></Thelen2003Muscle>"
    )
    m = muscle("Thelen2003Muscle", "m", PATH, "<Af>0.3</Af>")
    path = written(pendulum(object_set("ForceSet", m), defaults=defaults))
    (ours,) = read_osim(path).description["muscles"]
    names = list(ours["curves"])
    command = [sys.executable, "-c", DEFAULTS, str(path), *names, "max_contraction_velocity"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(printed.splitlines()[-1])
    assert ours["max_contraction_velocity"] == theirs.pop("max_contraction_velocity") == 12.0
    assert ours["curves"] == theirs
    assert theirs["Flen"] == 1.8


# --- a planar model made with OpenSim's own interface -----------------------------------------


def planar_gait_model(opensim):
    """Pelvis and one leg; all forces and contact geometry straight under the model's components."""
    model = opensim.Model()
    model.setName("planar")
    bodies = {}
    for name in ("pelvis", "femur_r", "tibia_r", "calcn_r"):
        bodies[name] = opensim.Body(
            name, 3.0, opensim.Vec3(0, -0.1, 0), opensim.Inertia(0.1, 0.1, 0.1)
        )
        model.addBody(bodies[name])
    zero = opensim.Vec3(0)
    root = opensim.PlanarJoint("groundPelvis", model.getGround(), bodies["pelvis"])
    names = ("pelvis_tilt", "pelvis_tx", "pelvis_ty")
    for i, name in enumerate(names):
        root.upd_coordinates(i).setName(name)
    model.addJoint(root)
    for name, parent, child, at in (
        ("hip_flexion_r", "pelvis", "femur_r", (-0.07, -0.06, 0)),
        ("knee_angle_r", "femur_r", "tibia_r", (0.0, -0.4, 0)),
        ("ankle_angle_r", "tibia_r", "calcn_r", (0.0, -0.43, 0)),
    ):
        pin = opensim.PinJoint(
            name[:-2],
            bodies[parent],
            opensim.Vec3(*at),
            zero,
            bodies[child],
            zero,
            opensim.Vec3(0.1, 0.2, 0),
        )
        pin.upd_coordinates(0).setName(name)
        model.addJoint(pin)
    hamstrings = opensim.DeGrooteFregly2016Muscle()
    hamstrings.setName("hamstrings_r")
    hamstrings.set_ignore_tendon_compliance(True)
    hamstrings.addNewPathPoint("p1", bodies["pelvis"], opensim.Vec3(-0.12, -0.1, 0))
    hamstrings.addNewPathPoint("p2", bodies["tibia_r"], opensim.Vec3(-0.03, -0.05, 0))
    model.addComponent(hamstrings)
    floor = opensim.ContactHalfSpace(
        zero, opensim.Vec3(0, 0, -np.pi / 2), model.getGround(), "floor"
    )
    heel = opensim.ContactSphere(0.03, opensim.Vec3(0.02, -0.01, 0), bodies["calcn_r"], "heel")
    model.addComponent(floor)
    model.addComponent(heel)
    force = opensim.SmoothSphereHalfSpaceForce("contact_heel", heel, floor)
    force.set_stiffness(3e6)
    model.addComponent(force)
    motor = opensim.CoordinateActuator("pelvis_tilt")
    motor.setName("torso_motor")
    motor.setOptimalForce(150.0)
    model.addComponent(motor)
    model.finalizeConnections()
    return model


def test_a_planar_model_with_forces_under_components(opensim, tmp_path):
    path = tmp_path / "planar.osim"
    model = planar_gait_model(opensim)
    model.printToXML(str(path))
    assert b"<components>" in path.read_bytes()
    assert_same_poses(opensim, path)
    description = read_osim(path).description
    assert [m["name"] for m in description["muscles"]] == ["hamstrings_r"]
    assert description["contacts"][0]["stiffness"] == 3e6
    assert description["contacts"][0]["body"] == "calcn_r"
    assert description["contacts"][0]["half_space_orientation"] == pytest.approx([0, 0, -np.pi / 2])
    assert description["actuators"][0]["coordinate"] == "pelvis_tilt"
    assert "hamstrings_r" in description["notes"][0]
    state, value = random_state(model)
    muscle = opensim.Muscle.safeDownCast(model.getComponent("/hamstrings_r"))
    expected = muscle.getLength(state)
    np.testing.assert_allclose(path_lengths(path, value)[0], expected, atol=1e-12)
