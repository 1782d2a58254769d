"""Floating-point precision: nothing is switched at import; a study asks for what it needs.

JAX is imported on use, so that `import biomech` and `biomech --help` answer at once.
"""

from .model.names import BadInput


def use_float64() -> None:
    """Make JAX compute in double precision from here on. The first line of every script."""
    import jax

    jax.config.update("jax_enable_x64", True)


def require_precision(precision: str = "float64") -> None:
    """Raise unless JAX computes in `precision` ("float64" or "float32")."""
    import jax

    if precision not in ("float64", "float32"):
        raise BadInput(f"precision is '{precision}'; it must be 'float64' or 'float32'.")
    if precision == "float64" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise BadInput(
            "JAX is in single precision, and joint loads need double. Put `bm.use_float64()` "
            'as the first line (or set JAX_ENABLE_X64=1), or pass precision="float32".'
        )
