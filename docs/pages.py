"""Writes the pages that must not fall behind the code: the chapters, the reference, the catalogue, the numbers.

`conf.py` calls `write` before Sphinx looks for pages. Nothing that is written here is kept in the repository, nor is
`chapters/recorded`: what the chapters printed and drew when they last ran. `make chapters` runs them in full; where
they never ran, `make docs` runs them at a reduced size. A page says which it was, and what was recorded with another
version of its script is not shown.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import doctor_pages

import pellucid as pl
from pellucid.initializers import INITIALIZERS
from pellucid.layers import LAYERS
from pellucid.losses import LOSSES
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import PENALTIES
from pellucid.schedules import SCHEDULES

HERE = Path(__file__).parent
RECORDED = HERE / "chapters" / "recorded"
for folder in ("examples", "tests"):
    sys.path.insert(0, str(HERE.parent / folder))

REFERENCE = {
    "Networks and training": ("pellucid.network", "pellucid.ensemble", "pellucid.description", "pellucid.training"),
    "Layers": ("pellucid.layers",),
    "Losses": ("pellucid.losses",),
    "Penalties and constraints": ("pellucid.penalties",),
    "Optimizers": ("pellucid.optimizers",),
    "Schedules": ("pellucid.schedules",),
    "Initializers": ("pellucid.initializers",),
    "Augmentation": ("pellucid.augmentation",),
    "Sweeps": ("pellucid.sweeps",),
    "Inspection": (
        "pellucid.inspection.trace",
        "pellucid.inspection.gradient_check",
        "pellucid.inspection.recorder",
        "pellucid.plots.html_report",
    ),
    "Checks and the doctor": (
        "pellucid.inspection.preflight",
        "pellucid.inspection.learning_rate_finder",
        "pellucid.inspection.overfitting",
        "pellucid.inspection.doctor",
    ),
    "Files": ("pellucid.formats.model_file", "pellucid.formats.ensemble_file"),
    "Exchange": ("pellucid.formats.onnx", "pellucid.formats.pytorch", "pellucid.formats.weights"),
}
"""The sections of the reference, and the modules whose public names stand in them."""

CATALOGUE: dict[str, tuple[type, ...]] = {
    "layers": tuple(LAYERS.values()),
    "losses": (*LOSSES.values(), pl.CustomLoss),
    "initializers": tuple(INITIALIZERS.values()),
    "optimizers": tuple(OPTIMIZERS.values()),
    "schedules": (*SCHEDULES.values(), pl.ReduceOnPlateau, pl.Backtracking),
    "penalties": (*PENALTIES.values(), pl.MaxNorm),
    "augmentation": (pl.Mirror, pl.Flip, pl.Rotate, pl.Translate, pl.Zoom, pl.Shear, pl.ElasticDistortion),
}
"""Every part, family by family: what the registries hold, and the few that are in none."""


def write() -> None:
    """Write all of it; a file that is right already is not touched, so that Sphinx need not read it again."""
    (HERE / "generated").mkdir(exist_ok=True)
    keep(HERE / "api.rst", reference())
    keep(HERE / "generated" / "catalogue_table.rst", catalogue())
    keep(HERE / "generated" / "numbers_table.rst", numbers())
    keep(HERE / "generated" / "findings_table.rst", doctor_pages.findings())
    keep(HERE / "generated" / "planted_table.rst", doctor_pages.planted())
    for script in chapter_scripts():
        keep(HERE / "chapters" / f"{script.stem}.md", chapter(script))


def keep(path: Path, text: str) -> None:
    """Write a file if it differs."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def heading(text: str, line: str = "-") -> str:
    """A heading of reStructuredText."""
    return f"{text}\n{line * len(text)}\n"


def indented(text: str, by: int = 3) -> str:
    """Each line further to the right."""
    return "\n".join(" " * by + row if row else "" for row in text.splitlines())


# -- the reference -------------------------------------------------------------------------------------------------


def reference_sections() -> dict[str, list[str]]:
    """Every public name, section by section. A name of `pellucid.__all__` without a section is an error."""
    homes: dict[str, list[str]] = {}
    for name in pl.__all__:
        if not inspect.ismodule(getattr(pl, name)):
            homes.setdefault(pl._HOME_OF[name], []).append(name)
    sections = {
        title: sorted(name for module in modules for name in homes.pop(module)) for title, modules in REFERENCE.items()
    }
    if homes:
        raise ValueError(f"The reference has no section for {homes}: add their modules to REFERENCE in docs/pages.py.")
    titles = {
        "datasets": "Data",
        "tables": "Tables",
        "formats": "Exports",
        "plots": "Pictures",
        "inspection": "What a network has learnt",
        "estimators": "scikit-learn's API",
        "playground": "The playground",
    }
    for module, title in titles.items():
        sections[title] = [f"{module}.{name}" for name in sorted(import_module(f"pellucid.{module}").__all__)]
    return sections


def reference() -> str:
    """The page of the reference."""
    parts = [heading("Reference", "="), ".. currentmodule:: pellucid\n"]
    for title, names in reference_sections().items():
        listed = "\n".join(names)
        parts.append(f"{heading(title)}\n.. autosummary::\n   :toctree: generated\n\n{indented(listed)}\n")
    return "\n".join(parts)


# -- the catalogue -------------------------------------------------------------------------------------------------


def catalogue() -> str:
    """The table of each family."""
    return "\n".join(family(name, parts) for name, parts in CATALOGUE.items())


def family(name: str, parts: tuple[type, ...]) -> str:
    """One table: part, formula, source, oracle."""
    rows = [("Part", "What it computes", "Source", "Held to")]
    for cls in parts:
        link = f":class:`~pellucid.{cls.__name__}`" if cls.__name__ in pl.__all__ else cls.__name__
        rows.append((link, literal(first_sentence(cls)), source(cls), oracle(name, cls)))
    table = "\n".join(f"   {'*' if column == 0 else ' '} - {cell}" for row in rows for column, cell in enumerate(row))
    options = "   :header-rows: 1\n   :widths: 16 44 26 14\n   :class: catalogue\n"
    return f"{heading(name.capitalize())}\n.. list-table::\n{options}\n{table}\n"


def first_sentence(cls: type) -> str:
    """The first paragraph of the docstring, which is the formula or begins with it."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def literal(text: str) -> str:
    """Text in which nothing but `names` is markup: a formula's stars and bars stay what they are."""
    pieces = re.split(r"(`[^`]+`)", text)
    escaped = (re.sub(r"([*|\\_])", r"\\\1", piece) for piece in pieces[::2])
    names = [f"``{piece.strip('`')}``" for piece in pieces[1::2]]
    return "".join(part for pair in zip(escaped, [*names, ""], strict=True) for part in pair)


def source(cls: type) -> str:
    """What the docstring names as its source; of the class it refines, where it names none."""
    for base in cls.__mro__:
        found = re.search(r"Source: (.+?)(?:\n\n|$)", inspect.cleandoc(base.__dict__.get("__doc__") or ""), re.S)
        if found:
            return literal(" ".join(found[1].split()).rstrip("."))
    return "textbook"


def oracle(name: str, cls: type) -> str:
    """What a part is compared with, read from the tests: first the batteries, else the tests that name it."""
    held = []
    if name in ("layers", "losses", "penalties") and cls is not pl.MaxNorm:
        held.append("central differences")
    if cls in parity_cases():
        held.append("PyTorch")
    tests = sorted(
        path.stem
        for path in (HERE.parent / "tests").rglob("test_*.py")
        if path.stem not in ("test_bad_input", "test_public_names")
        and re.search(rf"\b{cls.__name__}\b", path.read_text())
    )
    return ", ".join(held or [f"``{test}``" for test in tests]) or "—"


def parity_cases() -> set[type]:
    """The classes that are compared with PyTorch's."""
    cases = import_module("parity.cases")
    parts: list[Any] = [case.layer for case in cases.LAYER_CASES]
    parts += [case.loss for case in cases.LOSS_CASES]
    parts += [case.penalty for case in cases.PENALTY_CASES]
    parts += [case.make(0.1) for case in cases.OPTIMIZER_CASES]
    parts += [case.schedule for case in cases.SCHEDULE_CASES]
    return {type(part) for part in parts}


# -- the chapters --------------------------------------------------------------------------------------------------


def chapter_scripts() -> list[Path]:
    """The scripts."""
    return import_module("cells").chapter_scripts()


def record_of(script: Path) -> dict[str, Any]:
    """What the last run of this version of a script left; nothing where there was none."""
    path = RECORDED / script.stem / "record.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return record if record.get("code") == import_module("cells").fingerprint(script) else {}


def chapter(script: Path) -> str:
    """A chapter's page: the prose and code of its script, and what each cell printed and drew."""
    cells, record = import_module("cells").cells_of(script), record_of(script)
    shown = record.get("cells") or [{"output": "", "pictures": []}] * len(cells)
    parts = []
    for number, (cell, made) in enumerate(zip(cells, shown, strict=True)):
        parts.append(linked(cell.text) if cell.is_prose else directive("code-block", "python", cell.text))
        if number == 0:
            parts.append(provenance(script, record))
        if made["output"]:
            parts.append(directive("code-block", "none", f":class: output\n\n{made['output'].rstrip()}"))
        for picture in made["pictures"]:
            words = picture.removesuffix(".png").replace("-", " ")
            options = f":alt: {words}\n:class: picture"
            parts.append(directive("image", f"recorded/{script.stem}/{picture}", options))
    return "\n\n".join(parts) + "\n"


def provenance(script: Path, record: dict[str, Any]) -> str:
    """Where the code of a page lies, and whether what stands below it was made by a run, and by which."""
    if not record:
        shown = "It has not been run for this page: `make chapters` runs it and adds what it prints and draws."
    elif record["quick"]:
        shown = "Below each cell stands what it printed and drew at a reduced size; `make chapters` is the full run."
    else:
        shown = "Below each cell stands what it printed and drew when it last ran, in full."
    source = f"The code of this page is `examples/{script.name}`; `make notebooks` writes it as a notebook."
    return f"```{{note}}\n{source}\n{shown}\n```"


def linked(prose: str) -> str:
    """Markdown in which each `pl.Name` of the reference is a link to it."""
    link = r"{py:obj}`pl.\1 <pellucid.\1>`"
    return re.sub(r"`pl\.(\w+)`", lambda name: name.expand(link) if name[1] in pl.__all__ else name[0], prose)


def directive(name: str, argument: str, body: str) -> str:
    """A directive of MyST."""
    return f"```{{{name}}} {argument}\n{body}\n```"


def numbers() -> str:
    """What the chapters promise, and what they reached when they last ran in full."""
    rows = [("Chapter", "Number", "Promised", "Reached")]
    for script in chapter_scripts():
        record = record_of(script)
        for number in [] if record.get("quick") else record.get("numbers", []):
            link = f":doc:`{script.stem.split('_')[1]} <{script.stem}>`"
            promised = f"{number['sign']} {number['limit']:g}"
            rows.append((link, literal(number["name"]), promised, f"{number['value']:.4g}"))
    if len(rows) == 1:
        return "No chapter of this version has been run in full: ``make chapters`` does.\n"
    table = "\n".join(f"   {'*' if column == 0 else ' '} - {cell}" for row in rows for column, cell in enumerate(row))
    return f".. list-table::\n   :header-rows: 1\n   :widths: 10 60 15 15\n\n{table}\n"
