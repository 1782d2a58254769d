"""High tibial osteotomy: what turns, what stays, and what stays as long as it was."""

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics import default_values, pose
from biomech.formats.load import load_built_in
from biomech.interventions import osteotomy
from biomech.model.names import BadInput

ANGLE = 8.0
ABOVE = ("bflh_r", "bfsh_r", "semimem_r", "tfl_r")  # insert on what stays
CUT = 0.14


@pytest.fixture(scope="module")
def model():
    return load_built_in("lower_limb")


@pytest.fixture(scope="module")
def turned(model):
    return osteotomy(model, side="r", angle_deg=ANGLE)


def straight(model):
    return pose(model.skeleton, default_values(model.skeleton))


def cut_of(model):
    """Center of the cut in the tibia."""
    skeleton = model.skeleton
    knee = np.asarray(skeleton.child_frame_position[skeleton.body_names.index("tibia_r")])
    ankle = np.asarray(skeleton.parent_frame_position[skeleton.body_names.index("talus_r")])
    return knee + CUT * (ankle - knee)


def own_points(model):
    """Fixed points of muscles in the right tibia."""
    tibia = model.skeleton.body_names.index("tibia_r")
    paths = model.muscles.paths
    return [
        (i, j)
        for i, bodies in enumerate(paths.point_bodies)
        for j, body in enumerate(bodies)
        if body == tibia and (i, j) not in paths.moving
    ]


def test_valgus_takes_the_foot_outwards_by_the_angle(model, turned):
    foot = model.skeleton.body_names.index("talus_r")
    before, after = (np.asarray(straight(m).position[foot]) for m in (model, turned))
    below = np.linalg.norm(
        (np.asarray(model.skeleton.parent_frame_position[foot]) - cut_of(model))[1:]
    )
    assert after[2] > before[2] + 0.04  # z is to the right
    chord = 2.0 * below * np.sin(0.5 * np.deg2rad(ANGLE))
    np.testing.assert_allclose(np.linalg.norm(after - before), chord, rtol=1e-12)
    left = model.skeleton.body_names.index("talus_l")
    other = osteotomy(model, side="l", angle_deg=ANGLE)
    assert straight(other).position[left, 2] < straight(model).position[left, 2] - 0.04


def test_the_foot_turns_with_the_shin(model, turned):
    foot = model.skeleton.body_names.index("calcn_r")
    tibia = model.skeleton.body_names.index("tibia_r")
    seen = lambda m, body: np.asarray(straight(m).rotation[body])
    turn = seen(turned, foot) @ seen(model, foot).T
    np.testing.assert_allclose(np.trace(turn), 1.0 + 2.0 * np.cos(np.deg2rad(ANGLE)), rtol=1e-12)
    axis = seen(model, tibia)[:, 0]
    np.testing.assert_allclose(turn @ axis, axis, atol=1e-12)


def test_points_below_the_cut_turn_and_those_above_stay(model, turned):
    cut = cut_of(model)
    old, new = (np.asarray(m.muscles.paths.location) for m in (model, turned))
    stays = set()
    for i, j in own_points(model):
        if old[i, j, 1] < cut[1]:
            arms = [np.linalg.norm((place[i, j] - cut)[1:]) for place in (old, new)]
            np.testing.assert_allclose(*arms, rtol=1e-12)
            assert np.linalg.norm(new[i, j] - old[i, j]) > 1e-4
        else:
            np.testing.assert_array_equal(new[i, j], old[i, j])
            stays.add((i, j))
    names = model.muscles.names
    last = {name: max(j for i, j in own_points(model) if names[i] == name) for name in ABOVE}
    assert all((names.index(name), j) in stays for name, j in last.items())
    others = np.ones(old.shape[:2], bool)
    others[tuple(np.array(own_points(model)).T)] = False
    np.testing.assert_array_equal(new[others], old[others])


def test_the_tuberosity_goes_with_the_shin(model, turned):
    for name in ("recfem_r", "vaslat_r"):
        i = model.muscles.names.index(name)
        last = len(model.muscles.paths.point_bodies[i]) - 1
        old, new = (np.asarray(m.muscles.paths.location[i, last]) for m in (model, turned))
        assert new[2] != old[2]


def test_distances_within_the_shin_stay(model, turned):
    """Between all that lies below the cut, the ankle's center and the mass center included."""
    cut, tibia = cut_of(model), model.skeleton.body_names.index("tibia_r")
    rows = [p for p in own_points(model) if model.muscles.paths.location[p][1] < cut[1]]

    def places(m):
        points = [m.muscles.paths.location[p] for p in rows]
        ankle = m.skeleton.parent_frame_position[m.skeleton.body_names.index("talus_r")]
        return np.asarray(jnp.stack([*points, ankle, m.skeleton.mass_center[tibia]]))

    apart = lambda x: np.linalg.norm(x[:, None] - x[None], axis=-1)
    np.testing.assert_allclose(apart(places(turned)), apart(places(model)), atol=1e-14)


def test_inertia_keeps_its_principal_values(model, turned):
    tibia = model.skeleton.body_names.index("tibia_r")

    def whole(m):
        xx, yy, zz, xy, xz, yz = np.asarray(m.skeleton.inertia[tibia])
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])

    np.testing.assert_allclose(
        np.linalg.eigvalsh(whole(turned)), np.linalg.eigvalsh(whole(model)), rtol=1e-12
    )
    c, s = np.cos(np.deg2rad(-ANGLE)), np.sin(np.deg2rad(-ANGLE))
    turn = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    np.testing.assert_allclose(whole(turned), turn @ whole(model) @ turn.T, atol=1e-17)


def test_back_and_forth_is_where_it_was_but_for_the_place_of_the_cut(model, turned):
    """The cut is on the line from knee to ankle, which the first operation has turned."""
    back = osteotomy(turned, side="r", angle_deg=-ANGLE)
    np.testing.assert_allclose(
        back.skeleton.parent_frame_orientation, model.skeleton.parent_frame_orientation, atol=1e-15
    )
    np.testing.assert_allclose(back.muscles.paths.location, model.muscles.paths.location, atol=1e-3)
    np.testing.assert_allclose(back.skeleton.inertia, model.skeleton.inertia, atol=1e-16)


def test_both_kinds_of_knee_are_cut_alike(model, turned):
    compliant = osteotomy(load_built_in("lower_limb", knee="compliant"), side="r", angle_deg=ANGLE)
    np.testing.assert_allclose(
        compliant.muscles.paths.location, turned.muscles.paths.location, atol=1e-15
    )


def test_a_body_in_a_plane_is_refused():
    with pytest.raises(BadInput, match=r"move in one plane.*lower_limb"):
        osteotomy(load_built_in("planar"), side="r", angle_deg=1.0)
