"""Pictures of the built-in bodies for docs/bodies.md.

    python experiments/built_in_bodies/pictures.py docs/images

writes body_lower_limb.png (three views), body_stand.png (`planar` in balance) and body_foot.png
(the foot that `lower_limb` stands on). Takes a few minutes for `bm.stand` to compile.
"""

import io
import sys
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

import biomech as bm
from biomech.analysis import plot_body

_DPI = 110
_WIDTHS = {"right": 0.19, "front": 0.31, "back": 0.31}  # of the figure


def main(folder: str) -> None:
    """Write all three into `folder`."""
    bm.use_float64()
    planar, lower_limb = bm.load_model("planar"), bm.load_model("lower_limb")
    stands = {"view": "right", "color_by": "force", "joint_loads": True}
    pictures = {
        "lower_limb": _three_views(lower_limb),
        "stand": plot_body(planar, bm.stand(planar), **stands),
        "foot": plot_body(lower_limb, bm.stand(lower_limb), view="foot", color_by="force"),
    }
    for name, figure in pictures.items():
        _write(figure, Path(folder) / f"body_{name}.png")


def _three_views(model) -> Figure:
    figure, left = Figure(figsize=(9.6, 6.6)), 0.01
    for view, width in _WIDTHS.items():
        ax = figure.add_axes((left, 0.01, width, 0.94))
        plot_body(model, view=view, ax=ax, legend=view == "back")
        ax.set_title(f"from the {view}", loc="left", fontsize=9.5, fontweight="bold")
        left += width
    return figure


def _write(figure, path) -> None:
    """A small file: 128 colours are enough for what has no colour bar."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI)
    image = Image.open(buffer).convert("RGB")
    if not any(ax.child_axes for ax in figure.axes):
        image = image.quantize(128, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
