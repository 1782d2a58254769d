"""Reading and checking configurations: every kind of mistake is named, with what would be right."""

import inspect
import itertools
import json
from pathlib import Path

import pytest
from pydantic import Field

from biomech.experiment.config import (
    MAX_BYTES,
    axis_values,
    check,
    load_config,
    override,
    sweepable,
    to_plain,
)
from biomech.experiment.sampling import NUMBERS
from biomech.experiment.schema import (
    DESIGNS,
    INTERVENTION_MODELS,
    Strict,
    _sweepable,
    json_schema,
    sweepable_numbers,
)
from biomech.experiment.shipped import copy_configurations, find_configuration
from biomech.interventions import CATALOGUE
from biomech.model.names import BadInput
from biomech.solvers.separable_programme import solve

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
GLUTEAL = {"gluteal": {"kind": "gluteal_strength"}}


def config(**changes):
    return {
        "schema": 1,
        "name": "a",
        "model": {"name": "planar"},
        "trial": {"reference": "default"},
        "study": {"kind": "inverse"},
        **changes,
    }


def gluteal(**arguments):
    return {"interventions": {"gluteal": {"kind": "gluteal_strength", **arguments}}}


def study(**arguments):
    return {"study": {"kind": "inverse", **arguments}}


def swept(key, **axis):
    return {"interventions": GLUTEAL, "sweep": {key: axis}}


LHS = {"kind": "lhs", "samples": 5}


def drawn(design, **axis):
    return {**swept("gluteal.scale", **axis), "design": design}


def complaint(**changes):
    with pytest.raises(BadInput) as error:
        check(config(**changes), "x.yaml")
    return str(error.value)


def test_minimal_configuration_is_good():
    checked = check(config())
    assert checked.study.exponent == 2.0
    assert checked.solver.max_steps == inspect.signature(solve).parameters["max_steps"].default
    assert checked.precision == "float64"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"nam": "b"}, "the configuration has no key 'nam'. Did you mean 'name'?"),
        ({"schema": 2}, "`schema` is 2; it must be 1."),
        ({"name": "A B"}, '`name` is "A B"; it must be lower-case letters, digits and _'),
        (
            {"model": {"name": "planer"}},
            "no built-in model named 'planer'. Did you mean 'planar'?",
        ),
        (
            {"model": {"path": "walk.mot"}},
            "'walk.mot' is no model file; its name must end in .osim",
        ),
        ({"model": {}}, "`model` needs exactly one of `name`, `path`; it has none."),
        ({"model": {"name": "planar", "path": "a.osim"}}, "it has name and path."),
        ({"model": 3}, "`model` is 3; it must be a mapping"),
        ({"trial": {"reference": "default", "emg": "a"}}, "take `emg` out"),
        (
            {"trial": {"reference": "planar", "coordinates": "a"}},
            "it has reference and coordinates",
        ),
        (
            {"study": {"kind": "predict"}},
            "'predict' is not available in this version; there are: inverse, stand, track",
        ),
        ({"study": {"kind": "foo"}}, "`study.kind`: no 'foo'. There are: inverse, stand, track."),
        ({"study": {}}, "`study.kind` is missing. There are: inverse, stand, track."),
        (study(rate_hz=-1), "`study.rate_hz` is -1; it must be greater than 0."),
        (study(start="soon"), '`study.start` is "soon"; it must be a number.'),
        (study(exponent=True), "`study.exponent` is True; it must be a number."),
        (study(passive_fiber_force="yes"), "it must be true or false."),
        (study(start=2, end=1), "start must come before end."),
        (study(rate=3), "`study` has no key 'rate'. Did you mean 'rate_hz'?"),
        (
            {"solver": {"tol": 1e-9}},
            "`solver` has no key 'tol'. There are: max_steps, tolerance.",
        ),
        (
            {"solver": {"max_step": 3}},
            "no key 'max_step'. Did you mean 'max_steps'? There are: max_steps, tolerance.",
        ),
        ({"solver": {"tolerance": 1.0}}, "`solver.tolerance` is 1.0; it must be less than or"),
        ({"solver": {"max_steps": 0}}, "`solver.max_steps` is 0; it must be greater than or"),
        (
            {"solver": {"tolerance": 1e-9}, "precision": "float32"},
            "`solver.tolerance` is 1e-09, which single precision cannot tell from rounding; it",
        ),
        ({"interventions": {"g": {"scale": 1}}}, "`interventions.g.kind` is missing. There are:"),
        (
            {"interventions": {"g": {"kind": "gluteal_strenth"}}},
            "`interventions.g.kind`: no 'gluteal_strenth'. Did you mean 'gluteal_strength'",
        ),
        ({"interventions": {"G": GLUTEAL["gluteal"]}}, "`interventions.G` is"),
        (
            {"interventions": {"study": {**GLUTEAL["gluteal"], "scale": 1}}},
            "the name 'study' is taken",
        ),
        (
            gluteal(scale=4),
            "`interventions.gluteal.scale` is 4; it must be between 0 and 3 (neutral",
        ),
        (
            gluteal(scale="50 %"),
            '`interventions.gluteal.scale` is "50 %"; it must be a number: write 0.5.',
        ),
        (gluteal(scale="0.5"), '"0.5"; it must be a number: write 0.5.'),
        (gluteal(scale="0.5 mm"), '"0.5 mm"; it must be a number: write the number alone.'),
        (study(lowpass_hz="6 Hz"), '"6 Hz"; it must be a number: write 6.'),
        (study(lowpass_hz="6hz"), '"6hz"; it must be a number: write 6.'),
        (study(rate_hz="0.1 kHz"), "it must be a number: write the number alone, in Hz."),
        (study(start="480 ms"), '"480 ms"; it must be a number: write the number alone.'),
        (study(start="12:30"), '"12:30"; it must be a number.'),
        (gluteal(scale="x"), '`interventions.gluteal.scale` is "x"; it must be a number.'),
        (gluteal(scale=1, side="x"), "it must be 'r', 'l' or 'both'."),
        (
            gluteal(scale=1, sid="r"),
            "`interventions.gluteal` has no key 'sid'. Did you mean 'side'?",
        ),
        (gluteal(), "`interventions.gluteal` changes nothing: give it `scale`, or sweep it."),
        (
            {"interventions": {"m": {"kind": "muscle_strength", "scale": 1, "muscles": ["a", 3]}}},
            "`interventions.m.muscles.1` is 3; it must be text.",
        ),
        (
            {"sweep": {"g.scale": {"values": [1]}}},
            "`sweep.g.scale`: What can be varied here: model.height_m, model.mass_kg, "
            "study.lowpass_hz. 'g.scale' is none of them. To vary the body, name an intervention.",
        ),
        (
            {"model": {"name": "planar", "height_m": 175}},
            "`model.height_m` is 175; it must be between 1.3 and 2.2 m (neutral 1.75).",
        ),
        (
            {"model": {"name": "planar", "mass_kg": "75"}},
            '`model.mass_kg` is "75"; it must be a nu',
        ),
        (
            swept("model.mass_kg", values=[20]),
            "`20`; it must be between 30 and 200 kg (neutral 75)",
        ),
        (
            swept("model.height", values=[1.8]),
            "'model.height' is none of them. Did you mean 'model.height_m'",
        ),
        (
            {**gluteal(scale=1), "sweep": {"gluteal.scal": {"values": [1]}}},
            "`sweep.gluteal.scal`: What can be varied here: gluteal.scale, model.height_m, "
            "model.mass_kg, study.lowpass_hz. 'gluteal.scal' is none of them. Did you mean 'glut",
        ),
        (
            swept("study.exponent", values=[2, 3]),
            "study.lowpass_hz. `study.exponent` is the same in all cases of a run: make a run for",
        ),
        (swept("model.name", values=[1]), "`model.name` is the same in all cases of a run"),
        (swept("study.lowpass", values=[4]), "Did you mean 'study.lowpass_hz'?"),
        (swept("study.lowpass_hz", values=[4, 0]), "has `0`; it must be between 0.01 and 1000 Hz."),
        (
            {**swept("study.lowpass_hz", values=[4, 0]), **study(lowpass_hz=6)},
            "between 0.01 and 1000 Hz (neutral 6).",
        ),
        (
            drawn(LHS, uniform=[1, 5]) | {"sweep": {"study.lowpass_hz": {"uniform": [-1, 5]}}},
            "`-1`",
        ),
        (swept("gluteal.scale", values=[1, 5]), "has `5`; it must be between 0 and 3 (neutral 1)"),
        (swept("gluteal.scale", values=[1, 1]), "holds a value twice"),
        (swept("gluteal.scale", values=[]), "`sweep.gluteal.scale` has no values."),
        (swept("gluteal.scale", values=[float("nan")]), "must be a finite number"),
        (swept("gluteal.scale", linspace=[0, 1, 1]), "asks for 1 values; 2 to 10000 will do."),
        (swept("gluteal.scale", linspace=[0, 1]), "number 3 is missing."),
        (swept("gluteal.scale", linspace=[0, 1, 2], values=[1]), "it has values and linspace."),
        (swept("gluteal.scale"), "needs exactly one of `values`, `linspace`, `uniform`, "),
        (swept("gluteal.scale", normal=[1, 2], uniform=[1, 2]), "it has uniform and normal."),
        (swept("gluteal.scale", uniform=[1, 0.5]), "is [1, 0.5]; low must be below high."),
        (swept("gluteal.scale", uniform=[1, 2, 3]), "it must have at most 2 items, not 3."),
        (swept("gluteal.scale", triangular=[1, 2]), "`sweep.gluteal.scale.triangular` needs more"),
        (swept("gluteal.scale", uniform=["a", 2]), '`sweep.gluteal.scale.uniform.0` is "a"'),
        (swept("gluteal.scale", normal=[1, True]), "normal.1` is True; it must be a number"),
        (drawn(LHS, uniform=[1, 5]), "has `5`; it must be between 0 and 3 (neutral 1)"),
        (drawn(LHS, normal=[4, 1]), "has `4`; it must be between 0 and 3 (neutral 1)"),
        (drawn(LHS, normal=[1, 1e6]), "for so wide a one write `uniform: [0, 3]`."),
        (drawn(LHS, values=[1, 0.5]), "'lhs' draws from a distribution: write `uniform: [0.5, 1]`"),
        (drawn(LHS, values=[1]), "write `uniform: [low, high]` or another one, or take `design`"),
        (drawn(LHS, linspace=[0, 1, 3]), "has `linspace`, and 'lhs' draws"),
        (swept("gluteal.scale", uniform=[0, 1]), "is `uniform`, and a grid needs `values` or"),
        (
            drawn({"kind": "grid", "samples": 3}, values=[1]),
            "of kind 'grid' takes no `samples`, wh",
        ),
        (drawn({"kind": "lhs", "levels": 3}, uniform=[0, 1]), "takes no `levels`, which is for mo"),
        (drawn({"kind": "lhs", "sample": 3}, uniform=[0, 1]), "Did you mean 'samples'?"),
        (drawn({"kind": "lhs"}, uniform=[0, 1]), "`design.samples` is missing."),
        (
            drawn({"samples": 3}, uniform=[0, 1]),
            "`design.kind` is missing. There are: grid, random",
        ),
        (
            drawn({"kind": "halton", "samples": 3}, uniform=[0, 1]),
            "`design.kind`: no 'halton'. The",
        ),
        (drawn({"kind": ["lhs"], "samples": 3}, uniform=[0, 1]), "`design.kind`"),
        (drawn({"kind": "lhs", "samples": 0}, uniform=[0, 1]), "greater than or equal to 1."),
        (drawn({"kind": "lhs", "samples": 2.5}, uniform=[0, 1]), "it must be a whole number."),
        (drawn({"kind": "lhs", "samples": 10**7}, uniform=[0, 1]), "less than or equal to 1000000"),
        (
            drawn({"kind": "sobol", "samples": 200}, uniform=[0, 1]),
            "`design.samples` is 200; it must be a power of two: 128 or 256.",
        ),
        (drawn({"kind": "saltelli", "samples": 3}, uniform=[0, 1]), "a power of two: 2 or 4."),
        (
            drawn({"kind": "saltelli", "samples": 2**19}, uniform=[0, 1]),
            "`design` has 2097152 cases; at most 1000000 are run at once.",
        ),
        (
            drawn({"kind": "morris", "trajectories": 4, "levels": 5}, uniform=[0, 1]),
            "`design.levels` is 5; it must be even, 2 to 100.",
        ),
        (
            drawn({"kind": "morris", "trajectories": 1}, uniform=[0, 1]),
            "greater than or equal to 2",
        ),
        ({"design": LHS}, "`design` is 'lhs', but `sweep` names no parameter to draw"),
        (drawn({"kind": "cohort", "path": "a.csv"}, values=[1]), "`sweep` must be empty"),
        ({"design": {"kind": "cohort"}}, "`design.path` is missing."),
        ({"design": {"kind": "cohort", "path": " "}}, "`design.path`: is empty"),
        ({"design": {"kind": "cohort", "path": "a.csv", "samples": 3}}, "takes no `samples`"),
        (
            {"model_edits": {"weld": {"mtp_r": 90}}},
            "`model_edits.weld.mtp_r` is 90; it must be less",
        ),
        (
            {"model_edits": {"reserves": {"a": 0}}},
            "`model_edits.reserves.a` is 0; it must be greater",
        ),
        ({"model_edits": {"activation_bounds": [0.5, 0.1]}}, "the lower must be below the upper"),
        (
            {"outputs": ["activatoin"]},
            "`outputs`: there is no 'activatoin'. Did you mean 'activation'?",
        ),
        ({"metrics": ["peak_hip"]}, "`metrics`: there is no 'peak_hip'. Did you mean 'peak_hip_"),
        ({"outputs": "activation"}, '`outputs` is "activation"; it must be a list.'),
        ({"precision": "float16"}, "it must be 'float32' or 'float64'."),
        ({"seed": -1}, "`seed` is -1; it must be greater than or equal to 0."),
        ({"files": {"a.sto": "12"}}, '`files.a.sto` is "12"'),
    ],
)
def test_mistake_is_named_with_the_remedy(changes, said):
    told = complaint(**changes)
    assert said in told
    assert told.startswith("x.yaml: ")


def test_every_missing_key_is_named():
    with pytest.raises(BadInput) as error:
        check({"schema": 1})
    for key in ("name", "model", "study"):
        assert f"`{key}` is missing." in str(error.value)
    with pytest.raises(BadInput, match=r"`trial` is missing\."):
        check({"schema": 1, "study": {"kind": "inverse"}})


def test_too_many_cases_are_refused():
    axes = {f"{name}.scale": {"linspace": [0, 1, 101]} for name in "abc"}
    told = complaint(interventions={n: GLUTEAL["gluteal"] for n in "abc"}, sweep=axes)
    assert "`sweep` has 1030301 cases; at most 1000000 are run at once." in told
    many = {f"a{i}": GLUTEAL["gluteal"] for i in range(60)}
    told = complaint(
        interventions=many, sweep={f"{n}.scale": {"linspace": [0, 1, 2]} for n in many}
    )
    assert "`sweep` has more than 1e15 cases" in told


def required_choices(kind):
    """The first of the options of every choice but the side that an intervention insists on."""
    takes = inspect.signature(CATALOGUE[kind].apply).parameters
    return {
        name: options[0]
        for name, options in CATALOGUE[kind].choices.items()
        if name != "side" and takes[name].default is inspect.Parameter.empty
    }


@pytest.mark.parametrize("kind", [kind for kind, entry in CATALOGUE.items() if entry.needs_motion])
def test_intervention_that_needs_movement_is_refused(kind):
    parameter = CATALOGUE[kind].parameters[0]
    chosen = {
        "kind": kind,
        "side": "r",
        parameter.name: 0.5 * (parameter.neutral + parameter.upper),
        **required_choices(kind),
    }
    told = complaint(interventions={"x": chosen})
    assert f"`interventions.x`: '{kind}' acts by changing the movement" in told
    assert "allow_fixed_kinematics: true" in told
    check(config(interventions={"x": chosen}, **study(allow_fixed_kinematics=True)))


@pytest.mark.parametrize("kind", [kind for kind, entry in CATALOGUE.items() if entry.needs_motion])
def test_intervention_of_one_side_must_say_which(kind):
    parameter = CATALOGUE[kind].parameters[0]
    chosen = {"kind": kind, parameter.name: parameter.upper, **required_choices(kind)}
    assert "`interventions.x.side` is missing." in complaint(interventions={"x": chosen})


# ----------------------------------------------------------------------------- generated models


@pytest.mark.parametrize("kind", CATALOGUE)
def test_intervention_model_says_what_the_catalogue_says(kind):
    schema = json_schema()["$defs"][INTERVENTION_MODELS[kind].__name__]["properties"]
    for parameter in CATALOGUE[kind].parameters:
        said = schema[parameter.name]
        assert (said["minimum"], said["maximum"]) == (parameter.lower, parameter.upper)
        assert (said["default"], said["unit"]) == (parameter.neutral, parameter.unit)
    for name, choices in CATALOGUE[kind].choices.items():
        assert schema[name]["enum"] == list(choices)
    assert set(schema) == {
        "kind",
        *(parameter.name for parameter in CATALOGUE[kind].parameters),
        *CATALOGUE[kind].choices,
        *CATALOGUE[kind].texts,
    }


def test_sweepable_lists_every_parameter():
    others = ("model.height_m", "model.mass_kg", "study.lowpass_hz")
    assert sweepable(check(config(**gluteal(scale=1)))) == ("gluteal.scale", *others)
    assert sweepable(check(config())) == others


def test_a_part_declares_what_a_sweep_may_vary():
    class Body(Strict):
        name: str = "a"
        height_m: float = Field(1.75, gt=1.0, le=2.3, json_schema_extra=_sweepable("m"))

    (height,) = sweepable_numbers(Body(height_m=1.8))
    assert (height.name, height.unit, height.neutral) == ("height_m", "m", 1.8)
    assert (height.lower, height.upper) == (1.0, 2.3)


def test_linspace_includes_both_ends():
    checked = check(config(**swept("gluteal.scale", linspace=[0, 1, 5])))
    assert axis_values(checked.sweep["gluteal.scale"]) == (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    "changes",
    [
        swept("gluteal.scale", values=[1, 0.5]),
        drawn(LHS, normal=[1, 0.5]),
        drawn({"kind": "saltelli", "samples": 4, "second_order": False}, loguniform=[0.1, 1]),
        drawn({"kind": "morris", "trajectories": 4}, triangular=[0, 1, 2]),
        {"interventions": GLUTEAL, "design": {"kind": "cohort", "path": "people.csv"}},
    ],
)
def test_plain_form_reads_back_as_the_same(changes):
    checked = check(config(**changes))
    assert check(json.loads(json.dumps(to_plain(checked)))) == checked


def test_a_sweep_is_a_grid_unless_a_design_is_asked_for():
    assert check(config()).design.kind == "grid"
    assert check(config(**drawn(LHS, uniform=[0, 1]))).design.settings == {"samples": 5}


def test_schema_shows_the_solver_and_what_of_the_study_can_be_swept():
    definitions = json_schema()["$defs"]
    solver = definitions["Solver"]["properties"]
    assert set(solver) == {"tolerance", "max_steps"}
    assert "of inverse 60, of stand 200" in solver["max_steps"]["description"]
    assert "of inverse 1e-11" in solver["tolerance"]["description"]
    study = definitions["InverseStudy"]["properties"]
    assert [name for name, about in study.items() if about.get("sweepable")] == ["lowpass_hz"]
    assert study["lowpass_hz"]["unit"] == "Hz"
    study = definitions["StandStudy"]["properties"]
    varied = {name: about["unit"] for name, about in study.items() if about.get("sweepable")}
    assert varied == {"posture_weight": "-", "uphill_deg": "deg", "right_side_up_deg": "deg"}


def test_schema_says_what_designs_and_distributions_mean():
    definitions = json_schema()["$defs"]
    for kind, design in DESIGNS.items():
        said = definitions[design.__name__]
        assert said["properties"]["kind"]["const"] == kind
        for name, about in said["properties"].items():
            assert name == "kind" or about["description"]
        assert said["description"]
    axis = definitions["SweepAxis"]["properties"]
    assert {"values", "linspace", *NUMBERS} == set(axis)
    assert all(about["description"] for about in axis.values())
    mapping = json_schema()["properties"]["design"]["discriminator"]["mapping"]
    assert set(mapping) == set(DESIGNS)


# -------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    "text, said",
    [
        ("schema: 1\nschema: 1\n", "duplicate key"),
        ("a: [1, 2\n", "cannot be read as YAML"),
        ("- 1\n", "is no configuration"),
        ("", "is no configuration"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: " + "[" * 20 + "]" * 20 + "\n", "nested deeper"),
        ("a: !!python/object/apply:os.getcwd []\n", "cannot be read as YAML"),
        ("a: 2024-99-99\n", "cannot be read as YAML"),
        ("#" * (MAX_BYTES + 1), "has more than 250000 bytes"),
        ("name: \xff", "not UTF-8"),
    ],
)
def test_file_that_is_no_configuration(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"bad\.yaml") as error:
        load_config(path)
    assert said in str(error.value)


def test_missing_file_and_unknown_name():
    with pytest.raises(BadInput, match="no configuration file"):
        load_config("nowhere/x.yaml")
    with pytest.raises(BadInput, match="Did you mean"):
        load_config("quickstrat")


def test_a_folder_is_no_configuration(tmp_path):
    (tmp_path / "mine.yaml").write_text("x")
    with pytest.raises(BadInput, match=r"is a folder; name a \.yaml file\. .*: mine\.yaml"):
        load_config(tmp_path)
    with pytest.raises(BadInput, match=r"no configuration file .*Did you mean 'mine\.yaml'\?"):
        load_config(tmp_path / "mina.yaml")


def test_shipped_configuration_says_so_and_names_its_namesake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"^\(shipped\) quickstart\.yaml: `seed`"):
        load_config("quickstart", ["seed=x"])
    (tmp_path / "quickstart.yaml").write_text(json.dumps(config()))
    with pytest.warns(UserWarning, match=r"shipped .*, not the file quickstart\.yaml.*write \./"):
        assert load_config("quickstart").source == "(shipped) quickstart.yaml"
    for mine in ("quickstart.yaml", "./quickstart.yaml"):
        assert load_config(mine).config.name == "a"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configuration_is_good(path):
    checked = load_config(path)
    assert checked.config.name == path.stem
    assert checked.config.description
    assert find_configuration(path.stem)[1]


def test_copies_overwrite_nothing(tmp_path):
    copies = copy_configurations(tmp_path / "mine")
    assert {path.name for path in copies} == {path.name for path in CONFIGS.glob("*.yaml")}
    with pytest.raises(BadInput, match="already has"):
        copy_configurations(tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="is a file; name a folder"):
        copy_configurations(tmp_path / "file")
    with pytest.raises(BadInput, match=r"Cannot write in .*Not a directory"):
        copy_configurations(tmp_path / "file" / "folder")


def test_files_are_relative_to_the_configuration(tmp_path, monkeypatch):
    path = tmp_path / "a" / "x.yaml"
    path.parent.mkdir()
    path.write_text(json.dumps(config(data_folder="b")))
    monkeypatch.chdir(tmp_path)
    assert load_config(path).folder == (tmp_path / "a" / "b").resolve()
    assert load_config(path, ["data_folder=c"]).folder == tmp_path / "c"
    assert load_config("measured_walk").folder == tmp_path / "measured_walk"


# ---------------------------------------------------------------------------------- overrides


@pytest.mark.parametrize(
    "text, where, value",
    [
        ("study.rate_hz=50", ("study", "rate_hz"), 50),
        ("study.lowpass_hz=1e-1", ("study", "lowpass_hz"), 0.1),
        ("name=no", ("name",), "no"),
        ("data_folder=/a b/c=d", ("data_folder",), "/a b/c=d"),
        ("study.start=", ("study", "start"), None),
        ("outputs=[activation]", ("outputs",), ["activation"]),
        ("sweep.gluteal.scale={values: [1]}", ("sweep", "gluteal.scale"), {"values": [1]}),
        ("sweep.gluteal.scale.values=[1]", ("sweep", "gluteal.scale", "values"), [1]),
        ("interventions.g.kind=x", ("interventions", "g", "kind"), "x"),
    ],
)
def test_override_sets_one_value(text, where, value):
    data = config()
    override(data, text)
    for key in where:
        data = data[key]
    assert data == value


@pytest.mark.parametrize(
    "text, said",
    [
        ("study.rate_hz", "write key=value"),
        ("=1", "write key=value"),
        ("study..x=1", "write key=value"),
        ("name.x=1", "`name` has no keys below it"),
        ("seed=[1", "cannot be read as YAML"),
    ],
)
def test_override_that_means_nothing(text, said):
    with pytest.raises(BadInput) as error:
        override(config(), text)
    assert said in str(error.value)


def test_overrides_leave_the_mapping_alone():
    mine = config()
    load_config(mine, ["study.rate_hz=50"])
    assert mine == config()


def test_all_complaints_come_together_but_not_too_many():
    told = complaint(**{f"interventions.{i}": 1 for i in range(3)}, seed=-1)
    assert "no key" in told
    edits = {"weld": {f"joint_{i}": 90 for i in range(20)}}
    lines = complaint(model_edits=edits).splitlines()
    assert len(lines) == 9
    assert lines[-1] == "x.yaml: and 12 more."
    assert not list(itertools.filterfalse(lambda line: line.startswith("x.yaml: "), lines))


def test_metric_that_is_named_twice_is_refused():
    twice = ["peak_hip_force_r", "peak_knee_force_r", "peak_hip_force_r"]
    with pytest.raises(BadInput, match="`metrics` holds `peak_hip_force_r` twice; name it once"):
        load_config("quickstart", [f"metrics={twice}"])
