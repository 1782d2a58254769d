"""What a configuration may say: every key, its unit, its range and what it is for.

SI and radians, as everywhere inside; another unit stands in the name of the key. Nothing is
converted between kinds (`strict`), nothing may be added (`forbid`), and a checked configuration
does not change (`frozen`). The models of the interventions are generated from
`interventions.CATALOGUE`, where their units, ranges and choices stand once.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, LiteralString

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..formats.native import SUFFIXES
from ..interventions import CATALOGUE, Intervention, Parameter
from ..model import library
from ..model.names import BadInput, near_miss, short_name, suggest, there_are
from ..personalise.body_size import HEIGHT, MASS
from ..solvers import interior_point, separable_programme
from ..studies.stand import POSTURE_WEIGHT
from ..studies.standing_habit import SUPPORTS
from ..studies.walking import DEFAULT_MESH, DEFAULT_SOLVER, LEAST_INTERVALS, RULES
from .sampling import (
    MAX_CASES,
    MAX_LEVELS,
    NUMBERS,
    Distribution,
    require_levels,
    require_power_of_two,
)

SCHEMA_VERSION = 1
_MODEL_SUFFIXES = (".osim", *SUFFIXES)
MAX_AXIS_VALUES = 10_000
LATER_STUDIES = ("predict",)
"""Studies that are planned; asking for one is an error of its own."""
RESERVED_NAMES = ("model", "study")
"""No intervention may be called so: `model.mass_kg` must not become ambiguous in a sweep."""

_OF_MUSCLES = ("activation", "muscle_force", "norm_fiber_length", "muscle_tendon_length")
_OF_MOTION = (
    *("coordinate_value", "coordinate_speed", "coordinate_acceleration", "center_of_mass"),
    *("generalized_force", "moment_to_balance", "unbalanced_force"),
    *("muscle_tendon_speed", "force_at_full_activation", "moment_arm", "ligament_force"),
    *("actuator_force", "reserve_force", "residual_force"),
    *("external_force", "ground_reaction_force", "center_of_pressure", "free_moment", "stance"),
    *("stride_time", "toe_off_pct"),
)
_OF_KNEES = ("knee_adduction_moment", "knee_contact_force", "medial_knee_force_per_varus")
_OF_SOLES = (
    *("regional_plantar_force", "contact_point", "contact_indentation"),
    *("plantar_fascia_strain", "arch_angle"),
)
_OF_JOINTS = (
    *("joint_reaction_force", "joint_reaction_moment", "joint_reaction_force_body_axes"),
    *("intersegmental_force", "intersegmental_moment", "joint_center"),
)

OUTPUTS: dict[str, tuple[str, ...]] = {
    "inverse": (*_OF_MOTION, *_OF_MUSCLES, *_OF_JOINTS, *_OF_KNEES),
    "stand": (
        *("coordinate_value", "habitual_value", "center_of_mass", "support_margin"),
        *(*_OF_MUSCLES, "moment_arm", "ligament_force", "actuator_force"),
        *_OF_JOINTS,
        *(*_OF_SOLES, "ground_reaction_force", "center_of_pressure", "posture_cost"),
    ),
    "track": (
        *(*_OF_MOTION, *_OF_MUSCLES, "excitation", "interval_excitation", "interval_control"),
        *(*_OF_JOINTS, *_OF_KNEES, *_OF_SOLES, "walking_cost"),
    ),
}
"""Study -> variables that `outputs` may choose among, beside those that are always kept."""

_OF_EVERY_MOTION = (
    *("status", "body_weight", "body_mass"),
    *("metric_value", "metric_time"),
    *("metric_rival_peak", "metric_at_edge", "metric_limited_share", "strength_limited"),
    *("reserve_force", "residual_force", "moment_to_balance", "center_of_mass"),
    *("external_force", "ground_reaction_force", "center_of_pressure"),
    *("stance", "stride_time", "toe_off_pct"),
)
ALWAYS_KEPT: dict[str, tuple[str, ...]] = {
    "inverse": _OF_EVERY_MOTION,
    "stand": (
        *("status", "body_weight", "body_mass", "metric_value"),
        *("balance_residual", "iterations", "weakly_active", "support_margin", "posture_cost"),
        *("center_of_mass", "ground_reaction_force", "center_of_pressure"),
    ),
    "track": (
        *(*_OF_EVERY_MOTION, "walking_cost", "found_from", "other_basin", "solve_report"),
        *("iterations", "constraint_residual", "dual_residual", "weakly_active"),
    ),
}
"""Study -> variables that every result has, whatever `outputs` asks for: small, and needed to judge
it."""


def _not_blank(text: str) -> str:
    if not text.strip() or "\x00" in text:
        raise PydanticCustomError("blank", "is empty; it must be a name")
    return text


Text = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_not_blank)]
MaybeName = Annotated[str | None, StringConstraints(max_length=200)]
FileName = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_not_blank)]
Names = Annotated[tuple[Name, ...], Field(strict=False, max_length=1000)]
Numbers = Annotated[tuple[float, ...], Field(strict=False, max_length=MAX_AXIS_VALUES)]
Pair = Annotated[tuple[float, float], Field(strict=False)]
Triple = Annotated[tuple[float, float, float], Field(strict=False)]
Angle = Annotated[float, Field(ge=-10.0, le=10.0)]
"""A coordinate's value [rad or m]; larger numbers are degrees or millimetres by mistake."""
Strength = Annotated[float, Field(gt=0.0, le=1e6)]

Bounds = Annotated[
    tuple[Annotated[float, Field(ge=0.0, le=1.0)], Annotated[float, Field(gt=0.0, le=10.0)]],
    Field(strict=False),
]


class Strict(BaseModel):
    """A part of the configuration: a typo is an error, and nothing is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data:
            if key not in known:
                raise PydanticCustomError(
                    "unknown_key",
                    "has no key '{key}'. {hint}{known}",
                    {
                        "key": short_name(str(key)),
                        "hint": f"{near} " if (near := near_miss(str(key), known)) else "",
                        "known": there_are(known),
                    },
                )
        return data


def _sweepable(unit: str) -> dict[str, Any]:
    """What a field says of itself (`json_schema_extra`) that a sweep may vary, as `part.field`.

    Only what all cases of one compiled programme can differ in: no number that sets a shape or is
    compiled in. The study, or the builder of the body, takes the value of each case.
    """
    return {"unit": unit, "sweepable": True}


def sweepable_numbers(part: Strict) -> tuple[Parameter, ...]:
    """The fields of a part of the configuration that a sweep may vary.

    `neutral` is the value written there, NaN if there is none.
    """
    found = []
    for name, field in type(part).model_fields.items():
        said = field.json_schema_extra
        if isinstance(said, dict) and said.get("sweepable"):
            limit = lambda *keys, field=field: next(
                float(getattr(m, key)) for m in field.metadata for key in keys if hasattr(m, key)
            )
            value, words = getattr(part, name), field.description or ""
            neutral = math.nan if value is None else float(value)
            span = limit("ge", "gt"), limit("le", "lt")
            found.append(Parameter(name, str(said["unit"]), *span, neutral, words, ""))
    return tuple(found)


def _one_of(part: Strict, *keys: str) -> str:
    """The one key of `keys` that is given."""
    given = [key for key in keys if getattr(part, key) is not None]
    if len(given) != 1:
        which = " and ".join(given) or "none"
        raise PydanticCustomError(
            "one_of",
            "needs exactly one of {keys}; it has {which}",
            {"keys": ", ".join(f"`{k}`" for k in keys), "which": which},
        )
    return given[0]


def _built_in(kind: str, name: str | None, known: tuple[str, ...]) -> str | None:
    if name is not None and name not in known:
        raise PydanticCustomError(
            "unknown_name",
            "no built-in {kind} named '{name}'. {hint}",
            {"kind": kind, "name": name, "hint": suggest(name, known)},
        )
    return name


def _if_given(parameter: Parameter) -> Any:
    """The field of a number that may be left away, and varied."""
    return Field(
        None,
        ge=parameter.lower,
        le=parameter.upper,
        description=f"{parameter.description} [{parameter.unit}]; default: as it is",
        json_schema_extra=_sweepable(parameter.unit) | {"source": parameter.source},
    )


class BodyModel(Strict):
    """The body: one that is built in, or a file; of its own size or scaled to another."""

    name: Name | None = Field(None, description="a built-in body; `biomech models` lists them")
    path: FileName | None = Field(None, description="an .osim or native .yaml model file")
    height_m: float | None = _if_given(HEIGHT)
    mass_kg: float | None = _if_given(MASS)
    current_height_m: float | None = Field(
        None,
        ge=HEIGHT.lower,
        le=HEIGHT.upper,
        description="height of a model from a file that has no marker `vertex` [m]",
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return _built_in("model", name, tuple(library.BUILT_IN))

    @field_validator("path")
    @classmethod
    def _readable(cls, path: str | None) -> str | None:
        if path is not None and not path.lower().endswith(_MODEL_SUFFIXES):
            raise PydanticCustomError(
                "unknown_name",
                "'{path}' is no model file; its name must end in {known}",
                {"path": path, "known": ", ".join(_MODEL_SUFFIXES)},
            )
        return path

    @model_validator(mode="after")
    def _one(self) -> "BodyModel":
        _one_of(self, "name", "path")
        return self


class RecordedTrial(Strict):
    """The motion: a built-in reference gait, or files."""

    reference: Name | None = Field(
        None, description="a built-in gait by the name of its model, or `default`"
    )
    coordinates: FileName | None = Field(None, description="a .mot or .sto file of coordinates")
    external_loads: FileName | None = Field(
        None, description="an ExternalLoads .xml file; its table must lie in the same folder"
    )
    emg: FileName | None = Field(None, description="a .sto file of muscle electrical activity")
    emg_side: Literal["r", "l"] = Field("r", description="leg the electrodes were on")
    in_degrees_columns: Names = Field(
        (),
        description="columns in degrees although the header says inDegrees=no; [all]: every "
        "angle, whatever the header says",
    )

    @field_validator("reference")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return _built_in("gait", name, ("default", *library.BUILT_IN_GAIT))

    @model_validator(mode="after")
    def _one(self) -> "RecordedTrial":
        if _one_of(self, "reference", "coordinates") == "reference":
            for key in ("external_loads", "emg", "in_degrees_columns"):
                if getattr(self, key):
                    raise PydanticCustomError(
                        "reference_only",
                        "`reference` brings its own loads; take `{key}` out",
                        {"key": key},
                    )
        return self


class ModelEdits(Strict):
    """Changes of structure, made in this order before any intervention."""

    weld: dict[Name, Angle] = Field(
        {}, description="joint or coordinate to remove, fixed at a value [rad or m]"
    )
    lock: dict[Name, Angle] = Field(
        {}, description="coordinate kept, locked at a value [rad or m]: muscles do not balance it"
    )
    value: dict[Name, Angle] = Field(
        {}, description="coordinate at a value [rad or m] instead of the recorded one"
    )
    reserves: dict[Name, Strength] = Field(
        {}, description="coordinate -> optimal force [N m or N] of a reserve actuator"
    )
    residuals: dict[Name, Strength] = Field(
        {}, description="coordinate -> optimal force [N m or N] of a residual actuator"
    )
    activation_bounds: Bounds | None = Field(
        None, description="[lower, upper] bound of every activation [-]"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "ModelEdits":
        bounds = self.activation_bounds
        if bounds is not None and not bounds[0] < bounds[1]:
            raise PydanticCustomError(
                "bounds",
                "activation_bounds are {bounds}; the lower must be below the upper",
                {"bounds": list(bounds)},
            )
        return self


def _refuse_keys_of_others(data: Any, own: type[Strict], kinds: Mapping[str, type[Strict]]) -> None:
    """Of parts told apart by `kind`: say so where a key is one of another kind."""
    for key in data if isinstance(data, Mapping) else ():
        others = [kind for kind, part in kinds.items() if key in part.model_fields]
        if others and key not in own.model_fields:
            raise PydanticCustomError(
                "unknown_key",
                "of kind '{kind}' takes no `{key}`, which is for {others}. {purpose}",
                {
                    "kind": data.get("kind"),
                    "key": key,
                    "others": ", ".join(others),
                    "purpose": inspect.cleandoc(own.__doc__ or "").splitlines()[0],
                },
            )


class Study(Strict):
    """The question."""

    kind: str

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys_of_other_studies(cls, data: Any) -> Any:
        _refuse_keys_of_others(data, cls, STUDIES)
        return data


def _require_order(start: float | None, end: float | None) -> None:
    if start is not None and end is not None and not start < end:
        raise PydanticCustomError(
            "window",
            "`start` is {start} s and `end` {end} s; start must come before end",
            {"start": start, "end": end},
        )


class InverseStudy(Study):
    """What muscles and joints carried in a measured motion."""

    kind: Literal["inverse"]
    start: float | None = Field(None, description="first instant [s]; default: of the record")
    end: float | None = Field(None, description="last instant [s]; default: of the record")
    rate_hz: float | None = Field(
        None, gt=0.0, le=10_000.0, description="instants per second; default: as recorded"
    )
    lowpass_hz: float | None = Field(
        None,
        ge=0.01,
        le=1000.0,
        description="cut-off of the filter on coordinates; default: none",
        json_schema_extra=_sweepable("Hz"),
    )
    exponent: float = Field(
        2.0, ge=2.0, le=10.0, description="p in the effort sum of |activation|^p [-]"
    )
    passive_fiber_force: bool = Field(False, description="whether stretched fibers resist")
    opensim_pennation: bool = Field(
        False, description="repeat OpenSim's slip in the force capacity of Millard muscles"
    )
    allow_fixed_kinematics: bool = Field(
        False, description="accept interventions that would change the movement; marks the result"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "InverseStudy":
        _require_order(self.start, self.end)
        return self


class StandStudy(Study):
    """How the body stands: balance with the least effort, near its habit."""

    kind: Literal["stand"]
    support: Literal[tuple(SUPPORTS)] = Field(  # type: ignore[valid-type]
        "both", description="what the body stands on"
    )
    held: Names = Field(
        (), description="coordinates that muscles keep at their habitual value, e.g. knee_angle_r"
    )
    posture_weight: float = Field(
        POSTURE_WEIGHT,
        ge=0.0,
        le=1e6,
        description="how much departure from habit weighs against effort [-]; assumed: look at "
        "0.01, 0.1 and 1",
        json_schema_extra=_sweepable("-"),
    )
    exponent: float = Field(
        2.0, ge=2.0, le=10.0, description="p in the effort sum of |activation|^p [-]"
    )
    uphill_deg: float = Field(
        0.0,
        ge=-30.0,
        le=30.0,
        description="slope of the ground, rising forward",
        json_schema_extra=_sweepable("deg"),
    )
    right_side_up_deg: float = Field(
        0.0,
        ge=-30.0,
        le=30.0,
        description="slope of the ground, rising to the right",
        json_schema_extra=_sweepable("deg"),
    )


def _weight(words: str, usual: float) -> Any:
    """The field of a weight of what walking costs."""
    return Field(
        usual,
        ge=0.0,
        le=1e6,
        description=f"{words} [-]; assumed",
        json_schema_extra=_sweepable("-"),
    )


class TrackStudy(Study):
    """How the body walks near a reference, free to depart from it, its ground reaction its own."""

    kind: Literal["track"]
    start: float | None = Field(
        None, description="first instant of one whole stride [s]; default: of the record"
    )
    end: float | None = Field(
        None, description="last instant of one whole stride [s]; default: of the record"
    )
    intervals: int = Field(
        DEFAULT_MESH.intervals,
        ge=LEAST_INTERVALS,
        le=1000,
        description="of the mesh of half a stride; a whole one has twice as many",
    )
    rule: Literal[tuple(RULES)] = Field(  # type: ignore[valid-type]
        DEFAULT_MESH.rule, description="of collocation"
    )
    half: bool | None = Field(
        None,
        description="walk half a stride that ends in its mirror image; default: where body and "
        "reference are the same on both sides in every case",
    )
    tracking_weight: float = _weight("how much departures from the reference count, times", 1.0)
    activation_weight: float = _weight("of the mean of activation^exponent", 1.0)
    excitation_weight: float = _weight("of the mean square excitation", 0.1)
    control_weight: float = _weight("of the mean square control of motors", 1.0)
    acceleration_weight: float = _weight("of the mean square acceleration", 1e-3)
    passive_weight: float = _weight("of the mean square passive moment", 0.0)
    exponent: float = Field(
        2.0,
        ge=1.0,
        le=10.0,
        description="of activation in what effort costs [-]",
        json_schema_extra=_sweepable("-"),
    )

    @model_validator(mode="after")
    def _ordered(self) -> "TrackStudy":
        _require_order(self.start, self.end)
        return self


STUDIES: dict[str, type[Study]] = {
    "inverse": InverseStudy,
    "stand": StandStudy,
    "track": TrackStudy,
}
"""Configuration of each study by its kind."""
_MOST_STEPS = {
    "inverse": separable_programme.MAX_STEPS,
    "stand": interior_point.MAX_STEPS,
    "track": DEFAULT_SOLVER.max_steps,
}
_TOLERANCES = {
    "inverse": None,
    "stand": interior_point.TOLERANCE,
    "track": DEFAULT_SOLVER.tolerance,
}


class Solver(Strict):
    """How closely a study solves each instant or case, and how long it tries.

    Of `inverse` this is static optimization, of `stand` and `track` the interior point method.
    """

    tolerance: float | None = Field(
        None,
        ge=1e-14,
        le=1e-3,
        description="on balance and optimality, relative [-]; default: of inverse 1e-11 in double, "
        f"3e-5 in single precision, of stand {interior_point.TOLERANCE:g}, of track "
        f"{DEFAULT_SOLVER.tolerance:g}",
    )
    max_steps: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Newton steps of an instant or case at most; one that needs more has the "
        "status maximum_iterations; default: "
        + ", ".join(f"of {kind} {steps}" for kind, steps in _MOST_STEPS.items()),
    )


class SweepAxis(Strict):
    """One swept parameter: its values, for a grid, or how likely they are, for a design that draws.

    Numbers outside the parameter's own range (`biomech interventions`) are refused. The tails of
    `normal` and `lognormal` are cut off there.
    """

    values: Numbers | None = Field(None, description="each value")
    linspace: Annotated[tuple[float, float, int], Field(strict=False)] | None = Field(
        None, description="[first, last, how many]: evenly spaced values"
    )
    uniform: Pair | None = Field(None, description="[low, high]: every value equally likely")
    loguniform: Pair | None = Field(
        None, description="[low, high], both above 0: every ratio equally likely"
    )
    triangular: Triple | None = Field(
        None, description="[low, mode, high]: most likely at the mode, never beyond the ends"
    )
    normal: Pair | None = Field(
        None, description="[mean, standard deviation], cut off at the parameter's range"
    )
    lognormal: Pair | None = Field(
        None,
        description="[median, sigma], sigma the standard deviation of the natural logarithm; cut "
        "off at the parameter's range",
    )

    @field_validator("linspace")
    @classmethod
    def _enough(cls, linspace: tuple[float, float, int] | None):
        if linspace is not None and not 2 <= linspace[2] <= MAX_AXIS_VALUES:
            raise PydanticCustomError(
                "count",
                "asks for {n} values; 2 to {most} will do",
                {"n": linspace[2], "most": MAX_AXIS_VALUES},
            )
        return linspace

    @model_validator(mode="after")
    def _one(self) -> "SweepAxis":
        if self.kind == "values" and not self.values:
            raise PydanticCustomError("one_of", "has no values")
        if self.is_distribution:
            _said_as("distribution", self.distribution)
        return self

    @property
    def kind(self) -> str:
        """The key that is given."""
        return _one_of(self, "values", "linspace", *NUMBERS)

    @property
    def is_distribution(self) -> bool:
        return self.kind in NUMBERS

    def distribution(self, lower: float = -math.inf, upper: float = math.inf) -> Distribution:
        """How likely each value is, of a parameter with these limits."""
        numbers = tuple(float(x) for x in getattr(self, self.kind))
        return Distribution(self.kind, numbers, lower, upper)


def _said_as(error: LiteralString, check: Callable[..., Any], *arguments: Any) -> None:
    """What `check` complains about, as an error of pydantic of that type."""
    try:
        check(*arguments)
    except BadInput as problem:
        raise PydanticCustomError(error, "{said}", {"said": str(problem)}) from None


def _power_of_two(samples: int) -> int:
    _said_as("power_of_two", require_power_of_two, samples)
    return samples


def _even(levels: int) -> int:
    _said_as("even", require_levels, levels)
    return levels


PowerOfTwo = Annotated[int, Field(ge=1, le=MAX_CASES), AfterValidator(_power_of_two)]
Levels = Annotated[int, Field(ge=2, le=MAX_LEVELS), AfterValidator(_even)]


class Design(Strict):
    """How the cases of a sweep are chosen."""

    kind: str

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys_of_other_designs(cls, data: Any) -> Any:
        _refuse_keys_of_others(data, cls, DESIGNS)
        return data

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but the kind."""
        return self.model_dump(exclude={"kind"})


class GridDesign(Design):
    """A grid has one case for every combination of `values` or `linspace` of the axes."""

    kind: Literal["grid"]


class RandomDesign(Design):
    """Random cases are drawn independently of each other."""

    kind: Literal["random"]
    samples: int = Field(ge=1, le=MAX_CASES, description="how many cases")


class LatinHypercubeDesign(Design):
    """A Latin hypercube has one case in each of `samples` equal shares of every parameter."""

    kind: Literal["lhs"]
    samples: int = Field(ge=1, le=MAX_CASES, description="how many cases")


class SobolDesign(Design):
    """A scrambled Sobol' sequence spreads cases evenly in all parameters together."""

    kind: Literal["sobol"]
    samples: PowerOfTwo = Field(description="how many cases: a power of two")


class SaltelliDesign(Design):
    """Saltelli's cases are those that Sobol' indices are computed from; needs the extra `uq`."""

    kind: Literal["saltelli"]
    samples: PowerOfTwo = Field(
        description="a power of two; the cases are this times 2 + 2 x parameters, or times 2 + "
        "parameters without `second_order`",
    )
    second_order: bool = Field(True, description="also the indices of pairs of parameters")


class MorrisDesign(Design):
    """Morris's walks change one parameter at a time, to screen many; needs the extra `uq`."""

    kind: Literal["morris"]
    trajectories: int = Field(
        ge=2, le=MAX_CASES, description="walks; the cases are this times 1 + parameters"
    )
    levels: Levels = Field(4, description="values of each parameter; an even number")


class CohortDesign(Design):
    """A cohort's cases are the rows of a file, one for each person."""

    kind: Literal["cohort"]
    path: FileName = Field(
        description="a .csv file in the data folder; its columns are named "
        "as keys of `sweep`, the first may be `case`, a name for each row"
    )


DESIGNS: dict[str, type[Design]] = {
    "grid": GridDesign,
    "random": RandomDesign,
    "lhs": LatinHypercubeDesign,
    "sobol": SobolDesign,
    "saltelli": SaltelliDesign,
    "morris": MorrisDesign,
    "cohort": CohortDesign,
}
"""Configuration of each design by its kind."""


def _intervention_model(intervention: Intervention) -> type[Strict]:
    """The configuration of one intervention, from its entry in the catalogue."""
    arguments = inspect.signature(intervention.apply).parameters
    fields: dict[str, Any] = {"kind": (Literal[intervention.kind], ...)}
    for p in intervention.parameters:
        fields[p.name] = (
            float,
            Field(
                p.neutral,
                ge=p.lower,
                le=p.upper,
                description=f"{p.description} [{p.unit}]",
                json_schema_extra={"unit": p.unit, "neutral": p.neutral, "source": p.source},
            ),
        )
    for name, options in intervention.choices.items():
        fields[name] = (Literal[options], _default(arguments[name]))
    for name in intervention.texts:
        default = arguments[name].default
        kind: Any = Names if isinstance(default, tuple) else MaybeName
        fields[name] = (kind, _default(arguments[name]))
    title = "".join(word.capitalize() for word in intervention.kind.split("_"))
    return create_model(title, __base__=Strict, __doc__=intervention.summary, **fields)


def _default(argument: inspect.Parameter) -> Any:
    return ... if argument.default is inspect.Parameter.empty else argument.default


INTERVENTION_MODELS: dict[str, type[Strict]] = {
    kind: _intervention_model(entry) for kind, entry in CATALOGUE.items()
}
"""Configuration of each intervention by its kind."""


def _union(models: tuple[type[Strict], ...]) -> Any:
    together: Any = models[0]
    for model in models[1:]:
        together = together | model
    return Annotated[together, Field(discriminator="kind")] if len(models) > 1 else together


SlurmOption = Literal[
    "queue", "account", "cores", "memory", "walltime", "interface", "local_directory"
]
"""Options that cannot run a command: configurations are data, which people pass on."""
SlurmValue = Annotated[str, StringConstraints(pattern=r"^[\w./:@+ -]{1,200}$")] | int


class Execution(Strict):
    """Who computes a sweep. It changes how long that takes, never the numbers."""

    executor: Literal["auto", "serial", "processes", "dask"] = Field(
        "auto",
        description="serial: one process; processes: one on each core; dask: a cluster; auto: "
        "processes where there is enough to compute, else serial",
    )
    workers: int | None = Field(
        None, ge=1, le=10_000, description="how many processes; default: one per core"
    )
    batch: int | None = Field(
        None,
        ge=1,
        le=100_000,
        description="cases computed together, fixed when a run is created; default: by memory",
    )
    retries: int = Field(2, ge=0, le=100, description="more tries for a batch that fails")
    batch_timeout_s: float | None = Field(
        None,
        ge=1.0,
        le=1e7,
        description="seconds a batch may take in a worker of `processes` or `dask`, before the "
        "worker is ended and the batch tried again; the first one compiles. Default: no limit",
    )
    cluster: FileName = Field(
        "local", description="of dask: local, slurm, or a scheduler's address (tls://HOST:PORT)"
    )
    cluster_options: dict[SlurmOption, SlurmValue] = Field(
        {},
        description="of dask on slurm: of dask_jobqueue.SLURMCluster; whatever else your site "
        "needs stands in dask's own configuration, ~/.config/dask/jobqueue.yaml",
    )


_AnyIntervention = _union(tuple(INTERVENTION_MODELS.values()))
AnyDesign = _union(tuple(DESIGNS.values()))
AnyStudy = _union(tuple(STUDIES.values()))
InterventionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ExperimentConfig(Strict):
    """One experiment: a body, a question, a motion if it is about one, and what is varied."""

    model_config = ConfigDict(title="biomech experiment")

    schema_version: Literal[1] = Field(alias="schema", description="version of this format: 1")
    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=80, description="names the run folder")
    description: Text = Field("", description="the question, in a sentence")
    data_folder: FileName | None = Field(
        None,
        description="where the files named here lie, relative to this file; given with --set or "
        "for a shipped configuration: relative to the current folder",
    )
    data_source: Text = Field("", description="where to get the files; shown when one is missing")
    model: BodyModel
    study: AnyStudy  # type: ignore[valid-type]
    trial: RecordedTrial | None = Field(
        None, validate_default=True, description="the motion; of the studies `inverse` and `track`"
    )
    model_edits: ModelEdits = Field(default_factory=lambda: ModelEdits.model_validate({}))
    solver: Solver = Field(
        default_factory=lambda: Solver.model_validate({}),
        validate_default=True,
        description="of the study: of `inverse`, static optimization; of `stand` and `track`, "
        "interior point",
    )
    interventions: dict[InterventionName, _AnyIntervention] = {}  # type: ignore[valid-type]
    sweep: dict[Name, SweepAxis] = Field(
        {},
        description="<intervention>.<parameter>, model.height_m, model.mass_kg, or a number of the "
        "study such as study.lowpass_hz or study.posture_weight -> its values, or how likely they "
        "are",
    )
    design: AnyDesign = Field(  # type: ignore[valid-type]
        GridDesign(kind="grid"),
        description="which cases of the sweep are run; on a grid each parameter becomes a "
        "dimension of the results, otherwise there is one dimension `case`",
    )
    outputs: Names = Field((), description="variables to keep in the result; default: all")
    metrics: Names = Field((), description="metrics to keep in the result; default: all")
    precision: Literal["float32", "float64"] = "float64"
    seed: int = Field(0, ge=0, le=2**32 - 1, description="of whatever `design` draws")
    execution: Execution = Field(default_factory=lambda: Execution.model_validate({}))
    files: dict[Name, Sha256] = Field(
        {}, description="SHA-256 each file must have; written into `config.resolved.yaml`"
    )

    @field_validator("study", mode="before")
    @classmethod
    def _available(cls, study: Any) -> Any:
        kind = study.get("kind") if isinstance(study, Mapping) else None
        if kind in LATER_STUDIES:
            raise PydanticCustomError(
                "later",
                "the study '{kind}' is not available in this version; there are: {known}",
                {"kind": kind, "known": ", ".join(STUDIES)},
            )
        return study

    @field_validator("trial")
    @classmethod
    def _moves(cls, trial: RecordedTrial | None, rest: Any) -> RecordedTrial | None:
        study = rest.data.get("study")
        if isinstance(study, InverseStudy | TrackStudy) and trial is None:
            raise PydanticCustomError("missing", "is missing")
        if isinstance(study, StandStudy) and trial is not None:
            raise PydanticCustomError(
                "no_motion", "the study 'stand' is about a body at rest; take `trial` out"
            )
        return trial

    @field_validator("solver")
    @classmethod
    def _of_study(cls, solver: Solver, rest: Any) -> Solver:
        """The solver with the numbers of the study where none are given."""
        if "study" not in rest.data:
            return solver
        kind = rest.data["study"].kind
        usual = {"tolerance": _TOLERANCES[kind], "max_steps": _MOST_STEPS[kind]}
        missing = {key: value for key, value in usual.items() if getattr(solver, key) is None}
        return solver.model_copy(update=missing)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a configuration, for editors and forms."""
    schema = ExperimentConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
