"""Passive moments: what capsule, ligaments left out and other tissue do about one coordinate."""

import equinox as eqx
from jaxtyping import Array, Float

from .names import BadInput


class PassiveMoments(eqx.Module):
    """Parameters of every passive moment, one value per moment; `muscles.passive_moments` has the
    law.

    **Attributes:**

    - `stiffness`: of the straight part [N m/rad]; `neutral`: where it vanishes [rad].
    - `damping`: [N m s/rad].
    - `lower_moment`, `upper_moment`: of each limit at its angle [N m], 0 for none.
    - `lower_angle`, `upper_angle`: where the limits have these moments [rad].
    - `lower_width`, `upper_width`: a limit grows e-fold over this angle [rad].
    - `names`: the order of the axis. Static.
    - `coordinates`: index of the coordinate each acts on. Static.

    Where the coordinate is a translation, read m for rad and N for N m.
    """

    stiffness: Float[Array, " moment"]
    neutral: Float[Array, " moment"]
    damping: Float[Array, " moment"]
    lower_moment: Float[Array, " moment"]
    lower_angle: Float[Array, " moment"]
    lower_width: Float[Array, " moment"]
    upper_moment: Float[Array, " moment"]
    upper_angle: Float[Array, " moment"]
    upper_width: Float[Array, " moment"]
    names: tuple[str, ...] = eqx.field(static=True)
    coordinates: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.names)
        found = {"coordinates": len(self.coordinates), "stiffness": self.stiffness.shape[-1]}
        for field, size in found.items():
            if size != n:
                raise BadInput(
                    f"`PassiveMoments` got {n} names but {size} values of `{field}`. Pass one "
                    "value per moment, in `names` order."
                )
