"""Tendons: more or less compliant, longer or shorter.

`tendon_compliance`:

    strain of the tendons of the triceps surae at one norm force, times achilles
    force of the plantar fascia at any strain, over fascia

so a factor of 2 lets tendon or fascia stretch twice as far for the same force (the tendon along
its own curve; the fascia, whose force bends upwards with strain, less than twice).

`tendon_lengthening`:  tendon slack length + length_mm  of every muscle of a group. Positive as a
surgeon lengthens; negative for a contracture.

Not modelled: strength, a scar that is softer than tendon, muscles that shorten or adapt afterwards,
tendons that a group shares. How much of `tendon_compliance` is felt where lengths are given is a
question of movement: a measured one already has it.

Source: tendons, Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411; lengthening as here, Delp & Zajac
(1992), Clin. Orthop. 284:247-259. The factors themselves are not bound to one study.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.errors import ConcretizationTypeError
from jaxtyping import Array, Float, ScalarLike

from ..model.arch import FASCIA, fascia_strands
from ..model.body import Model
from ..model.muscle_curves import (
    DeGrooteFregly2016Curves,
    Millard2012Curves,
    Thelen2003Curves,
)
from ..model.names import BadInput, suggest
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .muscle_groups import GROUPS, muscles_in_group

Curves = DeGrooteFregly2016Curves | Millard2012Curves | Thelen2003Curves

_ACHILLES = Parameter(
    name="achilles",
    unit="-",
    lower=0.2,
    upper=4.0,
    neutral=1.0,
    description="strain of the Achilles tendon (triceps surae) at one norm force, times this",
    source="training makes tendons stiffer by 0.70 SD: Bohm 2015, Sports Med. Open 1:7, "
    "doi:10.1186/s40798-015-0009-9; range assumed",
)
_FASCIA = Parameter(
    name="fascia",
    unit="-",
    lower=0.2,
    upper=4.0,
    neutral=1.0,
    description="force of the plantar fascia at any strain, over this",
    source="assumed",
)
_LENGTH = Parameter(
    name="length_mm",
    unit="mm",
    lower=-20.0,
    upper=30.0,
    neutral=0.0,
    description="how much longer (+) or shorter (-) the tendons are when slack",
    source="10 and 20 mm in Delp & Zajac 1992, Clin. Orthop. 284:247-259; range assumed",
)


def tendon_compliance(
    model: Model, *, side: str, achilles: ScalarLike = 1.0, fascia: ScalarLike = 1.0
) -> Model:
    """The model with a more (> 1) or less compliant Achilles tendon and plantar fascia on `side`.

    Differentiable; shapes are kept. Neutral at 1, 1. A model without the fascia takes 1 for it.

    **Raises:** `BadInput` for a model without the triceps surae, or without the fascia that is to
    change.
    """
    kind = "tendon_compliance"
    achilles = _ACHILLES.of(kind, achilles, model)
    strands = {suffix: fascia_strands(model, suffix) for suffix in suffixes(side)}
    missing = [f"{FASCIA}_{suffix}" for suffix, found in strands.items() if not found]
    if missing and not _is_one(fascia):
        raise BadInput(
            f"{kind}: '{model.name}' has no ligament {', '.join(missing)}; leave `fascia` at 1."
        )
    fascia = _FASCIA.of(kind, fascia, model)
    rows = _rows(model, "triceps_surae", side)
    curves = softer_tendons(model.muscles.curves, _gain(model, rows, achilles))
    force = model.ligaments.pcsa_force
    own = [row for found in strands.values() for row in found]
    softness = jnp.ones_like(force).at[jnp.array(own, int)].set(fascia)
    return eqx.tree_at(
        lambda m: (m.muscles.curves, m.ligaments.pcsa_force), model, (curves, force / softness)
    )


def tendon_lengthening(
    model: Model, *, side: str, length_mm: ScalarLike, group: str = "triceps_surae"
) -> Model:
    """The model with longer (+) or shorter (-) tendons of a muscle `group` on `side`.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `UnknownName` for another group; `BadInput` for a model without it, or one whose
    tendons are not as long as they are to be shortened.
    """
    length = 1e-3 * _LENGTH.of("tendon_lengthening", length_mm, model)
    return longer_tendons(model, _rows(model, group, side), length, "tendon_lengthening")


def softer_tendons(curves: Curves, factor: Float[Array, " muscle"]) -> Curves:
    """Curves whose tendons reach each force at `factor` times the strain."""
    if isinstance(curves, Thelen2003Curves):
        where = lambda c: c.FmaxTendonStrain
        return eqx.tree_at(where, curves, factor * curves.FmaxTendonStrain)
    if isinstance(curves, DeGrooteFregly2016Curves):
        where = lambda c: c.tendon_strain_at_one_norm_force
        return eqx.tree_at(where, curves, factor * curves.tendon_strain_at_one_norm_force)
    tendon = curves.tendon_force_length
    return eqx.tree_at(
        lambda c: (
            c.tendon_force_length.strain_at_one_norm_force,
            c.tendon_force_length.stiffness_at_one_norm_force,
        ),
        curves,
        (factor * tendon.strain_at_one_norm_force, tendon.stiffness_at_one_norm_force / factor),
    )


def longer_tendons(
    model: Model, rows: Float[Array, "..."] | list[int], length: Float[Array, ""], kind: str
) -> Model:
    """Tendons of the muscles `rows` longer when slack by `length` [m].

    **Raises:** `BadInput` where nothing would be left of one.
    """
    slack = model.muscles.tendon_slack_length
    longer = slack.at[jnp.array(rows, int)].add(length)
    try:
        shortest = min((int(row) for row in rows), key=lambda row: float(longer[row]))
        if not float(longer[shortest]) > 0.0:
            raise BadInput(
                f"{kind}: the tendon of {model.muscles.names[shortest]} is "
                f"{1e3 * float(slack[shortest]):.3g} mm long and cannot be shortened by "
                f"{-1e3 * float(length):.3g} mm."
            )
    except ConcretizationTypeError:
        pass
    return eqx.tree_at(lambda m: m.muscles.tendon_slack_length, model, longer)


def _rows(model, group, side):
    if group not in GROUPS:
        raise BadInput(f"group is '{group}'. {suggest(group, tuple(GROUPS))}")
    names = model.muscles.names
    return [names.index(name) for name in muscles_in_group(group, side, names)]


def _gain(model, rows, factor):
    return jnp.ones_like(model.muscles.tendon_slack_length).at[jnp.array(rows)].set(factor)


def _is_one(value) -> bool:
    try:
        return float(value) == 1.0
    except ConcretizationTypeError:
        return False


TENDON_COMPLIANCE = Intervention(
    kind="tendon_compliance",
    apply=tendon_compliance,
    parameters=(_ACHILLES, _FASCIA),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
TENDON_LENGTHENING = Intervention(
    kind="tendon_lengthening",
    apply=tendon_lengthening,
    parameters=(_LENGTH,),
    choices={"side": tuple(SIDES), "group": tuple(GROUPS)},
    texts=(),
    needs_motion=True,
)
