"""A picture of the body shows what kinematics and results say, where they say it."""

import json

import jax
import jax.numpy as jnp
import matplotlib.colors
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

import biomech as bm
from biomech.analysis.body_picture import VIEWS, plot_body
from biomech.analysis.bones import bones
from biomech.dynamics.inverse_dynamics import center_of_mass
from biomech.dynamics.kinematics import pose
from biomech.formats.load import load_model
from biomech.model.names import BadInput, UnknownName
from biomech.muscles.paths import path_geometry
from bodies import double_pendulum
from elbow import forearm

WEIGHT = 75.0 * 9.80665
# Axes of ground that a view shows to the right and up, with sign.
SCREEN = {"right": (1, 2), "left": (-1, 2), "front": (-3, 2), "back": (3, 2), "above": (3, 1)}


place = jax.jit(pose)


@jax.jit
def points_of(paths, now, value):
    return path_geometry(paths, now, value).points


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.fixture(scope="module")
def walking(planar):
    """A pose with the right leg in front, in the order of the coordinates."""
    names = planar.skeleton.coordinates.names
    value = np.array(planar.skeleton.coordinates.default_value)
    for name, degrees in {
        **{"hip_flexion_r": 30.0, "knee_angle_r": 15.0, "ankle_angle_r": 5.0},
        **{"hip_flexion_l": -15.0, "knee_angle_l": 40.0, "mtp_angle_l": 20.0},
    }.items():
        value[names.index(name)] = np.deg2rad(degrees)
    return value


@pytest.fixture(scope="module")
def result(planar, walking):
    """Two instants, the second in `walking`, as a study would label them."""
    names = planar.skeleton.coordinates.names
    muscle, ligament = planar.muscles.names, planar.ligaments.names
    over_time = lambda values: np.stack([0.0 * np.asarray(values), np.asarray(values, float)])
    reaction = np.array([[100.0, WEIGHT, 0.0], [0.0, 0.0, 0.0]])
    joint_force = np.tile([0.0, -2.0 * WEIGHT, 0.0], (len(planar.skeleton.joint_names), 1))
    return xr.Dataset(
        {
            "coordinate_value": (("time", "coordinate"), over_time(walking)),
            "muscle_force": (("time", "muscle"), over_time(np.arange(len(muscle)) * 50.0)),
            "activation": (("time", "muscle"), over_time(np.linspace(0.0, 1.0, len(muscle)))),
            "ligament_force": (("time", "ligament"), over_time(np.arange(len(ligament)) * 10.0)),
            "ground_reaction_force": (("time", "side", "axis"), over_time(reaction)),
            "center_of_pressure": (
                ("time", "side", "axis"),
                over_time([[0.2, 0.0, 0.08], [np.nan, np.nan, np.nan]]),
            ),
            "joint_reaction_force": (("time", "joint", "axis"), over_time(joint_force)),
            "status": (("time",), [0, 1], {"flag_meanings": "successful strength_limited"}),
        },
        {
            "time": [0.0, 0.5],
            "coordinate": list(names),
            "muscle": list(muscle),
            "ligament": list(ligament),
            "joint": list(planar.skeleton.joint_names),
            "side": ["r", "l"],
            "axis": ["x", "y", "z"],
        },
    )


@pytest.fixture(scope="module")
def still(result):
    """A dataset without time, and with the forces under each region."""
    one = result.isel(time=1).drop_vars(["time", "status"])
    regions = load_model("planar").contacts.names
    force = np.zeros((len(regions), 3))
    force[:, 1] = np.arange(len(regions)) * 10.0
    return one.assign(regional_plantar_force=(("contact_region", "axis"), force)).assign_coords(
        contact_region=list(regions)
    )


def seen(view, points):
    """Points of ground in the plane of a view, from the table above."""
    (right, up) = SCREEN[view]
    points = np.asarray(points)
    return np.stack([np.sign(i) * points[..., abs(i) - 1] for i in (right, up)], axis=-1)


def lines(figure):
    """Name -> line, of what has one."""
    return {line.get_gid(): line for line in figure.axes[0].lines if line.get_gid()}


def xy(line):
    return np.column_stack(line.get_data())


def artists(figure, kind):
    found = figure.axes[0].findobj(kind)
    return {artist.get_gid(): artist for artist in found if artist.get_gid()}


def words(figure):
    ax = figure.axes[0]
    return [text.get_text() for text in ax.texts]


def legend(figure):
    from matplotlib.legend import Legend

    found = figure.axes[0].findobj(Legend)
    return [text.get_text() for part in found for text in part.get_texts()]


# --------------------------------------------------------------------------- what is where


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_muscles_and_ligaments_run_through_their_points(planar, walking, view):
    """No muscle of `planar` wraps, so that its points are all of its line."""
    drawn = lines(plot_body(planar, walking, view=view))
    now = place(planar.skeleton, jnp.asarray(walking))
    near = {"right": "_r", "left": "_l"}.get(view, ("_r", "_l"))
    for kind, paths in (("muscle", planar.muscles.paths), ("ligament", planar.ligaments.paths)):
        table = np.asarray(points_of(paths, now, jnp.asarray(walking)))
        for name, points in zip(paths.names, table, strict=True):
            points = points[np.isfinite(points[:, 0])]
            if name.endswith(near):
                np.testing.assert_allclose(
                    xy(drawn[f"{kind}:{name}"]), seen(view, points), atol=1e-12
                )
            else:
                assert f"{kind}:{name}" not in drawn


def test_contact_regions_are_circles_of_their_size(planar, walking):
    circles = artists(plot_body(planar, walking), Circle)
    now = place(planar.skeleton, jnp.asarray(walking))
    for i, name in enumerate(planar.contacts.names):
        if name.endswith("_r"):
            body = planar.contacts.bodies[i]
            center = now.position[body] + now.rotation[body] @ planar.contacts.location[i]
            circle = circles[f"region:{name}"]
            np.testing.assert_allclose(circle.center, seen("right", center), atol=1e-12)
            assert circle.radius == pytest.approx(float(planar.contacts.radius[i]))
        else:
            assert f"region:{name}" not in circles


def test_center_of_mass_and_its_vertical(planar, walking):
    figure = plot_body(planar, walking)
    center = center_of_mass(planar.skeleton, place(planar.skeleton, jnp.asarray(walking)))
    x, y = seen("right", center)
    np.testing.assert_allclose(artists(figure, Circle)["center of mass"].center, (x, y))
    np.testing.assert_allclose(xy(lines(figure)["vertical"]), [[x, y], [x, 0.0]], atol=1e-12)


def test_bones_reach_from_joint_to_joint(planar, walking):
    """Each outline holds the joint centers at both ends of the bone."""
    figure = plot_body(planar, walking)
    now = place(planar.skeleton, jnp.asarray(walking))
    center = dict(zip(planar.skeleton.joint_names, np.asarray(now.joint_center), strict=True))
    ends = {"femur": ("hip_r", "knee_r"), "tibia": ("knee_r", "ankle_r"), "talus": ("ankle_r",)}
    for bone, joints in ends.items():
        outlines = artists(figure, PolyCollection)[f"bone:{bone}:r"].get_paths()
        points = np.concatenate([path.vertices for path in outlines])
        for joint in joints:
            gap = np.linalg.norm(points - seen("right", center[joint]), axis=1).min()
            assert gap < 0.05, (bone, joint)  # no joint is deeper inside a bone than its radius
    assert "ghost:femur:l" in artists(figure, PolyCollection)


def test_bones_move_with_their_body(planar, walking):
    """Whatever the pose, a bone keeps its shape: distances between its balls do not change."""
    rest = np.asarray(planar.skeleton.coordinates.default_value)
    shapes = []
    for value in (rest, walking):
        found = bones(planar.skeleton, place(planar.skeleton, jnp.asarray(value)))
        balls = [np.concatenate([hull.center for hull in bone.hulls]) for bone in found]
        shapes.append([np.linalg.norm(b[:, None] - b[None], axis=-1) for b in balls])
    for before, after in zip(*shapes, strict=True):
        np.testing.assert_allclose(before, after, atol=1e-12)


def test_standing_touches_the_ground_with_its_lowest_region(planar):
    for pose_asked in (None, {"ankle_angle_r": 0.3, "ankle_angle_l": 0.3}):
        circles = artists(plot_body(planar, pose_asked), Circle)
        regions = [c for gid, c in circles.items() if gid.startswith("region:")]
        lowest = min(circle.center[1] - circle.radius for circle in regions)
        assert lowest == pytest.approx(0.0, abs=1e-9)


def test_a_height_that_is_given_is_kept(planar):
    """The pelvis of `planar` is where its translation is."""
    figure = plot_body(planar, {"pelvis_ty": 1.5, "pelvis_tx": 0.2})
    points = xy(lines(figure)["muscle:psoas_r"])
    assert 1.4 < points[0, 1] < 1.7


# ------------------------------------------------------------------------------- symmetry


def test_from_the_left_is_the_mirror_image_of_from_the_right(planar):
    right, left = (plot_body(planar, view=view) for view in ("right", "left"))
    ours, theirs = lines(right), lines(left)
    for gid, line in ours.items():
        if gid.startswith(("muscle:", "ligament:")):
            other = xy(theirs[gid.removesuffix("_r") + "_l"])
            np.testing.assert_allclose(xy(line) * [-1.0, 1.0], other, atol=1e-9)


def test_a_symmetric_body_is_symmetric_from_the_front(planar):
    figure = plot_body(planar, view="front")
    drawn = lines(figure)
    muscles = [gid for gid in drawn if gid.startswith("muscle:") and gid.endswith("_r")]
    assert len(muscles) == 14
    for gid in muscles:
        other = xy(drawn[gid.removesuffix("_r") + "_l"])
        np.testing.assert_allclose(xy(drawn[gid]) * [-1.0, 1.0], other, atol=1e-9)
    shapes = artists(figure, PolyCollection)
    for bone in ("femur", "hip bone", "calcaneus", "metatarsal 5", "toe 1"):
        ends = []
        for side in "rl":
            paths = shapes[f"bone:{bone}:{side}"].get_paths()
            points = np.concatenate([path.vertices for path in paths])
            ends.append([*points.min(axis=0), *points.max(axis=0)])
        (low, bottom, high, top), other = ends
        np.testing.assert_allclose([-high, bottom, -low, top], other, atol=1e-9)


# ------------------------------------------------------------------------ strength, forces


def test_widths_go_with_the_root_of_strength(planar):
    drawn = lines(plot_body(planar))
    strength = dict(zip(planar.muscles.names, np.asarray(planar.muscles.max_isometric_force)))
    soleus, semimem = (drawn[f"muscle:{name}_r"].get_linewidth() for name in ("soleus", "semimem"))
    ratio = np.sqrt(strength["soleus_r"] / strength["semimem_r"])
    assert soleus / semimem == pytest.approx(ratio)


def test_colour_is_force_and_grows_darker(planar, result):
    figure = plot_body(planar, result, time=0.5, color_by="force", view="front")
    (bar,) = figure.axes[0].child_axes
    assert bar.get_ylabel() == "muscle force [N]"
    force = result["muscle_force"].isel(time=1)
    np.testing.assert_allclose(bar.get_ylim(), (0.0, float(force.max())))
    grey = []
    for name in planar.muscles.names:
        red, green, blue = matplotlib.colors.to_rgb(lines(figure)[f"muscle:{name}"].get_color())
        grey.append(0.299 * red + 0.587 * green + 0.114 * blue)
    assert (np.diff(grey) < 0.0).all()  # the forces rise in the order of the muscles


def test_activation_is_shown_on_its_whole_scale(planar, result):
    figure = plot_body(planar, result, time=0.5, color_by="activation")
    (bar,) = figure.axes[0].child_axes
    assert bar.get_ylabel() == "activation [-]"
    np.testing.assert_allclose(bar.get_ylim(), (0.0, 1.0))


def test_a_muscle_without_an_answer_is_grey(planar, result):
    force = result["muscle_force"].where(result["muscle"] != "soleus_r")
    figure = plot_body(planar, result.assign(muscle_force=force), time=0.5, color_by="force")
    red, green, blue = matplotlib.colors.to_rgb(lines(figure)["muscle:soleus_r"].get_color())
    assert red == green == blue


def test_ground_reaction_starts_where_it_acts_and_says_its_size(planar, result):
    figure = plot_body(planar, result, time=0.5)
    arrows = artists(figure, FancyArrowPatch)
    assert "ground reaction:l" not in arrows  # in swing
    (x0, y0), (x1, y1) = arrows["ground reaction:r"]._posA_posB
    np.testing.assert_allclose((x0, y0), (0.2, 0.0), atol=1e-12)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(100.0 / WEIGHT) and y1 > 0.3
    assert f"{np.hypot(100.0, WEIGHT) / WEIGHT:.2f} BW" in words(figure)
    assert {"ground reaction", "center of mass"} <= set(legend(figure))


def test_the_other_foots_reaction_is_a_pale_one_without_its_size(planar, result):
    figure = plot_body(planar, result, time=0.5, view="left")
    assert "ground reaction:r" in artists(figure, FancyArrowPatch)
    assert not any(text.endswith("BW") for text in words(figure))


def test_joint_loads_end_at_their_joints(planar, result, walking):
    figure = plot_body(planar, result, time=0.5, joint_loads=True)
    arrows = artists(figure, FancyArrowPatch)
    now = place(planar.skeleton, jnp.asarray(walking))
    for name in ("hip_r", "knee_r", "ankle_r"):
        center = now.joint_center[planar.skeleton.joint_names.index(name)]
        start, tip = arrows[f"joint load:{name}"]._posA_posB
        np.testing.assert_allclose(tip, seen("right", center), atol=1e-12)
        assert start[1] > tip[1] and start[0] == pytest.approx(tip[0])  # the load points down
    assert words(figure).count("2.0 BW") == 3


def test_the_ground_is_as_steep_as_where_it_was_computed(planar, still):
    level = lines(plot_body(planar, still))["ground"]
    np.testing.assert_allclose(level.get_ydata(), 0.0, atol=1e-12)
    still = still.assign_attrs(config=json.dumps({"uphill_deg": 5.0, "right_side_up_deg": 0.0}))
    x, y = lines(plot_body(planar, still))["ground"].get_data()
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(np.tan(np.deg2rad(5.0)))


# ------------------------------------------------------------------------------- the foot


def test_foot_names_regions_and_ligaments_with_their_forces(planar, still):
    figure = plot_body(planar, still, view="foot")
    assert "seen from its inner side" in figure.axes[0].get_title(loc="left")
    below = "\n".join(words(figure))
    for i, name in enumerate(planar.contacts.names):
        if name.endswith("_r"):
            assert f"{name.removesuffix('_r').replace('_', ' ')}  {10.0 * i:.0f} N" in below
    assert "midtarsal joint" in below and "mm high" in below
    assert {"plantar fascia, 0 N", "long plantar, 10 N", "spring, 30 N"} <= set(legend(figure))
    assert "plantar fascia, 40 N" in legend(plot_body(planar, still, view="foot", side="l"))


def test_foot_words_do_not_overlap(planar, still):
    figure = plot_body(planar, still, view="foot")
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if " N" in t.get_text()]
    assert len(boxes) >= 3
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize("side", "rl")
def test_foot_is_seen_from_its_inner_side(planar, walking, side):
    """Across the foot's own length, toes of the right foot to the left; heights are kept."""
    drawn = lines(plot_body(planar, walking, view="foot", side=side))
    now = place(planar.skeleton, jnp.asarray(walking))
    table = points_of(planar.ligaments.paths, now, jnp.asarray(walking))
    points = np.asarray(table)[planar.ligaments.names.index(f"plantar_fascia_{side}")]
    x, y = drawn[f"ligament:plantar_fascia_{side}"].get_data()
    points = points[np.isfinite(points[:, 0])]
    np.testing.assert_allclose(y, points[:, 1], atol=1e-12)
    np.testing.assert_allclose(x, points[:, 0] * (-1.0 if side == "r" else 1.0), atol=1e-12)
    assert not any(gid.endswith("_r" if side == "l" else "_l") for gid in drawn)


# --------------------------------------------------------------------- any model, any axes


@pytest.mark.parametrize("make", [forearm, double_pendulum])
def test_models_without_feet_are_drawn_as_rods(make):
    figure = plot_body(make())
    assert isinstance(figure, Figure)
    assert any(gid.startswith("bone:") for gid in artists(figure, PolyCollection))
    assert "ground" not in lines(figure)


def test_wrapped_muscles_bend():
    """In three dimensions, arcs over bone have points of their own."""
    body = load_model("lower_limb")
    figure = plot_body(body, view="back", side="r")
    drawn = lines(figure)
    assert "muscle:soleus_r" in drawn and "muscle:soleus_l" not in drawn
    places = {n: len(b) for n, b in zip(body.muscles.names, body.muscles.paths.point_bodies)}
    bent = [n for n in places if n.endswith("_r") and len(xy(drawn[f"muscle:{n}"])) > places[n]]
    wraps = dict(zip(body.muscles.names, body.muscles.paths.wraps))
    assert {"gasmed_r", "gaslat_r"} <= set(bent) <= {name for name in wraps if wraps[name]}
    names = {bone.get_gid() for bone in figure.axes[0].findobj(PolyCollection)}
    assert {"bone:talus:r", "bone:metatarsal 1:r", "bone:sacrum:"} <= names
    assert "bone:femur:l" not in names and "ghost:femur:l" not in names


def test_draws_into_axes_of_the_user(planar):
    figure = Figure(figsize=(6.0, 6.0))
    ax = figure.subplots(1, 2)[1]
    assert plot_body(planar, ax=ax, legend=False) is figure
    assert ax.lines and not figure.axes[0].lines and ax.get_legend() is None
    assert ax.get_aspect() == 1.0


def test_the_scale_bar_is_as_long_as_it_says(planar):
    figure = plot_body(planar)
    bar = xy(lines(figure)["scale"])
    assert f"{1000.0 * (bar[1, 0] - bar[0, 0]):.0f} mm" in words(figure)


def test_title_says_model_view_instant_and_trouble(planar, result):
    title = lambda **options: plot_body(planar, result, **options).axes[0].get_title(loc="left")
    assert " ".join(title(time=0.52).split()) == (
        "planar, seen from the right, at 0.50 s, strength limited"
    )
    assert title(time=0.0, view="back") == "planar, seen from the back, at 0.00 s"


# ---------------------------------------------------------------------------- bm.plot, errors


def test_plot_draws_models_and_results(planar, result):
    assert lines(bm.plot(planar, view="front"))["muscle:soleus_l"]
    assert lines(bm.plot(result, "body", model=planar, time=0.5))["muscle:soleus_r"]
    with pytest.raises(BadInput, match="model=model"):
        bm.plot(result, "body", time=0.5)
    with pytest.raises(BadInput, match="'angles' is drawn of a result"):
        bm.plot(planar, "angles")


@pytest.mark.parametrize(
    "given, options, says",
    [
        ([0.0, 1.0], {}, "has 2 values, but model 'planar' has 14 coordinates"),
        (np.full(14, np.nan), {}, "not finite at: pelvis_tilt"),
        ({"knee_angle": 0.1}, {}, "Did you mean"),
        (None, {"view": "top"}, "No view named 'top'.*above"),
        (None, {"side": "right"}, "No side named 'right'"),
        (None, {"color_by": "force"}, "no muscle force to colour"),
        (None, {"color_by": "length"}, "No quantity 'length'.*activation"),
        (None, {"joint_loads": True}, "no joint loads"),
        (None, {"time": 0.1}, "`time` chooses an instant of a result"),
    ],
)
def test_refuses_a_pose_it_cannot_draw(planar, given, options, says):
    with pytest.raises(BadInput, match=says):
        plot_body(planar, given, **options)


def test_refuses_a_file_name(planar):
    with pytest.raises(TypeError, match=r"not str 'walk\.nc'"):
        plot_body(planar, "walk.nc")


def test_refuses_a_result_that_is_no_instant_of_this_model(planar, result):
    with pytest.raises(BadInput, match=r"2 instants\. Choose one: `time=` from 0 to 0\.5"):
        plot_body(planar, result)
    with pytest.raises(BadInput, match=r"`time` is 3 s, but the result runs from 0 to 0\.5 s"):
        plot_body(planar, result, time=3.0)
    with pytest.raises(BadInput, match="sweeps strength"):
        plot_body(planar, result.expand_dims(strength=[1.0]), time=0.5)
    with pytest.raises(BadInput, match="no `coordinate_value`"):
        plot_body(planar, result.drop_vars("coordinate_value"), time=0.5)
    fewer = result.isel(coordinate=slice(0, 5))
    with pytest.raises(BadInput, match="of another model: it has no coordinate 'ankle_angle_r'"):
        plot_body(planar, fewer, time=0.5)


def test_a_model_without_a_foot_has_no_picture_of_it():
    with pytest.raises(BadInput, match="no body 'calcn_r'"):
        plot_body(forearm(), view="foot")
    with pytest.raises(UnknownName):
        plot_body(forearm(), view="feet")
