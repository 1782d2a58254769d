"""Isometric strength: the largest moment that muscles make about a joint held still, by its angle.

    moment(angle)   = d sum over agonists of r_m (F_m at full activation - F_m at rest)     [N m]
    balanced moment = largest  d sum_m a_m r_m (F_m at full activation - F_m at rest),  0 <= a <= 1,
                      with such sums zero about the coordinates that nothing else holds

An agonist is a muscle whose moment arm r_m about the coordinate has the sign d of the exertion at
that angle, couplers included (the patella follows the knee). In `moment` all agonists are fully
active whatever else they do, as in published strength curves of models; the others are silent. In
`balanced_moment` muscles balance the hip across the push (adduction while it flexes or extends, and
the other way round) and the ankle while the foot turns inwards or outwards: a pad stops the thigh
along its push and not across it, and a foot must not be pulled off its plate by the calf. Rotation
of the hip is held by the straps (assumed). Still an upper bound: people use less than full
activation, and stiffen the joint with antagonists.

What fibers, ligaments and joints do passively is there at rest as well and is taken off, as
dynamometers do. Other joints are held where the exertion says.

`tendon`: "compliant" (default) solves fiber and elastic tendon at zero velocity
(`muscles.resting_muscle`), as in the people measured; "rigid" is the strength that the studies
`inverse` and `stand` have. An elastic tendon lets active fibers shorten, most where it is long:
strength then peaks where the joint stretches the muscle more, the ankle's in dorsiflexion as
measured, and not in plantarflexion.

Source: the sum over all agonists is that of Delp et al. (1990), IEEE Trans. Biomed. Eng.
37:757-767, doi:10.1109/10.102791, and Arnold et al. (2010), Ann. Biomed. Eng. 38:269-279,
doi:10.1007/s10439-009-9852-5.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..compilation import compiled
from ..dynamics.kinematics import apply_couplers, pose, project_couplers
from ..model.body import Model
from ..model.names import BadInput, find
from ..muscles.paths import moment_arms, path_geometry
from ..muscles.resting_muscle import resting_muscle
from ..muscles.rigid_tendon import active_force_at_full_activation, rigid_tendon_state

TENDONS = ("compliant", "rigid")
POINTS = 41
"""Angles of a curve by default."""


class Exertion(NamedTuple):
    """A direction of effort about one joint, and how the rest of the leg is held.

    Coordinates are named without their side.

    - `coordinate`; `direction`: +1 or -1, of the moment about it.
    - `angles_deg`: first and last angle of the curve.
    - `posture_deg`: of other coordinates; those not named are at their default, 0.
    - `in_balance`: coordinates that nothing but muscles holds.
    """

    coordinate: str
    direction: int
    angles_deg: tuple[float, float]
    posture_deg: Mapping[str, float]
    in_balance: tuple[str, ...]


_BENT_KNEE, _SEATED = {"knee_angle": 45.0}, {"hip_flexion": 80.0}  # assumed


def _sagittal_hip(direction):
    return Exertion("hip_flexion", direction, (-20.0, 100.0), _BENT_KNEE, ("hip_adduction",))


def _frontal_hip(direction):
    return Exertion("hip_adduction", direction, (-40.0, 10.0), {}, ("hip_flexion",))


def _knee(direction):
    return Exertion("knee_angle", direction, (0.0, 110.0), _SEATED, ())


def _ankle(direction):
    return Exertion("ankle_angle", direction, (-40.0, 25.0), {}, ())


def _subtalar(direction):
    return Exertion("subtalar_angle", direction, (-20.0, 30.0), {}, ("ankle_angle",))


EXERTIONS: Mapping[str, Exertion] = {
    "hip_flexion": _sagittal_hip(1),
    "hip_extension": _sagittal_hip(-1),
    "hip_abduction": _frontal_hip(-1),
    "hip_adduction": _frontal_hip(1),
    "knee_extension": _knee(-1),
    "knee_flexion": _knee(1),
    "ankle_plantarflexion": _ankle(-1),
    "ankle_dorsiflexion": _ankle(1),
    "subtalar_inversion": _subtalar(1),
    "subtalar_eversion": _subtalar(-1),
}
"""Signs are those of the built-in bodies."""


class StrengthCurve(eqx.Module):
    """Strength by joint angle.

    **Attributes:**

    - `angle`: of the joint [rad].
    - `moment`: in the direction of the exertion, all agonists fully active [N m].
    - `leverage`: moment of each muscle at full activation, in the direction of the exertion and
      then about each coordinate in balance [N m].
    - `norm_fiber_length`: at full activation [-].
    """

    angle: Float[Array, " angle"]
    moment: Float[Array, " angle"]
    leverage: Float[Array, "angle muscle axis"]
    norm_fiber_length: Float[Array, "angle muscle"]


def strength_curve(
    model: Model,
    exertion: Exertion,
    side: str = "r",
    *,
    angles: Float[ArrayLike, " angle"] | None = None,
    tendon: str = "compliant",
) -> StrengthCurve:
    """The largest isometric moment of an exertion at each of `angles` [rad].

    By default `POINTS` of them over the exertion's range. Differentiable in the model and the
    angles, but for muscles whose arm changes its sign.

    **Raises:** `BadInput` for another tendon; `UnknownName` for a body without such a coordinate.
    """
    if tendon not in TENDONS:
        raise BadInput(f"`tendon` is '{tendon}'. There are: {', '.join(TENDONS)}.")
    if angles is None:
        angles = np.deg2rad(np.linspace(*exertion.angles_deg, POINTS))
    names = model.skeleton.coordinates.names
    of = lambda name: find("coordinate", f"{name}_{side}", names)
    value = model.skeleton.coordinates.default_value
    for name, degrees in exertion.posture_deg.items():
        value = value.at[of(name)].set(math.radians(degrees))
    index = of(exertion.coordinate)
    values = jnp.tile(value, (np.size(angles), 1)).at[:, index].set(jnp.asarray(angles))
    axes = np.array([index, *map(of, exertion.in_balance)])
    arms, force, length = _at_full_activation(model, values, tendon)
    leverage = exertion.direction * arms[:, :, axes] * force[:, :, None]
    moment = jnp.sum(jnp.maximum(leverage[..., 0], 0.0), axis=1)
    return StrengthCurve(values[:, index], moment, leverage, length)


def balanced_moment(curve: StrengthCurve) -> Float[np.ndarray, " angle"]:
    """The largest moment with the other axes in balance [N m]; see the head of this file.

    A linear programme at each angle, on the host. Forces are taken in proportion to activation,
    which an elastic tendon bends a little; at the optimum all but a few muscles are at a bound.
    """
    from scipy.optimize import linprog  # on use: slow to import

    most = []
    for leverage in np.asarray(curve.leverage, float):
        others = leverage[:, 1:].T if leverage.shape[1] > 1 else None
        rest = None if others is None else np.zeros(len(others))
        found = linprog(-leverage[:, 0], A_eq=others, b_eq=rest, bounds=(0.0, 1.0))
        most.append(-found.fun)  # silence is always feasible
    return np.array(most)


@compiled
def _at_full_activation(model, values, tendon):
    """At each posture: arms about all coordinates, along the couplers, force, fiber length."""
    muscles = model.muscles

    def at(value):
        value = apply_couplers(model.skeleton, value)
        now = pose(model.skeleton, value)
        paths = path_geometry(muscles.paths, now, value)
        arms = moment_arms(paths, model.skeleton, now)
        force, length = _full_force(muscles, paths.length, tendon)
        return project_couplers(model.skeleton, value, arms), force, length

    return jax.lax.map(at, values)


def _full_force(muscles, length, tendon):
    """Force along the tendon at full activation above that at rest [N]; norm fiber length [-]."""
    if tendon == "rigid":
        fiber = rigid_tendon_state(muscles, length, jnp.zeros_like(length))
        return active_force_at_full_activation(muscles, fiber), fiber.norm_fiber_length
    active = resting_muscle(muscles, jnp.ones_like(length), length)
    rest = resting_muscle(muscles, jnp.zeros_like(length), length)
    return active.force - rest.force, active.norm_fiber_length
