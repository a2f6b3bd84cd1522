"""Everything a trainer holds, as one number: what must be the same before and after a look at it."""

from __future__ import annotations

import hashlib

import pellucid as pl


def fingerprint(trainer: pl.Trainer) -> str:
    """SHA-256 of parameters, statistics, slots, counters, history, settings and what the network was told."""
    network = trainer.network
    parts: list[object] = [
        trainer.epoch, trainer.step, trainer.history.to_json(), trainer.loss, trainer.optimizer, trainer.batch_size,
        trainer.penalty, trainer.seed, network.built, network.statistics_fitted, network.loss, network.link,
        network.layers, trainer.divergence, [type(each).__name__ for each in trainer.callbacks],
    ]  # fmt: skip
    digest = hashlib.sha256(repr(parts).encode())
    if network.built:
        digest.update(network.parameters.tobytes() + network.statistics.tobytes())
    if trainer._progress is not None:
        state = trainer.state
        counters = (state.epoch, state.batch, state.step, state.rate_scale, state.loss_sum, state.weight_sum)
        digest.update(repr(counters).encode() + state.parameters.tobytes() + state.statistics.tobytes())
        for slot in state.slots:
            digest.update(slot.tobytes())
    return digest.hexdigest()
