"""Parts of a picture of the body that every view has: bones, muscles, ligaments, ground, forces."""

from typing import Any, NamedTuple

import matplotlib
import matplotlib.patheffects as patheffects
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Circle, FancyArrowPatch
from scipy.spatial import ConvexHull

from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from .body_shown import Placed, Shown, ground_normals
from .bones import FOOT_FLESH, Bone, Hull, side_of
from .plots import INK

MUSCLE, LIGAMENT, REGION = "#b5564c", "#004c66", "#707070"
GROUND_FORCE, FAR_FORCE, JOINT_LOAD = "#1d6b35", "#9fc2a9", "#12436d"
_FILL = {"bone": "#f1ebdd", "flesh": "#f7f5f2", "ghost": "#f8f7f5"}
_EDGE = {"bone": "#8d8573", "flesh": "#dcd8d0", "ghost": "#c9c5bb"}
_GROUND, _SOIL, _UNKNOWN, _CASING = "#8a8a8a", "#f0f0f0", "#c4c4c4", "#5a5a5a"
_WIDEST, _NARROWEST = 5.0, 0.7  # of the strongest muscle, of any [pt]
_DEEP = 20.0  # of what is sorted by depth [m]
_CIRCLE = np.stack([f(np.linspace(0.0, 2.0 * np.pi, 33)[:-1]) for f in (np.cos, np.sin)], axis=-1)
_COLOURED = {"force": "muscle force [N]", "activation": "activation [-]"}
_PALE_TO_DARK = LinearSegmentedColormap.from_list(
    "pale_to_dark", matplotlib.colormaps["magma_r"](np.linspace(0.0, 0.95, 64))
)
X, Y, Z = np.eye(3)


class View(NamedTuple):
    """Directions of a view in ground: `right` and `up` in the picture, `toward` the viewer.

    `near`: the side whose leg is in front, "" for neither. `words`: for the title.
    """

    right: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    toward: Float[np.ndarray, "3"]
    near: str
    words: str

    def flat(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Where points of ground are in the picture [m]."""
        return np.asarray(points) @ np.stack([self.right, self.up], axis=-1)

    def depth(self, points: Float[np.ndarray, "*n 3"]) -> float:
        """How near their middle is to the viewer [m]."""
        return float(np.mean(np.asarray(points) @ self.toward))


class Limits(NamedTuple):
    """What of the picture's plane is shown [m]."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        """[m]"""
        return self.right - self.left

    @property
    def height(self) -> float:
        """[m]"""
        return self.top - self.bottom

    @property
    def size(self) -> float:
        """The longer side [m]."""
        return max(self.width, self.height)


class Scene(NamedTuple):
    """Everything a picture is drawn from.

    `side`: the only leg to draw, None for both. `wide`: factor of the width of muscles.
    """

    model: Model
    what: Shown
    where: Placed
    bones: tuple[Bone, ...]
    view: View
    side: str | None
    wide: float = 1.0

    def solid(self, side: str) -> bool:
        """Whether things of this side are drawn in full; those of the middle ("") always are."""
        in_front = self.side or self.view.near
        return side == "" or in_front in ("", side)

    def ghost(self, side: str) -> bool:
        """Whether bones of this side are drawn as a ghost."""
        return not self.solid(side) and self.side is None

    @property
    def body_weight(self) -> float:
        """[N]"""
        skeleton = self.model.skeleton
        return float(np.sum(skeleton.mass) * np.linalg.norm(skeleton.gravity))


# -------------------------------------------------------------------------------------- bones


def outlines_of(bone: Bone, view: View) -> list[Float[np.ndarray, "_ 2"]]:
    """The outline of each hull of a bone in the picture's plane [m]."""
    return [_outline(hull, view) for hull in bone.hulls]


def _outline(hull: Hull, view: View):
    circles = view.flat(hull.center)[:, None] + hull.radius[:, None, None] * _CIRCLE
    points = circles.reshape(-1, 2)
    return points[ConvexHull(points).vertices]


def draw_bones(ax: Axes, scene: Scene) -> None:
    """Those in front over those behind; flesh and ghosts behind everything."""
    kinds: dict[str, list[Bone]] = {"flesh": [], "ghost": [], "bone": []}
    from_above = scene.view.up @ Y < 0.5  # where a trunk would hide all else
    for bone in scene.bones:
        if bone.kind == "flesh" and from_above and bone.name not in FOOT_FLESH:
            continue
        if scene.solid(bone.side):
            kinds[bone.kind].append(bone)
        elif scene.ghost(bone.side) and bone.kind == "bone":
            kinds["ghost"].append(bone)
    flesh = [outline for bone in kinds["flesh"] for outline in outlines_of(bone, scene.view)]
    _fill(ax, flesh, "flesh", 1.0, "flesh")
    for kind, layer in (("ghost", 1.5), ("bone", 2.0)):
        for bone in kinds[kind]:
            depth = scene.view.depth(np.concatenate([hull.center for hull in bone.hulls]))
            gid = f"{kind}:{bone.name}:{bone.side}"
            _fill(ax, outlines_of(bone, scene.view), kind, layer + _over(depth), gid)


def _fill(ax, shapes, kind, at, gid):
    """Shapes as one: all edges first, so that none is left inside."""
    style: dict[str, Any] = {"facecolors": _FILL[kind], "gid": gid}
    for edge, over in ((_EDGE[kind], 0.0), ("none", 1e-6)):
        part = PolyCollection(shapes, edgecolors=edge, linewidths=1.3, zorder=at + over, **style)
        ax.add_collection(part, autolim=False)


def _over(depth):
    """Share of a layer, the larger the nearer."""
    return 0.4 * float(np.clip(0.5 + depth / _DEEP, 0.0, 1.0))


# -------------------------------------------------------------------------------------- paths


class Colours(NamedTuple):
    """Colour of every muscle, and what the colour bar shows, if there is one."""

    muscle: list[Any]
    bar: ScalarMappable | None
    words: str


def colours_of(scene: Scene, color_by: str | None) -> Colours:
    """Brick red; or by force or activation, from 0 to the largest of the legs drawn, or to 1.

    **Raises:** `BadInput` if there is no such value.
    """
    names = scene.model.muscles.names
    if color_by is None:
        return Colours([MUSCLE] * len(names), None, "")
    if color_by not in _COLOURED:
        hint = suggest(str(color_by), tuple(_COLOURED))
        raise UnknownName(f"No quantity '{color_by}' to colour by. {hint}")
    values = scene.what.muscle_force if color_by == "force" else scene.what.activation
    if values is None:
        raise BadInput(
            f"There is no {_COLOURED[color_by].split(' [')[0]} to colour muscles by. Pass a result "
            "that holds it (a pose alone does not), or leave `color_by` out."
        )
    own = np.array([scene.solid(side_of(name)) for name in names], bool)
    known = values[own & np.isfinite(values)]
    top = 1.0 if color_by == "activation" else float(known.max(initial=0.0)) or 1.0
    bar = ScalarMappable(Normalize(0.0, top), _PALE_TO_DARK)
    paint = [bar.to_rgba(value) if np.isfinite(value) else _UNKNOWN for value in values]
    return Colours(paint, bar, _COLOURED[color_by])


def line_width(scene: Scene, strength: float) -> float:
    """Of a muscle of this strength [N], in points."""
    strongest = float(np.max(np.asarray(scene.model.muscles.max_isometric_force)))
    return scene.wide * max(_NARROWEST, _WIDEST * float(np.sqrt(strength / strongest)))


def draw_paths(ax: Axes, scene: Scene, colours: Colours) -> None:
    """Muscles along their courses."""
    muscles, edge = scene.model.muscles, "white" if colours.bar is None else _CASING
    for name, course, strength, colour in zip(
        muscles.names,
        scene.where.muscles,
        np.asarray(muscles.max_isometric_force),
        colours.muscle,
        strict=True,
    ):
        if scene.solid(side_of(name)):
            width = line_width(scene, strength)
            draw_path(ax, scene, course, f"muscle:{name}", width, edge, color=colour)


def draw_path(
    ax: Axes, scene: Scene, course: np.ndarray, gid: str, width: float, edge: str, **line: Any
) -> None:
    """One muscle or ligament, with an edge that parts it from what it crosses."""
    x, y = scene.view.flat(course).T
    casing = patheffects.withStroke(linewidth=width + 0.9, foreground=edge)
    style = {"zorder": 2.0 + _over(scene.view.depth(course)), "solid_capstyle": "round"} | line
    ax.plot(x, y, linewidth=width, gid=gid, solid_joinstyle="round", path_effects=[casing], **style)


# ------------------------------------------------------------------------------------- ground


def draw_ground(ax: Axes, scene: Scene, limits: Limits) -> None:
    """The edge of the ground, and the ground below it, where the view shows it."""
    line = ground_line(scene)
    if line is None:
        return
    point, slope = line
    x = np.array([limits.left, limits.right])
    y = point[1] + slope * (x - point[0])
    ax.fill_between(x, y, limits.bottom, facecolor=_SOIL, edgecolor="none", zorder=0.2)
    ax.plot(x, y, color=_GROUND, linewidth=1.0, zorder=0.3, gid="ground")


def ground_line(scene: Scene) -> tuple[np.ndarray, float] | None:
    """A point of the ground's edge in the picture's plane [m] and its slope; None if unseen.

    Of a model without contact regions it is where a result says that the ground pushes.
    """
    if scene.view.up @ Y < 0.5:
        return None
    contacts = scene.model.contacts
    if contacts.names:
        across, up = scene.view.flat(ground_normals(scene.model)[0])
        return scene.view.flat(np.asarray(contacts.half_space_position)[0]), -across / up
    return (scene.view.flat(scene.what.ground[0].point), 0.0) if scene.what.ground else None


def height_of_ground(line: tuple[np.ndarray, float], x: float) -> float:
    """Of a `ground_line` [m]."""
    return float(line[0][1] + line[1] * (x - line[0][0]))


def draw_regions(ax: Axes, scene: Scene) -> None:
    """Contact regions as circles of their true size, behind the body where that is above them."""
    contacts = scene.model.contacts
    layer = 3.0 if scene.view.up @ Y > 0.5 else 1.9
    for name, center, radius in zip(
        contacts.names, scene.where.regions, np.asarray(contacts.radius), strict=True
    ):
        if scene.solid(side_of(name)):
            at = tuple(scene.view.flat(center))
            style = {"facecolor": "none", "edgecolor": REGION, "linewidth": 0.8, "zorder": layer}
            ax.add_patch(Circle(at, float(radius), gid=f"region:{name}", **style))


# ------------------------------------------------------------------------------------- forces


def draw_force(
    ax: Axes, start: np.ndarray, tip: np.ndarray, colour: str, gid: str, width: float = 2.0
) -> None:
    """An arrow in the picture's plane."""
    head = f"-|>,head_length={2.2 * width:g},head_width={1.1 * width:g}"
    arrow = FancyArrowPatch(tuple(start), tuple(tip), arrowstyle=head, shrinkA=0.0, shrinkB=0.0,
                            color=colour, linewidth=width, zorder=5.0, gid=gid,
                            joinstyle="miter")  # fmt: skip
    arrow.set_path_effects([patheffects.withStroke(linewidth=width + 1.4, foreground="white")])
    ax.add_patch(arrow)


def tag(ax: Axes, at: np.ndarray, text: str, colour: str = INK, **options: Any) -> None:
    """Words beside a point."""
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    style = {"xytext": (4.0, 2.0), "ha": "left", "va": "bottom", "fontsize": 7.5} | options
    ax.annotate(text, tuple(at), textcoords="offset points", color=colour, zorder=7.0,
                path_effects=halo, **style)  # fmt: skip
