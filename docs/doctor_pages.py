"""The page of the doctor: every finding from the catalogue in the code, and the table of planted faults."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pellucid.inspection.doctor import CATALOGUE

RECORD = Path(__file__).parent / "planted_faults.json"
"""What `docs/planted_faults.py` kept of its last run."""


def findings() -> str:
    """A section for each finding, with its name as anchor."""
    parts = []
    for name, symptom in CATALOGUE.items():
        title = f"{symptom.title}: ``{name}``"
        explains = ", ".join(link(other) for other in symptom.explains)
        rows = {"Meaning": symptom.meaning, "Evidence": symptom.seen, "What to do": literal(symptom.advice)}
        if explains:
            rows["Explains"] = explains
        body = "\n\n".join(f"**{word}.** {text}" for word, text in rows.items())
        mark = f'.. raw:: html\n\n   <span id="{anchor(name)}"></span>'
        parts.append(f"{mark}\n\n{title}\n{'-' * len(title)}\n\n{body}\n")
    return "\n".join(parts)


def anchor(name: str) -> str:
    """The anchor of a finding on the page."""
    return name.replace("_", "-")


def link(name: str) -> str:
    """A link to a finding on the same page. Labels of included text are unknown to Sphinx; anchors of HTML are not."""
    return f"`{name} <#{anchor(name)}>`__"


def literal(text: str) -> str:
    """Text whose stars and bars are no markup."""
    return text.replace("*", "\\*").replace("|", "\\|")


def planted() -> str:
    """The confusion matrix of faults and findings, a row a fault: how often it was found, and first; what was named
    first instead, what was named besides; and what the remedy did.
    """
    if not RECORD.exists():
        return "The script was not run yet: ``python docs/planted_faults.py``.\n"
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    rows = [("Planted", "Runs", "Found", "First", "Else first", "Also named", "Score before → after the remedy")]
    for name in CATALOGUE:
        runs = [run for run in record["faults"] if run["finding"] == name]
        if not runs:
            continue
        others = Counter(run["first"] for run in runs if run["first"] != name)
        also = Counter(other for run in runs for other in run["found"] if other != name)
        rows.append(
            (
                link(name),
                str(len(runs)),
                str(sum(name in run["found"] for run in runs)),
                str(sum(run["first"] == name for run in runs)),
                counted(others),
                counted(also),
                "\n       ".join(f"| {run['data']} {score(run['before'])} → {score(run['after'])}" for run in runs),
            )
        )
    healthy = record["healthy"]
    loud = [name for name, told in healthy.items() if told["severity"] not in ("", "hint")]
    hints = Counter(finding for told in healthy.values() for finding in told["findings"])
    rows.append(
        (
            f"nothing ({len(healthy)} healthy trainings)",
            str(len(healthy)),
            "–",
            "–",
            str(len(loud)),
            counted(hints),
            "–",
        )
    )
    table = "\n".join(f"   {'*' if column == 0 else ' '} - {cell}" for row in rows for column, cell in enumerate(row))
    options = "   :header-rows: 1\n   :widths: 18 6 6 6 14 22 28\n"
    return f".. list-table::\n{options}\n{table}\n"


def counted(names: Counter[str]) -> str:
    """Names with how often, the commonest first."""
    return ", ".join(f"{name} {count}" for name, count in names.most_common()) or "–"


def score(value: float | None) -> str:
    """A score; what is no number is said so."""
    return "NaN" if value is None else f"{value:.3g}"
