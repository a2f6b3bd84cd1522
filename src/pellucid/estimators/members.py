"""The networks behind an estimator, each with its training: one, or several that answer together.

Contract: a `Member` owns a network, the trainer that goes on from one call of `partial_fit` to the next, and its
curves. `prepare` is for the main thread; `run` may be called in any, and returns how training ended instead of warning
or raising, so that the estimator says it once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pellucid.engines import pool
from pellucid.estimators.convergence import Convergence, Curves, fresh_optimizer
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.penalties import Constraint, Penalty
from pellucid.training import DivergenceError, History, Trainer
from pellucid.training.callbacks import as_callback
from pellucid.training.examples import Examples, examples_of
from pellucid.typing import Array, Floats


class MemberRows(NamedTuple):
    """What is trained on: rows, targets in the loss' form, and how much each row counts, all in all and by itself."""

    x: Array
    targets: Array
    weight: Floats | None
    sample_weight: Floats | None = None


class Plan(NamedTuple):
    """How: what a trainer is told."""

    loss: Loss
    optimizer: Optimizer
    penalty: Penalty | None
    batch_size: int
    shuffle: bool
    epochs: int
    constraint: Constraint | None = None
    average: float | None = None


class FitResult(NamedTuple):
    """How the training of a member ended."""

    epochs: int
    converged: bool = True
    interrupted: bool = False
    diverged: DivergenceError | None = None
    label: str = ""
    """Where it did not converge: how, and what to try."""


@dataclass
class Member:
    """A network and its training."""

    network: Network
    seed: int = 0
    curves: Curves = field(default_factory=Curves)
    trainer: Trainer | None = None
    history: History = field(default_factory=History)
    examples: Examples | None = None
    stopping: bool = False

    def prepare(self, rows: MemberRows, plan: Plan, *, goes_on: bool) -> Trainer:
        """A trainer for this plan; where training does not go on, its optimizer has forgotten everything."""
        network = self.network
        if self.trainer is None:
            self.trainer = Trainer(network, plan.loss, plan.optimizer, seed=self.seed, penalty_in_loss=True)
        trainer = self.trainer
        trainer.loss, trainer.optimizer, trainer.penalty = plan.loss, plan.optimizer, plan.penalty
        trainer.batch_size, trainer.shuffle = plan.batch_size, plan.shuffle
        trainer.constraint, trainer.average = plan.constraint, plan.average
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # classes without a row: partial_fit may know more of them
            self.examples = examples_of(
                network,
                plan.loss,
                rows.x,
                rows.targets,
                rows.weight,
                scanned=True,  # by scikit-learn's check
            )
            trainer.begin(self.examples)
        if not goes_on and trainer.epoch > 0:
            fresh = fresh_optimizer(network.parameters, network.statistics, plan.optimizer, trainer.epoch)
            trainer.resume_from(fresh)
        self.history = trainer.history
        return trainer

    def run(self, plan: Plan, convergence: Convergence, callbacks: Sequence[Any]) -> FitResult:
        """This many epochs, or fewer."""
        trainer = self.trainer
        assert trainer is not None
        assert self.examples is not None
        error, interrupted = None, False
        trainer.callbacks = [convergence, *map(as_callback, callbacks)]
        watch = convergence.watch
        held_out = None if watch is None else (watch.x, watch.targets, watch.weight)
        try:
            trainer.fit_examples(self.examples, epochs=plan.epochs, validation=held_out, progress=False)
        except DivergenceError as caught:
            error = caught
        except KeyboardInterrupt:
            interrupted = True
        finally:
            trainer.callbacks, self.examples = [], None  # they hold rows, and may hold what cannot be packed
        stopped = convergence.converged or bool(trainer.history.stopped)
        return FitResult(convergence.epochs + (error is not None), stopped, interrupted, error)

    def stop(self) -> None:
        """End the training that runs in another thread, after its epoch or iteration."""
        self.stopping = True
        if self.trainer is not None:
            self.trainer.stop("Training was interrupted.")


@contextmanager
def restored_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator the attributes back that it had, where a fit ends in an error or an interrupt."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        estimator.__dict__ = before
        raise


def run_all(jobs: Sequence[Callable[[], FitResult]], members: Sequence[Member], threads: int | None) -> list[FitResult]:
    """Run the members' jobs: side by side on as many threads as there are cores for them. Ctrl-C stops all."""
    results, interrupted = pool.run_all(jobs, pool.worker_count(len(jobs), threads), lambda n: members[n].stop())
    done = [result or FitResult(0) for result in results]
    return [result._replace(interrupted=True) for result in done] if interrupted else done
