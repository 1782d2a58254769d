"""Passive moments against their own energy, by hand, and as inverse dynamics feels them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.build import build_model, describe_model
from biomech.model.names import BadInput
from biomech.muscles.passive_moments import about_coordinates, passive_energy, passive_moment
from small_models import leg_description

VALUES = np.linspace(-0.3, 2.2, 11)


def _leg():
    return build_model(leg_description())


def _at(model, knee, speed=0.0):
    names = model.skeleton.coordinates.names
    one = jnp.asarray(np.array(names) == "knee_angle", float)
    return one * knee, one * speed


def test_moment_is_the_sum_of_spring_damper_and_stops():
    model = _leg()
    value, speed = _at(model, 0.4, 2.0)
    expected = -4.0 * 0.3 - 0.5 * 2.0 + 2.0 * np.exp(-0.5 / 0.05) - 3.0 * np.exp(-1.5 / 0.08)
    got = passive_moment(model.passive_moments, value, speed)
    np.testing.assert_allclose(got, [expected], rtol=1e-14)


@pytest.mark.parametrize("knee", VALUES)
def test_moment_without_damping_is_minus_the_slope_of_the_energy(knee):
    model = _leg()
    value, still = _at(model, knee)
    moments = model.passive_moments
    slope = jax.grad(lambda q: jnp.sum(passive_energy(moments, q)))(value)
    moment = about_coordinates(moments, passive_moment(moments, value, still), value.size)
    np.testing.assert_allclose(moment, -slope, rtol=1e-12, atol=1e-12)


def test_description_comes_back():
    description = describe_model(_leg())
    assert description["passive_moments"] == leg_description()["passive_moments"]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"stiffness": -1.0}, "at least 0"),
        ({"lower_width": 0.0}, "positive"),
        ({"coordinate": "knee_angel"}, "knee_angle"),
        ({"stifness": 1.0}, "stiffness"),
    ],
)
def test_wrong_entries_are_named(wrong, said):
    description = leg_description()
    description["passive_moments"][0] |= wrong
    with pytest.raises(BadInput, match=said):
        build_model(description)


def test_as_many_values_as_names():
    moments = _leg().passive_moments
    with pytest.raises(BadInput, match="2 names but 1 values"):
        dataclasses.replace(moments, names=("a", "b"), coordinates=(0, 0))
