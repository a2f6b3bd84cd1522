"""The findings of the doctor, printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from pellucid.inspection.doctor import Diagnosis, Remedy

_STYLES = {"error": "bold red", "warning": "bold yellow", "hint": "cyan"}


def diagnosis_to_dict(
    diagnosis: Diagnosis, command: Callable[[Remedy | None], str | None] = lambda remedy: None
) -> dict[str, Any]:
    """The diagnosis as plain data, each remedy with the command line that applies it, where there is one."""
    told = diagnosis.to_dict()
    for finding, plain in zip(diagnosis, told["findings"], strict=True):
        plain["command"] = command(finding.remedy)
    return told


def show_findings(console: Console, told: Mapping[str, Any]) -> None:
    """Each finding with its evidence and what to do; the first remedy as a command line where there is one."""
    console.print()
    console.print(Text("The doctor", style="bold"))
    findings = told.get("findings", [])
    if not findings:
        console.print("Nothing to report.")
    for finding in findings:
        _show(console, finding)
    for words in told.get("unseen", []):
        console.print(Text(f"Not seen: {words}", style="dim"), soft_wrap=True)
    command = next((finding.get("command") for finding in findings if not finding.get("because")), None)
    if command:
        console.print(Text.assemble(("Try: ", "bold"), command), soft_wrap=True)
    console.print()


def _show(console: Console, finding: Mapping[str, Any]) -> None:
    severity = str(finding.get("severity", "hint"))
    place = [f"layer {finding['layer']}"] if finding.get("layer") is not None else []
    place += [f"epoch {finding['epoch']}"] if finding.get("epoch") is not None else []
    where = f" ({', '.join(place)})" if place else ""
    head = Text.assemble((severity, _STYLES.get(severity, "")), f": {finding.get('name')}{where}")
    console.print(head, soft_wrap=True)
    console.print(f"  {finding.get('message')}", soft_wrap=True)
    if finding.get("because"):
        console.print(f"  It comes from {finding['because']}.", soft_wrap=True)
        return
    console.print(f"  {finding.get('meaning')}", soft_wrap=True)
    console.print(Text.assemble("  ", ("Do: ", "bold"), str(finding.get("advice"))), soft_wrap=True)
