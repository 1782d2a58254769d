"""Sciatic nerve compression: the muscles of the roots or of the nerve that suffers lose strength.

    strength of a muscle = (1 - severity * loss) * that of the model

with the loss that `preset` gives the muscle's group:

- `l5`: root L5, dropped foot and weak abductors. `s1`: root S1, weak push-off and weak extensors.
- `superior_gluteal`: that nerve alone (hip abductors). `complete`: the sciatic nerve in the
  buttock, hamstrings with the ischial part of adductor magnus (tibial division) and all below the
  knee; thigh muscles of the femoral and obturator nerves and the glutei are spared.

Which root and which nerve a muscle belongs to: standard anatomy (myotome charts, which overlap and
differ). How much is lost at severity 1 is a design choice, not data: the weakest that clinics call
a partial lesion of one root (0.6, peroneals 0.4), all of it for a nerve. In `inverse` the
healthy movement is held, which a foot that drops would not make.

Not modelled: pain, loss of feeling, reflexes, wasting that changes passive tissue, splints.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.body import Model
from ..model.names import BadInput, suggest
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .muscle_groups import muscles_in_group

_OWN_ROOT, _SHARED_ROOT, _OWN_NERVE = 0.6, 0.4, 1.0  # part of the strength lost at severity 1 [-]
PRESETS: dict[str, dict[str, float]] = {
    "l5": {
        "dorsiflexors": _OWN_ROOT,
        "hip_abductors": _OWN_ROOT,
        "peroneals": _SHARED_ROOT,
    },
    "s1": {
        "triceps_surae": _OWN_ROOT,
        "gluteus_maximus": _OWN_ROOT,
        "hamstrings": _OWN_ROOT,
    },
    "superior_gluteal": {"hip_abductors": _OWN_NERVE},
    "complete": {
        "hamstrings": _OWN_NERVE,
        "biceps_femoris_short_head": _OWN_NERVE,
        "adductor_magnus_ischial": _OWN_NERVE,
        "triceps_surae": _OWN_NERVE,
        "tibialis_posterior": _OWN_NERVE,
        "toe_flexors": _OWN_NERVE,
        "dorsiflexors": _OWN_NERVE,
        "peroneals": _OWN_NERVE,
        "foot_intrinsics": _OWN_NERVE,
    },
}
"""Preset -> muscle group -> part of the strength lost at severity 1."""

_SEVERITY = Parameter(
    name="severity",
    unit="-",
    lower=0.0,
    upper=1.0,
    neutral=0.0,
    description="of the lesion; 1 loses what the preset says",
    source="muscles by root and nerve: standard anatomy; size of the loss assumed",
)


def sciatic_compression(
    model: Model, *, side: str, severity: ScalarLike, preset: str = "l5"
) -> Model:
    """The model with muscles of a compressed root or nerve on `side` weaker.

    `preset`: "l5", "s1", "superior_gluteal" or "complete". Groups that the model lacks altogether
    are passed over. Differentiable in `severity`; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for another preset, or a model with none of the preset's muscles.
    """
    if preset not in PRESETS:
        raise BadInput(
            f"sciatic_compression.preset is '{preset}'. {suggest(preset, tuple(PRESETS))}"
        )
    suffixes(side)
    severity = _SEVERITY.of("sciatic_compression", severity, model)
    names = model.muscles.names
    loss = [0.0] * len(names)
    for group, part in PRESETS[preset].items():
        for name in muscles_in_group(group, side, names, missing_ok=True):
            loss[names.index(name)] = max(part, loss[names.index(name)])
    if not any(loss):
        raise BadInput(
            f"sciatic_compression: this model has no muscle of {', '.join(PRESETS[preset])} on "
            f"side '{side}'."
        )
    force = model.muscles.max_isometric_force
    left = 1.0 - severity * jnp.asarray(loss, force.dtype)
    return eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, left * force)


SCIATIC_COMPRESSION = Intervention(
    kind="sciatic_compression",
    apply=sciatic_compression,
    parameters=(_SEVERITY,),
    choices={"side": tuple(SIDES), "preset": tuple(PRESETS)},
    texts=(),
    needs_motion=False,
)
