"""What the doctor says: findings, and the remedies that go with them.

Contract: a `Finding` is one fault, by a name that stays the same in every version; `CATALOGUE` (in `catalogue.py`) has
what each name means. A `Remedy` is the first advice as data: what to change in a trainer, in a call of `fit`, in the
rows; `apply` makes the changed trainer. A `Diagnosis` holds the findings, the worst first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np

from pellucid.display import typed
from pellucid.inspection.doctor.catalogue import CATALOGUE, SEVERITIES
from pellucid.layers import Layer
from pellucid.training import Trainer
from pellucid.typing import Array

PAGE = "doctor.html"


@dataclass(frozen=True)
class Remedy:
    """What to change, as data.

    Parameters
    ----------
    layers : tuple of Layer or None
        The network's layers from now on; None: as they are.
    settings : mapping
        Arguments of `Trainer` that change: {"optimizer": Adam(0.001)}.
    fit : mapping
        Arguments of `fit` that change: {"class_weight": "balanced"}.
    leave_out : array or None
        The numbers of the training rows to leave out.

    Examples
    --------
    >>> import pellucid as pl
    >>> trainer = pl.Trainer(pl.Network([pl.Dense(2)]), loss=pl.SoftmaxCrossEntropy(), optimizer=pl.Adam(30.0))
    >>> remedy = pl.Remedy(settings={"optimizer": pl.Adam(0.003)})
    >>> print(remedy)
    optimizer=Adam(learning_rate=0.003)
    >>> remedy.apply(trainer).optimizer.learning_rate
    0.003
    """

    layers: tuple[Layer, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    leave_out: Array | None = field(default=None, compare=False)

    def apply(self, trainer: Trainer) -> Trainer:
        """A new trainer with the changes, before its first step; the old one stays as it is."""
        changes = dict(self.settings)
        if self.layers is not None:
            changes["layers"] = self.layers
        changes.setdefault("callbacks", trainer.callbacks)
        return trainer.replica(fresh=True, **changes)

    def rows(self, *arrays: Any) -> tuple[Array, ...]:
        """The arrays of the training rows without those to leave out."""
        if self.leave_out is None:
            return tuple(np.asarray(array) for array in arrays)
        return tuple(np.delete(np.asarray(array), self.leave_out, axis=0) for array in arrays)

    def __str__(self) -> str:
        """The changes as one would type them."""
        parts = [] if self.layers is None else [f"layers=[{', '.join(map(str, self.layers))}]"]
        parts += [f"{name}={typed(value)}" for name, value in self.settings.items()]
        parts += [f"fit(…, {name}={value!r})" for name, value in self.fit.items()]
        if self.leave_out is not None:
            parts.append(f"without {len(self.leave_out):,} of the training rows")
        return ", ".join(parts)


@dataclass(frozen=True)
class Finding:
    """One fault of a training.

    Parameters
    ----------
    name : str
        What it is, the same in every version: "dead_relu".
    severity : {"error", "warning", "hint"}
        error: training failed, or its result cannot be trusted; warning: it is clearly worse than it need be; hint:
        worth knowing.
    message : str
        What was seen, in a sentence with its numbers.
    evidence : mapping
        The same numbers by name.
    layer : int or None
        The layer it is about.
    epoch : int or None
        The epoch it was seen in; 0 is before the first.
    advice : str
        What to do first.
    remedy : Remedy or None
        The same as data, where a program can do it.
    because : str
        The name of another finding that explains this one; "" if none does.
    """

    name: str
    severity: str
    message: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    layer: int | None = None
    epoch: int | None = None
    advice: str = ""
    remedy: Remedy | None = None
    because: str = ""

    def __post_init__(self) -> None:
        if not self.advice:
            object.__setattr__(self, "advice", CATALOGUE[self.name].advice)

    @property
    def title(self) -> str:
        """The name in words."""
        return CATALOGUE[self.name].title

    @property
    def meaning(self) -> str:
        """What it means."""
        return CATALOGUE[self.name].meaning

    @property
    def page(self) -> str:
        """Where the documentation has more, from its root."""
        return f"{PAGE}#{self.name.replace('_', '-')}"

    def to_dict(self) -> dict[str, Any]:
        """As plain data; the remedy in words."""
        numbers = {name: _plain(value) for name, value in self.evidence.items()}
        return {
            "name": self.name,
            "severity": self.severity,
            "layer": self.layer,
            "epoch": self.epoch,
            "message": self.message,
            "evidence": numbers,
            "meaning": self.meaning,
            "advice": self.advice,
            "remedy": str(self.remedy or ""),
            "because": self.because,
            "page": self.page,
        }

    def __str__(self) -> str:
        """What, where, the evidence, what it means, what to do."""
        place = [f"layer {self.layer}"] if self.layer is not None else []
        place += [f"epoch {self.epoch}"] if self.epoch is not None else []
        where = f" ({', '.join(place)})" if place else ""
        lines = [f"{self.severity}: {self.name}{where}: {self.message}"]
        if self.because:
            lines.append(f"  Why: {CATALOGUE[self.because].title.lower()}, see {self.because}.")
        else:
            lines += [f"  Meaning: {self.meaning}", f"  Do: {self.advice}"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Diagnosis(Sequence[Finding]):
    """The findings about a training, the worst first; and what could not be looked at.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, then warnings, then hints; among equals, causes before their effects.
    unseen : tuple of str
        What the doctor could not look at, and how it can next time.

    Examples
    --------
    >>> import pellucid as pl
    >>> print(pl.diagnose(pl.History()))
    Nothing to report.
    Not seen: there is no epoch yet: train first.
    """

    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The findings' names."""
        return tuple(finding.name for finding in self.findings)

    @property
    def severity(self) -> str:
        """The worst severity; "" where nothing was found."""
        return self.findings[0].severity if self.findings else ""

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        """A finding by its place."""
        return self.findings[index]

    def __len__(self) -> int:
        """How many findings there are."""
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        """The worst first."""
        return iter(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"findings": [finding.to_dict() for finding in self.findings], "unseen": list(self.unseen)}

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    def __str__(self) -> str:
        """Finding by finding."""
        parts = [str(finding) for finding in self.findings] or ["Nothing to report."]
        return "\n".join([*parts, *(f"Not seen: {words}" for words in self.unseen)])


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The worst first; what another finding explains becomes a hint that says so.

    A cause stands before its effects in the catalogue, and is no hint itself.
    """
    ranks = {name: rank for rank, name in enumerate(CATALOGUE)}
    told: list[Finding] = []
    for finding in sorted(findings, key=lambda each: ranks[each.name]):
        causes = [
            each.name for each in told if each.severity != "hint" and finding.name in CATALOGUE[each.name].explains
        ]
        told.append(replace(finding, severity="hint", because=causes[0]) if causes else finding)
    return tuple(sorted(told, key=lambda each: (SEVERITIES.index(each.severity), bool(each.because))))


def _plain(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
