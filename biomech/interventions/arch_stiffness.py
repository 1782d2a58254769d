"""A stiffer or softer arch: more or less of the tissue that holds it up.

Times `scale`: the forces of the plantar fascia, of the long and short plantar and of the spring
ligament (`pcsa_force`), and the whole passive law of the midtarsal joint: stiffness, both stops and
damping. Damping goes along because more of the same tissue loses the same share of the energy that
it stores, at any rate of loading. Slack lengths and neutral angle stay, so the unloaded arch is as
high as it was; loaded, it sinks less or more.

Not modelled: a flatter or higher arch (another posture), the muscles that support it (strength),
the toes' and subtalar joint's own stiffness.
"""

import re

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.body import Model
from ..model.names import BadInput
from .catalogue import SIDES, Intervention, Parameter, suffixes

LIGAMENTS = ("plantar_fascia", "long_plantar", "short_plantar", "spring")
"""Stems of the names of the ligaments that hold up the arch."""
_LAW = ("stiffness", "damping", "lower_moment", "upper_moment")

_SCALE = Parameter(
    name="scale",
    unit="-",
    lower=0.1,
    upper=4.0,
    neutral=1.0,
    description="stiffness of fascia, plantar ligaments and midtarsal joint, times this",
    source="without fascia the arch sinks 14 to 36 % more (Arangio 1998, Foot Ankle Int. 19:705); "
    "range assumed",
)


def arch_stiffness(model: Model, *, side: str, scale: ScalarLike) -> Model:
    """The model with all that passively holds up the arch of `side` stiffer (> 1) or softer (< 1).

    Differentiable in `scale` [-]; shapes are kept. Neutral at 1.

    **Raises:** `BadInput` for a model without the plantar ligaments and the midtarsal passive
    moment, by name.
    """
    scale = _SCALE.of("arch_stiffness", scale, model)
    ligaments, moments = model.ligaments, model.passive_moments
    bands, joints = _rows(model, suffixes(side))
    band_gain = jnp.ones_like(ligaments.pcsa_force).at[jnp.array(bands)].set(scale)
    joint_gain = jnp.ones_like(moments.stiffness).at[jnp.array(joints)].set(scale)
    law = lambda m: [getattr(m.passive_moments, part) for part in _LAW]
    return eqx.tree_at(
        lambda m: (m.ligaments.pcsa_force, *law(m)),
        model,
        (band_gain * ligaments.pcsa_force, *(joint_gain * part for part in law(model))),
    )


def _rows(model: Model, sides: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Which ligaments and passive moments hold up the arch."""
    bands, missing = [], []
    for suffix in sides:
        for stem in LIGAMENTS:
            pattern = re.compile(rf"{stem}(?:_\w+)?_{suffix}")
            found = [i for i, name in enumerate(model.ligaments.names) if pattern.fullmatch(name)]
            bands += found
            missing += [] if found else [f"the ligament {stem}_{suffix}"]
    joints = [f"midtarsal_{suffix}" for suffix in sides]
    known = model.passive_moments.names
    missing += [f"the passive moment {name}" for name in joints if name not in known]
    if missing:
        raise BadInput(
            f"arch_stiffness: '{model.name}' lacks {', '.join(missing)}. What holds up the arch is "
            "known by these names; use a built-in body, or name the parts of your own so."
        )
    return bands, [known.index(name) for name in joints]


ARCH_STIFFNESS = Intervention(
    kind="arch_stiffness",
    apply=arch_stiffness,
    parameters=(_SCALE,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
