"""Make the reference gait of the built-in body `planar`.

    python experiments/planar_reference_gait/make.py

The motion nearest to Fukuchi's (2018) mean adult angles that this body could walk: feet on the
ground without slipping or sinking, and the ground pushing from under the feet. The ground reaction
is what the motion requires. README.md has the rules in words; numbers are in `RULES`.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

import biomech.precision
from biomech.dynamics.inverse_dynamics import (
    generalized_forces,
    inverse_dynamics,
    mass_centers,
    needed_wrenches,
)
from biomech.dynamics.kinematics import body_motion, pose
from biomech.dynamics.spatial import cross, rotate, wrench_at
from biomech.formats.load import load_built_in
from biomech.model.edits import with_reserves
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.passive_moments import about_coordinates, passive_moment
from biomech.muscles.paths import path_geometry, pull_on_bodies
from biomech.studies.inverse import MeasuredMotion, inverse
from biomech.studies.prepare import ensure_actuated

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "biomech" / "model" / "library" / "planar_gait.csv"

SPEED = 1.24  # [m/s], Fukuchi 2018, comfortable
CADENCE = 114.7  # steps/min, Fukuchi 2018, comfortable
STANCE = 0.603  # of the cycle, same
TOES_FREE, TOES_FALL = 0.557, 0.08  # when the fascia flexes the toes again, how long; assumed
MOST_PRESSED = 0.19  # share of a foot's load that the fascia may put on the toes, assumed [-]
PERIOD = 120.0 / CADENCE  # [s]
GRAVITY = 9.80665  # [m/s^2]
DOUBLE = STANCE - 0.5  # one double support, of the cycle
STATURE = 1.75  # of this body [m]
FOOT_BREADTH = 0.055 * STATURE  # Drillis & Contini 1966, in Winter 2009, Figure 4.1 [m]
MTP_OBLIQUITY = 0.6199  # of the joint `mtp` from medio-lateral, Rajagopal 2016 [rad]
METATARSAL_SPREAD = 0.5 * FOOT_BREADTH * np.tan(MTP_OBLIQUITY)  # fore and aft of the middle [m]
COAST = 0.005  # how far a center of pressure runs on when the other foot takes over, assumed [m]


class Rules(NamedTuple):
    """Standard deviations that weigh the wishes against each other, and bounds."""

    angle: float = np.deg2rad(2.0)  # hip, knee, ankle, pelvic tilt from Fukuchi's mean
    trunk: float = np.deg2rad(2.0)  # trunk from upright
    acceleration: float = 10.0  # of these angles from that of the mean, or from none [rad/s^2]
    height: float = 0.006  # lowest foot point of the stance leg above ground [m]
    slip: float = 0.1  # speed of the foot point in contact [m/s]
    speed: float = 0.002  # mean forward speed from Fukuchi's [m/s]
    force_rate: float = 3.0  # of the whole ground reaction [body weights per s]
    force_arm: float = 0.04  # by which it misses the mass center, measured on the ground [m]
    progress: float = 0.2  # speed of one foot's center of pressure on it, from its mean [m/s]
    center_of_pressure: float = 0.005  # outside the foot [m]
    transfer: float = 0.02  # share of the leading foot from a smooth step [-]
    clearance: float = 0.010  # of the swinging foot, at least [m]


RULES = Rules()
LEG_HARMONICS, BODY_HARMONICS = range(1, 11), range(2, 17, 2)
MTP_HARMONICS, ARCH_HARMONICS = 16, 16
COUNT = 100  # instants of the fit
PRINTED = 200  # instants of the file
ARCH_ROUNDS = 7
ARCH_CYCLES = 2  # that the arch is followed until it repeats
ARCH_STEP = 0.9  # share by which muscles' moments about the arch are renewed each round
ARCH_RESERVE = 20.0  # stands in for what the arch does not yet balance, while it is sought [N m]
LAST = int(np.ceil(DOUBLE * COUNT)) - 1  # last instant of double support


# --- periodic functions -----------------------------------------------------------------------


def basis(phase, harmonics):
    """1, cos, sin of the harmonics, and first and second time derivatives; [3, phase, term]."""
    rate = 2.0 * np.pi / PERIOD
    columns = [np.stack([np.ones_like(phase), 0.0 * phase, 0.0 * phase])]
    for n in harmonics:
        angle, w = 2.0 * np.pi * n * phase, n * rate
        c, s = np.cos(angle), np.sin(angle)
        columns += [np.stack([c, -w * s, -w * w * c]), np.stack([s, w * c, -w * w * s])]
    return np.stack(columns, axis=-1)


@functools.cache
def low_pass(count, harmonics, out):
    """Matrices that take samples at `count` instants to a truncated series at `out` instants."""
    grid = np.arange(count) / count
    fit = np.linalg.pinv(basis(grid, range(1, harmonics + 1))[0])
    return basis(np.arange(out) / out, range(1, harmonics + 1)) @ fit


def smooth_step(x):
    """0 to 1 with zero slope and curvature at both ends."""
    x = jnp.clip(x, 0.0, 1.0)
    return x**3 * (10.0 + x * (6.0 * x - 15.0))


def coast(x):
    """`x` at first, with zero curvature at 0, but never more than `COAST` [m]; x >= 0."""
    x = jnp.clip(0.5 * x / COAST, 0.0, 1.0)
    return COAST * x * (2.0 + x**2 * (x - 2.0))


def ramp(x, width):
    """0 before -width, `x` after width: max(0, x) averaged over a parabola that wide; C2."""
    u = np.clip(x / width, -1.0, 1.0)
    return np.where(x > width, x, width * (3.0 + u * (8.0 + u * (6.0 - u**2))) / 16.0)


# --- the motion -------------------------------------------------------------------------------


class Unknowns(NamedTuple):
    """Fourier coefficients [rad or m]; left leg = right leg half a cycle later."""

    hip: jax.Array
    knee: jax.Array
    ankle: jax.Array
    tilt: jax.Array
    trunk: jax.Array
    forward: jax.Array  # first: mean speed [m/s]
    height: jax.Array


def pack(unknowns):
    """One vector."""
    return np.concatenate([np.asarray(part) for part in unknowns])


def unpack(x):
    """Back to parts."""
    leg, body = 1 + 2 * len(LEG_HARMONICS), 1 + 2 * len(BODY_HARMONICS)
    sizes = [leg, leg, leg, body, body, body, body]
    return Unknowns(*jnp.split(x, np.cumsum(sizes)[:-1].tolist()))


def half_cycle_later(series, count):
    """The other leg's series."""
    return jnp.roll(series, count // 2, axis=1)


class Foot(NamedTuple):
    """Contact spheres of one foot: body indices, center in the body [m], radius [m]."""

    bodies: np.ndarray
    location: np.ndarray
    radius: np.ndarray


def foot_of(model, side):
    """Heel, metatarsal, toes: regions of contact in the plane of the metatarsal one."""
    names = [f"{part}_{side}" for part in ("heel_medial", "metatarsal_23", "hallux")]
    index = [model.contacts.names.index(name) for name in names]
    bodies = np.array([model.contacts.bodies[i] for i in index])
    location, radius = (
        np.array(x)[index] for x in (model.contacts.location, model.contacts.radius)
    )
    with jax.ensure_compile_time_eval():
        origin = pose(model.skeleton, model.skeleton.coordinates.default_value).position
        aside = np.asarray(origin)[bodies, 2]
    location[:, 2] += (aside + location[:, 2])[1] - (aside + location[:, 2])
    return Foot(bodies, location, radius)


def chord_share(model):
    """Rotation of the heel-metatarsal line per rotation of the midtarsal joint [-]."""
    foot, skeleton = foot_of(model, "r"), model.skeleton
    index = skeleton.joint_names.index("midtarsal_r")
    joint = np.asarray(skeleton.parent_frame_position)[index, 0]
    heel, metatarsal = foot.location[0, 0], joint + foot.location[1, 0]
    return (metatarsal - joint) / (metatarsal - heel)


def coordinates_of(model, unknowns, arch, count):
    """Value, speed, acceleration [3, count, coordinate]; `arch`: midtarsal angle at COUNT."""
    phase = np.arange(count) / count
    leg, body = basis(phase, LEG_HARMONICS), basis(phase, BODY_HARMONICS)
    hip, knee, ankle = (leg @ part for part in unknowns[:3])
    tilt, trunk = body @ unknowns.tilt, body @ unknowns.trunk
    mean = np.stack([PERIOD * phase, np.ones(count), np.zeros(count)])
    forward = body[..., 1:] @ unknowns.forward[1:] + mean * unknowns.forward[0]
    midtarsal = low_pass(COUNT, ARCH_HARMONICS, count) @ arch
    # The measured foot is the line from heel to metatarsals; the hindfoot turns back from it.
    ankle = ankle - chord_share(model) * midtarsal
    pitch = tilt + hip - knee + ankle + midtarsal
    mtp = low_pass(count, MTP_HARMONICS, count) @ toes_flat(pitch[0], phase)
    right = {
        "hip_flexion": hip,
        "knee_angle": knee,
        "ankle_angle": ankle,
        "midtarsal_angle": midtarsal,
        "mtp_angle": mtp,
    }
    series = {
        "pelvis_tilt": tilt,
        "pelvis_tx": forward,
        "pelvis_ty": body @ unknowns.height,
        "lumbar_extension": trunk - tilt,
    }
    for name, value in right.items():
        series[f"{name}_r"] = value
        series[f"{name}_l"] = half_cycle_later(value, count)
    return jnp.stack([series[name] for name in model.skeleton.coordinates.names], axis=-1)


def toes_flat(pitch, phase):
    """MTP angle [rad]: toes stay level while the heel is up, and straighten around toe-off."""
    width = np.deg2rad(3.0)
    level = width * jax.nn.softplus(-pitch / width)
    before, after = smooth_step(phase / 0.2), 1.0 - smooth_step((phase - TOES_FREE) / TOES_FALL)
    return level * before * after


# --- feet and forces --------------------------------------------------------------------------


class Mechanics(NamedTuple):
    """At every instant: [count, foot (r, l), part (heel, metatarsal, toes)] and totals."""

    height: jax.Array  # of the lowest point of each sphere [m]
    speed: jax.Array  # of the foot there, forward [m/s]
    place: jax.Array  # of each sphere's center in ground [m], [..., 3]
    force: jax.Array  # the ground reaction this motion requires [N], [count, 2]
    pressure: jax.Array  # its center [m]
    center: jax.Array  # mass center of the body [m], [count, 2]


def mechanics(model, feet, q):
    """Contact geometry and the required ground reaction."""
    skeleton = model.skeleton

    def instant(value, speed, acceleration):
        motion = body_motion(skeleton, value, speed, acceleration)
        now = motion.pose
        heights, speeds, places = [], [], []
        for foot in feet:
            rotation = now.rotation[foot.bodies]
            place = now.position[foot.bodies] + rotate(rotation, jnp.asarray(foot.location))
            bottom = place - jnp.asarray(foot.radius)[:, None] * jnp.array([[0.0, 1.0, 0.0]])
            twist = motion.velocity[foot.bodies]
            heights.append(bottom[:, 1])
            speeds.append((twist[:, 3:] + cross(twist[:, :3], bottom))[:, 0])
            places.append(place)
        wrench = jnp.sum(needed_wrenches(skeleton, motion), axis=0)
        weights = skeleton.mass / jnp.sum(skeleton.mass)
        center = jnp.sum(weights[:, None] * mass_centers(skeleton, now), axis=0)
        stack = jnp.stack
        return Mechanics(
            stack(heights),
            stack(speeds),
            stack(places),
            wrench[3:5],
            wrench[2] / wrench[4],
            center[:2],
        )

    return jax.vmap(instant)(*q)


def lowest(height):
    """Smooth minimum over the parts of a foot [m], and the share of each part in it."""
    width = 0.003
    share = jax.nn.softmax(-height / width, axis=-1)
    return jnp.sum(share * height, axis=-1), share


class Shared(NamedTuple):
    """The half cycle that begins with the right heel strike (right leads, left trails)."""

    share: jax.Array  # of the right foot in the vertical force [-]
    lead: jax.Array  # center of pressure under the right foot [m]
    trail: jax.Array  # under the left foot [m]


def share_between_feet(m):
    """Who carries what: in double support the centers of pressure are given, the share follows.

    Each foot's center leaves, or joins, that of the whole ground reaction with its speed and
    acceleration; so all loads have two continuous derivatives where double support begins and ends.
    """
    count = m.pressure.shape[0]
    phase = np.arange(count // 2) / count
    step = smooth_step(phase / DOUBLE)
    pressure = m.pressure[: count // 2]
    at_strike = m.pressure[0]
    at_toe_off = jnp.interp(DOUBLE, phase, pressure)
    heel, toes = m.place[: count // 2, 0, 0, 0], m.place[: count // 2, 1, 2, 0]
    double = phase < DOUBLE
    trail = (1.0 - step) * (at_strike + coast(pressure - at_strike)) + step * toes
    lead = (1.0 - step) * heel + step * (at_toe_off - coast(at_toe_off - pressure))
    lead = jnp.where(double, lead, pressure)
    share = jnp.where(double, (pressure - trail) / jnp.where(double, lead - trail, 1.0), 1.0)
    return Shared(share, lead, trail)


def residuals(model, feet, measured, arch, x):
    """Wishes that the motion should meet, each divided by its standard deviation."""
    unknowns = unpack(x)
    q = coordinates_of(model, unknowns, arch, COUNT)
    m = mechanics(model, feet, q)
    phase = np.arange(COUNT) / COUNT
    leg, body = basis(phase, LEG_HARMONICS), basis(phase, BODY_HARMONICS)
    angles = jnp.stack([*(leg @ part for part in unknowns[:3]), body @ unknowns.tilt], axis=1)
    trunk = body @ unknowns.trunk
    height, share = lowest(m.height[:, 0])
    slip = jnp.sum(share * m.speed[:, 0], axis=-1)
    stance = phase <= STANCE
    swing = (phase > STANCE + 0.05) & (phase < 0.94)
    leaving = (phase > STANCE) & (phase <= STANCE + 0.05)
    low = jnp.where(swing, jax.nn.relu(RULES.clearance - height), 0.0)
    low = jnp.where(leaving, 3.0 * jax.nn.relu(-height), low)

    half = slice(0, COUNT // 2)
    feet_share = share_between_feet(m)
    heel, metatarsal, toes = (m.place[half, 0, part, 0] for part in range(3))
    lifted = jax.nn.sigmoid((m.height[half, 0, 0] - 0.010) / 0.002)
    back = heel + lifted * (metatarsal - heel)
    single = phase[half] >= DOUBLE
    outside = jax.nn.relu(back - m.pressure[half]) + jax.nn.relu(m.pressure[half] - toes)
    # Half a cycle on, the left foot is where the right one was: it trails and closes the series.
    other_metatarsal, other_toes = (m.place[half, 1, part, 0] for part in (1, 2))
    under_foot = jnp.append(
        feet_share.lead - metatarsal, (feet_share.trail - other_metatarsal)[: LAST + 1]
    )
    rate = jnp.diff(under_foot) * (COUNT / PERIOD)
    roll = (other_toes - other_metatarsal)[LAST] - (heel - metatarsal)[0]
    aim = m.center[:, 0] - m.center[:, 1] * m.force[:, 0] / m.force[:, 1]
    # Where double support begins and ends, under the one foot that still, or already, carries all.
    front = 0.5 * (m.place[0, 1, 1, 0] + m.place[0, 1, 2, 0])
    at_ends = jnp.stack([m.pressure[0] - front, (heel - feet_share.lead)[LAST]])
    wanted = smooth_step(phase[half] / DOUBLE)
    weight = float(np.sum(np.asarray(model.skeleton.mass))) * GRAVITY
    force_rate = (jnp.roll(m.force, -1, axis=0) - m.force) * (COUNT / PERIOD / weight)
    return jnp.concatenate(
        [
            ((angles[0] - measured[0]) / RULES.angle).ravel(),
            ((angles[2] - measured[2]) / RULES.acceleration).ravel(),
            trunk[0] / RULES.trunk,
            trunk[2] / RULES.acceleration,
            jnp.where(stance, height, 0.0) / RULES.height,
            jnp.where(stance, slip, 0.0) / RULES.slip,
            low / RULES.height,
            (unknowns.forward[:1] - SPEED) / RULES.speed,
            force_rate.ravel() / RULES.force_rate,
            (aim - m.pressure)[half] / RULES.force_arm,
            (rate - roll / (PERIOD * STANCE)) / RULES.progress,
            3.0 * jax.nn.relu(at_ends) / RULES.center_of_pressure,
            jnp.where(single, outside, 0.0) / RULES.center_of_pressure,
            jnp.where(single, 0.0, feet_share.share - wanted) / RULES.transfer,
        ]
    )


# --- solution ---------------------------------------------------------------------------------


def read_measured():
    """Fukuchi's angles in this body's signs with two time derivatives [3, 4, COUNT], [rad]."""
    lines = (HERE / "fukuchi2018.csv").read_text().splitlines()
    table = [line.split(",") for line in lines if not line.startswith("#")][1:-1]
    rows = np.deg2rad(np.array(table, float).T[1:])  # hip, knee, ankle, anterior pelvic tilt
    rows[3] *= -1.0
    rows[3] = 0.5 * (rows[3] + np.roll(rows[3], rows.shape[1] // 2))  # both legs alike
    phase = np.arange(rows.shape[1]) / rows.shape[1]
    harmonics = range(1, 11)
    series = np.linalg.pinv(basis(phase, harmonics)[0]) @ rows.T
    return np.swapaxes(basis(np.arange(COUNT) / COUNT, harmonics) @ series, 1, 2)


def first_guess(measured):
    """Measured angles; walking on at 1.24 m/s."""
    phase = np.arange(COUNT) / COUNT
    leg = np.linalg.pinv(basis(phase, LEG_HARMONICS)[0])
    body = np.linalg.pinv(basis(phase, BODY_HARMONICS)[0])
    size = 1 + 2 * len(BODY_HARMONICS)
    forward, height = np.zeros(size), np.zeros(size)
    forward[0], height[0] = 1.24, 0.95
    trunk = np.zeros(size)
    return Unknowns(
        *(leg @ row for row in measured[0, :3]), body @ measured[0, 3], trunk, forward, height
    )


def solver(model, feet, measured):
    """Least squares from a start, given the midtarsal angle; compiled once."""
    wish = jax.jit(lambda x, arch: residuals(model, feet, measured, arch, x))
    slope = jax.jit(jax.jacfwd(lambda x, arch: residuals(model, feet, measured, arch, x)))

    def solve(arch, start):
        found = least_squares(
            lambda x: np.asarray(wish(x, arch)),
            start,
            lambda x: np.asarray(slope(x, arch)),
            x_scale="jac",
            ftol=1e-9,
            xtol=1e-9,
            gtol=1e-9,
            max_nfev=60,
        )
        return found.x

    return solve


class Loads(NamedTuple):
    """Ground reaction on heel, forefoot and toes of both feet, [count, foot, part, 3]."""

    force: np.ndarray
    point: np.ndarray


def ground_reaction(m, press):
    """The required force, shared between feet and among the parts of each foot.

    `press` [count]: with what force the right foot's own tissue presses its toes on the ground [N].
    """
    count = m.pressure.shape[0]
    half = count // 2
    shared = share_between_feet(m)
    share = np.asarray(shared.share)
    pressure = [np.asarray(shared.lead), np.asarray(shared.trail)]
    total, center = np.asarray(m.force)[:half], np.asarray(m.center)[:half]
    part_share = [share, 1.0 - share]
    up = [part_share[i] * total[:, 1] for i in (0, 1)]
    # Each foot's force leans towards the mass center; the rest goes by share.
    lean = [up[i] * (center[:, 0] - pressure[i]) / center[:, 1] for i in (0, 1)]
    rest = total[:, 0] - lean[0] - lean[1]
    along = [lean[i] + part_share[i] * rest for i in (0, 1)]
    # Foot 0 is the right one in the first half of the cycle and the left one in the second.
    force, point = np.zeros((count, 2, 3, 3)), np.zeros((count, 2, 3, 3))
    place = np.asarray(m.place)
    point[..., 0], point[..., 2] = place[..., 0], place[..., 2]
    for i in (0, 1):
        x = place[:half, i, :, 0]
        pressed = smaller(press[i * half : (i + 1) * half], up[i])
        parts = lever_rule(x, pressure[i], pressed, heel_down(m, i)[:half])
        for axis, value in ((0, along[i]), (1, up[i])):
            force[:half, i, :, axis] = parts * value[:, None]
            force[half:, 1 - i, :, axis] = parts * value[:, None]
    return Loads(force, point)


def smaller(press, up):
    """`press` as a share of the load `up`, bent over so as to stay below `MOST_PRESSED`."""
    return press / (up**4 + (press / MOST_PRESSED) ** 4 + 1.0) ** 0.25


def heel_down(m, foot):
    """1 where the heel is down, 0 where it is up, [count]; smooth."""
    height = np.asarray(m.height)[:, foot, 0]
    return 1.0 - np.asarray(smooth_step((height - 0.008) / 0.012))


def lever_rule(x, at, pressed=-1.0, down=0.0):
    """Shares [n, 3] of heel, metatarsal, toes (at `x`) that have their center `at`.

    The pressure is spread by `METATARSAL_SPREAD` to both sides of `at`; each bit of it goes to the
    two parts beside it by its distances. A center that crosses the metatarsals loads the toes, and
    unloads the heel, over that width, not at once. `pressed` is what the toes carry at least, where
    the heel is `down` (1, else 0) to carry the rest and metatarsals have load to give.
    """
    heel, metatarsal, toes = x.T
    front = ramp(at - metatarsal, METATARSAL_SPREAD) / (toes - metatarsal)
    back = ramp(metatarsal - at, METATARSAL_SPREAD) / (metatarsal - heel)
    middle = 1.0 - front - back  # what the metatarsals could give to toes and heel
    more = down * (1.0 - (1.0 - middle) ** 4) * ramp(pressed - front, 0.02)
    front, back = front + more, back + more * (toes - metatarsal) / (metatarsal - heel)
    return np.stack([back, 1.0 - front - back, front], axis=1)


def part_wrenches(model, feet, loads):
    """External wrench on every body [count, body, 6]."""
    count = loads.force.shape[0]
    wrench = np.zeros((count, len(model.skeleton.body_names), 6))
    for i, foot in enumerate(feet):
        for j, body in enumerate(foot.bodies):
            force, point = (jnp.asarray(v[:, i, j]) for v in (loads.force, loads.point))
            wrench[:, body] += np.asarray(wrench_at(force, point))
    return wrench


def net_moments(model, q, wrench):
    """Inverse dynamics [count, coordinate]."""
    skeleton = model.skeleton

    def instant(value, speed, acceleration, applied):
        return inverse_dynamics(
            skeleton, body_motion(skeleton, value, speed, acceleration), applied
        )

    return np.asarray(jax.jit(jax.vmap(instant))(*q, jnp.asarray(wrench)))


def arch_in_balance(model, q, moments):
    """Midtarsal angle [rad] at which the foot's tissue carries the moments [count] left to it.

    Fascia, ligaments and the passive moment, its damping too: the angle is followed through the
    cycle until it repeats.
    """
    skeleton, passive = model.skeleton, model.passive_moments
    index = skeleton.coordinates.names.index("midtarsal_angle_r")

    def tissue_moment(value, angle, speed):
        value = value.at[index].set(angle)
        now = pose(skeleton, value)
        geometry = path_geometry(model.ligaments.paths, now, value)
        tension = ligament_tension(model.ligaments, geometry.length)
        wrench = pull_on_bodies(geometry, tension, len(skeleton.body_names))
        speeds = jnp.zeros_like(value).at[index].set(speed)
        about = about_coordinates(passive, passive_moment(passive, value, speeds), value.size)
        return (generalized_forces(skeleton, now, wrench) + about)[index]

    step = PERIOD / len(moments)

    def advance(before, instant):
        value, needed = instant

        def halve(_, bounds):  # the moment falls as the arch flattens, and as it does so faster
            low, high = bounds
            middle = 0.5 * (low + high)
            too_flat = tissue_moment(value, middle, (middle - before) / step) < needed
            return jnp.where(too_flat, low, middle), jnp.where(too_flat, middle, high)

        low, high = jax.lax.fori_loop(0, 40, halve, (-0.4, 0.4))
        return 0.5 * (low + high), 0.5 * (low + high)

    follow = jax.jit(lambda start, values, needed: jax.lax.scan(advance, start, (values, needed)))
    angle, series = 0.0, None
    for _ in range(ARCH_CYCLES):
        angle, series = follow(angle, q[0], jnp.asarray(moments))
    return np.asarray(series)


def toes_pressed(model, q):
    """Force [count] with which fascia and passive moment press the right toes on the ground [N]."""
    skeleton, passive = model.skeleton, model.passive_moments
    index = skeleton.coordinates.names.index("mtp_angle_r")
    foot, joint = foot_of(model, "r"), skeleton.joint_names.index("mtp_r")

    def instant(value):
        now = pose(skeleton, value)
        geometry = path_geometry(model.ligaments.paths, now, value)
        tension = ligament_tension(model.ligaments, geometry.length)
        wrench = pull_on_bodies(geometry, tension, len(skeleton.body_names))
        about = about_coordinates(
            passive, passive_moment(passive, value, jnp.zeros_like(value)), value.size
        )
        flexing = -(generalized_forces(skeleton, now, wrench) + about)[index]
        body = foot.bodies[2]
        place = now.position[body] + now.rotation[body] @ jnp.asarray(foot.location[2])
        return flexing, place[0] - now.joint_center[joint, 0]

    flexing, lever = map(np.asarray, jax.jit(jax.vmap(instant))(q[0]))
    return ramp(flexing, 0.5) / lever


def muscles_about_arch(model, q, wrench):
    """Moment of the muscles about the right midtarsal joint [count], sharing by least effort."""
    names = model.skeleton.coordinates.names
    arches = [f"midtarsal_angle_{side}" for side in ("r", "l")]
    helped = ensure_actuated(with_reserves(model, dict.fromkeys(arches, ARCH_RESERVE)))
    time = jnp.arange(len(wrench)) * PERIOD / len(wrench)
    record = inverse(helped, MeasuredMotion(time, *q, jnp.asarray(wrench)))
    arm = np.asarray(record.moment_arm)
    column = [names[i] for i in model.skeleton.coordinates.free].index(arches[0])
    return np.einsum("tm,tm->t", np.asarray(record.muscle_force), arm[..., column])


def make():
    """Motion [3, n, coordinate], what it requires, loads, and what they were made of."""
    model = load_built_in("planar")
    feet = foot_of(model, "r"), foot_of(model, "l")
    measured = read_measured()
    solve = solver(model, feet, measured)
    arch, muscles, x = np.zeros(COUNT), np.zeros(COUNT), pack(first_guess(measured))
    index = model.skeleton.coordinates.names.index("midtarsal_angle_r")
    for _ in range(ARCH_ROUNDS):
        x = solve(arch, x)
        q = coordinates_of(model, unpack(x), arch, COUNT)
        loads = ground_reaction(mechanics(model, feet, q), toes_pressed(model, q))
        wrench = part_wrenches(model, feet, loads)
        moments = net_moments(model, q, wrench)[:, index]
        muscles = muscles + ARCH_STEP * (muscles_about_arch(model, q, wrench) - muscles)
        new = arch_in_balance(model, q, moments - muscles)
        new = low_pass(COUNT, ARCH_HARMONICS, COUNT)[0] @ new
        print(f"arch changes by {np.rad2deg(np.abs(new - arch).max()):.2f} deg at most", flush=True)
        arch = new
    x = solve(arch, x)
    q = coordinates_of(model, unpack(x), arch, PRINTED)
    m = mechanics(model, feet, q)
    loads = ground_reaction(m, toes_pressed(model, q))
    return model, feet, measured, unpack(x), arch, q, m, loads


def write(model, unknowns, q, loads):
    """The file that comes with the package."""
    names = model.skeleton.coordinates.names
    columns = {"time": np.arange(PRINTED) * PERIOD / PRINTED}
    columns |= {name: np.asarray(q[0])[:, i] for i, name in enumerate(names)}
    stride = float(unknowns.forward[0]) * PERIOD
    columns["stride_length"] = np.full(PRINTED, stride)
    bodies = {"heel": "calcn", "forefoot": "midfoot", "toes": "toes"}
    for i, side in enumerate(("r", "l")):
        for j, (part, body) in enumerate(bodies.items()):
            for kind, values in (("force", loads.force), ("point", loads.point)):
                for k, axis in enumerate("xyz"):
                    label = f"{part}_{side}:{body}_{side}:{kind}_{axis}"
                    columns[label] = values[:, i, j, k]
    digits = {"time": 12}
    rows = zip(*(values for values in columns.values()), strict=True)
    header = (
        "# Reference gait of the built-in body `planar`: one stride; rad, m, N, s.",
        "# Right heel strike at 0 s. Joint angles within 2 deg of the mean of 42 adults at",
        "# comfortable speed: Fukuchi, Fukuchi & Duarte (2018), PeerJ 6:e4640,",
        "# doi:10.7717/peerj.4640, data under CC BY 4.0; changed as described in",
        "# experiments/planar_reference_gait/README.md, which made this file.",
        "# The ground reaction is computed (what the motion requires), not measured.",
    )
    text = "\n".join([*header, ",".join(columns)]) + "\n"
    for row in rows:
        cells = zip(columns, row, strict=True)
        text += ",".join(f"{v:.{digits.get(n, 8)}f}" for n, v in cells) + "\n"
    return text.replace("-0.00000000,", "0.00000000,")


def came_out(model, measured, unknowns, q, m, loads):
    """The numbers of the table in README.md, as lines of text."""
    grid = np.arange(COUNT) / COUNT
    leg, body = basis(grid, LEG_HARMONICS)[0], basis(grid, BODY_HARMONICS)[0]
    angles = np.stack([*(leg @ part for part in unknowns[:3]), body @ unknowns.tilt])
    off = np.rad2deg(angles - measured[0])
    phase = np.arange(PRINTED) / PRINTED
    weight = float(np.sum(np.asarray(model.skeleton.mass))) * GRAVITY
    along, up = (np.sum(loads.force[:, 0, :, axis], axis=1) / weight for axis in (0, 1))
    early, middle, late = phase < 0.25, (phase >= 0.2) & (phase < 0.4), phase >= 0.4
    stance, swing = phase <= STANCE, (phase > STANCE + 0.05) & (phase < 0.94)
    names = model.skeleton.coordinates.names
    midtarsal, mtp = (
        np.rad2deg(np.asarray(q[0])[:, names.index(f"{name}_angle_r")])
        for name in ("midtarsal", "mtp")
    )
    bottom = 1e3 * np.asarray(m.height)[:, 0].min(axis=1)
    share = np.asarray(lowest(m.height[:, 0])[1])
    slip = np.abs(np.sum(share * np.asarray(m.speed)[:, 0], axis=1))
    rms = lambda x: np.sqrt(np.mean(x**2, axis=-1))
    return (
        f"hip, knee, ankle, tilt from measured, rms {rms(off).round(1)}, at most "
        f"{np.abs(off).max():.1f} deg",
        f"speed {float(unknowns.forward[0]):.3f} m/s",
        f"vertical {up[early].max():.2f}, {up[middle].min():.2f}, {up[late].max():.2f} BW",
        f"fore-aft {along.min():.2f}, {along.max():.2f} BW",
        f"midtarsal range {np.ptp(midtarsal):.0f}, in swing {np.ptp(midtarsal[~stance]):.0f} deg",
        f"MTP peak {mtp.max():.0f} deg",
        f"lowest point, stance {bottom[stance].min():.0f} to {bottom[stance].max():.0f} mm, "
        f"swing from {bottom[swing].min():.0f} mm",
        f"slip in stance, rms {rms(slip[stance]):.2f}, at heel strike {slip[0]:.2f} m/s",
    )


if __name__ == "__main__":
    biomech.precision.use_float64()
    model, feet, measured, unknowns, arch, q, m, loads = make()
    OUT.write_text(write(model, unknowns, q, loads), encoding="utf-8")
    print(OUT.name, *came_out(model, measured, unknowns, q, m, loads), sep="\n")
