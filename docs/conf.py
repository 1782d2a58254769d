"""Sphinx configuration. Builds without network and executes nothing."""

import tomllib
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser
from sphinx.util.docutils import SphinxDirective

_ROOT = Path(__file__).resolve().parents[1]

project = "biomech"
author = "The biomech contributors"
copyright = author
version = release = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.apidoc"]
exclude_patterns = ["_build", "jupyter_execute"]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]  # formulas are shown as written, without a script
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"biomech {release}"
html_theme_options = {"show_prev_next": False, "show_toc_level": 2}
html_show_sourcelink = False

# One page per module, written at build time.
apidoc_modules = [
    {
        "path": str(_ROOT / "biomech"),
        "destination": "api",
        "separate_modules": True,
        "module_first": True,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_default_options = {"ignore-module-all": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False


class Markdown(SphinxDirective):
    """A docstring of biomech: Markdown, with equations as indented blocks and code in backticks."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        overrides = {"report_level": 5, "doctitle_xform": False, "myst_suppress_warnings": ["myst"]}
        return publish_doctree(text, parser=Parser(), settings_overrides=overrides).children


def _as_markdown(app, what, name, obj, options, lines: list[str]) -> None:
    if any(lines):
        lines[:] = [".. markdown-docstring::", "", *("   " + line for line in lines), ""]


def setup(app) -> None:
    app.add_directive("markdown-docstring", Markdown)
    app.connect("autodoc-process-docstring", _as_markdown)
