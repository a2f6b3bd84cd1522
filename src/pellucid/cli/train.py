"""`pellucid train`: the command. `train_options.py` states what can be typed, `training.py` does the work."""

from __future__ import annotations

from dataclasses import fields

from pellucid.cli.command import Command, from_record, taken
from pellucid.cli.train_options import OfTables, TrainCommand, TrainOptions


def train_network(given: TrainCommand) -> None:
    """Train a network on a table or a data set, and save it with its history and a report.

    What is not said is chosen to suit the data.
    """
    from pellucid.cli.errors import UsageError
    from pellucid.cli.inputs import is_table

    if is_table(given.dataset, {field.name: getattr(given, field.name) for field in fields(OfTables)}):
        if given.recipe is not None and given.settings is not None:
            raise UsageError("--recipe and --settings do not go together: each names the recipe.")
        from pellucid.cli import table_training
        from pellucid.cli.table_options import TableOptions

        names = ("optimizer", "l2", "validation", "patience", "checkpoint", "resume", "data", "doctor")
        table_training.refuse({f"--{name}": getattr(given, name) for name in names})
        table_training.train(taken(TableOptions, {**vars(given), "source": given.dataset}))
        return
    from pellucid.cli.training import train

    train(taken(TrainOptions, vars(given)))


train = Command(
    "train",
    from_record(TrainCommand, train_network),
    "Example:  pellucid train digits --hidden 64,32 --epochs 20",
)
