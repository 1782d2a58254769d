"""How much peaks of a tracked walk of `planar`, and effects on them, depend on the mesh.

    python benchmarks/mesh_planar.py [--intervals 50 100] [--rule radau2]

Three bodies walk on every mesh: the unchanged one, one whose arches are 20 % softer, one whose
glutei have half of their strength; the changed ones from the answer of the unchanged one. Printed
are the peaks, and what each change does to them.
"""

import argparse
import time

PEAKS = (
    *("peak_hip_force_r", "peak_knee_force_r", "peak_ankle_force_r"),
    *("peak_vertical_ground_reaction_r", "peak_midtarsal_angle_r", "walking_cost"),
)
RULES = ("trapezoidal", "radau1", "radau2")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intervals", type=int, nargs="*", default=[50, 100])
    parser.add_argument("--rule", choices=RULES, default="radau2")
    asked = parser.parse_args()
    import biomech as bm

    bm.use_float64()
    from biomech.analysis.track_dataset import label_walk
    from biomech.studies.inverse import STATUS
    from biomech.studies.walking import Mesh, track, walking

    model = bm.load_model("planar")
    bodies = {
        "unchanged": model,
        "softer arches": bm.interventions.arch_stiffness(model, side="both", scale=0.8),
        "weaker glutei": bm.interventions.gluteal_strength(model, side="both", scale=0.5),
    }
    for intervals in asked.intervals:
        how = walking(model, bm.reference_gait("planar"), mesh=Mesh(intervals, asked.rule))
        first = peaks = None
        for name, body in bodies.items():
            began = time.perf_counter()
            found = track(body, how, first)
            took = time.perf_counter() - began
            own = label_walk(found, body, how).metric_value.sel(metric=list(PEAKS))
            print(
                f"{intervals} intervals, {name}: {STATUS[int(found.status)]}, "
                f"{int(found.iterations)} steps, {took:.0f} s"
            )
            first, peaks = (found, own) if first is None else (first, peaks)
            change = own if name == "unchanged" else own - peaks
            units = own.metric_unit.values
            for metric, value, unit in zip(PEAKS, change.values, units, strict=True):
                print(f"    {metric}: {value:+.4f} {unit}")


if __name__ == "__main__":
    main()
