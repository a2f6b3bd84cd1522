"""The work of `pellucid train`: data, network, training, results, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pellucid.cli import tables
from pellucid.cli.defaults import Defaults, recipe_for
from pellucid.cli.diagnosis import diagnosis_to_dict, show_findings
from pellucid.cli.errors import Interrupted, UsageError, choice, fraction_or_rows, option, whole_numbers
from pellucid.cli.inputs import load_named
from pellucid.cli.progress import progress_for
from pellucid.cli.remedies import command_of
from pellucid.cli.resuming import check_folders, checkpoints_of, recalled, remember, resumed
from pellucid.cli.runs import may_overwrite, run_folder
from pellucid.cli.train_options import TrainOptions
from pellucid.datasets import DATASETS, Dataset
from pellucid.datasets.images import CHECKSUMS
from pellucid.datasets.splits import part_rows
from pellucid.engines import ENGINES
from pellucid.inspection.doctor import Doctor, Remedy
from pellucid.layers import ACTIVATIONS, Dense, Dropout, Layer, Rescale, Sigmoid
from pellucid.losses import LOSSES, Loss
from pellucid.network import Network
from pellucid.optimizers import OPTIMIZERS
from pellucid.penalties import L2
from pellucid.training import Callback, Checkpoint, DivergenceError, EarlyStopping, Trainer
from pellucid.validation import check_integer


def train(options: TrainOptions) -> None:
    """Train, tell and save."""
    name = choice("data set", options.dataset, DATASETS)
    options = replace(options, dataset=name)
    check_folders(options)
    if options.resume is not None:
        options = recalled(options)
    overwrite = may_overwrite(options.save, options.overwrite)
    options = replace(options, engine=choice("--engine", options.engine, ENGINES))
    with option("--seed"):
        check_integer("seed", options.seed, maximum=2**64 - 1)
    console = tables.console()
    trainer, dataset, recipe = set_up(options)
    watching = [Doctor()] if options.doctor else []
    trainer.callbacks += watching
    place = options.resume or options.checkpoint
    with checkpoints_of(trainer, place), run_folder(options.save, name, overwrite=overwrite) as folder:
        trainer.initialize(*dataset.train)
        remember(options, trainer)
        trainer.network.classes = dataset.classes
        tables.show_data(console, dataset)
        tables.show_training(console, trainer, recipe.epochs)
        tables.show_layers(console, trainer.network)
        try:
            interrupted = _fit(trainer, dataset, recipe, console)
        except DivergenceError:
            for doctor in watching:
                show_findings(console, diagnosis_to_dict(doctor.diagnosis, commands(options, trainer, dataset)))
            raise
        tables.show_end(console, trainer.history)
        _show_results(console, trainer.network, dataset)
        findings = diagnosis_to_dict(watching[0].diagnosis, commands(options, trainer, dataset)) if watching else None
        if findings is not None:
            show_findings(console, findings)
        settings = {name: value for name, value in vars(options).items() if name != "overwrite"}
        files = folder.write(trainer.network, dataset, trainer.history, settings, findings)
        tables.show_files(console, folder.path, files, name)
    if interrupted and place is not None:
        console.print(f"Go on with: pellucid train {name} --resume {place}", soft_wrap=True)
    if interrupted:
        raise Interrupted


def set_up(options: TrainOptions) -> tuple[Trainer, Dataset, Defaults]:
    """The trainer, the data and the recipe that a command line stands for."""
    name = choice("data set", options.dataset, DATASETS)
    recipe = _recipe(options, recipe_for(name))
    dataset = _data(name, options)
    trainer = _trainer(options, recipe, dataset) if options.resume is None else resumed(options, recipe.patience)
    return trainer, dataset, recipe


def commands(options: TrainOptions, trainer: Trainer, dataset: Dataset) -> Callable[[Remedy | None], str | None]:
    """What makes a command line of a remedy."""

    def layers_for(changes: Mapping[str, Any]) -> list[Layer]:
        return _layers(_recipe(replace(options, **changes), recipe_for(dataset.name)), dataset)

    return partial(command_of, options=options, trainer=trainer, layers_for=layers_for)


def _recipe(options: TrainOptions, recipe: Defaults) -> Defaults:
    """The data set's recipe with what the command line changes; names and numbers checked."""
    changes: dict[str, Any] = {}
    if options.hidden is not None:
        changes |= {"hidden": whole_numbers("--hidden", options.hidden), "dropout": 0.0}
    if options.dropout is not None:
        changes["dropout"] = options.dropout
    if options.activation is not None:
        changes["activation"] = choice("--activation", options.activation, activations())
    if options.loss is not None:
        changes["loss"] = choice("--loss", options.loss, class_losses())
    if options.optimizer is not None:
        changes["optimizer"] = choice("--optimizer", options.optimizer, OPTIMIZERS)
        if changes["optimizer"] != recipe.optimizer:  # the recipe's rate suits the recipe's optimizer alone
            changes["learning_rate"] = OPTIMIZERS[changes["optimizer"]]().learning_rate
    if options.validation is not None and fraction_or_rows("--validation", options.validation) == 0:
        changes["patience"] = 0  # without validation rows nothing tells when to stop, unless it is asked for
    for field in ("learning_rate", "epochs", "patience"):
        value = getattr(options, field)
        if value is not None:
            changes[field] = value
    recipe = replace(recipe, **changes)
    for name, value, least in (("--epochs", recipe.epochs, 1), ("--patience", recipe.patience, 0)):
        with option(name):
            check_integer("N", value, minimum=least)
    return recipe


def activations() -> dict[str, type[Layer]]:
    """Every activation by its name with hyphens: "relu", "tanh"."""
    return {name.replace("_", "-"): cls for name, cls in ACTIVATIONS.items()}


def class_losses() -> dict[str, type[Loss]]:
    """The losses that take classes: all the data sets known by name have them."""
    return {name: LOSSES[name] for name in ("hinge", "sigmoid_cross_entropy", "softmax_cross_entropy", "squared_error")}


def _data(name: str, options: TrainOptions) -> Dataset:
    more: dict[str, Any] = {}
    if options.validation is not None:
        more["validation"] = fraction_or_rows("--validation", options.validation)
        with option("--validation"):
            part_rows("validation", more["validation"], 1)
    with nullcontext() if name in CHECKSUMS else option("--validation"):  # files have troubles of their own
        return load_named(name, options.data, **more)


def _trainer(options: TrainOptions, recipe: Defaults, dataset: Dataset) -> Trainer:
    optimizer = OPTIMIZERS[recipe.optimizer]
    with option("--learning-rate"):
        chosen = optimizer(recipe.learning_rate)
    with option("--l2"):
        penalty = L2(options.l2) if options.l2 else None
    with option("--threads" if options.engine != "native" else "--engine"):
        network = Network(_layers(recipe, dataset), engine=options.engine, threads=options.threads)
    return Trainer(
        network,
        loss=LOSSES[recipe.loss](),
        optimizer=chosen,
        batch_size=_batch_size(options, recipe, dataset),
        penalty=penalty,
        seed=options.seed,
        callbacks=_callbacks(options, recipe),
    )


def _callbacks(options: TrainOptions, recipe: Defaults) -> list[Callback]:
    stopping: list[Callback] = [EarlyStopping(recipe.patience)] if recipe.patience else []
    return stopping if options.checkpoint is None else [*stopping, Checkpoint(Path(options.checkpoint).expanduser())]


def _batch_size(options: TrainOptions, recipe: Defaults, dataset: Dataset) -> int | str:
    if options.batch_size is None:
        return min(recipe.batch_size, dataset.train.rows)
    text = options.batch_size.strip().lower()
    if text == "full":
        return text
    if not text.isdigit() or not 1 <= int(text) <= dataset.train.rows:
        raise UsageError(
            f"--batch-size must be a whole number from 1 to the {dataset.train.rows:,} training rows, or full, "
            f"not {options.batch_size!r}."
        )
    return int(text)


def _layers(recipe: Defaults, dataset: Dataset) -> list[Layer]:
    """Scaling, hidden layers with activation and dropout, and one output a class (one alone for yes or no)."""
    layers: list[Layer] = [] if recipe.rescale is None else [Rescale(recipe.rescale)]
    activation = activations()[recipe.activation]
    with option("--dropout"):
        dropout = [Dropout(recipe.dropout)] if recipe.dropout else []
    for units in recipe.hidden:
        layers += [Dense(units), activation(), *dropout]
    outputs = len(dataset.classes)
    if recipe.loss == "sigmoid_cross_entropy":
        if outputs > 2:
            raise UsageError(
                f"--loss sigmoid-cross-entropy tells yes from no, but {dataset.name} has {outputs} classes: "
                f"use softmax-cross-entropy."
            )
        outputs = 1
    layers.append(Dense(outputs))
    if recipe.loss == "squared_error":  # the targets are 0 and 1, and so should the outputs be
        layers.append(Sigmoid())
    return layers


def _fit(trainer: Trainer, dataset: Dataset, recipe: Defaults, console: Any) -> bool:
    """Train; return whether it was interrupted. What was learnt until then is in the network."""
    trainer.callbacks.append(progress_for(console))
    left = recipe.epochs - trainer.epoch
    if trainer.stopped or left < 1:
        console.print(f"\nTraining finished in epoch {trainer.epoch:,}.", soft_wrap=True)
        return False
    if trainer.epoch or trainer.step:
        console.print(f"Going on after epoch {trainer.epoch:,}, step {trainer.step:,}.", soft_wrap=True)
    try:
        trainer.fit(*dataset.train, epochs=left, validation=dataset.parts.get("validation"), progress=False)
    except KeyboardInterrupt:
        done = len(trainer.history)
        trainer.history.stopped = (
            f"Interrupted in epoch {done + 1} of {recipe.epochs}: what was learnt so far is saved."
        )
        return True
    return False


def _show_results(console: Any, network: Network, dataset: Dataset) -> None:
    part = dataset.test
    values = network.evaluate(*part)
    if network.training is not None:
        network.training = network.training.with_metrics(**{f"test_{name}": value for name, value in values.items()})
    tables.show_results(console, "Test", values, part.rows)
    tables.show_confusion(console, part.y, network.predict(part.x), dataset.classes)
