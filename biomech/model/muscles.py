"""Muscles: strength, architecture, curves and lines of action."""

import equinox as eqx
from jaxtyping import Array, Float

from .muscle_curves import DeGrooteFregly2016Curves, Millard2012Curves, Thelen2003Curves
from .names import BadInput
from .paths import Paths


class Muscles(eqx.Module):
    """Parameters of every muscle, one array per parameter.

    **Attributes:**

    - `max_isometric_force`: at optimal fiber length and full activation [N].
    - `optimal_fiber_length`, `tendon_slack_length`: [m].
    - `pennation_angle`: at optimal fiber length [rad].
    - `max_contraction_velocity`: [optimal fiber lengths / s].
    - `min_activation`, `max_activation`: bounds [-].
    - `curves`: the force-length-velocity curves and their parameters.
    - `paths`: lines of action, in the same order.
    - `names`: OpenSim names, e.g. `"glmed1_r"`; the order of the `muscle` axis. Static.
    """

    max_isometric_force: Float[Array, " muscle"]
    optimal_fiber_length: Float[Array, " muscle"]
    tendon_slack_length: Float[Array, " muscle"]
    pennation_angle: Float[Array, " muscle"]
    max_contraction_velocity: Float[Array, " muscle"]
    min_activation: Float[Array, " muscle"]
    max_activation: Float[Array, " muscle"]
    curves: DeGrooteFregly2016Curves | Millard2012Curves | Thelen2003Curves
    paths: Paths
    names: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.names)
        for field in ("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"):
            if getattr(self, field).shape[-1] != n:
                raise BadInput(
                    f"`Muscles` got {n} names but {getattr(self, field).shape[-1]} values of "
                    f"`{field}`. Pass one value per muscle, in `names` order."
                )
