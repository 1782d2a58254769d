import numpy as np
import pytest
from scipy.signal import butter, freqz

from biomech.formats.storage import read_storage
from biomech.model.names import BadInput
from biomech.studies.motion import lowpass, near_end, reach_of_end, smooth_and_differentiate
from tables import read_table


def _half_a_digit(printed, digits=10):
    """Rounding of numbers printed with `digits` significant digits, and of what is behind them."""
    size = np.maximum(np.abs(printed), 1e-300)
    return 0.51 * 10.0 ** (np.floor(np.log10(size)) + 1 - digits)


def test_reproduces_opensims_values_speeds_and_accelerations(walk3d):
    motion = read_storage(walk3d / "kinematics_100hz.mot")
    tables = [read_table(walk3d / "oracle" / f"{name}.csv.gz") for name in ("q", "qd", "qdd")]
    got = smooth_and_differentiate(motion.time, motion.values, tables[0]["time"].to_numpy())
    # The printed digits; below, the rounding of the spline itself: eps * 1 rad / (10 ms)^k.
    floors = (2e-15, 1e-13, 1e-10)
    for values, table, floor in zip(
        (got.value, got.speed, got.acceleration), tables, floors, strict=True
    ):
        printed = table[list(motion.labels)].to_numpy()
        assert values.shape == (116, 31)
        assert (np.abs(values - printed) <= _half_a_digit(printed) + floor).all()


def test_reproduces_opensims_filter(walk3d):
    raw = read_storage(walk3d / "coordinates.sto")
    filtered = read_storage(walk3d / "kinematics_100hz.mot")
    beta = np.array([name.endswith("_beta") for name in raw.labels])
    values = np.where(beta[None, :], np.deg2rad(raw.values), raw.values)
    got = lowpass(raw.time, values, 6.0)[::10]
    assert raw.labels == filtered.labels
    # Poles at 6/1000 of the sampling rate amplify rounding by (1000 / (6 pi))^3 = 1.5e5.
    np.testing.assert_allclose(got, filtered.values, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "rate, jitter", [(100.0, 0.0), (1000.0, 0.0), (2000.0, 0.0), (1000.0, 1e-6)]
)
def test_derivatives_of_a_sine(rate, jitter):
    rng = np.random.default_rng(0)
    time = np.arange(0.0, 1.5, 1 / rate) + jitter * rng.uniform(-1, 1, int(1.5 * rate))
    omega = 2 * np.pi * np.array([1.0, 3.0])
    frames = np.linspace(0.4, 1.1, 71)
    got = smooth_and_differentiate(time, np.sin(omega[None, :] * time[:, None]), frames)
    phase = omega[None, :] * frames[:, None]
    # Error of a quintic spline ~ (omega h)^(6 - k) at the k-th derivative; below, rounding.
    h = (omega / rate).max()
    np.testing.assert_allclose(got.value, np.sin(phase), atol=h**6 + 1e-14)
    np.testing.assert_allclose(got.speed / omega, np.cos(phase), atol=h**5 + 1e-12)
    np.testing.assert_allclose(got.acceleration / omega**2, -np.sin(phase), atol=h**4 / 20 + 1e-9)


@pytest.mark.parametrize("degree", [3, 5])
def test_a_straight_line_stays_one_and_samples_are_met(degree):
    time = np.array([0.0, 0.1, 0.25, 0.3, 0.45, 0.5, 0.7])
    line = np.stack([2.0 - 3.0 * time, time**0 * 5.0], axis=1)
    frames = np.linspace(0.0, 0.7, 29)
    got = smooth_and_differentiate(time, line, frames, spline_degree=degree)
    np.testing.assert_allclose(got.value[:, 0], 2.0 - 3.0 * frames, atol=1e-13)
    np.testing.assert_allclose(got.speed, np.tile([-3.0, 0.0], (29, 1)), atol=1e-11)
    np.testing.assert_allclose(got.acceleration, 0.0, atol=1e-9)
    rough = np.random.default_rng(1).normal(size=(7, 2))
    met = smooth_and_differentiate(time, rough, time, spline_degree=degree).value
    np.testing.assert_allclose(met, rough, atol=1e-13)


def test_speed_and_acceleration_are_derivatives_of_the_value():
    time = np.arange(0.0, 1.0, 0.01)
    values = np.cos(7 * time)[:, None] + time[:, None] ** 2
    frames, h = np.array([0.333, 0.5, 0.71]), 1e-4
    at = lambda t: smooth_and_differentiate(time, values, t)
    before, here, after = at(frames - h), at(frames), at(frames + h)
    np.testing.assert_allclose((after.value - before.value) / (2 * h), here.speed, atol=2e-6)
    np.testing.assert_allclose((after.speed - before.speed) / (2 * h), here.acceleration, atol=2e-5)


def test_filter_has_the_gain_of_two_butterworth_passes_and_no_phase():
    time = np.arange(0.0, 20.0, 0.005)
    for frequency in (1.0, 6.0, 15.0):
        wave = np.sin(2 * np.pi * frequency * time)
        got = lowpass(time, wave[:, None], 6.0)[:, 0]
        gain = abs(freqz(*butter(3, 6.0, fs=200.0), worN=[frequency], fs=200.0)[1][0]) ** 2
        middle = slice(1000, 3000)  # 5 s from the ends: their effect is below 1e-12
        np.testing.assert_allclose(got[middle], gain * wave[middle], atol=1e-9)
        if frequency == 6.0:
            assert gain == pytest.approx(0.5, abs=1e-12)


def test_filter_keeps_a_straight_line_up_to_its_ends():
    time = 3.0 + np.arange(300) / 120.0
    line = np.stack([1.0 + 2.0 * time, -0.5 * time], axis=1)
    np.testing.assert_allclose(lowpass(time, line, 6.0), line, atol=1e-9)


def test_filter_is_linear_and_the_same_forwards_and_backwards():
    time = np.arange(400) / 100.0
    a, b = np.random.default_rng(2).normal(size=(2, 400, 1))
    got = lowpass(time, 2.0 * a - b, 6.0)
    np.testing.assert_allclose(got, 2.0 * lowpass(time, a, 6.0) - lowpass(time, b, 6.0), atol=1e-10)
    # Up to the start of the passes, far in the padding, where the record plays no part.
    np.testing.assert_allclose(lowpass(time, a[::-1], 6.0)[::-1], lowpass(time, a, 6.0), atol=1e-8)


@pytest.mark.parametrize("digits", [6, 5])
def test_rounded_time_stamps_are_regular(digits):
    rate = 1000.0 if digits == 6 else 300.0
    time = np.round(np.arange(1000) / rate + 1e-7, digits)
    lowpass(time, np.ones((1000, 1)), 6.0)


def test_irregular_sampling_is_refused_for_the_filter_only():
    time = np.arange(100) / 100.0
    time[60:] += 0.01
    values = np.ones((100, 1))
    with pytest.raises(BadInput, match="not regularly sampled"):
        smooth_and_differentiate(time, values, time, lowpass_hz=6.0)
    got = smooth_and_differentiate(time, values, time)
    np.testing.assert_allclose(got.acceleration, 0.0, atol=1e-9)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"lowpass_hz": 50.0}, "between 0 and 50 Hz"),
        ({"lowpass_hz": 0.0}, "between 0 and 50 Hz"),
        ({"lowpass_hz": float("nan")}, "between 0 and 50 Hz"),
        ({"lowpass_hz": 6.0, "pad": 100}, "cannot be padded by 100"),
        ({"lowpass_hz": 6.0, "order": 9}, "must be 1 to 5"),
        ({"spline_degree": 4}, "must be 3 or 5"),
    ],
)
def test_bad_options(options, said):
    time = np.arange(100) / 100.0
    with pytest.raises(BadInput, match=said):
        smooth_and_differentiate(time, np.ones((100, 1)), time, **options)


def _error_of_a_piece(time, values, start, end, frames, **options):
    """Share of the largest acceleration by which a piece of a record misses the whole."""
    inside = (time >= start - 1e-9) & (time <= end + 1e-9)
    whole = smooth_and_differentiate(time, values, frames, **options).acceleration
    piece = smooth_and_differentiate(time[inside], values[inside], frames, **options).acceleration
    largest = smooth_and_differentiate(time, values, time[200:-200:10], **options).acceleration
    near = near_end(time[inside], frames, options.get("lowpass_hz"))
    return np.max(np.abs(piece - whole) / np.abs(largest).max(axis=0), axis=1), near


@pytest.mark.parametrize("lowpass_hz", [6.0, 10.0, 15.0])
@pytest.mark.parametrize("start", [0.65, 0.7, 0.85, 0.9])
def test_ends_of_a_measured_walk_are_felt_no_farther_than_said(walk3d, lowpass_hz, start):
    """A stance of a second and more was recorded at 1 kHz; a piece of 0.6 s forgets the rest."""
    raw = read_storage(walk3d / "coordinates.sto")
    beta = np.array([name.endswith("_beta") for name in raw.labels])
    moves = (np.ptp(raw.values, axis=0) > 1e-6) & ~beta
    frames = start + np.arange(61) / 100.0
    error, near = _error_of_a_piece(
        raw.time, raw.values[:, moves], start, start + 0.6, frames, lowpass_hz=lowpass_hz
    )
    assert near.sum() == 2 * np.ceil(100.0 * reach_of_end(raw.time, lowpass_hz) - 1e-6)
    assert error[~near].max() < 0.05
    assert error[near].max() > 0.4


def test_without_a_filter_two_samples_are_wrong():
    time = np.arange(1000) / 100.0
    omega = 2.0 * np.pi * np.array([1.0, 3.0])
    values = np.sin(omega[None, :] * time[:, None] + 0.7)
    error, near = _error_of_a_piece(time, values, 4.0, 5.0, time[400:501])
    assert near.tolist() == [True] * 2 + [False] * 97 + [True] * 2
    assert error[~near].max() < 0.01 and error[near].min() > 0.01


def test_bad_records():
    time, values = np.arange(100) / 100.0, np.ones((100, 2))
    with pytest.raises(BadInput, match=r"Frame 0\.995 s is outside"):
        smooth_and_differentiate(time, values, np.array([0.5, 0.995]))
    with pytest.raises(BadInput, match="needs 6"):
        smooth_and_differentiate(time[:5], values[:5], time[:5])
    with pytest.raises(BadInput, match="do not increase"):
        smooth_and_differentiate(time[::-1], values, time)
    gap = np.where(time[:, None] * np.array([[1.0, 0.0]]) > 0.5, np.nan, values)
    with pytest.raises(BadInput, match=r"column 1 is nan at 0\.51 s"):
        smooth_and_differentiate(time, gap, time)
