"""IPOPT has nothing to add to a walk of ours, and as many steps of its own from the same guess.

In a process of its own: CasADi and OpenSim cannot share one.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

pytestmark = pytest.mark.oracle
TESTS = Path(__file__).parents[1]
MOST_STEPS = 20  # from, or from beside, an answer


@pytest.fixture(scope="module")
def found():
    if importlib.util.find_spec("casadi") is None:
        pytest.skip("needs casadi: pip install biomech[oracle]")
    path = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    # Importing opensim points the loader at its own CasADi, for every process that follows.
    env = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")}
    env["PYTHONPATH"] = path
    if folder := jax.config.jax_compilation_cache_dir:
        env["JAX_COMPILATION_CACHE_DIR"] = folder
    done = subprocess.run(
        [sys.executable, str(TESTS / "ipopt_walk.py")],
        env=env,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    walks = json.loads(done.stdout.splitlines()[-1])
    assert walks["ours"]["status"] == 0
    return walks


@pytest.mark.parametrize("start", ["stays", "returns"])
def test_from_our_answer_and_from_beside_it_ipopt_ends_there(found, start):
    assert found[start]["status"] == "Solve_Succeeded"
    assert found[start]["cost"] == pytest.approx(found["ours"]["cost"], rel=1e-6)
    assert found[start]["iterations"] <= MOST_STEPS


def test_from_the_guess_both_find_a_walk(found, record_property):
    """Not the same: there are many. Both costs are kept."""
    for who in ("ours", "cold"):
        record_property(who, found[who])
    assert found["cold"]["status"] == "Solve_Succeeded"
    assert found["ours"]["cost"] < 1.1 * found["cold"]["cost"]
