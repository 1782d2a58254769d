"""What is in an .osim file, as text for people: what is used, and what is not and why."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Any

from .osim_document import OsimReport

_WIDTH = 100


def inspection(
    description: dict[str, Any], report: OsimReport, version: int, file_name: str
) -> str:
    """The text `biomech inspect` prints."""
    return "\n".join(_lines(description, report, version, file_name))


def _lines(model, report, version, file_name) -> Iterator[str]:
    mass = sum(body["mass"] for body in model["bodies"])
    yield f"{model['name']}  ({file_name}, format version {version})"
    yield f"mass {mass:.2f} kg, gravity {_numbers(model['gravity'])} m/s^2"
    for key, value in model["conventions"].items():
        yield f"{key.replace('_', ' ')} is {value}"
    if report.refused:
        yield ""
        yield f"CANNOT BE USED: {len(report.refused)} parts are not supported"
        yield from _bullets(report.refused)
    yield ""
    yield "Read"
    yield from _bullets(f"{count} {name}" for name, count in sorted(report.read.items()))
    yield ""
    yield f"Coordinates ({len(model['coordinates'])})"
    followers = {c["dependent"]: c["independent"] for c in model["couplers"]}
    for coordinate in model["coordinates"]:
        yield "  " + _coordinate(coordinate, followers)
    if model["muscles"]:
        yield ""
        yield f"Muscles ({len(model['muscles'])}, law {model['muscle_curves']})"
        yield from _wrapped(muscle["name"] for muscle in model["muscles"])
    if model["cylinders"]:
        yield ""
        yield f"Wrap cylinders in use ({len(model['cylinders'])})"
        yield from _wrapped(f"{c['name']} on {c['body']}" for c in model["cylinders"])
    yield from _section("Not simulated here, though OpenSim would", report.not_simulated)
    yield from _section("Ignored", report.ignored)
    yield from _section("Notes", model["notes"])
    yield from _section("Missing", _missing(model))


def _coordinate(coordinate: dict[str, Any], followers: dict[str, str]) -> str:
    unit = "rad" if coordinate["motion_type"] == "rotational" else "m"
    low, high = coordinate["range"]
    words = [f"{coordinate['name']:<28} {low:9.4g} to {high:9.4g} {unit:<3}"]
    words += [key for key in ("locked", "clamped") if coordinate[key]]
    if coordinate["name"] in followers:
        words.append(f"follows {followers[coordinate['name']]}")
    return "  ".join(words)


def _missing(model: dict[str, Any]) -> list[str]:
    consequences = {
        "muscles": "no muscle forces; only inverse dynamics is possible",
        "markers": "inverse kinematics and scaling by markers are not possible",
        "contacts": "standing, tracking and prediction need foot-ground contacts",
        "actuators": "coordinates without muscles need reserves",
    }
    return [f"no {key}: {then}." for key, then in consequences.items() if not model[key]]


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title} ({len(lines)})"
        yield from _bullets(lines)


def _bullets(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _wrapped(names: Iterable[str]) -> list[str]:
    return wrap(", ".join(names), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)
