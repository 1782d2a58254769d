"""High tibial osteotomy: the shin below a cut under the knee turned sideways.

    p' = c + R (p - c),      R: turn by `angle_deg` about the fore-aft axis (x) of the tibia

for all of the tibia below the cut: the ankle's joint frame with its orientation, points of muscles
and ligaments, wraps, markers, contact regions; c lies at the cut on the line from the knee's to the
ankle's joint center. Valgus (+) takes the foot outwards, so the line of the load passes the knee
nearer to its lateral side. What is above the cut stays: the upper points of the hamstrings' and the
iliotibial paths, and points that move with the knee. Muscles keep fibers and tendons: their lengths
change by geometry alone.

The cut is at 14 % of the way from knee to ankle: in the built-in body 57 mm below the knee's
center, above the tuberosity, which goes with the shin. As in a dome osteotomy the bone neither
lengthens nor shortens on the line from knee to ankle; an opening wedge, hinged at the lateral
cortex, would lengthen it by a few millimetres.

The line from hip over knee to ankle turns by less than `angle_deg`, since the cut is under the
knee: by 0.86 of it in the built-in body.

Mass center and inertia of the whole tibia turn: what is above the cut is little (assumed).

Not modelled: a change of the slope of the plateau, of the height of the patella, of the cut fibula,
laxity, plate and healing, and adaptation of the knee's compartments.

Source: operation and its aim, Liu et al. (2019), J. Healthc. Eng. 8363128,
doi:10.1155/2019/8363128; effect on gait, Lee et al. (2017), Gait Posture 57:57-68.
Assumed: the height of the cut, and that it is turned about its middle.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, ScalarLike

from ..dynamics.spatial import axis_angle_rotation, compose
from ..model.body import Model
from ..model.names import BadInput
from ..model.paths import Paths
from .catalogue import SIDES, Intervention, Parameter, suffixes

_CUT = 0.14  # of the way from the knee's to the ankle's joint center [-]; assumed
_LATERAL = {"r": -1.0, "l": 1.0}  # sign of a turn about x that takes the foot outwards

_ANGLE = Parameter(
    name="angle_deg",
    unit="deg",
    lower=-15.0,
    upper=15.0,
    neutral=0.0,
    description="how far the shin is turned; positive: into valgus",
    source="hip-knee-ankle corrected by 10.9 (SD 2.5) deg in 37 knees: open wedge with the Aescula "
    "plate, 2010, PMC2824095; range assumed",
)


def osteotomy(model: Model, *, side: str, angle_deg: ScalarLike) -> Model:
    """The model with the shin of `side` turned below a cut under the knee, + into valgus.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a body that moves in one plane, or that has no tibia between joints
    named `knee` and `ankle`.
    """
    angle = jnp.deg2rad(_ANGLE.of("osteotomy", angle_deg, model))
    for suffix in suffixes(side):
        model = _turned(model, suffix, _LATERAL[suffix] * angle)
    return model


def _turned(model, suffix, angle):
    tibia, ankle = _shin(model, suffix)
    skeleton = model.skeleton
    knee_center = skeleton.child_frame_position[tibia]
    center = knee_center + _CUT * (skeleton.parent_frame_position[ankle] - knee_center)
    carried = _own(skeleton.parents, tibia)
    joints = carried & _below(skeleton.parent_frame_position, center)
    new_joints = _moved(skeleton.parent_frame_position, joints, center, angle)
    mass = np.arange(len(skeleton.body_names)) == tibia
    masses = _moved(skeleton.mass_center, jnp.asarray(mass), center, angle)
    inertia = skeleton.inertia.at[tibia].set(_turned_inertia(skeleton.inertia[tibia], angle))
    turned = lambda orientation, which: orientation.at[:, 0].add(jnp.where(which, angle, 0.0))
    muscles, ligaments = (
        _moved_paths(paths, tibia, center, angle)
        for paths in (model.muscles.paths, model.ligaments.paths)
    )
    wraps = []
    for paths in (model.muscles.paths, model.ligaments.paths):
        cylinders = paths.cylinders
        which = _own(cylinders.bodies, tibia) & _below(cylinders.position, center)
        wraps.append(_moved(cylinders.position, which, center, angle))
        wraps.append(turned(cylinders.orientation, which))
    places = [
        _moved(
            part.location, _own(part.bodies, tibia) & _below(part.location, center), center, angle
        )
        for part in (model.markers, model.contacts)
    ]
    return eqx.tree_at(
        lambda m: [
            m.skeleton.parent_frame_position,
            m.skeleton.parent_frame_orientation,
            m.skeleton.mass_center,
            m.skeleton.inertia,
            m.muscles.paths.location,
            m.ligaments.paths.location,
            m.muscles.paths.cylinders.position,
            m.muscles.paths.cylinders.orientation,
            m.ligaments.paths.cylinders.position,
            m.ligaments.paths.cylinders.orientation,
            m.markers.location,
            m.contacts.location,
        ],
        model,
        [
            new_joints,
            turned(skeleton.parent_frame_orientation, joints),
            masses,
            inertia,
            muscles,
            ligaments,
            *wraps,
            *places,
        ],
    )


def _shin(model: Model, suffix: str) -> tuple[int, int]:
    """Index of the tibia and of the body whose joint is the ankle."""
    skeleton = model.skeleton
    if f"hip_adduction_{suffix}" not in skeleton.coordinates.free_names:
        raise BadInput(
            f"osteotomy: the legs of '{model.name}' move in one plane, so it cannot tell what a "
            "turn sideways does. Take a body in three dimensions, such as lower_limb."
        )
    try:
        tibia = skeleton.body_names.index(f"tibia_{suffix}")
        ankle = skeleton.joint_names.index(f"ankle_{suffix}")
    except ValueError:
        tibia = ankle = -1
    if tibia < 0 or skeleton.parents[ankle] != tibia:
        raise BadInput(
            f"osteotomy: '{model.name}' has no body tibia_{suffix} with a joint ankle_{suffix} at "
            "its end. What is cut is known by these names."
        )
    return tibia, ankle


def _own(bodies, tibia: int):
    return jnp.asarray(np.array(bodies, int) == tibia)


def _below(position, center):
    return position[..., 1] < center[1]


def _moved(position: Float[Array, "*n 3"], which, center, angle) -> Float[Array, "*n 3"]:
    """Positions turned about x at `center` where `which`; the very same at angle 0."""
    sine, versine = jnp.sin(angle), 2.0 * jnp.sin(0.5 * angle) ** 2
    y, z = position[..., 1] - center[1], position[..., 2] - center[2]
    shift = jnp.stack([jnp.zeros_like(y), -versine * y - sine * z, sine * y - versine * z], axis=-1)
    return position + jnp.where(which[..., None], shift, 0.0)


def _moved_paths(paths: Paths, tibia: int, center, angle):
    """Fixed points of the paths; moving ones stay."""
    fixed = np.zeros(paths.location.shape[:2], bool)
    for i, bodies in enumerate(paths.point_bodies):
        for j, body in enumerate(bodies):
            fixed[i, j] = body == tibia and (i, j) not in paths.moving
    which = jnp.asarray(fixed) & _below(paths.location, center)
    return _moved(paths.location, which, center, angle)


def _turned_inertia(inertia: Float[Array, "6"], angle) -> Float[Array, "6"]:
    """R I R^T; the very same at angle 0."""
    xx, yy, zz, xy, xz, yz = inertia
    whole = jnp.stack([jnp.stack(row) for row in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))])
    turn = axis_angle_rotation(jnp.asarray([1.0, 0.0, 0.0], inertia.dtype), angle)
    new = compose(compose(turn, whole), turn.T)
    return jnp.stack([new[0, 0], new[1, 1], new[2, 2], new[0, 1], new[0, 2], new[1, 2]])


OSTEOTOMY = Intervention(
    kind="osteotomy",
    apply=osteotomy,
    parameters=(_ANGLE,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
