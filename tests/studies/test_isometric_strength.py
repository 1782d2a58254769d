import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.analysis.published_strength import (
    ANDERSON_2007,
    MEASURED_SPECIFIC_TENSION,
    PUBLISHED,
    RAJAGOPAL_SPECIFIC_TENSION,
    anderson_2007,
    published_range,
)
from biomech.compilation import compiled
from biomech.formats.load import load_built_in
from biomech.model.names import BadInput, UnknownName
from biomech.muscles.curves import active_force_length
from biomech.studies.isometric_strength import (
    EXERTIONS,
    TENDONS,
    Exertion,
    StrengthCurve,
    balanced_moment,
    strength_curve,
)
from elbow import HEIGHT, INSERT, forearm

STRONGER_THAN_PUBLISHED = {
    "hip_flexion": 1.20,
    "hip_extension": 1.54,
    "knee_extension": 1.06,
    "knee_flexion": 1.19,
    "ankle_plantarflexion": 1.13,
    "ankle_dorsiflexion": 1.20,
}
"""Peak over the upper end of the published range, as documented; muscles pull 60 N/cm^2."""


@pytest.fixture(scope="module")
def body():
    return load_built_in("lower_limb")


@pytest.fixture(scope="module")
def curves(body):
    """(exertion, tendon) -> right leg."""
    return {
        (name, tendon): strength_curve(body, exertion, tendon=tendon)
        for name, exertion in EXERTIONS.items()
        for tendon in TENDONS
    }


def peak(curve, moment=None):
    """Largest moment [N m] and its angle [deg]."""
    moment = np.asarray(curve.moment if moment is None else moment)
    return moment.max(), np.rad2deg(float(curve.angle[moment.argmax()]))


# --- closed forms -------------------------------------------------------------------------------


def test_strength_of_a_forearm_by_hand():
    """Lever arm times optimal force times force-length; the tendon rigid, no pennation."""
    model = forearm((2000.0, 800.0))
    angles = np.array([-0.3, 0.0, 0.4])
    flexion = Exertion("flexion", 1, (-20.0, 20.0), {}, ())
    own = model.skeleton.coordinates
    right = dataclasses.replace(own, names=tuple(f"{name}_r" for name in own.names))
    sided = eqx.tree_at(lambda m: m.skeleton.coordinates, model, right)
    got = strength_curve(sided, flexion, angles=angles, tendon="rigid")
    for i, angle in enumerate(angles):
        expected = 0.0
        for k, strength in enumerate((2000.0, 800.0)):
            insert = INSERT * (1 + 0.2 * k)
            point = insert * np.array([np.cos(angle), np.sin(angle)])
            line = np.array([0.0, HEIGHT]) - point
            length = np.linalg.norm(line)
            arm = (point[0] * line[1] - point[1] * line[0]) / length
            norm = jnp.full(2, (length - 0.1) / 0.15)
            expected += arm * strength * float(active_force_length(model.muscles.curves, norm)[k])
        np.testing.assert_allclose(got.moment[i], expected, rtol=1e-9)
    extension = strength_curve(sided, flexion._replace(direction=-1), angles=angles, tendon="rigid")
    np.testing.assert_array_equal(extension.moment, 0.0)


def test_balance_of_muscles_by_hand():
    """Two muscles push 10 and 6 N m and pull 4 and -8 N m the other way; a third only makes up.

    Alone: the first in full needs half of the second: 13. With the third, all the first and the
    second: 16, which leaves -4 for the third to take.
    """
    both = np.array([[[10.0, 4.0], [6.0, -8.0]]])
    three = np.array([[[10.0, 4.0], [6.0, -8.0], [0.0, 5.0]]])
    held = both[..., :1]
    of = lambda x: balanced_moment(
        StrengthCurve(jnp.zeros(1), jnp.zeros(1), jnp.asarray(x), jnp.ones(x.shape[:2]))
    )
    np.testing.assert_allclose([of(both)[0], of(three)[0], of(held)[0]], [13.0, 16.0, 16.0])


# --- the built-in body --------------------------------------------------------------------------


def test_left_is_the_mirror_image_of_right(body, curves):
    for name, exertion in EXERTIONS.items():
        left, right = strength_curve(body, exertion, "l"), curves[name, "compliant"]
        np.testing.assert_allclose(left.moment, right.moment, rtol=1e-9)
        np.testing.assert_allclose(balanced_moment(left), balanced_moment(right), rtol=1e-7)


def test_balance_takes_and_never_gives(curves):
    for key, curve in curves.items():
        balanced = balanced_moment(curve)
        assert np.all(balanced <= np.asarray(curve.moment) * (1.0 + 1e-9)), key
        assert np.all(balanced > 0.0), key
        if curve.leverage.shape[2] == 1:
            np.testing.assert_allclose(balanced, curve.moment, rtol=1e-9)


def test_muscles_that_act_are_those_of_anatomy(body, curves):
    strongest = {
        "hip_flexion": {"psoas", "iliacus", "recfem"},
        "hip_abduction": {"glmed1", "glmed2", "glmed3"},
        "knee_extension": {"vaslat", "vasmed", "vasint"},
        "ankle_plantarflexion": {"soleus", "gasmed", "gaslat"},
        "ankle_dorsiflexion": {"tibant", "edl", "ehl"},
    }
    for name, wanted in strongest.items():
        curve = curves[name, "compliant"]
        row = np.asarray(curve.leverage)[np.asarray(curve.moment).argmax(), :, 0]
        order = [body.muscles.names[i] for i in np.argsort(-row)]
        assert all(muscle.endswith("_r") for muscle in order[:5])
        assert wanted <= {muscle[:-2] for muscle in order[:4]}, (name, order[:4])


@pytest.mark.parametrize("exertion", EXERTIONS)
def test_peak_lies_in_the_published_range(curves, exertion, request):
    """Mean -+ 2 SD of the groups in `PUBLISHED`, each with its source, for a man of 75 kg, 1.75 m.

    Muscles of the source model pull 60 N/cm^2; the next test says what that does.
    """
    if exertion in STRONGER_THAN_PUBLISHED:
        reason = "stronger than people, as documented: the muscles' specific tension"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    low, high = published_range(exertion, 75.0)
    moment, _ = peak(curves[exertion, "compliant"], balanced_moment(curves[exertion, "compliant"]))
    assert low <= moment <= high, [group.source for group in PUBLISHED[exertion]]


@pytest.mark.parametrize("exertion", EXERTIONS)
def test_at_the_measured_specific_tension_every_peak_lies_in_the_range(body, exertion):
    """30 N/cm^2 (Erskine 2009) instead of 60: the cause, applied in the model and not after it."""
    share = MEASURED_SPECIFIC_TENSION / RAJAGOPAL_SPECIFIC_TENSION
    strength = body.muscles.max_isometric_force * share
    weaker = eqx.tree_at(lambda m: m.muscles.max_isometric_force, body, strength)
    curve = strength_curve(weaker, EXERTIONS[exertion])
    moment, _ = peak(curve, balanced_moment(curve))
    low, high = published_range(exertion, 75.0)
    assert low <= moment <= high, moment


@pytest.mark.parametrize("exertion", STRONGER_THAN_PUBLISHED)
def test_the_excess_is_as_documented(curves, exertion):
    curve = curves[exertion, "compliant"]
    moment, _ = peak(curve, balanced_moment(curve))
    excess = moment / published_range(exertion, 75.0)[1]
    np.testing.assert_allclose(excess, STRONGER_THAN_PUBLISHED[exertion], atol=0.01)


@pytest.mark.parametrize(
    "exertion", ["hip_extension", "ankle_plantarflexion", "ankle_dorsiflexion"]
)
def test_strength_peaks_where_people_are_strongest(curves, exertion):
    """Anderson et al. (2007), table 3: C3 -+ 2 SD [deg]; what a rigid tendon gets wrong."""
    at, spread = {
        "hip_extension": (0.932, 0.358),
        "ankle_plantarflexion": (0.408, 0.083),
        "ankle_dorsiflexion": (-0.187, 0.067),
    }[exertion]
    assert ANDERSON_2007[exertion].c3 == at
    low, high = np.rad2deg([at - 2.0 * spread, at + 2.0 * spread])
    assert low <= peak(curves[exertion, "compliant"])[1] <= high
    if exertion.startswith("ankle"):
        assert not low <= peak(curves[exertion, "rigid"])[1] <= high


def test_published_curve_has_its_peak_at_c3():
    angles = np.linspace(-1.0, 2.0, 3001)
    for name, own in ANDERSON_2007.items():
        moment = anderson_2007(name, angles, 75.0)
        np.testing.assert_allclose(angles[moment.argmax()], own.c3, atol=1e-3)
        np.testing.assert_allclose(moment.max(), own.c1 * 75.0 * 9.80665 * 1.75, rtol=1e-6)
        high = anderson_2007(name, angles, 75.0, deviations=2.0)
        assert np.all(high >= moment) and moment.min() >= 0.0


def test_every_published_number_has_people_and_a_source():
    assert set(PUBLISHED) == set(EXERTIONS)
    for groups in PUBLISHED.values():
        for group in groups:
            assert 0.0 <= group.low < group.high and group.people
            assert any(word in group.source for word in ("doi:", "J.", "Geneeskunde"))


def test_strength_gradients(body):
    """Moments are of degree 1 in all strengths; slack length against differences."""
    plantarflexion = EXERTIONS["ankle_plantarflexion"]
    angles = jnp.deg2rad(jnp.array([-10.0, 5.0]))

    def moment(change):
        strength, slack = change
        changed = eqx.tree_at(
            lambda m: (m.muscles.max_isometric_force, m.muscles.tendon_slack_length),
            body,
            (
                body.muscles.max_isometric_force * (1.0 + strength),
                body.muscles.tendon_slack_length * (1.0 + slack),
            ),
        )
        return strength_curve(changed, plantarflexion, angles=angles).moment

    value_and_slopes = compiled(lambda x: (moment(x), jax.jacfwd(moment)(x)))
    at = jnp.zeros(2)
    value, slopes = value_and_slopes(at)
    np.testing.assert_allclose(slopes[:, 0], value, rtol=1e-9)
    for step in (1e-6, 2e-6):
        move = jnp.array([0.0, step])
        up, down = (value_and_slopes(at + sign * move)[0] for sign in (1.0, -1.0))
        difference = (up - down) / (2.0 * step)
        np.testing.assert_allclose(slopes[:, 1], difference, rtol=1e-5)


def test_what_there_is_not_is_refused(body):
    exertion = EXERTIONS["knee_flexion"]
    with pytest.raises(BadInput, match=r"`tendon` is 'elastic'\. There are: compliant, rigid"):
        strength_curve(body, exertion, tendon="elastic")
    with pytest.raises(UnknownName, match=r"subtalar_angle_r"):
        strength_curve(load_built_in("planar"), EXERTIONS["subtalar_eversion"])
