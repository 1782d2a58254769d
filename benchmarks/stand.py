"""How long standing takes: compile, cold solve and warm solve.

    python benchmarks/stand.py [--bodies planar lower_limb] [--repeats 20]

For each built-in body: first call (compile and solve; nothing in the compilation cache), a solve
from the habitual posture, and one from the answer of a neighbouring case, as in a sweep: ten steps
of 2 mm under the right foot and back, each begun where the last ended. Wall and CPU milliseconds
per solve; medians. A warm solve must take at most 50 ms (`planar`) and 500 ms (`lower_limb`).
"""

import argparse
import os
import platform
import statistics
import tempfile
import time

BODIES = ("planar", "lower_limb")
BARS = {"planar": 50.0, "lower_limb": 500.0}  # of a warm solve [ms]
LIFTS = (2.0, 4.0, 6.0, 8.0, 10.0, 8.0, 6.0, 4.0, 2.0, 0.0)  # under the right foot [mm]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", nargs="+", default=BODIES, choices=BODIES)
    parser.add_argument("--repeats", type=int, default=20, help="of the cold solve")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = empty
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"{'':24}{'wall [ms]':>12}{'CPU [ms]':>12}")
        for body in arguments.bodies:
            measure(body, arguments.repeats)


def measure(body: str, repeats: int) -> None:
    """Time one body and print its lines."""
    import jax

    from biomech.formats.load import load_model
    from biomech.interventions import leg_lift
    from biomech.studies.stand import STATUS, stand, standing

    model = load_model(body)
    asked = standing(model)
    bodies = [leg_lift(model, side="r", height_mm=height) for height in LIFTS]

    def solve(changed, start=None):
        record = jax.block_until_ready(stand(changed, asked, start))
        if STATUS[int(record.status)] != "successful":
            raise SystemExit(f"{body}: {STATUS[int(record.status)]}")
        return record

    first, level = timed(lambda: solve(model))
    line(f"{body}: first call", median([first]))
    line(
        f"  cold, {int(level.iterations)} steps",
        median([timed(lambda: solve(model))[0] for _ in range(repeats)]),
    )
    timed(lambda: solve(bodies[0], level))  # whatever is left to compile
    record, warm, steps = level, [], []
    for changed in bodies:
        taken, record = timed(lambda changed=changed, record=record: solve(changed, record))
        warm.append(taken)
        steps.append(int(record.iterations))
    wall, cpu = median(warm)
    line(f"  warm, {min(steps)}-{max(steps)} steps", (wall, cpu))
    print(f"  bar {BARS[body]:.0f} ms: {'met' if wall <= BARS[body] else 'MISSED'}")


def timed(call):
    """Wall and CPU seconds that `call` takes, and what it returns."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return (time.perf_counter() - wall, time.process_time() - cpu), found


def median(times):
    """Of wall and of CPU seconds, in ms."""
    return tuple(1e3 * statistics.median(column) for column in zip(*times, strict=True))


def line(name, times):
    """One row of the table; times in ms."""
    wall, cpu = times
    print(f"{name:24}{wall:12.1f}{cpu:12.1f}")


if __name__ == "__main__":
    main()
