"""L-BFGS: the whole objective at once, minimized by SciPy over the engine's loss and gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from pellucid.engines.engine import Model
from pellucid.estimators.members import FitResult, Member, MemberRows, Plan
from pellucid.training.examples import examples_of
from pellucid.typing import Floats


def check_layers(member: Member) -> None:
    """Raise if a layer needs training by steps: L-BFGS minimizes one fixed function of the weights."""
    for instruction in member.network.program.instructions:
        if instruction.layer.draws or instruction.layer.moves_statistics:
            raise ValueError(
                f"solver='lbfgs' cannot train {instruction.name}, which is another function in every step: "
                f"leave it out, or use solver='adam' or 'sgd'."
            )


def minimize(
    member: Member,
    rows: MemberRows,
    plan: Plan,
    *,
    tol: float,
    max_fun: int,
    offset: float,
    after: Callable[[int], bool],
    verbose: bool,
) -> FitResult:
    """At most `plan.epochs` iterations and `max_fun` evaluations; the loss of each goes into the history.

    `after(iteration)` is called behind each, and may ask to stop.
    """
    network, loss = member.network, plan.loss
    program, statistics = network.program, network.statistics
    x, targets, weight = examples_of(network, loss, rows.x, rows.targets, rows.weight, scanned=True)
    engine, note = network.engines.choose(program, loss=loss, penalty=plan.penalty)
    member.history.engine, member.history.engine_note = engine.name, note
    order = _weights_first(member)

    def objective(flat: Floats) -> tuple[float, Floats]:
        parameters = np.empty(flat.size, dtype=network.dtype)
        parameters[order] = flat
        model = Model(program, parameters, statistics)
        value, gradient = engine.loss_and_gradient(model, loss, plan.penalty, x, targets, weight)
        return value + offset, gradient[order].astype(np.float64)

    def look(intermediate_result: Any) -> None:
        iteration = len(member.history) + 1
        member.history.append({"epoch": iteration, "loss": float(intermediate_result.fun)})
        if verbose:
            print(f"Iteration {iteration}, loss = {intermediate_result.fun:.8f}")
        _keep(member, order, intermediate_result.x)
        if after(iteration) or member.stopping:
            raise StopIteration

    result, interrupted, member.stopping = None, False, False
    start = network.parameters[order].astype(np.float64)
    options = {"maxiter": plan.epochs, "maxfun": max_fun, "gtol": tol}
    try:
        result = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", callback=look, options=options)
        _keep(member, order, result.x)
        member.curves.loss = [float(result.fun)]
    except KeyboardInterrupt:
        interrupted = True
    member.network.loss, member.network.link = loss, loss.link(targets)
    if result is None or result.status == 99:  # 99: a callback stopped it
        return FitResult(len(member.history), interrupted=interrupted)
    epochs = min(result.nit, plan.epochs)
    if result.status == 0:
        return FitResult(epochs)
    words = f"lbfgs failed to converge after {epochs} iteration(s) (status={result.status}): {result.message}."
    if epochs == plan.epochs:
        words += f" Increase the number of iterations (max_iter={plan.epochs})"
    elif result.nfev >= max_fun:
        words += f" Increase the number of evaluations (max_fun={max_fun})"
    else:
        words += " Try more rows or a larger alpha"
    return FitResult(epochs, converged=False, label=f"{words}, or scale the inputs (standardize=True).")


def _keep(member: Member, order: Any, flat: Floats) -> None:
    parameters = np.empty(flat.size, dtype=member.network.dtype)
    parameters[order] = flat
    member.network.parameters = parameters


def _weights_first(member: Member) -> Any:
    """Places in the flat vector, all weights before all biases: the order scikit-learn minimizes in."""
    program = member.network.program
    penalized = np.zeros(program.parameter_count, dtype=bool)
    for part in program.penalized:
        penalized[part] = True
    return np.concatenate([np.flatnonzero(penalized), np.flatnonzero(~penalized)])
