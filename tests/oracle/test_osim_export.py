"""Files that the .osim writer makes, loaded by OpenSim itself: the same body in both programs."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.contact import contact_force
from biomech.dynamics.inverse_dynamics import mass_matrix
from biomech.dynamics.kinematics import apply_couplers, body_motion
from biomech.formats.load import load_built_in
from biomech.formats.osim import load_osim, read_osim
from biomech.formats.osim_writer import format_osim
from biomech.model import library
from biomech.model.build import build_model, describe_model
from biomech.model.edits import weld
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.passive_moments import passive_moment
from biomech.muscles.paths import path_geometry
from small_models import leg_description

pytestmark = pytest.mark.oracle

# --- models -----------------------------------------------------------------------------------


def leg(**of_the_muscle):
    """One of everything; its moving point follows one coordinate, as OpenSim wants it."""
    described = leg_description() | {"name": "small_leg"}
    described["muscles"][0]["path"]["points"][2]["moving"][2]["coordinate"] = "knee_angle"
    described["muscles"][0] |= of_the_muscle
    return described


def odd_names():
    """Names that mean something in XML, for what OpenSim finds by path and by name."""
    odd = "a&b<c>\"d'"

    def renamed(value):
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return odd if value in ("thigh", "knee_angle", "vasti", "condyle", "R.Knee") else value

    return renamed(leg())


def every_function():
    """Splines of 2 and 3 knots, one of more knots than breaks, expressions bent at a break."""
    described = leg()
    (knee,) = (joint for joint in described["joints"] if joint["name"] == "knee")
    rise = piecewise([0.0, 1.0], [0.0, 0.0, 1.0], [[0, 0.1, 0], [0, 0.1, 0.05], [0.15, 0.2, 0]])
    for place, function in (
        (1, {"kind": "simm_spline", "x": [0.0, 1.0], "y": [0.0, 0.2]}),
        (4, {"kind": "simm_spline", "x": [0.0, 1.0, 1.5], "y": [0.0, 0.1, 0.0], "scale": 0.7}),
        (5, rise),
    ):
        knee["axes"][place] |= {"coordinate": "knee_angle", "function": function}
    moving = described["muscles"][0]["path"]["points"][2]["moving"]
    moving[0]["function"] = piecewise([0.2], [0.2, 0.2], [[0.03, -0.01, 0], [0.03, 0.02, 0.1]])
    rows = [[0.0, 0.0, 0.0], [0.0, 0.1, 2.0], [18.3, 9.0, 1e-3]]
    described["ligaments"][0]["curve"] = piecewise([1.0, 4.0], [1.0, 1.0, 4.0], rows)
    return described


def piecewise(breaks, origin, coefficients):
    rows = [[float(number) for number in row] for row in coefficients]
    return {"kind": "piecewise", "breaks": breaks, "origin": origin, "coefficients": rows}


THELEN = {
    "FmaxTendonStrain": 0.033,
    "FmaxMuscleStrain": 0.6,
    "KshapeActive": 0.5,
    "KshapePassive": 4.0,
    "Af": 0.3,
    "Flen": 1.8,
    "fv_linear_extrap_threshold": 0.95,
}


def thelen():
    return leg(curves=THELEN, min_activation=0.0) | {"muscle_curves": "thelen2003"}


def millard(damping, least, slope):
    curves = {
        "fiber_damping": damping,
        "active_force_length": {
            "min_norm_active_fiber_length": 0.4441,
            "transition_norm_fiber_length": 0.73,
            "max_norm_active_fiber_length": 1.8123,
            "shallow_ascending_slope": 0.8616,
            "minimum_value": least,
        },
        "force_velocity": {
            "concentric_slope_at_vmax": slope,
            "concentric_slope_near_vmax": 0.25,
            "isometric_slope": 5.0,
            "eccentric_slope_at_vmax": slope,
            "eccentric_slope_near_vmax": 0.15,
            "max_eccentric_velocity_force_multiplier": 1.4,
            "concentric_curviness": 0.6,
            "eccentric_curviness": 0.9,
        },
        "fiber_force_length": {
            "strain_at_zero_force": 0.0,
            "strain_at_one_norm_force": 0.6,
            "stiffness_at_low_force": 0.3,
            "stiffness_at_one_norm_force": 4.0,
            "curviness": 0.6,
        },
        "tendon_force_length": {
            "strain_at_one_norm_force": 0.049,
            "stiffness_at_one_norm_force": 28.0,
            "norm_force_at_toe_end": 0.6,
            "curviness": 0.5,
        },
    }
    return leg(curves=curves, min_activation=0.0) | {"muscle_curves": "millard2012"}


MODELS = {
    **{name: lambda name=name: load_built_in(name) for name in library.BUILT_IN},
    "leg": lambda: build_model(leg()),
    "odd names": lambda: build_model(odd_names()),
    "every function": lambda: build_model(every_function()),
    "welded": lambda: weld(build_model(leg()), "knee_angle", 0.7),
    "thelen": lambda: build_model(thelen()),
    "millard": lambda: build_model(millard(0.1, 0.0, 0.0)),
    "rigid millard": lambda: build_model(millard(0.0, 0.0, 0.0)),
    "undamped millard": lambda: build_model(millard(0.0, 0.2, 0.14)),
}


# --- both programs ----------------------------------------------------------------------------


class Both:
    """A model here and, by way of a file, in OpenSim, each at the same states."""

    def __init__(self, opensim, model, path):
        path.write_text(format_osim(model).text)
        said = opensim.StringLogSink()
        opensim.Logger.addSink(said)
        self.opensim, self.ours, self.path = opensim, model, path
        self.theirs = opensim.Model(str(path))
        self.state = self.theirs.initSystem()
        opensim.Logger.removeSink(said)
        self.said = said.getString()
        self.coordinates = model.skeleton.coordinates.names
        moments = read_osim(path).description["passive_moments"]
        self.passive_names = [moment["name"] for moment in moments]

    def at(self, value, speed):
        """OpenSim's answers, by name."""
        state = self.state
        for name, q, u in zip(self.coordinates, value, speed, strict=True):
            coordinate = self.theirs.getCoordinateSet().get(name)
            coordinate.setLocked(state, False)
            coordinate.setValue(state, float(q), False)
            coordinate.setSpeedValue(state, float(u))
        self.theirs.realizeDynamics(state)
        skeleton, forces = self.ours.skeleton, self.theirs.getForceSet()
        frames = [self.theirs.getBodySet().get(name) for name in skeleton.body_names]
        muscles = self.theirs.getMuscles()
        of_force = lambda name, count: vector(forces.get(name).getRecordValues(state), count)
        return {
            "position": [vector(f.getTransformInGround(state).p()) for f in frames],
            "rotation": [matrix(f.getTransformInGround(state).R(), 3) for f in frames],
            "mass": self._mass_matrix(),
            "length": [muscles.get(m).getLength(state) for m in self.ours.muscles.names],
            "ligament": [of_force(name, 1)[0] for name in self.ours.ligaments.names],
            "passive": [of_force(name, 1)[0] for name in self.passive_names],
            "contact": [of_force(name, 6) for name in self.ours.contacts.names],
        }

    def _mass_matrix(self):
        """In the order of our coordinates, which need not be that of OpenSim's speeds."""
        found, coordinates = self.opensim.Matrix(), self.theirs.getCoordinateSet()
        self.theirs.getMatterSubsystem().calcM(self.state, found)
        count = len(self.coordinates)
        place = []
        for name in self.coordinates:
            speed = coordinates.get(name).getSpeedValue(self.state)
            place += [i for i in range(count) if self.state.getU().get(i) == speed]
        assert sorted(place) == list(range(count))
        return matrix(found, count)[np.ix_(place, place)]

    def draw(self, seed):
        """Coordinates within their ranges and near the default pose, couplers kept, and speeds."""
        skeleton, draw = self.ours.skeleton, np.random.default_rng(seed)
        middle = np.asarray(skeleton.coordinates.default_value)
        low = np.maximum(skeleton.coordinates.lower, middle - 0.6)
        high = np.minimum(skeleton.coordinates.upper, middle + 0.6)
        value = draw.uniform(low, high)
        if "pelvis_ty" in self.coordinates:  # where some of the foot touches the ground
            value[self.coordinates.index("pelvis_ty")] = draw.uniform(0.85, 0.95)
        value = apply_couplers(skeleton, jnp.asarray(value))
        return value, jnp.asarray(draw.uniform(-1.0, 1.0, value.size))


def vector(found, count=3):
    return np.array([found.get(i) for i in range(count)])


def matrix(found, count):
    return np.array([[found.get(i, j) for j in range(count)] for i in range(count)])


@eqx.filter_jit
def here(model, value, speed):
    """Our answers."""
    skeleton, contacts = model.skeleton, model.contacts
    motion = body_motion(skeleton, value, speed, jnp.zeros_like(value))
    now = motion.pose
    bodies = np.array(contacts.bodies, int)
    arm = jnp.einsum("cij,cj->ci", now.rotation[bodies], contacts.location)
    center = now.position[bodies] + arm
    turning, moving = motion.velocity[bodies, :3], motion.velocity[bodies, 3:]
    force = contact_force(contacts, center, moving + jnp.cross(turning, center), turning)
    torque = jnp.cross(force.point - now.position[bodies], force.force)
    lengths = [path_geometry(x.paths, now, value).length for x in (model.muscles, model.ligaments)]
    return {
        "position": now.position,
        "rotation": now.rotation,
        "mass": mass_matrix(skeleton, now),
        "length": lengths[0],
        "ligament": ligament_tension(model.ligaments, lengths[1]),
        "passive": passive_moment(model.passive_moments, value, speed),
        "contact": jnp.concatenate([force.force, torque], axis=1),
    }


# --- built-in and small models ------------------------------------------------------------------


@pytest.fixture(scope="module")
def opensim():
    opensim = pytest.importorskip("opensim")
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("warn")
    return opensim


@pytest.fixture(scope="module", params=MODELS)
def both(opensim, request, tmp_path_factory):
    return Both(opensim, MODELS[request.param](), tmp_path_factory.mktemp("osim") / "model.osim")


def test_opensim_loads_the_file_without_a_warning(both):
    assert both.said == ""
    names = [c.getName() for c in both.theirs.getCoordinateSet()]
    assert sorted(names) == sorted(both.coordinates)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_body(both, seed):
    """Poses 1e-9, masses 1e-9 of the largest, forces 1e-9 of the largest."""
    value, speed = both.draw(seed)
    theirs, ours = both.at(value, speed), here(both.ours, value, speed)
    np.testing.assert_allclose(ours["position"], theirs["position"], atol=1e-9)
    np.testing.assert_allclose(ours["rotation"], theirs["rotation"], atol=1e-9)
    for key in ("mass", "ligament", "passive", "contact"):
        expected = np.array(theirs[key])
        bar = 1e-9 * max(1.0, np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(ours[key], expected.reshape(ours[key].shape), atol=bar)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_lengths(both, seed):
    """1e-9 m; on one cylinder 0.3 mm, as for imported models. Two cylinders OpenSim gets wrong."""
    value, speed = both.draw(seed)
    theirs, ours = both.at(value, speed)["length"], here(both.ours, value, speed)["length"]
    for i, wraps in enumerate(both.ours.muscles.paths.wraps):
        if len(wraps) < 2:
            bar = 3e-4 if wraps else 1e-9
            assert abs(ours[i] - theirs[i]) < bar, both.ours.muscles.names[i]


def test_some_of_the_forces_are_not_zero(opensim, tmp_path):
    """The comparison above is of something."""
    both = Both(opensim, MODELS["planar"](), tmp_path / "planar.osim")
    found = [both.at(*both.draw(seed)) for seed in range(3)]
    assert max(np.abs(answer["contact"]).max() for answer in found) > 10.0
    assert max(np.max(answer["ligament"]) for answer in found) > 10.0
    leg = Both(opensim, MODELS["leg"](), tmp_path / "leg.osim")
    found = leg.at(*leg.draw(0))
    assert np.abs(found["passive"]).max() > 0.1 and np.max(found["ligament"]) > 10.0


def test_what_opensim_saves_again_reads_alike(both, tmp_path):
    """Nothing is lost in OpenSim's own conversion to its newest format, which orders coordinates
    by axis and prints the knots of splines with 6 digits."""
    saved = tmp_path / "saved.osim"
    both.theirs.printToXML(str(saved))
    ours, theirs = (read_osim(file).description for file in (both.path, saved))
    for description in (ours, theirs):
        description["coordinates"].sort(key=lambda coordinate: coordinate["name"])
    assert_close(ours, theirs)


def assert_close(ours, theirs, where="description"):
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_close(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_close(a, b, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-9), where
    else:
        assert ours == theirs, where


# --- models made by others --------------------------------------------------------------------


@pytest.fixture(
    params=[
        ("walk3d", "subject_walk_scaled.osim"),
        ("rajagopal", "RajagopalLaiUhlrich2023.osim"),
        ("dhondt2024", "DHondt_et_al_2024_4seg.osim"),
    ],
    ids=lambda param: param[0],
)
def imported(opensim, request, tmp_path):
    """A model that was read from a file and written again, and OpenSim's view of the first file."""
    folder, name = request.param
    path = request.getfixturevalue(folder) / name
    opensim.Logger.setLevelString("error")  # it looks for display geometry
    first = opensim.Model(str(path))
    opensim.Logger.setLevelString("warn")
    return Both(opensim, load_osim(path), tmp_path / name), first, first.initSystem()


def test_an_imported_model_is_the_same_in_opensim_after_we_wrote_it(imported):
    """OpenSim against OpenSim: to rounding, wraps and their slips included."""
    both, first, state = imported
    assert both.said == ""
    value, speed = both.draw(0)
    written = both.at(value, speed)
    both.theirs, both.state = first, state
    original = both.at(value, speed)
    for key in original:
        bar = 1e-12 * max([1.0, *np.abs(original[key]).ravel()])
        np.testing.assert_allclose(written[key], original[key], atol=bar, err_msg=key)


def test_an_imported_model_reads_back(imported):
    """Muscle curves and all else that has no number above; comments hold what files do not."""
    both = imported[0]
    ours, theirs = describe_model(both.ours), describe_model(load_osim(both.path))
    for description in (ours, theirs):
        description["cylinders"].sort(key=lambda cylinder: cylinder["name"])
        del description["notes"], description["conventions"]
    assert_close(ours, theirs)
