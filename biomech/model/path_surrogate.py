"""Muscle-tendon lengths as smooth polynomials of the coordinates that each muscle crosses.

    length(q) = offset + sum_t coefficient_t prod_j T_{n_tj}(x_j)
    moment arm_j(q) = - d(length) / d(q_j),     x_j = (q_j - center_j) / half_width_j

with T_n the Chebyshev polynomials of the first kind and sum_j n_tj <= degree: every polynomial of
that total degree, in a basis that stays well conditioned, also in single precision. A moment arm
is a polynomial in the same terms, its coefficients derived from the length's, so virtual work
holds to rounding.

Muscles that depend on as many coordinates evaluate together: one table of terms, one product of
matrices. A polynomial is meant for the box |x_j| <= 1 it was fitted in and grows fast beyond;
`outside` says how far out a pose is.

Sign: a positive moment arm gives a positive generalized force in tension (OpenSim). A coordinate
that follows another by a coupler has moment arm zero; its share is in the independent one. So has
a locked coordinate, which is taken to stay where it was when the surrogate was fitted.

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
    """Orders n_tj of all terms up to a total degree, [term, coordinate]; the constant comes first.

    Sorted by total degree, so the terms of a lower degree are the first ones.
    """
    orders = itertools.product(range(degree + 1), repeat=n_coordinates)
    kept = sorted((o for o in orders if sum(o) <= degree), key=lambda o: (sum(o), o))
    terms = np.array(kept, dtype=int).reshape(len(kept), n_coordinates)
    terms.setflags(write=False)
    return terms


@functools.cache
def term_derivatives(n_coordinates: int, degree: int) -> np.ndarray:
    """Each term's derivative to each scaled coordinate as a sum of terms, [coordinate, term, term].

    dT_n/dx = 2 n (T_{n-1} + T_{n-3} + ...), T_0 counting half.
    """
    terms = polynomial_terms(n_coordinates, degree)
    index = {tuple(order): i for i, order in enumerate(terms.tolist())}
    matrix = np.zeros((n_coordinates, len(terms), len(terms)))
    for row, order in enumerate(terms.tolist()):
        for j, n in enumerate(order):
            for lower in range(n - 1, -1, -2):
                column = index[(*order[:j], lower, *order[j + 1 :])]
                matrix[j, row, column] = 2.0 * n if lower else n
    matrix.setflags(write=False)
    return matrix


def chebyshev(x, degree: int):
    """T_n(x) for n = 0 to `degree`, stacked last. NumPy or JAX arrays."""
    values = [x**0, x]
    for _ in range(2, degree + 1):
        values.append(2.0 * x * values[-1] - values[-2])
    stack = np.stack if isinstance(x, np.ndarray) else jnp.stack
    return stack(values[: degree + 1], -1)


def products(table, coordinates: np.ndarray, degree: int):
    """Values of the terms of sets of coordinates, [..., set, term], from a `chebyshev` table.

    `coordinates`: [set, coordinate] indices into the table's [..., coordinate, order].
    """
    terms = polynomial_terms(coordinates.shape[1], degree)
    factors = [table[..., c[:, None], n[None, :]] for c, n in zip(coordinates.T, terms.T)]
    return functools.reduce(lambda a, b: a * b, factors)


class PolynomialGroup(eqx.Module):
    """Muscles that depend on the same number of coordinates.

    **Attributes:**

    - `coefficients`: of the terms (`polynomial_terms`) of each muscle's length, then of its moment
      arms about each of its coordinates; zero where padded [m].
    - `coordinates`: indices of the coordinates of each set. Static.
    - `muscles`: muscle index of each row, one tuple per set. Static.
    - `degree`: highest total degree in the group. Static.
    """

    coefficients: Float[Array, "set row one_plus_coordinates term"]
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
        return self._places()[1] > 0

    def _scaled(self, value):
        return (value - self.center) / self.half_width

    def _evaluate(self, value):
        degree = max((group.degree for group in self.groups), default=0)
        table = chebyshev(self._scaled(value), degree)
        found = [jnp.zeros(1, self.offset.dtype)]
        for group in self.groups:
            terms = products(table, np.array(group.coordinates), group.degree)
            found.append(_sum("srkt,st->srk", group.coefficients, terms).ravel())
        of_length, of_arm = self._places()
        found = jnp.concatenate(found)
        return self.offset + found[of_length], found[of_arm]

    def _places(self):
        """Where each muscle's length and moment arms lie among the groups' answers; 0: nowhere."""
        of_length = np.zeros(len(self.names), dtype=int)
        of_arm = np.zeros((len(self.names), self.center.shape[-1]), dtype=int)
        start = 1
        for group in self.groups:
            _, rows, columns, _ = group.coefficients.shape
            for coordinates, muscles in zip(group.coordinates, group.muscles, strict=True):
                for row, muscle in enumerate(muscles):
                    of_length[muscle] = start + columns * row
                    arms = of_length[muscle] + np.arange(1, columns)
                    of_arm[muscle, list(coordinates)] = arms
                start += rows * columns
        return of_length, of_arm


# Some devices multiply matrices with 10-bit mantissas unless told not to: 0.5 mm on 0.5 m.
_sum = functools.partial(jnp.einsum, precision="highest")
