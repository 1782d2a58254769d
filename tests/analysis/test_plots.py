import numpy as np
import pytest
from matplotlib.figure import Figure

from biomech.analysis.plots import KINDS, plot, plot_activations, save_figure
from biomech.formats.storage import Storage
from biomech.model.names import BadInput, UnknownName

SINGLE = ["joint_loads", "angles", "moments", "activations"]


def _described(figure):
    """Every panel has a title and curves; the axes are named; nothing is left empty."""
    assert isinstance(figure, Figure) and figure.axes
    for ax in figure.axes:
        assert ax.get_title(loc="left") or ax.get_title()
        assert ax.lines
    assert any("[" in ax.get_ylabel() for ax in figure.axes)
    assert "[" in figure.get_supxlabel()
    assert figure.legends


@pytest.mark.parametrize("kind", SINGLE)
def test_figures_are_labelled(walk, kind):
    _described(plot(walk, kind))


@pytest.mark.parametrize("kind", SINGLE)
def test_figures_without_gait_events(walk, kind):
    bare = walk.drop_vars(["gait_pct", "toe_off_pct", "stance", "stride_time"])
    figure = plot(bare, kind)
    _described(figure)
    assert figure.get_supxlabel() == "time [s]"


def test_sweep_draws_one_line_per_value_and_marks_weak_instants(walk_sweep):
    figure = plot(walk_sweep, "sweep_joint_loads")
    _described(figure)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:3] == ["1", "0.75", "0.5"] and "too weak" in labels[3]
    markers = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    # Every second of the 20 instants, so that circles do not hide the curve.
    assert len(markers) == 1 and np.isfinite(markers[0].get_ydata()).sum() == 10


def test_the_other_leg_keeps_its_line(walk_sweep):
    """Only the right leg is too weak."""
    marked = lambda ax: [x.get_markeredgecolor() for x in ax.lines if x.get_marker() == "o"]
    left = plot(walk_sweep, "sweep_joint_loads", side="l")
    assert marked(left.axes[0]) == []
    assert [text.get_text() for text in left.legends[0].get_texts()] == ["1", "0.75", "0.5"]
    both = plot(walk_sweep.isel({"gluteal.scale": 2}), "joint_loads")
    assert marked(both.axes[0]) == [both.axes[0].lines[0].get_color()]
    assert "too weak" in both.legends[0].get_texts()[-1].get_text()


def test_no_line_across_the_seam(walk):
    """The window begins at 20 % of the right cycle, so its curve wraps once."""
    right = plot(walk, "joint_loads").axes[0].lines[0]
    x, y = (np.asarray(data, float) for data in right.get_data())
    assert np.isnan(y).sum() == 1
    steps = np.diff(x)
    assert np.nanmin(steps) > 0.0 and np.nanmax(steps) < 2.0


def test_activations_with_recorded_envelopes(walk):
    time = walk["time"].values
    emg = Storage("emg", time, ("soleus",), np.abs(np.sin(9 * time))[:, None], False)
    figure = plot_activations(walk, emg, side="l")
    _described(figure)
    assert "left" in figure.get_supxlabel()
    assert any("EMG" in text.get_text() for text in figure.legends[0].get_texts())


def test_saved_as_png_and_pdf(walk, tmp_path):
    png, pdf = save_figure(plot(walk), tmp_path / "loads.png")
    assert png.read_bytes().startswith(b"\x89PNG") and pdf.read_bytes().startswith(b"%PDF")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loads.pdf", "loads.png"]


def test_mistakes_are_explained(walk, walk_sweep):
    with pytest.raises(UnknownName, match="joint_loads"):
        plot(walk, "joint_load")
    with pytest.raises(BadInput, match="Select one case"):
        plot(walk_sweep, "joint_loads")
    with pytest.raises(BadInput, match="Name the swept parameter"):
        plot(walk, "sweep_joint_loads")
    assert set(KINDS) == {*SINGLE, "sweep_joint_loads"}
