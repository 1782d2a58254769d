"""How the optimal-control engine does on tracking the reference gait with `planar`.

    python benchmarks/track_planar.py [--intervals 50] [--rule radau2] [--barrier 1e-3]
        [--steps 150] [--perturbed 1 2 3] [--size 0.1]

Half a stride, ended by the mirror image of its start; the duration is given. One solve from the
reference itself, and one for each seed of `--perturbed` from angles off by up to `--size` rad at
every point. Prints iterations, cost, errors and seconds; the first solve includes compiling. A
trial of the engine, not yet a study: it does not reach 1e-6 from the reference within 120 steps.
"""

import argparse
import time

import numpy as np

RULES = ("trapezoidal", "radau1", "radau2", "radau3")
SPREAD, PLACE, FOOT = 0.1, 0.05, 1e-2  # rad, m that count 1; share of that for arch and toes


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--intervals", type=int, default=50)
    parser.add_argument("--rule", choices=RULES, default="radau2")
    parser.add_argument("--barrier", type=float, default=1e-3, help="at the start")
    parser.add_argument("--steps", type=int, default=150, help="at most")
    parser.add_argument("--perturbed", type=int, nargs="*", default=[], help="seeds")
    parser.add_argument("--size", type=float, default=0.1, help="of a perturbation [rad]")
    measure(parser.parse_args())


def measure(asked: argparse.Namespace) -> None:
    """Solve from every start and print a line for each."""
    import biomech as bm

    bm.use_float64()
    import jax
    import jax.numpy as jnp
    from scipy.interpolate import CubicSpline

    from biomech.solvers.collocation import radau, trapezoidal
    from biomech.solvers.interior_point import RESULTS, Options, WarmStart, minimise
    from biomech.studies.walking_programme import (
        Unknowns,
        Walk,
        instants,
        walking_parameters,
        walking_programme,
    )

    rule = trapezoidal() if asked.rule == RULES[0] else radau(int(asked.rule[-1]))
    model, trial = bm.load_model("planar"), bm.reference_gait("planar")
    names, muscles = model.skeleton.coordinates.free_names, len(model.muscles.names)
    columns = [trial.coordinate_names.index(name) for name in names]
    spline = CubicSpline(trial.time, trial.coordinate_values[:, columns])
    half = 0.5 * (trial.end - trial.start)
    at = half * instants(rule, asked.intervals)
    shifts = np.array([name in ("pelvis_tx", "pelvis_ty") for name in names])
    weight = np.where(shifts, PLACE, SPREAD) ** -2.0 / len(names)
    weight[[name.startswith(("midtarsal", "mtp")) for name in names]] *= FOOT
    advance = (spline(half) - spline(0.0))[names.index("pelvis_tx")]
    walk = Walk(model, *map(jnp.asarray, (half, advance, weight, 1.0)))
    p = walking_parameters(walk, rule, asked.intervals, spline(at))
    programme = walking_programme(model, rule, asked.intervals, half=True)

    def packed(motion, effort, control):
        each = lambda value, count: jnp.full((at.size, count), value)
        q, v, acceleration = (jnp.broadcast_to(x, (at.size, len(names))) for x in motion)
        fibers = each(effort, muscles)
        return Unknowns(q, v, fibers, fibers, acceleration, each(control, 1)).packed().ravel()

    lower = packed((-jnp.inf,) * 3, 0.01, -1.0)
    upper = packed((jnp.inf,) * 3, 1.0, 1.0)
    multipliers = jnp.zeros(programme.layout(p).all_rows)
    options = Options(1e-6, asked.steps)
    start = lambda x: WarmStart(x, multipliers, jnp.asarray(asked.barrier))
    solve = jax.jit(lambda x, p: minimise(programme, p, start(x), lower, upper, options))

    for seed in (None, *asked.perturbed):
        off = np.zeros((at.size, len(names)))
        if seed is not None:
            off = np.random.default_rng(seed).uniform(-asked.size, asked.size, off.shape)
            off[:, shifts] = 0.0
        motion = [jnp.asarray(spline(at, order)) for order in range(3)]
        begin = packed((motion[0] + off, *motion[1:]), 0.1, 0.0)
        began = time.perf_counter()
        found = jax.block_until_ready(solve(begin, p))
        seconds = time.perf_counter() - began
        cost = float(programme.values(found.x, p)[0])
        state = "solved" if found.result == RESULTS.successful else "not solved"
        print(
            f"from {'the reference' if seed is None else f'seed {seed}'}: {state}, "
            f"{int(found.iterations)} steps, {seconds:.1f} s, cost {cost:.5g}, "
            f"rows {float(jnp.abs(found.residual).max()):.1e}, "
            f"slope {float(found.dual_residual):.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
