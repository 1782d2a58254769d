"""A picture of the body: bones, muscles, ligaments and the ground, seen from one side.

Muscles and ligaments run along their exact paths, arcs over wrapped bone included; everything
stands where the kinematics put it. Bones and the outline of the flesh are drawn for the eye
(`bones`). What is nearer to the viewer covers what is behind; from the right or left the other leg
is a ghost without muscles.

Muscles are brick red, or coloured by what they do: pale at zero, dark at the largest, so that the
order survives in grey. The wider a line, the stronger the muscle: its width goes with the square
root of the strength, as a diameter does.
"""

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Wedge
from matplotlib.transforms import ScaledTranslation

from ..model.body import Model
from ..model.names import BadInput, UnknownName, find, suggest
from ..studies.gait_events import SIDES
from .body_scene import (
    FAR_FORCE,
    GROUND_FORCE,
    JOINT_LOAD,
    LIGAMENT,
    MUSCLE,
    REGION,
    Colours,
    Limits,
    Scene,
    View,
    X,
    Y,
    Z,
    colours_of,
    draw_bones,
    draw_force,
    draw_ground,
    draw_path,
    draw_paths,
    draw_regions,
    ground_line,
    height_of_ground,
    line_width,
    outlines_of,
    tag,
)
from .body_shown import on_its_ground, placed, shown
from .bones import bones, side_of
from .foot_picture import draw_foot_ligaments, foot_limits, foot_view, name_parts
from .plots import INK, house_style

VIEWS = {
    "right": View(X, Y, Z, "r", "seen from the right"),
    "left": View(-X, Y, -Z, "l", "seen from the left"),
    "front": View(-Z, Y, X, "", "seen from the front"),
    "back": View(Z, Y, -X, "", "seen from the back"),
    "above": View(Z, X, Y, "", "seen from above"),
}
"""Name -> directions; there is also "foot", which turns with the foot."""
_TALLEST, _BROADEST, _BESIDE = 7.0, 6.5, 1.9  # of the picture, and of the words beside it [inch]
_LOWEST = 2.6  # figure, for the words beside a flat picture [inch]
_LETTERS = 11.5  # of a title per inch
_STRENGTHS = 0.85  # height of the legend of muscle strengths [inch]
_SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # [m]
_LONG = 0.22  # arrow of a ground reaction of 1 body weight, share of the picture [-]
_JOINT_LONG = 0.05  # the same of a joint load
_LOADED = ("hip", "knee", "ankle")


@house_style
def plot_body(
    model: Model,
    coordinate_value: Any = None,
    *,
    view: str = "right",
    side: str | None = None,
    color_by: str | None = None,
    time: float | None = None,
    joint_loads: bool = False,
    legend: bool = True,
    ax: Axes | None = None,
) -> Figure:
    """The body in a pose or at an instant of a result.

    - `coordinate_value`: an array with every coordinate [rad or m], a dict with those that differ
      from standing, or a result, which brings its forces along. By default the body stands.
    - `view`: right, left, front, back, above; or foot, one foot from its inner side.
    - `side`: r or l, to draw one leg only; which foot in view "foot", by default the right one.
    - `color_by`: force [N] or activation [-] of the muscles in the result.
    - `time`: which instant of a result [s].
    - `joint_loads`: also the reaction forces that hips, knees and ankles carry.
    - `legend`: beside the picture, with the colour bar.
    - `ax`: draw here instead of in a figure of its own.

    **Raises:** `BadInput` for an unknown view, or a pose or result that is not of this model.
    """
    if side is not None:
        find("side", side, SIDES)
    model = on_its_ground(model, coordinate_value)
    what = shown(model, coordinate_value, time)
    where = placed(model, what.value)
    scene = Scene(model, what, where, bones(model.skeleton, where.now), VIEWS["right"], side)
    scene = _seen(scene, view)
    colours = colours_of(scene, color_by)
    limits = foot_limits(scene) if view == "foot" else _limits(scene)
    words = ", ".join(w for w in (model.name, scene.view.words, scene.what.instant) if w)
    if ax is None:
        ax, words = _axes(limits, words)
    _set_up(ax, limits, words)
    draw_ground(ax, scene, limits)
    draw_bones(ax, scene)
    draw_paths(ax, scene, colours)
    draw_regions(ax, scene)
    handles = _draw_foot(ax, scene) if view == "foot" else _draw_whole(ax, scene, limits)
    if joint_loads:
        handles += _draw_joint_loads(ax, scene, limits)
    _draw_scale(ax, limits)
    if legend:
        _legend(ax, scene, colours, handles)
    return _figure(ax)


def _seen(scene: Scene, view: str) -> Scene:
    if view == "foot":
        return foot_view(scene)
    if view not in VIEWS:
        raise UnknownName(f"No view named '{view}'. {suggest(str(view), (*VIEWS, 'foot'))}")
    return scene._replace(view=VIEWS[view])


# -------------------------------------------------------------------------------------- frame


def _limits(scene) -> Limits:
    """All bones and outlines with a margin."""
    drawn = [bone for bone in scene.bones if scene.solid(bone.side) or scene.ghost(bone.side)]
    points = np.concatenate([x for bone in drawn for x in outlines_of(bone, scene.view)])
    low, high = points.min(axis=0), points.max(axis=0)
    pad = 0.035 * float(np.max(high - low))
    return Limits(low[0] - pad, high[0] + pad, low[1] - 1.3 * pad, high[1] + 0.5 * pad)


def _axes(limits, title) -> tuple[Axes, str]:
    """Axes in a figure of their own that has their shape, with room for words beside them.

    The title comes back in lines that fit above them.
    """
    scale = min(_TALLEST / limits.height, _BROADEST / limits.width)
    width, height = scale * limits.width, scale * limits.height
    lines = textwrap.wrap(title, int(_LETTERS * (width + _BESIDE - 0.1)))
    box = max(height, _LOWEST)
    figure = Figure(figsize=(width + _BESIDE, box + 0.23 + 0.17 * len(lines)))
    across, up = figure.get_size_inches()
    place = (0.1 / across, (0.1 + box - height) / up, width / across, height / up)
    return figure.add_axes(place), "\n".join(lines)


def _figure(ax) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes without a figure cannot be drawn into
    return figure


def _set_up(ax, limits, title):
    ax.set_xlim(limits.left, limits.right)
    ax.set_ylim(limits.bottom, limits.top)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title, loc="left")


# --------------------------------------------------------------------------------------- body


def _draw_whole(ax, scene, limits) -> list[Line2D]:
    """Ligaments, ground reactions, center of mass and names of the sides; their legend."""
    names, handles = scene.model.ligaments.names, []
    for name, course in zip(names, scene.where.ligaments, strict=True):
        if scene.solid(side_of(name)):
            draw_path(ax, scene, course, f"ligament:{name}", 1.3, "white", color=LIGAMENT)
    if names:
        handles.append(Line2D([], [], color=LIGAMENT, linewidth=1.3, label="ligament"))
    if scene.model.contacts.names:
        handles.append(_contact_handle())
    handles += _draw_ground_reactions(ax, scene, limits)
    _draw_mass_center(ax, scene, limits)
    handles.append(_ring("center of mass", markerfacecolor=INK, markerfacecoloralt="white",
                         fillstyle="right", markeredgecolor=INK))  # fmt: skip
    if not scene.view.near:
        _name_sides(ax, scene)
    return handles


def _contact_handle():
    return _ring("contact region", markerfacecolor="white", markeredgecolor=REGION)


def _ring(label, **marker):
    return Line2D([], [], linestyle="none", marker="o", markersize=7.0, label=label, **marker)


def _arrow(label, colour):
    return Line2D([0], [0], color=colour, linewidth=2.0, marker=">", markevery=[-1], label=label)


def _draw_ground_reactions(ax, scene, limits):
    """From where each acts, its size below the ground; paler under a ghost."""
    line = ground_line(scene)
    for ground in sorted(scene.what.ground, key=lambda ground: scene.solid(ground.side)):
        start, share = scene.view.flat(ground.point), ground.force / scene.body_weight
        tip = start + _LONG * limits.size * scene.view.flat(share)
        gid = f"ground reaction:{ground.side}"
        if scene.solid(ground.side):
            _draw_arrow(ax, start, tip, limits, GROUND_FORCE, gid)
            if line is not None:
                at = np.array([start[0], height_of_ground(line, start[0])])
                tag(ax, at, f"{np.linalg.norm(share):.2f} BW", GROUND_FORCE, ha="center", va="top",
                    xytext=(0.0, -3.0))  # fmt: skip
        elif scene.ghost(ground.side):
            _draw_arrow(ax, start, tip, limits, FAR_FORCE, gid)
    return [_arrow("ground reaction", GROUND_FORCE)] if scene.what.ground else []


def _draw_arrow(ax, start, tip, limits, colour, gid):
    """A dot where the force points to the viewer."""
    if np.linalg.norm(tip - start) > 0.01 * limits.size:
        draw_force(ax, start, tip, colour, gid)
    else:
        ax.plot(*start[:, None], color=colour, marker="o", markersize=5.0, zorder=5.0, gid=gid)


def _draw_joint_loads(ax, scene, limits):
    """On the distal segment, ending at the joint center; its size on the outer side."""
    if scene.what.joint_force is None:
        raise BadInput("There are no joint loads to draw. Pass a result that holds them.")
    names, centers = scene.model.skeleton.joint_names, np.asarray(scene.where.now.joint_center)
    for name, force, center in zip(names, scene.what.joint_force, centers, strict=True):
        side = side_of(name)
        loaded = any(word in name for word in _LOADED) and np.isfinite(force).all()
        if loaded and scene.solid(side):
            tip, share = scene.view.flat(center), force / scene.body_weight
            start = tip - _JOINT_LONG * limits.size * scene.view.flat(share)
            _draw_arrow(ax, start, tip, limits, JOINT_LOAD, f"joint load:{name}")
            right = not scene.view.near and scene.view.right @ (-Z if side == "l" else Z) > 0.0
            align, shift = ("left", 4.0) if right else ("right", -4.0)
            words = f"{np.linalg.norm(share):.1f} BW"
            tag(ax, start, words, JOINT_LOAD, xytext=(shift, 0.0), ha=align, va="center")
    return [_arrow("joint load", JOINT_LOAD)]


def _draw_mass_center(ax, scene, limits):
    """The quartered disc of a center of mass, and its vertical down to the ground."""
    x, y = (float(v) for v in scene.view.flat(scene.where.mass_center))
    line = ground_line(scene)
    if line is not None:
        ax.plot([x, x], [y, height_of_ground(line, x)], color=INK, linewidth=0.8, zorder=4.0,
                linestyle=(0, (5, 3)), gid="vertical")  # fmt: skip
    radius = 0.011 * limits.size
    ax.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.0,
                        zorder=6.0, gid="center of mass"))  # fmt: skip
    for start in (0.0, 180.0):
        ax.add_patch(Wedge((x, y), radius, start, start + 90.0, facecolor=INK, edgecolor="none",
                           zorder=6.1))  # fmt: skip


def _name_sides(ax, scene):
    """Which side of the body is where."""
    for direction, words in ((Z, "right"), (-Z, "left")):
        on_the_right = bool(scene.view.right @ direction > 0.0)
        x, align = (0.99, "right") if on_the_right else (0.01, "left")
        ax.text(x, 0.985, words, transform=ax.transAxes, ha=align, va="top", fontsize=8.0,
                color=REGION)  # fmt: skip


def _draw_foot(ax, scene) -> list[Line2D]:
    handles = draw_foot_ligaments(ax, scene)
    name_parts(ax, scene)
    if scene.model.contacts.names:
        handles.append(_contact_handle())
    if scene.what.region_force is not None:
        handles.append(_arrow("ground on a region", GROUND_FORCE))
    return handles


# -------------------------------------------------------------------------------------- words


def _draw_scale(ax, limits):
    """A bar of a round length in the lower left corner."""
    length = max((n for n in _SCALES if n <= 0.04 + 0.05 * limits.size), default=_SCALES[0])
    x, y = limits.left + 0.02 * limits.size, limits.bottom + 0.015 * limits.size
    ax.plot([x, x + length], [y, y], color=INK, linewidth=2.0, solid_capstyle="butt", zorder=7.0,
            gid="scale")  # fmt: skip
    tag(ax, np.array([x + length, y]), f"{1000 * length:g} mm", va="center", xytext=(4.0, 0.0))


def _legend(ax, scene, colours: Colours, handles):
    """Beside the picture: widths of muscles, then everything else; below them the colour bar."""
    colour = MUSCLE if colours.bar is None else REGION
    strength = np.asarray(scene.model.muscles.max_isometric_force)
    muscles = [
        Line2D([], [], color=colour, linewidth=line_width(scene, force), label=f"{force:g} N")
        for force in _round_strengths(float(strength.max(initial=0.0)))
    ]
    place = {"loc": "upper left", "borderaxespad": 0.0, "alignment": "left", "fontsize": 8.0}
    first = ax.legend(handles=muscles, title="muscle strength", title_fontsize=8.0,
                      bbox_to_anchor=(1.02, 1.0), **place)  # fmt: skip
    ax.add_artist(first)
    below = ScaledTranslation(0.0, -_STRENGTHS, _figure(ax).dpi_scale_trans)
    ax.legend(handles=handles, bbox_to_anchor=(1.02, 1.0), bbox_transform=ax.transAxes + below,
              **place)  # fmt: skip
    if colours.bar is not None:
        inset = ax.inset_axes((1.04, 0.03, 0.03, 0.35))
        bar = _figure(ax).colorbar(colours.bar, cax=inset)
        bar.set_label(colours.words)
        bar.outline.set_linewidth(0.5)


def _round_strengths(strongest):
    """Three round strengths that show how widths go [N]."""
    if strongest <= 0.0:
        return []
    ten = 10.0 ** np.floor(np.log10(strongest))
    top = max(n * ten for n in (1.0, 2.0, 5.0) if n * ten <= strongest)
    return [top, top / 5.0, top / 25.0]
