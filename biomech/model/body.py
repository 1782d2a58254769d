"""The whole model: what a study is run on and an intervention changes."""

import equinox as eqx
from jaxtyping import Array, Float

from .actuators import CoordinateActuators
from .contacts import Contacts
from .ligaments import Ligaments
from .muscles import Muscles
from .pains import Pains
from .passive_moments import PassiveMoments
from .skeleton import Skeleton


class Markers(eqx.Module):
    """Skin markers: `location` in the body [m]."""

    location: Float[Array, "marker 3"]
    names: tuple[str, ...] = eqx.field(static=True)
    bodies: tuple[int, ...] = eqx.field(static=True)


class Model(eqx.Module):
    """A musculoskeletal model.

    **Attributes:**

    - `skeleton`, `muscles`, `ligaments`, `passive_moments`, `contacts`, `actuators`, `markers`: its
      parts. `pains`: what it hurts to load.
    - `name`: static.
    - `conventions`: ("knee_flexion", "positive") and the like; how this model's signs run. Static.
    - `notes`: what was left out, assumed or changed on the way here. Static.
    - `citations`: works to cite when results of this model are published. Static.
    """

    skeleton: Skeleton
    muscles: Muscles
    ligaments: Ligaments
    passive_moments: PassiveMoments
    contacts: Contacts
    actuators: CoordinateActuators
    markers: Markers
    pains: Pains
    name: str = eqx.field(static=True)
    conventions: tuple[tuple[str, str], ...] = eqx.field(static=True, default=())
    notes: tuple[str, ...] = eqx.field(static=True, default=())
    citations: tuple[str, ...] = eqx.field(static=True, default=())
