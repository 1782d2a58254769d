"""Compiled functions, with the compiler set for programmes of many small operations.

A leg is thousands of operations on short arrays. On a CPU, XLA's newer fusion emitters take twice
as long to compile such a programme as its older ones, and the result runs no faster (measured with
jax 0.10: 16 against 8 s for the inverse chain of an 80-muscle model).
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from threadpoolctl import threadpool_limits

_OPTIONS = {"xla_cpu_use_fusion_emitters": False}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`equinox.filter_jit` with our compiler options; JAX is not started before the first call.

    Inside another compiled or differentiated function, that one's options hold.
    """
    # Inside one, also what is computed from no argument of it is a tracer.

    @functools.cache
    def jitted(options):
        return eqx.filter_jit(function, **(_known_options() if options else {}))

    @functools.wraps(function)
    def call(*arguments, **keywords):
        leaves = jax.tree.leaves((arguments, keywords))
        outermost = not any(isinstance(leaf, Tracer) for leaf in (*leaves, jnp.zeros(())))
        return jitted(outermost)(*arguments, **keywords)

    return call


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Products and factors of matrices on one thread each, for what is compiled and run inside.

    Matrices of a hundred rows gain nothing from more, and where another process wants the same core
    threads wait for each other: a solve of 9 s takes 104 s then.
    """
    with threadpool_limits(1, user_api="blas"):
        yield


@functools.cache
def _known_options() -> dict[str, Any]:
    """The options as keywords of `jit`, if the installed XLA knows them."""
    try:
        jax.jit(lambda x: x, compiler_options=_OPTIONS).lower(0.0).compile()
    except Exception:  # whatever a compiler says of an option it does not know
        return {}
    return {"compiler_options": _OPTIONS}
