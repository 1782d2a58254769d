"""Muscle-tendon lengths as smooth polynomials of the coordinates that each muscle crosses.

    length(q) = offset + sum_t coefficient_t prod_j T_{n_tj}(x_j),   x_j = (q_j - center_j) / half_width_j
    moment arm_j = - d(length) / d(q_j)

with T_n the Chebyshev polynomials of the first kind and sum_j n_tj <= degree: every polynomial of
that total degree, in a basis that stays well conditioned, also in single precision. Length and
moment arm come from one polynomial, so they are consistent to rounding (virtual work).

Muscles that depend on as many coordinates evaluate together: one table of terms, one product of
matrices. A polynomial is meant for the box |x_j| <= 1 it was fitted in and grows fast beyond;
`outside` says how far out a pose is.

Sign: a positive moment arm gives a positive generalized force in tension (OpenSim). A coordinate
that follows another by a coupler has moment arm zero; its share is in the independent one.

Source: polynomial lengths with moment arms as their gradient, Menegaldo, Toledo Fleury & Weber
(2004), J. Biomech. 37:1447-1453, doi:10.1016/j.jbiomech.2003.12.017; fitted to lengths and moment
arms jointly as by van den Bogert, Geijtenbeek, Even-Zohar, Steenbrink & Hardin (2013), Med. Biol.
Eng. Comput. 51:1069-1077, doi:10.1007/s11517-013-1076-z. Departure: Chebyshev products, not powers.
"""

import functools
import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


@functools.cache
def polynomial_terms(n_coordinates: int, degree: int) -> np.ndarray:
    """Orders n_tj of all terms of total degree 1 to `degree`, [term, coordinate], by degree."""
    orders = itertools.product(range(degree + 1), repeat=n_coordinates)
    kept = sorted((o for o in orders if 1 <= sum(o) <= degree), key=lambda o: (sum(o), o))
    terms = np.array(kept, dtype=int).reshape(len(kept), n_coordinates)
    terms.setflags(write=False)
    return terms


def chebyshev_tables(x, degree: int):
    """T_n(x) and dT_n/dx for n = 0 to `degree`, stacked last. NumPy or JAX arrays."""
    one, zero = x**0, 0.0 * x
    value, slope = [one, x], [zero, one]
    for _ in range(2, degree + 1):
        slope.append(2.0 * value[-1] + 2.0 * x * slope[-1] - slope[-2])
        value.append(2.0 * x * value[-1] - value[-2])
    stack = np.stack if isinstance(x, np.ndarray) else jnp.stack
    return stack(value[: degree + 1], -1), stack(slope[: degree + 1], -1)


def basis(x, degree: int):
    """Terms at scaled coordinates `x` [..., coordinate], and their derivatives to `x`.

    Returns [..., term] and [..., coordinate, term]. NumPy or JAX arrays.
    """
    n = x.shape[-1]
    terms = polynomial_terms(n, degree)
    value, slope = chebyshev_tables(x, degree)
    values = [value[..., j, :][..., terms[:, j]] for j in range(n)]
    slopes = [slope[..., j, :][..., terms[:, j]] for j in range(n)]
    others = lambda j: [slopes[j] if i == j else values[i] for i in range(n)]
    product = lambda factors: functools.reduce(lambda a, b: a * b, factors)
    stack = np.stack if isinstance(x, np.ndarray) else jnp.stack
    return product(values), stack([product(others(j)) for j in range(n)], -2)


class PolynomialGroup(eqx.Module):
    """Muscles that depend on the same number of coordinates.

    **Attributes:**

    - `coefficients`: of each muscle's terms (`polynomial_terms`), zero where padded [m].
    - `coordinates`: indices of the coordinates of each set. Static.
    - `muscles`: muscle index of each row, one tuple per set. Static.
    - `degree`: highest total degree in the group. Static.
    """

    coefficients: Float[Array, "set row term"]
    coordinates: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    muscles: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    degree: int = eqx.field(static=True)


class PathSurrogates(eqx.Module):
    """Smooth muscle-tendon lengths and moment arms of every muscle, at one instant.

    **Attributes:**

    - `offset`: constant term of each muscle's length [m].
    - `center`, `half_width`: of the fitted range of each coordinate [rad] or [m].
    - `groups`: the other terms, by number of coordinates.
    - `names`: of the muscles, in the model's order. Static.
    """

    offset: Float[Array, " muscle"]
    center: Float[Array, " coordinate"]
    half_width: Float[Array, " coordinate"]
    groups: tuple[PolynomialGroup, ...]
    names: tuple[str, ...] = eqx.field(static=True)

    def length(self, value: Float[Array, " coordinate"]) -> Float[Array, " muscle"]:
        """Muscle-tendon length [m] at coordinates `value` [rad or m]."""
        return self._evaluate(value)[0]

    def moment_arm(self, value: Float[Array, " coordinate"]) -> Float[Array, "muscle coordinate"]:
        """r = -d(length)/d(coordinate) [m, or - for translations], couplers respected."""
        return self._evaluate(value)[1]

    def length_and_moment_arm(
        self, value: Float[Array, " coordinate"]
    ) -> tuple[Float[Array, " muscle"], Float[Array, "muscle coordinate"]]:
        """Both, at the price of the moment arms."""
        return self._evaluate(value)

    def outside(self, value: Float[Array, " coordinate"]) -> Float[Array, " muscle"]:
        """How far [half widths] beyond the fitted range a muscle's coordinates lie; 0 inside."""
        beyond = jnp.maximum(jnp.abs(self._scaled(value)) - 1.0, 0.0)
        return jnp.max(jnp.where(self.crosses, beyond[None, :], 0.0), axis=1)

    @property
    def crosses(self) -> np.ndarray:
        """[muscle, coordinate] of booleans: which coordinates each muscle depends on."""
        found = np.zeros((len(self.names), self.center.shape[-1]), dtype=bool)
        for group in self.groups:
            for coordinates, rows in zip(group.coordinates, group.muscles, strict=True):
                found[np.ix_(rows, coordinates)] = True
        return found

    def _scaled(self, value):
        return (value - self.center) / self.half_width

    def _evaluate(self, value):
        x = self._scaled(value)
        length = jnp.zeros_like(self.offset)
        arm = jnp.zeros((length.shape[0], value.shape[0]), length.dtype)
        for group in self.groups:
            used = np.array(group.coordinates)
            terms, slopes = basis(x[used], group.degree)
            lengths = _sum("srt,st->sr", group.coefficients, terms)
            arms = _sum("srt,sjt->srj", group.coefficients, slopes)
            arms = -arms / self.half_width[used][:, None, :]
            sets, rows, muscles = _places(group)
            length = length.at[muscles].set(lengths[sets, rows], unique_indices=True)
            columns = used[sets]
            arm = arm.at[muscles[:, None], columns].set(arms[sets, rows], unique_indices=True)
        return self.offset + length, arm


# Some devices multiply matrices with 10-bit mantissas unless told not to: 0.5 mm on 0.5 m.
_sum = functools.partial(jnp.einsum, precision="highest")


def _places(group):
    """Set, row and muscle of every muscle of the group."""
    places = [
        (s, r, muscle) for s, rows in enumerate(group.muscles) for r, muscle in enumerate(rows)
    ]
    return np.array(places, dtype=int).T
