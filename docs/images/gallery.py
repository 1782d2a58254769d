"""docs/gallery.md and its pictures: what each condition and treatment does to the standing body.

    python docs/images/gallery.py

Everything is on the right side of `lower_limb`, which stands on both legs. Some minutes.
"""

from pathlib import Path
from typing import Any

import matplotlib
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

import biomech as bm
from biomech.interventions import CATALOGUE

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "gallery.md"
BEGIN, END = "<!-- table -->", "<!-- end -->"

DOSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("flat_foot", {"severity": 1.0}),
    ("high_arch", {"severity": 1.0}),
    ("arch_stiffness", {"scale": 0.5}),
    ("fasciotomy", {"release": 1.0}),
    ("hallux_valgus", {"severity": 1.0}),
    ("hammertoe", {"severity": 1.0}),
    ("leg_length", {"difference_mm": -10.0}),
    ("gluteal_strength", {"scale": 0.5}),
    ("muscle_strength", {"scale": 0.5, "group": "hip_stabilizers"}),
    ("sciatic_compression", {"severity": 1.0, "preset": "l5"}),
    ("sciatic_compression", {"severity": 1.0, "preset": "s1"}),
    ("hip_osteoarthritis", {"stiffness": 20.0, "range_loss_deg": 15.0, "pain": 0.2}),
    ("labral_tear", {"pain": 5.0}),
    ("wedge", {"angle_deg": 5.0}),
    ("heel_lift", {"height_mm": 10.0}),
    ("leg_lift", {"height_mm": 10.0}),
    ("orthosis", {"arch_height_mm": 15.0}),
    ("orthosis", {"rearfoot_post_deg": -4.0}),
    ("metatarsal_pad", {"height_mm": 5.0}),
    ("footwear", {"heel_softness": 1.0, "forefoot_softness": 1.0, "drop_mm": 10.0}),
    ("strengthening", {"gain": 0.3, "group": "gluteals"}),
    ("stretching", {"passive_scale": 0.7, "range_deg": 5.0, "group": "triceps_surae"}),
    ("tendon_compliance", {"achilles": 2.0}),
    ("tendon_lengthening", {"length_mm": 10.0}),
    ("hip_replacement", {"relief": 1.0, "medial_mm": 5.0}),
    ("osteotomy", {"angle_deg": 5.0}),
)
COLUMNS = {  # metric: heading, digits
    "hip_force_r": ("hip, same side [BW]", 2),
    "hip_force_l": ("hip, other", 2),
    "knee_force_r": ("knee, same side [BW]", 2),
    "knee_force_l": ("knee, other", 2),
    "medial_knee_force_r": ("its medial half", 2),
    "ankle_force_r": ("ankle [BW]", 2),
    "weight_share_r": ("share of weight", 3),
    "pelvic_obliquity": ("pelvis up [deg]", 1),
    "subtalar_angle_r": ("inversion [deg]", 1),
    "midtarsal_angle_r": ("arch flatter [deg]", 1),
}
FEET = ("as it is", "flat_foot", "high_arch", "orthosis", "metatarsal_pad", "leg_lift")
BODIES = ("as it is", "leg_lift", "leg_length", "osteotomy")
LARGER = {  # so that the picture shows it
    "leg_lift": {"height_mm": 30.0},
    "leg_length": {"difference_mm": -30.0},
    "osteotomy": {"angle_deg": 10.0},
}


def main() -> None:
    """Write the table into the page and draw the pictures."""
    matplotlib.use("Agg")
    bm.use_float64()
    body = bm.load_model("lower_limb")
    bare = bm.stand(body)
    rows = [row(body, bare, kind, numbers) for kind, numbers in DOSES]
    heads = ("what", "dose", *(head for head, _ in COLUMNS.values()))
    level = [f"{value(bare, m):.{digits}f}" for m, (_, digits) in COLUMNS.items()]
    lines = [heads, ("---",) * len(heads), ("**unchanged**", "", *level), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
    draw(body, FEET, "gallery_feet.png", view="foot", columns=2, size=(15.0, 14.0))
    draw(body, BODIES, "gallery_bodies.png", view="front", columns=4, size=(18.0, 9.0))


def row(body: Any, bare: xr.Dataset, kind: str, numbers: dict[str, Any]) -> tuple[str, ...]:
    """Changes that one intervention makes, signed; nothing where they round to 0."""
    result = bm.stand(CATALOGUE[kind].apply(body, side="r", **numbers), habit_of=body)
    told = ", ".join(f"{name} {number}" for name, number in numbers.items())
    if str(result["status"].item()) != "0":
        return (f"`{kind}`", told, *("no balance",) * len(COLUMNS))
    cells = []
    for metric, (_, digits) in COLUMNS.items():
        change = round(value(result, metric) - value(bare, metric), digits)
        cells.append(f"{change:+.{digits}f}" if change else "")
    return (f"`{kind}`", told, *cells)


def value(result: xr.Dataset, metric: str) -> float:
    """One metric of a result."""
    return float(result["metric_value"].sel(metric=metric))


def draw(body, kinds, name, *, view, columns, size) -> None:
    """A picture of the standing body after each intervention, in one figure."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-len(kinds) // columns), columns, squeeze=False).ravel()
    doses = dict(reversed(DOSES)) | LARGER  # the first of several
    for ax, kind in zip(axes, kinds, strict=True):
        changed, told = body, kind
        if kind in CATALOGUE:
            changed = CATALOGUE[kind].apply(body, side="r", **doses[kind])
            told = f"{kind}: {', '.join(f'{k} {v:g}' for k, v in doses[kind].items())}"
        result = bm.stand(changed, habit_of=body)
        bm.plot(result, "body", model=changed, view=view, legend=False, ax=ax)
        ax.set_title(told, fontsize=12, loc="left")
    figure.savefig(HERE / name, dpi=80)
    with Image.open(HERE / name) as image:
        smaller = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    smaller.save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
