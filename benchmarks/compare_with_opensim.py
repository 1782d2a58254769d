"""How our numbers compare with OpenSim's, on a measured walk; writes a page of the documentation.

    python benchmarks/compare_with_opensim.py --data FOLDER --out docs/opensim_comparison.md

FOLDER holds a model (`subject_walk_scaled.osim`), a recorded walk (`kinematics_100hz.mot`,
`grf_walk.xml` and its table) and the tables that OpenSim computed from them: `oracle/` at the
frames of the walk, `oracle_states/` at random states. Every number on the page is measured here,
by the package as it is; nothing is tuned to the tables. Bars and frames left out are constants at
the top of this file. `tests/oracle` asserts the same bars.
"""

import argparse
import dataclasses
import functools
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

import biomech as bm
from biomech.dynamics.inverse_dynamics import inverse_dynamics, joint_reactions, mass_matrix
from biomech.dynamics.kinematics import body_motion, coupled_motion, pose, project_couplers
from biomech.dynamics.spatial import axis_angle_rotation, body_fixed_xyz_rotation, cross, wrench_at
from biomech.formats.osim import load_osim
from biomech.formats.trial import load_trial
from biomech.model.body import Model
from biomech.model.edits import weld, with_activation_bounds
from biomech.model.skeleton import Skeleton
from biomech.muscles.paths import moment_arms, path_geometry, pull_on_bodies
from biomech.studies.inverse import InverseRecord, MeasuredMotion, inverse
from biomech.studies.prepare import ensure_actuated, measured_motion
from biomech.studies.static_optimization import equal_weights, share_moments

POSE_BAR = 5e-9  # [m] and [-]; the tables have 10 digits
MASS_BAR = 1e-8  # of the root of the product of the two diagonal entries [-]
BIAS_BAR = 1e-7  # of the largest entry of the state [-]
MOMENT_BAR, FORCE_BAR = 1e-3, 0.01  # [N m], [N]
SPLINE_BAR = 0.05  # root mean square [N m or N]
ACTIVATION_BAR = 0.005  # root mean square [-]
CAPACITY_BAR = 0.5  # of the muscle's largest [%]
GEOMETRY_BARS = {  # length in the walk, length at the random states, moment arm [mm]
    "all others": (0.1, 0.1, 0.2),
    "wrapped hip muscles": (0.3, 0.3, 0.5),
    "`gaslat`": (None, None, 0.2),
}
REACTION_BARS = {"hip": 25.0, "walker_knee": 10.0, "patellofemoral": 10.0, "ankle": 3.0}  # [N]
PEAK_BARS = {"hip": 1.0, "walker_knee": 5.0, "patellofemoral": 2.0, "ankle": 3.0}  # [%]
WRAPPED_HIP = ("add", "glmax", "iliacus", "psoas")
TRUSTED = slice(4, -3)  # frames; at the ends OpenSim's accelerations are off
CHILD = {"hip": "femur", "walker_knee": "tibia", "patellofemoral": "patella", "ankle": "talus"}
CALLED = {"hip": "hip", "walker_knee": "knee", "patellofemoral": "patellofemoral", "ankle": "ankle"}
REPEATS = 5


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with OpenSim's tables")
    parser.add_argument("--out", type=Path, required=True, help="page to write (Markdown)")
    arguments = parser.parse_args()
    bm.use_float64()
    arguments.out.write_text(page(Reference(arguments.data)), encoding="utf-8")


# ------------------------------------------------------------------------------ reference


class Reference:
    """OpenSim's tables and, from the same files, our models, motion and records."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.model = load_osim(folder / "subject_walk_scaled.osim")
        self.analysed = analysed(self.model)
        self.report = json.loads((folder / "oracle" / "report.json").read_text())

    def table(self, name: str) -> pd.DataFrame:
        """A table of the walk, or with `oracle_states/` in front, of the random states."""
        name = name if "/" in name else f"oracle/{name}"
        return pd.read_csv(self.folder / f"{name}.csv.gz", comment="#")

    @functools.cached_property
    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and speeds of the random states, in our order."""
        names = list(self.model.skeleton.coordinates.names)
        value, speed = (self.table(f"oracle_states/state_{x}")[names] for x in ("q", "u"))
        return value.to_numpy(), speed.to_numpy()

    @functools.cached_property
    def motion(self) -> MeasuredMotion:
        """The walk with OpenSim's own values, speeds, accelerations and external loads."""
        skeleton, loads = self.analysed.skeleton, self.table("external_loads")
        names = list(skeleton.coordinates.names)
        q, qd, qdd = (self.table(x) for x in ("q", "qd", "qdd"))
        wrench = np.zeros((len(q), len(skeleton.body_names), 6))
        for body in ("calcn_r", "calcn_l"):
            parts = (
                jnp.asarray(loads[[f"{body}_{part}_{axis}" for axis in "xyz"]].to_numpy())
                for part in ("force", "point", "torque")
            )
            wrench[:, skeleton.body_index(body)] = np.asarray(wrench_at(*parts))
        columns = (jnp.asarray(table[names].to_numpy()) for table in (q, qd, qdd))
        return MeasuredMotion(jnp.asarray(q["time"].to_numpy()), *columns, jnp.asarray(wrench))

    @functools.cached_property
    def records(self) -> dict[bool, InverseRecord]:
        """Our whole chain without (False) and with (True) OpenSim's pennation slip."""
        run = lambda slip: inverse(self.analysed, self.motion, opensim_pennation=slip)
        return {slip: run(slip) for slip in (False, True)}

    @functools.cached_property
    def reactions(self) -> dict[str, np.ndarray]:
        """Joint -> OpenSim's reaction force in ground, [frame, 3] [N]."""
        table = self.table("jra_ground")
        label = "{0}_{2}_on_{1}_{2}_in_ground_f{3}"
        return {
            f"{joint}_{side}": table[[label.format(joint, CHILD[joint], side, a) for a in "xyz"]]
            .to_numpy()
            for joint in CHILD
            for side in "rl"
        }  # fmt: skip


def analysed(model: Model) -> Model:
    """The model OpenSim analysed: toes welded, residuals and reserves added, activation 0.01-1."""
    model = ensure_actuated(weld(weld(model, "mtp_r"), "mtp_l"))
    return with_activation_bounds(model, 0.01, 1.0)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the main table; `bar` None where OpenSim's number is known to be off."""

    what: str
    measured: float
    bar: float | None
    unit: str = ""

    def __str__(self) -> str:
        bar = "none" if self.bar is None else f"{self.bar:.3g}{self.unit}"
        verdict = "" if self.bar is None else ("yes" if self.measured <= self.bar else "**no**")
        return f"| {self.what} | {self.measured:.2g}{self.unit} | {bar} | {verdict} |"


# ------------------------------------------------------------------------------- skeleton


def over_rows(function: Callable, *arguments):
    """`function` at every row of the arguments, one after the other in one compiled loop."""
    arguments = jax.tree.map(jnp.asarray, arguments)
    return jax.jit(lambda rows: jax.lax.map(lambda row: function(*row), rows))(arguments)


def skeleton_rows(reference: Reference) -> Iterable[Row]:
    """Poses, mass matrices, bias and generalized forces."""
    skeleton = reference.model.skeleton
    value, speed = reference.states
    now = over_rows(lambda q: pose(skeleton, q), value)
    table = reference.table("oracle_states/body_pose")
    names = skeleton.body_names
    position = np.stack([table[[f"{b}_p{a}" for a in "xyz"]] for b in names], 1)
    labels = [f"r{a}{b}" for a in "123" for b in "123"]
    rotation = np.stack([table[[f"{b}_{x}" for x in labels]] for b in names], 1)
    yield Row("body positions", _largest(now.position - position), POSE_BAR, " m")
    turned = np.asarray(now.rotation).reshape(rotation.shape)
    yield Row("body rotations (matrix entries)", _largest(turned - rotation), POSE_BAR)
    yield Row("mass matrix, relative", _mass_error(reference), MASS_BAR)

    names = list(skeleton.coordinates.names)
    bias = reference.table("oracle_states/bias")[names].to_numpy()
    size = np.abs(bias).max(axis=1, keepdims=True)
    none = np.zeros((len(value), len(skeleton.body_names), 6))
    still = np.zeros_like(value)
    for omit, bar in ((True, BIAS_BAR), (False, None)):
        ours = needed_forces(skeleton, value, speed, still, none, omit)
        what = "bias forces, relative to the state's largest"
        yield Row(what + _with_or_without(omit), _largest((ours - bias) / size), bar)


def _with_or_without(omit: bool) -> str:
    return ", slip 1 repeated" if omit else ", as we compute them"


def _mass_error(reference: Reference) -> float:
    skeleton, table = reference.model.skeleton, reference.table("oracle_states/mass_matrix")
    state = table["state"].to_numpy().astype(int)
    value = reference.states[0][: state.max() + 1]
    ours = np.asarray(over_rows(lambda q: mass_matrix(skeleton, pose(skeleton, q)), value))
    index = skeleton.coordinates.names.index
    i, j = (np.array([index(name) for name in table[end]]) for end in ("row", "col"))
    scale = np.sqrt(ours[state, i, i] * ours[state, j, j])
    return _largest((ours[state, i, j] - table["value"].to_numpy()) / scale)


def needed_forces(skeleton, value, speed, acceleration, applied, omit: bool) -> np.ndarray:
    """Generalized forces, with Simbody's acceleration (`omit`) or the whole one."""

    def each(value, speed, acceleration, applied):
        motion = body_motion(skeleton, value, speed, acceleration)
        motion = without_turn_of_third_axis(skeleton, motion, value, speed) if omit else motion
        return inverse_dynamics(skeleton, motion, applied)

    return np.asarray(over_rows(each, value, speed, acceleration, applied))


def without_turn_of_third_axis(skeleton: Skeleton, motion, value, speed):
    """The motion less omega_2 x omega_3 of joints whose one coordinate drives both (slip 1)."""
    index = np.array(skeleton.axis_coordinates)
    argument = jnp.where(index >= 0, value[np.maximum(index, 0)], 0.0)
    functions = skeleton.axis_functions
    amount, rate = functions(argument), functions.derivative()(argument)
    acceleration = motion.acceleration
    for i, driven in enumerate(index):
        if len({*driven[driven >= 0]}) != 1 or driven[1] < 0 or driven[2] < 0:
            continue
        turn = axis_angle_rotation(skeleton.axes[i, :3], amount[i, :3])
        parent = motion.pose.rotation[skeleton.parents[i]]
        first = parent @ body_fixed_xyz_rotation(skeleton.parent_frame_orientation[i]) @ turn[0]
        second = first @ skeleton.axes[i, 1] * rate[i, 1] * speed[driven[1]]
        third = first @ turn[1] @ skeleton.axes[i, 2] * rate[i, 2] * speed[driven[2]]
        missing = cross(second, third)
        twist = jnp.concatenate([missing, cross(motion.pose.joint_center[i], missing)])
        beyond = jnp.asarray(skeleton.ancestors[:, i], dtype=twist.dtype)
        acceleration = acceleration - beyond[:, None] * twist[None]
    return eqx.tree_at(lambda m: m.acceleration, motion, acceleration)


def coupled(skeleton: Skeleton, motion: MeasuredMotion):
    """Value, speed, acceleration and external wrench, coupled coordinates recomputed."""
    each = lambda q, u, a: coupled_motion(skeleton, q, u, a)
    return *jax.vmap(each)(motion.value, motion.speed, motion.acceleration), motion.external_wrench


def walk_rows(reference: Reference) -> Iterable[Row]:
    """Generalized forces of the walk, from OpenSim's derivatives and from our own."""
    skeleton, table = reference.analysed.skeleton, reference.table("id")
    names = skeleton.coordinates.names
    label = lambda name: next(c for c in table if c in (f"{name}_moment", f"{name}_force"))
    expected = table[[label(name) for name in names]].to_numpy()
    slide = np.array([name.endswith(("_tx", "_ty", "_tz")) for name in names])
    for omit, bars in ((True, (MOMENT_BAR, FORCE_BAR)), (False, (None, None))):
        error = needed_forces(skeleton, *coupled(skeleton, reference.motion), omit) - expected
        how = _with_or_without(omit)
        yield Row("joint moments of the walk" + how, _largest(error[:, ~slide]), bars[0], " N m")
        yield Row("pelvis forces of the walk" + how, _largest(error[:, slide]), bars[1], " N")
    motion, _ = measured_motion(
        reference.analysed,
        read_trial(reference, reference.analysed),
        start=reference.report["settings"]["t0"],
        end=reference.report["settings"]["t1"],
    )
    error = needed_forces(skeleton, *coupled(skeleton, motion), True) - expected
    worst = float(np.sqrt(np.mean(error**2, axis=0)).max())
    what = "the same from the motion and force files, root mean square, worst coordinate"
    yield Row(what + ", slip 1 repeated", worst, SPLINE_BAR, " N m or N")


def read_trial(reference: Reference, model: Model):
    folder = reference.folder
    return load_trial(folder / "kinematics_100hz.mot", folder / "grf_walk.xml", model=model)


# ------------------------------------------------------------------------- muscle geometry


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Errors per muscle [m]: `length` and `arm` largest; `longer`: ours less OpenSim's length."""

    length: dict[str, float]
    arm: dict[str, float]
    longer: dict[str, np.ndarray]
    own_disagreement: float  # of OpenSim's two moment arms, muscles other than gaslat


def geometries(reference: Reference) -> tuple[Geometry, Geometry]:
    """Our lengths and moment arms beside the tables: in the walk, and at the random states."""
    model, skeleton = reference.model, reference.model.skeleton

    def each(q):
        now = pose(skeleton, q)
        found = path_geometry(model.muscles.paths, now, q)
        return found.length, project_couplers(skeleton, q, moment_arms(found, skeleton, now))

    walk = _with_toes(
        reference, np.asarray(coupled(reference.analysed.skeleton, reference.motion)[0])
    )
    found = over_rows(each, np.concatenate([walk, reference.states[0]]))
    lengths, arms = map(np.asarray, found)
    n = len(walk)
    return (
        _errors(reference, lengths[:n], arms[:n], "oracle/"),
        _errors(reference, lengths[n:], arms[n:], "oracle_states/"),
    )


def _errors(reference: Reference, lengths, arms, folder: str) -> Geometry:
    skeleton, muscles = reference.model.skeleton, reference.model.muscles
    table, solver, difference = (
        reference.table(folder + x) for x in ("mtu_length", "moment_arm", "moment_arm_fd")
    )
    names, coordinates = muscles.names, skeleton.coordinates.names
    longer = {n: lengths[:, i] - table[n].to_numpy() for i, n in enumerate(names)}
    worst, disagreement = dict.fromkeys(names, 0.0), 0.0
    for column in solver.columns:
        name, _, coordinate = column.partition(":")
        index = coordinates.index(coordinate) if coordinate in coordinates else -1
        if name not in worst or index < 0 or index in skeleton.coordinates.dependent:
            continue
        ours = arms[: len(solver), names.index(name), index]
        # OpenSim has two moment arms, from its solver and from its lengths: whichever is closer.
        error = np.minimum(abs(solver[column] - ours), abs(difference[column] - ours)).max()
        worst[name] = max(worst[name], float(error))
        if not name.startswith("gaslat"):
            disagreement = max(disagreement, _largest(solver[column] - difference[column]))
    return Geometry({n: _largest(x) for n, x in longer.items()}, worst, longer, disagreement)


def group_of(muscle: str) -> str:
    if muscle.startswith("gaslat"):
        return "`gaslat`"
    return "wrapped hip muscles" if muscle.startswith(WRAPPED_HIP) else "all others"


def geometry_rows(found: Geometry, where: str) -> Iterable[Row]:
    for group, (walk_bar, states_bar, arm_bar) in GEOMETRY_BARS.items():
        members = [name for name in found.length if group_of(name) == group]
        length_bar = walk_bar if where == "walk" else states_bar
        length, arm = (1e3 * max(x[n] for n in members) for x in (found.length, found.arm))
        label = f"{group} ({len(members)}), {where}"
        yield Row(f"length, {label}", length, length_bar, " mm")
        yield Row(f"moment arm, {label}", arm, arm_bar, " mm")


# ------------------------------------------------------------------- muscles' share and loads


def reactions_of(model: Model, motion: MeasuredMotion, force: np.ndarray) -> np.ndarray:
    """Joint reaction forces in ground [frame, joint, 3] [N] under given muscle forces [N]."""
    skeleton = model.skeleton

    def each(instant, force):
        state = coupled_motion(skeleton, instant.value, instant.speed, instant.acceleration)
        moved = body_motion(skeleton, *state)
        paths = path_geometry(model.muscles.paths, moved.pose, state[0])
        pull = pull_on_bodies(paths, force, len(model.skeleton.body_names))
        return joint_reactions(skeleton, moved, instant.external_wrench + pull)[0]

    return np.asarray(jax.jit(jax.vmap(each))(motion, jnp.asarray(force)))


def forces_with_capacity(model: Model, record: InverseRecord, capacity: np.ndarray) -> np.ndarray:
    """Muscle forces [N] of static optimization if force per activation were `capacity` [N]."""
    weights = equal_weights(model)

    def each(value, arm, capacity, moment):
        shared = share_moments(model, value, arm, capacity, moment, weights)
        return shared.x[: capacity.shape[0]] * capacity

    inputs = (record.value, record.moment_arm, jnp.asarray(capacity), record.moment)
    solved = jax.jit(jax.vmap(each))(*inputs)
    return np.asarray(solved)


def capacity_rows(reference: Reference) -> Iterable[Row]:
    names = reference.analysed.muscles.names
    table = reference.table("so_active_force_a1")[list(names)].to_numpy()
    error = np.abs(np.asarray(reference.records[True].capacity) - table) / table.max(axis=0)
    gaslat = np.array([name.startswith("gaslat") for name in names])
    what = "active force at activation 1, relative to the muscle's largest, slip 2 repeated, "
    for members, label, bar in (
        (~gaslat, f"{int(np.sum(~gaslat))} muscles", CAPACITY_BAR),
        (gaslat, "`gaslat` (2)", None),
    ):
        yield Row(what + label, 100.0 * float(error[:, members].max()), bar, " %")


def activation_rows(reference: Reference) -> Iterable[Row]:
    names = list(reference.analysed.muscles.names)
    table = reference.table("so_activation")[names].to_numpy()
    for slip, bar in ((True, ACTIVATION_BAR), (False, None)):
        error = np.asarray(reference.records[slip].activation) - table
        how = "slip 2 repeated" if slip else "as we compute them"
        yield Row(f"activations, root mean square, {how}", float(np.sqrt(np.mean(error**2))), bar)


def reaction_rows(reference: Reference) -> Iterable[Row]:
    model = reference.analysed
    force = reference.table("so_force")[list(model.muscles.names)].to_numpy()
    ours = reactions_of(model, reference.motion, force)
    for joint, bar in REACTION_BARS.items():
        errors = [
            np.linalg.norm(ours[:, column(model, name)] - reference.reactions[name], axis=1)
            for name in (f"{joint}_r", f"{joint}_l")
        ]
        worst = max(error[TRUSTED].max() for error in errors)
        yield Row(
            f"{CALLED[joint]} reaction from OpenSim's muscle forces, vector norm", worst, bar, " N"
        )


def column(model: Model, joint: str) -> int:
    return model.skeleton.joint_names.index(joint)


@dataclasses.dataclass(frozen=True)
class Peak:
    """Largest size of a joint's reaction force in the walk, OpenSim's and three of ours [N]."""

    joint: str
    side: str
    opensim: float
    ours: float
    with_slip: float
    with_gaslat: float

    def error(self, which: str) -> float:
        """[%]"""
        return 100.0 * (getattr(self, which) / self.opensim - 1.0)


def peaks(reference: Reference) -> list[Peak]:
    model, records = reference.analysed, reference.records
    table = reference.table("so_active_force_a1")
    capacity = np.array(records[True].capacity)
    for name in ("gaslat_r", "gaslat_l"):
        capacity[:, model.muscles.names.index(name)] = table[name]
    force = forces_with_capacity(model, records[True], capacity)
    loads = (
        records[False].joint_reaction_force,
        records[True].joint_reaction_force,
        reactions_of(model, reference.motion, force),
    )
    found = []
    for name, expected in reference.reactions.items():
        size = lambda x: float(np.linalg.norm(np.asarray(x), axis=1).max())
        sizes = [size(load[:, column(model, name)]) for load in loads]
        found.append(Peak(name[:-2], name[-1], size(expected), *sizes))
    return found


# --------------------------------------------------------------------------------- timings


@dataclasses.dataclass(frozen=True)
class Timing:
    """Wall and CPU seconds; of `run` medians of `REPEATS`."""

    read: tuple[float, float]
    compile: tuple[float, float]
    run: tuple[float, float]


def _clock() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def timing(reference: Reference) -> Timing:
    """Our whole chain on the frames of the walk; compile and run apart."""
    start = _clock()
    model = analysed(load_osim(reference.folder / "subject_walk_scaled.osim"))
    settings = reference.report["settings"]
    motion, _ = measured_motion(
        model, read_trial(reference, model), start=settings["t0"], end=settings["t1"]
    )
    jax.block_until_ready((model, motion))
    read, start = _clock() - start, _clock()
    chain = eqx.filter_jit(lambda model, motion: inverse(model, motion))
    compiled = chain.lower(model, motion).compile()
    compiling = _clock() - start
    jax.block_until_ready(compiled(model, motion))  # warm
    runs = []
    for _ in range(REPEATS):
        start = _clock()
        jax.block_until_ready(compiled(model, motion))
        runs.append(_clock() - start)
    return Timing(*(tuple(x.tolist()) for x in (read, compiling, np.median(runs, axis=0))))


def processor() -> str:
    """Name of the processor and number of cores."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(x.split(":", 1)[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


# ------------------------------------------------------------------------------------ page


def page(reference: Reference) -> str:
    """The whole page."""
    clock = timing(reference)
    in_walk, at_states = geometries(reference)
    rows = [
        *skeleton_rows(reference),
        *walk_rows(reference),
        *geometry_rows(in_walk, "walk"),
        *geometry_rows(at_states, "random states"),
        *capacity_rows(reference),
        *activation_rows(reference),
        *reaction_rows(reference),
    ]
    found = peaks(reference)
    return PAGE.format(
        opensim=reference.report["opensim"],
        biomech=bm.__version__,
        jax=importlib.metadata.version("jax"),
        frames=reference.report["so"]["frames"],
        states=len(reference.states[0]),
        muscles=len(reference.model.muscles.names),
        rows="\n".join(map(str, rows)),
        peaks="\n".join(map(_peak_line, found)),
        knee=_knee_lines(found),
        gaslat=_gaslat_sentence(in_walk),
        loose=f"{1e3 * at_states.own_disagreement:.1f}",
        slip=_slip_sentence(reference),
        omitted=_omitted_sentence(rows),
        timings=_timing_lines(reference.report, clock, reference.report["so"]["frames"]),
        tight=f"{reference.report['so']['cpu_s']:.1f}",
        cold=_cold_sentence(reference.report, clock),
        processor=processor(),
        device=jax.devices()[0].platform,
        repeats=REPEATS,
    )


def _with_toes(reference: Reference, value: np.ndarray) -> np.ndarray:
    """Values of the welded model on the coordinates of the model as supplied: toes at 0."""
    welded = reference.analysed.skeleton.coordinates.names
    names = reference.model.skeleton.coordinates.names
    wide = np.zeros((len(value), len(names)))
    wide[:, [names.index(name) for name in welded]] = value
    return wide


def _largest(difference) -> float:
    return float(np.abs(np.asarray(difference)).max())


def _percent(value: float) -> str:
    return f"{value:+.2f} %".replace("-0.00", "0.00").replace("+0.00", "0.00")


def _peak_line(peak: Peak) -> str:
    bar = PEAK_BARS[peak.joint]
    whole = [peak.error(which) for which in ("ours", "with_slip")]
    verdict = "yes" if all(abs(error) <= bar for error in whole) else "**no**"
    side = {"r": "right", "l": "left"}[peak.side]
    return (
        f"| {CALLED[peak.joint]}, {side} | {peak.opensim:.0f} N | {peak.ours:.0f} N "
        f"| {_percent(whole[0])} | {_percent(whole[1])} | {bar:g} % | {verdict} "
        f"| {_percent(peak.error('with_gaslat'))} |"
    )


def _knee_lines(found: Sequence[Peak]) -> str:
    lines = []
    for peak in found:
        if peak.joint != "walker_knee":
            continue
        whole, rest = peak.error("with_slip"), peak.error("with_gaslat")
        side = {"r": "right", "l": "left"}[peak.side]
        share = 100.0 * (1.0 - rest / whole)
        lines.append(
            f"- {side} knee: {_percent(whole)} with slip 2 repeated, {_percent(rest)} with "
            f"`gaslat`'s active force too.\n  `gaslat` accounts for {whole - rest:+.2f} points, "
            f"{share:.0f} % of the difference."
        )
    return "\n".join(lines)


def _gaslat_sentence(found: Geometry) -> str:
    longer = np.concatenate([x for n, x in found.longer.items() if n.startswith("gaslat")])
    return (
        f"more than 1 mm short in {np.sum(longer > 1e-3)} of {longer.size} frames (both sides), "
        f"at most {1e3 * longer.max():.1f} mm"
    )


def _slip_sentence(reference: Reference) -> str:
    plain, slip = (np.asarray(reference.records[x].capacity) for x in (False, True))
    most = (slip / np.where(plain > 1.0, plain, np.inf) - 1.0).max(axis=0)
    order = np.argsort(most)[::-1]
    names = [reference.analysed.muscles.names[i] for i in order[:2]]
    return f"up to {100.0 * most[order[0]]:.0f} % too high in this walk (`{'`, `'.join(names)}`)"


def _omitted_sentence(rows: Sequence[Row]) -> str:
    moment, force = (
        next(r.measured for r in rows if r.what == f"{what} of the walk, as we compute them")
        for what in ("joint moments", "pelvis forces")
    )
    return f"{moment:.1f} N m in a moment and {force:.1f} N in a pelvis force of this walk"


def _timing_lines(report: dict, clock: Timing, frames: int) -> str:
    step = lambda part: np.array([part["wall_s"], part["cpu_s"]])
    parts = {
        "inverse dynamics": step(report["id"]),
        "static optimization, tolerance 1e-4": step(report["so_default_tol"]),
        "joint reactions": step(report["jra"]["ground"]),
    }
    parts["the three together"] = sum(parts.values())
    ours = {
        "read and prepare the files": clock.read,
        "compile, once per model structure": clock.compile,
        "run the whole chain": clock.run,
    }
    rows = {f"OpenSim: {name}": x for name, x in parts.items()}
    rows |= {f"ours: {name}": np.array(x) for name, x in ours.items()}
    return "\n".join(
        f"| {name} | {wall:.2f} | {cpu:.2f} | {1e3 * cpu / frames:.1f} |"
        for name, (wall, cpu) in rows.items()
    )


def _cold_sentence(report: dict, clock: Timing) -> str:
    cold = clock.read[1] + clock.compile[1] + clock.run[1]
    theirs = report["id"]["cpu_s"] + report["so_default_tol"]["cpu_s"]
    theirs += report["jra"]["ground"]["cpu_s"]
    return (
        f"One trial from a cold start costs reading, compiling and running, {cold:.0f} CPU seconds "
        f"beside\nOpenSim's {theirs:.0f}; each further trial or variant of the same structure and "
        "length costs the last line."
    )


PAGE = """\
# How our numbers compare with OpenSim

One measured walk ({frames} frames, one stride) of a subject whose scaled model has {muscles}
Millard muscles, many of them wrapped around cylinders, and {states} random states of the same model
over its whole range of motion. OpenSim {opensim} and biomech {biomech} (JAX {jax},
float64) read the same files. This page is written by `benchmarks/compare_with_opensim.py`; the
tests in `tests/oracle` assert the bars, and compare with an installed OpenSim besides.

OpenSim 4.6 has four slips that show here, explained [below](#the-four-slips). Where the first or
second matters, the comparison is made with the slip repeated on our side, which shows that nothing
else differs, and as we compute it. A line without a bar is one where OpenSim's number is off.

## Step by step

Largest difference unless it says otherwise. Each step gets OpenSim's own inputs, except that active
forces and activations include our muscle geometry.

| quantity | measured | bar | holds |
| --- | --- | --- | --- |
{rows}

- A moment arm is compared with whichever of OpenSim's two is closer: its moment-arm solver's and
  the difference quotient of its own lengths, which disagree for some wrapped muscles (slip 4).
- At a few random states the length of `addlong_l` or `addmagIsch_l` misses the bar. There an
  independent geodesic agrees with ours to 1e-8 m (`test_lengths_beyond_the_bar_are_geodesics`):
  the difference is OpenSim's loose tangent points (slip 4).
- Joint reactions leave out the first 4 and the last 3 frames, where the accelerations that OpenSim
  uses in them (of a spline through spline-derived speeds) are off. What is left of them is
  wrapping and slip 1: through OpenSim's own path points and with slip 1 repeated they agree to
  0.05 N (`test_joint_reactions_of_the_walk_through_opensims_path_points`).

## The whole chain: peak joint loads

Generalized forces, muscle geometry, static optimization and joint reactions, all ours, from
OpenSim's coordinates, accelerations and external loads. Peak size of the force over the stride.

| joint | OpenSim | ours | error | slip 2 repeated | bar | holds | slips 2 and 3 repeated |
| --- | --- | --- | --- | --- | --- | --- | --- |
{peaks}

The bar holds for both errors before it. The last column takes the active force of `gaslat` from
OpenSim's table, since that is where slip 3 enters:

{knee}

Repeating slip 2 alone takes the knee further away: there slips 2 and 3 partly cancel.

## The four slips

1. **Acceleration where one coordinate drives several rotations.** Simbody's function-based joint
   leaves out of the acceleration the turning of its third rotation axis by its second rotation,
   omega_2 x omega_3. It concerns the knees of the Rajagopal family, whose flexion also rotates and
   shifts the tibia, and amounts to at most
   {omitted}.
   *Evidence*: the derivative of OpenSim's own body velocities along a motion of constant speeds is
   our acceleration to 1e-9 and is not OpenSim's; without the second rotation all three agree
   (`test_acceleration_is_the_derivative_of_the_wheels_velocity`). With the term left out we equal
   OpenSim's tables to their printed digits.
2. **Pennation in static optimization.** `Millard2012EquilibriumMuscle` evaluates the pennation
   angle of the force it offers to static optimization at the *normalised* fiber length, where a
   length belongs, so that the cosine is nearly 1: the active force of a pennate muscle is
   {slip}.
   *Evidence*: OpenSim's force per activation is ours times the ratio of the two cosines, to 1e-6,
   and ours where there is no pennation (`test_the_pennation_slip_is_the_wheels`).
   `opensim_pennation=True` of `biomech.studies.inverse.inverse` repeats the slip.
3. **Two cylinders on one path.** The length of `gaslat` is wrong while both of its cylinders touch
   it: {gaslat}.
   Its fiber length, and so its force, follow from that length; its moment arm does not, and is
   right. *Evidence*: an independent solution for the shortest path over both cylinders gives our
   length to 1e-8 m (`test_gaslat_over_two_cylinders_is_the_geodesic`), and so does the path through
   OpenSim's own tangent points, to 0.02 mm. The difference quotient of OpenSim's length is not its
   moment arm; that of ours is.
4. **Loose tangent points.** OpenSim's tangent points on a cylinder are not fully converged, so the
   length is not quite stationary: apart from `gaslat`, its moment-arm solver and the difference
   quotient of its lengths differ by up to {loose} mm at the random states. *Evidence*: where a
   wrapped adductor's length differs most, the independent shortest path is ours to 1e-8 m
   (`test_the_largest_departure_is_opensims`).

None of them is repeated unless asked for.

## Time

Indicative: not measured on the same day, other work running beside.

| step, {frames} frames | wall [s] | CPU [s] | CPU [ms per frame] |
| --- | --- | --- | --- |
{timings}

OpenSim's are medians of `tool.run()`, where the tables were made: building the system, reading
the coordinate and force files, the analysis, writing results. Its static optimization has its
default tolerance; with 1e-8, as in the tables, it takes {tight} CPU seconds. Ours: {processor},
JAX on the {device}, float64, nothing written; the run is the median of {repeats} after a warm one,
each waited for.

{cold}
"""


if __name__ == "__main__":
    main()
