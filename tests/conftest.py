"""What every test shares: double precision, strict JAX, a compile cache, the reference data.

biomech is not imported here: the shape-check hook must be in place before it is.
"""

import hashlib
import os
import platform
from pathlib import Path

import jax
import matplotlib
import pytest

matplotlib.use("Agg")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


def _processor() -> str:
    """What compiled code depends on: the processor's model and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "".join(sorted({x for x in lines if x.startswith(("model name", "flags", "Features"))}))


def _keep_compiled_code() -> None:
    """Store compiled code in the user's cache folder, apart by JAX version and processor."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    processor = hashlib.sha256(_processor().encode()).hexdigest()[:12]
    folder = root / "biomech" / "tests" / f"jax-{jax.__version__}-{processor}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError:
        return  # no place to write: compile every time
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


_keep_compiled_code()


MOST_MAPS = 25_000
"""Memory regions of a process beyond which compiled code is dropped; Linux allows 65,530."""


@pytest.fixture(scope="module", autouse=True)
def _room_for_compiled_code():
    """Each compiled programme maps memory; thousands of tests would run out of it and crash."""
    yield
    try:
        with open("/proc/self/maps", "rb") as maps:
            many = sum(1 for _ in maps) > MOST_MAPS
    except OSError:
        return
    if many:
        jax.clear_caches()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the reference data, beside the repository; never part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the reference data in ../shared/data; absent here")
    return folder


def _dataset(shared_data: Path, name: str) -> Path:
    if not (shared_data / name).is_dir():
        pytest.skip(f"needs the reference data in ../shared/data/{name}; absent here")
    return shared_data / name


@pytest.fixture(scope="session")
def walk3d(shared_data: Path) -> Path:
    """A measured walking subject and OpenSim's results for it."""
    return _dataset(shared_data, "walk3d")


@pytest.fixture(scope="session")
def dhondt2024(shared_data: Path) -> Path:
    """A full body with a four-segment foot and OpenSim's results at random states."""
    return _dataset(shared_data, "dhondt2024")


@pytest.fixture(scope="session")
def rajagopal(shared_data: Path) -> Path:
    """The generic Rajagopal-Lai-Uhlrich model."""
    return _dataset(shared_data, "rajagopal")
