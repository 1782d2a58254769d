"""Figures of a result: each function takes a dataset and returns a matplotlib `Figure`.

Curves run over each side's own gait cycle, 0 to 100 %, swing shaded from toe-off. The right side is
dark and solid, the left light and dashed, so that both can be told apart in grey. Where the
window of a result begins inside a stride, the curve wraps from 100 to 0 % and is not joined there.
Without gait events curves run over time. Instants at which muscles of a leg were too weak are
marked by hollow circles on its curves: loads there are too small.

Grey bands are peaks in level walking, for orientation and not for scoring. Means of instrumented
implants in older patients: hip 2.38 BW (Bergmann et al. 2001, J. Biomech. 34:859-871), knee 2.61 BW
(Kutzner et al. 2010, J. Biomech. 43:2164-2173). From models: patellofemoral 0.9 +- 0.4 BW (Hart et
al. 2022, Br. J. Sports Med. 56:521-530), ankle 3.9 BW (Procter & Paul 1982, J. Biomech.
15:627-634). A mean without a published spread is drawn as a line.
"""

import functools
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import matplotlib.colors
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..formats.storage import Storage
from ..model.body import Model
from ..model.names import BadInput, UnknownName, find, suggest
from ..studies.gait_events import SIDES
from ..studies.metrics import joint_index
from .emg import ON_OFF, SOURCE, electrode_muscles, envelope, muscle_names, muscles_named
from .labels import require_dataset

_STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "pdf.fonttype": 42,  # text stays text
    "text.parse_math": False,  # a name from a file with $ in it is no formula
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
INK = "#333333"
_SWING, _BAND = "#f3f3f3", "#d5d5d5"
SIDE_LINE = {
    "r": {"color": "#12436d", "linestyle": "-", "linewidth": 2.1, "label": "right"},
    "l": {"color": "#f08c1a", "linestyle": (0, (3, 2)), "linewidth": 1.5, "label": "left"},
}
_LINESTYLES = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (5, 1.4, 1.2, 1.4)), (0, (2.5, 1.5)))


class _Reference(NamedTuple):
    """A published peak [BW]; `low` and `high` equal `mean` where no spread is known."""

    mean: float
    low: float
    high: float
    label: str


_PANELS = {
    "hip": ("Hip", _Reference(2.38, 2.38, 2.38, "implants 2.38\nBergmann 2001")),
    "knee": ("Knee (tibiofemoral)", _Reference(2.61, 2.61, 2.61, "implants 2.61\nKutzner 2010")),
    "patellofemoral": ("Patellofemoral", _Reference(0.9, 0.5, 1.3, "models 0.9 ± 0.4\nHart 2022")),
    "ankle": ("Ankle", _Reference(3.9, 3.9, 3.9, "model 3.9\nProcter & Paul 1982")),
}
_ANGLES = {
    "pelvis_tilt": "Pelvis tilt",
    "pelvis_list": "Pelvis list",
    "pelvis_rotation": "Pelvis rotation",
    "hip_flexion": "Hip flexion",
    "hip_adduction": "Hip adduction",
    "hip_rotation": "Hip internal rotation",
    "knee_angle": "Knee flexion",
    "ankle_angle": "Ankle dorsiflexion",
    "subtalar_angle": "Subtalar inversion",
    "midtarsal_angle": "Midtarsal",
    "mtp_angle": "Toes (MTP)",
}
_MAIN_GROUPS = (
    "gluteus maximus",
    "gluteus medius",
    "gluteus minimus",
    "iliopsoas",
    "hamstrings",
    "rectus femoris",
    "vasti",
    "gastrocnemius",
    "soleus",
    "tibialis anterior",
    "tibialis posterior",
    "peroneus longus",
)


def plot(dataset: xr.Dataset | Model, kind: str | None = None, **options) -> Figure:
    """A figure by name: joint_loads (the default), angles, moments, activations; of a body at rest
    standing (the default there); of a sweep: sweep_joint_loads, response, tornado, heat_map; of a
    sensitivity: sensitivity, sensitivity_cycle; and body, which needs `model=` and, of a motion,
    `time=`, see `plot_body`.

    Of a model instead of a dataset: the body as it stands, or in a pose.

    **Raises:** `TypeError` for a path instead of a dataset; `BadInput` if it lacks what is drawn.
    """
    if isinstance(dataset, Model):
        return _plot_model(dataset, kind, options)
    require_dataset(dataset, "plot")
    kind = kind or ("standing" if dataset.attrs.get("study") == "stand" else "joint_loads")
    if kind == "body":
        return _plot_body_of(dataset, **options)
    from .sensitivity_plots import plot_sensitivity, plot_sensitivity_cycle
    from .standing_plots import plot_standing
    from .sweep_plots import plot_heat_map, plot_response, plot_tornado

    of_sensitivity = {"sensitivity": plot_sensitivity, "sensitivity_cycle": plot_sensitivity_cycle}
    of_sweep = {"response": plot_response, "tornado": plot_tornado, "heat_map": plot_heat_map}
    kinds = KINDS | {"standing": plot_standing} | of_sweep | of_sensitivity
    if kind not in kinds:
        raise UnknownName(f"No figure named '{kind}'. {suggest(kind, (*kinds, 'body'))}")
    return kinds[kind](dataset, **options)


def _plot_model(model, kind, options):
    from .body_picture import plot_body

    if kind not in (None, "body"):
        raise BadInput(f"Of a model only 'body' can be drawn; '{kind}' is drawn of a result.")
    return plot_body(model, **options)


def _plot_body_of(dataset, model=None, **options):
    from .body_picture import plot_body

    if model is None:
        raise BadInput('A result is drawn on its body: `bm.plot(result, "body", model=model)`.')
    return plot_body(model, dataset, **options)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write `<path>.png` (200 dpi) and `<path>.pdf`; a suffix in `path` is dropped."""
    stem = Path(path).with_suffix("")
    written = []
    with matplotlib.rc_context(_STYLE):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not again for each file
        for suffix in ("png", "pdf"):
            target = stem.with_name(f"{stem.name}.{suffix}")
            temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                figure.savefig(temporary, dpi=200, format=suffix)
                os.replace(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
            written.append(target)
    return written[0], written[1]


def svg_of(figure: Figure) -> bytes:
    """The figure as SVG, text drawn as shapes: it looks the same wherever it is opened."""
    own: dict[Any, Any] = {
        "svg.fonttype": "path",
        "svg.hashsalt": "biomech",
    }  # the same bytes every time
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE), matplotlib.rc_context(own):
        figure.savefig(buffer, format="svg", dpi=150, metadata={"Date": None})
    return buffer.getvalue()


def styled(function):
    """`house_style` for a function of a dataset, checked to be one."""
    drawn = house_style(function)

    @functools.wraps(function)
    def draw(dataset, *args, **kwargs):
        require_dataset(dataset, function.__name__)
        return drawn(dataset, *args, **kwargs)

    return draw


def house_style(function):
    """Draws in this file's style; makes figures show in notebooks without pyplot."""

    @functools.wraps(function)
    def draw(*args, **kwargs):
        if "IPython" in sys.modules:
            _show_in_notebook()
        with matplotlib.rc_context(_STYLE):
            return function(*args, **kwargs)

    return draw


def _show_in_notebook():
    from IPython.core.getipython import get_ipython
    from IPython.core.pylabtools import select_figure_formats

    shell = get_ipython()
    if shell is not None:
        select_figure_formats(shell, {"png"})


# --------------------------------------------------------------------------------- figures


@styled
def plot_joint_loads(dataset: xr.Dataset) -> Figure:
    """Hip, knee, patellofemoral and ankle reaction forces of both sides [BW]."""
    _require_single(dataset)
    joints = _joints_present(dataset)
    columns = fewest_gaps(len(joints), (2, 3))
    figure, axes = panels(len(joints), columns=columns, width=3.6, height=2.5)
    for joint, ax in zip(joints, axes, strict=True):
        title, reference = _PANELS[joint]
        for side in SIDES:
            load = _load(dataset, joint, side)
            if load is not None:
                _draw(ax, dataset, side, load.values, mark_limited=True, **SIDE_LINE[side])
        ax.set_ylim(bottom=0.0)
        _finish(ax, dataset, title)
        _reference_band(ax, reference)
    _label_axes(figure, axes, dataset, "joint reaction force [BW]", columns=columns)
    _side_legend(
        figure, dataset, Patch(facecolor=_BAND, label="published peaks, level walking"), marks=True
    )
    return figure


@styled
def plot_angles(dataset: xr.Dataset) -> Figure:
    """Pelvis and joint angles [deg]; the pelvis once, over the right gait cycle."""
    values = np.rad2deg(dataset["coordinate_value"])
    return _coordinate_figure(dataset, values, "angle [deg]", _ANGLES)


@styled
def plot_moments(dataset: xr.Dataset) -> Figure:
    """Net internal joint moments of both sides, and the external knee adduction moment [N m/kg].

    Positive acts in the direction named: internal extension moments are negative.
    """
    values = dataset["moment_to_balance"] / dataset["body_mass"]
    titles = {stem: words for stem, words in _ANGLES.items() if not stem.startswith("pelvis")}
    return _coordinate_figure(dataset, values, "internal moment [N m/kg]", titles, adduction=True)


@styled
def plot_activations(
    dataset: xr.Dataset,
    emg: Storage | None = None,
    *,
    side: str = "r",
    groups: Sequence[str] = _MAIN_GROUPS,
) -> Figure:
    """Activations of one side by muscle group, with published on-off bands and measured EMG.

    `emg`: envelopes on the clock of the dataset; each is scaled to the panel's largest activation.
    """
    _require_single(dataset)
    find("side", side, SIDES)
    names = muscle_names(dataset)
    shown = {}
    for group in groups:
        find("muscle group", group, tuple(ON_OFF))
        muscles = muscles_named(ON_OFF[group].muscles, names, side)
        if muscles:
            shown[group] = muscles
    if not shown:
        raise BadInput(f"The result has no muscle on side '{side}' of: {', '.join(groups)}.")
    columns = fewest_gaps(len(shown), (4, 3))
    figure, axes = panels(len(shown), columns=columns, width=2.35, height=1.9)
    for (group, muscles), ax in zip(shown.items(), axes, strict=True):
        _activation_panel(ax, dataset, emg, side, group, muscles)
    _label_axes(figure, axes, dataset, "activation [-]", columns=columns, sides=(side,))
    handles: list = [Line2D([], [], color=SIDE_LINE["r"]["color"], label="predicted activation")]
    if "gait_pct" in dataset.coords:
        handles.append(Patch(facecolor=INK, label=f"active, published ({SOURCE})"))
    if emg is not None:
        handles.append(Patch(facecolor=_BAND, label="measured EMG, scaled to the panel's peak"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


@styled
def plot_sweep_joint_loads(
    dataset: xr.Dataset, parameter: str | None = None, *, side: str = "r"
) -> Figure:
    """Joint loads of one side [BW], one line per value of the swept `parameter`.

    Of more than `_MOST_LINES` values as many, evenly chosen with the first and the last.
    """
    find("side", side, SIDES)
    _require_motion(dataset)
    dims = [str(d) for d in dataset["joint_reaction_force"].dims if d not in _OWN_DIMS]
    parameter = dims[0] if parameter is None and len(dims) == 1 else parameter
    if parameter is None or parameter not in dims:
        raise BadInput(f"Name the swept parameter to draw, one of: {', '.join(dims) or 'none'}.")
    if len(dims) > 1:
        others = ", ".join(d for d in dims if d != parameter)
        raise BadInput(f"Select one value of {others} first, e.g. with `dataset.isel(...)`.")
    count = dataset.sizes[parameter]
    shown = np.unique(np.linspace(0, count - 1, min(count, _MOST_LINES)).round().astype(int))
    dataset = dataset.isel({parameter: shown})
    values = dataset[parameter].values
    joints = [
        joint for joint in _joints_present(dataset) if _load(dataset, joint, side) is not None
    ]
    shades = matplotlib.colormaps["cividis"](np.linspace(0.0, 0.82, len(values)))
    columns = fewest_gaps(len(joints), (2, 3))
    figure, axes = panels(len(joints), columns=columns, width=3.6, height=2.5)
    for joint, ax in zip(joints, axes, strict=True):
        title, reference = _PANELS[joint]
        for i in range(len(values)):
            case = dataset.isel({parameter: i})
            line = {"color": shades[i], "linestyle": _LINESTYLES[i % len(_LINESTYLES)]}
            load = _load(case, joint, side)
            if load is not None:
                _draw(ax, case, side, load.values, mark_limited=True, **line)
        ax.set_ylim(bottom=0.0)
        _finish(ax, dataset, title, sides=(side,))
        _reference_band(ax, reference)
    _label_axes(figure, axes, dataset, "joint reaction force [BW]", columns=columns, sides=(side,))
    handles: list = [
        Line2D(
            [],
            [],
            color=shades[i],
            linestyle=_LINESTYLES[i % len(_LINESTYLES)],
            label=_short(value),
        )
        for i, value in enumerate(values)
    ]
    if bool(dataset["strength_limited"].sel(side=side).any()):
        handles.append(limited_handle())
    unit = dataset[parameter].attrs.get("units", "1")
    title = parameter if unit == "1" else f"{parameter} [{unit}]"
    side_word = SIDE_LINE[side]["label"]
    chosen = "" if shown.size == count else f", {shown.size} of {count} values"
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=min(len(handles), 7),
        title=f"{title} ({side_word} side shown{chosen})",
        alignment="left",
        title_fontsize=9.0,
    )
    return figure


KINDS = {
    "joint_loads": plot_joint_loads,
    "angles": plot_angles,
    "moments": plot_moments,
    "activations": plot_activations,
    "sweep_joint_loads": plot_sweep_joint_loads,
}
"""Name -> function of a dataset, for `plot`."""

_MOST_LINES = 9
NEEDS = {
    "joint_loads": ("joint_reaction_force",),
    "angles": ("coordinate_value",),
    "moments": ("moment_to_balance", "knee_adduction_moment"),
    "activations": ("activation",),
    "sweep_joint_loads": ("joint_reaction_force",),
    "standing": ("regional_plantar_force", "contact_point", "activation"),
}
"""Variables each of them is drawn from, which `outputs` may have left out."""

_OWN_DIMS = ("time", "joint", "axis")


# ----------------------------------------------------------------------------------- parts


def fewest_gaps(count, choices):
    """The number of columns that leaves the fewest places of the last row empty."""
    return min((min(c, count) for c in choices), key=lambda columns: -count % columns)


def legend_above(figure: Figure, handles: Sequence[Any], **look: Any) -> None:
    """A legend above all axes, in as many columns as the figure is wide."""
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, loc="outside upper left", ncols=columns, **look)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def panels(count, *, columns, width, height):
    """A figure with `count` axes in rows of `columns`, and the axes in a list."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * width, rows * height + 0.55), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for ax in grid[count:]:
        ax.remove()
    return figure, list(grid[:count])


def _curve(dataset, side, values):
    """Abscissa and values over one side's gait cycle, NaN where the cycle wraps; or over time."""
    if "gait_pct" not in dataset.coords or np.isnan(dataset["gait_pct"].sel(side=side)).all():
        return dataset["time"].values, values
    percent = dataset["gait_pct"].sel(side=side).values
    wraps = np.flatnonzero(np.diff(percent) < 0.0) + 1
    return np.insert(percent, wraps, np.nan), np.insert(np.asarray(values, float), wraps, np.nan)


def _draw(ax: Axes, dataset, side, values, *, mark_limited=False, **line):
    """A curve; hollow circles, at most about 60, where muscles of this leg were too weak."""
    x, y = _curve(dataset, side, values)
    ax.plot(x, y, solid_capstyle="butt", dash_capstyle="butt", **line)
    limited = dataset["strength_limited"].sel(side=side).values > 0
    if mark_limited and limited.any():
        shown = np.arange(limited.size) % (1 + limited.size // 60) == 0
        x, y = _curve(dataset, side, np.where(limited & shown, values, np.nan))
        ax.plot(x, y, linestyle="none", marker="o", markersize=3.2, markerfacecolor="white",
                markeredgewidth=0.8, markeredgecolor=line["color"])  # fmt: skip


def _finish(ax: Axes, dataset, title, sides=SIDES):
    """Title, limits of the gait cycle, swing shading and toe-off lines (the mean of all cases)."""
    ax.set_title(title)
    if "gait_pct" not in dataset.coords:
        return
    ax.set_xlim(0.0, 100.0)
    ax.set_xticks(range(0, 101, 20))
    toe_off = [float(dataset["toe_off_pct"].sel(side=side).mean()) for side in sides]
    known = [t for t in toe_off if np.isfinite(t)]
    if not known:
        return
    ax.axvspan(min(known), 100.0, facecolor=_SWING, edgecolor="none", zorder=0)
    close = max(known) - min(known) < 1.5
    marks = {(sum(known) / len(known)): ":"} if close else dict(zip(known, (":", "--")))
    for at, style in marks.items():
        ax.axvline(at, color="#888888", linewidth=0.8, linestyle=style, zorder=1)


def _reference_band(ax: Axes, reference):
    """The published peak and what it is, in the swing half where curves are low."""
    low, high = reference.low, reference.high
    if low == high:
        ax.axhline(reference.mean, color=_BAND, linewidth=3.0, zorder=0.5, solid_capstyle="butt")
    else:
        ax.axhspan(low, high, facecolor=_BAND, edgecolor="none", alpha=0.75, zorder=0.5)
    ax.set_ylim(0.0, max(ax.get_ylim()[1], 1.25 * high))  # room for the label
    ax.annotate(
        reference.label,
        (1.0, high),
        xycoords=("axes fraction", "data"),
        xytext=(-2.0, 3.0),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=6.5,
        linespacing=1.1,
        color="#555555",
    )


def _label_axes(figure, axes, dataset, y_label, *, columns, sides=SIDES):
    """Names of the axes: left of each row, and once below; and why a curve may break."""
    for i, ax in enumerate(axes):
        if i % columns == 0:
            ax.set_ylabel(y_label)
        if i + columns >= len(axes):
            ax.tick_params(labelbottom=True)
    words = "time [s]"
    if "gait_pct" in dataset.coords:
        own = SIDE_LINE[sides[0]]["label"] if len(sides) == 1 else "each side's"
        words = f"{own} gait cycle from heel strike [%]"
        if any(_breaks(dataset, side) for side in sides):
            words += "\nbreak in a curve: the analysed window begins and ends there"
    figure.supxlabel(words, fontsize=9.0)


def _breaks(dataset, side):
    """Whether the window begins so far inside a stride that its curves show two loose ends.

    They meet where the motion at the end of the window repeats that at its beginning.
    """
    percent = dataset["gait_pct"].sel(side=side).values
    inside = bool(np.any(np.diff(percent) < 0.0)) and 2.0 < percent[0] < 98.0
    if "coordinate_value" not in dataset:
        return inside
    angles = dataset["coordinate_value"].isel(coordinate=dataset["motion_type"] == "rotational")
    gap = np.abs(angles.isel(time=-1) - angles.isel(time=0))
    return inside and bool((gap > 0.02 * (angles.max() - angles.min())).any())


def _side_legend(figure, dataset, *more, marks=False):
    handles: list = [Line2D([], [], **SIDE_LINE[side]) for side in SIDES]
    if "gait_pct" in dataset.coords:
        handles.append(Patch(facecolor=_SWING, edgecolor="#cccccc", linewidth=0.5, label="swing"))
    handles += more
    if marks and bool(dataset["strength_limited"].any()):
        handles.append(limited_handle())
    one_row = figure.get_figwidth() > 1.7 * len(handles)
    columns = len(handles) if one_row else 3
    figure.legend(handles=handles, loc="outside upper left", ncols=columns)


def limited_handle():
    return Line2D([], [], linestyle="none", marker="o", markersize=4, markerfacecolor="white",
                  markeredgecolor=INK, label="muscles too weak, load underestimated")  # fmt: skip


def metric_title(name: str) -> str:
    """`Peak hip force, right`; without the leg for a name that has none."""
    stem, _, side = name.rpartition("_")
    if side not in SIDES:
        return name.replace("_", " ").capitalize()
    return f"{stem.replace('_', ' ').capitalize()}, {SIDE_LINE[side]['label']}"


def _short(value):
    return f"{value:g}" if np.issubdtype(np.asarray(value).dtype, np.number) else str(value)


def _require_motion(dataset):
    if "time" not in dataset.dims:
        raise BadInput("The result is no motion: draw a body at rest with kind 'standing'.")


def _require_single(dataset):
    _require_motion(dataset)
    more = [str(d) for d in dataset["joint_reaction_force"].dims if d not in _OWN_DIMS]
    if more:
        raise BadInput(
            f"The dataset sweeps {', '.join(more)}. Select one case with `dataset.isel(...)`, or "
            "draw all of them with kind 'sweep_joint_loads'."
        )


def _joints_present(dataset):
    found = [
        joint for joint in _PANELS if any(_load(dataset, joint, side) is not None for side in SIDES)
    ]
    if not found:
        raise BadInput("The model has neither a hip, a knee nor an ankle joint to draw.")
    return found


def _load(dataset, joint, side):
    """Size of a joint reaction over body weight [-]; None if the model has no such joint."""
    names = tuple(dataset["joint"].values)
    try:
        index = joint_index(names, joint, side)
    except UnknownName:
        return None
    force = dataset["joint_reaction_force"].isel(joint=index)
    return np.sqrt((force**2).sum("axis", skipna=False)) / dataset["body_weight"]


# ------------------------------------------------------------------- angles and moments


def _coordinate_figure(dataset, values, y_label, titles, adduction=False):
    """One panel per kind of coordinate, both sides, plus the knee adduction moment."""
    _require_single(dataset)
    drawn = {}
    for stem in titles:
        found = {side: _coordinate(values, stem, side) for side in SIDES}
        found = {side: curve for side, curve in found.items() if curve is not None}
        if found:
            drawn[stem] = found
    moment = dataset["knee_adduction_moment"]
    extra = adduction and bool(np.isfinite(moment).any())
    count = len(drawn) + extra
    if not count:
        raise BadInput("The result has no joint angle to draw.")
    columns = fewest_gaps(count, (3, 4))
    figure, axes = panels(count, columns=columns, width=2.75, height=2.1)
    for (stem, curves), ax in zip(drawn.items(), axes):
        ax.axhline(0.0, color="#bbbbbb", linewidth=0.7, zorder=1)
        for side, curve in curves.items():
            _draw(ax, dataset, side, curve, **SIDE_LINE[side])
        _finish(ax, dataset, _signed(titles[stem], stem, dataset))
    if extra:
        ax = axes[-1]
        ax.axhline(0.0, color="#bbbbbb", linewidth=0.7, zorder=1)
        for side in SIDES:
            _draw(ax, dataset, side, moment.sel(side=side).values, **SIDE_LINE[side])
        _finish(ax, dataset, "Knee adduction, external")
    _label_axes(figure, axes, dataset, y_label, columns=columns)
    _side_legend(figure, dataset)
    return figure


def _coordinate(values, stem, side):
    """The curve of a coordinate; of the pelvis once, on the right side's cycle."""
    name = stem if stem.startswith("pelvis") and side == "r" else f"{stem}_{side}"
    if name not in values["coordinate"].values:
        return None
    curve = values.sel(coordinate=name).values
    return curve if np.isfinite(curve).any() and np.nanmax(np.ptp(curve)) > 0.0 else None


def _signed(title, stem, dataset):
    """The knee's title with the sign of flexion where the model's is not positive."""
    conventions = json.loads(dataset.attrs.get("model_conventions", "{}"))
    negative = stem == "knee_angle" and conventions.get("knee_flexion") == "negative"
    return f"{title} (negative)" if negative else title


# ----------------------------------------------------------------------------- activations


def _activation_panel(ax, dataset, emg, side, group, muscles):
    activation = dataset["activation"].sel(muscle=list(muscles))
    top = max(0.3, float(activation.max()))
    base = matplotlib.colors.to_rgb(SIDE_LINE["r"]["color"])
    for i, muscle in enumerate(muscles):
        lighter = 0.6 * i / max(1, len(muscles) - 1)
        color = tuple(c + lighter * (1.0 - c) for c in base)
        line = {"color": color, "linestyle": _LINESTYLES[i % len(_LINESTYLES)]}
        _draw(ax, dataset, side, activation.sel(muscle=muscle).values, **line, linewidth=1.3,
              label=muscle.removesuffix(f"_{side}"))  # fmt: skip
    if emg is not None:
        for electrode in emg.labels:
            under = electrode_muscles(electrode, muscles, side)
            if under:
                recorded = top * np.maximum(envelope(emg, electrode, dataset["time"].values), 0.0)
                x, y = _curve(dataset, side, recorded)
                ax.fill_between(x, 0.0, y, facecolor=_BAND, alpha=0.6, edgecolor="none", zorder=0.6)
    bar = 0.07 * top
    ax.set_ylim(-1.6 * bar, 1.35 * top if len(muscles) > 1 else 1.12 * top)
    if "gait_pct" in dataset.coords:
        for on, off in ON_OFF[group].on_off:
            for start, end in [(on, off)] if on <= off else [(on, 100.0), (0.0, off)]:
                ax.broken_barh([(start, end - start)], (-1.3 * bar, bar), facecolor=INK)
    ax.axhline(0.0, color="#bbbbbb", linewidth=0.6, zorder=0.8)
    if len(muscles) > 1:
        ax.legend(loc="upper right", fontsize=6.5, ncols=2, handlelength=1.9, columnspacing=0.8,
                  borderpad=0.1, labelspacing=0.25)  # fmt: skip
    _finish(ax, dataset, group.capitalize(), sides=(side,))
