"""Isometric strength of people, to hold against `studies.isometric_strength`.

`PUBLISHED` holds, for each exertion, the peak moments of groups of healthy men as the works named
print them; a range is the mean -+ 2 standard deviations, which 95 of 100 people are in, and that of
several groups reaches from the lowest to the highest; of a meta-analysis it is the 95 %
confidence interval of the pooled mean. Moments that are printed over body mass, or
over body weight times height, are taken of the body compared.

`anderson_2007` is the one source with a curve by angle for six exertions:

    moment = C1 body weight height cos(C2 (angle - C3)),            zero velocity, active part

Source: Anderson, Madigan & Nussbaum (2007), J. Biomech. 40:3105-3113,
doi:10.1016/j.jbiomech.2007.03.022, table 3: men of 18 to 25 years. Flexion of hip and knee and
dorsiflexion are positive angles, as in the built-in bodies.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

HEIGHT = 1.75
"""Of the built-in bodies [m]."""
_GRAVITY = 9.80665  # standard value, CGPM 1901 [m/s^2]


class PublishedPeak(NamedTuple):
    """Peak moment of a group: `low` to `high` of `unit`; see the head of this file."""

    low: float
    high: float
    unit: str
    people: str
    source: str


class TorqueAngle(NamedTuple):
    """Parameters of `anderson_2007`, with the standard deviation of C1 between people.

    - `c1`, `c1_sd`: of body weight times height [-]. `c2`: [-]. `c3`: [rad].
    """

    c1: float
    c1_sd: float
    c2: float
    c3: float


_ANDERSON = "Anderson et al. 2007, doi:10.1016/j.jbiomech.2007.03.022, table 3"
_SOLIANIK = (
    "Solianik et al., 'Dependence of muscle torque of ankle plantar and dorsal flexors on "
    "different ankle angles', Baltic J. Sport Health Sci., article 343"
)
_TRAINED = "'Absolute and normalized normative torque values' 2024, doi:10.1016/j.asmr.2023.100861"
_SARABON = "Šarabon et al. 2021, doi:10.3389/fphys.2021.767941"
_SOCCER = (
    "'Klinisch toepasbare functie- en krachttesten voor mannelijke jeugdspelers van een betaald "
    "voetbal organisatie', Sport & Geneeskunde 2018(1)"
)
_SUGIMOTO = "Sugimoto et al. 2014, doi:10.1097/JSM.0000000000000059"
_OTTAVIANI = "Ottaviani et al. 2001, Am. J. Sports Med. 29:219-225"
_ASHTON = "Ashton-Miller et al. 1996, doi:10.1177/036354659602400616"

ANDERSON_2007: Mapping[str, TorqueAngle] = {
    "hip_extension": TorqueAngle(0.161, 0.049, 0.958, 0.932),
    "hip_flexion": TorqueAngle(0.113, 0.025, 0.738, -0.214),
    "knee_extension": TorqueAngle(0.163, 0.040, 1.258, 1.133),
    "knee_flexion": TorqueAngle(0.087, 0.015, 0.869, 0.522),
    "ankle_plantarflexion": TorqueAngle(0.095, 0.022, 1.391, 0.408),
    "ankle_dorsiflexion": TorqueAngle(0.033, 0.005, 1.510, -0.187),
}
"""Men of 18 to 25 years."""


def _group(mean, sd, unit, people, source):
    return PublishedPeak(mean - 2.0 * sd, mean + 2.0 * sd, unit, people, source)


def _of_anderson(name):
    own = ANDERSON_2007[name]
    return _group(own.c1, own.c1_sd, "body weight x height", "men, 18-25 years", _ANDERSON)


PUBLISHED: Mapping[str, tuple[PublishedPeak, ...]] = {
    "hip_flexion": (_of_anderson("hip_flexion"),),
    "hip_extension": (_of_anderson("hip_extension"),),
    "hip_abduction": (
        _group(3.23, 0.71, "N m/kg", "49 young men, professional soccer", _SOCCER),
        _group(1.29, 0.24, "N m/kg", "16 male athletes, concentric at 60 deg/s", _SUGIMOTO),
    ),
    "hip_adduction": (_group(3.30, 1.13, "N m/kg", "49 young men, professional soccer", _SOCCER),),
    "knee_extension": (
        _of_anderson("knee_extension"),
        _group(2.74, 0.58, "N m/kg", "35 trained men, knee at 80 deg", _TRAINED),
        PublishedPeak(2.92, 3.45, "N m/kg", "men, pooled mean, mid-range knee", _SARABON),
    ),
    "knee_flexion": (
        _of_anderson("knee_flexion"),
        _group(1.24, 0.30, "N m/kg", "35 trained men, knee at 80 deg", _TRAINED),
        PublishedPeak(1.15, 1.62, "N m/kg", "men, pooled mean, mid-range knee", _SARABON),
    ),
    "ankle_plantarflexion": (
        _of_anderson("ankle_plantarflexion"),
        _group(207.8, 38.1, "N m", "10 untrained men, 25 deg of dorsiflexion", _SOLIANIK),
    ),
    "ankle_dorsiflexion": (
        _of_anderson("ankle_dorsiflexion"),
        _group(47.2, 8.1, "N m", "10 untrained men, 25 deg of plantarflexion", _SOLIANIK),
    ),
    "subtalar_inversion": (  # spread between people: that of the women, 7.6 of 24.1 N m
        _group(0.027, 0.027 * 7.6 / 24.1, "body weight x height", "men and women", _OTTAVIANI),
    ),
    "subtalar_eversion": (  # spread between people: that of the women, 6.8 of 14.7 N m
        _group(0.016, 0.016 * 6.8 / 14.7, "body weight x height", "men and women", _OTTAVIANI),
        _group(50.0, 8.0, "N m", "20 men, 15 deg of inversion, passive tissue too", _ASHTON),
    ),
}
"""Exertion -> groups of people."""

RAJAGOPAL_SPECIFIC_TENSION = 60.0
"""Of every muscle of the generic model [N/cm^2]; Rajagopal et al. (2016),
doi:10.1109/TBME.2016.2586891."""
MEASURED_SPECIFIC_TENSION = 30.0
"""Of the quadriceps of 27 young untrained men [N/cm^2], SD 5, from maximal efforts corrected for
incomplete activation and antagonists: Erskine et al. (2009), 'In vivo specific tension of the human
quadriceps femoris muscle', Eur. J. Appl. Physiol. 106:827-838, doi:10.1007/s00421-009-1085-7."""


def published_range(exertion: str, body_mass: float, height: float = HEIGHT) -> tuple[float, float]:
    """Lowest and highest peak moment of the groups [N m], for a body of `body_mass` [kg]."""
    groups = PUBLISHED[exertion]
    size = {
        "N m": 1.0,
        "N m/kg": body_mass,
        "body weight x height": body_mass * _GRAVITY * height,
    }
    return (
        min(group.low * size[group.unit] for group in groups),
        max(group.high * size[group.unit] for group in groups),
    )


def anderson_2007(
    exertion: str,
    angle: Float[np.ndarray, " angle"],
    body_mass: float,
    height: float = HEIGHT,
    deviations: float = 0.0,
) -> Float[np.ndarray, " angle"]:
    """Mean moment [N m] at each `angle` [rad], `deviations` standard deviations of C1 off."""
    own = ANDERSON_2007[exertion]
    peak = (own.c1 + deviations * own.c1_sd) * body_mass * _GRAVITY * height
    return peak * np.maximum(np.cos(own.c2 * (angle - own.c3)), 0.0)
