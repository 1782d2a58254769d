import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import inverse_dynamics
from biomech.dynamics.kinematics import body_motion
from biomech.formats.load import load_built_in, load_model
from biomech.formats.reference_gait import reference_gait
from biomech.model import library
from biomech.model.names import BadInput
from biomech.studies.inverse import inverse
from biomech.studies.prepare import ensure_actuated, measured_motion

WEIGHT = 75.0 * 9.80665


@pytest.fixture(scope="module")
def gait():
    return reference_gait("planar")


@pytest.fixture(scope="module")
def planar():
    return load_built_in("planar")


def _window(gait):
    return (gait.time >= -1e-9) & (gait.time <= gait.end + 1e-9)


def _ground_reaction(gait, side):
    return sum(f.force for f in gait.external_forces if f.name.endswith(f"_{side}"))


def test_one_stride_that_repeats(gait):
    inside = gait.coordinate_values[_window(gait)]
    assert inside.shape[0] >= 101
    step = inside[-1] - inside[0]
    forward = gait.coordinate_names.index("pelvis_tx")
    assert 1.1 < step[forward] < 1.4
    np.testing.assert_allclose(np.delete(step, forward), 0.0, atol=1e-12)


def test_left_is_right_half_a_cycle_later(gait):
    inside = np.flatnonzero(_window(gait))[:-1]
    half = inside.size // 2
    for name in ("hip_flexion", "knee_angle", "ankle_angle", "midtarsal_angle", "mtp_angle"):
        right, left = (
            gait.coordinate_values[inside, gait.coordinate_names.index(f"{name}_{side}")]
            for side in ("r", "l")
        )
        np.testing.assert_allclose(left, np.roll(right, half), atol=2e-8)  # printed to 1e-8
    force = [_ground_reaction(gait, side)[inside] for side in ("r", "l")]
    np.testing.assert_allclose(force[1], np.roll(force[0], half, axis=0), atol=1e-6)


def test_the_ground_pushes_and_never_pulls(gait):
    for force in gait.external_forces:
        assert force.force[:, 1].min() > -1e-6 * WEIGHT, force.name


def test_vertical_force_is_that_of_walking(gait):
    """Targets for adults: peaks 1.0 to 1.25 body weights, trough 0.65 to 0.9."""
    up = _ground_reaction(gait, "r")[_window(gait), 1] / WEIGHT
    n = up.size
    first, trough, second = (
        up[: n // 4].max(),
        up[n // 5 : 2 * n // 5].min(),
        up[2 * n // 5 :].max(),
    )
    assert 1.0 < first < 1.25
    assert 0.65 < trough < 0.9
    assert 1.0 < second < 1.25


def test_nothing_is_left_over_at_the_pelvis(gait, planar):
    """The ground reaction is what the motion requires, so root residuals vanish."""
    motion, _ = measured_motion(planar, gait)
    skeleton = planar.skeleton
    each = lambda q, v, a, wrench: inverse_dynamics(
        skeleton, body_motion(skeleton, q, v, a), wrench
    )
    force = jax.jit(jax.vmap(each))(
        motion.value, motion.speed, motion.acceleration, motion.external_wrench
    )
    names = skeleton.coordinates.names
    root = np.asarray(force)[:, [names.index(f"pelvis_{x}") for x in ("tx", "ty", "tilt")]]
    # Quintic spline through samples printed to 1e-8 rad at 5 ms: accelerations to about 1e-2.
    assert np.abs(root).max() < 0.5


def test_feet_stay_on_and_above_the_ground(gait, planar):
    motion, _ = measured_motion(planar, gait)
    skeleton, contacts = planar.skeleton, planar.contacts

    def bottoms(value):
        from biomech.dynamics.kinematics import pose
        from biomech.dynamics.spatial import rotate

        now, body = pose(skeleton, value), np.array(contacts.bodies)
        place = now.position[body] + rotate(now.rotation[body], contacts.location)
        return place[:, 1] - contacts.radius

    height = np.asarray(jax.jit(jax.vmap(bottoms))(motion.value))
    right = [i for i, name in enumerate(contacts.names) if name.endswith("_r")]
    lowest = height[:, right].min(axis=1)
    assert lowest.min() > -0.010  # soft tissue gives; heel pads are 16 mm thick
    stance = slice(0, int(0.58 * lowest.size))
    assert lowest[stance].max() < 0.012


def test_trial_fits_the_model_it_is_for(gait, planar):
    assert set(gait.coordinate_names) == set(planar.skeleton.coordinates.names)
    assert {force.body for force in gait.external_forces} <= set(planar.skeleton.body_names)
    assert any("CC BY 4.0" in note for note in gait.notes)


def test_unknown_names_list_what_there_is():
    with pytest.raises(BadInput, match=r"No built-in reference gait named 'planer'.*planar"):
        reference_gait("planer")
    with pytest.raises(BadInput, match=r"No model 'planer'.*planar.*\.osim"):
        load_model("planer")


def test_load_model_finds_the_built_in_body(planar):
    assert load_model("planar").skeleton.body_names == planar.skeleton.body_names


def _maker():
    path = Path(__file__).parents[2] / "experiments" / "planar_reference_gait" / "make.py"
    spec = importlib.util.spec_from_file_location("make_planar_gait", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _table(text):
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return rows[0], np.array(rows[1:], float)


@pytest.fixture(scope="module")
def maker():
    return _maker()


@pytest.fixture(scope="module")
def column():
    """Columns of the file by their label."""
    labels, table = _table(library.built_in_text("reference gait", "planar", library.BUILT_IN_GAIT))
    return dict(zip(labels, table.T, strict=True))


def _motion(maker, planar, column, count):
    """Printed coordinates and two derivatives at `count` instants, by trigonometry."""
    names = planar.skeleton.coordinates.names
    values = np.stack([column[name] for name in names], axis=1)
    n = len(values)
    drift = np.zeros(len(names))
    drift[names.index("pelvis_tx")] = column["stride_length"][0]
    spectrum = np.fft.rfft(values - np.arange(n)[:, None] / n * drift, axis=0)
    spectrum[20:] = 0.0  # beyond the maker's harmonics there is only rounding
    spectrum *= count / n
    rate = 2j * np.pi * np.arange(len(spectrum))[:, None] / maker.PERIOD
    value, speed, acceleration = (np.fft.irfft(rate**k * spectrum, count, axis=0) for k in range(3))
    value += np.arange(count)[:, None] / count * drift
    return tuple(jnp.asarray(x) for x in (value, speed + drift / maker.PERIOD, acceleration))


def _loads(maker, planar, q):
    """Feet and the ground reaction under their parts, by the maker's rules."""
    feet = maker.foot_of(planar, "r"), maker.foot_of(planar, "l")
    press = maker.toes_pressed(planar, q)
    return feet, maker.ground_reaction(maker.mechanics(planar, feet, q), press)


def test_ground_reaction_in_the_file_is_what_its_motion_requires(planar, maker, column):
    """From the printed coordinates, by trigonometric interpolation, with the maker's rules."""
    _, loads = _loads(maker, planar, _motion(maker, planar, column, len(column["time"])))
    # Rounding to 1e-8 rad, twice differentiated (x 1e4 / s^2), times masses: some 0.01 N.
    for i, side in enumerate(("r", "l")):
        for j, (part, body) in enumerate(
            (("heel", "calcn"), ("forefoot", "midfoot"), ("toes", "toes"))
        ):
            got = np.stack(
                [column[f"{part}_{side}:{body}_{side}:force_{x}"] for x in "xyz"], axis=1
            )
            np.testing.assert_allclose(loads.force[:, i, j], got, atol=0.05)


def test_loads_of_the_parts_have_the_required_sum_center_and_moment(planar, maker, column):
    q = _motion(maker, planar, column, len(column["time"]))
    feet, loads = _loads(maker, planar, q)
    m = maker.mechanics(planar, feet, q)
    half = slice(0, len(m.force) // 2)  # the other half repeats it with the feet exchanged
    force, x = loads.force[half], loads.point[half, ..., 0]
    np.testing.assert_allclose(force.sum(axis=(1, 2))[:, :2], m.force[half], atol=1e-9)
    moment = np.sum(x * force[..., 1], axis=(1, 2))  # [N m]; on level ground none is left over
    np.testing.assert_allclose(moment, (m.force[:, 1] * m.pressure)[half], atol=1e-9)
    assert force[..., 1].min() > -1e-9


def _slope_jumps(series, step):
    """Largest change of slope across one interval of a periodic series, per column.

    From the interval before to the one after: a kink shows in full wherever in between it is.
    """
    rise = np.roll(series, -1, 0) - series
    return np.abs(np.roll(rise, -1, 0) - np.roll(rise, 1, 0)).max(0) / step


def _jumps_when_refined(maker, planar, column):
    """Largest jump of slope at 3200 instants over that at 1600: 0.5 if smooth, 1 at a kink.

    Vertical force on heel, forefoot and toes, and the MTP moment. With fewer instants the steepest
    smooth bends hide a kink.
    """
    mtp = planar.skeleton.coordinates.names.index("mtp_angle_r")
    found = []
    for count in (1600, 3200):
        q = _motion(maker, planar, column, count)
        feet, loads = _loads(maker, planar, q)
        moments = maker.net_moments(planar, q, maker.part_wrenches(planar, feet, loads))
        series = np.column_stack([loads.force[:, 0, :, 1] / WEIGHT, moments[:, mtp]])
        found.append(_slope_jumps(series, maker.PERIOD / count))
    return found[1] / found[0]


def test_no_part_of_a_foot_takes_load_with_a_kink(planar, maker, column, monkeypatch):
    assert np.all(_jumps_when_refined(maker, planar, column) < 0.6)
    # The test can tell: without the spread every part has a kink, without the coast most have.
    # (Toes that the fascia presses on the ground already have load when the center arrives.)
    with monkeypatch.context() as patch:
        patch.setattr(maker, "METATARSAL_SPREAD", 1e-6)
        patch.setattr(maker, "heel_down", lambda m, foot: np.zeros(len(m.force)))
        assert np.all(_jumps_when_refined(maker, planar, column) > 0.9)
    monkeypatch.setattr(maker, "coast", jnp.zeros_like)
    assert np.all(_jumps_when_refined(maker, planar, column)[1:] > 0.9)


def test_ramp_is_the_mean_of_a_sharp_one_under_a_parabola(maker):
    width, at = 0.03, np.linspace(-0.05, 0.05, 21)
    shift = (np.arange(20000) + 0.5) / 10000 - 1.0  # midpoints over -1..1
    parabola = 0.75 * (1.0 - shift**2)
    sharp = np.maximum(0.0, at[:, None] + width * shift)
    expected = 2.0 * np.mean(parabola * sharp, axis=1)
    # Midpoint rule with 20000 intervals: 1e-9 of the width.
    np.testing.assert_allclose(maker.ramp(at, width), expected, atol=1e-9)


def test_shares_of_the_parts_keep_the_center_all_along_the_foot(maker):
    at = np.linspace(-0.16, 0.045, 100)  # from heel to toes; metatarsals at 0
    x = np.broadcast_to([at[0], 0.0, at[-1]], (at.size, 3))
    down = np.where(at < -0.02, 1.0, 0.0)  # the heel
    for pressed in (-1.0, 0.0, 0.1, maker.MOST_PRESSED):
        share = maker.lever_rule(x, at, pressed, down)
        np.testing.assert_allclose(share.sum(axis=1), 1.0, atol=1e-14)
        np.testing.assert_allclose(np.sum(share * x, axis=1), at, atol=1e-14)
        assert share.min() > -1e-14
        loaded = (down > 0.0) & (share[:, 1] > 0.6)
        assert loaded.any() and np.all(share[loaded, 2] > 0.95 * pressed)
        np.testing.assert_allclose(share[down == 0.0], maker.lever_rule(x, at)[down == 0.0])
    assert maker.lever_rule(x, at).min() > -1e-14


def _peaks(columns):
    """Peaks as the metrics take them: of the parabola through the three top samples."""
    at = columns.argmax(axis=0)
    before, top, after = (columns[at + i, np.arange(at.size)] for i in (-1, 0, 1))
    return top - (after - before) ** 2 / (8.0 * (before - 2.0 * top + after))


def test_peaks_of_the_joint_loads_hardly_depend_on_the_sampling(gait, planar):
    """Those at 60, 100 and 200 Hz are those at 600 Hz; with a kink they were up to 5 % lower.

    The ankle's last 15 ms, less than one sample at 60 Hz.
    """
    model = ensure_actuated(planar)
    motion, _ = measured_motion(model, gait, rate_hz=600.0)
    load = np.linalg.norm(inverse(model, motion).joint_reaction_force, axis=-1)
    names = model.skeleton.joint_names
    legs = [names.index(f"{joint}_{side}") for joint in ("hip", "knee", "ankle") for side in "rl"]
    expected = _peaks(load[:, legs])
    for every, rtol in ((10, 0.02), (6, 0.01), (3, 0.01)):  # 60, 100, 200 Hz
        np.testing.assert_allclose(_peaks(load[::every, legs]), expected, rtol=rtol)


@pytest.mark.science
def test_making_it_again_gives_the_same_file(maker):
    model, _, _, unknowns, _, q, _, loads = maker.make()
    labels, table = _table(library.built_in_text("reference gait", "planar", library.BUILT_IN_GAIT))
    again_labels, again = _table(maker.write(model, unknowns, q, loads))
    assert again_labels == labels
    # The least-squares solution is found to about 1e-6 of its terms.
    force = np.array(["force" in label for label in labels])
    np.testing.assert_allclose(again[:, ~force], table[:, ~force], atol=1e-5)
    np.testing.assert_allclose(again[:, force], table[:, force], atol=0.5)
