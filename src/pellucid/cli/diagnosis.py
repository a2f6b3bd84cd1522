"""What the doctor says, printed; and its remedies as one would type them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

import pellucid as pl
from pellucid.layers import ACTIVATIONS

if TYPE_CHECKING:
    from pellucid.cli.training import Options

_STYLES = {"error": "bold red", "warning": "bold yellow", "hint": "cyan"}


def told_of(diagnosis: pl.Diagnosis, options: Options | None = None) -> dict[str, Any]:
    """The diagnosis as plain data, each remedy with the command line that applies it, where there is one."""
    told = diagnosis.to_dict()
    if options is not None:
        for finding, plain in zip(diagnosis, told["findings"], strict=True):
            plain["command"] = command_of(finding, options)
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
    console.print(f"  {finding.get('said')}", soft_wrap=True)
    if finding.get("because"):
        console.print(f"  It comes from {finding['because']}.", soft_wrap=True)
        return
    console.print(f"  {finding.get('meaning')}", soft_wrap=True)
    console.print(Text.assemble("  ", ("Do: ", "bold"), str(finding.get("advice"))), soft_wrap=True)


def command_of(finding: pl.Finding, options: Options) -> str | None:
    """The command line with the finding's remedy in it; None where options cannot say it."""
    if finding.remedy is None:
        return None
    changes = _changes(finding.remedy)
    if not changes:
        return None
    given = {
        name: value
        for name, value in vars(options).items()
        if name != "dataset" and value not in (None, False) and (name, value) not in _DEFAULTS
    }
    given.pop("save", None)
    words = [f"--{name.replace('_', '-')} {value}" for name, value in {**given, **changes}.items() if value is not True]
    words += [f"--{name}" for name, value in given.items() if value is True]
    return " ".join(["pellucid train", options.dataset, *words])


_DEFAULTS = {("l2", 0.0), ("seed", 0), ("engine", "auto")}


def _changes(remedy: pl.Remedy) -> dict[str, Any]:
    """What a remedy changes, by the names of options; {} where there is something that no option says."""
    changes: dict[str, Any] = {}
    for name, value in remedy.settings.items():
        if name == "optimizer" and isinstance(value.learning_rate, float):
            changes["learning_rate"] = f"{value.learning_rate:g}"
        elif name == "batch_size":
            changes["batch_size"] = value
        elif name == "penalty" and (value is None or isinstance(value, pl.L2)):
            changes["l2"] = 0 if value is None else f"{value.strength:g}"
        elif name == "callbacks" and len(value) == 1 and isinstance(value[0], pl.EarlyStopping):
            changes["patience"] = value[0].patience
        else:
            return {}
    if remedy.fit or remedy.leave_out is not None:
        return {}
    return changes if remedy.layers is None else {**changes, **_network(remedy.layers)}


def _network(layers: tuple[Any, ...]) -> dict[str, Any]:
    """Sizes, activation and dropout of a network."""
    units = [layer.units for layer in layers if isinstance(layer, pl.Dense)]
    hidden = ",".join(map(str, units[:-1])) or "none"
    names = {cls: name.replace("_", "-") for name, cls in ACTIVATIONS.items()}
    activations = [names[type(layer)] for layer in layers[:-1] if type(layer) in names]
    dropout = [layer.rate_at(0) for layer in layers if isinstance(layer, pl.Dropout)]
    changes: dict[str, Any] = {"hidden": hidden}
    if activations:
        changes["activation"] = activations[0]
    if dropout:
        changes["dropout"] = f"{dropout[0]:g}"
    return changes
