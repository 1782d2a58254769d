"""Ligaments: paths that carry tension when longer than at rest."""

import equinox as eqx
from jaxtyping import Array, Float

from .functions import PiecewisePolynomial
from .names import BadInput
from .paths import Paths


class Ligaments(eqx.Module):
    """Parameters of every ligament, one value per ligament.

    **Attributes:**

    - `resting_length`: longest length without tension [m].
    - `pcsa_force`: scales the curve [N].
    - `curve`: tension / `pcsa_force` [-] at length / `resting_length` [-].
    - `paths`: lines of action, in the same order.
    - `names`: the order of the `ligament` axis. Static.
    """

    resting_length: Float[Array, " ligament"]
    pcsa_force: Float[Array, " ligament"]
    curve: PiecewisePolynomial
    paths: Paths
    names: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.names)
        for field in ("resting_length", "pcsa_force"):
            if getattr(self, field).shape[-1] != n:
                raise BadInput(
                    f"`Ligaments` got {n} names but {getattr(self, field).shape[-1]} values of "
                    f"`{field}`. Pass one value per ligament, in `names` order."
                )
