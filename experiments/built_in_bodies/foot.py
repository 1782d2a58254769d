"""The foot that both built-in bodies share: hindfoot, midfoot, toes and a living arch.

Right side only; `mirror.mirrored` makes the left. `right_foot("space")` is the foot of
`lower_limb`: talus and calcaneus apart, oblique axes. `right_foot("plane")` is that of `planar`:
talus and calcaneus are one body `calcn`, axes are medio-lateral; every point and sphere stays
where it is, so medio-lateral places are the same in both.

Frame: that of `calcn` in the generic model (times 1.75 / 1.70), x forward, y up, z right (lateral
on the right foot); midfoot and toes are parallel to it at the neutral pose, with their origins at
`ORIGIN`. `SOLE` is the height of the unloaded sole. README.md says where numbers come from and how
that was checked.
"""

import itertools

import numpy as np
from anthropometry import DE_LEVA, DE_LEVA_SCALE, HEIGHT, MASS, SCALE, SCALED, SEGMENTS, rounded
from limits import ANDERSON, limits, passive_moment

from biomech.model.ligament_laws import law_knots

DRILLIS = "Drillis & Contini 1966, in Winter 2009, Figure 4.1"
GEFEN = "Gefen 2002 (doi:10.1016/S0021-9290(01)00242-1)"
NATALI = "Natali et al. 2010 (doi:10.3109/03008200903389127)"
CHEUNG = "Cheung et al. 2005 (doi:10.1016/j.jbiomech.2004.05.035)"
SANCHIS = "Sanchis-Sales et al. 2016 (J Am Podiatr Med Assoc 106:37)"
VENKADESAN = "Venkadesan et al. 2020 (doi:10.1038/s41586-020-2053-y)"
KER = "Ker et al. 1987 (doi:10.1038/325147a0)"
KURA = "Kura et al. 1997 (Anat Rec 249:143)"

# --- geometry [m] -----------------------------------------------------------------------------

ANKLE = np.array([0.04877, 0.04195, -0.00792]) * SCALE  # generic model
MTP = np.array([0.1788, -0.002, 0.00108]) * SCALE  # generic model
SOLE = round(ANKLE[1] - 0.039 * HEIGHT, 4)  # ankle height 0.039 H (Drillis & Contini)
HEEL = -0.015  # back of the heel, assumed: 20 mm behind the tendon's insertion
LENGTH = SEGMENTS["foot"][3] * 1e-3 * DE_LEVA_SCALE
TIP = round(HEEL + LENGTH, 4)
BALL_BREADTH = 0.055 * HEIGHT  # Drillis & Contini
ARCH_HEIGHT = 0.047  # midtarsal center above the sole
MIDTARSAL = np.array([round(HEEL + 0.38 * LENGTH, 4), round(SOLE + ARCH_HEIGHT, 4), -0.005])
ORIGIN = {"talus": ANKLE, "calcn": np.zeros(3), "midfoot": MIDTARSAL, "toes": MTP}
"""Origin of each body in the frame of calcn [m]."""

_MTP_OBLIQUITY = 0.619901  # of the joint `mtp` in the generic model [rad]
MTP_AXIS = np.array([-np.sin(_MTP_OBLIQUITY), 0.0, np.cos(_MTP_OBLIQUITY)])  # extension
Z = np.array([0.0, 0.0, 1.0])


def oblique_midtarsal_axis():
    """Axis of dorsiflexion of the whole midtarsal region: abduction and eversion come with it.

    Bending is shared by the talonavicular joint, which turns about Manter's (1941) oblique axis (52
    deg from the ground, 57 deg from the sagittal plane), and the naviculocuneiform and first
    tarsometatarsal joints, taken as medio-lateral hinges: 7.0, 5.0 and 3.5 deg of sagittal motion
    (Ouzounian & Shereff 1989). Axes of small turns add.
    """
    up, aside = np.deg2rad([52.0, 57.0])
    flat = np.cos(up)
    manter = np.array([-flat * np.cos(aside), -np.sin(up), flat * np.sin(aside)])
    turn = 7.0 / manter[2] * manter + (5.0 + 3.5) * Z
    return turn / np.linalg.norm(turn)


MIDTARSAL_AXIS = oblique_midtarsal_axis()


def above_sole(x, height, z):
    """A point in the frame of calcn from its height above the unloaded sole [m]."""
    return np.array([x, SOLE + height, z])


def in_body(body, point):
    """A point of the calcn frame in the frame of its own body, rounded to 10 um [m]."""
    return rounded(np.asarray(point) - ORIGIN[body], 5)


def on(body, point):
    """A path point."""
    return {"body": f"{body}_r", "location": in_body(body, point)}


# --- segments ---------------------------------------------------------------------------------

BREADTH = {"talus": 0.045, "calcn": 0.060, "midfoot": 0.085, "toes": 0.090}  # assumed [m]
_TALUS_SHARE = 0.25  # of the hindfoot, assumed


def segments():
    """Mass [kg], mass center [m] and inertia [kg m^2] of talus, calcn, midfoot and toes.

    The foot is a body of even density seen from the side as high as the ankle behind the midtarsal
    joint, from there down to 15 mm at the tip; the talus is the upper quarter of the hindfoot.
    """
    top, tip = 0.039 * HEIGHT, 0.015
    slope = (top - tip) / (TIP - MIDTARSAL[0])
    height = lambda x: np.where(x < MIDTARSAL[0], top, top - slope * (x - MIDTARSAL[0]))
    split = (1.0 - _TALUS_SHARE) * top  # height at which talus and calcaneus part
    none = lambda x: 0.0 * x
    strips = {
        "talus": (HEEL, MIDTARSAL[0], lambda x: split + none(x), height),
        "calcn": (HEEL, MIDTARSAL[0], none, lambda x: split + none(x)),
        "midfoot": (MIDTARSAL[0], MTP[0], none, height),
        "toes": (MTP[0], TIP, none, height),
    }
    parts = {name: _strip(*strip) for name, strip in strips.items()}
    total = sum(area for area, _, _ in parts.values())
    mass = SEGMENTS["foot"][0] / 100.0 * MASS
    sides = {"talus": ANKLE[2], "calcn": -0.005, "midfoot": 0.0, "toes": 0.0}
    return {
        name: _segment(area / total * mass, center, spread, BREADTH[name], sides[name])
        for name, (area, center, spread) in parts.items()
    }


def _strip(start, end, low, high):
    """Area, centroid and mean squares and product about it (xx, yy, xy) of a side view."""
    x = np.linspace(start, end, 4001)
    bottom, top = low(x) + SOLE, high(x) + SOLE
    h, middle = top - bottom, 0.5 * (top + bottom)
    over = lambda y: np.trapezoid(h * y, x)
    area = over(np.ones_like(x))
    center = np.array([over(x), over(middle)]) / area
    dx, dy = x - center[0], middle - center[1]
    return area, center, np.array([over(dx**2), over(dy**2 + h**2 / 12.0), over(dx * dy)]) / area


def _segment(mass, center, spread, breadth, z):
    xx, yy, xy = spread
    zz = breadth**2 / 12.0
    inertia = mass * np.array([yy + zz, xx + zz, xx + yy, -xy, 0.0, 0.0])
    return mass, np.array([*center, z]), inertia


def merged(first, second):
    """Two segments as one body."""
    mass = first[0] + second[0]
    center = (first[0] * first[1] + second[0] * second[1]) / mass
    inertia = np.zeros(6)
    for m, place, own in (first, second):
        x, y, z = place - center
        inertia += own + m * np.array(
            [y * y + z * z, x * x + z * z, x * x + y * y, -x * y, -x * z, -y * z]
        )
    return mass, center, inertia


def bodies(form):
    """Foot segments; in the plane talus and calcaneus are one."""
    parts = segments()
    if form == "plane":
        parts["calcn"] = merged(parts.pop("talus"), parts["calcn"])
    return [
        {
            "name": f"{name}_r",
            "mass": round(float(mass), 5),
            "mass_center": in_body(name, center),
            "inertia": rounded(inertia, 8),
            "source": f"{DE_LEVA}: foot mass; its split is assumed: even density, in side view as "
            f"high as the ankle (0.039 H, {DRILLIS}) to the midtarsal joint, then tapering to 15 "
            "mm at the tip; the talus is the upper quarter of the hindfoot; breadths 45 (talus), "
            "60, 85 and 90 mm (toes)",
        }
        for name, (mass, center, inertia) in parts.items()
    ]


# --- joints -----------------------------------------------------------------------------------


def joints(form):
    """Midtarsal and MTP joints. Ankle and subtalar joints are the generic model's."""
    space = form == "space"
    return [
        _hinge(
            "midtarsal_r",
            ("calcn", "midfoot"),
            "midtarsal_angle_r",
            MIDTARSAL_AXIS if space else Z,
            "center assumed: 38 % of foot length from the heel, 47 mm above the sole (0.7 of the "
            "dorsal arch height: 0.340 x truncated foot length, Butler et al. 2008, J Am Podiatr "
            "Med Assoc 98:102); axis: "
            + (
                "Manter 1941 (Anat Rec 80:397) for the talonavicular share of sagittal motion, "
                "medio-lateral for the rest, shares of Ouzounian & Shereff 1989 (Foot Ankle 10:140)"
                if space
                else "medio-lateral"
            ),
        ),
        _hinge(
            "mtp_r",
            ("midfoot", "toes"),
            "mtp_angle_r",
            MTP_AXIS if space else Z,
            f"{SCALED}: joint `mtp`" + ("" if space else "; axis medio-lateral"),
        ),
    ]


def _hinge(name, between, coordinate, axis, source):
    parent, child = between
    return {
        "name": name,
        "parent": f"{parent}_r",
        "child": f"{child}_r",
        "parent_position": in_body(parent, ORIGIN[child]),
        "parent_orientation": [0.0, 0.0, 0.0],
        "child_position": [0.0, 0.0, 0.0],
        "child_orientation": [0.0, 0.0, 0.0],
        "axes": hinge_axes(axis, coordinate),
        "source": source,
    }


def hinge_axes(axis, coordinate):
    """Six axes of which the first turns about `axis`."""
    others = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    turns = {"kind": "linear", "slope": 1.0, "intercept": 0.0}
    rests = {"kind": "constant", "value": 0.0}
    first = {"axis": rounded(axis, 7), "coordinate": coordinate, "function": turns}
    return [
        first,
        *({"axis": rounded(a), "coordinate": None, "function": dict(rests)} for a in others),
    ]


def coordinates():
    """Midtarsal and MTP angle."""
    degrees = {"midtarsal_angle_r": (-30, 30), "mtp_angle_r": (-45, 75)}
    return [
        {
            "name": name,
            "motion_type": "rotational",
            "default": 0.0,
            "range": rounded(np.deg2rad(limits), 6),
            "locked": False,
            "clamped": False,
            "source": "assumed range",
        }
        for name, limits in degrees.items()
    ]


# --- ligaments --------------------------------------------------------------------------------

UNDER_HEAD = 0.010  # of tendons and fascia below the MTP joint, assumed [m]
BUNDLE = 18.4  # cross-section of one ligament bundle, Cheung et al. 2005 [mm^2]

# name: points, law, cross-section [mm^2], where the section and the places are from
LIGAMENTS = {
    "plantar_fascia": (
        [
            ("calcn", above_sole(0.010, 0.016, -0.010)),
            ("midfoot", MTP + [0.0, -UNDER_HEAD, -0.010]),
            ("toes", MTP + [0.012, -0.008, -0.010]),
        ],
        "natali2010",
        58.6,
        f"cross-section {CHEUNG}",
        "assumed: medial calcaneal tubercle above 16 mm of heel pad, under the metatarsal heads 10 "
        "mm below the joint, to the proximal phalanges",
    ),
    "long_plantar": (
        [
            ("calcn", above_sole(0.030, 0.020, 0.004)),
            ("midfoot", above_sole(0.108, 0.019, 0.010)),
        ],
        "gefen2002_ligament",
        4 * BUNDLE,
        f"four bundles (to metatarsals 2 to 5) of 18.4 mm^2, {CHEUNG}",
        "assumed: plantar calcaneus in front of the tubercles to the metatarsal bases",
    ),
    "short_plantar": (
        [
            ("calcn", above_sole(0.058, 0.023, 0.012)),
            ("midfoot", above_sole(0.092, 0.022, 0.014)),
        ],
        "gefen2002_ligament",
        2 * BUNDLE,
        "two bundles (surface and deep, Edama et al. 2021, doi:10.1186/s13047-020-00443-7) of 18.4 "
        f"mm^2, {CHEUNG}",
        "assumed: anterior tubercle of the calcaneus to the plantar cuboid",
    ),
    "spring": (
        [
            ("calcn", above_sole(0.055, 0.036, -0.020)),
            ("midfoot", above_sole(0.091, 0.030, -0.024)),
        ],
        "gefen2002_ligament",
        3 * BUNDLE,
        "three bundles (superomedial, medioplantar, inferoplantar: Patil et al. 2007, Foot Ankle "
        f"Int 28:927) of 18.4 mm^2, {CHEUNG}",
        "assumed: sustentaculum tali to the plantar navicular",
    ),
}
_LAW_SOURCE = {"natali2010": NATALI, "gefen2002_ligament": f"{GEFEN}, ligaments"}


def rest_length(points):
    """Length at the neutral pose of a path through (body, point in calcn) [m]."""
    places = [np.asarray(in_body(body, point)) + ORIGIN[body] for body, point in points]
    return float(sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(places)))


def law_function(law):
    """The law's curve, stress [MPa] over length / resting length."""
    x, stress = law_knots(law)
    return {"kind": "simm_spline", "x": rounded(x, 7), "y": [float(f"{s:.9g}") for s in stress]}


def ligaments():
    """Plantar fascia and the plantar ligaments, slack up to the neutral pose."""
    return [
        {
            "name": f"{name}_r",
            "resting_length": round(rest_length(points), 6),
            "pcsa_force": round(section, 4),
            "curve": law_function(law),
            "path": {"points": [on(*point) for point in points], "wraps": [], "source": places},
            "source": f"stress in MPa over stretch: {_LAW_SOURCE[law]}; {section_source}; slack up "
            "to the neutral pose, that of the unloaded foot (assumed, as Caravaggi et al. 2009, "
            "doi:10.1242/jeb.025767, do for the fascia)",
        }
        for name, (points, law, section, section_source, places) in LIGAMENTS.items()
    ]


# --- passive moments --------------------------------------------------------------------------

ARCH_STIFFNESS = 3.90 * MASS  # of the whole arch, late mid-stance, Sanchis-Sales 2016 [N m/rad]
TRANSVERSE_SHARE = 0.40  # of longitudinal bending stiffness, Venkadesan 2020 [-]
MTP_STIFFNESS = 2.0 * 14.9e-3 * 180.0 / np.pi  # Man et al. 2016 [N m/rad]
LOSS = 0.22  # energy lost in a load cycle, of that put in, Ker 1987 [-]
LOAD_FREQUENCY = 2.0  # of loading and unloading within half a second of stance, assumed [Hz]


def loss_damping(stiffness):
    """Damping [N m s/rad] that loses `LOSS` of the energy put in at `LOAD_FREQUENCY`.

    Sinusoidal load from 0 to its peak: work put in 2 k A^2, lost pi c w A^2 for an amplitude A.
    """
    return LOSS * 2.0 * stiffness / (np.pi * 2.0 * np.pi * LOAD_FREQUENCY)


def passive_moments(form):
    """About midtarsal and MTP joint, and the limits of ankle and (in space) subtalar joint."""
    # About an axis that leans out, the same sagittal stiffness needs less: both the moment's part
    # along the axis and the turn's sagittal part shrink.
    lean = MIDTARSAL_AXIS[2] ** 2 if form == "space" else 1.0
    extension = limits("mtp") | {"lower_angle": -np.deg2rad(40.0)}
    moments = [
        passive_moment(
            "midtarsal_r",
            "midtarsal_angle_r",
            f"stiffness without fascia and plantar ligaments: 40 % of the arch's (transverse arch, "
            f"{VENKADESAN}), the arch's 3.90 N m/kg/rad (late mid-stance, {SANCHIS}) at 75 kg"
            + ("; times the axis' sagittal share squared" if form == "space" else "")
            + f"; damping: the arch loses 22 % in a load cycle ({KER}), at 2 Hz (assumed)",
            stiffness=lean * TRANSVERSE_SHARE * ARCH_STIFFNESS,
            damping=lean * loss_damping(ARCH_STIFFNESS),
        ),
        passive_moment(
            "mtp_r",
            "mtp_angle_r",
            "stiffness: 14.9 (SD 14.6) N mm/deg, first joint (Man et al. 2016, "
            "doi:10.1186/s13047-016-0173-2), the four others together alike (assumed); damping: "
            f"loses as much of its energy as the arch (assumed); {ANDERSON}, in extension; in "
            "flexion the same at 40 deg (assumed: there toes do not flex)",
            stiffness=MTP_STIFFNESS,
            damping=loss_damping(MTP_STIFFNESS),
            **(extension | {f"lower_{k}": extension[f"upper_{k}"] for k in ("moment", "width")}),
        ),
        passive_moment("ankle_r", "ankle_angle_r", ANDERSON, **limits("ankle")),
    ]
    if form == "space":
        subtalar = limits("subtalar")
        moments.append(passive_moment("subtalar_r", "subtalar_angle_r", ANDERSON, **subtalar))
    return moments


# --- contact ----------------------------------------------------------------------------------

HEEL_RADIUS = 0.025
# region: body, x, z, radius, height of its lowest point above the unloaded sole [m]
REGIONS = {
    "heel_medial": ("calcn", 0.012, -0.020, HEEL_RADIUS, 0.0),
    "heel_lateral": ("calcn", 0.012, 0.010, HEEL_RADIUS, 0.0),
    "midfoot_medial": ("midfoot", 0.098, -0.024, 0.015, 0.015),
    "midfoot_lateral": ("midfoot", 0.090, 0.030, 0.015, 0.002),
    "metatarsal_1": ("midfoot", 0.178, -0.030, 0.020, 0.0),
    "metatarsal_23": ("midfoot", 0.181, -0.004, 0.020, 0.0),
    "metatarsal_45": ("midfoot", 0.160, 0.028, 0.020, 0.0),
    "hallux": ("toes", round(TIP - 0.018, 4), -0.026, 0.014, 0.0),
    "toes_lesser": ("toes", round(TIP - 0.032, 4), 0.010, 0.012, 0.0),
}


def pad_modulus():
    """Contact modulus [N/m^2] for which one body weight strains the heel pad as walking does.

    The two heel spheres together carry one body weight when 16.0 mm of pad are strained by 0.4
    (within the 0.35-0.6 of heel strike). Inverse of the Hertz law of the contact element.
    """
    depth, load = 0.4 * 0.016, MASS * 9.80665
    per_modulus = 4.0 / 3.0 * 0.5**1.5 * np.sqrt(HEEL_RADIUS) * depth**1.5
    return load / 2.0 / per_modulus


def contacts():
    """Nine spheres under the sole."""
    return [
        {
            "name": f"{region}_r",
            "body": f"{body}_r",
            "location": in_body(body, above_sole(x, height + radius, z)),
            "radius": radius,
            "half_space_position": [0.0, 0.0, 0.0],
            "half_space_orientation": [0.0, 0.0, -float(np.pi / 2.0)],
            "stiffness": float(f"{pad_modulus():.3g}"),
            "dissipation": 2.0,
            "static_friction": 0.8,
            "dynamic_friction": 0.8,
            "viscous_friction": 0.5,
            "transition_velocity": 0.2,
            "constant_contact_force": 1e-6,
            "hertz_smoothing": 1000.0,
            "hunt_crossley_smoothing": 50.0,
            "source": "stiffness: one body weight strains the heel pad, 16.0 mm thick "
            "(doi:10.1186/s12891-022-05197-w), by 0.4, within the 0.35-0.6 of heel strike (Gefen "
            "et al. 2001, J Biomech 34:1661), all regions alike (assumed); dissipation, friction: "
            "Falisse et al. 2019 (doi:10.1098/rsif.2019.0402); smoothing over 1 mm: assumed; sole "
            f"plane: ankle height 0.039 H, {DRILLIS}; breadth of the ball 0.055 H, ibid.; places, "
            "radii assumed",
        }
        for region, (body, x, z, radius, height) in REGIONS.items()
    ]


def markers():
    """The ends of the foot, between which its length is measured."""
    ends = {
        "pternion": ("calcn", above_sole(HEEL, 0.025, MIDTARSAL[2])),
        "acropodion": ("toes", above_sole(TIP, 0.015, -0.026)),
    }
    return [
        {
            "name": f"{name}_r",
            "body": f"{body}_r",
            "location": in_body(body, place),
            "source": "back of the heel and tip of the big toe, as far apart as the foot is long: "
            f"{DE_LEVA}; heights, of the heel's sphere and of the tip, assumed",
        }
        for name, (body, place) in ends.items()
    ]


# --- intrinsic flexor -------------------------------------------------------------------------

FDB = [
    ("calcn", above_sole(0.012, 0.020, -0.008)),
    ("midfoot", MTP + [-0.006, -UNDER_HEAD, 0.0]),
    ("toes", MTP + [0.015, -0.0070, 0.0]),
    ("toes", MTP + [0.035, -0.0090, 0.004]),
]
_SPECIFIC_TENSION = 60.0  # as in Rajagopal 2016 [N/cm^2]
_ALL_PCSA = 6.68 / 0.1537  # of the 28 intrinsic muscles, Kura 1997 [cm^2]
_OTHERS = (_ALL_PCSA - 6.68) / 27.0  # mean of those but abductor hallucis [cm^2]
FDB_PCSA = 6.68 + 5.0 * _OTHERS
FDB_FIBER = 0.20 * 0.1158  # of abductor hallucis, Kura 1997 [m]
FDB_BEST_MTP = np.deg2rad(35.0)  # where toe flexors are strongest: 25-45 deg, Goldmann 2012


def flexor_length(mtp):
    """Length [m] of the flexor with toes extended by `mtp` about the medio-lateral axis."""
    c, s = np.cos(mtp), np.sin(mtp)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    places = [MTP + turn @ (p - MTP) if body == "toes" else np.asarray(p) for body, p in FDB]
    return float(sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(places)))


def muscles():
    """The flexors that run from the calcaneus to the toes, as one."""
    return [
        {
            "name": "fdb_r",
            "max_isometric_force": round(_SPECIFIC_TENSION * FDB_PCSA, 1),
            "optimal_fiber_length": round(FDB_FIBER, 4),
            "tendon_slack_length": round(flexor_length(FDB_BEST_MTP) - FDB_FIBER, 4),
            "pennation_angle": 0.0,
            "max_contraction_velocity": 10.0,
            "min_activation": 0.01,
            "max_activation": 1.0,
            "curves": {
                "active_force_width_scale": 1.0,
                "fiber_damping": 0.01,
                "passive_fiber_strain_at_one_norm_force": 0.6,
                "tendon_strain_at_one_norm_force": 0.049,
                "source": "De Groote et al. 2016 (doi:10.1007/s10439-016-1591-9); damping as in "
                "OpenSim's DeGrooteFregly2016Muscle; tendon strain 0.049: Millard et al. 2013 "
                "(doi:10.1115/1.4023390)",
            },
            "path": {
                "points": [on(*point) for point in FDB],
                "wraps": [],
                "source": "assumed: calcaneal tubercles above the fascia, under the metatarsal "
                "heads 10 mm below the joint, to the middle phalanges",
            },
            "source": f"{KURA}: section of abductor hallucis 6.68 cm^2 (15.37 % of all), its "
            "fibers 0.20 of 115.8 mm; flexor digitorum brevis (4) and abductor digiti minimi taken "
            "as five bellies of the mean section of the rest (assumed); 60 N/cm^2 and 10 lengths/s "
            "as in Rajagopal et al. 2016 (doi:10.1109/TBME.2016.2586891); pennation left out "
            "(assumed); tendon such that fibers are optimal with toes extended by 35 deg, where "
            "toe flexors are strongest (25-45 deg, Goldmann & Brueggemann 2012, "
            "doi:10.1111/j.1469-7580.2012.01524.x)",
        }
    ]


def right_foot(form):
    """Description entries of the right foot, `form` "plane" or "space", by key."""
    if form not in ("plane", "space"):
        raise ValueError(f"The foot's form is '{form}'; it must be 'plane' or 'space'.")
    return {
        "bodies": bodies(form),
        "joints": joints(form),
        "coordinates": coordinates(),
        "ligaments": ligaments(),
        "passive_moments": passive_moments(form),
        "contacts": contacts(),
        "markers": markers(),
        "muscles": muscles(),
    }
