"""Compiled code kept between runs, so that only the first run of a model waits for the compiler.

The folder is the user's own cache folder, readable by nobody else (mode 0700: compiled code is
executed), with one subfolder per JAX version and processor, since code compiled for one may crash
another. Called by the runner and the command line, never at import.

`BIOMECH_CACHE_DIR` names another folder; `BIOMECH_NO_CACHE=1` switches it off. A cache that the
user has set up in JAX itself (`JAX_COMPILATION_CACHE_DIR`) is left as it is.
"""

import hashlib
import os
import platform
import sys
from pathlib import Path

import jax

_SHORTEST = 0.2
"""What compiles faster than this is not kept [s]."""


def cache_folder() -> Path | None:
    """Folder of the compile cache for this JAX and processor; None when it is switched off."""
    if os.environ.get("BIOMECH_NO_CACHE", "") not in ("", "0"):
        return None
    processor = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    return _root() / f"jax-{jax.__version__}-{processor}"


def use_compile_cache() -> Path | None:
    """Make JAX keep what it compiles; the folder, or None where there is none to write to."""
    already = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if already:
        _be_quiet()
        return Path(already)
    folder = cache_folder()
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError:
        return None  # compile every time
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        return None  # another user could put code there
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _SHORTEST)
    _be_quiet()
    return folder


def _be_quiet() -> None:
    """No log lines for cached code, unless the user has set a level of logging.

    JAX 0.10 reports two lines of processor features, `prefer-no-gather` and `prefer-no-scatter`,
    as unsupported whenever it reads CPU code back: they are preferences of the compiler that made
    the code here. Failures are exceptions and warnings, which this does not touch.
    """
    if "JAX_LOGGING_LEVEL" not in os.environ:
        jax.config.update("jax_logging_level", "CRITICAL")


def _root() -> Path:
    given = os.environ.get("BIOMECH_CACHE_DIR")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "biomech" / "compiled"


def _processor() -> str:
    """What compiled code depends on: the processor's model and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "".join(sorted({x for x in lines if x.startswith(("model name", "flags", "Features"))}))
