"""Stress-stretch laws of plantar fascia and plantar ligaments, and the curves they become.

A law is the nominal stress P [MPa] (force / cross-section at rest) at a stretch s (length / slack
length), s >= 1, P(1) = 0. Times the cross-section [mm^2] it is the tension [N].

    natali2010          P = sigma / s,   sigma = mu (s^2 - 1/s)
                                               + k/(2 alpha) (exp(alpha (s^2 - 1)) - 1) s^2
    gefen2002           P = sum_n a_n s^n - sum_n a_n      plantar fascia
    gefen2002_ligament  the same with other a_n            long plantar and other ligaments

Sources: Natali, Pavan & Stecco (2010), Connect. Tissue Res. 51:337-346,
doi:10.3109/03008200903389127 (isotropic matrix with collagen along the fascia, fitted to the
tensile tests of Wright & Rennels 1964); Gefen (2002), J. Biomech. 35:629-637,
doi:10.1016/S0021-9290(01)00242-1 (fifth-order polynomials).
Departures: Natali's sigma is true stress; its (s^2 - 1/s) is that of an incompressible bar, so the
section at stretch s is 1/s of that at rest. Gefen's printed coefficients leave 0.1 MPa (fascia) and
0.0 MPa (ligament) at s = 1; that is taken off. We read his stress as nominal; he does not say.
Range: each law is followed up to `END` and straight on from there. Gefen's polynomials stop
stiffening at s = 1.16 and bend down beyond; Natali's data end near s = 1.06.

Sections: a law and the section it belongs to come together (`SECTION`), else one fascia would be
five times softer than the other. Cheung et al. (2005), J. Biomech. 38:1045-1054,
doi:10.1016/j.jbiomech.2004.05.035, give fascia 58.6 mm^2. With Natali's law on 58.6 mm^2, and with
Gefen's on 58.6 mm^2 for each of the five rays of his foot, a fascia of 186 mm pulls with 194 and
176 N/mm between half and whole failure load; measured are 203.7 +- 50.5 N/mm and 1189 N (Kitaoka
et al. 1994, Foot Ankle Int. 15:557-560).

A law has a kink at its slack length. `law_curve` rounds it, C2 and convex, over `ROUNDING` of the
length on either side, so tension sets in smoothly:

    curve(x) = P(1 + ramp(x / (1 + ROUNDING) - 1)),   x = length / resting length

The slack length of the law is `1 + ROUNDING` times the resting length, where tension begins.
From twice the rounding on, curve and law agree. The curve is a cubic spline (OpenSim's
`SimmSpline`) through knots of this; it misses it by less than 1e-4 of the tension.
"""

from collections.abc import Callable

import equinox as eqx
import numpy as np

from .body import Model
from .functions import ScalarFunction, simm_spline, with_function
from .names import UnknownName, find, suggest

ROUNDING = 0.002
"""Half the strain over which the kink at the slack length is rounded; assumed [-]."""

_MU, _K, _ALPHA = 14.449, 254.02, 10.397  # Natali 2010 [MPa], [MPa], [-]
_FASCIA = (724755.5, -3354935.1, 6206986.7, -5736967.6, 2648898.5, -488737.9)  # Gefen 2002 [MPa]
_LIGAMENT = (611190.6, -2829945.7, 5236972.7, -4841544.8, 2235967.7, -412640.5)  # same [MPa]


def natali2010(stretch):
    """Nominal stress of plantar fascia [MPa] at a stretch [-] >= 1."""
    s = np.asarray(stretch, float)
    fibers = _K / (2.0 * _ALPHA) * np.expm1(_ALPHA * (s**2 - 1.0)) * s**2
    return (_MU * (s**2 - 1.0 / s) + fibers) / s


def gefen2002(stretch):
    """Nominal stress of plantar fascia [MPa] at a stretch [-] >= 1."""
    return _polynomial(_FASCIA, stretch)


def gefen2002_ligament(stretch):
    """Nominal stress of a plantar ligament [MPa] at a stretch [-] >= 1."""
    return _polynomial(_LIGAMENT, stretch)


def _polynomial(ascending, stretch):
    """Sum of a_n (s^n - 1), each difference without cancellation near s = 1."""
    strain = np.asarray(stretch, float) - 1.0
    about_one = _shifted(ascending)
    return strain * np.polynomial.polynomial.polyval(strain, about_one[1:])


def _shifted(ascending):
    """Coefficients of the same polynomial in powers of s - 1."""
    polynomial = np.polynomial.Polynomial(ascending)
    return polynomial(np.polynomial.Polynomial([1.0, 1.0])).coef


LAWS: dict[str, Callable] = {
    "natali2010": natali2010,
    "gefen2002": gefen2002,
    "gefen2002_ligament": gefen2002_ligament,
}
"""Nominal stress [MPa] at a stretch, by name."""
FASCIA_LAWS = ("natali2010", "gefen2002")
"""Those for plantar fascia."""
SECTION = {"natali2010": 58.6, "gefen2002": 5 * 58.6}
"""Cross-section of the whole fascia that goes with its law [mm^2]."""
END = {"natali2010": 1.10, "gefen2002": 1.15, "gefen2002_ligament": 1.15}
"""Stretch up to which each law is followed [-]."""


def law_stress(law: str, norm_length):
    """What the curve follows: nominal stress [MPa] at length / resting length, kink rounded."""
    return LAWS[law](1.0 + _ramp(np.asarray(norm_length, float) / (1.0 + ROUNDING) - 1.0))


def _ramp(x):
    """max(0, x) averaged over a parabola `ROUNDING` / (1 + `ROUNDING`) wide to each side; C2."""
    width = ROUNDING / (1.0 + ROUNDING)
    u = np.clip(x / width, -1.0, 1.0)
    return np.where(x > width, x, width * (3.0 + u * (8.0 + u * (6.0 - u**2))) / 16.0)


def law_knots(law: str) -> tuple[np.ndarray, np.ndarray]:
    """Knots of a law's curve: length / resting length [-] and nominal stress [MPa]."""
    end = (1.0 + ROUNDING) * END[law]
    corner = np.linspace(-0.25 * ROUNDING, 2.5 * ROUNDING, 23)
    beyond = np.linspace(2.5 * ROUNDING, end - 1.0, 32)[1:]
    x = np.round(1.0 + np.concatenate([corner, beyond]), 7)
    return x, law_stress(law, x)


def law_curve(law: str) -> ScalarFunction:
    """Nominal stress [MPa] over length / resting length, as a ligament's `curve`."""
    x, stress = law_knots(law)
    return simm_spline(x.tolist(), stress.tolist())


def fascia_curve(law: str) -> ScalarFunction:
    """Tension / section of Natali's fascia [MPa] over length / resting length."""
    ratio = SECTION[law] / SECTION["natali2010"]
    return law_curve(law) if ratio == 1.0 else law_curve(law).scaled(ratio)


def with_fascia_law(model: Model, law: str) -> Model:
    """The model with another law for every strand of plantar fascia.

    `law` is one of `FASCIA_LAWS`. Strands are the ligaments whose name begins with
    `plantar_fascia`. Their `pcsa_force` stays and stands for the section of Natali's law [mm^2];
    the curve of another law is larger by the ratio of the sections. Differentiable in everything
    else.

    **Raises:** `UnknownName` for a law that is not there, or a model without plantar fascia.
    """
    if law not in FASCIA_LAWS:
        raise UnknownName(f"No law of plantar fascia named '{law}'. {suggest(law, FASCIA_LAWS)}")
    ligaments = model.ligaments
    strands = [name for name in ligaments.names if name.startswith("plantar_fascia")]
    if not strands:
        find("ligament", "plantar_fascia", ligaments.names)
    curve, new = ligaments.curve, fascia_curve(law)
    for name in strands:
        curve = with_function(curve, find("ligament", name, ligaments.names), new)
    return eqx.tree_at(lambda m: m.ligaments.curve, model, curve)
