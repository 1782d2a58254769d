"""`bm.design`: cases without a model, and arguments that do not fit."""

import json

import numpy as np
import pytest

import biomech as bm
from biomech.model.names import BadInput

ONE = {"arm": {"uniform": [0.0, 2.0]}}


def test_cases_carry_units_and_how_they_were_chosen():
    # What NumPy makes of numbers is taken for what it is.
    sweep = {"arm": {"uniform": (0, np.int64(2))}, "mass": {"normal": np.array([70.0, 10.0])}}
    cases = bm.design(
        sweep, kind="lhs", samples=20, limits={"mass": (40.0, 90.0)}, units={"mass": "kg"}
    )
    assert dict(cases.sizes) == {"case": 20}
    assert cases["mass"].attrs == {"units": "kg", "long_name": "mass"}
    assert cases["arm"].attrs["units"] == "1"
    assert cases["mass"].min() >= 40.0 and cases["mass"].max() <= 90.0
    assert json.loads(cases.attrs["design"]) == {
        "kind": "lhs",
        "parameters": ["arm", "mass"],
        "samples": 20,
        "seed": 0,
        "distributions": {
            "arm": {"uniform": [0.0, 2.0]},
            "mass": {"normal": [70.0, 10.0], "limits": [40.0, 90.0]},
        },
    }


def test_a_grid_is_a_list_of_cases_too():
    cases = bm.design({"a": {"values": [1, 2]}, "b": {"linspace": [0, 1, 3]}}, kind="grid")
    np.testing.assert_array_equal(cases["a"], [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(cases["b"], [0, 0.5, 1, 0, 0.5, 1])


def test_the_seed_decides():
    draw = lambda seed: bm.design(ONE, kind="random", samples=8, seed=seed)["arm"].values
    np.testing.assert_array_equal(draw(4), draw(4))
    assert not np.array_equal(draw(4), draw(5))


@pytest.mark.parametrize(
    "sweep, arguments, said",
    [
        (ONE, {"kind": "lhs"}, "`design.samples` is missing"),
        (ONE, {"kind": "lsh", "samples": 3}, "`design.kind`: no 'lsh'. Did you mean 'lhs'?"),
        (ONE, {"kind": "grid"}, "`sweep.arm` is `uniform`, and a grid needs `values`"),
        (ONE, {"kind": "morris", "samples": 3}, "takes no `samples`, which is for random, lhs"),
        (ONE, {"kind": "cohort"}, "`design.path` is missing"),
        ({}, {"kind": "grid"}, "`sweep` names no parameter"),
        ({"case": ONE["arm"]}, {"kind": "lhs", "samples": 3}, "the name 'case' is taken"),
        (
            ONE,
            {"kind": "lhs", "samples": 3, "limits": {"arm": (0.0, 1.0)}},
            "`uniform` has 2; it mu",
        ),
        (ONE, {"kind": "lhs", "samples": 3, "limits": {"arm": (1.0, 0.0)}}, "lower must be below"),
        (
            ONE,
            {"kind": "lhs", "samples": 3, "limits": {"leg": (0.0, 1.0)}},
            "nothing swept is called",
        ),
        (ONE, {"kind": "lhs", "samples": 3, "units": {"amr": "m"}}, "Did you mean 'arm'?"),
        (ONE, {"kind": "lhs", "samples": 3, "seed": -1}, "`seed` is -1"),
        (
            {"arm": {"values": [1, 5]}},
            {"kind": "grid", "limits": {"arm": (0.0, 2.0)}},
            "has `5`, beyond its limits",
        ),
    ],
)
def test_mistake_is_named(sweep, arguments, said):
    with pytest.raises(BadInput) as error:
        bm.design(sweep, **arguments)
    assert said in str(error.value)
    assert str(error.value).startswith("bm.design: ")
