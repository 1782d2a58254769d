"""Small .osim files as text, in the flavours OpenSim 3 and OpenSim 4 write."""

from collections.abc import Iterable

ZERO = "0 0 0"
AXES = ("rotation1", "rotation2", "rotation3", "translation1", "translation2", "translation3")


def document(*parts: str, version: int = 40500, name: str = "model", defaults: str = "") -> bytes:
    """A whole file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?>\n<OpenSimDocument Version="{version}">\n'
        f'<Model name="{name}">\n<defaults>{defaults}</defaults>\n<gravity>0 -9.80665 0</gravity>\n'
        "<length_units>meters</length_units>\n<force_units>N</force_units>\n"
        + "\n".join(parts)
        + "\n</Model>\n</OpenSimDocument>\n"
    ).encode()


def object_set(tag: str, *objects: str) -> str:
    """A set, e.g. `<BodySet name="bodyset"><objects>...`."""
    return f'<{tag} name="{tag.lower()}"><objects>{"".join(objects)}</objects><groups/></{tag}>'


def components(*objects: str) -> str:
    """Objects directly under the model."""
    return f"<components>{''.join(objects)}</components>"


def body(name: str, *, mass: float = 2.0, wraps: str = "", inner: str = "") -> str:
    """A body as OpenSim 4 writes it."""
    return (
        f'<Body name="{name}"><components>{inner}</components>'
        f'<WrapObjectSet name="wrapobjectset"><objects>{wraps}</objects></WrapObjectSet>'
        f"<mass>{mass}</mass><mass_center>0.01 -0.2 0.02</mass_center>"
        "<inertia>0.03 0.02 0.04 0.001 0 0.002</inertia></Body>"
    )


def old_body(name: str, joint: str, *, wraps: str = "") -> str:
    """A body as OpenSim 3 writes it, with its joint inside."""
    return (
        f'<Body name="{name}"><mass>2</mass><mass_center>0.01 -0.2 0.02</mass_center>'
        "<inertia_xx>0.03</inertia_xx><inertia_yy>0.02</inertia_yy><inertia_zz>0.04</inertia_zz>"
        "<inertia_xy>0.001</inertia_xy><inertia_xz>0</inertia_xz><inertia_yz>0.002</inertia_yz>"
        f"<Joint>{joint}</Joint>"
        f"<WrapObjectSet><objects>{wraps}</objects></WrapObjectSet></Body>"
    )


OLD_GROUND = (
    '<Body name="ground"><mass>0</mass><mass_center>0 0 0</mass_center><inertia_xx>0</inertia_xx>'
    "<inertia_yy>0</inertia_yy><inertia_zz>0</inertia_zz><inertia_xy>0</inertia_xy>"
    "<inertia_xz>0</inertia_xz><inertia_yz>0</inertia_yz><Joint /></Body>"
)


def coordinate(name: str, *, default: float = 0.0, span: str = "-2 2", extra: str = "") -> str:
    """A coordinate."""
    return (
        f'<Coordinate name="{name}"><default_value>{default}</default_value>'
        f"<range>{span}</range><clamped>false</clamped><locked>false</locked>"
        f"<prescribed_function /><prescribed>false</prescribed>{extra}</Coordinate>"
    )


def offset(name: str, parent: str, translation: str = ZERO, orientation: str = ZERO) -> str:
    """An offset frame."""
    return (
        f'<PhysicalOffsetFrame name="{name}"><socket_parent>{parent}</socket_parent>'
        f"<translation>{translation}</translation><orientation>{orientation}</orientation>"
        "</PhysicalOffsetFrame>"
    )


def joint(
    tag: str,
    name: str,
    parent: str,
    child: str,
    coordinates: Iterable[str] = (),
    *,
    at_parent: tuple[str, str] = ("0.1 -0.2 0.3", "0.4 -0.5 0.6"),
    at_child: tuple[str, str] = ("-0.05 0.15 0.02", "-0.3 0.2 0.7"),
    transform: str = "",
) -> str:
    """A joint as OpenSim 4 writes it, between offset frames of `parent` and `child` (paths)."""
    listed = "".join(c if c.startswith("<") else coordinate(c) for c in coordinates)
    return (
        f'<{tag} name="{name}"><socket_parent_frame>{name}_in_parent</socket_parent_frame>'
        f"<socket_child_frame>{name}_in_child</socket_child_frame>"
        f"<coordinates>{listed}</coordinates><frames>"
        + offset(f"{name}_in_parent", parent, *at_parent)
        + offset(f"{name}_in_child", child, *at_child)
        + f"</frames>{transform}</{tag}>"
    )


def old_joint(
    tag: str, name: str, parent: str, coordinates: Iterable[str] = (), *, transform: str = ""
) -> str:
    """A joint as OpenSim 3 writes it; stands in its child."""
    listed = "".join(c if c.startswith("<") else coordinate(c) for c in coordinates)
    return (
        f'<{tag} name="{name}"><parent_body>{parent}</parent_body>'
        "<location_in_parent>0.1 -0.2 0.3</location_in_parent>"
        "<orientation_in_parent>0.4 -0.5 0.6</orientation_in_parent>"
        "<location>-0.05 0.15 0.02</location><orientation>-0.3 0.2 0.7</orientation>"
        f"<CoordinateSet><objects>{listed}</objects><groups/></CoordinateSet>"
        f"<reverse>false</reverse>{transform}</{tag}>"
    )


LINEAR = "<LinearFunction><coefficients>1 0</coefficients></LinearFunction>"


def axis(name: str, direction: str, driver: str = "", function: str = "") -> str:
    """One axis of a spatial transform; `function` is an element without a name."""
    function = function or (LINEAR if driver else "<Constant><value>0</value></Constant>")
    return (
        f'<TransformAxis name="{name}"><coordinates>{driver}</coordinates><axis>{direction}</axis>'
        f"<function>{function}</function></TransformAxis>"
    )


def spatial_transform(*axes: str) -> str:
    """A `CustomJoint`'s transform from `axis` texts."""
    return f"<SpatialTransform>{''.join(axes)}</SpatialTransform>"


def named(function: str, name: str) -> str:
    """`function` as OpenSim 4 writes the object property `name`."""
    tag = function[1:].split(">")[0]
    return function.replace(f"<{tag}>", f'<{tag} name="{name}">', 1)


SPLINE = "<SimmSpline><x>-2 -1 -0.3 0.4 1.5</x><y>0.01 -0.04 0.03 0.02 -0.01</y></SimmSpline>"


def multiplied(function: str, scale: float) -> str:
    """`scale` times a function."""
    return (
        f"<MultiplierFunction><function>{function}</function><scale>{scale}</scale>"
        "</MultiplierFunction>"
    )


def path_point(name: str, frame: str, location: str) -> str:
    """A fixed path point as OpenSim 4 writes it."""
    return (
        f'<PathPoint name="{name}"><socket_parent_frame>{frame}</socket_parent_frame>'
        f"<location>{location}</location></PathPoint>"
    )


def geometry_path(*points: str, wraps: str = "") -> str:
    """A line of action."""
    return (
        f'<GeometryPath name="path"><PathPointSet><objects>{"".join(points)}</objects>'
        f"</PathPointSet><PathWrapSet><objects>{wraps}</objects></PathWrapSet></GeometryPath>"
    )


def path_wrap(cylinder: str, span: str = "-1 -1") -> str:
    """A wrap of a path."""
    return (
        f'<PathWrap name="w"><wrap_object>{cylinder}</wrap_object><method>hybrid</method>'
        f"<range>{span}</range></PathWrap>"
    )


def wrap_cylinder(name: str, *, quadrant: str = "all", active: str = "true") -> str:
    """A cylinder."""
    return (
        f'<WrapCylinder name="{name}"><active>{active}</active>'
        "<xyz_body_rotation>0.1 0.2 0.3</xyz_body_rotation><translation>0.01 -0.2 0</translation>"
        f"<quadrant>{quadrant}</quadrant><radius>0.03</radius><length>0.2</length></WrapCylinder>"
    )


def muscle(tag: str, name: str, path: str, properties: str = "") -> str:
    """A muscle."""
    return (
        f'<{tag} name="{name}">{path}<max_isometric_force>700</max_isometric_force>'
        "<optimal_fiber_length>0.09</optimal_fiber_length>"
        f"<tendon_slack_length>0.15</tendon_slack_length>{properties}</{tag}>"
    )


def pendulum(*extra: str, version: int = 40500, wraps: str = "", defaults: str = "") -> bytes:
    """One body on a pin, with more parts."""
    return document(
        object_set("BodySet", body("rod", wraps=wraps)),
        object_set("JointSet", joint("PinJoint", "pin", "/ground", "/bodyset/rod", ["angle"])),
        *extra,
        version=version,
        defaults=defaults,
    )


def ligament(name: str, path: str) -> str:
    """A ligament."""
    return (
        f'<Ligament name="{name}">{path}<resting_length>0.3</resting_length>'
        f"<pcsa_force>70</pcsa_force>{named(SPLINE, 'force_length_curve')}</Ligament>"
    )


CONTACT_GEOMETRY = (
    '<ContactHalfSpace name="floor"><socket_frame>/ground</socket_frame>'
    "<location>0 0.1 0</location><orientation>0 0 -1.5707963</orientation></ContactHalfSpace>",
    '<ContactSphere name="heel"><socket_frame>/bodyset/shank</socket_frame>'
    "<location>0.1 0 0</location><radius>0.03</radius></ContactSphere>",
)
CONTACT_FORCE = (
    '<SmoothSphereHalfSpaceForce name="heel_force">'
    "<socket_sphere>/contactgeometryset/heel</socket_sphere>"
    "<socket_half_space>/contactgeometryset/floor</socket_half_space>"
    "<stiffness>1e6</stiffness></SmoothSphereHalfSpaceForce>"
)
COUPLER = (
    '<CoordinateCouplerConstraint name="follow"><coupled_coordinates_function>'
    f"{LINEAR}</coupled_coordinates_function><independent_coordinate_names>knee"
    "</independent_coordinate_names><dependent_coordinate_name>cap"
    "</dependent_coordinate_name></CoordinateCouplerConstraint>"
)
MOTOR = (
    '<CoordinateActuator name="motor"><coordinate>hip</coordinate>'
    "<optimal_force>50</optimal_force></CoordinateActuator>"
)
MARKER = (
    '<Marker name="RKNE"><socket_parent_frame>/bodyset/shank</socket_parent_frame>'
    "<location>0 0 0.05</location></Marker>"
)
CONDITIONAL = (
    '<ConditionalPathPoint name="c"><socket_parent_frame>/bodyset/thigh</socket_parent_frame>'
    "<location>0.02 -0.3 0.1</location><socket_coordinate>/jointset/knee/knee"
    "</socket_coordinate><range>-1 0.5</range></ConditionalPathPoint>"
)
MOVING = (
    '<MovingPathPoint name="v"><socket_parent_frame>/bodyset/shank</socket_parent_frame>'
    "<socket_x_coordinate>/jointset/knee/knee</socket_x_coordinate>"
    f"<x_location>{multiplied(SPLINE, 1.1)}</x_location>"
    "<z_location><Constant><value>0.2</value></Constant></z_location></MovingPathPoint>"
)


def leg() -> bytes:
    """A thigh, a shank and a kneecap with one of everything that is read, as OpenSim 4 writes."""
    polynomial = "<PolynomialFunction><coefficients>0.1 1 0</coefficients></PolynomialFunction>"
    hip = spatial_transform(
        axis("rotation1", "0 0 1", "hip"),
        axis("rotation2", "0.1 1 0"),
        axis("translation1", "1 0 0", "slide"),
    )
    knee = spatial_transform(
        axis("rotation1", "0 0 1", "knee"),
        axis("translation1", "1 0 0", "knee", multiplied(SPLINE, 0.9)),
        axis("translation2", "0 1 0", "", "<Constant><value>0.01</value></Constant>"),
    )
    cap = spatial_transform(axis("rotation1", "0 0 1", "cap", polynomial))
    path = geometry_path(
        path_point("a", "/ground", "0 0.5 0"),
        CONDITIONAL,
        MOVING,
        path_point("b", "/jointset/knee/knee_in_child", "0 -0.3 0.1"),
        wraps=path_wrap("drum", "1 2"),
    )
    straight = geometry_path(
        path_point("a", "/bodyset/thigh", "0 0.1 0"), path_point("b", "shank", "0 -0.1 0")
    )
    own = (
        "<pennation_angle_at_optimal>0.1</pennation_angle_at_optimal><FiberForceLengthCurve>"
        "<strain_at_one_norm_force>0.6</strain_at_one_norm_force></FiberForceLengthCurve>"
    )
    millard = "Millard2012EquilibriumMuscle"
    thigh, shank = "/bodyset/thigh", "/bodyset/shank"
    return document(
        object_set(
            "BodySet", body("thigh", wraps=wrap_cylinder("drum")), body("shank"), body("cap")
        ),
        object_set(
            "JointSet",
            joint("CustomJoint", "hip", "/ground", thigh, ["hip", "slide"], transform=hip),
            joint("CustomJoint", "knee", thigh, shank, ["knee"], transform=knee),
            joint("CustomJoint", "cap", thigh, "/bodyset/cap", ["cap"], transform=cap),
        ),
        object_set("ConstraintSet", COUPLER),
        object_set(
            "ForceSet",
            muscle(millard, "vasti", path, own),
            muscle(millard, "soleus", straight),
            ligament("band", straight),
            MOTOR,
            CONTACT_FORCE,
            '<CoordinateLimitForce name="stop"/>',
        ),
        object_set("ContactGeometrySet", *CONTACT_GEOMETRY),
        object_set("MarkerSet", MARKER),
    )


def old_leg() -> bytes:
    """A thigh and a shank as OpenSim 3 writes them."""
    hip = spatial_transform(axis("rotation1", "0 0 1", "hip"), axis("translation2", "0 1 0"))
    points = (
        '<PathPoint name="a"><location>0 0.1 0</location><body>thigh</body></PathPoint>',
        '<ConditionalPathPoint name="c"><location>0 0 0.1</location><body>shank</body>'
        "<range>-1 0.5</range><coordinate>knee</coordinate></ConditionalPathPoint>",
        '<PathPoint name="b"><location>0.01 -0.2 0</location><body>shank</body></PathPoint>',
    )
    path = geometry_path(*points, wraps=path_wrap("condyle", "2 3"))
    condyle = wrap_cylinder("condyle", quadrant="+x")
    knee = old_joint("PinJoint", "knee", "thigh", ["knee"])
    return document(
        object_set(
            "BodySet",
            OLD_GROUND,
            old_body("thigh", old_joint("CustomJoint", "hip", "ground", ["hip"], transform=hip)),
            old_body("shank", knee, wraps=condyle),
        ),
        object_set("ForceSet", muscle("Thelen2003Muscle", "m", path)),
        version=30000,
    )
