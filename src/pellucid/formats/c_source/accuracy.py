"""What int8 costs: the network in whole numbers beside the one in float, on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.formats.c_source.quantize import Quantized
from pellucid.formats.prediction import Prediction
from pellucid.losses import metrics, predictions
from pellucid.network import Network
from pellucid.typing import Array, Floats
from pellucid.validation import check_array, check_inputs, check_same_length

_ROWS_AT_A_TIME = 2048


def compare(network: Network, prediction: Prediction, whole: Quantized, rows: Array, test: Any) -> list[str]:
    """Sentences on how the two differ: on rows with targets if there are any, else on the rows measured on."""
    x, targets = rows, None
    if test is not None:
        x = check_inputs(test[0], "test x", prediction.input_shape)
        y = check_array(test[1], "y")
        check_same_length(x=x, y=y)
        targets = y if network.loss is None else network.encode(y, network.loss)
    exact, coarse = _in_slices(prediction.scores, x), _in_slices(whole.scores, x)
    of = f"{len(x):,} rows"
    lines = [
        f"Scores on {of}: at most {np.abs(coarse - exact).max():.3g} off, the largest being {np.abs(exact).max():.3g}"
    ]
    if prediction.link in ("softmax", "argmax", "sigmoid", "sign"):
        same = np.asarray(predictions(exact, prediction.link) == predictions(coarse, prediction.link)).mean()
        lines.append(f"Predictions on {of}: {same:.2%} the same as in float")
    if targets is not None:
        in_float = metrics(exact, targets, prediction.link, target=network.target)
        in_int8 = metrics(coarse, targets, prediction.link, target=network.target)
        lines += [_loss_of(name, value, in_int8[name], of) for name, value in in_float.items()]
    return lines


def _loss_of(name: str, in_float: float, in_int8: float, of: str) -> str:
    if name != "accuracy":
        return f"{name} on {of}: {in_float:.4f} in float, {in_int8:.4f} in int8"
    points = 100 * (in_float - in_int8)
    change = f"{abs(points):.2f} points {'lower' if points > 0 else 'higher'}" if points else "the same"
    return f"Accuracy on {of}: {in_float:.2%} in float, {in_int8:.2%} in int8 ({change})"


def _in_slices(scores: Any, x: Array) -> Floats:
    """Scores (n, outputs), slice by slice, in float64 on what a float holds of x."""
    starts = range(0, len(x), _ROWS_AT_A_TIME)
    parts = [x[start : start + _ROWS_AT_A_TIME].astype(np.float32).astype(np.float64) for start in starts]
    return np.concatenate([scores(part) for part in parts])
