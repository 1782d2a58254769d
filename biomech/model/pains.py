"""What hurts: joints whose load a person spares."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float


class Pains(eqx.Module):
    """How much a person minds the load on each joint; a study adds it to what it minimises.

    **Attributes:**

    - `load_weight`: of (joint reaction force / body weight)^2 [-].
    - `anterior_weight`: of the square of the part of that force which the joint's child pushes
      forwards into its parent (for a hip: the femoral head into the front of the socket) [-].

    0 where nothing hurts.
    """

    load_weight: Float[Array, " joint"]
    anterior_weight: Float[Array, " joint"]

    def joints(self) -> tuple[int, ...]:
        """Index of every joint that hurts. The weights must be known numbers, not traced."""
        hurts = (np.asarray(self.load_weight) > 0.0) | (np.asarray(self.anterior_weight) > 0.0)
        return tuple(int(i) for i in np.flatnonzero(hurts))
