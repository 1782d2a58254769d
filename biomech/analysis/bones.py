"""Shapes of bones for a picture: hulls of balls between the model's own joint centers.

A bone is a few *hulls*, each the convex hull of some balls fixed in one body: a shaft is the hull
of a ball at either end, a condyle is two balls side by side. Where bones meet and how long they
are is the model's; how they bulge is drawn for the eye, after the proportions of an adult
skeleton (assumed; nothing is computed from it). A body whose name says nothing is a rod from its
joint to the next ones.

Directions of a body, at its default pose: forward, up and out (away from the middle).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..dynamics.kinematics import Pose
from ..model.skeleton import Skeleton
from ..studies.gait_events import SIDES

FOOT_FLESH = ("hindfoot", "midfoot", "toes")
"""Names of the outlines of a foot."""


class Hull(NamedTuple):
    """The convex hull of balls: `center` in ground [m], `radius` [m]."""

    center: Float[np.ndarray, "ball 3"]
    radius: Float[np.ndarray, " ball"]


class Bone(NamedTuple):
    """What is drawn as one piece.

    - `name`; `side`: "r", "l" or "" for the middle.
    - `kind`: "bone", or "flesh" for an outline of what the model lumps.
    """

    name: str
    body: str
    side: str
    kind: str
    hulls: tuple[Hull, ...]


class _Axes(NamedTuple):
    """A body's place in ground and the unit [m] in which its shape is written."""

    origin: np.ndarray
    forward: np.ndarray
    up: np.ndarray
    out: np.ndarray
    unit: float

    def at(self, forward, up, out):
        """A point in units from the origin."""
        step = forward * self.forward + up * self.up + out * self.out
        return self.origin + self.unit * step

    def hull(self, *balls) -> Hull:
        """Balls written as (forward, up, out, radius)."""
        center = np.array([self.at(*ball[:3]) for ball in balls])
        return Hull(center, self.unit * np.array([ball[3] for ball in balls]))


class _Body(NamedTuple):
    """One body in ground: what its shape is made from."""

    name: str
    side: str
    origin: np.ndarray
    rotation: np.ndarray
    joint: np.ndarray
    next_joints: dict[str, np.ndarray]  # name of the child -> its joint's place on this body
    mass_center: np.ndarray
    parent: str

    @property
    def stem(self) -> str:
        return self.name.removesuffix(f"_{self.side}") if self.side else self.name

    def toward(self, *stems: str) -> np.ndarray | None:
        """The joint to the first child named, if there is one."""
        found = [at for name, at in self.next_joints.items() if _stem(name) in stems]
        return found[0] if found else None

    def axes(self, origin, unit) -> _Axes:
        """The body's own axes; out is to the right of a body without a side."""
        forward, up, right = self.rotation.T
        return _Axes(origin, forward, up, _sign(self.side) * right, unit)

    def along(self, top, bottom) -> _Axes:
        """The same turned so that up is from `bottom` to `top`, whose distance is the unit."""
        unit = float(np.linalg.norm(top - bottom))
        up = (top - bottom) / unit
        forward = self.rotation[:, 0] - up * (up @ self.rotation[:, 0])
        forward = forward / np.linalg.norm(forward)
        return _Axes(top, forward, up, _sign(self.side) * np.cross(forward, up), unit)


def bones(skeleton: Skeleton, now: Pose) -> tuple[Bone, ...]:
    """Every bone of a body in a pose, in the order of the bodies."""
    bodies = _bodies(skeleton, now)
    sizes = _sizes(bodies)
    drawn: list[Bone] = []
    for body in bodies:
        drawn += _SHAPES.get(body.stem, _rod)(body, sizes)
        drawn += _FLESH.get(body.stem, _bare)(body, sizes)
    return tuple(bone for bone in drawn if bone.hulls)


def side_of(name: str) -> str:
    """The side that a name ends in, "r" or "l"; "" for none."""
    return next((side for side in SIDES if name.endswith(f"_{side}")), "")


def _stem(name):
    return name.removesuffix(f"_{side_of(name)}")


def _sign(side):
    return -1.0 if side == "l" else 1.0


def _bodies(skeleton, now) -> list[_Body]:
    position, rotation = np.asarray(now.position), np.asarray(now.rotation)
    local = np.asarray(skeleton.parent_frame_position)
    joint, mass_center = np.asarray(now.joint_center), np.asarray(skeleton.mass_center)
    names, parents = skeleton.body_names, skeleton.parents
    return [
        _Body(
            name,
            side_of(name),
            position[i],
            rotation[i],
            joint[i],
            {
                names[child]: position[i] + rotation[i] @ local[child]
                for child, parent in enumerate(parents)
                if parent == i
            },
            position[i] + rotation[i] @ mass_center[i],
            names[parents[i]] if parents[i] >= 0 else "ground",
        )
        for i, name in enumerate(names)
    ]


class _Sizes(NamedTuple):
    """Units for shapes that have no joint at either end [m]; None where the model lacks them.

    - `thigh`: from hip to knee. `foot`: from heel to the joint of the toes.
    """

    thigh: float | None
    foot: float | None


def _sizes(bodies) -> _Sizes:
    thighs = [
        float(np.linalg.norm(knee - body.joint))
        for body in bodies
        if body.stem == "femur" and (knee := _knee(body)) is not None
    ]
    feet = [_foot_length(body, bodies) for body in bodies if body.stem == "calcn"]
    feet = [length for length in feet if length is not None]
    return _Sizes(
        float(np.mean(thighs)) if thighs else None, float(np.mean(feet)) if feet else None
    )


def _foot_length(calcn, bodies):
    """From the heel over the joints between to that of the toes, whatever their angles [m]."""
    length, body, start = 0.0, calcn, calcn.origin
    while True:
        ahead = body.toward("toes", "midfoot", "forefoot")
        if ahead is None:
            return None
        length += float(np.linalg.norm(ahead - start))
        child = next(name for name, at in body.next_joints.items() if at is ahead)
        if _stem(child) == "toes":
            return length
        body = next(other for other in bodies if other.name == child)
        start = body.joint


def _knee(femur):
    others = {n: at for n, at in femur.next_joints.items() if _stem(n) != "patella"}
    return next(iter(others.values()), None)


def _bone(body, hulls: Sequence[Hull], name=None, kind="bone"):
    return Bone(name or body.stem, body.name, body.side, kind, tuple(hulls))


# ---------------------------------------------------------------------------------- shapes
#
# Each returns the bones of one body; numbers are shares of the unit that the axes carry.


def _rod(body, sizes) -> list[Bone]:
    """From the joint to the next ones, or through the mass center of an end segment."""
    ends = list(body.next_joints.values()) or [2.0 * body.mass_center - body.joint]
    pairs = [(body.joint, end) for end in ends if np.linalg.norm(end - body.joint) > 1e-3]
    return [_bone(body, [_tapered(a, b, 0.05, 0.035) for a, b in pairs])]


def _tapered(start, end, first, last):
    """A rod whose radii are shares of its length."""
    length = np.linalg.norm(end - start)
    return Hull(np.stack([start, end]), length * np.array([first, last]))


def _femur(body, sizes) -> list[Bone]:
    knee = _knee(body)
    if knee is None:
        return _rod(body, sizes)
    a = body.along(body.joint, knee)
    trochanter, shaft = (-0.015, -0.045, 0.135, 0.034), (0.02, -0.45, 0.075, 0.029)
    low = (0.012, -0.84, 0.022, 0.036)
    condyles = [(-0.012, -0.995, 0.054, 0.048), (-0.012, -0.995, -0.054, 0.048)]
    return [
        _bone(
            body,
            [
                a.hull((0.0, 0.0, 0.0, 0.054)),
                a.hull((0.0, -0.005, 0.02, 0.034), (-0.005, -0.06, 0.115, 0.036)),
                a.hull(trochanter, (-0.005, -0.16, 0.115, 0.034)),
                a.hull((-0.005, -0.12, 0.112, 0.038), shaft),
                a.hull(shaft, low),
                a.hull(low, *condyles, (0.02, -0.96, 0.0, 0.045)),
            ],
        )
    ]


def _tibia(body, sizes) -> list[Bone]:
    ankle = body.toward("talus", "calcn", "foot")
    if ankle is None:
        return _rod(body, sizes)
    a = body.along(body.joint, ankle)
    plateau = [(0.0, -0.085, 0.05, 0.03), (0.0, -0.085, -0.05, 0.03), (0.03, -0.09, 0.0, 0.028)]
    neck, shaft = (0.018, -0.22, -0.008, 0.034), (0.004, -0.6, -0.018, 0.024)
    foot = (0.0, -0.925, -0.008, 0.034)
    fibula = [(-0.035, -0.13, 0.078, 0.021), (-0.025, -0.3, 0.078, 0.0125)]
    outer = [(-0.012, -0.9, 0.058, 0.0145), (-0.008, -0.995, 0.062, 0.019)]
    return [
        _bone(body, [a.hull(*fibula), a.hull(fibula[1], outer[0]), a.hull(*outer)], "fibula"),
        _bone(
            body,
            [
                a.hull(*plateau, neck),
                a.hull(neck, shaft),
                a.hull(shaft, foot),
                a.hull((0.004, -0.91, -0.03, 0.026), (0.004, -0.99, -0.058, 0.02)),
            ],
        ),
    ]


def _patella(body, sizes) -> list[Bone]:
    if sizes.thigh is None:
        return _rod(body, sizes)
    a = body.axes(body.mass_center, sizes.thigh)
    top = [(0.0, 0.02, 0.022, 0.022), (0.0, 0.02, -0.022, 0.022)]
    return [_bone(body, [a.hull(*top, (-0.004, -0.03, 0.0, 0.014))])]


def _pelvis(body, sizes) -> list[Bone]:
    """Two hip bones and the sacrum; the unit is the distance between the hips."""
    hips = [body.next_joints.get(f"femur_{side}") for side in SIDES]
    if any(hip is None for hip in hips):
        return _rod(body, sizes)
    width = float(np.linalg.norm(hips[0] - hips[1]))
    middle = body.axes(0.5 * (hips[0] + hips[1]), width)
    drawn = [_bone(body, [_sacrum(middle)], "sacrum")]
    for side in SIDES:
        a = middle._replace(out=_sign(side) * middle.out)
        drawn.append(_bone(body, _hip_bone(a), "hip bone")._replace(side=side))
    return drawn


def _sacrum(a):
    return a.hull(
        *((-0.36, 0.98, out, 0.11) for out in (-0.16, 0.16)),
        *((-0.56, 0.6, out, 0.06) for out in (-0.12, 0.12)),
        (-0.6, 0.12, 0.0, 0.05),
    )


def _hip_bone(a):
    front, back = (0.36, 0.5, 0.77, 0.05), (-0.58, 0.68, 0.3, 0.06)
    crest = (0.24, 0.84, 0.85, 0.04), (-0.06, 1.0, 0.85, 0.04), (-0.38, 0.93, 0.62, 0.04)
    socket, ischium = (-0.02, 0.06, 0.5, 0.18), (-0.2, -0.42, 0.36, 0.11)
    pubis = (0.26, -0.06, 0.1, 0.085)
    return [
        a.hull(front, *crest, back, (0.1, 0.2, 0.52, 0.12), (-0.2, 0.2, 0.46, 0.1)),
        a.hull(socket),
        a.hull(socket, ischium),
        a.hull((0.08, 0.06, 0.42, 0.08), pubis),
        a.hull((-0.14, -0.44, 0.33, 0.07), (0.22, -0.14, 0.09, 0.055)),
    ]


def _torso(body, sizes) -> list[Bone]:
    """Spine, skull, and in outline the flesh of all that is lumped in a trunk."""
    if sizes.thigh is None:
        return _rod(body, sizes)
    a = body.axes(body.joint, sizes.thigh)
    flesh = [
        a.hull(*_both((0.07, 0.05, 0.22, 0.2), (0.09, 0.35, 0.16, 0.2), (0.06, 0.75, 0.2, 0.21))),
        a.hull(*_both((0.06, 0.75, 0.2, 0.21), (0.0, 0.96, 0.26, 0.11))),
        a.hull((0.0, 1.0, 0.0, 0.14), (0.05, 1.36, 0.0, 0.125)),
        a.hull(*_both((-0.03, 0.98, 0.3, 0.07)), (-0.01, 1.12, 0.0, 0.12)),
        a.hull((0.05, 1.56, 0.0, 0.185), (0.1, 1.55, 0.0, 0.18), (0.12, 1.4, 0.0, 0.13)),
    ]
    if not any(_stem(name) == "humerus" for name in body.next_joints):
        flesh += [hull for out in (-1.0, 1.0) for hull in _hanging_arm(a._replace(out=out * a.out))]
    return [_bone(body, flesh, "trunk", kind="flesh"), _bone(body, _spine(a), "spine")]


def _both(*balls):
    """Balls and their mirror images."""
    return (*balls, *((x, y, -out, r) for x, y, out, r in balls))


def _hanging_arm(a):
    shoulder, elbow = (-0.02, 0.93, 0.42, 0.12), (-0.06, 0.2, 0.52, 0.085)
    wrist, hand = (0.02, -0.36, 0.54, 0.06), (0.06, -0.72, 0.54, 0.05)
    return [a.hull(shoulder, elbow), a.hull(elbow, wrist), a.hull(wrist, hand)]


_SPINE = np.array(
    [
        *((0.0, 0.0, 0.062), (0.045, 0.2, 0.06), (0.02, 0.42, 0.056), (-0.05, 0.68, 0.048)),
        *((-0.045, 0.9, 0.042), (0.0, 1.06, 0.036), (0.035, 1.2, 0.036), (0.04, 1.36, 0.036)),
    ]
)
"""Middle line of the spine: forward, up, radius."""


def _spine(a):
    """Vertebrae, evenly spaced along the middle line."""
    height = np.linspace(_SPINE[0, 1], _SPINE[-1, 1], 23)
    forward, radius = (np.interp(height, _SPINE[:, 1], _SPINE[:, k]) for k in (0, 2))
    thick = 0.3 * (height[1] - height[0])
    return [
        a.hull(*_both((x - 0.4 * r, y, 0.5 * r, thick), (x + 0.6 * r, y, 0.5 * r, thick)))
        for x, y, r in zip(forward, height, radius, strict=True)
    ]


def _talus(body, sizes) -> list[Bone]:
    if sizes.foot is None:
        return _rod(body, sizes)
    return [_bone(body, _talus_hulls(body.axes(body.joint, sizes.foot)), "talus")]


def _talus_hulls(a):
    """At the ankle, which is the center of its dome."""
    return [
        a.hull((0.0, 0.0, -0.05, 0.095), (0.0, 0.0, 0.05, 0.095), (-0.08, -0.07, 0.0, 0.045)),
        a.hull((0.0, -0.05, 0.0, 0.08), (0.13, -0.075, -0.04, 0.065)),
    ]


def _calcn(body, sizes) -> list[Bone]:
    """Heel bone; with the talus where no body of its own is, with the midfoot likewise."""
    if sizes.foot is None:
        return _rod(body, sizes)
    a = body.axes(body.origin, sizes.foot)
    heel = (0.1, 0.0, 0.0, 0.1)
    drawn = [
        _bone(
            body,
            [
                a.hull(heel, (0.075, 0.1, 0.0, 0.07), (0.27, 0.12, 0.01, 0.06)),
                a.hull(heel, (0.27, 0.12, 0.01, 0.06), (0.4, 0.05, 0.05, 0.06)),
                a.hull((0.29, 0.11, 0.0, 0.05), (0.33, 0.12, -0.09, 0.03)),
            ],
            "calcaneus",
        )
    ]
    if _stem(body.parent) == "tibia":
        drawn.append(_bone(body, _talus_hulls(body.axes(body.joint, sizes.foot)), "talus"))
    toes = body.toward("toes")
    if toes is not None:
        front = a.at(0.44, 0.12, -0.03)
        drawn += _tarsus(body, body.axes(front, sizes.foot))
        drawn += _metatarsals(body, front + 0.43 * (toes - front), toes, sizes.foot)
    return drawn


def _midfoot(body, sizes) -> list[Bone]:
    ahead, toes = body.toward("forefoot"), body.toward("toes")
    if sizes.foot is None or (ahead is None and toes is None):
        return _rod(body, sizes)
    drawn = _tarsus(body, body.axes(body.joint, sizes.foot))
    if toes is not None:
        base = body.joint + 0.43 * (toes - body.joint)
        drawn += _metatarsals(body, base, toes, sizes.foot)
    return drawn


def _forefoot(body, sizes) -> list[Bone]:
    toes = body.toward("toes")
    if sizes.foot is None or toes is None:
        return _rod(body, sizes)
    return _metatarsals(body, body.joint, toes, sizes.foot)


def _tarsus(body, a) -> list[Bone]:
    """Cuboid, and the navicular with the cuneiforms, in front of the midtarsal joint."""
    cuboid = a.hull((0.05, -0.06, 0.1, 0.055), (0.17, -0.08, 0.11, 0.045))
    navicular = a.hull((0.05, 0.0, -0.07, 0.06), (0.045, 0.02, 0.02, 0.055))
    cuneiforms = a.hull(
        (0.09, -0.01, -0.07, 0.05), (0.2, -0.055, -0.1, 0.045), (0.19, -0.02, 0.02, 0.042)
    )
    return [
        _bone(body, [cuboid], "cuboid"),
        _bone(body, [cuneiforms], "cuneiforms"),
        _bone(body, [navicular], "navicular"),
    ]


_BASES = (
    (0.0, -0.005, -0.1, 0.046),
    (0.0, 0.02, -0.045, 0.034),
    (0.0, 0.02, 0.005, 0.032),
    (-0.02, -0.01, 0.06, 0.032),
    (-0.05, -0.06, 0.12, 0.036),
)
"""Where metatarsals 1 to 5 begin, from the middle of their bases; radius last."""
_HEADS = (
    (0.0, 0.0, -0.16, 0.058),
    (0.04, 0.01, -0.065, 0.044),
    (0.025, 0.0, 0.015, 0.042),
    (-0.02, -0.01, 0.09, 0.042),
    (-0.07, -0.02, 0.165, 0.044),
)
"""Where they end, from the joint of the toes."""
_TOES = (
    ((0.07, -0.01, 0.046), (0.18, -0.035, 0.036), (0.28, -0.055, 0.034)),
    ((0.06, 0.0, 0.034), (0.17, -0.015, 0.026), (0.24, -0.06, 0.026)),
    ((0.06, 0.0, 0.032), (0.15, -0.015, 0.025), (0.215, -0.06, 0.025)),
    ((0.055, 0.0, 0.031), (0.13, -0.015, 0.024), (0.185, -0.055, 0.024)),
    ((0.05, 0.0, 0.031), (0.105, -0.02, 0.024), (0.15, -0.05, 0.024)),
)
"""Along each toe, from the head of its metatarsal: forward, up, radius."""


def _metatarsals(body, base, toes, foot) -> list[Bone]:
    at_base, at_toes = body.axes(base, foot), body.axes(toes, foot)
    drawn = []
    for i, (first, last) in enumerate(zip(_BASES, _HEADS, strict=True)):
        begin, end = at_base.at(*first[:3]), at_toes.at(*last[:3])
        middle = 0.5 * (begin + end) + 0.01 * foot * at_base.up
        center = [np.stack(pair) for pair in ((begin, middle), (middle, end))]
        thin = 0.62 * first[3]
        radius = foot * np.array([[first[3], thin], [thin, last[3]]])
        hulls = [Hull(c, r) for c, r in zip(center, radius, strict=True)]
        drawn.append(_bone(body, hulls, f"metatarsal {i + 1}"))
    return drawn


def _toes(body, sizes) -> list[Bone]:
    if sizes.foot is None:
        return _rod(body, sizes)
    a = body.axes(body.joint, sizes.foot)
    drawn = []
    for i, (head, joints) in enumerate(zip(_HEADS, _TOES, strict=True)):
        balls = [(head[0] + x, head[1] + y, 0.98 * head[2], r) for x, y, r in joints]
        hulls = [a.hull(*pair) for pair in itertools.pairwise(balls)]
        drawn.append(_bone(body, hulls, f"toe {i + 1}"))
    return drawn


_SHAPES = {
    "pelvis": _pelvis,
    "torso": _torso,
    "femur": _femur,
    "patella": _patella,
    "tibia": _tibia,
    "talus": _talus,
    "calcn": _calcn,
    "midfoot": _midfoot,
    "forefoot": _forefoot,
    "toes": _toes,
}
"""Body, without its side -> its bones."""


# ----------------------------------------------------------------------------------- outlines


def _bare(body, sizes) -> list[Bone]:
    return []


def _thigh(body, sizes) -> list[Bone]:
    knee = _knee(body)
    if knee is None:
        return []
    a = body.along(body.joint, knee)
    upper, lower = (0.0, -0.06, 0.04, 0.21), (0.0, -1.0, 0.0, 0.135)
    middle = (0.03, -0.4, 0.03, 0.19)
    return [_bone(body, [a.hull(upper, middle), a.hull(middle, lower)], "thigh", "flesh")]


def _shank(body, sizes) -> list[Bone]:
    ankle = body.toward("talus", "calcn", "foot")
    if ankle is None:
        return []
    a = body.along(body.joint, ankle)
    knee, calf, low = (0.0, 0.0, 0.0, 0.138), (-0.035, -0.3, 0.0, 0.14), (-0.02, -0.96, 0.0, 0.085)
    return [_bone(body, [a.hull(knee, calf), a.hull(calf, low)], "shank", "flesh")]


def _hips(body, sizes) -> list[Bone]:
    hips = [body.next_joints.get(f"femur_{side}") for side in SIDES]
    if any(hip is None for hip in hips):
        return []
    a = body.axes(0.5 * (hips[0] + hips[1]), float(np.linalg.norm(hips[0] - hips[1])))
    balls = _both((-0.05, 0.0, 0.58, 0.5), (-0.12, 0.15, 0.5, 0.55), (0.0, 0.95, 0.5, 0.5))
    return [_bone(body, [a.hull(*balls)], "hips", "flesh")]


def _hindfoot(body, sizes) -> list[Bone]:
    if sizes.foot is None:
        return []
    a = body.axes(body.origin, sizes.foot)
    heel, ankle, front = (0.09, -0.0, 0.0, 0.134), (0.26, 0.24, 0.0, 0.17), (0.46, 0.1, 0.0, 0.135)
    hulls = [a.hull(heel, ankle), a.hull(ankle, front), a.hull(heel, (0.46, 0.0, 0.06, 0.11))]
    toes = body.toward("toes")
    if toes is not None:
        hulls.append(_sole(a.at(*front[:3]), body.axes(toes, sizes.foot)))
    return [_bone(body, hulls, "hindfoot", "flesh")]


def _front_foot(body, sizes) -> list[Bone]:
    toes = body.toward("toes")
    if sizes.foot is None or toes is None:
        return []
    return [_bone(body, [_sole(body.joint, body.axes(toes, sizes.foot))], "midfoot", "flesh")]


def _sole(joint, at_toes):
    """From the midtarsal joint to the ball of the foot."""
    ball = at_toes.hull((0.0, 0.0, -0.12, 0.1), (-0.03, -0.01, 0.11, 0.095))
    up, out = at_toes.unit * at_toes.up, at_toes.unit * at_toes.out
    behind = np.stack([joint - 0.02 * up - 0.04 * out, joint - 0.04 * up + 0.08 * out])
    radius = at_toes.unit * np.array([0.125, 0.1])
    return Hull(np.concatenate([behind, ball.center]), np.concatenate([radius, ball.radius]))


def _toe_flesh(body, sizes) -> list[Bone]:
    if sizes.foot is None:
        return []
    a = body.axes(body.joint, sizes.foot)
    ball = (0.0, 0.0, -0.12, 0.1), (-0.03, -0.01, 0.11, 0.095)
    tips = (0.27, -0.06, -0.15, 0.062), (0.21, -0.065, -0.03, 0.055), (0.08, -0.06, 0.15, 0.055)
    return [_bone(body, [a.hull(*ball, *tips)], "toes", "flesh")]


_FLESH = {
    "femur": _thigh,
    "tibia": _shank,
    "pelvis": _hips,
    "calcn": _hindfoot,
    "midfoot": _front_foot,
    "forefoot": _front_foot,
    "toes": _toe_flesh,
}
"""Body, without its side -> the outline of its flesh."""
