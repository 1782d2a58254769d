import dataclasses

import pytest

from biomech.model.build import build_model
from biomech.model.names import BadInput
from small_models import leg_description


def test_one_value_per_name():
    ligaments = build_model(leg_description()).ligaments
    assert ligaments.names == ("cruciate",)
    with pytest.raises(BadInput, match="got 2 names but 1 values of `resting_length`"):
        dataclasses.replace(ligaments, names=("cruciate", "other"))
