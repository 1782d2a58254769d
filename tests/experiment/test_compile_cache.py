"""The cache of compiled code: where it is, who may read it, and how it is switched off."""

import stat
import sys

import jax
import pytest

from biomech.experiment.compile_cache import cache_folder, use_compile_cache


@pytest.fixture
def no_cache_yet():
    """JAX without a cache for the length of a test."""
    keys = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {key: getattr(jax.config, key) for key in (*keys, "jax_logging_level")}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for key, value in before.items():
        jax.config.update(key, value)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("BIOMECH_NO_CACHE", raising=False)
    monkeypatch.setenv("BIOMECH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_folder_is_private_and_depends_on_jax(home, no_cache_yet):
    folder = use_compile_cache()
    assert folder is not None and folder.parent == home
    assert folder.name.startswith(f"jax-{jax.__version__}-")
    assert jax.config.jax_compilation_cache_dir == str(folder)
    if sys.platform != "win32":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_switched_off(home, no_cache_yet, monkeypatch):
    monkeypatch.setenv("BIOMECH_NO_CACHE", "1")
    assert cache_folder() is None
    assert use_compile_cache() is None
    assert jax.config.jax_compilation_cache_dir is None
    assert not home.exists()


def test_a_cache_of_the_user_is_kept(home, no_cache_yet, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    assert use_compile_cache() == tmp_path / "own"
    assert not home.exists()


def test_user_cache_folder_is_the_default(monkeypatch, tmp_path):
    monkeypatch.delenv("BIOMECH_NO_CACHE", raising=False)
    monkeypatch.delenv("BIOMECH_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "biomech" / "compiled"


def test_no_place_to_write_is_no_error(home, no_cache_yet):
    home.write_text("a file where the folder should be")
    assert use_compile_cache() is None
