"""How far a walk of `planar` departs from the laws of mechanics between the points of its mesh.

    python benchmarks/replay.py [--intervals 50 100 200] [--rule radau2] [--json OUT]

Each interval of a tracked walk is integrated forward from the walk's own state (`bm.replay`). For
every mesh (intervals in half a stride): median and largest departure of the coordinates at the ends
of the intervals, with what departs most and when, the median over intervals of the largest in each,
the order by which that one falls from the mesh before, steps of the integration, and seconds of
both, compiling included.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

RULES = ("trapezoidal", "radau1", "radau2")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intervals", type=int, nargs="*", default=[50, 100, 200])
    parser.add_argument("--rule", choices=RULES, default="radau2")
    parser.add_argument("--json", type=Path, help="where to put the numbers")
    asked = parser.parse_args()
    print(
        "intervals   median  median largest  order  largest (rad or m)                    "
        "steps  track  replay (s)"
    )
    lines = []
    for intervals in asked.intervals:
        line = measure(intervals, asked.rule)
        order = math.nan
        if lines:
            fall = lines[-1]["median_largest"] / line["median_largest"]
            order = math.log(fall) / math.log(intervals / lines[-1]["intervals"])
        lines.append(line | {"order": order})
        print(
            f"{intervals:9d}  {line['median']:.1e}  {line['median_largest']:14.1e}  {order:5.2f}  "
            f"{line['largest']:.1e} {line['where']:28s}  {line['steps']:5d}  "
            f"{line['track_seconds']:5.0f}  {line['replay_seconds']:6.0f}",
            flush=True,
        )
    if asked.json:
        asked.json.write_text(json.dumps(lines, indent=1))


def measure(intervals: int, rule: str) -> dict:
    """The numbers of one mesh."""
    import biomech as bm

    bm.use_float64()
    model = bm.load_model("planar")
    began = time.perf_counter()
    walk = bm.track(model, bm.reference_gait("planar"), intervals=intervals, rule=rule)
    tracked = time.perf_counter()
    found = bm.replay(model, walk)
    replayed = time.perf_counter()
    away = np.abs(found["value_departure"].values)
    interval, coordinate = np.unravel_index(int(np.nanargmax(away)), away.shape)
    return {
        "intervals": intervals,
        "rule": rule,
        "median": float(np.nanmedian(away)),
        "median_largest": float(np.median(np.nanmax(away, axis=1))),
        "largest": float(np.nanmax(away)),
        "where": f"{found['coordinate'].values[coordinate]} at "
        f"{found['start_time'].values[interval]:.3f} s",
        "steps": int(found["integration_steps"].sum()),
        "solved": bool((walk["status"] == 0).all() and (found["replayed"] == 1).all()),
        "track_seconds": tracked - began,
        "replay_seconds": replayed - tracked,
    }


if __name__ == "__main__":
    main()
