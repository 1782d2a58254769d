"""The parts of a report that say where a result comes from: method, model, configuration, works
to cite, versions. Each takes the dataset and returns a piece of the page, empty where it has none.
"""

import json
from collections.abc import Iterator

import numpy as np
import xarray as xr

from ..interventions import CATALOGUE
from ..model.names import BadInput
from .cases import configuration, is_grid, read_json, sweep_dimensions, swept_parameters
from .labels import kind_of
from .page import Html, bullets, element, facts, join, listing, paragraphs, prose, table

_METHOD = {
    "inverse": (
        "The motion and the loads on the feet are given; nothing about the movement is predicted. "
        "Inverse dynamics gives the net moment of every joint. At each instant static optimization "
        "shares it among the muscles so that the sum of their activations, raised to the exponent "
        "below, is least; reserve actuators give what the muscles cannot. Joint reactions are the "
        "loads that the joints carry with those muscle forces.",
        "A change of the body leaves the movement as it was: the result shows what the change does "
        "to the loads if the person moves the same way.",
    ),
    "stand": (
        "The body is at rest. Of all postures, muscle activations and motors that keep it in "
        "balance under its weight and the forces of the ground, the one with the least cost is "
        "taken: the effort (the sum of activations raised to the exponent below), the departure "
        "from habitual standing in standard deviations between people, weighed by the posture "
        "weight, a high price on friction, so that feet grip hardly more than balance asks for, "
        "and on feet that leave their place or tilt. The foot itself is free: arch, subtalar and "
        "toe joints have no habit; ligaments, passive moments, muscles and the ground decide. "
        "Tendons are elastic.",
        "The habit is that of the unchanged body: a change of the body shows what balance, effort "
        "and the same habit make of it, not what a person would learn to do. The posture weight "
        "is assumed. Run the same configuration with posture_weight 0.01 and 1 as well (for "
        "example with the sweep study.posture_weight: {values: [0.01, 0.1, 1]}), and call an "
        "effect whose sign changes not identified.",
    ),
    "track": (
        "The motion, the muscle excitations and the forces of the ground are found together: over "
        "one stride that ends as it began, the one with the least cost is taken, the average of "
        "the departure from the reference and of effort, weighed as below, subject to the laws of "
        "mechanics at every point of the mesh and to activation dynamics. No ground reaction is "
        "given: soles press and slip by their own laws. Tendons are rigid.",
        "All cases depart from the same reference. A change of the body changes the gait, as far "
        "as effort and the reference pull; it is not what a person would learn to do. The weights "
        "are assumed. Run the same configuration with study.tracking_weight 0.1 and 10 as well, "
        "and call an effect whose sign changes not identified. Every case is found from the gait "
        "of the unchanged body; other gaits that cost nearly the same may exist.",
    ),
}
_MOST_VALUES = 7  # of a parameter that are written out
_OPTIONS = {
    "start": ("first instant [s]", "as recorded"),
    "start_s": ("first instant [s]", "as recorded"),
    "end": ("last instant [s]", "as recorded"),
    "end_s": ("last instant [s]", "as recorded"),
    "rate_hz": ("instants per second", "as recorded"),
    "lowpass_hz": ("low-pass filter [Hz]", "none"),
    "exponent": ("exponent of activation [-]", ""),
    "passive_fiber_force": ("stretched fibers resist", ""),
    "opensim_pennation": ("OpenSim's pennation slip repeated", ""),
    "allow_fixed_kinematics": ("movement held against all changes", ""),
    "support": ("stands on", ""),
    "held": ("held at their habitual value", ""),
    "posture_weight": ("weight of habit against effort [-], assumed", ""),
    "uphill_deg": ("ground rises forward by [deg]", ""),
    "right_side_up_deg": ("ground rises to the right by [deg]", ""),
    "intervals": ("intervals of the mesh of half a stride", ""),
    "rule": ("rule of collocation", ""),
    "half": ("half a stride and its mirror image", "where all cases are alike on both sides"),
    "tracking_weight": ("weight of departures from the reference [-], assumed", ""),
    "activation_weight": ("weight of activation [-], assumed", ""),
    "excitation_weight": ("weight of excitation [-], assumed", ""),
    "control_weight": ("weight of motors [-], assumed", ""),
    "acceleration_weight": ("weight of acceleration [-], assumed", ""),
    "passive_weight": ("weight of passive moments [-], assumed", ""),
}
"""Key of the study -> what it is, and what it means to leave it away."""
_SOLVER = {
    "tolerance": "tolerance of the solver [-]",
    "max_steps": "most steps of the solver",
}
_STUDY = "study."
"""Before the name of a swept number of the study itself."""
_SAID_ELSEWHERE = ("kind", "parameters")  # of the design
_COMPARED = {
    "inverse": "The chain of the study (skeleton, muscle paths, force capacities, static "
    "optimization, joint reactions) has been compared step by step with OpenSim 4.6 on one "
    "measured walk of one subject: docs/opensim_comparison.md. That shows that the equations are "
    "solved as intended.",
    "stand": "The balance is checked by free-body diagrams, symmetry and limits in the tests of "
    "the package, and its derivatives against differences. That shows that the equations are "
    "solved as intended, not that people stand so: no posture, activation or load has been "
    "compared with measured standing yet.",
    "track": "The laws of mechanics are checked at every instant, mirror symmetry, periodicity and "
    "the momentum of a stride in the tests of the package, and derivatives against differences. "
    "That shows that the equations are solved as intended, not that people walk so: no gait found "
    "this way has been compared with measured ground reaction yet.",
}
_VALIDATION = (
    "There is no validation against loads measured in people yet. Peaks measured by instrumented "
    "implants, drawn in some figures, are for orientation. Read differences between conditions "
    "rather than absolute peaks.",
)
_PLANAR = (
    "The built-in body `planar` and its gait are a calibrated demonstration; their peak loads in "
    "walking lie above what implants measured."
)


def study_of(dataset: xr.Dataset) -> str:
    return str(dataset.attrs.get("study", "unknown"))


def method(dataset: xr.Dataset) -> Html:
    """Study, motion, options and changes of the body, in words."""
    config, study = configuration(dataset), study_of(dataset)
    said = _METHOD.get(study, (f"The study is {study}; docs/studies.md describes it.",))
    chosen = config.get("study")
    options = chosen if isinstance(chosen, dict) else config
    swept = {name.removeprefix(_STUDY): name for name in swept_parameters(dataset)}
    pairs = [
        (words, f"swept: {_range(dataset, swept[key])}")
        if key in swept
        else (words, default if options[key] is None else _plain(options[key]))
        for key, (words, default) in _OPTIONS.items()
        if key in options
    ]
    solver = config.get("solver")
    if isinstance(solver, dict):
        pairs += [(_SOLVER[key], _plain(x)) for key, x in solver.items() if key in _SOLVER and x]
    changes = list(_changes(dataset, config))
    head = ("Name", "What it does", "With")
    parts = [
        paragraphs(*said),
        facts([*_motion_facts(study, config), *_cases(dataset), *pairs]),
        table("Changes of the body", head, changes) if changes else "",
    ]
    return join(parts)


def _cases(dataset) -> Iterator[tuple[str, str]]:
    """How many cases there are and how they were chosen; nothing of a single case."""
    dims = sweep_dimensions(dataset)
    if not dims:
        return
    design = read_json(dataset, "design")
    settings = [f"{key} {value}" for key, value in design.items() if key not in _SAID_ELSEWHERE]
    kind = design.get("kind") or ("grid" if is_grid(dataset) else "list")
    size = " x ".join(str(dataset.sizes[name]) for name in dims)
    yield "cases", f"{size}, {', '.join([str(kind), *settings])}"


def _motion_facts(study, config) -> Iterator[tuple[str, str]]:
    if study != "stand":
        yield "motion", _motion(config)


def _motion(config) -> str:
    """Where the motion comes from, each file fixed by its hash."""
    trial, files = config.get("trial"), config.get("files")
    if isinstance(files, list):  # as `bm.inverse` keeps them
        files = {f.get("name"): f.get("sha256") for f in files if isinstance(f, dict)}
    known = files.items() if isinstance(files, dict) else ()
    listed = ", ".join(f"{name} (SHA-256 {str(digest)[:12]}...)" for name, digest in known)
    reference = trial.get("reference") if isinstance(trial, dict) else None
    source = f"built-in reference gait ({reference})" if reference else "recorded"
    return f"{source}: {listed}" if listed else source


def _changes(dataset, config) -> Iterator[tuple[object, ...]]:
    """Name, what it does and arguments of each intervention; other swept keys with their values,
    but for those of the study, which change no body."""
    parameters = (name for name in swept_parameters(dataset) if not name.startswith(_STUDY))
    swept = {name: _range(dataset, name) for name in parameters}
    interventions = config.get("interventions")
    for name, chosen in interventions.items() if isinstance(interventions, dict) else ():
        if not isinstance(chosen, dict):
            continue
        entry = CATALOGUE.get(str(chosen.get("kind")))
        stated = {key: _plain(value) for key, value in chosen.items() if key != "kind" and value}
        varied = {key: swept.pop(key) for key in tuple(swept) if key.startswith(f"{name}.")}
        stated |= {key.partition(".")[2]: values for key, values in varied.items()}
        arguments = "; ".join(f"{key}: {value}" for key, value in stated.items())
        yield name, prose(entry.summary if entry else str(chosen.get("kind"))), arguments
    for name, values in swept.items():
        yield name, "swept", values


def _range(dataset, parameter) -> str:
    values = np.unique(np.asarray(dataset[parameter].values, float))
    if values.size <= _MOST_VALUES:
        return ", ".join(f"{value:g}" for value in values)
    return f"{values[0]:.3g} to {values[-1]:.3g}, {values.size} values"


def _plain(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def model_card(dataset: xr.Dataset) -> Html:
    """What the body is made of, which content exactly, and after which works."""
    names = lambda dim: [str(name) for name in dataset[dim].values] if dim in dataset.coords else []
    parts = {
        "bodies": list(dict.fromkeys(names("on_body"))),
        **{f"{dim}s": names(dim) for dim in ("joint", "coordinate", "muscle")},
        "ligaments": names("ligament"),
    }
    known = {what: own for what, own in parts.items() if own}
    attrs = dataset.attrs
    pairs = [
        ("name", attrs.get("model", "unknown")),
        ("mass", _mass(dataset)),
        *((what, len(own)) for what, own in known.items()),
        ("positive directions", _signs(dataset)),
        ("content (SHA-256)", element("code", attrs.get("model_sha256", "unknown"))),
    ]
    sources = [work for what, work in citations_of(dataset) if what == "model"]
    every = facts((what, ", ".join(own)) for what, own in known.items())
    return join(
        [
            facts(pairs),
            element("h3", "Sources"),
            bullets(sources) or element("p", "The model names none."),
            element("details", element("summary", "Names of all parts"), every),
        ]
    )


def _mass(dataset) -> str:
    if "body_mass" not in dataset:
        return "not in the result"
    low, high = (float(dataset["body_mass"].reduce(f)) for f in (np.nanmin, np.nanmax))
    return f"{low:.1f} kg" if low == high else f"{low:.1f} to {high:.1f} kg"


def _signs(dataset) -> str:
    """`ankle dorsiflexion, knee flexion`, and what is negative in this model."""
    signs = read_json(dataset, "model_conventions")
    words = [f"{name} {sign}" for name, sign in signs.items()]
    return ", ".join(words).replace("_", " ") or "as in the model's file"


def validation(dataset: xr.Dataset) -> Html:
    """What has been compared with what today."""
    built_in = (_PLANAR,) if dataset.attrs.get("model") == "planar" else ()
    compared = _COMPARED.get(study_of(dataset))
    said = (*([compared] if compared else []), *_VALIDATION, *built_in)
    return paragraphs(*map(prose, said))


def notes(dataset: xr.Dataset, of_run: str) -> Html:
    """What was assumed, and the notes of the run as they stand."""
    more = element("details", element("summary", "notes.txt of the run"), listing(of_run))
    return join([bullets(map(prose, notes_of(dataset))), more if of_run else ""])


def notes_of(dataset: xr.Dataset) -> list[str]:
    """The notes, whole: a line that begins with a small letter goes on with the one before."""
    found: list[str] = []
    for line in str(dataset.attrs.get("notes", "")).splitlines():
        if found and line[:1].islower():
            found[-1] += f" {line}"
        elif line.strip():
            found.append(line)
    return found


def reproduce(dataset: xr.Dataset, config: str) -> Html:
    """The command, and the configuration that it needs; of a call in Python its arguments."""
    asked = configuration(dataset)
    text = config or json.dumps(asked, indent=2, ensure_ascii=False)
    if not config and "schema" not in asked:
        return join([paragraphs("Asked for in Python with"), listing(text)]) if asked else Html()
    for part, _ in _FILES:
        if not isinstance(asked.get(part) or {}, dict):
            raise BadInput(
                f"The configuration in the result (attribute `config`) is damaged: `{part}` is "
                f"a {kind_of(asked[part])}; it must be a mapping."
            )
    needs_files = any((asked.get(part) or {}).get(key) for part, key in _FILES)
    folder = " --set data_folder=FOLDER_OF_THE_FILES" if needs_files else ""
    source = asked.get("data_source")
    return join(
        [
            paragraphs("Save the configuration below as config.resolved.yaml, and run"),
            listing(f"biomech run config.resolved.yaml{folder}"),
            paragraphs(f"Its files: {source}" if source else ""),
            listing(text),
        ]
    )


_FILES = (("model", "path"), ("trial", "coordinates"))
"""Parts and keys of a configuration that name files to bring along."""


def cite(dataset: xr.Dataset) -> Html:
    """The works that the result owes, by what they are cited for."""
    rows = [(what, work) for what, work in citations_of(dataset)]
    if not rows:
        return Html()
    said = "Cite the software (CITATION.cff in its repository), the model and data, the methods."
    return join([paragraphs(said), table("Works this result owes", ("For", "Work"), rows)])


def citations_of(dataset: xr.Dataset) -> list[tuple[str, str]]:
    """What for and which work, of each line of the attribute."""
    lines = str(dataset.attrs.get("citations", "")).splitlines()
    parted = (line.partition(": ") for line in lines if line.strip())
    return [(what, work) if work else ("", what) for what, _, work in parted]


def versions(dataset: xr.Dataset) -> Html:
    attrs = dataset.attrs
    pairs = [
        (name.removesuffix("_version"), value)
        for name, value in attrs.items()
        if name.endswith("_version")
    ]
    pairs += [(key, attrs[key]) for key in ("precision", "device", "created") if key in attrs]
    return facts(pairs) if pairs else Html()
