"""Plantar fasciotomy: a fascia of which part, or all, is cut.

    force of the plantar fascia = (1 - release) * that of the model        (`pcsa_force`)

Lengths stay: what is left is as taut as it was, on less section. At 1 nothing is left, and arch and
toes are held by ligaments, joints and muscles.

Source of what follows: without fascia the arch of a model foot sinks 14 to 36 % more under 683 N
(Arangio et al. 1998, Foot Ankle Int. 19:705-709), and 2.5 mm more in standing (Gefen 2002,
doi:10.1016/S0021-9290(01)00242-1).
Not modelled: which of its strands are cut (the model has one), the scar, a longer fascia that grows
together again, pain, muscles that get used to it.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.arch import FASCIA, fascia_strands
from ..model.body import Model
from ..model.names import BadInput, suggest
from .catalogue import SIDES, Intervention, Parameter, suffixes

_RELEASE = Parameter(
    name="release",
    unit="-",
    lower=0.0,
    upper=1.0,
    neutral=0.0,
    description="part of the fascia's section that is cut",
    source="total release in Gefen 2002, J. Biomech. 35:629, doi:10.1016/S0021-9290(01)00242-1",
)


def fasciotomy(model: Model, *, side: str, release: ScalarLike) -> Model:
    """The model with the plantar fascia of `side` cut in part (`release` < 1) or whole (1).

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without plantar fascia, by name.
    """
    release = _RELEASE.of("fasciotomy", release, model)
    for suffix in suffixes(side):
        force = model.ligaments.pcsa_force
        gain = jnp.ones_like(force).at[jnp.array(_strands(model, suffix))].set(1.0 - release)
        model = eqx.tree_at(lambda m: m.ligaments.pcsa_force, model, gain * force)
    return model


def _strands(model: Model, suffix: str) -> list[int]:
    found = fascia_strands(model, suffix)
    if not found:
        raise BadInput(
            f"fasciotomy: '{model.name}' has no ligament named {FASCIA}..._{suffix}. "
            f"{suggest(f'{FASCIA}_{suffix}', model.ligaments.names)}"
        )
    return found


FASCIOTOMY = Intervention(
    kind="fasciotomy",
    apply=fasciotomy,
    parameters=(_RELEASE,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
