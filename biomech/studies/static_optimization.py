"""Which muscles share a joint moment: static optimization at one instant.

    minimise   sum_j w_j |u_j|^p          over activations and actuator controls u
    subject to sum_j r_kj c_j u_j = tau_k - sum_j r_kj f_j      for every free coordinate k
               lower <= u <= upper

with r the moment arms, c the muscle's force along the tendon per unit activation (or an
actuator's optimal force) and f the passive force. The moment balance is linear because the tendon
is rigid, so the problem is convex and solved exactly.

Source: Crowninshield & Brand (1981), J. Biomech. 14:793-801 (p = 3 over stress; OpenSim's default
is p = 2 over activation, and ours).
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..dynamics.kinematics import project_couplers
from ..model.body import Model
from ..muscles.paths import bridged_coordinates
from ..solvers.independent_blocks import find_blocks, solve_in_blocks
from ..solvers.separable_programme import MAX_STEPS, SeparableProgrammeSolution


class EffortWeights(eqx.Module):
    """The objective of static optimization.

    **Attributes:**

    - `muscle`: weight of each muscle's activation [-].
    - `actuator`: weight of each coordinate actuator's control [-].
    - `exponent`: p of |u|^p. Static.
    """

    muscle: Float[Array, " muscle"]
    actuator: Float[Array, " actuator"]
    exponent: float = eqx.field(static=True, default=2.0)


class SolverSettings(NamedTuple):
    """How closely, and how long at most, one instant is solved; see `separable_programme.solve`.

    Plain numbers: other ones compile another programme.

    - `tolerance`: relative [-]; None for the default of the precision.
    - `max_steps`: Newton steps; an instant that needs more is `maximum_iterations`.
    """

    tolerance: float | None = None
    max_steps: int = MAX_STEPS


DEFAULT_SOLVER = SolverSettings()


def equal_weights(model: Model, exponent: float = 2.0) -> EffortWeights:
    """Every activation and control counts 1, as in OpenSim."""
    force = model.muscles.max_isometric_force
    return EffortWeights(
        jnp.ones_like(force), jnp.ones_like(model.actuators.optimal_force), exponent
    )


def share_moments(
    model: Model,
    value: Float[Array, " coordinate"],
    moment_arm: Float[Array, "muscle free"],
    capacity: Float[Array, " muscle"],
    moment: Float[Array, " free"],
    weights: EffortWeights,
    warm_start: Float[Array, " free"] | None = None,
    solver: SolverSettings = DEFAULT_SOLVER,
) -> SeparableProgrammeSolution:
    """Activations, then actuator controls, that produce `moment` with least effort.

    **Arguments:**

    - `value`: of every coordinate [rad or m]; an actuator on a dependent one acts through it.
    - `moment_arm`: about the free coordinates [m].
    - `capacity`: force along the tendon per unit activation [N].
    - `moment`: what the active muscles and actuators must supply [N m or N].
    - `warm_start`: the `multipliers` of a neighbouring answer; saves steps, changes no answer.
    - `solver`: how closely to solve.
    """
    muscles, actuators, skeleton = model.muscles, model.actuators, model.skeleton
    own = np.array(actuators.coordinates, int)[:, None] == np.arange(value.size)
    leverage = project_couplers(skeleton, value, jnp.asarray(own, moment.dtype))
    leverage = leverage[:, np.array(skeleton.coordinates.free, int)]
    matrix = jnp.concatenate(
        [moment_arm.T * capacity[None], leverage.T * actuators.optimal_force[None]], axis=1
    )
    return solve_in_blocks(
        matrix,
        moment,
        find_blocks(columns_act_on(model)),
        weights=jnp.concatenate([weights.muscle, weights.actuator]),
        lower=jnp.concatenate([muscles.min_activation, actuators.min_control]),
        upper=jnp.concatenate([muscles.max_activation, actuators.max_control]),
        exponent=weights.exponent,
        warm_start=warm_start,
        **solver._asdict(),
    )


def columns_act_on(model: Model) -> Bool[np.ndarray, "free column"]:
    """Which free coordinates each muscle, then each actuator, can act on, whatever the pose."""
    coordinates = model.skeleton.coordinates
    muscles = bridged_coordinates(model.muscles.paths, model.skeleton)
    actuated = np.array(model.actuators.coordinates, int)[:, None]
    acts_on = np.concatenate([muscles, actuated == np.arange(muscles.shape[1])])
    for dependent, independent in zip(coordinates.dependent, coordinates.independent, strict=True):
        acts_on[:, independent] |= acts_on[:, dependent]
    return acts_on[:, np.array(coordinates.free, int)].T
