"""What docs/bodies.md says of `lower_limb` is what the body is."""

import re
from pathlib import Path

import numpy as np
import pytest

from biomech.formats.load import load_model

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bodies.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compliant():
    return load_model("lower_limb", knee="compliant")


def rows(name):
    """First cell -> the others, of a table of the page."""
    found = re.search(rf"<!-- table {name} -->(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found, name
    lines = [line for line in found.group(1).splitlines() if line.startswith("| `")]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


def numbers(text):
    """Numbers of a cell."""
    return np.array([float(number) for number in re.findall(r"-?\d+\.?\d*", text)])


def sided(stem, names):
    """Index of a thing of which the page leaves out the side."""
    return next(i for i, name in enumerate(names) if re.sub(r"_r(?=_|$)", "", name) == stem)


def test_segments(compliant):
    skeleton, table = compliant.skeleton, rows("segments")
    assert len(table) == 2 + 7
    for stem, (mass, center, inertia) in table.items():
        i = sided(stem, skeleton.body_names)
        np.testing.assert_allclose(numbers(mass), skeleton.mass[i], atol=6e-4)
        np.testing.assert_allclose(numbers(center) / 1e3, skeleton.mass_center[i], atol=6e-5)
        np.testing.assert_allclose(numbers(inertia) / 1e4, skeleton.inertia[i, :3], atol=6e-7)


def test_coordinates(compliant):
    known, table = compliant.skeleton.coordinates, rows("coordinates")
    assert len(table) == 6 + 3 + 11
    for stem, (joint, span) in table.items():
        i = sided(stem, known.names)
        owner = compliant.skeleton.coordinate_body[i]
        assert sided(joint, compliant.skeleton.joint_names) == owner
        if "follows" not in span:
            scale = np.pi / 180.0 if "deg" in span else 1.0
            limits = np.array([known.lower[i], known.upper[i]])
            np.testing.assert_allclose(numbers(span) * scale, limits, atol=0.06)


def test_muscles(compliant):
    known, table = compliant.muscles, rows("muscles")
    assert len(table) == len(known.names) / 2
    for stem, cells in table.items():
        i = sided(stem, known.names)
        force, fiber, tendon, pennation = (numbers(cell)[0] for cell in cells)
        np.testing.assert_allclose(force, known.max_isometric_force[i], atol=0.6)
        np.testing.assert_allclose(fiber / 1e3, known.optimal_fiber_length[i], atol=6e-5)
        np.testing.assert_allclose(tendon / 1e3, known.tendon_slack_length[i], atol=6e-5)
        np.testing.assert_allclose(np.deg2rad(pennation), known.pennation_angle[i], atol=1e-3)


def test_passive_moments(compliant):
    known, table = compliant.passive_moments, rows("passive_moments")
    assert {sided(stem, known.names) for stem in table} == {
        i for i, name in enumerate(known.names) if not name.endswith("_l")
    }
    for stem, (stiffness, damping, lower, upper) in table.items():
        i = sided(stem, known.names)
        np.testing.assert_allclose(numbers(stiffness), known.stiffness[i], atol=0.06)
        np.testing.assert_allclose(numbers(damping), known.damping[i], atol=6e-3)
        for cell, moment in ((lower, known.lower_moment[i]), (upper, known.upper_moment[i])):
            assert (cell == "none") == (float(moment) == 0.0)
            if cell != "none":
                np.testing.assert_allclose(numbers(cell)[0], moment, atol=6e-3)
    prose = {"adduction": 573.0, "rotation": 38.7}
    for turn, stiffness in prose.items():
        assert f"| {turn} | {stiffness:g} N m/rad |" in PAGE
        index = known.names.index(f"knee_{turn}_r")
        np.testing.assert_allclose(known.stiffness[index], stiffness, rtol=1e-3)


def test_contact_regions(compliant):
    known, table = compliant.contacts, rows("contacts")
    assert len(table) == 9
    for stem, (body, _, _, radius, _) in table.items():
        i = sided(stem, known.names)
        assert known.bodies[i] == sided(body, compliant.skeleton.body_names)
        np.testing.assert_allclose(numbers(radius) / 1e3, known.radius[i], atol=6e-4)
