"""Does the body move as a walk says? Each interval of its mesh integrated forward on its own.

    dq/dt = v
    dv/dt = what leaves nothing missing (`moving_body`)
    da/dt = activation_rate(e, a)

from the walk's own state at the start of an interval to its end, with the excitations e and the
controls that the walk has there: the polynomial through those at the collocation points of the
interval. Where that ends is compared with the walk's own next state. So a replay knows nothing of
the collocation: an error in its equations, or a mesh too coarse, shows. A rule whose states are of
order p at the ends of the intervals departs by O(h^(p + 1)) in one of length h, where the forces
are smooth: 4 for `radau2`, 2 for `radau1`, 3 for `trapezoidal`.

Interval by interval, because walking is unstable: let go, a body falls over within a stride however
exact its controls are.

Method: explicit Runge-Kutta of order 8 with steps of controlled error (`diffrax.Dopri8`), Prince &
Dormand (1981), J. Comput. Appl. Math. 7:67-75, doi:10.1016/0771-050X(81)90010-3.
"""

from typing import NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..compilation import compiled, one_thread_each
from ..model.body import Model
from ..muscles.activation import activation_rate
from .moving_body import missing, moving_body
from .walking_record import Drive

TOLERANCE = 1e-9
"""Error of a step, relative and [rad or m, per s, and of activations] [-]."""
_MAX_STEPS = 4096


class State(NamedTuple):
    """Of a walking body: free coordinates [rad or m], their speeds [per s], activations [-]."""

    value: Float[Array, "*interval free"]
    speed: Float[Array, "*interval free"]
    activation: Float[Array, "*interval muscle"]


class Replay(eqx.Module):
    """Answers of a replay.

    **Attributes:**

    - `end`: where each interval ends.
    - `steps`: of the integrator. `successful`: whether it got to the end.
    """

    end: State
    steps: Int[Array, "*interval"]
    successful: Bool[Array, "*interval"]


def forward(
    model: Model,
    state: State,
    control: Float[Array, " actuator"],
    friction_sharpness: Float[Array, ""] | float | None = None,
) -> Float[Array, " free"]:
    """Accelerations of the free coordinates [rad/s^2 or m/s^2] under the laws of mechanics.

    What is missing is affine in them; its slope is the mass matrix.
    """

    def owed(acceleration):
        body = moving_body(
            *(model, state.value, state.speed, acceleration, state.activation, control),
            friction_sharpness=friction_sharpness,
        )
        return missing(model, body)

    still = jnp.zeros_like(state.value)
    return -jnp.linalg.solve(jax.jacfwd(owed)(still), owed(still))


def replay(
    model: Model,
    time: Float[Array, " instant"],
    start: State,
    drive: Drive,
    points: Float[Array, " node"],
    friction_sharpness: Float[Array, ""],
    tolerance: Float[Array, ""] | float = TOLERANCE,
) -> Replay:
    """Where the intervals between instants `time` [s] end that begin with `start` and are driven by
    `drive`. Jitted; compiles once per structure of model and mesh.

    `points`: where in an interval `drive` is given, of its length [-]. `friction_sharpness`: that
    of the walk, as in `contact_force`.
    """
    with one_thread_each():
        found = _replay(
            *(model, time, start, drive, points, friction_sharpness, jnp.asarray(tolerance)),
        )
        return jax.block_until_ready(found)


def _replayed(model, time, start, drive, points, friction_sharpness, tolerance) -> Replay:
    powers = jnp.arange(points.size, dtype=points.dtype)
    to_coefficients = jnp.linalg.inv(jnp.vander(points, increasing=True))

    def one(interval):
        length, start, drive = interval
        coefficients = jax.tree.map(lambda at_points: to_coefficients @ at_points, drive)

        def rate(t, state, _):
            now = jax.tree.map(lambda c: (t / length) ** powers @ c, coefficients)
            return State(
                state.speed,
                forward(model, state, now.control, friction_sharpness),
                activation_rate(now.excitation, state.activation),
            )

        found = diffrax.diffeqsolve(
            diffrax.ODETerm(rate),
            diffrax.Dopri8(),
            t0=0.0,
            t1=length,
            dt0=0.1 * length,
            y0=start,
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=_MAX_STEPS,
            throw=False,
        )
        end = jax.tree.map(lambda x: x[0], found.ys)
        return Replay(end, found.stats["num_steps"], found.result == diffrax.RESULTS.successful)

    return jax.lax.map(one, (jnp.diff(time), start, drive))


_replay = compiled(_replayed)
