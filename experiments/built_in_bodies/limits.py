"""Passive moments of the joints: the description entry, and Anderson's soft limits.

Source: Anderson (1999), *A dynamic optimization solution for a complete cycle of normal gait*,
thesis, University of Texas at Austin, equation 4.4 and Table G.2, used in Anderson & Pandy (1999),
Comput. Methods Biomech. Biomed. Engin. 2:201-231, doi:10.1080/10255849908907988; numbers of hip
adduction and rotation, MTP and trunk as with Falisse et al. (2019), J. R. Soc. Interface
16:20190402, doi:10.1098/rsif.2019.0402.
"""

ANDERSON = (
    "limits: Anderson & Pandy 1999 (doi:10.1080/10255849908907988), as tabulated with Falisse et "
    "al. 2019 (doi:10.1098/rsif.2019.0402)"
)

# lower moment [N m], its angle [rad], growth [1/rad]; upper moment, angle, growth. Signs of this
# package: flexion of hip and knee, adduction, dorsiflexion, inversion, extension of toes and trunk.
LIMITS = {
    "hip_flexion": (1.51, -0.6981, 21.88, 2.44, 1.81, 5.05),
    "hip_adduction": (0.03, -0.5, 14.94, 0.03, 0.5, 14.94),
    "hip_rotation": (0.03, -0.92, 14.94, 0.03, 0.92, 14.94),
    "knee": (6.09, -0.13, 33.94, 11.03, 2.4, 11.33),
    "ankle": (0.18, -0.74, 12.12, 2.03, 0.52, 38.11),
    "subtalar": (60.21, -0.65, 16.32, 60.21, 0.65, 16.32),
    "mtp": (0.18, 0.0, 70.08, 0.9, 1.134, 14.87),
    "lumbar_extension": (0.25, -0.5236, 20.36, 0.35, 0.17, 30.72),
    "lumbar_bending": (0.25, -0.3491, 20.36, 0.25, 0.3491, 20.36),
    "lumbar_rotation": (0.25, -0.3491, 20.36, 0.25, 0.3491, 20.36),
}


def limits(joint):
    """Both limits of a joint."""
    low, low_angle, low_growth, up, up_angle, up_growth = LIMITS[joint]
    return {
        "lower_moment": low,
        "lower_angle": low_angle,
        "lower_width": 1.0 / low_growth,
        "upper_moment": up,
        "upper_angle": up_angle,
        "upper_width": 1.0 / up_growth,
    }


def passive_moment(name, coordinate, source, **numbers):
    """The description entry; what is not named is absent."""
    absent = {"stiffness": 0.0, "neutral": 0.0, "damping": 0.0}
    for end in ("lower", "upper"):
        absent |= {f"{end}_moment": 0.0, f"{end}_angle": 0.0, f"{end}_width": 1.0}
    values = {key: float(f"{value:.6g}") for key, value in (absent | numbers).items()}
    return {"name": name, "coordinate": coordinate, **values, "source": source}
