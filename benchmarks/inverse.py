"""The inverse chain against OpenSim's tools on a measured walk, side by side, one core each.

    python benchmarks/inverse.py --data FOLDER [--cases 256] [--repeats 5] [--json OUT]
    python benchmarks/inverse.py --data FOLDER --only-precision    # float32 beside float64, no more

FOLDER holds the walk of `configs/measured_walk.yaml`: `subject_walk_scaled.osim`, `grf_walk.xml`
with its table, and `kinematics_100hz.mot`, or else `coordinates.sto`, from which that file is made
(6 Hz low-pass, every 10 ms). Both programs analyse the same 116 frames, 0.48 to 1.63 s, of the same
model: toes welded, residuals of 100 on the pelvis, reserves of 1 on hips, knees and ankles,
activations within 0.01 and 1.

Each part runs in a process of its own, all on one core, none beside another. CPU seconds decide,
since other work on the machine moves them less; medians over repeats, each waited for, after a warm
one. Ours counts what a study computes: generalized forces, geometry, static optimization, joint
reactions. OpenSim's counts `run()` of `InverseDynamicsTool`, then `AnalyzeTool` with
`StaticOptimization` (default tolerance, which is quicker), then with `JointReaction`: it includes
reading the coordinate and force files and writing results, 2 % or less of the whole.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

START, END = 0.48, 1.63  # of the analysis [s]
RATE = 100.0  # [Hz]
LOWPASS = 6.0  # [Hz]
TOES = ("mtp_r", "mtp_l")
ACTIVATION_BOUNDS = (0.01, 1.0)
RESIDUALS = (
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation"),
    *("pelvis_tx", "pelvis_ty", "pelvis_tz"),
)
RESERVES = tuple(
    f"{name}_{side}"
    for side in "rl"
    for name in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle")
)
IN_DEGREES = ("knee_angle_r_beta", "knee_angle_l_beta")  # of coordinates.sto, whatever it says
METRICS = tuple(
    f"peak_{joint}_force_{side}"
    for joint in ("hip", "knee", "patellofemoral", "ankle")
    for side in "rl"
)
WEAKEST = 0.5  # of the strength sweep [-]
BATCH = 16  # cases computed together
SINGLES = 8  # cases of the batch that are computed alone as well
POSES = 3  # at which OpenSim's moment arms are timed
DIFFERENCED = 64  # parameters that are differenced centrally
LANES = 8  # of them together
STEP = 1e-5  # of a central difference, relative or [cm]
SLOW_REPEATS = 3  # at most, of what takes seconds
TOOLS = ("inverse_dynamics", "static_optimization", "joint_reaction")

Timing = dict[str, float]
"""Wall and CPU seconds."""


# ---------------------------------------------------------------------------------- command


def main() -> None:
    """Command line; with `--part` one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the measured walk")
    parser.add_argument("--cases", type=int, default=256, help="of the strength sweep")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each step")
    parser.add_argument("--json", type=Path, help="file to write every number to")
    parser.add_argument(
        "--only-precision",
        action="store_true",
        help="only single against double precision; needs no OpenSim",
    )
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.data = arguments.data.resolve()
    for name in ("subject_walk_scaled.osim", "grf_walk.xml"):
        if not (arguments.data / name).is_file():
            parser.error(f"{arguments.data} holds no {name}; see configs/measured_walk.yaml")
    if arguments.part:
        found = PARTS[arguments.part](arguments)
        found["peak_memory_mb"] = _peak_memory_mb()
        (arguments.scratch / f"{arguments.part}.json").write_text(json.dumps(found))
        return
    if arguments.only_precision:
        report = measure_precision(arguments)
        print(PRECISION_PAGE.format(**_precision_words(report)))
    else:
        report = measure(arguments)
        print(page(report))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measure_precision(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part that compares single and double precision, alone."""
    _keep_to_one_core()
    return _run_parts(("prepare", "precision"), arguments)["precision"]


def _run_parts(names: Iterable[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """Parts one after the other, each in a process of its own."""
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for part in names:
            print(f"{part} ...", file=sys.stderr, flush=True)
            parts[part] = _in_own_process(part, arguments, Path(scratch))
    return parts


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Every part."""
    core = _keep_to_one_core()
    parts = _run_parts(PARTS, arguments)
    return {
        "environment": {
            "processor": _processor(),
            "core": "one, pinned" if core else "not pinned: this platform cannot",
            "python": platform.python_version(),
            "opensim": parts["opensim_tools"].pop("version"),
            "biomech": importlib.metadata.version("biomech"),
            "jax": importlib.metadata.version("jax"),
            "jaxlib": importlib.metadata.version("jaxlib"),
            "device": parts["chain"].pop("device"),
            "cases": arguments.cases,
            "repeats": arguments.repeats,
        },
        "parts": parts,
        "rows": [dataclasses.asdict(row) | {"holds": row.holds} for row in rows(parts)],
    }


def _keep_to_one_core() -> bool:
    """Children inherit it."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def _in_own_process(part: str, arguments: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """What a part found, with what its whole process cost, start of Python and exit included."""
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # compile, do not read what was compiled
    command = [sys.executable, str(Path(__file__).resolve()), "--part", part]
    command += ["--data", str(arguments.data), "--scratch", str(scratch)]
    command += ["--cases", str(arguments.cases), "--repeats", str(arguments.repeats)]
    wall, before = time.perf_counter(), os.times()
    # OpenSim prints a summary of the model.
    subprocess.run(command, check=True, cwd=scratch, env=environment, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - wall, os.times()
    cpu = after.children_user - before.children_user
    cpu += after.children_system - before.children_system
    found = json.loads((scratch / f"{part}.json").read_text())
    return found | {"process": {"wall": wall, "cpu": cpu}}


def _peak_memory_mb() -> float | None:
    """Of this process so far; None where the platform does not say."""
    with contextlib.suppress(ImportError):
        import resource

        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest / (2**20 if sys.platform == "darwin" else 2**10)
    return None


def _processor() -> str:
    """Name of the processor and number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(x.split(":", 1)[1].strip() for x in lines if x.startswith("model name"))
    return f"{name}, {os.cpu_count()} cores"


# ---------------------------------------------------------------------------------- timing


def timed(function: Callable[[], Any]) -> tuple[Timing, Any]:
    """One call, waited for."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    if "jax" in sys.modules:
        import jax

        jax.block_until_ready(result)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, result


def medians(runs: Sequence[Timing]) -> Timing:
    """Of wall and CPU seconds."""
    return {clock: statistics.median(run[clock] for run in runs) for clock in ("wall", "cpu")}


def repeated(function: Callable[[], Any], repeats: int) -> tuple[Timing, Any]:
    """Medians of `repeats` calls, and the last result."""
    runs, result = [], None
    for _ in range(repeats):
        run, result = timed(function)
        runs.append(run)
    return medians(runs), result


def compiled_and_run(function: Callable[[], Any], repeats: int) -> tuple[dict[str, Timing], Any]:
    """The first call less a later one (tracing and compiling), and medians of later ones."""
    first, _ = timed(function)
    run, result = repeated(function, repeats)
    return {"compile": {x: first[x] - run[x] for x in first}, "run": run}, result


# ---------------------------------------------------------------------------------- OpenSim


def kinematics(arguments: argparse.Namespace) -> Path:
    """File of the coordinates that both programs read."""
    recorded = arguments.data / "kinematics_100hz.mot"
    return recorded if recorded.is_file() else arguments.scratch / recorded.name


def prepare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes that file from the whole record if it is not there; not timed."""
    made = kinematics(arguments)
    if made.is_file():
        return {}
    import numpy as np

    import biomech as bm
    from biomech.formats.storage import write_storage
    from biomech.studies.motion import smooth_and_differentiate

    bm.use_float64()
    raw = bm.load_trial(arguments.data / "coordinates.sto", in_degrees_columns=IN_DEGREES)
    frames = np.round(np.arange(raw.time[0], raw.time[-1], 1.0 / RATE), 6)
    motion = smooth_and_differentiate(raw.time, raw.coordinate_values, frames, lowpass_hz=LOWPASS)
    write_storage(made, frames, raw.coordinate_names, motion.value)
    return {}


def opensim_tools(arguments: argparse.Namespace) -> dict[str, Any]:
    """`InverseDynamicsTool`, `StaticOptimization` and `JointReaction`: reading apart from run."""
    opensim = _opensim()
    prepared = _prepared_model(opensim, arguments)
    coordinates, loads = str(kinematics(arguments)), str(arguments.data / "grf_walk.xml")
    read = lambda: opensim.Model(prepared)

    def inverse_dynamics(model):
        model.initSystem()
        tool = opensim.InverseDynamicsTool()
        tool.setModel(model)
        tool.setExcludedForces(_words(opensim, "Muscles"))
        tool.setCoordinatesFileName(coordinates)
        tool.setExternalLoadsFileName(loads)
        tool.setLowpassCutoffFrequency(-1.0)
        tool.setStartTime(START)
        tool.setEndTime(END)
        tool.setResultsDir(str(arguments.scratch))
        tool.setOutputGenForceFileName("id.sto")
        _require(tool.run(), "inverse dynamics")

    def analyze(model, analysis):
        analysis.setStartTime(START)
        analysis.setEndTime(END)
        model.addAnalysis(analysis)
        tool = opensim.AnalyzeTool(model)
        tool.setName("walk")
        tool.setModelFilename(prepared)
        tool.setCoordinatesFileName(coordinates)
        tool.setExternalLoadsFileName(loads)
        tool.setLowpassCutoffFrequency(-1.0)
        tool.setInitialTime(START)
        tool.setFinalTime(END)
        tool.setSolveForEquilibrium(False)
        tool.setLoadModelAndInput(True)
        tool.setResultsDir(str(arguments.scratch))
        _require(tool.run(), analysis.getName())

    def static_optimization(model):
        optimization = opensim.StaticOptimization()
        optimization.setName("SO")
        optimization.setUseModelForceSet(True)
        optimization.setActivationExponent(2.0)
        optimization.setUseMusclePhysiology(True)
        analyze(model, optimization)

    def joint_reaction(model):
        reaction = opensim.JointReaction()
        reaction.setName("JRA")
        reaction.setForcesFileName(str(arguments.scratch / "walk_SO_force.sto"))
        reaction.setJointNames(_words(opensim, "ALL"))
        reaction.setOnBody(_words(opensim, "child"))
        reaction.setInFrame(_words(opensim, "ground"))
        analyze(model, reaction)

    found: dict[str, Any] = {"version": opensim.GetVersion()}
    for tool in (inverse_dynamics, static_optimization, joint_reaction):
        pairs = []
        for _ in range(min(arguments.repeats, SLOW_REPEATS)):
            reading, model = timed(read)
            running, _ = timed(lambda tool=tool, model=model: tool(model))
            pairs.append((reading, running))
        reading, running = map(medians, zip(*pairs, strict=True))
        found[tool.__name__] = {"read": reading, "run": running}
    return found


def opensim_moment_arms(arguments: argparse.Namespace) -> dict[str, Any]:
    """`computeMomentArm` of every muscle about every free coordinate at some frames.

    `crossed`: the pairs that are not zero at the first of them, alone.
    """
    opensim = _opensim()
    model = opensim.Model(_prepared_model(opensim, arguments))
    state = model.initSystem()
    table = opensim.TimeSeriesTable(str(kinematics(arguments)))
    labels, times = table.getColumnLabels(), table.getIndependentColumn()
    inside = [i for i, t in enumerate(times) if START <= t <= END]
    frames = [inside[k * (len(inside) - 1) // (POSES - 1)] for k in range(POSES)]
    coordinates = [model.getCoordinateSet().get(name) for name in labels]
    free = [c for c in coordinates if not c.isDependent(state)]
    muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]

    def go_to(frame):
        row = table.getRowAtIndex(frame)
        for i, coordinate in enumerate(coordinates):
            coordinate.setValue(state, row[i], False)
        model.realizePosition(state)

    every = [(muscle, coordinate) for muscle in muscles for coordinate in free]
    arms = lambda pairs: [m.computeMomentArm(state, c) for m, c in pairs]
    go_to(frames[0])
    crossed = [pair for pair, arm in zip(every, arms(every), strict=True) if abs(arm) > 1e-9]
    found: dict[str, Any] = {"pairs": len(every), "crossed_pairs": len(crossed)}
    for name, pairs in (("all", every), ("crossed", crossed)):
        timings = []
        for frame in frames:
            go_to(frame)
            timings.append(timed(lambda pairs=pairs: arms(pairs))[0])
        found[name] = medians(timings)
    return found


def _opensim():
    """OpenSim without its log."""
    import opensim

    opensim.Logger.setLevelString("error")
    opensim.Logger.removeFileSink()
    return opensim


def _prepared_model(opensim, arguments: argparse.Namespace) -> str:
    """File of the model to analyse: toes welded, residuals and reserves added."""
    path = arguments.scratch / "prepared.osim"
    if path.is_file():
        return str(path)
    model = opensim.Model(str(arguments.data / "subject_walk_scaled.osim"))
    model.finalizeConnections()
    for joint in TOES:
        opensim.ModelFactory.replaceJointWithWeldJoint(model, joint)
    strengths = dict.fromkeys(RESIDUALS, 100.0) | dict.fromkeys(RESERVES, 1.0)
    for coordinate, strength in strengths.items():
        actuator = opensim.CoordinateActuator(coordinate)
        actuator.setName(f"extra_{coordinate}")
        actuator.setOptimalForce(strength)
        model.addForce(actuator)
    model.finalizeConnections()
    model.initSystem()
    model.printToXML(str(path))
    return str(path)


def _words(opensim, word: str):
    words = opensim.ArrayStr()
    words.append(word)
    return words


def _require(succeeded: bool, what: str) -> None:
    if not succeeded:
        raise RuntimeError(f"OpenSim did not finish {what}.")


# ------------------------------------------------------------------------------------ ours


def cold(arguments: argparse.Namespace) -> dict[str, Any]:
    """One stride from nothing: imports, files, compilation, run, dataset on disk."""
    import biomech as bm
    from biomech.analysis import write_netcdf

    bm.use_float64()
    model = _analysed(bm.load_model(arguments.data / "subject_walk_scaled.osim"))
    trial = bm.load_trial(kinematics(arguments), arguments.data / "grf_walk.xml", model=model)
    dataset = bm.inverse(model, trial, start=START, end=END)
    write_netcdf(dataset, arguments.scratch / "results.nc")
    return {"frames": dataset.sizes["time"]}


def chain(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole chain on the frames of the walk, and how far it is from OpenSim's."""
    import jax
    import numpy as np

    from biomech.formats.storage import read_storage
    from biomech.studies.inverse import inverse

    read, walk = timed(lambda: _walk(arguments))
    model, motion, *_ = walk
    found, record = compiled_and_run(lambda: inverse(model, motion), arguments.repeats)
    table = read_storage(arguments.scratch / "walk_SO_activation.sto")
    theirs = np.stack([table.column(name) for name in model.muscles.names], axis=1)
    return {
        **found,
        "read": read,
        "device": jax.devices()[0].platform,
        "frames": motion.time.size,
        "unsolved_frames": int(np.sum(np.asarray(record.status) != 0)),
        "activation_rms_from_opensim": float(
            np.sqrt(np.mean((np.asarray(record.activation) - theirs) ** 2))
        ),
    }


def moment_arms(arguments: argparse.Namespace) -> dict[str, Any]:
    """Of every muscle about every free coordinate, at all frames together."""
    import jax
    import jax.numpy as jnp

    from biomech.compilation import compiled
    from biomech.dynamics.kinematics import pose, project_couplers
    from biomech.muscles import paths

    model, motion, *_ = _walk(arguments)

    @compiled
    def arms(model, values):
        skeleton = model.skeleton

        def each(value):
            now = pose(skeleton, value)
            geometry = paths.path_geometry(model.muscles.paths, now, value)
            arm = project_couplers(skeleton, value, paths.moment_arms(geometry, skeleton, now))
            return arm[:, jnp.array(skeleton.coordinates.free)]

        return jax.vmap(each)(values)

    found, arm = compiled_and_run(lambda: arms(model, motion.value), arguments.repeats)
    return {**found, "states": arm.shape[0], "pairs": arm.shape[1] * arm.shape[2]}


def batch(arguments: argparse.Namespace) -> dict[str, Any]:
    """A sweep of gluteal strength; some of its cases alone as well."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from biomech.interventions import gluteal_strength
    from biomech.studies.batch import inverse_batch
    from biomech.studies.inverse import inverse

    model, motion, *_ = _walk(arguments)
    scales = np.linspace(WEAKEST, 1.0, arguments.cases)
    weaker = lambda model, scale: gluteal_strength(model, scale=scale)
    chosen = np.linspace(0, arguments.cases - 1, SINGLES).astype(int).tolist()

    def sweep():
        peaks, kept = [], {}
        for start in range(0, arguments.cases, BATCH):
            cases = np.minimum(np.arange(start, start + BATCH), arguments.cases - 1)
            records = inverse_batch(model, motion, weaker, jnp.asarray(scales[cases]))
            records = jax.tree.map(np.asarray, records)
            load = np.linalg.norm(records.joint_reaction_force, axis=-1)
            peaks.append(load.max(axis=1))
            for row, case in enumerate(cases.tolist()):
                if case in chosen:
                    kept[case] = jax.tree.map(lambda leaf, row=row: leaf[row].copy(), records)
        return np.concatenate(peaks)[: arguments.cases], kept

    found, (_, kept) = compiled_and_run(sweep, min(arguments.repeats, SLOW_REPEATS))
    alone = {case: inverse(gluteal_strength(model, scale=scales[case]), motion) for case in chosen}
    return {**found, "cases": arguments.cases, "departure": _departure(alone, kept)}


def _departure(alone: dict[int, Any], together: dict[int, Any]) -> dict[str, float]:
    """Largest difference of each field of a record over the field's largest value.

    A moment that nothing could supply is rounding: it is compared with the moments.
    """
    import numpy as np

    pairs = [(one, together[case]) for case, one in alone.items()]
    found = {}
    for field in dataclasses.fields(pairs[0][0]):
        size_of = "moment" if field.name == "residual_moment" else field.name
        get = lambda record, name=field.name: np.asarray(getattr(record, name), float)
        size = max(np.abs(get(one, size_of)).max(initial=0.0) for one in alone.values())
        difference = max(np.abs(get(a) - get(b)).max(initial=0.0) for a, b in pairs)
        found[field.name] = float(difference / size if size else difference)
    return found


def gradients(arguments: argparse.Namespace) -> dict[str, Any]:
    """Exact derivatives of metrics, their value alone, and central differences of the same."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from biomech.analysis.sensitivity import DEFAULT_PARAMETERS
    from biomech.compilation import compiled
    from biomech.model.parameters import PARAMETERS, choose_parameters, parameter_values
    from biomech.studies.inverse import inverse_uncompiled
    from biomech.studies.metrics import context, evaluate_metrics
    from biomech.studies.sensitivity import leaves_of, metric_gradients, with_leaves
    from biomech.studies.static_optimization import equal_weights

    model, motion, *of_gait = _walk(arguments)
    measured = (model, motion, equal_weights(model), *of_gait)
    chosen = choose_parameters(model, DEFAULT_PARAMETERS)
    groups = chosen.distinct_groups

    def evaluate(model, motion, weights, percent, stance, share, metrics):
        record = inverse_uncompiled(model, motion, weights, False, False)
        here = context(model, record, percent, stance, stance_share=share)
        return evaluate_metrics(record, here, metrics).value

    forward = compiled(evaluate)

    @compiled
    def moved(measured, group, entry, step):
        def each(change):
            group, entry, step = change
            leaves = tuple(
                leaf.ravel().at[entry].add(jnp.where(group == i, step, 0.0)).reshape(leaf.shape)
                for i, leaf in enumerate(leaves_of(measured[0], groups))
            )
            changed = with_leaves(measured[0], groups, leaves)
            return evaluate(changed, *measured[1:], METRICS)

        return jax.lax.map(each, (group, entry, step), batch_size=LANES)

    repeats = arguments.repeats
    found: dict[str, Any] = {"parameters": len(chosen.names), "differenced": DIFFERENCED}
    for count in (1, len(METRICS)):
        asked = METRICS[:count]
        found[f"forward_{count}"], _ = compiled_and_run(
            lambda asked=asked: forward(*measured, asked), repeats
        )
        found[f"reverse_{count}"], exact = compiled_and_run(
            lambda asked=asked: metric_gradients(*measured, groups, asked), repeats
        )
    rows = np.sort(np.random.default_rng(0).choice(len(chosen.names), DIFFERENCED, replace=False))
    group = np.array([groups.index(chosen.groups[row]) for row in rows])
    entry = chosen.entry[rows]
    values = np.abs(parameter_values(model, chosen))[rows]
    place = np.array([PARAMETERS[chosen.groups[row]].step is not None for row in rows])
    scale = np.where(place | (values == 0.0), 0.01, values)
    changes = (np.tile(group, 2), np.tile(entry, 2), STEP * np.concatenate([scale, -scale]))
    changes = tuple(map(jnp.asarray, changes))
    found["differences"], ends = compiled_and_run(
        lambda: moved(measured, *changes), min(repeats, SLOW_REPEATS)
    )
    forwards, backwards = np.split(np.asarray(ends), 2)
    differences = (forwards - backwards) / (2.0 * STEP)  # [parameter, metric]
    flat = [np.asarray(part).reshape(len(METRICS), -1) for part in exact[1]]
    reverse = np.array([flat[g][:, e] for g, e in zip(group, entry, strict=True)]) * scale[:, None]
    error = np.abs(reverse - differences) / np.abs(differences).max(axis=0)
    found["median_error"] = float(np.median(error[reverse != 0.0]))
    found["largest_error"] = float(error.max())
    return found


def precision(arguments: argparse.Namespace) -> dict[str, Any]:
    """All metrics of the walk in double and in single precision, and how far frames differ."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import numpy as np

    from biomech.studies.inverse import inverse
    from biomech.studies.metrics import (
        available_metrics,
        context,
        evaluate_metrics,
        find_metric,
    )

    model, motion, percent, stance, share = _walk(arguments)
    names = available_metrics(model.skeleton.joint_names)
    narrow = lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x
    found: dict[str, Any] = {"units": {name: find_metric(name).unit for name in names}}
    records = {}
    for name, change in (("float64", lambda x: x), ("float32", narrow)):
        person, moved = jax.tree.map(change, (model, motion))
        found[name], record = compiled_and_run(
            lambda person=person, moved=moved: inverse(person, moved), arguments.repeats
        )
        here = context(person, record, percent, stance, stance_share=share)
        value = evaluate_metrics(record, here, names).value
        found[name] |= {
            "metrics": dict(zip(names, np.asarray(value, float).tolist(), strict=True)),
            "unsolved_frames": int(np.sum(np.asarray(record.status) != 0)),
        }
        records[name] = record
    double, single = records["float64"], records["float32"]
    largest = lambda a, b: float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max())
    load = [jnp.linalg.norm(r.joint_reaction_force, axis=-1) for r in (double, single)]
    found["activation_difference"] = largest(double.activation, single.activation)
    found["load_difference_bw"] = largest(*load) / float(here.body_weight)
    return found


def _analysed(model):
    """The model both programs analyse; actuators are added where it is used."""
    from biomech.model.edits import weld, with_activation_bounds

    for joint in TOES:
        model = weld(model, joint)
    return with_activation_bounds(model, *ACTIVATION_BOUNDS)


def _walk(arguments: argparse.Namespace):
    """Model, motion, and percent of the gait cycle, stance and its share of each interval."""
    import jax.numpy as jnp
    import numpy as np

    import biomech as bm
    from biomech.studies.gait_events import gait_events
    from biomech.studies.prepare import ensure_actuated, measured_motion

    bm.use_float64()
    model = ensure_actuated(_analysed(bm.load_model(arguments.data / "subject_walk_scaled.osim")))
    trial = bm.load_trial(kinematics(arguments), arguments.data / "grf_walk.xml", model=model)
    motion, _ = measured_motion(model, trial, start=START, end=END)
    events, time = gait_events(trial), np.asarray(motion.time)
    facts = (events.percent, events.stance, events.stance_share)
    return model, motion, *(jnp.asarray(fact(time)) for fact in facts)


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    part.__name__: part
    for part in (
        *(prepare, opensim_tools, opensim_moment_arms, cold, chain),
        *(moment_arms, batch, gradients, precision),
    )
}


# ------------------------------------------------------------------------------------ page


@dataclasses.dataclass(frozen=True)
class Row:
    """One bar: what was measured, from which two numbers, and what must hold."""

    what: str
    measured: float
    bar: float
    at_least: bool
    ours: str
    other: str

    @property
    def holds(self) -> bool:
        return self.measured >= self.bar if self.at_least else self.measured <= self.bar

    def __str__(self) -> str:
        sign, verdict = (">=" if self.at_least else "<="), ("yes" if self.holds else "**MISSED**")
        return (
            f"| {self.what} | {self.ours} | {self.other} | {self.measured:.3g} "
            f"| {sign} {self.bar:g} | {verdict} |"
        )


def rows(parts: dict[str, Any]) -> Iterable[Row]:
    """Every bar."""
    tools = [parts["opensim_tools"][x] for x in TOOLS]
    stride = sum(tool["run"]["cpu"] for tool in tools)
    whole = stride + sum(tool["read"]["cpu"] for tool in tools)
    run = parts["chain"]["run"]["cpu"]
    yield Row(
        "warm chain, one stride: times quicker",
        *(stride / run, 200.0, True, _seconds(run), f"OpenSim {_seconds(stride)}"),
    )
    cases = parts["batch"]["cases"]
    case = parts["batch"]["run"]["cpu"] / cases
    yield Row(
        f"strength sweep of {cases} cases, per case: times quicker",
        *(stride / case, 1000.0, True, _seconds(case), f"OpenSim {_seconds(stride)}"),
    )
    cold = parts["cold"]["process"]["cpu"]
    yield Row(
        "whole process, cold, dataset written: over OpenSim's tools",
        *(cold / whole, 1.0, False, _seconds(cold), f"OpenSim {_seconds(whole)}"),
    )
    arms = parts["moment_arms"]["run"]["cpu"] / parts["moment_arms"]["states"]
    theirs = parts["opensim_moment_arms"]["all"]["cpu"]
    yield Row(
        f"moment arms, {parts['moment_arms']['pairs']} pairs, per state: times quicker",
        *(theirs / arms, 1000.0, True, _seconds(arms), f"OpenSim {_seconds(theirs)}"),
    )
    found = parts["gradients"]
    n, count = len(METRICS), found["parameters"]
    one, many = (found[f"reverse_{k}"]["run"]["cpu"] for k in (1, n))
    forward_one, forward = (found[f"forward_{k}"]["run"]["cpu"] for k in (1, n))
    yield Row(
        f"gradient of 1 metric to {count} parameters, in forwards",
        *(one / forward_one, 4.0, False, _seconds(one), f"forward {_seconds(forward_one)}"),
    )
    yield Row(
        f"gradients of {n} metrics to {count} parameters, in forwards",
        *(many / forward, 3.0 * n + 5.0, False, _seconds(many), f"forward {_seconds(forward)}"),
    )
    differences = found["differences"]["run"]["cpu"] * count / found["differenced"]
    yield Row(
        f"the same against central differences ({found['differenced']} timed): times quicker",
        *(differences / many, 15.0, True, _seconds(many), f"differences {_seconds(differences)}"),
    )
    field, departure = max(parts["batch"]["departure"].items(), key=lambda item: item[1])
    yield Row(
        f"case of the batch against the case alone, relative (worst: {field})",
        *(departure, 1e-10, False, "", ""),
    )


def page(report: dict[str, Any]) -> str:
    """The tables, in Markdown."""
    parts, found = report["parts"], report["parts"]["gradients"]
    environment = ", ".join(f"{key} {value}" for key, value in report["environment"].items())
    return PAGE.format(
        environment=environment,
        rows="\n".join(map(str, rows(parts))),
        steps="\n".join(
            f"| {what} | {t['wall']:.4g} | {t['cpu']:.4g} |" for what, t in _steps(parts)
        ),
        processes="\n".join(
            f"| {name} | {p['process']['wall']:.1f} | {p['process']['cpu']:.1f} "
            f"| {_megabytes(p['peak_memory_mb'])} |"
            for name, p in parts.items()
        ),
        **_precision_words(parts["precision"]),
        frames=parts["chain"]["frames"],
        unsolved=parts["chain"]["unsolved_frames"],
        rms=f"{parts['chain']['activation_rms_from_opensim']:.4f}",
        parameters=found["parameters"],
        differenced=found["differenced"],
        lanes=LANES,
        median=f"{found['median_error']:.1g}",
        largest=f"{found['largest_error']:.1g}",
        crossed=parts["opensim_moment_arms"]["crossed_pairs"],
        pairs=parts["opensim_moment_arms"]["pairs"],
    )


def _steps(parts: dict[str, Any]) -> Iterable[tuple[str, Timing]]:
    """Every timed step with its name."""
    for tool in TOOLS:
        for step, timing in parts["opensim_tools"][tool].items():
            yield f"OpenSim: {tool.replace('_', ' ')}, {step}", timing
    arms = parts["opensim_moment_arms"]
    yield "OpenSim: moment arms of one state, every pair", arms["all"]
    yield "OpenSim: moment arms of one state, pairs that are not zero", arms["crossed"]
    yield "chain: read and prepare the files", parts["chain"]["read"]
    for part, label in (("chain", "chain"), ("moment_arms", "moment arms"), ("batch", "sweep")):
        for step in ("compile", "run"):
            yield f"{label}: {step}", parts[part][step]
    for what in ("forward", "reverse"):
        for count in (1, len(METRICS)):
            for step in ("compile", "run"):
                yield (
                    f"{what}, metrics: {count}; {step}",
                    parts["gradients"][f"{what}_{count}"][step],
                )
    for step in ("compile", "run"):
        yield f"central differences: {step}", parts["gradients"]["differences"][step]
    for name in ("float64", "float32"):
        yield f"chain in {name}: run", parts["precision"][name]["run"]


def _metric_lines(found: dict[str, Any]) -> Iterable[str]:
    for name, double in found["float64"]["metrics"].items():
        single, unit = found["float32"]["metrics"][name], found["units"][name]
        error = abs(single / double - 1.0)
        yield f"| {name} | {unit} | {double:.8f} | {single:.8f} | {error:.1e} |"


def _precision_words(found: dict[str, Any]) -> dict[str, str]:
    """What `PRECISION_PAGE` says."""
    return {
        "metrics": "\n".join(_metric_lines(found)),
        "single_unsolved": str(found["float32"]["unsolved_frames"]),
        "activation_difference": f"{found['activation_difference']:.1e}",
        "load_difference": f"{found['load_difference_bw']:.1e}",
        "double_run": _seconds(found["float64"]["run"]["cpu"]),
        "single_run": _seconds(found["float32"]["run"]["cpu"]),
    }


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s"


def _megabytes(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


PRECISION_PAGE = """\
The motion is prepared in double precision; the chain runs in {double_run} in float64 and in
{single_run} in float32 (CPU seconds, one core), with {single_unsolved} frames unsolved in float32.
Over all frames activations differ by at most {activation_difference} and the loads of any joint by
at most {load_difference} BW.

| metric | unit | float64 | float32 | relative error |
| --- | --- | --- | --- | --- |
{metrics}
"""

PAGE = (
    """\
{environment}

CPU seconds of {frames} frames on one core; {unsolved} frames unsolved; activations differ from
OpenSim's by {rms} root mean square (its pennation slip and default tolerance included).

| what | ours | against | measured | bar | holds |
| --- | --- | --- | --- | --- | --- |
{rows}

The cold process includes starting and leaving Python; OpenSim's side counts reading the model and
its tools' runs, not its import. The sweep keeps each case's peak loads; it includes whatever the
cases need before they are computed. OpenSim's moment arms are those of all {pairs} pairs of muscle
and free coordinate, {crossed} of which are not zero. Central differences: two evaluations for each
parameter, {lanes} parameters together, timed for {differenced} drawn at random and scaled to
{parameters}; they and the reverse pass differ by {median} (median of what is not zero) and
{largest} (largest) of the metric's largest derivative.

| step, median | wall [s] | CPU [s] |
| --- | --- | --- |
{steps}

| process | wall [s] | CPU [s] | peak memory [MB] |
| --- | --- | --- | --- |
{processes}

"""
    + PRECISION_PAGE
)


if __name__ == "__main__":
    main()
