"""From encoded rows to trained networks: validation rows set aside, epochs chosen, an ensemble's members side by side.

Contract: `plan` makes the jobs of a model, `TableModel` is what came of them: it returns probabilities and numbers for
encoded rows, of one network or of several together. Nothing here knows of files or frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.datasets.splits import split_indices
from pellucid.encoding.encoder import Layout
from pellucid.ensemble import Ensemble
from pellucid.network import Network
from pellucid.tables.recipes import VISITS, Recipe
from pellucid.tables.running import EncodedRows, Job
from pellucid.tables.targets import Target
from pellucid.training import History
from pellucid.training.summaries import learnt_from
from pellucid.typing import Array, Floats

VALIDATION = 0.2
_LEAST_TO_HOLD = 10  # rows: of fewer, none can be spared to choose the best epoch by

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """How a model is trained, whatever it is trained on.

    Parameters
    ----------
    recipe : Recipe
        The network and its training.
    n_models : int
        How many networks, whose answers are averaged.
    validation : float
        The fraction of the rows that each network is not trained on, but its best epoch found by; 0: none.
    epochs : int or None
        How often every row is used; None: the recipe's, less for large tables.
    visits : int
        The rows a training may go through, all epochs together, where `epochs` is None.
    seed : int
        Where all random numbers start.
    engine, threads
        As for `Network`.
    """

    recipe: Recipe
    n_models: int = 1
    validation: float = VALIDATION
    epochs: int | None = None
    visits: int = VISITS
    seed: int = 0
    engine: str = "auto"
    threads: int | None = None


def plan(x: Array, y: Array, layout: Layout, target: Target, settings: Settings, **more: Any) -> list[Job]:
    """The jobs of a model of encoded rows x (n, d) and targets y (n,): one for each network.

    Parameters
    ----------
    x, y : array
        Rows and targets, in the forms of encoder and `target.encode`.
    layout, target, settings
        What the rows hold, what is predicted, and how.
    **more
        `weight` (n,): how much each row counts; `name`: what the jobs are called.
    """
    weight, name = more.get("weight"), more.get("name", "the model")
    jobs = []
    for number in range(settings.n_models):
        seed = settings.seed + 1000 * number
        training, holding = divide(y, target, settings.validation, seed)
        rows, held_out = (
            EncodedRows(x[part], y[part], None if weight is None else weight[part]) for part in (training, holding)
        )
        jobs.append(
            Job(
                name=name if settings.n_models == 1 else f"{name}, network {number + 1} of {settings.n_models}",
                recipe=settings.recipe,
                layout=layout,
                target=target,
                rows=rows,
                held_out=held_out if len(held_out.x) else None,
                epochs=settings.epochs or settings.recipe.epochs_for(len(rows.x), settings.visits),
                seed=seed,
                engine=settings.engine,
                threads=settings.threads,
            )
        )
    return jobs


def divide(y: Array, target: Target, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Row numbers to train on and to hold back; classes keep their proportions where each has rows enough."""
    if not fraction or len(y) < _LEAST_TO_HOLD:
        return np.arange(len(y)), np.arange(0)
    if target.task == "classes":
        try:
            training, holding, _ = split_indices(y, fraction, 0, seed=seed)
        except ValueError:  # a class is too rare to be in both parts
            training, holding, _ = split_indices(y, fraction, 0, stratify=False, seed=seed)
            unseen = ~np.isin(y[holding], y[training])  # what is not trained on cannot be learnt
            training, holding = np.concatenate([training, holding[unseen]]), holding[~unseen]
    else:
        training, holding, _ = split_indices(y, fraction, 0, stratify=False, seed=seed)
    return training, holding


def learnt_from_table(network: Network, x: Array, y: Array, target: Target) -> bool:
    """Whether a network was trained on these encoded rows of a table and their targets, or on the part of them that was
    not held back to find its best epoch by.
    """
    summary = network.training
    if summary is None or len(y) != summary.rows + summary.validation_rows:
        return learnt_from(network, x, y)
    training, _ = divide(y, target, VALIDATION if summary.validation_rows else 0.0, summary.seed)
    return learnt_from(network, x[training], y[training])


@dataclass
class TableModel:
    """What was learnt: networks of an ensemble.

    Parameters
    ----------
    target : Target
        What is predicted.
    networks : list of Network
        One, or the members of an ensemble.
    histories : list of History
        The training of each.
    encoder : object
        What made numbers of columns; it travels with each network.
    """

    target: Target
    networks: list[Network]
    histories: list[History] = field(default_factory=list)
    encoder: Any = None

    @classmethod
    def of(cls, jobs: Sequence[Job], encoder: Any = None) -> TableModel:
        """The model that jobs have come to.

        Raises
        ------
        DivergenceError
            If a training exploded before its first epoch was done.
        """
        for job in jobs:
            if job.diverged is not None and not (job.trainer and job.trainer.epoch):
                raise job.diverged
        for job in jobs:
            job.network.preprocessing = encoder
        return cls(jobs[0].target, [job.network for job in jobs], [_history(job) for job in jobs], encoder)

    def answers(self, x: Array) -> Floats:
        """For encoded rows (n, d): probabilities (n, K), quantiles (n, levels) in their order, or numbers (n,)."""
        together = Ensemble(self.networks)
        return together.predict_proba(x) if self.target.task == "classes" else together.predict(x)


def _history(job: Job) -> History:
    assert job.trainer is not None
    return job.trainer.history
