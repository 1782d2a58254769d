"""Forces of an .osim file: muscles, ligaments, contacts, coordinate actuators, passive moments.

Absent properties have OpenSim 4.6's defaults, which the tables below repeat. A muscle's lower
activation bound is the larger of `min_control` and `minimum_activation`; its upper one is
`max_control`. All muscles of a model follow one law.

A Millard muscle whose fiber is damped (0.001 or more) or whose tendon is rigid has no singular
points, and OpenSim then takes 0 for the least active force and for the slopes of force-velocity at
the largest velocities, whatever the file says; otherwise it raises them to 0.1 and to half the
slopes nearby; a smaller damping counts as none. So do we.

What OpenSim would simulate and this package does not (springs, bushings, limit forces, expressions
other than the passive moments of `osim_expressions`) is reported by name: an inverse study of a
measured motion lacks their torque, which then appears as muscle or reserve effort.
"""

from typing import Any

from ..model.names import BadInput, suggest
from .osim_document import Node, OsimDocument, OsimReport
from .osim_expressions import read_passive_moment
from .osim_frames import GROUND, Frames
from .osim_joints import UnsupportedFunction, read_function, require_coordinate
from .osim_paths import Wraps, read_path

_ZERO = (0.0, 0.0, 0.0)

FORCE_KINDS = ("muscle", "ligament", "passive_moment", "contact", "actuator")
# Muscle types, the law each follows, and defaults that differ.
MUSCLE_LAWS = {
    "Millard2012EquilibriumMuscle": "millard2012",
    "Thelen2003Muscle": "thelen2003",
    "DeGrooteFregly2016Muscle": "degrootefregly2016",
}
_DEFAULT_MIN_CONTROL = {"DeGrooteFregly2016Muscle": 0.0}
_DEFAULT_MIN_ACTIVATION = {"DeGrooteFregly2016Muscle": 0.0}

_CURVE_DEFAULTS = {
    "thelen2003": {
        "FmaxTendonStrain": 0.04,
        "FmaxMuscleStrain": 0.6,
        "KshapeActive": 0.45,
        "KshapePassive": 5.0,
        "Af": 0.25,
        "Flen": 1.4,
        "fv_linear_extrap_threshold": 0.95,
    },
    "degrootefregly2016": {
        "active_force_width_scale": 1.0,
        "fiber_damping": 0.0,
        "passive_fiber_strain_at_one_norm_force": 0.6,
        "tendon_strain_at_one_norm_force": 0.049,
    },
}
_ACTIVE_FORCE_LENGTH = {
    "min_norm_active_fiber_length": 0.4441,
    "transition_norm_fiber_length": 0.73,
    "max_norm_active_fiber_length": 1.8123,
    "shallow_ascending_slope": 0.8616,
    "minimum_value": 0.1,
}
_FORCE_VELOCITY = {
    "concentric_slope_at_vmax": 0.0,
    "concentric_slope_near_vmax": 0.25,
    "isometric_slope": 5.0,
    "eccentric_slope_at_vmax": 0.0,
    "eccentric_slope_near_vmax": 0.15,
    "max_eccentric_velocity_force_multiplier": 1.4,
    "concentric_curviness": 0.6,
    "eccentric_curviness": 0.9,
}
CONTACT_DEFAULTS = {
    "stiffness": 1.0,
    "dissipation": 0.0,
    "static_friction": 0.0,
    "dynamic_friction": 0.0,
    "viscous_friction": 0.0,
    "transition_velocity": 0.01,
    "constant_contact_force": 1e-5,
    "hertz_smoothing": 300.0,
    "hunt_crossley_smoothing": 50.0,
}
LEAST_DAMPING = 0.001  # of a fiber for OpenSim to take its muscle as damped
_ACTUATORS = ("CoordinateActuator", "ActivationCoordinateActuator")

# Forces OpenSim applies and this package does not simulate; other unknown types are refused.
_NOT_SIMULATED = (
    "BushingForce",
    "FunctionBasedBushingForce",
    "ExpressionBasedBushingForce",
    "CoordinateLimitForce",
    "CoordinateLinearStop",
    "CoordinateLinearDamper",
    "HuntCrossleyForce",
    "ElasticFoundationForce",
    "MeyerFregly2016Force",
    "ExponentialContactForce",
    "ExpressionBasedCoordinateForce",
    "SpringGeneralizedForce",
    "PointToPointSpring",
    "ExpressionBasedPointToPointForce",
    "TwoFrameLinker",
    "PathSpring",
    "ClutchedPathSpring",
    "Blankevoort1991Ligament",
    "PointActuator",
    "PointToPointActuator",
    "TorqueActuator",
    "BodyActuator",
    "PathActuator",
    "McKibbenActuator",
    "ExternalForce",
    "PrescribedForce",
    "StationPlaneContactForce",
    "AckermannVanDenBogert2010Force",
    "EspositoMiller2018Force",
)


def is_force(node: Node) -> bool:
    """Whether a component acts on the model."""
    known = _is_muscle(node) or node.tag in (*_ACTUATORS, *_NOT_SIMULATED)
    ends = ("Force", "Actuator", "Spring", "Ligament", "Damper")
    return known or node.tag.endswith(ends) or node.group == "ForceSet"


def _is_muscle(node):
    return "Muscle" in node.tag


def read_forces(
    document: OsimDocument,
    frames: Frames,
    coordinates: list[str],
    wraps: Wraps,
    report: OsimReport,
) -> dict[str, Any]:
    """Descriptions of `muscle_curves` and of every kind of force."""
    geometry: dict[str, Node] = {}
    for node in document.components:
        if node.tag.startswith("Contact"):
            if node.name in geometry:
                raise BadInput(f"{node.where} is there twice. Rename or remove one.")
            geometry[node.name] = node
    forces: dict[str, list] = {f"{kind}s": [] for kind in FORCE_KINDS}
    laws: dict[str, str] = {}
    for node in document.components:
        if not is_force(node):
            continue
        report.read[node.tag] += 1
        if node.flag("isDisabled", False) or not node.flag("appliesForce", True):
            report.notes.append(f"{node.where} is switched off in the file and was left out.")
            node.leave_out()
        elif node.tag in MUSCLE_LAWS:
            laws.setdefault(node.tag, node.name)
            path = read_path(node, frames, coordinates, wraps, report)
            if path is not None:
                forces["muscles"].append(_muscle(node, report) | {"path": path})
        elif node.tag == "Ligament":
            path = read_path(node, frames, coordinates, wraps, report)
            if path is not None:
                forces["ligaments"].append(_ligament(node, report) | {"path": path})
        elif node.tag in _ACTUATORS:
            forces["actuators"].append(_actuator(node, coordinates))
        elif node.tag == "SmoothSphereHalfSpaceForce":
            contact = _contact(node, geometry, frames, report)
            if contact is not None:
                forces["contacts"].append(contact)
        elif (moment := _passive_moment(node, coordinates)) is not None:
            forces["passive_moments"].append(moment)
        elif node.tag in _NOT_SIMULATED:
            report.not_simulated.append(node.where)
            node.leave_out()
        else:
            supported = ", ".join(MUSCLE_LAWS) if _is_muscle(node) else "see the documentation"
            report.refuse(node.where, f"this type of force is not supported ({supported}).")
    if len(laws) > 1:
        examples = ", ".join(f"{tag} '{name}'" for tag, name in laws.items())
        report.refuse("Muscles", f"all must be of one type; the file has {examples}.")
    law = MUSCLE_LAWS[next(iter(laws))] if laws else "degrootefregly2016"
    return {"muscle_curves": law, **forces}


# --- muscles ----------------------------------------------------------------------------------


def _muscle(node: Node, report: OsimReport) -> dict[str, Any]:
    if node.flag("ignore_tendon_compliance", False):
        report.rigid_tendons.append(node.name)
    low = max(
        node.number("min_control", _DEFAULT_MIN_CONTROL.get(node.tag, 0.01)),
        node.number("minimum_activation", _DEFAULT_MIN_ACTIVATION.get(node.tag, 0.01)),
    )
    high = node.number("max_control", 1.0)
    if not 0.0 <= low <= high:
        raise BadInput(f"{node.where}: activation is bounded by {low} and {high}.")
    return {
        "name": node.name,
        "max_isometric_force": _at_least_zero(node, "max_isometric_force", 1000.0),
        "optimal_fiber_length": _positive(node, "optimal_fiber_length", 0.1),
        "tendon_slack_length": _positive(node, "tendon_slack_length", 0.2),
        "pennation_angle": _pennation(node),
        "max_contraction_velocity": _max_contraction_velocity(node),
        "min_activation": low,
        "max_activation": high,
        "curves": _curves(node),
    }


def _pennation(node: Node) -> float:
    old_name = node.number("pennation_angle", 0.0)  # before OpenSim 3
    return node.number("pennation_angle_at_optimal", old_name)


def _max_contraction_velocity(node: Node) -> float:
    old_name = node.number("Vmax", 10.0)  # before OpenSim 3
    return _positive(node, "max_contraction_velocity", old_name)


def _curves(node: Node) -> dict[str, Any]:
    law = MUSCLE_LAWS[node.tag]
    if law != "millard2012":
        return _numbers(node, _CURVE_DEFAULTS[law])
    active = _numbers(_curve(node, "ActiveForceLengthCurve"), _ACTIVE_FORCE_LENGTH)
    velocity = _numbers(_curve(node, "ForceVelocityCurve"), _FORCE_VELOCITY)
    damping = _at_least_zero(node, "fiber_damping", 0.1)
    damping = damping if damping >= LEAST_DAMPING else 0.0
    regular = damping > 0.0 or node.flag("ignore_tendon_compliance", False)
    active["minimum_value"] = 0.0 if regular else max(active["minimum_value"], 0.1)
    for side in ("concentric", "eccentric"):
        at, near = f"{side}_slope_at_vmax", f"{side}_slope_near_vmax"
        velocity[at] = 0.0 if regular else max(velocity[at], 0.5 * velocity[near])
    return {
        "active_force_length": active,
        "force_velocity": velocity,
        "fiber_force_length": _fiber_force_length(_curve(node, "FiberForceLengthCurve")),
        "tendon_force_length": _tendon_force_length(_curve(node, "TendonForceLengthCurve")),
        "fiber_damping": damping,
    }


def _curve(muscle: Node, tag: str) -> Node | None:
    return muscle.child(tag) or muscle.named_child(tag)


def _numbers(node: Node | None, defaults: dict[str, float]) -> dict[str, float]:
    if node is None:
        return dict(defaults)
    return {key: node.number(key, default) for key, default in defaults.items()}


def _fiber_force_length(node: Node | None) -> dict[str, float]:
    """Passive curve; stiffnesses and curviness left unset are OpenSim's fitted ones."""
    strain = _numbers(node, {"strain_at_zero_force": 0.0, "strain_at_one_norm_force": 0.7})
    stretch = strain["strain_at_one_norm_force"] - strain["strain_at_zero_force"]
    if stretch <= 0.0:
        where = "FiberForceLengthCurve" if node is None else node.where
        raise BadInput(f"{where}: strain at one norm force must exceed that at zero force.")
    fitted = {
        "stiffness_at_low_force": 0.2,
        "stiffness_at_one_norm_force": 2.0 / stretch,
        "curviness": 0.75,
    }
    return strain | _all_or_none(node, fitted)


def _tendon_force_length(node: Node | None) -> dict[str, float]:
    """Tendon curve; stiffness, toe and curviness left unset are OpenSim's fitted ones."""
    strain = _numbers(node, {"strain_at_one_norm_force": 0.049})
    if strain["strain_at_one_norm_force"] <= 0.0:
        where = "TendonForceLengthCurve" if node is None else node.where
        raise BadInput(f"{where}: strain at one norm force must be positive.")
    fitted = {
        "stiffness_at_one_norm_force": 1.375 / strain["strain_at_one_norm_force"],
        "norm_force_at_toe_end": 2.0 / 3.0,
        "curviness": 0.5,
    }
    return strain | _all_or_none(node, fitted)


def _all_or_none(node: Node | None, fitted: dict[str, float]) -> dict[str, float]:
    """The optional properties in the file, or the fitted ones if it has none; never a mix."""
    given = [] if node is None else [key for key in fitted if node.optional_text(key) is not None]
    if node is None or not given:
        return fitted
    if len(given) < len(fitted):
        raise BadInput(f"{node.where} has {given} but not {sorted(set(fitted) - set(given))}.")
    return {key: node.number(key) for key in fitted}


# --- ligaments, actuators, contacts -----------------------------------------------------------


def _ligament(node: Node, report: OsimReport) -> dict[str, Any]:
    curve = {"kind": "constant", "value": 0.0}
    found = node.named_child("force_length_curve")
    if found is None:
        raise BadInput(f"{node.where} has no <force_length_curve>.")
    try:
        curve = read_function(found)
    except UnsupportedFunction as error:
        report.refuse(node.where, f"force_length_curve: {error}.")
    return {
        "name": node.name,
        "resting_length": _positive(node, "resting_length", 0.0),
        "pcsa_force": _at_least_zero(node, "pcsa_force", 0.0),
        "curve": curve,
    }


def _passive_moment(node: Node, coordinates: list[str]) -> dict[str, Any] | None:
    """A passive moment as the writer puts it; None for other forces and other expressions."""
    if node.tag != "ExpressionBasedCoordinateForce":
        return None
    numbers = read_passive_moment(node.text("expression", "0"))
    if numbers is None:
        return None
    coordinate = require_coordinate(node.text("coordinate"), coordinates, node)
    return {"name": node.name, "coordinate": coordinate, **numbers}


def _actuator(node: Node, coordinates: list[str]) -> dict[str, Any]:
    reference = node.optional_text("coordinate") or node.socket("coordinate")
    if reference is None:
        raise BadInput(f"{node.where} has no <coordinate>.")
    low = node.number("min_control", -float("inf"), finite=False)
    high = node.number("max_control", float("inf"), finite=False)
    if low > high:
        raise BadInput(f"{node.where}: <min_control> {low} exceeds <max_control> {high}.")
    return {
        "name": node.name,
        "coordinate": require_coordinate(reference, coordinates, node),
        "optimal_force": _positive(node, "optimal_force", 1.0),
        "min_control": low,
        "max_control": high,
        "kind": "motor",
    }


def _contact(
    node: Node, geometry: dict[str, Node], frames: Frames, report: OsimReport
) -> dict[str, Any] | None:
    sphere = _geometry(node, "sphere", "ContactSphere", geometry)
    half_space = _geometry(node, "half_space", "ContactHalfSpace", geometry)
    floor = _place(half_space, frames)
    if floor.body != GROUND:
        report.refuse(
            node.where, f"its half space is fixed in '{floor.body}'; it must be in ground."
        )
        return None
    on = _place(sphere, frames)
    return {
        "name": node.name,
        "body": on.body,
        "location": list(on.position),
        "radius": _positive(sphere, "radius", 0.0),
        "half_space_position": list(floor.position),
        "half_space_orientation": list(floor.orientation),
        **_numbers(node, CONTACT_DEFAULTS),
    }


def _geometry(node: Node, socket: str, tag: str, geometry: dict[str, Node]) -> Node:
    reference = node.socket(socket)
    if reference is None:
        raise BadInput(f"{node.where} has no <socket_{socket}>.")
    name = reference.rstrip("/").rsplit("/", 1)[-1]
    if name not in geometry or geometry[name].tag != tag:
        near = suggest(name, [n for n, g in geometry.items() if g.tag == tag])
        raise BadInput(
            f"{node.where} refers to the {tag} '{reference[:80]}', which this model lacks. {near}"
        )
    return geometry[name]


def _place(geometry: Node, frames: Frames):
    reference = geometry.socket("frame") or geometry.optional_text("body_name")
    if reference is None:
        raise BadInput(f"{geometry.where} has no <socket_frame>: it is fixed in no body.")
    return frames.find(reference, geometry).place(
        geometry.vector("location", 3, _ZERO), geometry.vector("orientation", 3, _ZERO)
    )


# --- small checks -----------------------------------------------------------------------------


def _positive(node: Node, key: str, default: float) -> float:
    value = node.number(key, default)
    if value <= 0.0:
        raise BadInput(f"{node.where}: <{key}> is {value}; it must be positive.")
    return value


def _at_least_zero(node: Node, key: str, default: float) -> float:
    value = node.number(key, default)
    if value < 0.0:
        raise BadInput(f"{node.where}: <{key}> is {value}; it must not be negative.")
    return value
