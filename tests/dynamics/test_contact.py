import dataclasses
import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.dynamics.contact import contact_force, half_space_normal
from biomech.model.contacts import Contacts, with_underlay_merged
from tables import read_table

DOWN = [0.0, 0.0, -0.5 * np.pi]  # a floor: its frame's x axis points down
SCALARS = {
    "stiffness": 1e6,
    "dissipation": 2.0,
    "static_friction": 0.9,
    "dynamic_friction": 0.7,
    "viscous_friction": 0.5,
    "transition_velocity": 0.2,
    "constant_contact_force": 1e-5,
    "hertz_smoothing": 300.0,
    "hunt_crossley_smoothing": 50.0,
    "radius": 0.03,
}
UNDER = ("under_thickness", "under_softness", "under_dissipation")


def _contacts(count=1, orientation=DOWN, location=(0.0, 0.0, 0.0), **changes):
    bare = dict.fromkeys(UNDER, 0.0)
    values = {k: jnp.full(count, v) for k, v in {**SCALARS, **bare, **changes}.items()}
    rows = lambda vector: jnp.tile(jnp.asarray(vector, dtype=float)[None], (count, 1))
    return Contacts(
        **values,
        location=rows([0.01, -0.02, 0.005]),
        half_space_position=rows(location),
        half_space_orientation=rows(orientation),
        names=tuple("abcdefgh"[:count]),
        bodies=(0,) * count,
    )


force_of = jax.jit(contact_force)


def _read_contacts(file):
    """Contacts of the four-segment foot model, and the name of each sphere's body."""
    root = ET.parse(file).getroot()
    forces = list(root.iter("SmoothSphereHalfSpaceForce"))
    shapes = {shape.get("name"): shape for shape in root.iter("ContactSphere")}
    floors = {shape.get("name"): shape for shape in root.iter("ContactHalfSpace")}
    name_in = lambda entry, socket: entry.findtext(socket).split("/")[-1]
    spheres = [shapes[name_in(force, "socket_sphere")] for force in forces]
    floors = [floors[name_in(force, "socket_half_space")] for force in forces]
    vectors = lambda entries, tag: jnp.array(
        [[float(x) for x in entry.findtext(tag).split()] for entry in entries]
    )
    defaults = {"constant_contact_force": 1e-5, "hertz_smoothing": 300.0}
    defaults["hunt_crossley_smoothing"] = 50.0
    texts = {
        tag: [force.findtext(tag, str(defaults.get(tag))) for force in forces]
        for tag in SCALARS
        if tag != "radius"
    }
    contacts = Contacts(
        **{tag: jnp.array([float(text) for text in column]) for tag, column in texts.items()},
        **dict.fromkeys(UNDER, jnp.zeros(len(forces))),
        radius=jnp.array([float(sphere.findtext("radius")) for sphere in spheres]),
        location=vectors(spheres, "location"),
        half_space_position=vectors(floors, "location"),
        half_space_orientation=vectors(floors, "orientation"),
        names=tuple(force.get("name") for force in forces),
        bodies=(0,) * len(forces),
    )
    return contacts, [name_in(sphere, "socket_frame") for sphere in spheres]


def test_foot_pressed_into_the_floor_matches_opensim(dhondt2024):
    contacts, bodies = _read_contacts(dhondt2024 / "DHondt_et_al_2024_4seg.osim")
    # State 0 is at rest; the live comparison below covers motion.
    pose = read_table(dhondt2024 / "oracle" / "body_pose.csv.gz").iloc[0]
    record = read_table(dhondt2024 / "oracle" / "contact.csv.gz").iloc[0]
    origin = np.array([[pose[f"{b}_p{x}"] for x in "xyz"] for b in bodies])
    rotation = np.array(
        [[[pose[f"{b}_r{i}{j}"] for j in (1, 2, 3)] for i in (1, 2, 3)] for b in bodies]
    )
    center = origin + np.einsum("cij,cj->ci", rotation, np.asarray(contacts.location))
    still = jnp.zeros_like(center)
    got = force_of(contacts, jnp.asarray(center), still, still)
    moment = np.cross(np.asarray(got.point) - origin, np.asarray(got.force))

    def reference(kind):
        columns = [[f"{name}.Sphere.{kind}.{axis}" for axis in "XYZ"] for name in contacts.names]
        return np.array([record[list(names)].to_numpy(float) for names in columns])

    assert np.sum(reference("force")[:, 1]) > 20e3
    # Poses have ten digits, 1e-12 m, times a stiffness of 1e6 N/m.
    np.testing.assert_allclose(got.force, reference("force"), rtol=1e-8, atol=1e-5)
    np.testing.assert_allclose(moment, reference("torque"), rtol=1e-8, atol=1e-6)


@pytest.mark.oracle
def test_moving_sphere_on_a_tilted_plane_matches_opensim():
    opensim = pytest.importorskip("opensim")
    orientation, location = [0.2, -0.3, -1.4], [0.05, -0.02, 0.1]
    contacts = _contacts(orientation=orientation, location=location)
    model, force = _opensim_sphere(opensim, contacts)
    state = model.initSystem()
    body = model.getBodySet().get(0)
    normal = np.asarray(half_space_normal(contacts))[0]
    rng = np.random.default_rng(0)
    largest = 0.0
    for trial in range(40):
        depth = rng.uniform(-0.01, 0.01)
        position = np.array(location) + (depth - 0.03) * normal
        position += np.cross(normal, rng.uniform(-0.2, 0.2, 3))
        values = np.concatenate([rng.uniform(-0.5, 0.5, 3), position])
        speeds = rng.uniform(-1.0, 1.0, 6) * (0.02 if trial % 2 else 1.0)
        for i in range(6):
            coordinate = model.getCoordinateSet().get(i)
            coordinate.setValue(state, values[i])
            coordinate.setSpeedValue(state, speeds[i])
        model.realizeDynamics(state)
        vector = lambda v: np.array([v.get(i) for i in range(3)])
        center = vector(body.findStationLocationInGround(state, opensim.Vec3(0.01, -0.02, 0.005)))
        velocity = vector(body.findStationVelocityInGround(state, opensim.Vec3(0.01, -0.02, 0.005)))
        spin = vector(body.getAngularVelocityInGround(state))
        origin = vector(body.getPositionInGround(state))
        got = force_of(contacts, *(jnp.asarray(x[None]) for x in (center, velocity, spin)))
        moment = np.cross(np.asarray(got.point)[0] - origin, np.asarray(got.force)[0])
        record = force.getRecordValues(state)
        expected = np.array([record.get(i) for i in range(6)])
        largest = max(largest, np.linalg.norm(expected[:3]))
        # Same formulas: only rounding differs.
        np.testing.assert_allclose(got.force[0], expected[:3], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moment, expected[3:], rtol=1e-9, atol=1e-9)
    assert largest > 500.0


def _opensim_sphere(opensim, contacts):
    model = opensim.Model()
    body = opensim.Body("foot", 1.0, opensim.Vec3(0), opensim.Inertia(1, 1, 1))
    model.addBody(body)
    model.addJoint(opensim.FreeJoint("free", model.getGround(), body))
    vector = lambda row: opensim.Vec3(*(float(x) for x in row))
    location = vector(contacts.location[0])
    sphere = opensim.ContactSphere(float(contacts.radius[0]), location, body, "sphere")
    plane = opensim.ContactHalfSpace(
        vector(contacts.half_space_position[0]),
        vector(contacts.half_space_orientation[0]),
        model.getGround(),
        "plane",
    )
    model.addContactGeometry(sphere)
    model.addContactGeometry(plane)
    force = opensim.SmoothSphereHalfSpaceForce("contact", sphere, plane)
    for name in SCALARS:
        if name != "radius":
            getattr(force, f"set_{name}")(float(getattr(contacts, name)[0]))
    model.addForce(force)
    return model, force


def _at(depth, velocity, contacts=None, count=1, **options):
    contacts = contacts or _contacts(count)
    center = jnp.tile(jnp.array([[0.0, 0.03 - depth, 0.0]]), (count, 1))
    velocity = jnp.tile(jnp.asarray(velocity, dtype=float)[None], (count, 1))
    return force_of(contacts, center, velocity, jnp.zeros((count, 3)), **options)


def test_deep_contact_at_rest_is_hertz():
    contacts = _contacts(constant_contact_force=1e-12)
    got = _at(0.02, [0.0, 0.0, 0.0], contacts)
    k = 0.5 * 1e6 ** (2.0 / 3.0)
    expected = 4.0 / 3.0 * k * np.sqrt(0.03 * k) * 0.02**1.5
    # What is left of the smoothing is (1 - tanh(300 * 0.02)) / 2 = 6e-6.
    np.testing.assert_allclose(got.force[0, 1], expected, rtol=1e-5)
    np.testing.assert_allclose(got.indentation, 0.02, rtol=1e-12)
    np.testing.assert_allclose(got.point[0], [0.0, -0.01, 0.0], atol=1e-15)


def test_nothing_far_above_and_no_pull_when_leaving():
    assert np.all(np.abs(_at(-0.1, [0.5, 0.0, 0.0]).force) < 1e-10)
    assert _at(0.01, [0.0, 5.0, 0.0]).force[0, 1] > -1e-6


def test_friction_opposes_slip_and_never_gives_energy():
    rng = np.random.default_rng(1)
    for velocity in rng.uniform(-1.0, 1.0, (20, 3)):
        velocity[1] = 0.0
        got = _at(0.005, velocity)
        assert float(np.dot(got.force[0], velocity)) < 0.0
        np.testing.assert_allclose(np.cross(got.force[0], velocity)[1], 0.0, atol=1e-9)


def test_force_turns_with_the_half_space():
    tilt, x = 0.3, [0.0, 0.0, 0.3 - 0.5 * np.pi]
    turn = np.array(
        [[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1.0]]
    )
    center, velocity, spin = np.array([[0.1, 0.022, 0.2], [0.3, -0.1, 0.2], [1.0, 2.0, -1.0]])
    level = force_of(_contacts(), *(jnp.asarray(v)[None] for v in (center, velocity, spin)))
    turned = force_of(
        _contacts(orientation=x), *(jnp.asarray(turn @ v)[None] for v in (center, velocity, spin))
    )
    np.testing.assert_allclose(turned.force[0], turn @ np.asarray(level.force[0]), rtol=1e-10)
    np.testing.assert_allclose(turned.point[0], turn @ np.asarray(level.point[0]), atol=1e-12)


@pytest.mark.parametrize("slip", [0.01, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("sharpness", [4.0, 40.0])
def test_softened_friction_lowers_the_kink_only(slip, sharpness):
    plain = _contacts(viscous_friction=0.0)
    law = _at(0.005, [slip, 0.0, 0.0], plain).force[0, 0]
    soft = _at(0.005, [slip, 0.0, 0.0], plain, friction_sharpness=jnp.array(sharpness)).force[0, 0]
    ratio = np.sqrt(slip**2 + 1e-5) / 0.2
    expected = (1.0 + min(ratio, 1.0 / ratio) ** sharpness) ** (-1.0 / sharpness)
    np.testing.assert_allclose(soft / law, expected, rtol=1e-10)


def test_gradients_in_motion_and_parameters():
    contacts = _contacts(3)
    center = jnp.array([[0.0, 0.025, 0.0], [0.1, 0.031, 0.2], [0.0, 0.028, 0.1]])
    velocity = jnp.array([[0.1, -0.2, 0.05], [0.5, 0.1, 0.3], [-0.02, -0.4, 0.01]])
    spin = jnp.array([[0.3, 0.1, -0.5], [0.0, 1.0, 0.0], [1.0, -1.0, 0.2]])

    @jax.jit
    def force_and_point(values, *motion):
        got = contact_force(dataclasses.replace(contacts, **values), *motion)
        return got.force, 1e3 * got.point

    names = ("dissipation", "static_friction", "viscous_friction", "radius")
    values = {name: getattr(contacts, name) for name in names}
    function = lambda *x: force_and_point(*jax.tree.map(jnp.asarray, x))
    # Forces up to 1e3 N with slopes up to 1e6 N/m.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-7, "rtol": 1e-5, "atol": 1e-2}
    check_grads(function, (values, center, velocity, spin), **options)


def test_gradient_without_dissipation_is_finite():
    contacts, still = _contacts(dissipation=0.0), jnp.zeros((1, 3))

    def height_force(dissipation):
        changed = dataclasses.replace(contacts, dissipation=dissipation)
        return contact_force(changed, jnp.array([[0.0, 0.02, 0.0]]), still, still).force[0, 1]

    assert np.all(np.isfinite(jax.jit(jax.grad(height_force))(jnp.zeros(1))))


def test_what_lies_under_a_sphere_lowers_it_and_gives_and_loses_in_addition():
    """Two layers in series: at one force their depths and their losses add up."""
    under = _contacts(under_thickness=0.004, under_softness=1.5, under_dissipation=0.3)
    bare = _contacts()
    merged = with_underlay_merged(under)
    np.testing.assert_allclose(merged.location, bare.location - jnp.array([[0.0, 0.004, 0.0]]))
    sharp = {"constant_contact_force": 1e-16, "hertz_smoothing": 1e6}
    center = lambda depth: jnp.array([[0.0, SCALARS["radius"] - depth, 0.0]])
    still = jnp.zeros((1, 3))
    both = force_of(_contacts(under_softness=1.5, **sharp), center(0.010), still, still)
    pad = force_of(_contacts(**sharp), center(0.004), still, still)
    np.testing.assert_allclose(both.normal_force, pad.normal_force, rtol=1e-9)
    np.testing.assert_allclose(merged.dissipation, 2.0 / 2.5**2 + 0.3)
    check_grads(lambda s: with_underlay_merged(_contacts(under_softness=s)).stiffness, (0.0,), 1)
