"""Several interventions one after the other, some of their numbers left open.

What a derivative is taken over: `chain(model, numbers)` is the body with the open numbers in their
place. A chain is plain data that can be compared and hashed, so that a compiled programme is found
again.
"""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Array, Float

from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from .catalogue import Intervention, Parameter

Arguments = tuple[tuple[str, Any], ...]


@dataclasses.dataclass(frozen=True)
class Chain:
    """Interventions in order.

    - `steps`: name, catalogue entry and fixed arguments of each.
    - `open`: (name, parameter) of every open number, in the order in which they are given.
    """

    steps: tuple[tuple[str, Intervention, Arguments], ...]
    open: tuple[tuple[str, str], ...]

    def __call__(self, model: Model, numbers: Float[Array, " number"]) -> Model:
        """The body after every step; `numbers` fill the open places."""
        for name, entry, fixed in self.steps:
            own = {p: numbers[i] for i, (of, p) in enumerate(self.open) if of == name}
            model = entry.apply(model, **(dict(fixed) | own))
        return model

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is known of every open number."""
        entries = {name: entry for name, entry, _ in self.steps}
        return tuple(_parameter(entries[name], own) for name, own in self.open)

    @property
    def values(self) -> tuple[float, ...]:
        """Every open number where it stands: as asked for, else neutral."""
        asked = {name: dict(fixed) for name, _, fixed in self.steps}
        pairs = zip(self.open, self.parameters, strict=True)
        return tuple(float(asked[name].get(own, p.neutral)) for (name, own), p in pairs)


NOTHING = Chain((), ())
"""A chain that changes nothing."""


def chain(
    catalogue: Mapping[str, Intervention],
    interventions: Mapping[str, Mapping[str, Any]],
    wanted: Sequence[str],
) -> Chain:
    """Interventions as in a configuration, name -> {kind, arguments}, with `wanted` numbers open.

    `wanted`: `<intervention>.<parameter>`; an intervention may also be called by its kind, and then
    has its default arguments.

    **Raises:** `UnknownName` with near misses; `BadInput` for an argument that is missing.
    """
    steps = {name: dict(chosen) for name, chosen in interventions.items()}
    for key in wanted:
        name = key.partition(".")[0]
        if name not in steps:
            if name not in catalogue:
                known = (*steps, *catalogue)
                raise UnknownName(f"No intervention named '{name}'. {suggest(name, known)}")
            steps[name] = {"kind": name}
    made = tuple(_step(catalogue, name, chosen) for name, chosen in steps.items())
    opened = Chain(made, tuple((k.partition(".")[0], k.partition(".")[2]) for k in wanted))
    entries = {name: entry for name, entry, _ in made}
    for name, own in opened.open:
        _parameter(entries[name], own)
    return opened


def _step(catalogue, name, chosen) -> tuple[str, Intervention, Arguments]:
    arguments = dict(chosen)
    kind = str(arguments.pop("kind", ""))
    if kind not in catalogue:
        raise UnknownName(f"`{name}.kind`: no '{kind}'. {suggest(kind, tuple(catalogue))}")
    entry = catalogue[kind]
    takes = inspect.signature(entry.apply).parameters
    known = [key for key in takes if takes[key].kind is inspect.Parameter.KEYWORD_ONLY]
    for key in arguments:
        if key not in known:
            raise UnknownName(f"`{name}`: {kind} takes no '{key}'. {suggest(key, known)}")
    neutral = {p.name: p.neutral for p in entry.parameters}
    for key in known:
        if takes[key].default is inspect.Parameter.empty and key not in arguments | neutral:
            choices = ", ".join(entry.choices.get(key, ())) or "a name"
            raise BadInput(
                f"`{name}`: {kind} needs `{key}` ({choices}). Name it among `interventions`, e.g. "
                f'{{"{name}": {{"kind": "{kind}", "{key}": ...}}}}.'
            )
    hashable = lambda value: tuple(value) if isinstance(value, list) else value
    filled = neutral | {key: hashable(value) for key, value in arguments.items()}
    return name, entry, tuple(filled.items())


def _parameter(entry: Intervention, name: str) -> Parameter:
    for parameter in entry.parameters:
        if parameter.name == name:
            return parameter
    names = [p.name for p in entry.parameters]
    raise UnknownName(f"{entry.kind} has no parameter '{name}'. {suggest(name, names)}")
