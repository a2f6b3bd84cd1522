"""A training that may be killed at any moment: started again, it goes on from its newest checkpoint.

Usage: python killed_program.py FOLDER ENGINE THREADS EPOCHS

It says "ready" when training begins, and leaves `final.pellucid` and `final.json` (the history without its times).
Layers, optimizer, schedule, average, augmentation and callbacks are those with the most to lose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pellucid as pl


def main(folder: Path, engine: str, threads: int, epochs: int) -> None:
    digits = pl.datasets.load_digits()
    x, y = digits.train.x[:300], digits.train.y[:300]
    checkpoints = folder / "checkpoints"
    callbacks = [pl.Checkpoint(checkpoints), pl.EarlyStopping(epochs), pl.ReduceOnPlateau(7, factor=0.9)]
    try:
        trainer = pl.Trainer.resume(checkpoints, callbacks=callbacks, engine=engine, threads=threads)
    except FileNotFoundError:
        layers = [pl.Standardize(), pl.Dense(30), pl.BatchNormalization(), pl.ReLU(), pl.GaussianNoise(0.1)]
        network = pl.Network([*layers, pl.Dropout(0.3), pl.Dense(10)], engine=engine, threads=threads)
        trainer = pl.Trainer(
            network,
            loss=pl.SoftmaxCrossEntropy(0.1),
            optimizer=pl.AdamW(pl.CosineRestarts(0.01, steps=45, growth=2), weight_decay=0.01, clip_norm=1.0),
            batch_size=20,
            average=0.95,
            augmentation=pl.Augmentation((8, 8), [pl.Rotate(8), pl.Translate(1)]),
            seed=5,
            callbacks=callbacks,
        )
    print("ready", flush=True)
    if not trainer.stopped and trainer.epoch < epochs:
        trainer.fit(x, y, epochs=epochs - trainer.epoch, validation=digits.validation)
    history = trainer.history.to_dict()
    del history["columns"]["seconds"]
    (folder / "final.json").write_text(json.dumps(history), encoding="utf-8")
    pl.save(trainer.network, folder / "final.pellucid")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
