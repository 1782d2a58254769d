"""The foot both built-in bodies share: sources, symmetry, anatomy, one geometry in two forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import pose
from biomech.formats.load import load_built_in
from biomech.formats.native import parse_description
from biomech.model import library
from biomech.model.arch import arch_height, sole_height, with_arch_height
from biomech.muscles.paths import path_geometry
from feet import foot_model, generator

foot = generator()
FORMS = ("plane", "space")
REGIONS = (
    *("heel_medial", "heel_lateral", "midfoot_medial", "midfoot_lateral"),
    *("metatarsal_1", "metatarsal_23", "metatarsal_45", "hallux", "toes_lesser"),
)


@pytest.fixture(scope="module")
def planar():
    return load_built_in("planar")


@pytest.fixture(scope="module")
def description():
    return parse_description(
        library.built_in_text("model", "planar", library.BUILT_IN), "planar.yaml"
    )


def numbers_without_source(value, where, sourced=False):
    if isinstance(value, dict):
        sourced = sourced or bool(value.get("source", "").strip())
        for key, inner in value.items():
            yield from numbers_without_source(inner, f"{where}.{key}", sourced)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from numbers_without_source(inner, f"{where}[{i}]", sourced)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not sourced:
        yield where


def sources(value):
    if isinstance(value, dict):
        yield from ([value["source"]] if "source" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from sources(inner)


@pytest.mark.parametrize("form", FORMS)
def test_every_number_has_a_source_that_is_a_work_or_openly_assumed(form):
    parts = foot.right_foot(form)
    assert list(numbers_without_source(parts, "foot")) == []
    for source in sources(parts):
        assert "doi:" in source or "assumed" in source or "Anat Rec" in source, source


def test_unknown_form_is_refused():
    with pytest.raises(ValueError, match="'sphere'; it must be 'plane' or 'space'"):
        foot.right_foot("sphere")


@pytest.mark.parametrize("key", ["bodies", "joints", "ligaments", "passive_moments", "contacts"])
def test_the_built_in_file_has_this_foot(description, key):
    """The file was made from the generator as it stands."""
    stored = {entry["name"]: entry for entry in description[key]}
    for entry in foot.right_foot("plane")[key]:
        found = stored[entry["name"]]
        for field, value in entry.items():
            if field not in ("source", "axes", "path"):
                assert found.get(field, value) == value, (entry["name"], field)


@pytest.mark.parametrize("key", ["ligaments", "contacts", "muscles", "coordinates"])
def test_plane_and_space_are_one_foot(key):
    plane, space = (foot.right_foot(form)[key] for form in FORMS)
    assert plane == space


def test_talus_and_calcaneus_of_space_are_the_hindfoot_of_plane():
    plane, space = ({b["name"]: b for b in foot.right_foot(form)["bodies"]} for form in FORMS)
    talus, calcn, both = space["talus_r"], space["calcn_r"], plane["calcn_r"]
    mass = [b["mass"] for b in (talus, calcn)]
    np.testing.assert_allclose(both["mass"], sum(mass), atol=2e-5)  # rounded to 10 mg
    centers = np.array([np.add(talus["mass_center"], foot.ANKLE), calcn["mass_center"]])
    center = np.average(centers, axis=0, weights=mass)
    np.testing.assert_allclose(both["mass_center"], center, atol=2e-5)  # rounded to 10 um
    polar = [m * np.sum((c - center)[:2] ** 2) for m, c in zip(mass, centers, strict=True)]
    expected = talus["inertia"][2] + calcn["inertia"][2] + sum(polar)
    np.testing.assert_allclose(both["inertia"][2], expected, rtol=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_foot_weighs_and_swings_like_de_levas(form):
    """1.37 % of 75 kg; mass center and radius of gyration within 10 % of de Leva's."""
    model = foot_model(form)
    now = pose(model.skeleton, jnp.zeros(len(model.skeleton.coordinates.names)))
    mass = np.asarray(model.skeleton.mass)
    np.testing.assert_allclose(mass.sum(), 0.0137 * 75.0, atol=2e-5)
    center = np.asarray(now.position + model.skeleton.mass_center)
    whole = np.average(center, axis=0, weights=mass)
    heel = foot.HEEL - (foot.ANKLE[0] if form == "space" else 0.0)
    np.testing.assert_allclose((whole[0] - heel) / foot.LENGTH, 0.4415, rtol=0.1)
    spread = np.sum((center - whole)[:, :2] ** 2, axis=1)
    inertia = np.sum(np.asarray(model.skeleton.inertia)[:, 2] + mass * spread)
    np.testing.assert_allclose(np.sqrt(inertia / mass.sum()) / foot.LENGTH, 0.245, rtol=0.1)


def test_nine_regions_rest_on_the_sole_but_the_arch():
    contacts = foot_model("plane").contacts
    assert contacts.names == tuple(f"{region}_r" for region in REGIONS)
    model = foot_model("plane")
    now = pose(model.skeleton, jnp.zeros(len(model.skeleton.coordinates.names)))
    center = np.asarray(now.position)[np.array(contacts.bodies)] + np.asarray(contacts.location)
    bottom = 1e3 * (center[:, 1] - np.asarray(contacts.radius) - foot.SOLE)
    gap = dict(zip(REGIONS, bottom, strict=True))
    assert gap.pop("midfoot_medial") > 10.0  # off the ground in a normal arch
    assert 0.0 <= gap.pop("midfoot_lateral") < 5.0
    np.testing.assert_allclose(list(gap.values()), 0.0, atol=0.02)  # places are rounded to 10 um
    x, z = (
        dict(zip(REGIONS, center[:, 0], strict=True)),
        dict(zip(REGIONS, center[:, 2], strict=True)),
    )
    for medial, lateral in (
        ("heel_medial", "heel_lateral"),
        ("midfoot_medial", "midfoot_lateral"),
        ("metatarsal_1", "metatarsal_23"),
        ("metatarsal_23", "metatarsal_45"),
        ("hallux", "toes_lesser"),
    ):
        assert z[medial] < z[lateral]  # right foot: medial is to the left
    assert x["heel_medial"] < x["midfoot_lateral"] < x["metatarsal_45"] < x["hallux"] < foot.TIP
    radius = dict(zip(REGIONS, np.asarray(contacts.radius), strict=True))
    breadth = (
        z["metatarsal_45"] - z["metatarsal_1"] + radius["metatarsal_45"] + radius["metatarsal_1"]
    )
    np.testing.assert_allclose(breadth, foot.BALL_BREADTH, rtol=0.05)


def _flip(names):
    return [names.index(n[:-2] + {"_r": "_l", "_l": "_r"}[n[-2:]]) for n in names]


def test_left_foot_is_the_mirror_image_of_the_right(planar):
    mirror = np.array([1.0, 1.0, -1.0])
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-12)
    for part, scalars in (
        (planar.ligaments, ("resting_length", "pcsa_force")),
        (planar.contacts, ("radius", "stiffness", "dissipation", "hertz_smoothing")),
        (planar.passive_moments, ("stiffness", "damping", "upper_moment", "lower_angle")),
    ):
        other = np.array(_flip(part.names))
        for field in scalars:
            value = np.asarray(getattr(part, field))
            close(value[other], value)
    ligaments, contacts = planar.ligaments, planar.contacts
    points = np.asarray(ligaments.paths.location)
    close(points[_flip(ligaments.names)] * mirror, points)
    close(np.asarray(contacts.location)[_flip(contacts.names)] * mirror, contacts.location)
    curve = np.asarray(ligaments.curve.coefficients)
    close(curve[_flip(ligaments.names)], curve)


def test_feet_in_space_move_as_mirror_images():
    """Oblique axes and all: equal coordinates, mirrored places and lengths."""
    right, left = foot_model("space"), foot_model("space", "l")
    names = right.skeleton.coordinates.names
    value = np.random.default_rng(1).uniform(-0.3, 0.3, len(names))
    value[:6] = 0.0  # the root's
    at = lambda model: pose(model.skeleton, jnp.asarray(value))
    mirror = np.diag([1.0, 1.0, -1.0])
    a, b = at(right), at(left)
    np.testing.assert_allclose(np.asarray(a.position) @ mirror, b.position, atol=1e-12)
    np.testing.assert_allclose(
        mirror @ np.asarray(a.rotation) @ mirror, np.asarray(b.rotation), atol=1e-12
    )
    lengths = [
        path_geometry(model.ligaments.paths, at(model), jnp.asarray(value)).length
        for model in (right, left)
    ]
    np.testing.assert_allclose(*lengths, atol=1e-12)


def _moved(model, **angles):
    names = model.skeleton.coordinates.names
    value = np.zeros(len(names))
    for name, angle in angles.items():
        value[names.index(name)] = angle
    return jnp.asarray(value)


@pytest.mark.parametrize("form", FORMS)
def test_signs_are_those_of_anatomy(form):
    model = foot_model(form)
    place = lambda q: np.asarray(pose(model.skeleton, q).position)
    toes = model.skeleton.body_names.index("toes_r")
    rest = place(_moved(model))[toes]
    flattened = place(_moved(model, midtarsal_angle_r=0.1))[toes] - rest
    assert flattened[1] > 0.0  # forefoot up on the hindfoot
    if form == "space":
        assert flattened[2] > 0.0  # and abducted: to the right on the right foot
    rotation = np.asarray(pose(model.skeleton, _moved(model, mtp_angle_r=0.5)).rotation)[toes]
    assert rotation[1, 0] > 0.0  # toes point up


def _length_change(model, **angles):
    length = lambda q: np.asarray(
        path_geometry(model.ligaments.paths, pose(model.skeleton, q), q).length
    )
    change = length(_moved(model, **angles)) - length(_moved(model))
    return dict(zip(model.ligaments.names, 1e3 * change, strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_flattening_stretches_every_ligament_and_toes_wind_the_fascia(form):
    model = foot_model(form)
    flat = _length_change(model, midtarsal_angle_r=0.1)
    assert set(flat) == {
        f"{n}_r" for n in ("plantar_fascia", "long_plantar", "short_plantar", "spring")
    }
    assert all(change > 0.5 for change in flat.values()), flat
    wound = _length_change(model, mtp_angle_r=np.deg2rad(30.0))
    assert 2.0 < wound.pop("plantar_fascia_r") < 8.0  # some 9 mm of head per radian
    np.testing.assert_allclose(list(wound.values()), 0.0, atol=1e-9)


def test_ligaments_are_just_slack_at_the_neutral_pose(planar):
    length = path_geometry(
        planar.ligaments.paths,
        pose(planar.skeleton, q := planar.skeleton.coordinates.default_value),
        q,
    ).length
    np.testing.assert_allclose(length / planar.ligaments.resting_length, 1.0, atol=1e-4)


def test_oblique_axis_comes_from_the_joints_it_stands_for():
    """Small turns add: 7 deg of sagittal motion about Manter's axis, 8.5 deg about z."""
    up, aside = np.deg2rad([52.0, 57.0])
    manter = np.array([-np.cos(up) * np.cos(aside), -np.sin(up), np.cos(up) * np.sin(aside)])
    np.testing.assert_allclose(np.linalg.norm(manter), 1.0)
    axis = foot.MIDTARSAL_AXIS
    np.testing.assert_allclose(np.linalg.norm(axis), 1.0)
    np.testing.assert_allclose(axis[:2] / axis[2], 7.0 / 15.5 * manter[:2] / manter[2], rtol=1e-12)
    assert axis[0] < 0.0 and axis[1] < 0.0  # dorsiflexion with eversion and abduction


def test_damping_loses_the_share_it_is_meant_to():
    """One sinusoidal load cycle from zero, by numbers: 22 % of what was put in."""
    stiffness = 293.0
    damping = foot.loss_damping(stiffness)
    t = np.linspace(0.0, 1.0 / foot.LOAD_FREQUENCY, 200001)
    w = 2.0 * np.pi * foot.LOAD_FREQUENCY
    angle, speed = 0.1 * (1.0 - np.cos(w * t)), 0.1 * w * np.sin(w * t)
    put_in = 0.5 * stiffness * angle.max() ** 2
    lost = np.trapezoid(damping * speed**2, t)
    np.testing.assert_allclose(lost / put_in, 0.22, rtol=1e-6)


def test_heel_pad_modulus_gives_back_the_strain_it_was_made_from():
    from biomech.dynamics.contact import contact_force

    contacts = foot_model("plane").contacts
    heel = np.array([name.startswith("heel") for name in contacts.names])
    depth = 0.4 * 0.016
    center = jnp.zeros((len(heel), 3)).at[:, 1].set(contacts.radius - depth)
    still = jnp.zeros_like(center)
    force = np.asarray(contact_force(contacts, center, still, still).normal_force)[heel].sum()
    np.testing.assert_allclose(force, 75.0 * 9.80665, rtol=0.03)  # the rounded law adds a little


# --- arch height ------------------------------------------------------------------------------


def test_arch_height_of_the_built_in_foot(planar):
    np.testing.assert_allclose(arch_height(planar, "r"), 0.047, atol=1e-5)
    np.testing.assert_allclose(sole_height(planar, "r"), foot.SOLE, atol=1e-5)


@pytest.mark.parametrize("height", [0.02, 0.04, 0.06])
def test_a_new_arch_height_moves_the_keystone_alone(planar, height):
    model = with_arch_height(planar, "r", height)
    np.testing.assert_allclose(arch_height(model, "r"), height, atol=1e-12)
    np.testing.assert_allclose(sole_height(model, "r"), sole_height(planar, "r"), atol=1e-12)
    q = planar.skeleton.coordinates.default_value
    places = []
    for m in (planar, model):
        now = pose(m.skeleton, q)
        body = np.array(m.contacts.bodies)
        spheres = now.position[body] + m.contacts.location
        centers = now.position + m.skeleton.mass_center
        toes = now.position[m.skeleton.body_names.index("toes_r")]
        muscles = path_geometry(m.muscles.paths, now, q).length
        fascia = path_geometry(m.ligaments.paths, now, q).length / m.ligaments.resting_length
        places.append([spheres, centers, toes, muscles, fascia])
    for before, after in zip(*places, strict=True):
        np.testing.assert_allclose(after, before, atol=1e-12)
    left = model.skeleton.body_names.index("midfoot_l")
    frames = model.skeleton.parent_frame_position, planar.skeleton.parent_frame_position
    np.testing.assert_array_equal(*(np.asarray(f)[left] for f in frames))


def test_arch_ligaments_keep_their_height_in_proportion(planar):
    model = with_arch_height(planar, "r", 0.0235)  # half of 47 mm
    height = {}
    for m in (planar, model):
        now = pose(m.skeleton, m.skeleton.coordinates.default_value)
        calcn = np.asarray(now.position)[m.skeleton.body_names.index("calcn_r"), 1]
        sole = calcn + float(sole_height(m, "r"))
        for i, name in enumerate(m.ligaments.names):
            bodies = np.array(m.ligaments.paths.point_bodies[i])
            local = np.asarray(m.ligaments.paths.location)[i, : len(bodies)]
            y = np.asarray(now.position)[bodies, 1] + local[:, 1] - sole
            height.setdefault(name, []).append(y)
    for name in ("long_plantar_r", "short_plantar_r", "spring_r"):
        np.testing.assert_allclose(height[name][1], 0.5 * height[name][0], rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(*height["plantar_fascia_r"], atol=1e-12)
    np.testing.assert_allclose(*height["spring_l"], atol=1e-12)


def test_same_height_is_identity(planar):
    model = with_arch_height(planar, "r", arch_height(planar, "r"))
    import jax

    for a, b in zip(jax.tree.leaves(planar), jax.tree.leaves(model), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=1e-16)
