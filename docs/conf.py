"""Sphinx: how the documentation is built (`make docs`)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import pages
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import pellucid

pages.write()

project = "Pellucid"
author = "the Pellucid developers"
copyright = f"2026, {author}"
version = release = pellucid.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc"]
exclude_patterns = [
    "_build",
    "generated/catalogue_table.rst",
    "generated/numbers_table.rst",
    "generated/findings_table.rst",
    "generated/planted_table.rst",
    "chapters/recorded",
]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["pellucid.css"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
}
html_sidebars = {
    name: []
    for name in (
        "index",
        "conventions",
        "files",
        "exchange",
        "exports",
        "coming_from",
        "scikit_learn",
        "backpropagation",
        "see",
        "doctor",
        "catalogue",
        "playground",
        "chapters/chapter_*",  # the width is for their code
    )
}
html_title = "Pellucid"
html_math_renderer = "mathml"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2


def formulas_are_text(app: Any, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escape what reStructuredText would take for markup in a formula: the bars of |z|, the star of (n, *shape)."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        pieces = re.split(r"(`+[^`]*`+)", line)
        pieces[::2] = [re.sub(r"(\||\*(?=[A-Za-z_]+[,)]))", r"\\\1", piece) for piece in pieces[::2]]
        lines[number] = "".join(pieces)


def not_ours(app: Any, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Leave out the methods that scikit-learn makes for its routing of metadata: its documentation has them."""
    return True if re.fullmatch(r"set_\w+_request|get_metadata_routing", name) else None


def formula(translator: Any, node: Any) -> None:
    """Write a formula as MathML, which browsers draw by themselves: no script, and nothing loaded from elsewhere."""
    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext().strip(), as_block=block))
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Formulas are MathML, and before numpydoc reads a docstring, `formulas_are_text` does."""
    app.add_html_math_renderer("mathml", (formula, None), (formula, None))
    app.connect("autodoc-skip-member", not_ours)
    app.connect("autodoc-process-docstring", formulas_are_text, priority=400)
