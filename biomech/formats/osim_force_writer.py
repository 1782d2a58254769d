"""Forces of a described model as objects of an .osim file.

Muscles, ligaments, passive moments, contacts and coordinate actuators. Whether a tendon is rigid is
a setting of the study here, so a file says that it is not, but for a Millard muscle whose curves
OpenSim takes as they are only if it is (`osim_forces` has the rule).
"""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from .osim_elements import ExportReport, add_list, add_properties, new_object
from .osim_expressions import passive_moment_expression
from .osim_forces import CONTACT_DEFAULTS, LEAST_DAMPING, MUSCLE_LAWS
from .osim_function_writer import function_object
from .osim_joint_writer import body_path
from .osim_names import legal_name
from .osim_path_writer import path_object

_MUSCLE_TAGS = {law: tag for tag, law in MUSCLE_LAWS.items()}
_MUSCLE_NUMBERS = (
    *("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"),
    "max_contraction_velocity",
)
_LEAST_ACTIVATION = 0.01  # that OpenSim allows where activation 0 is singular
_LEAST_WIDTH = 1.0  # of De Groote and Fregly's active curve in OpenSim
_MILLARD_CURVES = {
    "active_force_length": "ActiveForceLengthCurve",
    "force_velocity": "ForceVelocityCurve",
    "fiber_force_length": "FiberForceLengthCurve",
    "tendon_force_length": "TendonForceLengthCurve",
}

CoordinatePath = Callable[[str], str]


def force_objects(
    description: dict[str, Any], coordinate_path: CoordinatePath, report: ExportReport
) -> list[Element]:
    """The members of the `ForceSet` but for the contacts."""
    law = description["muscle_curves"]
    return [
        *(_muscle(muscle, law, coordinate_path, report) for muscle in description["muscles"]),
        *(_ligament(one, coordinate_path, report) for one in description["ligaments"]),
        *(_passive_moment(moment) for moment in description["passive_moments"]),
        *(_actuator(actuator, report) for actuator in description["actuators"]),
    ]


# --- muscles ----------------------------------------------------------------------------------


def _muscle(muscle, law: str, coordinate_path, report: ExportReport) -> Element:
    where = f"Muscle '{muscle['name']}'"
    rigid = law == "millard2012" and _must_be_rigid(muscle["curves"])
    made = new_object(_MUSCLE_TAGS[law], muscle["name"])
    made.append(path_object(muscle, where, coordinate_path, report))
    add_properties(made, _activation_bounds(muscle, law, rigid, report))
    add_properties(made, {key: muscle[key] for key in _MUSCLE_NUMBERS})
    add_properties(made, {"pennation_angle_at_optimal": muscle["pennation_angle"]})
    add_properties(made, {"ignore_tendon_compliance": rigid})
    if law != "degrootefregly2016":  # where OpenSim starts looking for equilibrium
        add_properties(made, {"default_fiber_length": muscle["optimal_fiber_length"]})
    _add_curves(made, muscle["curves"], law, where, rigid, report)
    return made


def _activation_bounds(muscle, law: str, rigid: bool, report: ExportReport) -> dict[str, float]:
    low, high = muscle["min_activation"], muscle["max_activation"]
    if law == "degrootefregly2016":
        return {"min_control": low, "max_control": high}
    regular = law == "millard2012" and (rigid or _is_damped(muscle["curves"]))
    least = low if regular else max(low, _LEAST_ACTIVATION)
    if least > low:
        report.changed.append(
            f"Muscle '{muscle['name']}' has the least activation {least:g} instead of {low:g}: "
            "OpenSim allows no less."
        )
    bounds = {"min_control": least, "max_control": max(high, least)}
    return bounds | {"minimum_activation": min(least, _LEAST_ACTIVATION)}


def _add_curves(made: Element, curves, law, where, rigid, report: ExportReport) -> None:
    if law != "millard2012":
        width = curves.get("active_force_width_scale", _LEAST_WIDTH)
        if width < _LEAST_WIDTH:
            report.refuse(
                where, f"`active_force_width_scale` is {width:g}; OpenSim allows no less than 1."
            )
        add_properties(made, curves)
        return
    if not rigid and not _are_taken_as_they_are(curves):
        report.changed.append(
            f"{where}: OpenSim changes the least active force, the slopes of force-velocity at the "
            "largest velocities, or a damping below 0.001 to what its integration needs."
        )
    add_properties(made, {"fiber_damping": curves["fiber_damping"]})
    made.extend(new_object(tag, tag, **curves[key]) for key, tag in _MILLARD_CURVES.items())


def _is_damped(curves) -> bool:
    return curves["fiber_damping"] >= LEAST_DAMPING


def _are_regular(curves) -> bool:
    """Whether the curves are what OpenSim makes of those of damped fibers and rigid tendons."""
    velocity = curves["force_velocity"]
    slopes = velocity["concentric_slope_at_vmax"], velocity["eccentric_slope_at_vmax"]
    return curves["active_force_length"]["minimum_value"] == 0.0 and not any(slopes)


def _must_be_rigid(curves) -> bool:
    return curves["fiber_damping"] == 0.0 and _are_regular(curves)


def _are_taken_as_they_are(curves) -> bool:
    if _is_damped(curves):
        return _are_regular(curves)
    velocity = curves["force_velocity"]
    steep = all(
        velocity[f"{side}_slope_at_vmax"] >= 0.5 * velocity[f"{side}_slope_near_vmax"]
        for side in ("concentric", "eccentric")
    )
    least = curves["active_force_length"]["minimum_value"]
    return steep and least >= 0.1 and curves["fiber_damping"] == 0.0


# --- ligaments, passive moments, actuators ----------------------------------------------------


def _ligament(ligament, coordinate_path, report: ExportReport) -> Element:
    where = f"Ligament '{ligament['name']}'"
    made = new_object("Ligament", ligament["name"])
    made.append(path_object(ligament, where, coordinate_path, report))
    add_properties(made, {key: ligament[key] for key in ("resting_length", "pcsa_force")})
    curve = function_object(ligament["curve"], where, report)
    add_list(made, "force_length_curve", [curve])
    return made


def _passive_moment(moment) -> Element:
    return new_object(
        "ExpressionBasedCoordinateForce",
        moment["name"],
        coordinate=moment["coordinate"],
        expression=passive_moment_expression(moment),
    )


def _actuator(actuator, report: ExportReport) -> Element:
    if actuator["kind"] != "motor":
        report.changed.append(
            f"The {actuator['kind']} '{actuator['name']}' is a motor in the file: OpenSim has no "
            "other kind."
        )
    keys = ("coordinate", "optimal_force", "min_control", "max_control")
    made = new_object("CoordinateActuator", actuator["name"])
    add_properties(made, {key: actuator[key] for key in keys})
    return made


# --- contacts ---------------------------------------------------------------------------------


def contact_objects(description: dict[str, Any]) -> tuple[list[Element], list[Element]]:
    """Forces of the contacts, and their shapes: a sphere each, half spaces shared where equal."""
    contacts = description["contacts"]
    taken = {contact["name"] for contact in contacts}
    floors: dict[tuple[float, ...], Element] = {}
    forces, spheres = [], []
    for contact in contacts:
        place = (*contact["half_space_position"], *contact["half_space_orientation"])
        if place not in floors:
            floors[place] = new_object(
                "ContactHalfSpace",
                legal_name("floor", taken),
                socket_frame=body_path("ground"),
                location=contact["half_space_position"],
                orientation=contact["half_space_orientation"],
            )
        spheres.append(
            new_object(
                "ContactSphere",
                contact["name"],
                socket_frame=body_path(contact["body"]),
                location=contact["location"],
                radius=contact["radius"],
            )
        )
        force = new_object(
            "SmoothSphereHalfSpaceForce",
            contact["name"],
            socket_sphere=f"/contactgeometryset/{contact['name']}",
            socket_half_space=f"/contactgeometryset/{floors[place].get('name')}",
        )
        add_properties(force, {key: contact[key] for key in CONTACT_DEFAULTS})
        forces.append(force)
    return forces, [*spheres, *floors.values()]
