"""What an intervention declares about itself: the one place its parameters' facts stand.

The configuration schema, `biomech interventions` and the documentation are generated from it.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax.numpy as jnp
from jax.errors import ConcretizationTypeError
from jaxtyping import Array, Float

from ..model.body import Model
from ..model.names import BadInput

SIDES = {"r": ("r",), "l": ("l",), "both": ("r", "l")}
"""Side of the body -> suffixes of names."""


def suffixes(side: str, sides: tuple[str, ...] = tuple(SIDES)) -> tuple[str, ...]:
    """Suffixes of the names on a `side`, one of `sides`."""
    if side not in sides:
        raise BadInput(f"side is '{side}'; it must be one of {', '.join(sides)}.")
    return SIDES[side]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A number an intervention takes. `neutral` is the value that changes nothing."""

    name: str
    unit: str
    lower: float
    upper: float
    neutral: float
    description: str
    source: str

    def of(self, kind: str, value: Any, model: Model) -> Float[Array, ""]:
        """`value` after `check`, in the precision of `model`."""
        self.check(kind, value)
        return jnp.asarray(value, model.skeleton.mass.dtype)

    def check(self, kind: str, value: Any) -> None:
        """Raise if a concrete `value` is outside the range (traced values pass)."""
        try:
            number = float(value)
        except ConcretizationTypeError:
            return
        if not self.lower <= number <= self.upper:
            raise BadInput(f"{kind}.{self.name} is {number:g}; it must be {self.range_in_words}.")

    @property
    def range_in_words(self) -> str:
        """`between -20 and 20 deg (neutral 0)`; a neutral value that is NaN is not told."""
        unit = "" if self.unit == "-" else f" {self.unit}"
        neutral = "" if math.isnan(self.neutral) else f" (neutral {self.neutral:g})"
        return f"between {self.lower:g} and {self.upper:g}{unit}{neutral}"


@dataclasses.dataclass(frozen=True)
class Intervention:
    """A condition or treatment: `apply(model, **arguments) -> Model`.

    - `parameters`: numbers, sweepable and differentiable.
    - `choices`: options with a fixed set of values; `texts`: names of things in the model.
    - `needs_motion`: its effect is a change of movement, so `inverse` (measured motion) refuses it.
    - `pains`: stems of the joints that it can make hurt, so that a study spares their load.
    """

    kind: str
    apply: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    choices: dict[str, tuple[str, ...]]
    texts: tuple[str, ...]
    needs_motion: bool
    pains: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash((self.kind, self.apply))

    @property
    def summary(self) -> str:
        """First line of the function's documentation."""
        return (inspect.getdoc(self.apply) or "").splitlines()[0]


def painful_joints(
    model: Model, chosen: Iterable[tuple[Intervention, Mapping[str, Any]]]
) -> tuple[str, ...]:
    """Joints that hurt in `model`, and those that interventions with these arguments may make hurt.

    The same whatever their numbers are, so that all cases of a sweep are of one structure.
    """
    names = model.skeleton.joint_names
    hurt = {names[i] for i in model.pains.joints()}
    for entry, arguments in chosen:
        sides = suffixes(arguments["side"]) if entry.pains else ()
        hurt |= {f"{stem}_{suffix}" for stem in entry.pains for suffix in sides}
    return tuple(name for name in names if name in hurt)
