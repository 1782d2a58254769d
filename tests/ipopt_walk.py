"""IPOPT, through CasADi, on a walk of ours; a process of its own, which prints what it found.

Values and derivatives are those of our compiled `StagedProgramme`: what differs is the solver. From
our answer IPOPT should go nowhere, from beside it return; from our guess it finds what it finds.
"""

import json

import casadi
import jax
import jax.numpy as jnp
import numpy as np

from biomech.compilation import compiled
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.studies import walking as study

WARM = {
    "warm_start_init_point": "yes",
    "mu_init": 1e-8,
    **{f"warm_start_{kind}_push": 1e-12 for kind in ("bound", "slack_bound", "mult_bound")},
    **{f"warm_start_{kind}_frac": 1e-12 for kind in ("bound", "slack_bound")},
}
BESIDE = 1e-4  # how far the variables are moved for a start beside our answer


def jacobian(local):
    """(row, column, value) of the blocks of c's jacobian, each to be broadcast."""
    layout = local.layout
    k, s, n, size = layout.intervals, layout.points, layout.state, layout.size
    point = np.arange(layout.all_points * size).reshape(-1, size)
    inside = point[1:].reshape(k, s, size)
    rows = layout.split_rows(np.arange(layout.all_rows))
    begun = np.broadcast_to(rows.interval[0, :, :, None], (s, n, size))
    handed = rows.interval[1:, :, None, :, None]
    first, last, _ = local.boundary
    return [
        (rows.path[:, :, None], point[:, None], local.path),
        (rows.interval[:, :, None, :, None], inside[:, None, :, None], local.right),
        (begun, point[0], jnp.broadcast_to(local.begun, begun.shape)),
        (handed, inside[:-1, None, :, None], jnp.repeat(local.on[:-1, None], s, axis=1)),
        (rows.boundary[:, None], point[0], first),
        (rows.boundary[:, None], point[-1], last),
    ]


def hessian(local, of_cost):
    """The same of the hessian of `of_cost` f - y' c; the upper triangle is what counts."""
    size = local.layout.size
    point = np.arange(local.layout.all_points * size).reshape(-1, size)
    stage = local.curvature.stage + (of_cost - 1.0) * local.of_cost.stage
    return [(point[:, :, None], point[:, None], stage)]


class Pattern:
    """Where a sparse matrix of such blocks has its entries, by columns."""

    def __init__(self, blocks, shape, triangle=False):
        at = [np.broadcast_arrays(row, column) for row, column, _ in blocks]
        row, column = (np.concatenate([each[i].ravel() for each in at]) for i in (0, 1))
        order = np.lexsort((row, column))
        self.order = order[row[order] <= column[order]] if triangle else order
        ends = np.cumsum(np.bincount(column[self.order], minlength=shape[1]))
        self.sparsity = casadi.Sparsity(*shape, [0, *ends.tolist()], row[self.order].tolist())

    def values(self, blocks):
        return jnp.concatenate([value.ravel() for *_, value in blocks])[self.order]


class Evaluated(casadi.Callback):
    """A function of ours from the vectors of `given` to what `found` names, with its sparsity."""

    def __init__(self, name, function, given, found):
        casadi.Callback.__init__(self)
        self.function, self.given, self.found = function, given, found
        self.construct(name)

    def get_n_in(self):
        return len(self.given)

    def get_n_out(self):
        return len(self.found)

    def get_name_in(self, i):
        return list(self.given)[i]

    def get_name_out(self, i):
        return list(self.found)[i]

    def get_sparsity_in(self, i):
        return casadi.Sparsity.dense(list(self.given.values())[i], 1)

    def get_sparsity_out(self, i):
        return list(self.found.values())[i]

    def eval(self, arg):
        values = self.function(*(jnp.asarray(np.array(each).ravel()) for each in arg))
        sparsities = self.found.values()
        return [casadi.DM(s, np.ravel(v)) for s, v in zip(sparsities, values, strict=True)]


def problem(programme, p):
    """The functions that `nlpsol` asks for, by the name of its options."""
    layout = programme.layout(p)
    n, m = layout.all_points * layout.size, layout.all_rows
    local = lambda x, y: programme.local(x, y, p)
    shape = jax.eval_shape(local, jnp.zeros(n), jnp.zeros(m))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shape)
    of_rows = Pattern(jacobian(zeros), (m, n))
    bends = Pattern(hessian(zeros, 1.0), (n, n), triangle=True)
    none = jnp.zeros(m)

    @compiled
    def values(x):
        return programme.values(x, p)

    @compiled
    def at(x, y, of_cost):
        here = local(x, y)
        blocks = of_rows.values(jacobian(here)), bends.values(hessian(here, of_cost))
        return here.objective, here.gradient, here.residual, *blocks

    one, dense = casadi.Sparsity.dense(1, 1), lambda size: casadi.Sparsity.dense(size, 1)
    x, gradient = {"x": n, "p": 0}, casadi.Sparsity.dense(n, 1)
    first = lambda x: at(x, none, jnp.ones(()))
    return {
        "nlp": Evaluated("nlp", lambda x, p: values(x), x, {"f": one, "g": dense(m)}),
        "grad_f": Evaluated(
            *("grad_f", lambda x, p: first(x)[:2], x),
            {"f": one, "grad_f_x": gradient},
        ),
        "jac_g": Evaluated(
            *("jac_g", lambda x, p: first(x)[2:4], x),
            {"g": dense(m), "jac_g_x": of_rows.sparsity},
        ),
        "hess_lag": Evaluated(
            *("hess_lag", lambda x, p, of_cost, y: at(x, -y, of_cost[0])[4:]),
            *({**x, "lam_f": 1, "lam_g": m}, {"triu_hess_gamma_x_x": bends.sparsity}),
        ),
    }


def ipopt(functions, limits, x, y, pull, **options):
    """Objective, iterations and what IPOPT says, from `x`, our multipliers and pull at bounds."""
    functions = dict(functions)
    solver = casadi.nlpsol(
        *("ipopt", "ipopt", functions.pop("nlp")),
        {
            **functions,
            "no_nlp_grad": True,
            "calc_lam_p": False,
            "print_time": False,
            "ipopt": {
                "print_level": 0,
                "sb": "yes",
                "nlp_scaling_method": "none",
                "bound_relax_factor": 0.0,
                **options,
            },
        },
    )
    lower, upper = map(np.asarray, limits)
    found = solver(x0=x, lam_g0=-y, lam_x0=pull, lbx=lower, ubx=upper, lbg=0.0, ubg=0.0)
    stats = solver.stats()
    return {
        "cost": float(found["f"]),
        "iterations": stats["iter_count"],
        "status": stats["return_status"],
    }


def main():
    jax.config.update("jax_enable_x64", True)
    model = load_model("planar")
    how = study.walking(model, reference_gait("planar"), mesh=study.Mesh(10, "radau1"))
    record = study.track(model, how, solver=study.WalkingSolver(1e-9))
    _, programme, p = study._programme(model, how)
    slope, _ = compiled(lambda x, y: programme.slopes(x, y, p))(record.x, record.multipliers)
    functions, limits = problem(programme, p), study.bounds(model, how)
    x, y, pull = map(np.asarray, (record.x, record.multipliers, -slope))
    ours = {
        "cost": float(functions["nlp"](x, [])[0]),
        "iterations": int(record.iterations),
        "status": int(record.status),
    }
    stays = ipopt(functions, limits, x, y, pull, max_iter=50, tol=1e-8, **WARM)
    low, high = map(np.asarray, limits)
    beside = np.clip(x + BESIDE * np.random.default_rng(0).normal(size=x.size), low, high)
    returns = ipopt(functions, limits, beside, y, pull, max_iter=50, tol=1e-8, **WARM)
    guess = np.asarray(how.guess).ravel()
    cold = ipopt(functions, limits, guess, 0.0 * y, 0.0 * x, max_iter=300, tol=1e-6)
    print(json.dumps({"ours": ours, "stays": stays, "returns": returns, "cold": cold}))


if __name__ == "__main__":
    main()
