"""Surrogates of a walking subject's 80 muscle paths against the exact ones.

Bars, over the walk and over the box of joint ranges it visits widened by 10 %: length 0.5 mm RMS,
moment arm 1 mm RMS, and the right sign wherever the moment arm exceeds 3 mm.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.muscles.surrogate import exact_lengths_and_arms, fit_surrogate, gate
from tables import read_table


@pytest.fixture(scope="module")
def walk(subject, walk3d):
    """Coordinates of the 116 frames; the toes, which OpenSim held, stay at zero."""
    names = list(subject.skeleton.coordinates.names)
    frames = read_table(walk3d / "oracle" / "q.csv.gz")
    return frames.reindex(columns=names, fill_value=0.0).to_numpy()


@pytest.fixture(scope="module")
def exact(subject, walk):
    return exact_lengths_and_arms(subject, walk)


@pytest.fixture(scope="module")
def fitted(subject, walk, exact):
    """`exact` comes first, so that its compilation is not counted in the time."""
    start = time.process_time()
    surrogates, report = fit_surrogate(subject, walk)
    return surrogates, report, time.process_time() - start


def test_every_muscle_passes_over_the_walk(fitted):
    _, report, _ = fitted
    assert len(report.names) == 80 and report.motion.count == 58
    assert gate(report) == {}
    assert report.motion.length_max.max() < 0.5e-3  # not only in RMS


def test_every_muscle_passes_over_the_box(fitted):
    """But for jumps: the wrap of `glmax1_r` switches in a corner of the box that is not walked in.

    There the exact length itself steps by 1 to 2 mm; nothing smooth can follow.
    """
    _, report, _ = fitted
    assert report.box.length_rms.max() <= 0.5e-3
    assert report.box.arm_rms.max() <= 1e-3
    assert report.box.wrong_sign.max() == 0.0
    failed = gate(report, "box", throw=False)
    assert list(failed) == ["glmax1_r"] and "jumps by" in failed["glmax1_r"]


def test_whole_walk_against_the_exact_paths(fitted, walk, exact):
    """The bars again, with errors computed here, over all frames."""
    surrogates, _, _ = fitted
    length, arm = jax.jit(jax.vmap(surrogates.length_and_moment_arm))(jnp.asarray(walk))
    rms = lambda miss: np.sqrt(np.mean(miss**2, axis=0))
    assert rms(length - exact[0]).max() <= 0.5e-3
    assert rms(arm - exact[1]).max() <= 1e-3
    matters = np.abs(exact[1]) > 3e-3
    assert np.all(np.asarray(arm)[matters] * exact[1][matters] > 0.0)
    np.testing.assert_array_equal(surrogates.outside(jnp.asarray(walk[0])), 0.0)


def test_muscles_depend_on_the_joints_they_cross(fitted):
    _, report, _ = fitted
    crossed = dict(zip(report.names, report.coordinates, strict=True))
    hip = ("hip_flexion_r", "hip_adduction_r", "hip_rotation_r")
    assert crossed["glmed1_r"] == hip
    assert crossed["recfem_r"] == (*hip, "knee_angle_r")  # not the patella's own angle
    assert crossed["gaslat_l"] == ("knee_angle_l", "ankle_angle_l")
    assert crossed["soleus_r"] == ("ankle_angle_r",)


def test_fit_is_quick_and_evaluation_far_cheaper(subject, walk, fitted):
    """Measured: 3 s, and 1.2 ms for 116 frames against 39 ms. Bars allow for a busy machine."""
    surrogates, _, seconds = fitted
    assert seconds < 20.0  # of two processors: 10 s on the clock
    values = jnp.asarray(walk)
    smooth = jax.jit(jax.vmap(surrogates.length_and_moment_arm))

    def least(evaluate):
        durations = []
        for _ in range(6):
            start = time.perf_counter()
            jax.block_until_ready(evaluate())
            durations.append(time.perf_counter() - start)
        return min(durations)

    cheap = least(lambda: smooth(values))
    dear = least(lambda: exact_lengths_and_arms(subject, walk)) * len(walk) / 256  # in fixed chunks
    assert cheap < 0.25 * dear
