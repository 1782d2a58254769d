"""Body segments of a man of 1.75 m and 75 kg: masses, mass centers and inertias.

Source: de Leva (1996), J. Biomech. 29:1223-1230, doi:10.1016/0021-9290(95)00178-6, Table 4, men
(mean of 100 young men, 1.741 m and 73 kg). Lengths follow stature.
"""

import numpy as np

MASS, HEIGHT = 75.0, 1.75  # [kg], [m]
GENERIC_HEIGHT = 1.70  # of the generic model of Rajagopal et al. [m]
SCALE = HEIGHT / GENERIC_HEIGHT  # what its lengths are multiplied by [-]
DE_LEVA_SCALE = HEIGHT / 1.741  # de Leva's average man is 1.741 m tall

RLU = (
    "Rajagopal et al. 2016 (doi:10.1109/TBME.2016.2586891), generic model as updated by Lai et al. "
    "2017 (doi:10.1007/s10439-017-1920-7) and Uhlrich et al. 2022 (doi:10.1038/s41598-022-13386-9)"
)
SCALED = f"{RLU}; lengths x 1.75 m / 1.70 m"
DE_LEVA = "de Leva 1996 (doi:10.1016/0021-9290(95)00178-6), Table 4, men"
FUKUCHI = "Fukuchi 2018 (doi:10.7717/peerj.4640)"

# Mass [% of body], mass center [% of length from the proximal end], radius of gyration
# [% of length] about the antero-posterior, medio-lateral and long axes, length [mm].
SEGMENTS = {
    "head": (6.94, 50.02, (30.3, 31.5, 26.1), 242.9),  # vertex to cervicale
    "upper_trunk": (15.96, 29.99, (71.6, 45.4, 65.9), 170.7),
    "middle_trunk": (16.33, 45.02, (48.2, 38.3, 46.8), 215.5),
    "lower_trunk": (11.17, 61.15, (61.5, 55.1, 58.7), 145.7),
    "upper_arm": (2.71, 57.72, (28.5, 26.9, 15.8), 281.7),
    "forearm": (1.62, 45.74, (27.6, 26.5, 12.1), 268.9),
    "hand": (0.61, 79.00, (62.8, 51.3, 40.1), 86.2),
    "thigh": (14.16, 40.95, (32.9, 32.9, 14.9), 422.2),
    "shank": (4.33, 43.95, (25.1, 24.6, 10.2), 440.3),  # knee to ankle joint center
    "foot": (1.37, 44.15, (25.7, 24.5, 12.4), 258.1),
}
HIP_TO_CERVICALE, HIP_TO_SHOULDER = 603.3, 515.5  # same table [mm]
_ARM = ("upper_arm", "forearm", "hand")

PELVIS_TILT = np.deg2rad(-10.3)  # mean of Fukuchi 2018 in walking; where the trunk is upright


def mass_of(segment):
    """Mass of one segment [kg]."""
    return SEGMENTS[segment][0] / 100.0 * MASS


def inertia_of(segment, length=None):
    """Principal inertia [kg m^2]: antero-posterior (x), long (y), medio-lateral (z) axis.

    `length` [m] is the segment's own, if it is not de Leva's.
    """
    _, _, (sagittal, transverse, longitudinal), table_length = SEGMENTS[segment]
    length = table_length * 1e-3 * DE_LEVA_SCALE if length is None else length
    radii = np.array([sagittal, longitudinal, transverse]) / 100.0 * length
    return mass_of(segment) * radii**2


def torso(shoulder=0.0):
    """Middle and upper trunk, head and hanging arms as one body.

    Mass [kg], height of the mass center above the hips [m], inertia about it [kg m^2]. The arms
    hang `shoulder` [m] beside the middle plane.
    """
    lower, middle = SEGMENTS["lower_trunk"][3], SEGMENTS["middle_trunk"][3]
    upper, arm, fore = (SEGMENTS[s][3] for s in ("upper_trunk", "upper_arm", "forearm"))
    below = lambda segment, top: top - SEGMENTS[segment][1] / 100.0 * SEGMENTS[segment][3]
    height = {
        "middle_trunk": below("middle_trunk", lower + middle),
        "upper_trunk": below("upper_trunk", lower + middle + upper),
        "head": below("head", HIP_TO_CERVICALE + SEGMENTS["head"][3]),
        "upper_arm": below("upper_arm", HIP_TO_SHOULDER),
        "forearm": below("forearm", HIP_TO_SHOULDER - arm),
        "hand": below("hand", HIP_TO_SHOULDER - arm - fore),
    }
    count = {name: 2 if name in _ARM else 1 for name in height}
    masses = {name: count[name] * mass_of(name) for name in height}
    heights = {name: h * 1e-3 * DE_LEVA_SCALE for name, h in height.items()}
    mass = sum(masses.values())
    center = sum(masses[n] * heights[n] for n in height) / mass
    inertia = np.zeros(3)
    for name in height:
        aside = shoulder if name in _ARM else 0.0
        up = heights[name] - center
        offset = np.array([up**2 + aside**2, aside**2, up**2])
        inertia += count[name] * inertia_of(name) + masses[name] * offset
    return mass, center, inertia


def turn(angle):
    """[..., 2, 2] rotations by `angle` [rad]."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def rounded(values, digits=4):
    """Plain numbers, rounded, without minus zero."""
    return [round(float(v), digits) + 0.0 for v in values]
