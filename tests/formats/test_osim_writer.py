"""The .osim writer: what it writes reads back as the same model; what it cannot write it says."""

import inspect
import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from biomech import load_model, save_model
from biomech.dynamics.inverse_dynamics import mass_matrix
from biomech.dynamics.kinematics import pose
from biomech.formats import osim_writer
from biomech.formats.osim import load_osim, load_osim_bytes, read_osim_bytes
from biomech.formats.osim_elements import ExportReport
from biomech.formats.osim_expressions import (
    passive_moment_expression,
    piecewise_expression,
    read_passive_moment,
    read_piecewise,
)
from biomech.formats.osim_function_writer import function_object
from biomech.formats.osim_writer import format_osim
from biomech.model import library
from biomech.model.build import build_model, describe_model
from biomech.model.edits import weld, with_reserves
from biomech.model.functions import ScalarFunction, simm_spline
from biomech.model.muscle_curves import Millard2012Curves, Thelen2003Curves
from biomech.model.names import BadInput
from biomech.model.passive_moments import PassiveMoments
from biomech.muscles.paths import path_geometry
from bodies import axis, body, coordinate, description, joint
from osim_texts import object_set, pendulum
from small_models import leg_description, linear

NOT_IN_FILES = ("conventions", "notes")
SPLINE = {"kind": "simm_spline", "x": [-2.0, 0.0, 0.5, 1.0, 2.0], "y": [0.1, 0.2, 0.1, 0.3, 0.0]}


def read_back(model):
    return load_osim_bytes(format_osim(model).text.encode())


def scalar_function(described):
    """A described function as one that can be evaluated."""
    if described["kind"] == "constant":
        return lambda x: described["value"]
    if described["kind"] == "linear":
        return lambda x: described["intercept"] + described["slope"] * x
    return ScalarFunction(described["breaks"], described["origin"], described["coefficients"])


def assert_same(ours, theirs, where="model"):
    """Equal texts and structure, numbers and values of functions to 1e-12."""
    if isinstance(ours, dict) and "kind" in ours and "name" not in ours:
        one, other = scalar_function(ours), scalar_function(theirs)
        x = np.linspace(-4.0, 4.0, 41)
        difference = np.array([one(v) - other(v) for v in x])
        assert np.abs(difference).max() < 1e-12 * max(1.0, *(abs(one(v)) for v in x)), where
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-12), where
    else:
        assert ours == theirs, where


def assert_round_trip(model, *changed):
    """The file reads back as the model but for `changed`, parts of the sentences that say so."""
    written = format_osim(model)
    assert len(written.changed) == len(changed), written.changed
    for words in changed:
        assert any(words in line for line in written.changed), (words, written.changed)
    osim = read_osim_bytes(written.text.encode())
    assert osim.report.refused == osim.report.not_simulated == []
    again = load_osim_bytes(written.text.encode())
    ours, theirs = describe_model(model), describe_model(again)
    for key in NOT_IN_FILES:
        del ours[key], theirs[key]
    assert_same(ours, theirs)
    return again


def places(described, q):
    """Position and rotation of every body in ground, joint by joint, without the package's own."""
    value = dict(zip((c["name"] for c in described["coordinates"]), q, strict=True))
    found = {"ground": (np.zeros(3), np.eye(3))}
    for one in described["joints"]:
        pairs = [(a["function"], value.get(a["coordinate"], 0.0)) for a in one["axes"]]
        amount = [scalar_function(function)(x) for function, x in pairs]
        directions = np.array([a["axis"] for a in one["axes"]])
        turns = Rotation.from_rotvec(np.array(amount[:3])[:, None] * directions[:3]).as_matrix()
        moved = np.array(amount[3:]) @ directions[3:], turns[0] @ turns[1] @ turns[2]
        there = chained(found[one["parent"]], fixed(one, "parent"), moved)
        position, rotation = fixed(one, "child")
        found[one["child"]] = chained(there, (-rotation.T @ position, rotation.T))
    return found


def fixed(described, end):
    turn = Rotation.from_euler("XYZ", described[f"{end}_orientation"]).as_matrix()
    return np.array(described[f"{end}_position"]), turn


def chained(first, *others):
    position, rotation = first
    for shift, turn in others:
        position, rotation = position + rotation @ shift, rotation @ turn
    return position, rotation


def assert_same_places(model, again, q):
    one, other = (places(describe_model(m), q) for m in (model, again))
    for name in model.skeleton.body_names:
        scale = max(1.0, np.abs(one[name][0]).max())
        np.testing.assert_allclose(other[name][0], one[name][0], atol=1e-12 * scale)
        np.testing.assert_allclose(other[name][1], one[name][1], atol=1e-12 * scale)


def small_leg(**changes):
    """The leg with one of everything, its names and its order such that a file keeps them."""
    described = leg_description() | {"name": "small_leg"}
    order = ("hip_tx", "hip_flexion", "knee_angle", "patella_angle")
    by_name = {c["name"]: c for c in described["coordinates"]}
    described["coordinates"] = [by_name[name] for name in order]
    described["muscles"][0]["path"]["points"][2]["moving"][2]["coordinate"] = "knee_angle"
    return described | changes


# --- whole models -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", library.BUILT_IN)
def test_built_in_bodies_read_back(name):
    model = load_model(name)
    written = format_osim(model)
    again = load_osim_bytes(written.text.encode())
    ours, theirs = describe_model(model), describe_model(again)
    motors = {motor["name"] for motor in ours["actuators"]}
    clashes = [moment for moment in ours["passive_moments"] if moment["name"] in motors]
    assert len(written.changed) == len(clashes)
    for moment in clashes:  # all forces are in one set of the file
        moment["name"] += "_passive_moment"
    for one in (ours, theirs):
        one["cylinders"].sort(key=lambda cylinder: cylinder["name"])  # in a file: body by body
        for key in NOT_IN_FILES:
            del one[key]
    assert_same(ours, theirs)


def test_a_leg_with_one_of_everything_reads_back():
    model = build_model(small_leg())
    q = jnp.asarray([0.1, 0.3, 0.7, 0.36])
    ours, theirs = (jax.tree.leaves(jax.jit(at)(m, q)) for m in (model, assert_round_trip(model)))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-12)


def at(model, q):
    """Poses, mass matrix and path lengths at coordinates."""
    now = pose(model.skeleton, q)
    lengths = [path_geometry(x.paths, now, q).length for x in (model.muscles, model.ligaments)]
    return now.position, now.rotation, mass_matrix(model.skeleton, now), lengths


def test_every_part_is_in_the_file():
    root = ET.fromstring(format_osim(build_model(small_leg())).text)
    assert root.get("Version") == "40000"
    for tag in (
        *("Body", "CustomJoint", "Coordinate", "CoordinateCouplerConstraint", "SimmSpline"),
        *("DeGrooteFregly2016Muscle", "PathPoint", "ConditionalPathPoint", "MovingPathPoint"),
        *("WrapCylinder", "PathWrap", "Ligament", "ExpressionBasedCoordinateForce"),
        *("SmoothSphereHalfSpaceForce", "ContactSphere", "ContactHalfSpace"),
        *("CoordinateActuator", "Marker"),
    ):
        assert root.findall(f".//{tag}"), tag
    assert root.findtext(".//PathWrap/range") == "3 4"
    assert root.findtext(".//CoordinateActuator/min_control") == "-Inf"
    assert root.findtext("Model/gravity") == "0.0 -9.81 0.0"


def test_coordinates_out_of_the_joints_order_are_said():
    described = small_leg()
    described["coordinates"].insert(1, described["coordinates"].pop(2))
    written = format_osim(build_model(described))
    assert "hip_tx, hip_flexion, knee_angle, patella_angle" in "".join(written.changed)
    names = load_osim_bytes(written.text.encode()).skeleton.coordinates.names
    assert names == ("hip_tx", "hip_flexion", "knee_angle", "patella_angle")


def test_wraps_on_ground_and_over_the_whole_path():
    described = small_leg()
    described["cylinders"][0]["body"] = "ground"
    described["muscles"][0]["path"]["wraps"] = [{"cylinder": "condyle", "first": 0, "last": 3}]
    model = build_model(described)
    assert_round_trip(model)
    assert "<range>-1 -1</range>" in format_osim(model).text


def test_a_cylinder_that_nothing_wraps_over_is_in_the_file():
    described = small_leg()
    described["muscles"][0]["path"]["wraps"] = []
    text = format_osim(build_model(described)).text
    assert ET.fromstring(text).find(".//Body/WrapObjectSet/objects/WrapCylinder") is not None
    assert load_osim_bytes(text.encode()).muscles.paths.cylinders.names == ()  # as the reader says


def test_a_moving_point_that_nothing_moves_is_a_fixed_one():
    described = small_leg()
    still = [{"coordinate": None, "function": {"kind": "constant", "value": v}} for v in (1, 2, 3)]
    described["muscles"][0]["path"]["points"][2]["moving"] = still
    again = read_back(build_model(described))
    assert again.muscles.paths.moving == ()
    np.testing.assert_array_equal(again.muscles.paths.location[0, 2], [1.0, 2.0, 3.0])


def test_contacts_share_a_half_space_only_if_it_is_the_same():
    described = small_leg()
    (heel,) = described["contacts"]
    described["contacts"] = [
        heel,
        heel | {"name": "floor", "body": "ground"},
        heel | {"name": "ramp", "half_space_orientation": [0.0, 0.2, -1.2]},
    ]
    model = build_model(described)
    assert_round_trip(model)
    root = ET.fromstring(format_osim(model).text)
    assert [e.get("name") for e in root.iter("ContactHalfSpace")] == ["floor_2", "floor_3"]


# --- joints -----------------------------------------------------------------------------------


def one_joint(*axes, coordinates=("q",), mass=1.0, **more):
    listed = [coordinate(name) for name in coordinates]
    return build_model(
        description(
            name="one",
            bodies=[body("rod", mass)],
            joints=[joint("j", "ground", "rod", list(axes), **more)],
            coordinates=listed,
        )
    )


def test_a_joint_that_nothing_moves_is_a_weld_with_its_shift():
    model = weld(build_model(small_leg()), "knee_angle", 0.7)
    again = read_back(model)
    text = format_osim(model).text
    assert text.count("<WeldJoint") == 2
    assert_same_places(model, again, [0.1, 0.3])


def test_idle_axes_point_out_of_the_others_way():
    x, z = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    axes = [axis(x), axis(z, "q"), axis(z), axis(z), axis(x), axis(z, "q", linear(0.1))]
    model = one_joint(*axes)
    again = read_back(model)
    directions = np.asarray(again.skeleton.axes[0])
    for three in (directions[:3], directions[3:]):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            assert np.linalg.norm(np.cross(three[a], three[b])) > 0.1
    assert_same_places(model, again, [0.4])


def test_axes_that_move_and_are_parallel_are_refused():
    z, x, y = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    axes = [axis(z, "q"), axis(x), axis(z, "p"), axis(x), axis(y), axis(z)]
    with pytest.raises(BadInput, match=r"Joint 'j': two axes among rotation1.*are parallel"):
        format_osim(one_joint(*axes, coordinates="qp"))


def test_a_motion_type_that_a_file_cannot_say_is_reported():
    described = small_leg()
    described["coordinates"][1]["motion_type"] = "translational"
    written = format_osim(build_model(described))
    assert "'hip_flexion' is translational" in "".join(written.changed)


def test_infinite_ranges_and_flags_survive():
    described = small_leg()
    described["coordinates"][0] |= {"range": [-np.inf, np.inf], "clamped": False, "locked": True}
    assert_round_trip(build_model(described))


# --- functions --------------------------------------------------------------------------------


def piecewise(breaks, origin, coefficients):
    return {"kind": "piecewise", "breaks": breaks, "origin": origin, "coefficients": coefficients}


def described_spline(x, y, scale=1.0):
    made = simm_spline(x, y).scaled(scale)
    parts = (made.breaks, made.origin, made.coefficients)
    return piecewise(*(part.tolist() for part in parts))


TOE = piecewise([1.0, 1.01], [1.0, 1.0, 1.01], [[0.0] * 3, [0.0, 0.0, 50.0], [0.005, 1.0, 0.0]])
BENT = piecewise([0.0], [0.0, 0.0], [[0.0, 1.0], [0.0, 2.0]])
QUINTIC = piecewise(  # from 0 to 0.05, with two continuous derivatives
    [0.0, 1.0],
    [0.0, 0.0, 0.0],
    [[0.0] * 6, [0.0, 0.0, 0.0, 0.5, -0.75, 0.3], [0.05, *[0.0] * 5]],
)


@pytest.mark.parametrize(
    "function, tag",
    [
        ({"kind": "constant", "value": 0.1}, "Constant"),
        (linear(0.1, 0.2), "LinearFunction"),
        (piecewise([], [0.0], [[0.1, 0.2, -0.3]]), "PolynomialFunction"),
        (piecewise([], [0.7], [[0.1, 0.2, -0.3, 1.7]]), "PolynomialFunction"),
        (described_spline([0.0, 1.0], [0.1, 0.3]), "SimmSpline"),
        (described_spline([0.0, 1.0, 3.0], [0.1, 0.3, -1.0]), "SimmSpline"),
        (described_spline(SPLINE["x"], SPLINE["y"], 0.3), "SimmSpline"),
        (TOE, "SimmSpline"),
        (BENT, "ExpressionBasedFunction"),
        (QUINTIC, "ExpressionBasedFunction"),
        (piecewise([0.0], [0.0, 0.0], [[1.0], [2.0]]), "ExpressionBasedFunction"),
    ],
)
def test_functions_in_the_simplest_class_that_says_them(function, tag):
    described = small_leg()
    described["ligaments"][0]["curve"] = function
    model = build_model(described)
    root = ET.fromstring(format_osim(model).text)
    assert [e.tag for e in root.find(".//Ligament/force_length_curve")] == [tag]
    assert_round_trip(model)
    described["ligaments"] = []
    driver = None if tag == "Constant" else "knee_angle"
    moving = {"coordinate": driver, "function": function}
    described["muscles"][0]["path"]["points"][2]["moving"][0] = moving
    assert_round_trip(build_model(described))


def test_a_natural_spline_of_cubics_is_written_exactly():
    """Not what OpenSim would lay through the same knots, but a spline of more knots is."""
    from scipy.interpolate import CubicSpline

    x, y = [-1.0, 0.2, 0.5, 1.5], [0.0, 0.3, -0.2, 0.1]
    cubic = CubicSpline(x, y, bc_type="natural")
    rows = [c[::-1].tolist() for c in cubic.c.T]
    slopes = cubic(x[0], 1).item(), cubic(x[-1], 1).item()
    ends = [[y[0], slopes[0], 0.0, 0.0]], [[y[-1], slopes[1], 0.0, 0.0]]
    function = piecewise(x, [x[0], *x], [*ends[0], *rows, *ends[1]])
    report = ExportReport()
    made = function_object(function, "the knee", report, (-2.0, 2.0))
    assert (made.tag, len(made.findtext("x").split())) == ("SimmSpline", 8)
    assert report.changed == report.refused == []
    model = knee_model(function)
    assert_round_trip(model)


def knee_model(function):
    """A joint whose shift along x is a function of its angle, which runs from -2 to 2."""
    z, x, y = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    axes = [axis(z, "q"), axis(x), axis(y), axis(x, "q", function), axis(y), axis(z)]
    return one_joint(*axes)


def test_other_functions_of_joints_become_dense_splines_with_their_error():
    """OpenSim's second derivative of an expression is wrong, so a joint must not have one."""
    model = knee_model(QUINTIC)
    written = format_osim(model)
    assert "ExpressionBasedFunction" not in written.text
    (said,) = written.changed
    assert "The function of translation1 of joint 'j'" in said
    error = float(said.split("at most ")[1].split(",")[0])
    again = load_osim_bytes(written.text.encode())
    shift = lambda m: scalar_function(describe_model(m)["joints"][0]["axes"][3]["function"])
    found = max(abs(shift(model)(x) - shift(again)(x)) for x in np.linspace(-2.0, 2.0, 333))
    assert 0.0 < found <= 1.5 * error < 1e-6  # sampled at other places than the writer did


def test_a_bent_function_of_a_joint_is_refused():
    with pytest.raises(BadInput, match=r"translation1 of joint 'j'.*do not join smoothly"):
        format_osim(knee_model(piecewise([0.0], [0.0, 0.0], [[0.0, 1.0], [0.3, 2.0]])))


def test_a_function_with_bent_ends_is_exact_in_the_range_of_its_coordinate():
    cubics = piecewise([0.0], [0.0, 0.0], [[0.0, 0.1, 0.2, 0.3], [0.0, 0.1, 0.2, -0.3]])
    model = knee_model(cubics)
    (said,) = format_osim(model).changed
    assert "at most 0.0e+00" in said and "beyond it is straight" in said
    again = read_back(model)
    for q in (-1.9, -0.3, 0.8, 2.0):
        assert_same_places(model, again, [q])


# --- expressions ------------------------------------------------------------------------------

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.data())
def test_expressions_of_functions_read_back(data):
    breaks = sorted(data.draw(st.lists(numbers, min_size=1, max_size=4, unique=True)))
    count, powers = len(breaks) + 1, data.draw(st.integers(1, 4))
    row = st.lists(numbers, min_size=powers, max_size=powers)
    rows = data.draw(st.lists(row, min_size=count, max_size=count))
    origin = data.draw(st.lists(numbers, min_size=count, max_size=count))
    origin = origin if powers > 1 else [0.0] * count
    text = piecewise_expression(breaks, origin, rows)
    assert read_piecewise(text) == piecewise(breaks, origin, rows)
    assert read_piecewise(text.replace("+", " +\n ")) is not None  # a file may be broken in lines
    allowed = set("x()+-*^.e0123456789step")
    assert set(text) <= allowed


PASSIVE = [
    key for key in PassiveMoments.__dataclass_fields__ if key not in ("names", "coordinates")
]


@given(st.lists(numbers, min_size=9, max_size=9))
def test_expressions_of_passive_moments_read_back(values):
    moment = dict(zip(PASSIVE, values, strict=True))
    assert read_passive_moment(passive_moment_expression(moment)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "__import__('os').system('true')",
        "(1-step(x-(1.0)))*((0.0))",
        "(1-step(x-(1.0)))*((0.0))+step(x-(2.0))*((2.0))",
        "(1-step(x-(1.0)))*((0.0))+step(x-(1.0))*((2.0))+q",
        "(1-step(x-(1.0)))*((0.0))+step(x-(1.0))*((exp(2.0)))",
        "(1-step(x-(1.0)))*((0.0)+(1.0)*(x-(1.0))^2)+step(x-(1.0))*((2.0)+(1.0)*(x-(1.0))^1)",
        "(" * 1000,
    ],
)
def test_no_other_expression_is_taken_for_one(text):
    assert read_piecewise(text) is None and read_passive_moment(text) is None


def test_an_expression_that_is_not_ours_is_not_simulated():
    force = (
        '<ExpressionBasedCoordinateForce name="spring"><coordinate>angle</coordinate>'
        "<expression>{}</expression></ExpressionBasedCoordinateForce>"
    )
    text = passive_moment_expression(small_leg()["passive_moments"][0])
    for expression, simulated in ((text, True), (text + "+q", False), ("-2*q", False)):
        osim = read_osim_bytes(pendulum(object_set("ForceSet", force.format(expression))))
        assert len(osim.description["passive_moments"]) == simulated
        assert len(osim.report.not_simulated) == 1 - simulated


def test_a_function_by_an_expression_that_is_not_ours_is_refused():
    curve = (
        '<Ligament name="band"><GeometryPath><PathPointSet><objects>'
        '<PathPoint name="a"><socket_parent_frame>/ground</socket_parent_frame></PathPoint>'
        '<PathPoint name="b"><socket_parent_frame>/bodyset/rod</socket_parent_frame></PathPoint>'
        "</objects></PathPointSet></GeometryPath><resting_length>0.3</resting_length>"
        '<pcsa_force>7</pcsa_force><ExpressionBasedFunction name="force_length_curve">'
        "<expression>exp(x)</expression><variables>x</variables></ExpressionBasedFunction>"
        "</Ligament>"
    )
    osim = read_osim_bytes(pendulum(object_set("ForceSet", curve)))
    assert "only for functions in pieces" in osim.report.refused[0]


# --- names and texts --------------------------------------------------------------------------

ODD = ["a&b", "<b>", 'q"r', "it's", "ü", "a(b)", "x:y", "-->", "]]>", "&amp;", "%s{0}"]


@pytest.mark.parametrize("odd", ODD)
def test_names_that_mean_something_in_xml_survive(odd):
    model = build_model(renamed(small_leg(), odd))
    again = assert_round_trip(model)
    assert again.skeleton.body_names[0] == odd


def with_word(value, old, new):
    """Plain data with `new` wherever a text is `old`."""
    if isinstance(value, dict):
        return {key: with_word(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [with_word(item, old, new) for item in value]
    return new if value == old else value


def renamed(described, name):
    """The leg with one thing of each kind called `name`."""
    for old in ("thigh", "hip_flexion", "vasti", "condyle", "R.Knee", "small_leg"):
        described = with_word(described, old, name)
    return described


@pytest.mark.parametrize("odd", ["a b", "a/b", "a\\b", "a*b", "a+b", ".", ".."])
def test_names_that_opensim_forbids_are_replaced_and_said(odd):
    model = build_model(renamed(small_leg(), odd))
    written = format_osim(model)
    new = "_" if odd in (".", "..") else "a_b"
    for kind in ("body", "coordinate", "muscle", "cylinder", "marker"):
        assert f"The {kind} '{odd}' is called '{new}'." in written.changed
    again = load_osim_bytes(written.text.encode())
    assert again.name == again.skeleton.body_names[0] == again.muscles.names[0] == new
    assert again.skeleton.coordinates.names[1] == again.markers.names[0] == new
    ours, theirs = describe_model(model), describe_model(again)
    for key in ("joints", "couplers", "muscles", "contacts"):
        assert theirs[key] == with_word(ours[key], odd, new)


def test_names_that_clash_are_told_apart():
    described = small_leg()
    described["ligaments"][0]["name"] = described["contacts"][0]["name"] = "vasti"
    described["actuators"][0]["name"] = "vasti_2"
    described["markers"] = [
        {"name": name, "body": "thigh", "location": [0.0, 0.0, 0.0]} for name in ("a b", "a_b")
    ]
    written = format_osim(build_model(described))
    again = load_osim_bytes(written.text.encode())
    assert again.muscles.names == ("vasti",) and again.actuators.names == ("vasti_2",)
    assert again.ligaments.names == ("vasti_ligament",)
    assert again.contacts.names == ("vasti_contact",)
    assert again.markers.names == ("a_b_2", "a_b")
    assert len(written.changed) == 3


def test_the_longest_names_are_read_back():
    model = build_model(renamed(small_leg(), "n" * 200))
    assert read_back(model).muscles.names == ("n" * 200,)


def test_what_a_file_has_no_place_for_is_in_its_comment():
    notes = ["two dashes -- end it --> <here>", "and -", "line\nbreak \x1b[31m"]
    text = format_osim(build_model(small_leg(notes=notes))).text
    comment = text.split("<!--")[1].split("-->")[0]
    assert "knee_flexion: positive" in comment
    assert "two dashes - - end it - -> <here>" in comment and "\x1b" not in comment
    assert load_osim_bytes(text.encode()).name == "small_leg"


# --- muscles ----------------------------------------------------------------------------------


def with_curves(law, curves, **numbers):
    described = small_leg(muscle_curves=law)
    described["muscles"][0] |= {"curves": curves} | numbers
    return build_model(described)


def described_curves(record):
    return {
        key: described_curves(value) if hasattr(value, "__dataclass_fields__") else float(value[0])
        for key, value in vars(record).items()
    }


def millard(damping, **changes):
    curves = described_curves(Millard2012Curves.published(1))
    curves["fiber_damping"] = damping
    for key, value in changes.items():
        curves["active_force_length" if key == "minimum_value" else "force_velocity"][key] = value
    return curves


def test_thelen_muscles():
    curves = described_curves(Thelen2003Curves.published(1)) | {"Flen": 1.8, "Af": 0.3}
    assert_round_trip(with_curves("thelen2003", curves, max_activation=0.8))


STEEP = {"concentric_slope_at_vmax": 0.125, "eccentric_slope_at_vmax": 0.1}


@pytest.mark.parametrize(
    "curves, rigid",
    [
        (millard(0.1, minimum_value=0.0), False),
        (millard(0.0, minimum_value=0.0), True),
        (millard(0.0, minimum_value=0.2, **STEEP), False),
    ],
)
def test_millard_muscles(curves, rigid):
    model = with_curves("millard2012", curves, min_activation=0.02)
    assert_round_trip(model)
    expected = f"<ignore_tendon_compliance>{str(rigid).lower()}</ignore_tendon_compliance>"
    assert expected in format_osim(model).text


@pytest.mark.parametrize(
    "curves", [millard(0.1), millard(0.0), millard(0.0005, minimum_value=0.1, **STEEP)]
)
def test_millard_curves_that_opensim_changes_are_said(curves):
    (said,) = format_osim(with_curves("millard2012", curves)).changed
    assert "OpenSim changes" in said and "'vasti'" in said


@pytest.mark.parametrize(
    "law, curves, least",
    [
        ("thelen2003", described_curves(Thelen2003Curves.published(1)), 0.01),
        ("millard2012", millard(0.0, minimum_value=0.2, **STEEP), 0.01),
        ("millard2012", millard(0.0, minimum_value=0.0), 0.001),
        ("millard2012", millard(0.1, minimum_value=0.0), 0.001),
    ],
)
def test_the_least_activation_that_opensim_allows(law, curves, least):
    written = format_osim(with_curves(law, curves, min_activation=0.001))
    again = load_osim_bytes(written.text.encode())
    assert float(again.muscles.min_activation[0]) == least
    assert any("least activation" in line for line in written.changed) == (least > 0.001)


def test_reserves_become_motors_and_it_is_said():
    model = with_reserves(build_model(small_leg()), {"knee_angle": 10.0})
    written = format_osim(model)
    assert "reserve 'reserve_knee_angle' is a motor" in "".join(written.changed)
    again = load_osim_bytes(written.text.encode())
    assert again.actuators.kinds == ("motor", "motor")
    np.testing.assert_array_equal(again.actuators.min_control, [-np.inf, -np.inf])


# --- what no file can hold --------------------------------------------------------------------


def conditional_and_moving():
    described = small_leg()
    condition = {"coordinate": "knee_angle", "range": [0.0, 1.0]}
    described["muscles"][0]["path"]["points"][2]["condition"] = condition
    return described


def moving_with_two():
    described = small_leg()
    described["muscles"][0]["path"] = leg_description()["muscles"][0]["path"]
    return described


def narrow():
    described = small_leg()
    described["muscles"][0]["curves"]["active_force_width_scale"] = 0.9
    return described


def massless():
    described = small_leg()
    described["bodies"][1]["mass"] = 0.0
    return described


@pytest.mark.parametrize(
    "described, words",
    [
        (
            moving_with_two(),
            "Muscle 'vasti', point 3: it moves with 'knee_angle' and 'hip_flexion'",
        ),
        (conditional_and_moving(), "Muscle 'vasti', point 3: it moves and also comes and goes"),
        (narrow(), "Muscle 'vasti': `active_force_width_scale` is 0.9"),
        (massless(), "Joint 'kneecap': neither 'patella' nor any body beyond it has mass"),
    ],
)
def test_refused(described, words, tmp_path):
    with pytest.raises(BadInput, match=r"cannot be written as an \.osim file") as error:
        save_model(build_model(described), tmp_path / "leg.osim")
    assert words in str(error.value) and ".yaml" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_massless_body_is_welded_or_carries_mass():
    described = small_leg()
    described["bodies"][2]["mass"] = 0.0  # the thigh carries the shank
    assert_round_trip(build_model(described))
    welded = weld(build_model(massless()), "knee_angle")
    assert format_osim(welded).text.count("<mass>0.0</mass>") == 1


def test_a_part_of_the_model_that_the_writer_does_not_know_is_refused(monkeypatch):
    describe = lambda model: describe_model(model) | {"wings": [1]}
    monkeypatch.setattr(osim_writer, "describe_model", describe)
    with pytest.raises(BadInput, match=r"`wings` of the model: no \.osim file holds it"):
        format_osim(build_model(small_leg()))


WRITTEN = {
    "bodies": "name mass mass_center inertia",
    "joints": "name parent child parent_position parent_orientation child_position "
    "child_orientation axes",
    "coordinates": "name motion_type default range locked clamped",
    "couplers": "name dependent independent function",
    "cylinders": "name body radius length position orientation quadrant",
    "muscles": "name max_isometric_force optimal_fiber_length tendon_slack_length pennation_angle "
    "max_contraction_velocity min_activation max_activation curves path",
    "ligaments": "name resting_length pcsa_force curve path",
    "passive_moments": "name coordinate " + " ".join(PASSIVE),
    "contacts": "name body location radius half_space_position half_space_orientation stiffness "
    "dissipation static_friction dynamic_friction viscous_friction transition_velocity "
    "constant_contact_force hertz_smoothing hunt_crossley_smoothing",
    "actuators": "name coordinate optimal_force min_control max_control kind",
    "markers": "name body location",
}


def test_a_new_number_of_a_model_must_be_written_too():
    """Whoever adds one to a record finds here that the writer and the reader must know it."""
    described = describe_model(build_model(small_leg()))
    found = {key: set(described[key][0]) for key in WRITTEN}
    assert found == {key: set(words.split()) for key, words in WRITTEN.items()}
    lists = {key for key, value in described.items() if isinstance(value, list)}
    assert lists == WRITTEN.keys() | {"gravity", "notes", "citations", "pains"}  # refused by name


# --- the file ---------------------------------------------------------------------------------


def test_the_suffix_decides(tmp_path):
    leg = build_model(small_leg())
    for name in ("leg.osim", "LEG2.OSIM", "leg.yaml"):
        save_model(leg, tmp_path / name)
    assert (tmp_path / "leg.osim").read_bytes() == (tmp_path / "LEG2.OSIM").read_bytes()
    assert (tmp_path / "leg.osim").read_text().startswith("<?xml")
    assert load_osim(tmp_path / "leg.osim").name == load_model(tmp_path / "leg.yaml").name
    with pytest.raises(BadInput, match=r"'.*leg.txt' is no name .* end in .yaml or .osim"):
        save_model(leg, tmp_path / "leg.txt")


def test_what_is_changed_comes_as_a_warning(tmp_path):
    leg = build_model(small_leg(name="small leg"))
    with pytest.warns(UserWarning, match=r"leg.osim is not the model in all:(.|\n)*small_leg"):
        save_model(leg, tmp_path / "leg.osim")


def test_an_existing_file_is_overwritten_only_if_asked_and_never_half(tmp_path):
    leg, path = build_model(small_leg()), tmp_path / "leg.osim"
    path.write_text("mine")
    with pytest.raises(BadInput, match=r"exists already.*overwrite=True"):
        save_model(leg, path)
    nan = jax.tree.map(lambda x: x * np.nan if x is leg.skeleton.mass else x, leg)
    with pytest.raises(BadInput, match="NaN"):
        save_model(nan, path, overwrite=True)
    assert path.read_text() == "mine"
    save_model(leg, path, overwrite=True)
    assert load_osim(path).name == "small_leg"
    assert [p.name for p in tmp_path.iterdir()] == ["leg.osim"]


def test_swapped_arguments_are_told_apart(tmp_path):
    with pytest.raises(TypeError, match=r'save_model\(model, "leg.yaml"\).*is str'):
        inspect.unwrap(save_model)("leg.osim", build_model(small_leg()))
    assert list(tmp_path.iterdir()) == []


# --- any model --------------------------------------------------------------------------------

small = st.floats(-3.0, 3.0, allow_subnormal=False)
vectors = st.lists(small, min_size=3, max_size=3)


@st.composite
def functions(draw):
    kind = draw(st.sampled_from(["linear", "polynomial", "simm_spline"]))
    if kind == "linear":
        return linear(draw(small), draw(small))
    if kind == "polynomial":
        return {"kind": kind, "coefficients": draw(st.lists(small, min_size=1, max_size=4))}
    steps = draw(st.lists(st.floats(0.1, 1.0), min_size=1, max_size=6))
    x = np.cumsum([draw(small), *steps]).tolist()
    y = draw(st.lists(small, min_size=len(x), max_size=len(x)))
    return {"kind": kind, "x": x, "y": y, "scale": draw(small)}


@st.composite
def chains(draw):
    """Up to three bodies in a tree with joints of any axes and functions."""
    count = draw(st.integers(1, 3))
    bodies, joints, coordinates = [], [], []
    for i in range(count):
        bodies.append(body(f"b{i}", draw(st.floats(0.1, 5.0)), draw(vectors)))
        names = [f"q{i}_{k}" for k in range(draw(st.integers(int(i == 0), 2)))]
        axes = [axis(direction) for direction in np.linalg.qr(np.eye(3) + 0.1)[0].T.tolist() * 2]
        places = draw(st.permutations(range(6)))
        for name, place in zip(names, places):
            axes[place] |= {"coordinate": name, "function": draw(functions())}
        for place in places[len(names) : len(names) + 2]:
            axes[place]["function"] = {"kind": "constant", "value": draw(small)}
        coordinates += [coordinate(name) | {"motion_type": kind_of(axes, name)} for name in names]
        parent = draw(st.sampled_from(["ground", *(f"b{k}" for k in range(i))]))
        frames = {f"{end}_{what}": draw(vectors) for end in ("parent", "child") for what in FRAME}
        joints.append(joint(f"j{i}", parent, f"b{i}", axes, **frames))
    markers = [{"name": "m", "body": f"b{count - 1}", "location": draw(vectors)}]
    return description(bodies=bodies, joints=joints, coordinates=coordinates, markers=markers)


FRAME = ("position", "orientation")


def kind_of(axes, name):
    turns = any(a["coordinate"] == name for a in axes[:3])
    return "rotational" if turns else "translational"


@settings(max_examples=30, deadline=None)
@given(chains(), st.integers(0, 2**32 - 1))
def test_any_chain_of_joints_reads_back_to_the_same_poses(described, seed):
    model = build_model(described)
    again = read_back(model)
    ours, theirs = model.skeleton, again.skeleton
    assert theirs.coordinates.names == ours.coordinates.names
    assert theirs.body_names == ours.body_names
    np.testing.assert_array_equal(theirs.mass, ours.mass)
    q = np.random.default_rng(seed).uniform(-2.0, 2.0, len(ours.coordinates.names))
    assert_same_places(model, again, q)
