"""How the optimal-control engine does on tracking the reference gait with `planar`.

    python benchmarks/track_planar.py [--intervals 50] [--rule radau2] [--perturbed 1 2 3]
        [--size 0.1] [--json OUT]

Half a stride, ended by the mirror image of its start. Measured: the time to compile and solve from
the reference, that of a second solve, then a solve from each seed of `--perturbed` (angles off by
up to `--size` rad at every point), and one with the soleus 10 % weaker, from cold and from the
answer of the unchanged body. For every solve: steps, seconds, cost, and what is left of the laws.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np

RULES = ("trapezoidal", "radau1", "radau2")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intervals", type=int, default=50)
    parser.add_argument("--rule", choices=RULES, default="radau2")
    parser.add_argument("--perturbed", type=int, nargs="*", default=list(range(1, 11)))
    parser.add_argument("--size", type=float, default=0.1, help="of a perturbation [rad]")
    parser.add_argument("--json", type=Path, help="where to put the numbers")
    asked = parser.parse_args()
    lines = list(measure(asked))
    if asked.json:
        asked.json.write_text(json.dumps(lines, indent=1))


def measure(asked: argparse.Namespace):
    """Yield a dictionary for every solve, and print it."""
    import biomech as bm

    bm.use_float64()
    import jax.numpy as jnp

    from biomech.interventions.muscle_strength import muscle_strength
    from biomech.studies.inverse import STATUS
    from biomech.studies.walking import Mesh, track, walking

    model = bm.load_model("planar")
    how = walking(model, bm.reference_gait("planar"), mesh=Mesh(asked.intervals, asked.rule))
    kinds = np.array(model.skeleton.coordinates.motion_types)[list(model.skeleton.coordinates.free)]
    turning = np.flatnonzero(kinds == "rotational")

    def solve(words, model, how, start=None):
        began = time.perf_counter()
        found = track(model, how, start)
        line = {
            "start": words,
            "status": STATUS[int(found.status)],
            "steps": int(found.iterations),
            "seconds": time.perf_counter() - began,
            "cost": float(found.cost.sum()),
            "laws": float(np.abs(found.residual).max()),
            "slope": float(found.dual_residual),
        }
        print(
            f"{words}: {line['status']}, {line['steps']} steps, {line['seconds']:.1f} s, cost "
            f"{line['cost']:.6g}, laws {line['laws']:.1e}, slope {line['slope']:.1e}",
            flush=True,
        )
        return found, line

    _, line = solve("reference, with compiling", model, how)
    yield line
    found, line = solve("reference", model, how)
    yield line
    for seed in asked.perturbed:
        guess = np.array(how.guess)
        off = np.random.default_rng(seed).uniform(
            -asked.size, asked.size, (len(guess), len(turning))
        )
        guess[:, turning] += off
        _, line = solve(f"seed {seed}", model, dataclasses.replace(how, guess=jnp.asarray(guess)))
        yield line
    weaker = muscle_strength(model, muscles=("soleus_r", "soleus_l"), side="both", scale=0.9)
    _, line = solve("soleus 10 % weaker, from the reference", weaker, how)
    yield line
    _, line = solve("soleus 10 % weaker, from the unchanged body's", weaker, how, found)
    yield line


if __name__ == "__main__":
    main()
