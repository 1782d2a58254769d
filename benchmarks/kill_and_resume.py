"""Kills a sweep with `kill -9` at random moments, resumes it each time, and compares every bit.

    python benchmarks/kill_and_resume.py [--kills 20] [--cases 2000] [--seed 0]

Each time either the runner or one of its workers is killed. The result must be bit-identical to
that of a run that nobody disturbed, and no batch whose mark was there before a kill may be written
again.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import biomech as bm

CONFIGURATION = """\
schema: 1
name: killed
model: {name: planar}
trial: {reference: default}
study: {kind: inverse}
interventions: {gluteal: {kind: gluteal_strength, side: both}}
sweep: {gluteal.scale: {linspace: [0.4, 1.2, %d]}}
outputs: [joint_reaction_force]
execution: {batch: 4, retries: 100}
"""


def main() -> None:
    asked = _arguments()
    chance = random.Random(asked.seed)
    kills = {"runner": 0, "worker": 0}
    same, again, rounds = True, 0, 0
    with tempfile.TemporaryDirectory(prefix="biomech-kill-") as scratch:
        config, whole = Path(scratch) / "killed.yaml", Path(scratch) / "whole"
        config.write_text(CONFIGURATION % asked.cases)
        start(config, whole, "serial").communicate()
        while sum(kills.values()) < asked.kills:
            rounds += 1
            folder = Path(scratch) / f"round-{rounds}"
            again += disturb(config, folder, asked, chance, kills)
            same &= bits(folder) == bits(whole)
            print(f"{sum(kills.values())} kills, {rounds} sweeps finished", flush=True)
    print(f"killed: {kills['runner']} times the runner, {kills['worker']} times a worker")
    print(f"bit-identical to a run without a kill: {same}")
    print(f"finished batches computed again: {again}")
    raise SystemExit(0 if same and not again else 1)


def disturb(config, folder, asked, chance, kills) -> int:
    """Run a sweep to its end, killing on the way; how many finished batches were done again."""
    again = 0
    while True:
        before = marks(folder)
        runner = start(config, folder, asked.executor)
        # From the start of Python to the last batch.
        while not wait(runner, chance.uniform(0.0, 10.0)) and sum(kills.values()) < asked.kills:
            workers = children(runner.pid)
            if not workers or chance.random() < 0.5:
                kills["runner"] += 1
                kill(runner.pid)
                break
            kills["worker"] += 1
            kill(chance.choice(workers))
        runner.communicate()
        now = marks(folder)
        again += sum(now.get(name) != when for name, when in before.items())
        if runner.returncode == 0:
            return again
        if runner.returncode != -signal.SIGKILL:
            raise SystemExit(f"a resumed run ended with {runner.returncode}")


def start(config: Path, folder: Path, executor: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "biomech.cli", "run", str(config), "--out", str(folder)]
    return subprocess.Popen(
        [*command, "--resume", "--executor", executor],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait(process: subprocess.Popen, seconds: float) -> bool:
    """Whether it ended by itself within that time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def children(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def marks(folder: Path) -> dict[str, int]:
    """When each finished batch was marked."""
    return {file.name: file.stat().st_mtime_ns for file in (folder / "batches").glob("*.json")}


def bits(folder: Path) -> dict[str, bytes]:
    return {str(k): v.values.tobytes() for k, v in bm.open_run(folder).data_vars.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--executor", default="processes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
