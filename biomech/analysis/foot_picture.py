"""One foot from its inner side: arch, ligaments and regions of the sole, all named."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..model.names import BadInput
from .body_scene import (
    GROUND_FORCE,
    LIGAMENT,
    Limits,
    Scene,
    View,
    Y,
    draw_force,
    draw_path,
    ground_line,
    height_of_ground,
    outlines_of,
    tag,
)
from .bones import side_of
from .plots import INK

_FOOT = ("talus", "calcn", "midfoot", "forefoot", "toes")
_JOINTS = {"ankle": "ankle", "midtarsal": "midtarsal joint", "mtp": "toe joint"}
_DASHES = ("-", (0, (4, 1.2)), (0, (1.2, 1.0)), (0, (4, 1.2, 1.0, 1.2)))
_MOST_NAMED = 6  # ligaments
_TEXT_LINE, _LETTER = 0.0052, 0.0024  # height of a line of words, width of a letter [m]
_CLOSE = 0.024  # regions that share a column of words [m]
_LEAST = 0.02  # force that is drawn, share of the largest [-]
_LONGEST = 0.05  # arrow of the region with the largest force [m]
_WORDS = {"r": "right foot, seen from its inner side", "l": "left foot, seen from its inner side"}


def foot_view(scene: Scene) -> Scene:
    """The scene of one foot only, looked at across its own length; up stays up.

    **Raises:** `BadInput` for a model without this foot.
    """
    side = scene.side or "r"
    names = scene.model.skeleton.body_names
    if f"calcn_{side}" not in names:
        raise BadInput(
            f"Model '{scene.model.name}' has no body 'calcn_{side}', so there is no foot to draw."
        )
    forward = np.asarray(scene.where.now.rotation)[names.index(f"calcn_{side}")][:, 0]
    level = forward - (forward @ Y) * Y
    length = np.linalg.norm(level)
    ahead = level / length if length > 0.1 else np.eye(3)[0]
    right = -ahead if side == "r" else ahead
    view = View(right, Y, np.cross(right, Y), side, _WORDS[side])
    return scene._replace(view=view, side=side, wide=1.6)


def foot_limits(scene: Scene) -> Limits:
    """The foot up to above the ankle, and room for names of regions below it."""
    points = _outline(scene)
    low, high = points.min(axis=0), points.max(axis=0)
    rows = max((len(words) for _, words in _columns(scene)), default=0)
    below = 0.02 + rows * _TEXT_LINE + (_LONGEST if _pressures(scene) else 0.0)
    line, bottom = ground_line(scene), low[1]
    if line is not None:  # what is written there must be seen, also under a lifted foot
        bottom = min(bottom, *(height_of_ground(line, x) for x in (low[0], high[0])))
    return Limits(low[0] - 0.03, high[0] + 0.03, bottom - below, high[1] + 0.045)


def _outline(scene):
    stems = tuple(f"{stem}_{scene.side}" for stem in _FOOT)
    drawn = [bone for bone in scene.bones if bone.body in stems and bone.kind == "bone"]
    return np.concatenate([x for bone in drawn for x in outlines_of(bone, scene.view)])


def draw_foot_ligaments(ax: Axes, scene: Scene) -> list[Line2D]:
    """Each with dashes of its own, in front of the bones; returns what stands in the legend."""
    names, force = scene.model.ligaments.names, scene.what.ligament_force
    own = [i for i, name in enumerate(names) if side_of(name) == scene.side]
    few, handles = len(own) <= _MOST_NAMED, []
    for place, i in enumerate(own):
        dashes = _DASHES[place % len(_DASHES)] if few else "-"
        width = 3.0 if "fascia" in names[i].lower() else 1.8
        line = {"color": LIGAMENT, "linestyle": dashes, "dash_capstyle": "butt", "zorder": 2.7}
        draw_path(
            ax, scene, scene.where.ligaments[i], f"ligament:{names[i]}", width, "white", **line
        )
        known = "" if force is None else f", {force[i]:.0f} N"
        words = f"{_plain(names[i], scene)}{known}"
        handles.append(Line2D([], [], linewidth=width, label=words, **line))
    if few:
        return handles
    return [Line2D([], [], color=LIGAMENT, linewidth=1.8, label=f"{len(own)} ligaments")]


def _plain(name, scene):
    return name.removesuffix(f"_{scene.side}").replace("_", " ")


def name_parts(ax: Axes, scene: Scene) -> None:
    """Joints, and below the ground what presses on the sole, and where."""
    line = ground_line(scene)
    _name_joints(ax, scene, line)
    if line is None:
        return
    _draw_pressures(ax, scene, line)
    for x, rows in _columns(scene):
        floor = height_of_ground(line, x) - (_LONGEST if _pressures(scene) else 0.0)
        tag(ax, np.array([x, floor]), "\n".join(rows), INK, ha="center", va="top",
            xytext=(0.0, -4.0), fontsize=7.0, linespacing=1.25)  # fmt: skip


def _columns(scene) -> list[tuple[float, list[str]]]:
    """Names of regions that stand above each other, from left to right: x [m] and rows of words."""
    at, words = scene.view.flat(scene.where.regions), _region_words(scene)
    alone = [[i] for i in sorted(words, key=lambda i: at[i, 0])]
    close = lambda one, other: _middle(other, at) - _middle(one, at) < _CLOSE
    touch = lambda one, other: _overlap(one, other, at, words)
    columns = _merged(_merged(alone, close), touch)
    return [(_middle(own, at), [words[i] for i in sorted(own)]) for own in columns]


def _merged(columns, together) -> list[list[int]]:
    """Neighbours put together, again and again, until none belong together."""
    merged: list[list[int]] = []
    for column in columns:
        merged.append(column)
        while len(merged) > 1 and together(merged[-2], merged[-1]):
            merged[-2:] = [merged[-2] + merged[-1]]
    return merged


def _middle(column, at):
    return float(np.mean([at[i, 0] for i in column]))


def _overlap(one, other, at, words):
    """Whether the words of two columns would touch."""
    widths = [_LETTER * max(len(words[i]) for i in column) for column in (one, other)]
    return _middle(other, at) - _middle(one, at) < 0.5 * sum(widths)


def _region_words(scene) -> dict[int, str]:
    """What is written of each region of this foot; without what all names begin with."""
    names, force = scene.model.contacts.names, scene.what.region_force
    own = {i: _plain(n, scene) for i, n in enumerate(names) if side_of(n) == scene.side}
    start = _shared(own.values()) if len(own) > 1 else 0
    known = lambda i: "" if force is None else f"  {np.linalg.norm(force[i]):.0f} N"
    return {i: f"{words[start:]}{known(i)}" for i, words in own.items()}


def _shared(names) -> int:
    """How many letters of whole words all names begin with."""
    heads = zip(*(name.split(" ")[:-1] for name in names), strict=False)
    same = itertools.takewhile(lambda words: len(set(words)) == 1, heads)
    return sum(len(words[0]) + 1 for words in same)


def _pressures(scene) -> list[tuple[np.ndarray, np.ndarray]]:
    """Force [N] and place [m], in the picture's plane, of what presses on the sole."""
    flat, force = scene.view.flat, scene.what.region_force
    if force is not None:
        return [(flat(force[i]), flat(scene.where.regions[i])) for i in _region_words(scene)]
    own = [ground for ground in scene.what.ground if ground.side == scene.side]
    return [(flat(ground.force), flat(ground.point)) for ground in own]


def _draw_pressures(ax, scene, line):
    """Arrows from below; the longest is as long as there is room."""
    pressures = _pressures(scene)
    largest = max((np.linalg.norm(force) for force, _ in pressures), default=0.0)
    for force, at in pressures:
        if np.linalg.norm(force) > _LEAST * largest:
            tip = np.array([at[0], height_of_ground(line, at[0])])
            start = tip - _LONGEST * force / largest
            draw_force(ax, start, tip, GROUND_FORCE, "pressure", 1.4)
    if scene.what.region_force is None and pressures:
        force, at = pressures[0]
        tag(ax, np.array([at[0], height_of_ground(line, at[0]) - _LONGEST]),
            f"{np.linalg.norm(force):.0f} N", GROUND_FORCE, xytext=(5.0, 0.0))  # fmt: skip


def _name_joints(ax, scene, line):
    names, centers = scene.model.skeleton.joint_names, np.asarray(scene.where.now.joint_center)
    for name, center in zip(names, centers, strict=True):
        stem = name.removesuffix(f"_{scene.side}")
        if side_of(name) != scene.side or stem not in _JOINTS:
            continue
        x, y = scene.view.flat(center)
        ax.plot([x], [y], marker="o", markersize=4.5, markerfacecolor="white", zorder=6.0,
                markeredgecolor=INK, gid=f"joint:{name}")  # fmt: skip
        words = _JOINTS[stem]
        if stem == "midtarsal" and line is not None:
            words += f", {1000.0 * (y - height_of_ground(line, x)):.0f} mm high"
        tag(ax, np.array([x, y]), words, INK, fontsize=7.0)
