"""Tries the doctor on planted faults and on healthy trainings, and keeps what it said for the documentation.

    python docs/planted_faults.py            all of them, some minutes on one core; writes docs/planted_faults.json
    python docs/planted_faults.py NAME …     those whose description holds a name; writes nothing

For each finding there are at least three trainings with its fault planted. The doctor must find it in all of them, name
it first in two thirds, and its remedy must raise the score on rows that nobody has seen. Of the healthy trainings it
must have nothing to say above a hint. The program ends with 1 where one of these does not hold.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support.faults import FAULTS  # noqa: E402
from support.healthy import HEALTHY  # noqa: E402
from support.runs import NotAtHand  # noqa: E402
from support.trials import FaultTrial, try_fault, try_healthy  # noqa: E402

RECORD = HERE / "planted_faults.json"


def main(names: list[str]) -> int:
    """Try all that is asked for; return the exit code."""
    trials, left_out = [], []
    for fault in FAULTS:
        if names and not any(name in str(fault) for name in names):
            continue
        try:
            trial = try_fault(fault)
        except NotAtHand as error:
            left_out.append(f"{fault}: {error}")
            continue
        trials.append(trial)
        print(line(trial), flush=True)
    healthy = {}
    for name, (data, recipe, seed) in HEALTHY.items():
        if names and not any(each in f"healthy {name}" for each in names):
            continue
        try:
            diagnosis, reached = try_healthy(data, recipe, seed)
        except NotAtHand as error:
            left_out.append(f"{name}: {error}")
            continue
        healthy[name] = {"severity": diagnosis.severity, "findings": list(diagnosis.names), "score": reached}
        print(f"healthy: {name}: score {reached:.3f}; {', '.join(diagnosis.names) or 'nothing'}", flush=True)
    troubles = judge(trials, healthy)
    for words in (*troubles, *(f"left out: {each}" for each in left_out)):
        print(words)
    if not names:
        RECORD.write_text(json.dumps(record(trials, healthy), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if troubles else 0


def line(trial: FaultTrial) -> str:
    """A trial on one line."""
    verdict = "first" if trial.first else "found" if trial.found else "MISSED"
    others = [name for name in trial.diagnosis.names if name != trial.fault.finding]
    also = f"; also {', '.join(others)}" if others else ""
    return f"{trial.fault}: {verdict}; {trial.fault.measure} {trial.before:.3f} -> {trial.after:.3f}{also}"


def judge(trials: list[FaultTrial], healthy: dict[str, Any]) -> list[str]:
    """What does not hold, in words."""
    troubles = [f"not found: {trial.fault}" for trial in trials if not trial.found]
    troubles += [f"the remedy does not help: {trial.fault}" for trial in trials if trial.found and not trial.better]
    by_finding = defaultdict(list)
    for trial in trials:
        by_finding[trial.fault.finding].append(trial.first)
    troubles += [f"rarely first: {name}" for name, first in by_finding.items() if 3 * sum(first) < 2 * len(first)]
    troubles += [f"not quiet: {name}" for name, told in healthy.items() if told["severity"] not in ("", "hint")]
    return troubles


def record(trials: list[FaultTrial], healthy: dict[str, Any]) -> dict[str, Any]:
    """What the page is made from."""
    return {
        "faults": [
            {
                "finding": trial.fault.finding,
                "data": trial.fault.data,
                "seed": trial.fault.seed,
                "first": trial.diagnosis.names[0] if trial.diagnosis.names else "",
                "found": list(trial.diagnosis.names),
                "measure": trial.fault.measure,
                "before": number(trial.before),
                "after": number(trial.after),
            }
            for trial in trials
        ],
        "healthy": healthy,
    }


def number(value: float) -> float | None:
    """Four digits; None for what is no number."""
    return float(f"{value:.4g}") if value == value and abs(value) != float("inf") else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
