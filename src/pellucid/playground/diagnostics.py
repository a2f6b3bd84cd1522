"""What a training looks like from inside: a step on one point, and what the doctor finds.

Contract: both answer messages for the page; the doctor is asked only where this installation has one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.inspection.doctor import diagnose
from pellucid.inspection.doctor.catalogue import CATALOGUE
from pellucid.inspection.doctor.finding import Finding, in_order
from pellucid.inspection.trace import trace
from pellucid.training.history import History

if TYPE_CHECKING:
    from pellucid.playground.session import Session

_MOST_ROWS = 2000  # that the doctor is shown
_TO_BE_SEEN = ("underfitting", "over_regularized", "learning_rate_too_low", "plateau")
_SOON = 10  # epochs, before which nothing of these is said


def traced(session: Session, point: list[float], target: float) -> dict[str, Any]:
    """The step that training would make on one point, every number of it."""
    from pellucid.playground.state import Refused

    recipe, data = session.recipe, session.data
    if data.classes and (target != int(target) or not 0 <= target < len(data.classes)):
        raise Refused(f"The point's class must be a whole number from 0 to {len(data.classes) - 1}, not {target:g}.")
    row = data.middle()
    row[:2] = point
    y = np.array([target], dtype=np.int64 if data.classes else np.float64)
    begun = len(data.x_train) > 0
    found = trace(
        session.network,
        recipe.loss,
        recipe.inputs(row[None, :]),
        recipe.encode(y),
        optimizer=session.trainer.optimizer,
        penalty=session.trainer.penalty,
        state=session.present_state() if begun else None,
    )
    places = np.searchsorted(recipe.dense, np.arange(len(recipe.layers)), side="right")
    layers = [{"index": index, "column": int(column)} for index, column in enumerate(places)]
    return {"type": "trace", "trace": found.to_dict(), "text": found.text(), "layers": layers}


def findings(session: Session, *, ask: bool = True) -> dict[str, Any]:
    """What the doctor says of the training so far."""
    message: dict[str, Any] = {"type": "findings", "available": True, "findings": [], "message": ""}
    if ask and not len(session.data.x_train):
        message["message"] = "There are no training points."
    elif ask:
        rows = slice(0, _MOST_ROWS)
        data, recipe = session.data, session.recipe
        validation = (recipe.inputs(data.x_test[rows]), recipe.encode(data.y_test[rows])) if len(data.x_test) else None
        began = time.perf_counter()
        try:
            diagnosis = diagnose(session.trainer, session.x_train, session.y_train, validation=validation)
        except (ValueError, TypeError, ArithmeticError) as error:
            message["message"] = str(error)
        else:
            early = session.epoch < _SOON
            seen = [each for each in diagnosis.findings if not (early and each.name in _TO_BE_SEEN)]
            found = in_order([*seen, *overfitting(session)])
            message["findings"] = [_entry(finding, session) for finding in found]
            message["message"] = "" if found else "Nothing is wrong with this training, as far as can be seen."
        session.screen.diagnosis_took = time.perf_counter() - began
    return message


def overfitting(session: Session) -> list[Finding]:
    """What the chart shows of it: the trainer knows nothing of the test points, and its history has no such column."""
    columns = session.curve.columns()
    if not columns or not len(session.data.x_test):
        return []
    history = History()
    history.extend(dict(zip(("epoch", "loss", "validation_loss"), columns, strict=True)))
    return [finding for finding in diagnose(history).findings if finding.name == "overfitting"]


def _entry(finding: Finding, session: Session) -> dict[str, Any]:
    from pellucid.playground.remedies import changes_for

    table = {
        name: getattr(finding, name) for name in ("name", "severity", "title", "message", "advice", "meaning", "epoch")
    }
    because = CATALOGUE[finding.because].title if finding.because else None
    changes = changes_for(finding.remedy, session.state, session.data)
    remedy = None if finding.remedy is None else str(finding.remedy)
    return {**table, "because": because, "remedy": remedy, "changes": changes}
