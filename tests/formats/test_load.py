"""What `load_model` says about a name that is no model. What it reads is tested with the readers.

The shape checks of the tests refuse wrong types themselves, so those go to the bare functions.
"""

import inspect

import pytest

from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.formats.trial import load_trial
from biomech.model.names import BadInput


@pytest.mark.parametrize(
    "name, said",
    [
        ("planer", "No model 'planer'. Did you mean 'planar'? Or pass the path of an .osim"),
        ("body", "No model 'body'. Built in: planar, lower_limb. Or pass the path"),
        ("old", "'old' is a folder; name a file."),
        ("walk.mot", "'walk.mot' is no model: pass an .osim or .yaml file."),
        ("lag.yaml", "There is no file 'lag.yaml'. Did you mean 'leg.yaml'?"),
        ("lag.osim", "There is no file 'lag.osim'."),
        ("new/leg.osim", "its folder does not exist"),
    ],
)
def test_a_name_that_is_no_model(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    for file in ("walk.mot", "leg.yaml"):
        (tmp_path / file).write_text("x")
    with pytest.raises(BadInput) as error:
        load_model(name)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "load, arguments, said",
    [
        (load_model, {"name_or_path": 3}, "`name_or_path` must be the name of a file, not int"),
        (load_trial, {"coordinates": 3}, "`coordinates` must be the name of a file, not int"),
        (load_trial, {"coordinates": "a.mot", "model": "planar"}, "`model` must be a model"),
        (reference_gait, {"name": 3}, "`name` must be that of a built-in gait"),
    ],
)
def test_an_argument_of_the_wrong_type_is_named(load, arguments, said):
    with pytest.raises(TypeError, match=said):
        inspect.unwrap(load)(**arguments)
