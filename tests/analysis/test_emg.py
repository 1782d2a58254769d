import numpy as np
import pytest

from biomech.analysis.emg import (
    MUSCLES_OF_ELECTRODE,
    ON_OFF,
    check_emg,
    compare_emg,
    electrode_muscles,
    envelope,
    inside_band,
    muscles_named,
    on_off_agreement,
    predicted_envelope,
)
from biomech.formats.storage import Storage
from biomech.model.names import BadInput

RAJAGOPAL = ("glmed1_r", "glmed2_r", "glmed1_l", "semimem_r", "semiten_r", "gasmed_r", "gaslat_r")
GAIT2392 = ("glut_med1_r", "semimem_r", "med_gas_r", "lat_gas_r", "vas_int_r")


def _emg(time, **columns):
    table = np.stack(list(columns.values()), axis=1)
    return Storage("emg", time, tuple(columns), table, False)


@pytest.mark.parametrize(
    "electrode, names, found",
    [
        ("gluteus_medius", RAJAGOPAL, ("glmed1_r", "glmed2_r")),
        ("medial_hamstrings", RAJAGOPAL, ("semimem_r", "semiten_r")),
        ("gastrocnemius", GAIT2392, ("med_gas_r", "lat_gas_r")),
        ("gluteus_medius", GAIT2392, ("glut_med1_r",)),
        ("soleus", RAJAGOPAL, ()),
    ],
)
def test_muscles_under_an_electrode(electrode, names, found):
    assert electrode_muscles(electrode, names, "r") == found


def test_bands_over_heel_strike():
    percent = np.array([0.0, 14.0, 15.0, 50.0, 95.0, 97.0])
    inside = inside_band(percent, ON_OFF["gluteus maximus"])
    assert inside.tolist() == [True, True, False, False, False, True]
    two = inside_band(np.array([5.0, 30.0, 60.0, 95.0]), ON_OFF["rectus femoris"])
    assert two.tolist() == [True, False, True, True]


def test_bands_are_percentages_and_groups_are_disjoint_enough():
    edges = [edge for band in ON_OFF.values() for pair in band.on_off for edge in pair]
    assert min(edges) >= 0.0 and max(edges) <= 100.0
    assert muscles_named(ON_OFF["gastrocnemius"].muscles, RAJAGOPAL, "r") == RAJAGOPAL[-2:]


def test_same_activity_correlates_fully(walk):
    predicted = predicted_envelope(walk, "soleus", "r")
    emg = _emg(walk["time"].values, soleus=3.0 * predicted, gluteus_medius=-predicted)
    table = compare_emg(walk, emg).set_index("electrode")
    assert table.loc["soleus", "correlation"] == pytest.approx(1.0)
    assert table.loc["soleus", "rms_difference"] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(envelope(emg, "soleus", np.array([-1.0]))).all()


def test_emg_that_shows_nothing_is_refused(walk):
    time, names = walk["time"].values, ("soleus_r", "glmed1_r")
    ones = np.ones_like(time)
    assert check_emg(_emg(time, soleus=ones), names, "r", time) == ()
    odd = check_emg(_emg(time, soleus=ones, hand=ones), names, "r", time)
    assert odd == ("'emg': no muscle of this model under hand; left out.",)
    half = time.size // 2
    (short,) = check_emg(_emg(time[:half], soleus=ones[:half]), names, "r", time)
    assert "not the whole window" in short
    with pytest.raises(BadInput, match=r"no channel is over a muscle.*has hand, arm.*`emg_side`"):
        check_emg(_emg(time, hand=ones, arm=ones), names, "r", time)
    with pytest.raises(BadInput, match="on side 'l'"):
        check_emg(_emg(time, soleus=ones), names, "l", time)
    with pytest.raises(BadInput, match="same trial and clock"):
        compare_emg(walk, _emg(time + 100.0, soleus=ones))


def test_share_inside_band(walk):
    table = on_off_agreement(walk).set_index("group")
    assert set(table.index) == {"gluteus medius", "vasti", "soleus"}
    percent = walk["gait_pct"].sel(side="r").values
    exact = inside_band(percent, ON_OFF["soleus"]).astype(float)
    activation = walk["activation"].copy(data=np.tile(exact[:, None], (1, walk.sizes["muscle"])))
    perfect = on_off_agreement(walk.assign(activation=activation)).set_index("group")
    assert perfect.loc["soleus", "share_inside"] == pytest.approx(1.0)
    assert perfect.loc["soleus", "band_share"] == pytest.approx(0.44, abs=0.02)


def test_a_sweep_must_be_selected_first(walk_sweep):
    with pytest.raises(BadInput, match=r"gluteal\.scale"):
        on_off_agreement(walk_sweep)


def test_measured_electrodes_are_known(walk3d):
    from biomech.formats.storage import read_storage

    assert set(read_storage(walk3d / "electromyography.sto").labels) == set(MUSCLES_OF_ELECTRODE)
