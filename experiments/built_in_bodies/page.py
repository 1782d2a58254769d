"""Write the tables of docs/bodies.md from the bodies themselves.

    python experiments/built_in_bodies/page.py

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is outside is written by hand.
"""

import re
from pathlib import Path

import numpy as np

import biomech as bm
from biomech.dynamics.kinematics import pose

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bodies.md"


def table(head, rows):
    """Rows of text as a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def right(names):
    """Indices of what is in the middle or on the right."""
    return [i for i, name in enumerate(names) if not re.search(r"_l(_|$)", name)]


def stem(name):
    """A name without its side, as code."""
    return f"`{re.sub(r'_r(?=_|$)', '', name)}`"


def listed(values, digits):
    """Numbers side by side."""
    return ", ".join(f"{v + 0.0:.{digits}f}" for v in np.round(values, digits))


def segments(model):
    """Mass, mass center and principal inertia."""
    skeleton = model.skeleton
    rows = [
        [
            stem(skeleton.body_names[i]),
            f"{float(skeleton.mass[i]):.3f}",
            listed(1e3 * np.asarray(skeleton.mass_center[i]), 1),
            listed(1e4 * np.asarray(skeleton.inertia[i, :3]), 2),
        ]
        for i in right(skeleton.body_names)
        if float(skeleton.mass[i]) > 0.0
    ]
    return table(["body", "mass [kg]", "mass center [mm]", "inertia xx, yy, zz [kg cm²]"], rows)


def coordinates(model):
    """Range of each coordinate and the joint it moves."""
    skeleton = model.skeleton
    known, owner = skeleton.coordinates, skeleton.coordinate_body
    rows = []
    for i in right(known.names):
        turns = known.motion_types[i] == "rotational"
        unit, factor, digits = ("deg", 180.0 / np.pi, 0) if turns else ("m", 1.0, 1)
        low, high = (float(x[i]) * factor for x in (known.lower, known.upper))
        span = f"{low:.{digits}f} to {high:.{digits}f} {unit}"
        if i in known.dependent:
            span = "follows `knee_angle`"
        rows.append([stem(known.names[i]), stem(skeleton.joint_names[owner[i]]), span])
    return table(["coordinate", "joint", "range"], rows)


def muscles(model):
    """Strength and architecture."""
    known = model.muscles
    rows = [
        [
            stem(known.names[i]),
            f"{float(known.max_isometric_force[i]):.0f}",
            f"{1e3 * float(known.optimal_fiber_length[i]):.1f}",
            f"{1e3 * float(known.tendon_slack_length[i]):.1f}",
            f"{np.rad2deg(float(known.pennation_angle[i])):.1f}",
        ]
        for i in right(known.names)
    ]
    head = ["muscle", "force [N]", "optimal fiber [mm]", "tendon slack [mm]", "pennation [deg]"]
    return table(head, rows)


def passive_moments(model):
    """Straight part and limits of each passive moment."""
    known = model.passive_moments
    limit = lambda moment, angle: (
        f"{float(moment):.2f} at {np.rad2deg(float(angle)):.0f} deg" if float(moment) else "none"
    )
    rows = [
        [
            stem(known.names[i]),
            f"{float(known.stiffness[i]):.1f}",
            f"{float(known.damping[i]):.2f}",
            limit(known.lower_moment[i], known.lower_angle[i]),
            limit(known.upper_moment[i], known.upper_angle[i]),
        ]
        for i in right(known.names)
    ]
    head = ["about", "stiffness [N m/rad]", "damping [N m s/rad]"]
    return table([*head, "lower limit [N m]", "upper limit [N m]"], rows)


def contacts(model):
    """Place of each region at the default pose, from the ankle and the sole."""
    skeleton, known = model.skeleton, model.contacts
    now = pose(skeleton, skeleton.coordinates.default_value)
    ankle = np.asarray(now.position)[skeleton.body_index("talus_r")]
    rows = []
    for i in right(known.names):
        place = np.asarray(now.position)[known.bodies[i]] + np.asarray(known.location[i])
        radius = float(known.radius[i])
        rows.append(
            [
                stem(known.names[i]),
                stem(skeleton.body_names[known.bodies[i]]),
                f"{1e3 * (place - ankle)[0]:.0f}",
                f"{1e3 * (place - ankle)[2]:.0f}",
                f"{1e3 * radius:.0f}",
                f"{max(0.0, 1e3 * (place[1] - radius)):.0f}",
            ]
        )
    head = ["region", "on", "before the ankle [mm]", "lateral of it [mm]", "radius [mm]"]
    return table([*head, "off the ground, unloaded [mm]"], rows)


TABLES = {
    "segments": segments,
    "coordinates": coordinates,
    "muscles": muscles,
    "passive_moments": passive_moments,
    "contacts": contacts,
}


def filled(text, name, content):
    """The page with `content` where the table `name` stands."""
    pattern = rf"(<!-- table {name} -->\n).*?(<!-- end -->)"
    text, count = re.subn(
        pattern, lambda m: f"{m.group(1)}\n{content}\n\n{m.group(2)}", text, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{PAGE.name} has {count} places for the table '{name}'; it needs 1.")
    return text


def main():
    """Fill the page."""
    bm.use_float64()
    model = bm.load_model("lower_limb", knee="compliant")
    text = PAGE.read_text(encoding="utf-8")
    for name, write in TABLES.items():
        text = filled(text, name, write(model))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
