"""Training: stronger muscles, or longer ones.

`strengthening`:  max isometric force of a muscle group times (1 + gain).

`stretching`, of a group that limits a joint:

    strain of its passive fibers at one norm force, over passive_scale
    tendon slack length + slack_mm
    the limit of that joint moved outwards by range_deg

The limits are those of `LIMITS`: the calf of dorsiflexion, the hamstrings of hip flexion (straight
knee), the hip flexors of extension, the quadriceps of knee flexion, the adductors of abduction.
A `passive_scale` below 1 is a fiber that yields more; above 1, or with a negative `slack_mm` or
`range_deg`, it is a stiff or shortened muscle.

Not modelled: what does the change (tolerance of stretch, tissue, nerves), how long it takes or
stays, sarcomeres added in series (fibers keep their optimal length), better coordination, and
architecture, speed or tendon that change with strength.

Source: stretching, Konrad, Stafilidis & Tilp (2017), Scand. J. Med. Sci. Sports 27:1070-1080,
doi:10.1111/sms.12725; Kay, Husbands-Beasley & Blazevich (2015), Med. Sci. Sports Exerc.
47:2181-2190. Stronger muscles alone leave the load of the knee as it is: Yokoyama et al. (2022),
medRxiv 2022.05.14.22275072.
Assumed: that one group's stretch moves the whole limit of its joint.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from ..model.muscle_curves import DeGrooteFregly2016Curves, Thelen2003Curves
from ..model.names import BadInput, suggest
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .joint_tissue import moments_about
from .muscle_groups import GROUPS, muscles_in_group
from .muscle_strength import muscle_strength
from .tendons import Curves, longer_tendons

LIMITS = {
    "triceps_surae": ("ankle_angle", "upper"),
    "hamstrings": ("hip_flexion", "upper"),
    "hip_flexors": ("hip_flexion", "lower"),
    "quadriceps": ("knee_angle", "upper"),
    "hip_adductors": ("hip_adduction", "lower"),
}
"""Muscle group -> coordinate and end that it limits, where flexion of the knee is positive."""

_GAIN = Parameter(
    name="gain",
    unit="-",
    lower=0.0,
    upper=1.5,
    neutral=0.0,
    description="part by which the muscles of the group become stronger",
    source="assumed",
)
_PASSIVE = Parameter(
    name="passive_scale",
    unit="-",
    lower=0.3,
    upper=3.0,
    neutral=1.0,
    description="strain of passive fibers at one norm force, over this; below 1 they yield more",
    source="muscle stiffness 13 to 20 % less after one session: Konrad 2017, Scand. J. Med. Sci. "
    "Sports 27:1070-1080, doi:10.1111/sms.12725; range assumed",
)
_SLACK = Parameter(
    name="slack_mm",
    unit="mm",
    lower=-10.0,
    upper=20.0,
    neutral=0.0,
    description="how much longer (+) the tendons are when slack",
    source="assumed",
)
_RANGE = Parameter(
    name="range_deg",
    unit="deg",
    lower=-20.0,
    upper=20.0,
    neutral=0.0,
    description="how far the limit of the joint moves outwards (+)",
    source="2.5 to 5.3 deg of dorsiflexion after one session: Kay 2015, Med. Sci. Sports Exerc. "
    "47:2181-2190; range assumed",
)


def strengthening(model: Model, *, side: str, gain: ScalarLike, group: str) -> Model:
    """The model with the muscles of `group` on `side` stronger by the part `gain`.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `UnknownName` for another group; `BadInput` for a model without it.
    """
    scale = 1.0 + _GAIN.of("strengthening", gain, model)
    return muscle_strength(model, scale=scale, group=group, side=side)


def stretching(
    model: Model,
    *,
    side: str,
    group: str,
    passive_scale: ScalarLike = 1.0,
    slack_mm: ScalarLike = 0.0,
    range_deg: ScalarLike = 0.0,
) -> Model:
    """The model with the muscles of `group` on `side` stretched: softer, longer, a wider range.

    Differentiable; shapes are kept. Neutral at 1, 0, 0.

    **Raises:** `BadInput` for a group that is not in `LIMITS`, or a model without its muscles or
    the passive moment with its limit.
    """
    if group not in LIMITS:
        raise BadInput(f"stretching.group is '{group}'. {suggest(group, tuple(LIMITS))}")
    passive = _PASSIVE.of("stretching", passive_scale, model)
    slack = 1e-3 * _SLACK.of("stretching", slack_mm, model)
    wider = jnp.deg2rad(_RANGE.of("stretching", range_deg, model))
    names = model.muscles.names
    rows = [names.index(name) for name in muscles_in_group(group, side, names)]
    stiffness = jnp.ones_like(model.muscles.tendon_slack_length).at[jnp.array(rows)].set(passive)
    model = longer_tendons(model, rows, slack, "stretching")
    curves = _softer_fibers(model.muscles.curves, stiffness)
    model = eqx.tree_at(lambda m: m.muscles.curves, model, curves)
    for suffix in suffixes(side):
        model = _wider(model, group, suffix, wider)
    return model


def _wider(model, group, suffix, angle):
    stem, end = LIMITS[group]
    if stem == "knee_angle" and dict(model.conventions).get("knee_flexion") == "negative":
        end = "lower"
    own = moments_about(model, [f"{stem}_{suffix}"])
    if not own:
        raise BadInput(
            f"stretching: '{model.name}' has no passive moment about {stem}_{suffix}, whose limit "
            f"the group '{group}' sets."
        )
    limit = lambda m: getattr(m.passive_moments, f"{end}_angle")
    moved = limit(model).at[jnp.array(own)].add(angle if end == "upper" else -angle)
    return eqx.tree_at(limit, model, moved)


def _softer_fibers(curves: Curves, factor: Float[Array, " muscle"]) -> Curves:
    """Curves whose passive fibers reach each force at the strain over `factor`."""
    if isinstance(curves, Thelen2003Curves):
        return eqx.tree_at(lambda c: c.FmaxMuscleStrain, curves, curves.FmaxMuscleStrain / factor)
    if isinstance(curves, DeGrooteFregly2016Curves):
        where = lambda c: c.passive_fiber_strain_at_one_norm_force
        return eqx.tree_at(where, curves, where(curves) / factor)
    fiber = curves.fiber_force_length
    start, whole = fiber.strain_at_zero_force, fiber.strain_at_one_norm_force
    return eqx.tree_at(
        lambda c: (
            c.fiber_force_length.strain_at_one_norm_force,
            c.fiber_force_length.stiffness_at_low_force,
            c.fiber_force_length.stiffness_at_one_norm_force,
        ),
        curves,
        (
            whole + (whole - start) * (1.0 / factor - 1.0),  # the very same at 1
            factor * fiber.stiffness_at_low_force,
            factor * fiber.stiffness_at_one_norm_force,
        ),
    )


STRENGTHENING = Intervention(
    kind="strengthening",
    apply=strengthening,
    parameters=(_GAIN,),
    choices={"side": tuple(SIDES), "group": tuple(GROUPS)},
    texts=(),
    needs_motion=False,
)
STRETCHING = Intervention(
    kind="stretching",
    apply=stretching,
    parameters=(_PASSIVE, _SLACK, _RANGE),
    choices={"side": tuple(SIDES), "group": tuple(LIMITS)},
    texts=(),
    needs_motion=True,
)
