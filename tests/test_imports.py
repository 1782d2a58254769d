"""The package reads in the order the data flows, and importing it is light and changes nothing.

Each rule is a function from a package folder to a list of complaints, so that the rules can be
proved on a small broken package as well as applied to the real one.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "biomech"

# What may be imported where: a unit imports itself and the units before it.
ORDER = (
    "model",
    "precision",
    "indexing",
    "compilation",
    "formats",
    "dynamics",
    "muscles",
    "interventions",
    "solvers",
    "personalise",
    "studies",
    "analysis",
    "experiment",
    "studio",
    "cli",
)
EXEMPT = ("__init__", "cli")  # the top-level modules that may import everything
_NUMERICS = {"jax", "jaxlib", "equinox", "jaxtyping", "numpy"}
CORE = {
    "model": _NUMERICS,
    "interventions": _NUMERICS,
    "dynamics": _NUMERICS,
    "muscles": _NUMERICS,
    "solvers": _NUMERICS | {"lineax", "optax", "optimistix"},
}
FIRST_ALLOWED = {"xarray": "analysis", "matplotlib": "analysis", "pydantic": "experiment"}
NEVER_AT_RUN_TIME = {"opensim", "casadi", "mujoco", "pinocchio"}
NOT_A_THING = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}
NOT_LOADED_BY_IMPORT = ("matplotlib", "xarray", "zarr", "pydantic", "opensim")


def _files(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def _unit(package: Path, file: Path) -> str:
    """The folder of `package` that `file` is in, or its own name at the top level."""
    first = file.relative_to(package).parts[0]
    return first.removesuffix(".py")


def _imports(package: Path, file: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything that `file` imports, also inside functions."""
    parent = [package.name, *file.relative_to(package).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            for alias in node.names:  # `from .. import model` names a unit in its last part
                yield node.lineno, ".".join([*base, alias.name])


def backward_imports(package: Path) -> list[str]:
    """Imports of a unit that comes later in `ORDER`, or that is not in it."""
    complaints = []
    for file in _files(package):
        unit = _unit(package, file)
        if unit in EXEMPT:
            continue
        where = file.relative_to(package.parent)
        if unit not in ORDER:
            complaints.append(f"{where}: '{unit}' has no place in the order of the folders")
            continue
        for line, name in _imports(package, file):
            parts = name.split(".")
            if parts[0] != package.name:
                continue
            target = parts[1] if len(parts) > 1 else "__init__"
            if target not in ORDER:
                complaints.append(f"{where}:{line}: imports '{name}', the package's front door")
            elif ORDER.index(target) > ORDER.index(unit):
                complaints.append(f"{where}:{line}: '{unit}' imports the later '{target}'")
    return complaints


def misplaced_libraries(package: Path) -> list[str]:
    """Labels, plots and schemas below their folder; anything but numerics in the jitted core."""
    complaints = []
    for file in _files(package):
        unit = _unit(package, file)
        where = file.relative_to(package.parent)
        for line, name in _imports(package, file):
            library = name.split(".")[0]
            if library in NEVER_AT_RUN_TIME:
                complaints.append(f"{where}:{line}: '{library}' is for tests only")
            if unit in EXEMPT or unit not in ORDER or library == package.name:
                continue
            first = FIRST_ALLOWED.get(library)
            if first and ORDER.index(unit) < ORDER.index(first):
                complaints.append(f"{where}:{line}: '{library}' belongs in '{first}' or later")
            elif (
                unit in CORE
                and library not in CORE[unit]
                and library not in sys.stdlib_module_names
            ):
                complaints.append(f"{where}:{line}: '{library}' in '{unit}', a folder of the core")
    return complaints


def postponed_annotations(package: Path) -> list[str]:
    """Files with array shapes whose annotations are strings, so that nobody checks them."""
    complaints = []
    for file in _files(package):
        names = [name for _, name in _imports(package, file)]
        shapes = any(name.split(".")[0] == "jaxtyping" for name in names)
        if shapes and "__future__.annotations" in names:
            complaints.append(f"{file.relative_to(package.parent)}: postponed annotations")
    return complaints


def nameless_files(package: Path) -> list[str]:
    """Files and folders that are not named after a physical thing or a method."""
    return [
        f"{path.relative_to(package.parent)}: name it after what it holds"
        for path in sorted(package.rglob("*"))
        if path.stem.strip("_") in NOT_A_THING
    ]


RULES = (backward_imports, misplaced_libraries, postponed_annotations, nameless_files)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(rule):
    assert _files(PACKAGE), "there is no package to read"
    assert rule(PACKAGE) == []


# --- the rules themselves, on a package that breaks them ------------------------------------


def _write(folder: Path, **files: str) -> Path:
    """A package `biomech` in `folder`; a double underscore in a name is a path separator."""
    package = folder / "biomech"
    for name, text in {"model__body": "", "studies__inverse": "", **files}.items():
        path = package / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_accept_a_good_package(tmp_path, rule):
    package = _write(
        tmp_path,
        cli="import pydantic\nfrom .experiment import runner",
        precision="import jax\nfrom .model.body import Body",
        model__body="import json, math\nimport jax.numpy as jnp\nfrom jaxtyping import Array",
        formats__osim="from ..model.body import Body\nfrom ..precision import require_precision",
        dynamics__spatial="from ..model import body\nfrom .kinematics import pose",
        dynamics__kinematics="from .. import model",
        analysis__labels="from __future__ import annotations\nimport xarray",
        experiment__runner="import pydantic, xarray\nfrom ..analysis import labels",
    )
    assert rule(package) == []


@pytest.mark.parametrize(
    "rule, file, text, said",
    [
        (backward_imports, "model__body", "from ..dynamics import spatial", "later 'dynamics'"),
        (backward_imports, "model__body", "from .. import dynamics", "later 'dynamics'"),
        (backward_imports, "model__body", "import biomech.studies.inverse", "later 'studies'"),
        (backward_imports, "model__body", "from biomech.studies import x", "later 'studies'"),
        (backward_imports, "model__library__read", "from ...formats import osim", "'formats'"),
        (backward_imports, "model__body", "def f():\n    from ..formats import a", "'formats'"),
        (backward_imports, "studies__stand", "import biomech as bm", "front door"),
        (backward_imports, "studies__stand", "from .. import load_model", "front door"),
        (backward_imports, "precision", "from .formats import osim", "later 'formats'"),
        (backward_imports, "kitchen__sink", "", "no place in the order"),
        (misplaced_libraries, "studies__stand", "import xarray as xr", "belongs in 'analysis'"),
        (misplaced_libraries, "studies__stand", "import matplotlib.pyplot as p", "'analysis'"),
        (misplaced_libraries, "analysis__a", "from pydantic import BaseModel", "'experiment'"),
        (misplaced_libraries, "formats__a", "def f():\n    import pydantic", "'experiment'"),
        (misplaced_libraries, "model__body", "import ruamel.yaml", "a folder of the core"),
        (misplaced_libraries, "solvers__qp", "import scipy.sparse", "a folder of the core"),
        (misplaced_libraries, "cli", "import opensim", "for tests only"),
        (
            postponed_annotations,
            "model__body",
            "from __future__ import annotations\nfrom jaxtyping import Float",
            "postponed annotations",
        ),
        (nameless_files, "model__utils", "", "name it after what it holds"),
        (nameless_files, "studies___helpers", "", "name it after what it holds"),
    ],
)
def test_rules_catch_a_broken_package(tmp_path, rule, file, text, said):
    complaints = rule(_write(tmp_path, **{file: text}))
    assert len(complaints) == 1
    assert said in complaints[0]


# --- importing ------------------------------------------------------------------------------

_LOOK = """
import json, sys
import jax
before = dict(jax.config.values)
import biomech
print(json.dumps({
    "loaded": sorted({name.split(".")[0] for name in sys.modules}),
    "changed": [k for k, v in jax.config.values.items() if before.get(k) != v],
    "x64": bool(jax.config.jax_enable_x64),
}))
"""


@pytest.fixture(scope="module")
def after_import():
    """What a fresh interpreter has loaded and changed after `import biomech`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    env |= {"PYTHONPATH": str(PACKAGE.parent), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("library", NOT_LOADED_BY_IMPORT)
def test_import_does_not_load(after_import, library):
    assert library not in after_import["loaded"]


def test_import_changes_no_setting_of_jax(after_import):
    assert after_import["changed"] == []
    assert not after_import["x64"]
