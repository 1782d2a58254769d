"""Parameters of the normalised muscle curves, one record per published muscle model.

Every record holds one array per parameter with one value per muscle; the curves themselves are
functions in `biomech.muscles`. Names are those of the OpenSim classes and properties, defaults
those of OpenSim 4.6, which are the published ones unless a line says otherwise.

Sources: De Groote, Kinney, Rao & Fregly (2016), Ann. Biomed. Eng. 44:2922-2936,
doi:10.1007/s10439-016-1591-9; Millard, Uchida, Seth & Delp (2013), J. Biomech. Eng. 135:021005,
doi:10.1115/1.4023390; Thelen (2003), J. Biomech. Eng. 125:70-77, doi:10.1115/1.1531112.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .names import BadInput


class DeGrooteFregly2016Curves(eqx.Module):
    """What may differ between muscles in the curves of De Groote et al. (2016).

    **Attributes:**

    - `active_force_width_scale`: widens the active force-length curve about its peak [-].
    - `fiber_damping`: normalised force per normalised fiber velocity [-].
    - `passive_fiber_strain_at_one_norm_force`: fiber strain beyond optimal length [-].
    - `tendon_strain_at_one_norm_force`: tendon strain beyond slack length [-].
    """

    active_force_width_scale: Float[Array, " muscle"]
    fiber_damping: Float[Array, " muscle"]
    passive_fiber_strain_at_one_norm_force: Float[Array, " muscle"]
    tendon_strain_at_one_norm_force: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "DeGrooteFregly2016Curves":
        """Defaults for `count` muscles.

        Those of OpenSim. The paper gives no damping, and the tendon a stiffness (35, about the same
        strain) instead of a strain.
        """
        return cls(
            active_force_width_scale=_fill(count, 1.0),
            fiber_damping=_fill(count, 0.0),
            passive_fiber_strain_at_one_norm_force=_fill(count, 0.6),
            tendon_strain_at_one_norm_force=_fill(count, 0.049),
        )


class ActiveForceLengthCurve(eqx.Module):
    """Millard's active force-length curve.

    **Attributes** (lengths divided by optimal fiber length [-]):

    - `min_norm_active_fiber_length`: start of the steep ascending limb.
    - `transition_norm_fiber_length`: from the steep to the shallow ascending limb.
    - `max_norm_active_fiber_length`: end of the descending limb.
    - `shallow_ascending_slope`: of the shallow ascending limb [-].
    - `minimum_value`: of the multiplier [-].
    """

    min_norm_active_fiber_length: Float[Array, " muscle"]
    transition_norm_fiber_length: Float[Array, " muscle"]
    max_norm_active_fiber_length: Float[Array, " muscle"]
    shallow_ascending_slope: Float[Array, " muscle"]
    minimum_value: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "ActiveForceLengthCurve":
        """Defaults for `count` muscles."""
        return cls(
            min_norm_active_fiber_length=_fill(count, 0.4441),
            transition_norm_fiber_length=_fill(count, 0.73),
            max_norm_active_fiber_length=_fill(count, 1.8123),
            shallow_ascending_slope=_fill(count, 0.8616),
            minimum_value=_fill(count, 0.1),
        )


class ForceVelocityCurve(eqx.Module):
    """Millard's force-velocity curve; slopes per maximum contraction velocity [-].

    **Attributes:**

    - `concentric_slope_at_vmax`, `concentric_slope_near_vmax`: at and just before velocity -1.
    - `isometric_slope`: at velocity 0.
    - `eccentric_slope_at_vmax`, `eccentric_slope_near_vmax`: at and just before velocity 1.
    - `max_eccentric_velocity_force_multiplier`: value at velocity 1 [-].
    - `concentric_curviness`, `eccentric_curviness`: 0 (soft) to 1 (sharp) bend [-].
    """

    concentric_slope_at_vmax: Float[Array, " muscle"]
    concentric_slope_near_vmax: Float[Array, " muscle"]
    isometric_slope: Float[Array, " muscle"]
    eccentric_slope_at_vmax: Float[Array, " muscle"]
    eccentric_slope_near_vmax: Float[Array, " muscle"]
    max_eccentric_velocity_force_multiplier: Float[Array, " muscle"]
    concentric_curviness: Float[Array, " muscle"]
    eccentric_curviness: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "ForceVelocityCurve":
        """Defaults for `count` muscles."""
        return cls(
            concentric_slope_at_vmax=_fill(count, 0.0),
            concentric_slope_near_vmax=_fill(count, 0.25),
            isometric_slope=_fill(count, 5.0),
            eccentric_slope_at_vmax=_fill(count, 0.0),
            eccentric_slope_near_vmax=_fill(count, 0.15),
            max_eccentric_velocity_force_multiplier=_fill(count, 1.4),
            concentric_curviness=_fill(count, 0.6),
            eccentric_curviness=_fill(count, 0.9),
        )


class FiberForceLengthCurve(eqx.Module):
    """Millard's passive fiber force-length curve.

    **Attributes:**

    - `strain_at_zero_force`, `strain_at_one_norm_force`: fiber strain beyond optimal length [-].
    - `stiffness_at_low_force`: slope just after the fiber becomes taut [-].
    - `stiffness_at_one_norm_force`: slope at one norm force [-].
    - `curviness`: 0 (soft) to 1 (sharp) bend [-].
    """

    strain_at_zero_force: Float[Array, " muscle"]
    strain_at_one_norm_force: Float[Array, " muscle"]
    stiffness_at_low_force: Float[Array, " muscle"]
    stiffness_at_one_norm_force: Float[Array, " muscle"]
    curviness: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "FiberForceLengthCurve":
        """Defaults for `count` muscles."""
        return cls.fitted(_fill(count, 0.0), _fill(count, 0.7))

    @classmethod
    def fitted(
        cls,
        strain_at_zero_force: Float[Array, " muscle"],
        strain_at_one_norm_force: Float[Array, " muscle"],
    ) -> "FiberForceLengthCurve":
        """The curve OpenSim fits when a file leaves stiffnesses and curviness unset.

        Stiffness 0.2 at low force, 2 / (strain range) at one norm force, curviness 0.75.
        """
        stretch = strain_at_one_norm_force - strain_at_zero_force
        return cls(
            strain_at_zero_force=strain_at_zero_force,
            strain_at_one_norm_force=strain_at_one_norm_force,
            stiffness_at_low_force=jnp.full_like(stretch, 0.2),
            stiffness_at_one_norm_force=2.0 / stretch,
            curviness=jnp.full_like(stretch, 0.75),
        )


class TendonForceLengthCurve(eqx.Module):
    """Millard's tendon force-length curve.

    **Attributes:**

    - `strain_at_one_norm_force`: tendon strain beyond slack length [-].
    - `stiffness_at_one_norm_force`: slope of the straight part [-].
    - `norm_force_at_toe_end`: where the straight part begins [-].
    - `curviness`: 0 (soft) to 1 (sharp) bend [-].
    """

    strain_at_one_norm_force: Float[Array, " muscle"]
    stiffness_at_one_norm_force: Float[Array, " muscle"]
    norm_force_at_toe_end: Float[Array, " muscle"]
    curviness: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "TendonForceLengthCurve":
        """Defaults for `count` muscles."""
        return cls.fitted(_fill(count, 0.049))

    @classmethod
    def fitted(cls, strain_at_one_norm_force: Float[Array, " muscle"]) -> "TendonForceLengthCurve":
        """The curve OpenSim fits when a file leaves stiffness, toe and curviness unset.

        Stiffness 1.375 / strain at one norm force, toe up to a force of 2/3, curviness 0.5.
        """
        return cls(
            strain_at_one_norm_force=strain_at_one_norm_force,
            stiffness_at_one_norm_force=1.375 / strain_at_one_norm_force,
            norm_force_at_toe_end=jnp.full_like(strain_at_one_norm_force, 2.0 / 3.0),
            curviness=jnp.full_like(strain_at_one_norm_force, 0.5),
        )


class Millard2012Curves(eqx.Module):
    """The four curves of `Millard2012EquilibriumMuscle`, each as OpenSim's object of that name.

    **Attributes:**

    - `active_force_length`, `force_velocity`, `fiber_force_length`, `tendon_force_length`.
    - `fiber_damping`: normalised force per normalised fiber velocity [-].
    """

    active_force_length: ActiveForceLengthCurve
    force_velocity: ForceVelocityCurve
    fiber_force_length: FiberForceLengthCurve
    tendon_force_length: TendonForceLengthCurve
    fiber_damping: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "Millard2012Curves":
        """Defaults for `count` muscles."""
        return cls(
            active_force_length=ActiveForceLengthCurve.published(count),
            force_velocity=ForceVelocityCurve.published(count),
            fiber_force_length=FiberForceLengthCurve.published(count),
            tendon_force_length=TendonForceLengthCurve.published(count),
            fiber_damping=_fill(count, 0.1),
        )


class Thelen2003Curves(eqx.Module):
    """Shape parameters of `Thelen2003Muscle`, all [-].

    **Attributes:**

    - `FmaxTendonStrain`, `FmaxMuscleStrain`: tendon and passive fiber strain at one norm force.
    - `KshapeActive`: gamma of the Gaussian active force-length curve.
    - `KshapePassive`: exponential shape factor of the passive curve.
    - `Af`: force-velocity shape factor.
    - `Flen`: maximum normalised lengthening force.
    - `fv_linear_extrap_threshold`: fraction of `Flen` beyond which force-velocity is straight.
    """

    FmaxTendonStrain: Float[Array, " muscle"]
    FmaxMuscleStrain: Float[Array, " muscle"]
    KshapeActive: Float[Array, " muscle"]
    KshapePassive: Float[Array, " muscle"]
    Af: Float[Array, " muscle"]
    Flen: Float[Array, " muscle"]
    fv_linear_extrap_threshold: Float[Array, " muscle"]

    def __check_init__(self):
        _require_one_value_per_muscle(self)

    @classmethod
    def published(cls, count: int) -> "Thelen2003Curves":
        """OpenSim's defaults for `count` muscles.

        Thelen's (2003) values for young adults.
        """
        return cls(
            FmaxTendonStrain=_fill(count, 0.04),
            FmaxMuscleStrain=_fill(count, 0.6),
            KshapeActive=_fill(count, 0.45),
            KshapePassive=_fill(count, 5.0),
            Af=_fill(count, 0.25),
            Flen=_fill(count, 1.4),
            fv_linear_extrap_threshold=_fill(count, 0.95),
        )


def _fill(count, value):
    return jnp.full(count, value, dtype=float)


def _require_one_value_per_muscle(record):
    lengths = {leaf.shape[-1] for leaf in jax.tree.leaves(record) if eqx.is_array(leaf)}
    if len(lengths) > 1:
        raise BadInput(
            f"`{type(record).__name__}` got arrays of different lengths {sorted(lengths)}. "
            "Pass one value per muscle for every parameter, in the order of the muscles' names."
        )
