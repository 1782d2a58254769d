import copy
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.build import build_model, describe_model
from biomech.model.functions import simm_spline
from biomech.model.muscle_curves import Millard2012Curves
from biomech.model.names import BadInput
from small_models import body, coordinate, joint, leg_description, linear


def _changed(change):
    description = leg_description()
    change(description)
    return description


def _refused(change, *words):
    with pytest.raises(BadInput) as error:
        build_model(_changed(change))
    for word in words:
        assert word in str(error.value)


def test_bodies_are_sorted_by_depth_and_joints_follow_them():
    skeleton = build_model(leg_description()).skeleton
    assert skeleton.body_names == ("thigh", "shank", "patella")
    assert skeleton.joint_names == ("hip", "knee", "kneecap")
    assert skeleton.parents == (-1, 0, 0)
    np.testing.assert_array_equal(skeleton.mass, [8.0, 1.0, 0.1])


def test_coordinates_keep_the_order_of_the_file():
    coordinates = build_model(leg_description()).skeleton.coordinates
    assert coordinates.names == ("hip_tx", "knee_angle", "hip_flexion", "patella_angle")
    assert (coordinates.dependent, coordinates.independent) == ((3,), (1,))
    assert coordinates.free_names == ("hip_tx", "knee_angle", "hip_flexion")


def test_axis_functions_and_indices_land_on_their_axes():
    skeleton = build_model(leg_description()).skeleton
    assert skeleton.axis_coordinates[:2] == ((2, -1, -1, 0, -1, -1), (1, -1, -1, 1, -1, -1))
    value = skeleton.axis_functions(jnp.full((3, 6), 0.7))
    spline = simm_spline([-2.0, 0.0, 0.5, 1.0, 2.0], [0.1, 0.2, 0.1, 0.3, 0.0])
    expected = np.zeros((3, 6))
    expected[0, [0, 3]], expected[1, [0, 3]], expected[2, 0] = 0.7, (-0.7, 0.5 * spline(0.7)), -0.7
    np.testing.assert_allclose(value, expected, atol=1e-15)


def test_paths_are_padded_and_moving_and_conditional_points_indexed():
    model = build_model(leg_description())
    paths = model.muscles.paths
    assert paths.point_bodies == ((-1, 0, 0, 1),)
    assert paths.moving == ((0, 2),)
    assert paths.moving_coordinates == ((1, -1, 2),)
    assert paths.conditional == ((0, 1, 1),)
    assert paths.wraps == (((0, 2, 3),),)
    assert model.ligaments.paths.location.shape == (1, 2, 3)
    assert model.ligaments.paths.wraps == ((),)


def test_describe_undoes_build():
    model = build_model(leg_description())
    again = build_model(describe_model(model))
    assert jax.tree.structure(again) == jax.tree.structure(model)
    for name, old, new in zip(range(999), jax.tree.leaves(model), jax.tree.leaves(again)):
        np.testing.assert_array_equal(new, old, err_msg=str(name))
    assert describe_model(again) == describe_model(model)


def test_description_is_plain_data():
    def check(value):
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                check(item)
        else:
            assert value is None or type(value) in (str, int, float, bool)

    check(describe_model(build_model(leg_description())))


def test_functions_are_described_in_their_simplest_form():
    described = describe_model(build_model(leg_description()))
    knee = next(j for j in described["joints"] if j["name"] == "knee")
    assert knee["axes"][0]["function"] == {"kind": "linear", "slope": -1.0, "intercept": 0.0}
    assert knee["axes"][1]["function"] == {"kind": "constant", "value": 0.0}
    assert knee["axes"][3]["function"]["kind"] == "piecewise"


def test_model_without_muscles_contacts_or_markers():
    description = {
        "name": "pendulum",
        "gravity": [0.0, -9.81, 0.0],
        "bodies": [body("rod")],
        "joints": [joint("pin", "ground", "rod", [("angle", linear())])],
        "coordinates": [coordinate("angle")],
    }
    model = build_model(description)
    assert model.muscles.names == ()
    assert model.muscles.paths.location.shape == (0, 2, 3)
    assert describe_model(build_model(describe_model(model))) == describe_model(model)


def test_axes_become_unit_vectors():
    def lengthen(d):
        d["joints"][0]["axes"][0]["axis"] = [0.0, 3.0, 4.0]

    skeleton = build_model(_changed(lengthen)).skeleton
    np.testing.assert_allclose(skeleton.axes[1, 0], [0.0, 0.6, 0.8], rtol=1e-15)


def test_nested_curve_records_round_trip():
    def millard(d):
        d["muscle_curves"] = "millard2012"
        d["muscles"][0]["curves"] = {
            name: {key: float(value[0]) for key, value in vars(record).items()}
            if isinstance(record, eqx.Module)
            else float(record[0])
            for name, record in vars(Millard2012Curves.published(1)).items()
        }

    description = _changed(millard)
    described = describe_model(build_model(description))
    assert described["muscles"][0]["curves"] == description["muscles"][0]["curves"]
    assert described["muscle_curves"] == "millard2012"


def test_source_is_welcome_anywhere():
    def cite(value):
        if isinstance(value, dict):
            for inner in list(value.values()):
                cite(inner)
            if "conventions" not in value and "knee_flexion" not in value:
                value["source"] = "somebody (2020)"
        elif isinstance(value, list):
            for item in value:
                cite(item)

    cited = _changed(cite)
    assert describe_model(build_model(cited)) == describe_model(build_model(leg_description()))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda d: d.update(bodys=[]), ("the model", "unknown key 'bodys'", "bodies")),
        (lambda d: d["bodies"][0].update(masss=1.0), ("body 'shank'", "masss", "Did you mean")),
        (lambda d: d["bodies"][0].pop("mass"), ("body 'shank' has no `mass`",)),
        (lambda d: d["bodies"][0].update(mass=-1.0), ("body 'shank'", "`mass`", "-1.0")),
        (lambda d: d["bodies"][0].update(mass=math.nan), ("body 'shank'", "nan", "finite")),
        (lambda d: d["bodies"][0].update(mass="8"), ("body 'shank'", "must be a number", "'8'")),
        (lambda d: d["bodies"][0].update(mass=True), ("body 'shank'", "must be a number")),
        (lambda d: d["bodies"][0].update(mass_center=[0.0, 1.0]), ("must have 3 numbers; got 2",)),
        (lambda d: d["bodies"][0].update(inertia=[1, 1, -1, 0, 0, 0]), ("principal moment -1",)),
        (lambda d: d["bodies"][0].update(name="thigh"), ("More than one body", "'thigh'")),
        (lambda d: d["bodies"][0].update(name="ground"), ("'ground'",)),
        (lambda d: d["bodies"].append(body("toe")), ("'toe' is the child of no joint",)),
        (
            lambda d: d["joints"].append(joint("other", "ground", "shank")),
            ("'shank' is the child of", "'knee'", "'other'", "tree"),
        ),
        (
            lambda d: d["joints"][0].update(parent="thig"),
            ("joint 'knee'", "the body 'thig'", "Did you mean", "'thigh'"),
        ),
        (lambda d: d["joints"][2].update(parent="shank"), ("ring of joints",)),
        (lambda d: d["joints"][0]["axes"].pop(), ("joint 'knee'", "6 mappings; got 5")),
        (
            lambda d: d["joints"][0]["axes"][0].update(coordinate="knee"),
            ("joint 'knee', axis 0", "coordinate 'knee'", "knee_angle"),
        ),
        (
            lambda d: d["joints"][0]["axes"][0].update(coordinate=None),
            ("joint 'knee', axis 0", "not constant"),
        ),
        (
            lambda d: d["joints"][0]["axes"][0].update(axis=[0, 0, 0]),
            ("joint 'knee', axis 0", "zero"),
        ),
        (
            lambda d: d["joints"][0]["axes"][0]["function"].update(kind="cubic"),
            ("joint 'knee', axis 0, `function`", "'cubic'", "simm_spline"),
        ),
        (
            lambda d: d["joints"][0]["axes"][3]["function"].update(x=[0, 0, 1, 2, 3]),
            ("joint 'knee', axis 3, `function`", "increasing"),
        ),
        (
            lambda d: d["joints"][1]["axes"][1].update(coordinate="hip_flexion", function=linear()),
            ("'hip_flexion' moves", "'hip'", "'kneecap'", "exactly one joint"),
        ),
        (lambda d: d["coordinates"].append(coordinate("toe")), ("'toe' moves no joint",)),
        (lambda d: d["coordinates"][0].update(motion_type="turn"), ("'hip_tx'", "'turn'")),
        (lambda d: d["coordinates"][0].update(range=[1.0, 0.0]), ("'hip_tx'", "`range`", "swap")),
        (lambda d: d["coordinates"][0].update(locked=0), ("'hip_tx'", "true or false")),
        (
            lambda d: d["couplers"][0].update(independent="patella_angle"),
            ("depend on one coordinate only",),
        ),
        (lambda d: d["cylinders"][0].update(radius=0.0), ("cylinder 'condyle'", "positive")),
        (lambda d: d["cylinders"][0].update(quadrant="z"), ("cylinder 'condyle'", "'z'")),
        (lambda d: d.update(muscle_curves="hill"), ("`muscle_curves` is 'hill'",)),
        (
            lambda d: d["muscles"][0].update(optimal_fiber_length=0.0),
            ("muscle 'vasti'", "`optimal_fiber_length` is 0.0", "positive"),
        ),
        (
            lambda d: d["muscles"][0].update(max_isometric_force=-1.0),
            ("muscle 'vasti'", "`max_isometric_force`"),
        ),
        (
            lambda d: d["muscles"][0].update(min_activation=1.5),
            ("muscle 'vasti'", "`min_activation` 1.5 exceeds"),
        ),
        (
            lambda d: d["muscles"][0]["curves"].pop("fiber_damping"),
            ("muscle 'vasti', `curves` has no `fiber_damping`",),
        ),
        (
            lambda d: d["muscles"][0]["path"]["points"][3].update(body="shnak"),
            ("muscle 'vasti', `path`, point 3", "'shnak'", "'shank'"),
        ),
        (
            lambda d: d["muscles"][0]["path"]["points"][2].update(location=[0.0, 0.0, 0.0]),
            ("point 2", "unknown key 'location'"),
        ),
        (
            lambda d: d["muscles"][0]["path"].update(points=[]),
            ("muscle 'vasti', `path` has 0 points",),
        ),
        (
            lambda d: d["muscles"][0]["path"]["wraps"][0].update(cylinder="condle"),
            ("wrap 0", "cylinder 'condle'", "'condyle'"),
        ),
        (
            lambda d: d["muscles"][0]["path"]["wraps"][0].update(last=4),
            ("wrap 0", "point 2 to 4", "0 to 3"),
        ),
        (
            lambda d: d["muscles"][0]["path"].update(
                wraps=[{"cylinder": "condyle", "first": 0, "last": 1}] * 3
            ),
            ("3 cylinders; at most 2",),
        ),
        (lambda d: d["ligaments"][0].update(resting_length=0.0), ("ligament 'cruciate'",)),
        (lambda d: d["contacts"][0].update(radius=-0.1), ("contact 'heel'", "positive")),
        (lambda d: d["actuators"][0].update(kind="spring"), ("actuator 'hip_motor'", "'spring'")),
        (lambda d: d["actuators"][0].update(min_control=2.0), ("`min_control` 2.0 exceeds",)),
        (lambda d: d["markers"][0].update(body="tigh"), ("marker 'R.Knee'", "'thigh'")),
        (lambda d: d.update(gravity=9.81), ("`gravity` must be a list",)),
        (lambda d: d.update(version=2), ("version 2",)),
        (lambda d: d.update(format="osim"), ("`format` is 'osim'",)),
        (lambda d: d.update(bodies="thigh"), ("`bodies` must be a list",)),
        (lambda d: d.update(bodies=["thigh"]), ("body 0 must be a mapping",)),
        (lambda d: d.update(notes="none"), ("`notes` must be a list of texts",)),
    ],
)
def test_errors_say_what_where_and_what_to_do(change, words):
    _refused(change, *words)


def test_a_piecewise_function_must_be_consistent():
    def uneven(d):
        d["couplers"][0]["function"] = {
            "kind": "piecewise",
            "breaks": [0.0],
            "origin": [0.0],
            "coefficients": [[0.0, 1.0]],
        }

    _refused(uneven, "coupler 'patella_angle_follows_knee_angle', `function`", "1, 1 and 1")


def test_build_does_not_change_the_description():
    description = leg_description()
    before = copy.deepcopy(description)
    build_model(description)
    assert description == before
