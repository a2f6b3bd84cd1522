"""Sphinx: how the documentation is built (`make docs`)."""

from __future__ import annotations

import pellucid

project = "Pellucid"
author = "the Pellucid developers"
copyright = f"2026, {author}"
version = release = pellucid.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc"]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_nav_level": 2, "navigation_with_keys": False}
html_title = "Pellucid"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_enable_extensions = ["dollarmath"]
