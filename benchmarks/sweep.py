"""Times a long sweep of the quickstart's motion against the loops people write without it.

    python benchmarks/sweep.py [--cases 10000] [--workers 2] [--json OUT]

Measured, each in a process of its own, the cache of compiled code warm:

- the sweep with one process per core, from the command line to the finished folder, its figures
  included; the same with one process; and a sweep of 100 cases, for its memory;
- a loop of separate `biomech run` processes (a few, scaled up);
- a loop of warm `bm.inverse` calls in one process (a few, scaled up), each result a dataset.

Memory is the largest resident set of any one process of the run.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIGURATION = """\
schema: 1
name: sweep
model: {name: planar}
trial: {reference: default}
study: {kind: inverse}
interventions: {gluteal: {kind: gluteal_strength, side: both}}
sweep: {gluteal.scale: {linspace: [0.4, 1.2, %d]}}
outputs: [joint_reaction_force]
"""
SEPARATE, IN_PROCESS = 5, 40  # how many of each loop are timed


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="biomech-sweep-") as scratch:
        found = measure(asked, Path(scratch))
    _print(asked, found)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


def measure(asked: argparse.Namespace, scratch: Path) -> dict[str, float]:
    many, few = scratch / "many.yaml", scratch / "few.yaml"
    many.write_text(CONFIGURATION % asked.cases)
    few.write_text(CONFIGURATION % 100)
    run = lambda config, out, *more: timed(
        [
            sys.executable,
            "-m",
            "biomech.cli",
            "run",
            str(config),
            "--out",
            str(scratch / out),
            *more,
        ]
    )
    run("quickstart", "warm-1")
    run(few, "warm-2", "--executor", "serial", "--set", "execution.batch=64")
    small = run(few, "few", "--executor", "serial", "--set", "execution.batch=64")
    workers = "--workers", str(asked.workers)
    parallel = run(many, "parallel", "--executor", "processes", *workers)
    serial = run(many, "serial", "--executor", "serial")
    separate = [run("quickstart", f"separate-{i}")["wall_s"] for i in range(SEPARATE)]
    loop = timed([sys.executable, __file__, "--loop"])
    per_call = float(loop["said"].split()[-1])
    return {
        "cases": asked.cases,
        "parallel_s": parallel["wall_s"],
        "parallel_cases_per_s": rate(scratch / "parallel", asked.cases),
        "serial_cases_per_s": rate(scratch / "serial", asked.cases),
        "serial_s": serial["wall_s"],
        "separate_s_per_case": statistics.median(separate),
        "in_process_s_per_case": per_call,
        "memory_mb": parallel["memory_mb"],
        "memory_serial_mb": serial["memory_mb"],
        "memory_of_100_cases_mb": small["memory_mb"],
        "size_mb": _size(scratch / "parallel" / "results.zarr") / 1e6,
    }


def rate(folder: Path, cases: int) -> float:
    """Cases per second while batches are computed: in the last three quarters of the batches.

    Start-up, of which each process has its own, and figures are not in it.
    """
    when = sorted(file.stat().st_mtime for file in (folder / "batches").glob("*.json"))
    begun = when[len(when) // 4]
    return cases * sum(at > begun for at in when) / len(when) / (when[-1] - begun)


def timed(command: list[str]) -> dict:
    """Wall time and largest resident set of a command and its workers."""
    code = (
        "import resource, subprocess, sys;"
        "r = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True);"
        "print(r.stdout);"
        "print(r.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    wall = time.perf_counter() - begin
    *said, last = done.stdout.strip().splitlines()
    status, memory = map(int, last.split())
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return {"wall_s": wall, "memory_mb": memory / 1024, "said": "\n".join(said).strip()}


def loop() -> None:
    """Seconds per warm call of `bm.inverse`, a weaker body each time."""
    import biomech as bm

    bm.use_float64()
    model, gait = bm.load_model("planar"), bm.reference_gait()
    solve = lambda scale: bm.inverse(bm.interventions.gluteal_strength(model, scale=scale), gait)
    solve(1.0)
    begin = time.perf_counter()
    for i in range(IN_PROCESS):
        solve(0.4 + 0.8 * i / IN_PROCESS)
    print((time.perf_counter() - begin) / IN_PROCESS)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _print(asked: argparse.Namespace, found: dict[str, float]) -> None:
    cases, parallel = found["cases"], found["parallel_s"]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"{cases} cases, {asked.workers} processes: {parallel:.1f} s")
    print(f"{cases} cases, one process: {found['serial_s']:.1f} s")
    rows = [
        ("a loop of `biomech run`", found["separate_s_per_case"] * cases / parallel, ">= 20"),
        ("a loop of warm `bm.inverse`", found["in_process_s_per_case"] * cases / parallel, ">= 4"),
        ("one process, start to end", found["serial_s"] / parallel, "none"),
        (
            "one process, while computing",
            found["parallel_cases_per_s"] / found["serial_cases_per_s"],
            ">= 1.7",
        ),
    ]
    for what, ratio, bar in rows:
        print(f"  {ratio:8.1f} times faster than {what} (bar {bar})")
    for what in ("memory_mb", "memory_serial_mb"):
        ratio = found[what] / found["memory_of_100_cases_mb"]
        print(f"  {ratio:.2f} times the memory of 100 cases: {what} {found[what]:.0f} (bar <= 1.5)")
    print(f"  {found['size_mb']:.0f} MB on disk, {1e3 * found['size_mb'] / cases:.1f} kB a case")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    if "--loop" in sys.argv:
        loop()
    else:
        main()
