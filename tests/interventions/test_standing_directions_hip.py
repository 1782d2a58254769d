"""Published directions of hip and knee treatments, in stance on the right leg of the whole body.

One programme serves all without pain: the unchanged body is solved, and every case near that.
"""

import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import (
    hip_osteoarthritis,
    hip_replacement,
    injection,
    labral_tear,
    osteotomy,
    sciatic_compression,
    strengthening,
)
from biomech.studies.stand import STATUS, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics

NAMES = (
    *("hip_force_r", "knee_force_r", "medial_knee_force_r", "lateral_knee_force_r"),
    *("pelvic_obliquity", "effort"),
)


def stance_on_the_right(painful=()):
    """Metrics of stance on the right leg after changes of the right side, one after the other."""
    model = load_built_in("lower_limb")
    how = standing(model, "right_leg", painful=painful)
    unchanged = stand(model, how)

    def of(*changes):
        changed = model
        for change, numbers in changes:
            changed = change(changed, side="r", **numbers)
        record = stand(changed, how, unchanged) if changes else unchanged
        assert STATUS[int(record.status)] == "successful" and record.residual <= 1e-8
        values = map(float, evaluate_standing_metrics(changed, record, NAMES).value)
        found = dict(zip(NAMES, values, strict=True))
        if painful:
            found["front"] = float(record.painful_load[0, 0])  # of the head into the socket [BW]
        return found

    return of


@pytest.fixture(scope="module")
def stands():
    return stance_on_the_right()


@pytest.fixture(scope="module")
def hurting():
    """The same where the right hip may hurt, which is another programme."""
    return stance_on_the_right(painful=("hip_r",))


def test_a_valgus_osteotomy_unloads_the_medial_side_of_the_knee(stands):
    """As its aim is (Liu et al. 2019, doi:10.1155/2019/8363128), the more the further."""
    varus, none, small, large = (stands((osteotomy, {"angle_deg": x})) for x in (-5, 0, 5, 10))
    medial, lateral = (
        [at[f"{part}_knee_force_r"] for at in (varus, none, small, large)]
        for part in ("medial", "lateral")
    )
    assert np.all(np.diff(medial) < -0.2) and np.all(np.diff(lateral) > 0.2)
    whole = [at["knee_force_r"] for at in (varus, none, small, large)]
    assert np.ptp(whole) < 0.2 * np.ptp(medial)  # it is shared otherwise


@pytest.mark.parametrize("shift", ["medial_mm", "offset_mm"])
def test_a_longer_arm_of_the_abductors_unloads_the_hip(stands, shift):
    """Medial center: Johnston et al. (1979); offset: Ruediger et al. (2017), 6 % for a fifth of it,
    which is about 8 mm."""
    less, none, more = (stands((hip_replacement, {shift: x})) for x in (-8.0, 0.0, 8.0))
    assert less["hip_force_r"] > none["hip_force_r"] > more["hip_force_r"]
    assert less["effort"] > none["effort"] > more["effort"]
    assert more["hip_force_r"] > 0.85 * none["hip_force_r"]


def test_a_lower_center_leaves_the_abductors_less_to_do(stands):
    """Capacity of the abductors as in Delp & Maloney (1993). The hip carries more all the same: its
    muscles are passively taut, longer by as much. With lengths fitted to the new center by
    `fit_lengths` the rise at 10 mm shrinks from 8 to 1 %."""
    none, low = stands(), stands((hip_replacement, {"distal_mm": 8.0}))
    assert low["effort"] < none["effort"]


@pytest.mark.science  # `test_hip_joint` asks this and the next of the planar body
def test_a_painful_hip_carries_less(hurting):
    none, sick = hurting(), hurting((hip_osteoarthritis, {"pain": 0.2}))
    assert sick["hip_force_r"] < 0.95 * none["hip_force_r"]
    treated = hurting((hip_osteoarthritis, {"pain": 0.2}), (injection, {"relief": 1.0}))
    assert treated == pytest.approx(none, rel=1e-6)


@pytest.mark.science
def test_a_torn_labrum_is_pushed_on_less(hurting):
    none, torn = hurting(), hurting((labral_tear, {"pain": 5.0}))
    assert torn["front"] < 0.5 * none["front"]


@pytest.mark.parametrize("group", ["quadriceps", "hip_abductors"])
def test_stronger_muscles_leave_the_load_of_the_knee_nearly_as_it_is(stands, group):
    """No effect: Yokoyama et al. (2022), medRxiv 2022.05.14.22275072."""
    none, strong = stands(), stands((strengthening, {"gain": 0.3, "group": group}))
    for name in ("knee_force_r", "medial_knee_force_r"):
        np.testing.assert_allclose(strong[name], none[name], rtol=0.03)


def test_half_of_the_superior_gluteal_nerve_lets_the_pelvis_drop_less_than_two_degrees(stands):
    """No drop after a block that took half (52 %) of the strength: Kendall et al. (2013)."""
    block = {"preset": "superior_gluteal", "severity": 0.5}
    change = stands((sciatic_compression, block))["pelvic_obliquity"] - stands()["pelvic_obliquity"]
    assert abs(change) < 2.0
