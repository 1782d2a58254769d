"""The .osim reader on small files written here, and on whole models where they are at hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomech.dynamics.kinematics import pose
from biomech.formats import osim_document, xml_text
from biomech.formats.osim import (
    inspect_osim,
    load_osim,
    load_osim_bytes,
    read_osim,
    read_osim_bytes,
)
from biomech.model.names import BadInput
from osim_texts import (
    OLD_GROUND,
    SPLINE,
    axis,
    body,
    components,
    coordinate,
    document,
    geometry_path,
    joint,
    multiplied,
    muscle,
    named,
    object_set,
    offset,
    old_body,
    old_joint,
    path_point,
    path_wrap,
    pendulum,
    spatial_transform,
    wrap_cylinder,
)
from tables import read_table

POLYNOMIAL = (
    "<PolynomialFunction><coefficients>0.1 -0.2 0.3 0.05</coefficients></PolynomialFunction>"
)
PATH = geometry_path(
    path_point("a", "/ground", "0 0.5 0"), path_point("b", "/bodyset/rod", "0 -0.3 0.1")
)


def described(data: bytes) -> dict:
    """The description in a file in which nothing is refused."""
    osim = read_osim_bytes(data)
    assert osim.report.refused == []
    return osim.description


def refused(data: bytes) -> str:
    """What is refused; loading must name all of it."""
    lines = read_osim_bytes(data).report.refused
    assert lines
    with pytest.raises(BadInput) as error:
        load_osim_bytes(data, name="small.osim")
    assert all(line in str(error.value) for line in lines)
    assert "small.osim" in str(error.value)
    return "\n".join(lines)


def drivers(description: dict, index: int = 0) -> list:
    """Coordinate, direction and kind of function of each of a joint's axes that has one."""
    return [
        (a["coordinate"], a["axis"])
        for a in description["joints"][index]["axes"]
        if a["coordinate"] is not None
    ]


# --- joints and functions ---------------------------------------------------------------------

X, Y, Z = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "tag, directions, first_translation",
    [
        ("WeldJoint", [], 0),
        ("PinJoint", [Z], 1),
        ("SliderJoint", [X], 0),
        ("UniversalJoint", [X, Y], 2),
        ("GimbalJoint", [X, Y, Z], 3),
        ("PlanarJoint", [Z, X, Y], 1),
    ],
)
def test_simple_joints_are_spatial_transforms(tag, directions, first_translation):
    names = [f"q{i}" for i in range(len(directions))]
    data = document(
        object_set("BodySet", body("rod")),
        object_set("JointSet", joint(tag, "j", "/ground", "/bodyset/rod", names)),
    )
    description = described(data)
    assert drivers(description) == list(zip(names, directions, strict=True))
    kinds = ["rotational"] * first_translation
    kinds += ["translational"] * (len(names) - first_translation)
    assert [c["motion_type"] for c in description["coordinates"]] == kinds
    axes = [a["axis"] for a in description["joints"][0]["axes"]]
    assert abs(np.linalg.det(axes[:3])) == abs(np.linalg.det(axes[3:])) == 1.0
    load_osim_bytes(data)


def knee(function_of) -> str:
    """A knee-like transform; `function_of` turns a function into the flavour's text of it."""
    return spatial_transform(
        axis("rotation1", "-0.1 0.2 1", "flexion"),
        axis("rotation2", "0 1 0"),
        axis("rotation3", "1 0 0", "flexion", function_of(multiplied(SPLINE, 1.3))),
        axis("translation1", "1 0 0", "flexion", function_of(SPLINE)),
        axis("translation2", "0 1 0", "flexion", function_of(multiplied(POLYNOMIAL, -0.7))),
        axis("translation3", "0 0 1", "", function_of("<Constant><value>0.07</value></Constant>")),
    )


def test_functions():
    data = document(
        object_set("BodySet", body("rod")),
        object_set(
            "JointSet",
            joint("CustomJoint", "j", "/ground", "/bodyset/rod", ["flexion"], transform=knee(str)),
        ),
    )
    axes = described(data)["joints"][0]["axes"]
    assert [a["function"]["kind"] for a in axes] == [
        "linear",
        "constant",
        "simm_spline",
        "simm_spline",
        "polynomial",
        "constant",
    ]
    assert axes[2]["function"]["scale"] == 1.3
    assert axes[4]["function"]["coefficients"] == [0.05, 0.3, -0.2, 0.1]  # ascending
    assert axes[4]["function"]["scale"] == -0.7
    assert axes[5]["function"]["value"] == 0.07
    assert axes[0]["axis"] == [-0.1, 0.2, 1.0]


def test_nested_multipliers_multiply():
    nested = multiplied(multiplied(SPLINE, 2.0), 3.0)
    transform = spatial_transform(axis("rotation1", "0 0 1", "q", nested))
    data = document(
        object_set("BodySet", body("rod")),
        object_set(
            "JointSet",
            joint("CustomJoint", "j", "/ground", "/bodyset/rod", ["q"], transform=transform),
        ),
    )
    assert described(data)["joints"][0]["axes"][0]["function"]["scale"] == 6.0


def test_functions_named_after_their_property_read_alike():
    """OpenSim 4 writes `<SimmSpline name="function">`, OpenSim 3 `<function><SimmSpline>`."""
    old = axis("translation1", "1 0 0", "q", SPLINE)
    new = old.replace(f"<function>{SPLINE}</function>", named(SPLINE, "function"))
    assert new != old

    def read(text):
        transform = spatial_transform(axis("rotation1", "0 0 1", "q"), text)
        return described(
            document(
                object_set("BodySet", body("rod")),
                object_set(
                    "JointSet",
                    joint(
                        "CustomJoint", "j", "/ground", "/bodyset/rod", ["q"], transform=transform
                    ),
                ),
            )
        )

    assert read(old) == read(new)


def test_axes_may_come_in_any_order_and_be_left_out():
    transform = spatial_transform(
        axis("translation2", "0 1 0", "height"), axis("rotation1", "0 0 1", "tilt")
    )
    data = document(
        object_set("BodySet", body("rod")),
        object_set(
            "JointSet",
            joint(
                "CustomJoint",
                "j",
                "/ground",
                "/bodyset/rod",
                ["height", "tilt"],
                transform=transform,
            ),
        ),
    )
    description = described(data)
    assert drivers(description) == [("tilt", Z), ("height", Y)]
    assert [c["name"] for c in description["coordinates"]] == ["height", "tilt"]
    assert [c["motion_type"] for c in description["coordinates"]] == ["translational", "rotational"]


def test_format_3_and_format_4_give_one_description():
    muscle_of = {
        3: '<PathPoint name="{0}"><location>{2}</location><body>{1}</body></PathPoint>',
        4: '<PathPoint name="{0}"><socket_parent_frame>/bodyset/{1}</socket_parent_frame>'
        "<location>{2}</location></PathPoint>",
    }

    def force(version):
        points = [
            muscle_of[version].format("a", "thigh", "0 0.1 0"),
            muscle_of[version].format("b", "shank", "0.01 -0.2 0"),
        ]
        path = geometry_path(*points, wraps=path_wrap("condyle", "1 2"))
        return object_set("ForceSet", muscle("Thelen2003Muscle", "m", path))

    hip = spatial_transform(
        axis("rotation1", "0 0 1", "hip"), axis("rotation2", "0.1 1 0"), axis("rotation3", "1 0 0")
    )
    wraps = wrap_cylinder("condyle", quadrant="+x")
    old = document(
        object_set(
            "BodySet",
            OLD_GROUND,
            old_body("thigh", old_joint("CustomJoint", "hip", "ground", ["hip"], transform=hip)),
            old_body(
                "shank",
                old_joint("CustomJoint", "knee", "thigh", ["flexion"], transform=knee(str)),
                wraps=wraps,
            ),
            old_body("foot", old_joint("PinJoint", "ankle", "shank", ["ankle"])),
        ),
        force(3),
        version=30000,
    )
    new = document(
        object_set("BodySet", body("thigh"), body("shank", wraps=wraps), body("foot")),
        object_set(
            "JointSet",
            joint("CustomJoint", "hip", "/ground", "/bodyset/thigh", ["hip"], transform=hip),
            joint(
                "CustomJoint",
                "knee",
                "/bodyset/thigh",
                "/bodyset/shank",
                ["flexion"],
                transform=knee(str),
            ),
            joint("PinJoint", "ankle", "/bodyset/shank", "/bodyset/foot", ["ankle"]),
        ),
        force(4),
    )
    assert described(old) == described(new)
    assert described(new)["cylinders"][0]["quadrant"] == "x"
    load_osim_bytes(old)


def test_nested_offset_frames_reach_the_body():
    """A point and a joint in a frame in a frame: composed by hand with rotations about z."""
    quarter = str(np.pi / 2)
    inner = offset("one", "/bodyset/rod", "1 0 0", f"0 0 {quarter}") + offset(
        "two", "../one", "0 2 0", f"0 0 {quarter}"
    )
    marker = (
        '<Marker name="tip"><socket_parent_frame>/bodyset/rod/two</socket_parent_frame>'
        "<location>0.5 0 0</location></Marker>"
    )
    data = document(
        object_set("BodySet", body("rod", inner=inner), body("end")),
        object_set(
            "JointSet",
            joint("PinJoint", "j", "/ground", "/bodyset/rod", ["q"]),
            joint(
                "WeldJoint", "k", "/bodyset/rod/two", "/bodyset/end", at_parent=("0 0 0", "0 0 0")
            ),
        ),
        object_set("MarkerSet", marker),
    )
    description = described(data)
    assert description["markers"][0]["body"] == "rod"
    # one: at x 1, turned 90 degrees; two: at -x 2 of the rod from there, turned 180 in all.
    np.testing.assert_allclose(description["markers"][0]["location"], [-1.5, 0, 0], atol=1e-15)
    weld = description["joints"][1]
    assert weld["parent"] == "rod"
    np.testing.assert_allclose(weld["parent_position"], [-1.0, 0, 0], atol=1e-15)
    np.testing.assert_allclose(np.cos(weld["parent_orientation"][2]), -1.0, atol=1e-15)


def test_offset_rotation_at_ninety_degrees_about_y():
    inner = offset("one", "/bodyset/rod", "0 0 0", f"0.3 {np.pi / 2} 0.4") + offset("two", "../one")
    data = document(
        object_set("BodySet", body("rod", inner=inner), body("end")),
        object_set(
            "JointSet",
            joint("PinJoint", "j", "/ground", "/bodyset/rod", ["q"]),
            joint(
                "WeldJoint", "k", "/bodyset/rod/two", "/bodyset/end", at_parent=("0 0 0", "0 0 0")
            ),
        ),
    )
    from biomech.formats.osim_frames import rotation_matrix

    angles = described(data)["joints"][1]["parent_orientation"]
    expected = rotation_matrix([0.3, np.pi / 2, 0.4])
    np.testing.assert_allclose(rotation_matrix(angles), expected, atol=1e-15)


def test_coordinate_flags_ranges_and_names_left_out():
    text = coordinate("a", default=0.4, span="-inf 1").replace(
        "<locked>false", "<locked>true"
    ) + coordinate("b").replace("<clamped>false", "<clamped>TRUE")
    data = document(
        object_set("BodySet", body("rod")),
        object_set("JointSet", joint("PlanarJoint", "plane", "/ground", "/bodyset/rod", [text])),
    )
    a, b, c = described(data)["coordinates"]
    assert (a["default"], a["range"], a["locked"], a["clamped"]) == (
        0.4,
        [-np.inf, 1.0],
        True,
        False,
    )
    assert (b["locked"], b["clamped"]) == (False, True)
    assert c["name"] == "plane_coord_2"


@pytest.mark.parametrize(
    "span, sign", [("-0.2 2.1", "positive"), ("-2.1 0.2", "negative"), ("-2 2", None)]
)
def test_sign_of_knee_flexion_from_its_range(span, sign):
    data = document(
        object_set("BodySet", body("rod")),
        object_set(
            "JointSet",
            joint(
                "PinJoint", "k", "/ground", "/bodyset/rod", [coordinate("knee_angle_r", span=span)]
            ),
        ),
    )
    assert described(data)["conventions"].get("knee_flexion") == sign


def coupler(name="c", *, independent="a", dependent="b", extra="", scale=2.0) -> str:
    function = "<LinearFunction><coefficients>1 0.1</coefficients></LinearFunction>"
    return (
        f'<CoordinateCouplerConstraint name="{name}">{extra}<coupled_coordinates_function>'
        f"{function}"
        f"</coupled_coordinates_function><independent_coordinate_names>{independent}"
        f"</independent_coordinate_names><dependent_coordinate_name>{dependent}"
        f"</dependent_coordinate_name><scale_factor>{scale}</scale_factor>"
        "</CoordinateCouplerConstraint>"
    )


def two_pins(*extra: str) -> bytes:
    return document(
        object_set("BodySet", body("one"), body("two")),
        object_set(
            "JointSet",
            joint("PinJoint", "j", "/ground", "/bodyset/one", ["a"]),
            joint("PinJoint", "k", "/bodyset/one", "/bodyset/two", ["b"]),
        ),
        *extra,
    )


def test_couplers():
    data = two_pins(object_set("ConstraintSet", coupler()))
    assert described(data)["couplers"] == [
        {
            "name": "c",
            "dependent": "b",
            "independent": "a",
            "function": {"kind": "linear", "slope": 1.0, "intercept": 0.1, "scale": 2.0},
        }
    ]
    for off in ("<isEnforced>false</isEnforced>", "<isDisabled>true</isDisabled>"):
        osim = read_osim_bytes(two_pins(object_set("ConstraintSet", coupler(extra=off))))
        assert osim.description["couplers"] == []
        assert "'c' is not enforced" in osim.description["notes"][0]


# --- muscles and paths ------------------------------------------------------------------------


def with_muscles(*muscles: str, **parts) -> bytes:
    return pendulum(object_set("ForceSet", *muscles), **parts)


def test_millard_curves_with_opensims_automatic_values():
    curves = (
        '<FiberForceLengthCurve name="x"><strain_at_zero_force>0.1</strain_at_zero_force>'
        "<strain_at_one_norm_force>0.6</strain_at_one_norm_force></FiberForceLengthCurve>"
        '<TendonForceLengthCurve name="y"><strain_at_one_norm_force>0.033'
        "</strain_at_one_norm_force></TendonForceLengthCurve>"
        '<ActiveForceLengthCurve name="z"><minimum_value>0.2</minimum_value>'
        "</ActiveForceLengthCurve>"
        "<fiber_damping>0.01</fiber_damping>"
    )
    data = with_muscles(muscle("Millard2012EquilibriumMuscle", "m", PATH, curves))
    description = described(data)
    curves = description["muscles"][0]["curves"]
    assert description["muscle_curves"] == "millard2012"
    # The fitted values of OpenSim 4.6, printed by its own curve objects.
    assert curves["fiber_force_length"] == {
        "strain_at_zero_force": 0.1,
        "strain_at_one_norm_force": 0.6,
        "stiffness_at_low_force": 0.2,
        "stiffness_at_one_norm_force": pytest.approx(4.0),
        "curviness": 0.75,
    }
    assert curves["tendon_force_length"] == {
        "strain_at_one_norm_force": 0.033,
        "stiffness_at_one_norm_force": pytest.approx(1.375 / 0.033),
        "norm_force_at_toe_end": 2.0 / 3.0,
        "curviness": 0.5,
    }
    assert curves["active_force_length"]["minimum_value"] == 0.0  # the fiber is damped
    assert curves["active_force_length"]["transition_norm_fiber_length"] == 0.73
    assert curves["force_velocity"]["isometric_slope"] == 5.0
    assert curves["fiber_damping"] == 0.01
    m = load_osim_bytes(data).muscles
    assert float(m.curves.fiber_damping[0]) == 0.01


def test_class_defaults_and_the_defaults_section():
    defaults = muscle(
        "Thelen2003Muscle",
        "default",
        "",
        "<Flen>1.8</Flen><KshapePassive>4</KshapePassive><min_control>0.05</min_control>"
        "<max_contraction_velocity>12</max_contraction_velocity>",
    )
    own = muscle("Thelen2003Muscle", "m", PATH, "<Flen>1.6</Flen>")
    bare = f'<Thelen2003Muscle name="n">{PATH}</Thelen2003Muscle>'
    m, n = described(with_muscles(own, bare, defaults=defaults))["muscles"]
    assert m["curves"]["Flen"] == 1.6
    assert m["curves"]["KshapePassive"] == n["curves"]["KshapePassive"] == 4.0
    assert n["curves"]["Flen"] == 1.8
    assert n["max_isometric_force"] == 700.0
    assert m["max_contraction_velocity"] == 12.0
    assert m["min_activation"] == 0.05
    (plain,) = described(with_muscles(bare))["muscles"]
    assert plain == {
        "name": "n",
        "max_isometric_force": 1000.0,
        "optimal_fiber_length": 0.1,
        "tendon_slack_length": 0.2,
        "pennation_angle": 0.0,
        "max_contraction_velocity": 10.0,
        "min_activation": 0.01,
        "max_activation": 1.0,
        "curves": {
            "FmaxTendonStrain": 0.04,
            "FmaxMuscleStrain": 0.6,
            "KshapeActive": 0.45,
            "KshapePassive": 5.0,
            "Af": 0.25,
            "Flen": 1.4,
            "fv_linear_extrap_threshold": 0.95,
        },
        "path": m["path"],
    }


def test_degroote_fregly_muscle():
    properties = (
        "<max_control>0.9</max_control><pennation_angle_at_optimal>0.2</pennation_angle_at_optimal>"
        "<ignore_tendon_compliance>true</ignore_tendon_compliance>"
        "<active_force_width_scale>1.5</active_force_width_scale>"
    )
    data = with_muscles(muscle("DeGrooteFregly2016Muscle", "m", PATH, properties))
    osim = read_osim_bytes(data)
    (m,) = osim.description["muscles"]
    assert osim.description["muscle_curves"] == "degrootefregly2016"
    assert (m["min_activation"], m["max_activation"], m["pennation_angle"]) == (0.0, 0.9, 0.2)
    assert m["curves"] == {
        "active_force_width_scale": 1.5,
        "fiber_damping": 0.0,
        "passive_fiber_strain_at_one_norm_force": 0.6,
        "tendon_strain_at_one_norm_force": 0.049,
    }
    assert "ignore_tendon_compliance in the file: m." in osim.description["notes"][0]
    load_osim_bytes(data)


def test_the_lower_activation_bound_is_the_larger_of_control_and_activation():
    text = "<min_control>0</min_control><minimum_activation>0.02</minimum_activation>"
    (m,) = described(with_muscles(muscle("Thelen2003Muscle", "m", PATH, text)))["muscles"]
    assert m["min_activation"] == 0.02


def test_conditional_and_moving_points_in_both_flavours():
    new = (
        '<ConditionalPathPoint name="c"><socket_parent_frame>/bodyset/rod</socket_parent_frame>'
        "<location>0 0 0.1</location><socket_coordinate>/jointset/pin/angle</socket_coordinate>"
        "<range>-1 0.5</range></ConditionalPathPoint>"
        '<MovingPathPoint name="v"><socket_parent_frame>/bodyset/rod</socket_parent_frame>'
        "<socket_x_coordinate>/jointset/pin/angle</socket_x_coordinate>"
        "<socket_y_coordinate>/jointset/pin/angle</socket_y_coordinate>"
        f"<x_location>{multiplied(SPLINE, 1.1)}</x_location>"
        f"{named(SPLINE, 'y_location')}"
        "<z_location><Constant><value>0.2</value></Constant></z_location></MovingPathPoint>"
    )
    old = (
        '<ConditionalPathPoint name="c"><body>rod</body><location>0 0 0.1</location>'
        "<coordinate>angle</coordinate><range>-1 0.5</range></ConditionalPathPoint>"
        '<MovingPathPoint name="v"><location>9 9 9</location><body>rod</body>'
        f"<x_location>{multiplied(SPLINE, 1.1)}</x_location><x_coordinate>angle</x_coordinate>"
        f"<y_location>{SPLINE}</y_location><y_coordinate>angle</y_coordinate>"
        "<z_location><Constant><value>0.2</value></Constant></z_location></MovingPathPoint>"
    )
    ends = path_point("a", "/ground", "0 1 0"), path_point("b", "/bodyset/rod", "0 0 0")

    def points(middle):
        path = geometry_path(ends[0], middle, ends[1])
        data = with_muscles(muscle("Thelen2003Muscle", "m", path))
        load_osim_bytes(data)
        return described(data)["muscles"][0]["path"]["points"]

    assert points(new) == points(old)
    _, conditional, moving, _ = points(new)
    assert conditional["condition"] == {"coordinate": "angle", "range": [-1.0, 0.5]}
    assert [m["coordinate"] for m in moving["moving"]] == ["angle", "angle", None]
    assert moving["moving"][0]["function"]["scale"] == 1.1


@pytest.mark.parametrize(
    "span, first, last", [("-1 -1", 0, 3), ("2 3", 1, 2), ("-1 2", 0, 1), ("3 -1", 2, 3)]
)
def test_wrap_ranges_count_all_points_from_one(span, first, last):
    points = [path_point(f"p{i}", "/bodyset/rod", f"0 {i} 0") for i in range(4)]
    path = geometry_path(*points, wraps=path_wrap("drum", span))
    data = with_muscles(muscle("Thelen2003Muscle", "m", path), wraps=wrap_cylinder("drum"))
    wraps = described(data)["muscles"][0]["path"]["wraps"]
    assert wraps == [{"cylinder": "drum", "first": first, "last": last}]


def test_unused_and_inactive_cylinders_are_left_out_with_a_word():
    points = [path_point(f"p{i}", "/bodyset/rod", f"0 {i} 0") for i in range(2)]
    path = geometry_path(*points, wraps=path_wrap("off") + path_wrap("drum"))
    wraps = (
        wrap_cylinder("off", active="false")
        + wrap_cylinder("drum", quadrant="-y")
        + wrap_cylinder("spare")
        + '<WrapEllipsoid name="egg"/>'
    )
    osim = read_osim_bytes(with_muscles(muscle("Thelen2003Muscle", "m", path), wraps=wraps))
    assert [c["name"] for c in osim.description["cylinders"]] == ["drum"]
    assert len(osim.description["muscles"][0]["path"]["wraps"]) == 1
    assert "'off' is not active" in osim.report.notes[0]
    assert any("'spare': no path" in line for line in osim.report.ignored)
    assert any("'egg': no path" in line for line in osim.report.ignored)


# --- other forces -----------------------------------------------------------------------------

CONTACT = object_set(
    "ContactGeometrySet",
    '<ContactHalfSpace name="floor"><socket_frame>/ground</socket_frame>'
    "<location>0 0.1 0</location><orientation>0 0 -1.5707963</orientation></ContactHalfSpace>",
    '<ContactSphere name="heel"><socket_frame>/bodyset/rod</socket_frame>'
    "<location>0.1 0 0</location><radius>0.03</radius></ContactSphere>",
)
CONTACT_FORCE = (
    '<SmoothSphereHalfSpaceForce name="heel_force">'
    "<socket_sphere>/contactgeometryset/heel</socket_sphere>"
    "<socket_half_space>/contactgeometryset/floor</socket_half_space>"
    "<stiffness>1e6</stiffness></SmoothSphereHalfSpaceForce>"
)
LIGAMENT = (
    f'<Ligament name="band">{PATH}<resting_length>0.7</resting_length><pcsa_force>70</pcsa_force>'
    f"{named(SPLINE, 'force_length_curve')}</Ligament>"
)
ACTUATORS = (
    '<CoordinateActuator name="motor"><coordinate>angle</coordinate>'
    "<optimal_force>50</optimal_force></CoordinateActuator>"
    '<ActivationCoordinateActuator name="slow"><min_control>-1</min_control>'
    "<max_control>1</max_control><coordinate>angle</coordinate><optimal_force>150</optimal_force>"
    "<activation_time_constant>0.035</activation_time_constant></ActivationCoordinateActuator>"
)


def test_forces_in_a_set_or_straight_under_components():
    forces = muscle("DeGrooteFregly2016Muscle", "m", PATH), CONTACT_FORCE, LIGAMENT, ACTUATORS
    in_set = pendulum(CONTACT, object_set("ForceSet", *forces))
    loose = pendulum(CONTACT, components(*forces))
    description = described(loose)
    assert description == described(in_set)
    assert description["contacts"] == [
        {
            "name": "heel_force",
            "body": "rod",
            "location": [0.1, 0.0, 0.0],
            "radius": 0.03,
            "half_space_position": [0.0, 0.1, 0.0],
            "half_space_orientation": [0.0, 0.0, -1.5707963],
            "stiffness": 1e6,
            "dissipation": 0.0,
            "static_friction": 0.0,
            "dynamic_friction": 0.0,
            "viscous_friction": 0.0,
            "transition_velocity": 0.01,
            "constant_contact_force": 1e-5,
            "hertz_smoothing": 300.0,
            "hunt_crossley_smoothing": 50.0,
        }
    ]
    assert description["ligaments"][0]["curve"]["kind"] == "simm_spline"
    assert description["ligaments"][0]["resting_length"] == 0.7
    motor, slow = description["actuators"]
    assert (motor["min_control"], motor["max_control"]) == (-np.inf, np.inf)
    assert (slow["min_control"], slow["optimal_force"], slow["kind"]) == (-1.0, 150.0, "motor")
    load_osim_bytes(loose)


def test_a_planar_model_with_bodies_and_joints_under_components():
    """The shape of 2-D gait models: PlanarJoint, pins, weld; everything loose under the model."""
    leg = [
        joint("PlanarJoint", "groundPelvis", "/ground", "/pelvis", ["tilt", "tx", "ty"]),
        joint("PinJoint", "hip_r", "/pelvis", "/femur_r", ["hip_flexion_r"]),
        joint("WeldJoint", "toes", "/femur_r", "/toes_r"),
    ]
    path = geometry_path(path_point("a", "/pelvis", "0 0 0"), path_point("b", "/femur_r", "0 0 0"))
    data = document(
        components(
            body("pelvis"),
            body("femur_r"),
            body("toes_r"),
            *leg,
            muscle("DeGrooteFregly2016Muscle", "hamstrings_r", path),
        )
    )
    description = described(data)
    assert [len(description[k]) for k in ("bodies", "joints", "coordinates", "muscles")] == [
        3,
        3,
        4,
        1,
    ]
    load_osim_bytes(data)


def test_forces_switched_off_or_not_simulated_are_named():
    forces = (
        muscle("Thelen2003Muscle", "off", PATH, "<appliesForce>false</appliesForce>"),
        muscle("Thelen2003Muscle", "old_off", PATH, "<isDisabled>true</isDisabled>"),
        '<CoordinateLimitForce name="stop"/>',
        '<BushingForce name="disc"/>',
    )
    osim = read_osim_bytes(with_muscles(*forces))
    assert osim.description["muscles"] == []
    notes = " ".join(osim.description["notes"])
    assert "'off' is switched off" in notes and "'old_off' is switched off" in notes
    assert osim.report.not_simulated == ["CoordinateLimitForce 'stop'", "BushingForce 'disc'"]
    assert "Not simulated: CoordinateLimitForce 'stop', BushingForce 'disc'." in notes
    assert load_osim_bytes(with_muscles(*forces)).notes == tuple(osim.description["notes"])


# --- what is refused, by name -----------------------------------------------------------------

SPHERE_PATH = geometry_path(
    path_point("a", "/ground", "0 1 0"),
    path_point("b", "/bodyset/rod", "0 0 0"),
    wraps=path_wrap("ball"),
)


@pytest.mark.parametrize(
    "data, words",
    [
        (
            document(
                object_set("BodySet", body("rod")),
                object_set("JointSet", joint("BallJoint", "hip", "/ground", "/bodyset/rod", ["a"])),
            ),
            ["BallJoint 'hip'", "CustomJoint"],
        ),
        (document(object_set("BodySet", body("loose"))), ["Body 'loose'", "no joint"]),
        (
            document(
                object_set("BodySet", body("rod")),
                object_set(
                    "JointSet",
                    joint("PinJoint", "j", "/ground", "/bodyset/rod", ["a"]),
                    joint("PinJoint", "k", "/ground", "/bodyset/rod", ["b"]),
                ),
            ),
            ["'k'", "already the child of 'j'"],
        ),
        (
            document(
                object_set("BodySet", body("rod")),
                object_set("JointSet", joint("PinJoint", "j", "/bodyset/rod", "/ground", ["a"])),
            ),
            ["PinJoint 'j'", "child is ground"],
        ),
        (
            two_pins(object_set("ConstraintSet", '<WeldConstraint name="w"/>')),
            ["WeldConstraint 'w'", "CoordinateCouplerConstraint"],
        ),
        (
            two_pins(
                object_set("ConstraintSet", coupler(), coupler("d", independent="b", dependent="a"))
            ),
            ["'d'", "itself dependent"],
        ),
        (
            two_pins(object_set("ConstraintSet", coupler(independent="a b"))),
            ["CoordinateCouplerConstraint 'c'", "2 independent"],
        ),
        (
            document(
                object_set("BodySet", body("rod")),
                object_set(
                    "JointSet",
                    joint(
                        "PinJoint",
                        "j",
                        "/ground",
                        "/bodyset/rod",
                        [coordinate("a").replace("<prescribed>false", "<prescribed>true")],
                    ),
                ),
            ),
            ["Coordinate 'a'", "prescribed"],
        ),
        (
            document(
                object_set("BodySet", body("rod")),
                object_set(
                    "JointSet",
                    joint(
                        "CustomJoint",
                        "j",
                        "/ground",
                        "/bodyset/rod",
                        ["a"],
                        transform=spatial_transform(
                            axis("rotation1", "1 0 0", "a", "<GCVSpline></GCVSpline>"),
                            axis("rotation2", "0 1 0", "a b"),
                        ),
                    ),
                ),
            ),
            [
                "CustomJoint 'j'",
                "rotation1: GCVSpline",
                "rotation2 depends on 2 coordinates (a, b)",
            ],
        ),
        (
            with_muscles(
                muscle("Thelen2003Muscle", "m", SPHERE_PATH), wraps='<WrapSphere name="ball"/>'
            ),
            ["Thelen2003Muscle 'm'", "WrapSphere 'ball'"],
        ),
        (
            with_muscles(
                muscle("Thelen2003Muscle", "m", SPHERE_PATH),
                wraps=wrap_cylinder("ball", quadrant="z"),
            ),
            ["WrapCylinder 'ball'", "quadrant is 'z'"],
        ),
        (
            with_muscles(muscle("Thelen2003Muscle", "m", '<FunctionBasedPath name="path"/>')),
            ["Thelen2003Muscle 'm'", "FunctionBasedPath", "GeometryPath"],
        ),
        (
            with_muscles(muscle("Schutte1993Muscle_Deprecated", "m", PATH)),
            ["Schutte1993Muscle_Deprecated 'm'", "Millard2012EquilibriumMuscle"],
        ),
        (
            with_muscles(
                muscle("Thelen2003Muscle", "m", PATH), muscle("DeGrooteFregly2016Muscle", "n", PATH)
            ),
            ["Thelen2003Muscle 'm'", "DeGrooteFregly2016Muscle 'n'", "one type"],
        ),
        (with_muscles('<MyPluginThing name="x"/>'), ["MyPluginThing 'x'"]),
        (
            pendulum(
                CONTACT.replace("/ground", "/bodyset/rod"), object_set("ForceSet", CONTACT_FORCE)
            ),
            ["heel_force", "must be in ground"],
        ),
    ],
)
def test_unsupported_parts_are_refused_by_name(data, words):
    text = refused(data)
    for word in words:
        assert word in text


# --- broken input -----------------------------------------------------------------------------


def edited(old: str, new: str) -> bytes:
    """A good file with one thing wrong."""
    path = geometry_path(
        path_point("a", "/ground", "0 1 0"),
        path_point("b", "/bodyset/rod", "0 0 0"),
        wraps=path_wrap("drum"),
    )
    data = two_pins_with_everything(path)
    assert data.count(old.encode()), old
    return data.replace(old.encode(), new.encode(), 1)


def two_pins_with_everything(path: str) -> bytes:
    return pendulum(
        object_set("ForceSet", muscle("Thelen2003Muscle", "m", path), ACTUATORS, CONTACT_FORCE),
        CONTACT,
        object_set(
            "MarkerSet",
            '<Marker name="tip"><socket_parent_frame>/bodyset/rod</socket_parent_frame>'
            "<location>0 -0.5 0</location></Marker>",
        ),
        wraps=wrap_cylinder("drum"),
    )


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("<mass>2.0</mass>", "<mass>-2</mass>", ["Body 'rod'", "<mass>", "negative"]),
        ("<mass>2.0</mass>", "<mass>nan</mass>", ["Body 'rod'", "<mass>", "'nan'", "finite"]),
        ("<mass>2.0</mass>", "<mass>1e999</mass>", ["Body 'rod'", "<mass>", "finite"]),
        ("<mass>2.0</mass>", "<mass>1_0</mass>", ["Body 'rod'", "'1_0'"]),
        ("<mass>2.0</mass>", "<masse>2.0</masse>", ["Body 'rod'", "<mass>", "masse"]),
        (">0.01 -0.2 0.02<", ">0.01 -0.2<", ["Body 'rod'", "mass_center", "3 numbers", "2"]),
        ("/bodyset/rod", "/bodyset/rood", ["PhysicalOffsetFrame 'pin_in_child'", "rood", "rod"]),
        (
            "/bodyset/rod</socket_parent_frame>",
            "/bodyset/x</socket_parent_frame>",
            ["'b'", "/bodyset/x"],
        ),
        (
            "<coordinate>angle<",
            "<coordinate>angel<",
            ["CoordinateActuator 'motor'", "angel", "angle"],
        ),
        ("<clamped>false", "<clamped>perhaps", ["Coordinate 'angle'", "<clamped>", "perhaps"]),
        ("<range>-2 2</range>", "<range>2 -2</range>", ["Coordinate 'angle'", "<range>"]),
        ("<wrap_object>drum", "<wrap_object>drun", ["'m'", "drun", "drum"]),
        ("<range>-1 -1<", "<range>2 1<", ["PathWrap", "2 1"]),
        ("<range>-1 -1<", "<range>1 7<", ["PathWrap", "1 7"]),
        ("<range>-1 -1<", "<range>1 1.5<", ["PathWrap", "whole"]),
        ("<radius>0.03", "<radius>0", ["radius", "positive"]),
        ("<optimal_fiber_length>0.09", "<optimal_fiber_length>0", ["'m'", "optimal_fiber_length"]),
        ("contactgeometryset/heel<", "contactgeometryset/heal<", ["heel_force", "heal", "heel"]),
        ("<length_units>meters", "<length_units>millimeters", ["length_units", "meters"]),
        ('Version="40500"', 'Version="10904"', ["10904", "save it again"]),
        ('Version="40500"', 'Version="four"', ["Version", "four"]),
        ('<ForceSet name="forceset">', '<ForceSet file="../x.xml">', ["../x.xml", "not opened"]),
        ('<Marker name="tip">', '<Marker name="">', ["marker", "no name"]),
        ('name="slow"', 'name="motor"', ["2 of the actuator names are 'motor'"]),
        ("</Model>", "", ["not well-formed", "line"]),
    ],
)
def test_bad_input_says_what_and_where(old, new, words):
    with pytest.raises(BadInput) as error:
        read_osim_bytes(edited(old, new), name="small.osim")
    for word in ["small.osim", *words]:
        assert word in str(error.value)


def test_broken_xml_names_the_line():
    data = b"<?xml version='1.0'?>\n<OpenSimDocument Version='40000'>\n<Model>\n</Modell>\n"
    with pytest.raises(BadInput, match=r"line 4, column"):
        read_osim_bytes(data)


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"<a/>", b"not xml", "<Modèle/>".encode("latin-1")]
)
def test_what_is_no_model_is_bad_input(data):
    with pytest.raises(BadInput):
        read_osim_bytes(data)


def test_a_force_set_file_is_not_a_model():
    data = b"<OpenSimDocument Version='40600'><ForceSet><objects/></ForceSet></OpenSimDocument>"
    with pytest.raises(BadInput, match="<ForceSet> but no <Model>"):
        read_osim_bytes(data)


def test_rings_of_joints_are_bad_input():
    data = document(
        object_set("BodySet", body("one"), body("two")),
        object_set(
            "JointSet",
            joint("PinJoint", "j", "/bodyset/two", "/bodyset/one", ["a"]),
            joint("PinJoint", "k", "/bodyset/one", "/bodyset/two", ["b"]),
        ),
    )
    with pytest.raises(BadInput, match="ring of joints"):
        read_osim_bytes(data)


def test_frames_that_stand_in_each_other_are_bad_input():
    inner = offset("one", "../two") + offset("two", "../one")
    data = document(
        object_set("BodySet", body("rod", inner=inner)),
        object_set("JointSet", joint("PinJoint", "j", "/ground", "/bodyset/rod/one", ["a"])),
    )
    with pytest.raises(BadInput, match="in itself"):
        read_osim_bytes(data)


def test_a_long_chain_of_frames_ends_in_bad_input():
    inner = offset("f0", "/bodyset/rod") + "".join(
        offset(f"f{i}", f"../f{i - 1}") for i in range(1, 3000)
    )
    data = document(
        object_set("BodySet", body("rod", inner=inner)),
        object_set("JointSet", joint("PinJoint", "j", "/ground", "/bodyset/rod/f2999", ["a"])),
    )
    with pytest.raises(BadInput, match="nested frames"):
        read_osim_bytes(data)


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="There is no file"):
        read_osim(tmp_path / "none.osim")
    with pytest.raises(BadInput, match="is a folder; name a file"):
        read_osim(tmp_path)


def test_broken_xml_is_placed_once():
    with pytest.raises(BadInput) as error:
        read_osim_bytes(b"<a>\n<b></a>", name="small.osim")
    said = "small.osim is not well-formed XML at line 2, column 6: mismatched tag."
    assert str(error.value) == said


# --- safety -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE Model SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
def test_document_types_and_entities_are_refused(prolog):
    text = (
        f"<?xml version='1.0'?>{prolog}<OpenSimDocument Version='40000'><Model/></OpenSimDocument>"
    )
    with pytest.raises(BadInput, match="document type or an entity"):
        read_osim_bytes(text.encode())


def test_depth_count_and_size_are_bounded(monkeypatch):
    deep = (
        b"<OpenSimDocument Version='40000'>" + b"<a>" * 200 + b"</a>" * 200 + b"</OpenSimDocument>"
    )
    with pytest.raises(BadInput, match="nested more than"):
        read_osim_bytes(deep)
    monkeypatch.setattr(xml_text, "MAX_ELEMENTS", 10)
    with pytest.raises(BadInput, match="more than 10 elements"):
        read_osim_bytes(pendulum())
    monkeypatch.setattr(osim_document, "MAX_BYTES", 100)
    with pytest.raises(BadInput, match="larger than"):
        read_osim_bytes(pendulum())


WHOLE = two_pins_with_everything(
    geometry_path(
        path_point("a", "/ground", "0 1 0"),
        path_point("b", "/bodyset/rod", "0 0 0"),
        wraps=path_wrap("drum"),
    )
).replace(b"><", b">\n<")
LINES = WHOLE.split(b"\n")
SCRAPS = [b"", b"nan", b"-1", b"1e400", b"0 0", b"<a/>", b"ground", b"/", b"..", b"rod", b"\xff"]


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(data=st.data())
def test_mutated_files_are_read_or_refused_in_words(data):
    """Lines dropped, doubled, swapped and texts replaced: a result or `BadInput`, nothing else."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(st.sampled_from(["drop", "double", "swap", "text", "byte"]))
        if how == "drop":
            del lines[i]
        elif how == "double":
            lines.insert(i, lines[i])
        elif how == "swap":
            j = data.draw(st.integers(0, len(lines) - 1))
            lines[i], lines[j] = lines[j], lines[i]
        elif how == "text" and b">" in lines[i][:-1]:
            start, end = lines[i].index(b">") + 1, lines[i].rindex(b"<")
            lines[i] = lines[i][:start] + data.draw(st.sampled_from(SCRAPS)) + lines[i][end:]
        else:
            at = data.draw(st.integers(0, max(len(lines[i]) - 1, 0)))
            lines[i] = lines[i][:at] + data.draw(st.binary(max_size=3)) + lines[i][at + 1 :]
    try:
        read_osim_bytes(b"\n".join(lines))
    except BadInput as error:
        assert str(error)


# --- for people -------------------------------------------------------------------------------


def test_inspection_names_what_is_used_and_what_is_not(tmp_path):
    path = tmp_path / "small.osim"
    forces = (
        muscle("Thelen2003Muscle", "pull", SPHERE_PATH),
        '<BushingForce name="disc"/>',
        ACTUATORS,
    )
    wraps = '<WrapSphere name="ball"/>' + wrap_cylinder("spare")
    probe = object_set("ProbeSet", '<Umberger2010MuscleMetabolicsProbe name="cost"/>')
    path.write_bytes(pendulum(object_set("ForceSet", *forces), probe, wraps=wraps))
    text = inspect_osim(path)
    for word in (
        "small.osim",
        "format version 40500",
        "mass 2.00 kg",
        "CANNOT BE USED",
        "WrapSphere 'ball'",
        "1 PinJoint",
        "angle ",
        "rad",
        "pull",
        "BushingForce 'disc'",
        "WrapCylinder 'spare'",
        "Umberger2010MuscleMetabolicsProbe 'cost'",
        "no markers",
    ):
        assert word in text
    assert str(tmp_path) not in text


# --- whole models -----------------------------------------------------------------------------


def counts(description: dict) -> dict[str, int]:
    return {key: len(value) for key, value in description.items() if isinstance(value, list)}


def test_walk3d_subject(walk3d):
    osim = read_osim(walk3d / "subject_walk_scaled.osim")
    found = counts(osim.description)
    assert osim.report.refused == osim.report.not_simulated == []
    assert (found["bodies"], found["coordinates"], found["muscles"]) == (22, 33, 80)
    assert (found["actuators"], found["couplers"], found["cylinders"]) == (13, 2, 42)
    assert osim.report.read["WrapCylinder"] == 44
    assert sum(b["mass"] for b in osim.description["bodies"]) == pytest.approx(85.27, abs=5e-3)
    assert osim.description["conventions"] == {"knee_flexion": "positive"}
    assert osim.report.read["PinJoint"] == 8 and osim.report.read["WeldJoint"] == 4
    spans = {
        (m["name"], w["first"], w["last"])
        for m in osim.description["muscles"]
        for w in m["path"]["wraps"]
        if m["name"] in ("iliacus_r", "psoas_r")
    }
    assert spans == {("iliacus_r", 1, 2), ("psoas_r", 1, 2)}


def test_rajagopal_model(rajagopal):
    osim = read_osim(rajagopal / "RajagopalLaiUhlrich2023.osim")
    found = counts(osim.description)
    assert osim.report.refused == []
    assert (found["coordinates"], found["muscles"], osim.report.read["WrapCylinder"]) == (
        39,
        80,
        44,
    )
    assert osim.report.read["UniversalJoint"] == 2
    assert sum(c["locked"] for c in osim.description["coordinates"]) == 8
    model = load_osim(rajagopal / "RajagopalLaiUhlrich2023.osim")
    assert len(model.skeleton.coordinates.free) == 39 - 8 - 2


def test_dhondt_model(dhondt2024):
    osim = read_osim(dhondt2024 / "DHondt_et_al_2024_4seg.osim")
    found = counts(osim.description)
    assert osim.report.refused == []
    assert (found["bodies"], found["coordinates"], found["muscles"]) == (24, 33, 94)
    assert (found["ligaments"], found["contacts"], found["actuators"]) == (26, 10, 8)
    assert osim.report.read["ConditionalPathPoint"] == 26
    assert osim.report.read["MovingPathPoint"] == 8
    assert found["cylinders"] == 2
    assert osim.description["muscle_curves"] == "thelen2003"
    assert osim.description["conventions"] == {"knee_flexion": "negative"}
    assert sum(b["mass"] for b in osim.description["bodies"]) == pytest.approx(62.0, abs=0.01)


@pytest.mark.parametrize("which", ["walk3d", "dhondt2024"])
def test_bodies_stand_where_opensim_puts_them(which, request):
    """All bodies at all states; the tables have 10 significant digits."""
    folder = request.getfixturevalue(which)
    tables = folder / ("oracle_states" if which == "walk3d" else "oracle")
    skeleton = load_osim(next(folder.glob("*.osim"))).skeleton
    state = read_table(tables / "state_q.csv.gz")
    expected = read_table(tables / "body_pose.csv.gz")
    value = jnp.asarray(state[list(skeleton.coordinates.names)].to_numpy())
    now = jax.jit(jax.vmap(lambda q: pose(skeleton, q)))(value)
    for i, name in enumerate(skeleton.body_names):
        columns = [
            c for c in expected.columns if c.startswith(f"{name}_") or c.startswith(f"{name}:")
        ]
        assert len(columns) == 12, columns
        ours = np.concatenate([now.position[:, i], now.rotation[:, i].reshape(-1, 9)], axis=1)
        np.testing.assert_allclose(ours, expected[columns].to_numpy(), atol=5e-9)
