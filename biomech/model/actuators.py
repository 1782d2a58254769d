"""Actuators that act straight on a coordinate: a model's torque motors, reserves and residuals."""

import equinox as eqx
from jaxtyping import Array, Float


class CoordinateActuators(eqx.Module):
    """One generalized force per actuator: control x optimal force.

    **Attributes:**

    - `optimal_force`: at control 1 [N m] or [N].
    - `min_control`, `max_control`: bounds [-]; may be infinite.
    - `names`, `coordinates` (index each acts on), `kinds`: static. A kind is "motor" (in the
      model), "reserve" (added to a joint) or "residual" (added between ground and the root).
    """

    optimal_force: Float[Array, " actuator"]
    min_control: Float[Array, " actuator"]
    max_control: Float[Array, " actuator"]
    names: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[int, ...] = eqx.field(static=True)
    kinds: tuple[str, ...] = eqx.field(static=True)
