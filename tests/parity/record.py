"""Ask PyTorch for the numbers that the tests compare with.

    python tests/parity/record.py           write recorded.json
    python tests/parity/record.py --check   compute them again and compare; exit code 1 where they differ

The table of cases is `cases.py`. PyTorch computes in float64 on the CPU; its version is noted in the file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from parity.cases import (
    INPUTS,
    LAYER_CASES,
    LOSS_CASES,
    NETWORK_CASES,
    OPTIMIZER_CASES,
    PENALTY_CASES,
    PROBLEM,
    RATE,
    RATES,
    ROWS,
    SCHEDULE_CASES,
    SCHEDULE_STEPS,
    STEPS,
    LayerCase,
    LossCase,
    NetworkCase,
    OptimizerCase,
    PenaltyCase,
    ScheduleCase,
    numbers,
)
from parity.recipe import RECIPES
from parity.recipe import answer as recipe_answer

FILE = Path(__file__).with_name("recorded.json")
_TOLERANCE = 1e-12  # between two builds of PyTorch

Tensor = Any
Answer = dict[str, list[float]]


def flat(*tensors: Tensor) -> list[float]:
    """All numbers of some tensors, one after the other."""
    return [float(value) for tensor in tensors for value in tensor.detach().reshape(-1)]


def layer_answer(torch: Any, case: LayerCase) -> Answer:
    x = torch.tensor(case.inputs, requires_grad=True)
    parameters = {
        name: torch.tensor(numbers(shape, 0.5 + place), requires_grad=True)
        for place, (name, shape) in enumerate(case.parameters.items())
    }
    y = case.torch(torch, x, parameters)
    (y * torch.tensor(numbers(tuple(y.shape), 0.8))).sum().backward()
    gradients = {f"gradient of {name}": flat(tensor.grad) for name, tensor in parameters.items()}
    return {"output": flat(y), "gradient of x": flat(x.grad), **gradients}


def loss_answer(torch: Any, case: LossCase) -> Answer:
    scores = torch.tensor(numbers((ROWS, case.outputs), 0.3, 3.0), requires_grad=True)
    value = case.torch(torch, scores, torch.tensor(case.y))
    value.backward()
    return {"loss": flat(value), "gradient": flat(scores.grad)}


def penalty_answer(torch: Any, case: PenaltyCase) -> Answer:
    weight = torch.tensor(numbers((3, 2), 0.3), requires_grad=True)
    value = case.torch(torch, weight)
    value.backward()
    return {"value": flat(value), "gradient": flat(weight.grad)}


def split_parameters(torch: Any, case: NetworkCase) -> list[dict[str, Tensor]]:
    """The flat vector as one table of tensors a layer."""
    rest, tables = case.parameters, []
    for layer in case.layers:
        table = {}
        for name, shape in layer.parameters.items():
            size = int(np.prod(shape))
            table[name] = torch.tensor(rest[:size].reshape(shape), requires_grad=True)
            rest = rest[size:]
        tables.append(table)
    return tables


def network_scores(torch: Any, case: NetworkCase, tables: list[dict[str, Tensor]]) -> Tensor:
    x = torch.tensor(INPUTS)
    for layer, table in zip(case.layers, tables, strict=True):
        x = layer.torch(torch, x, table)
    return x


def network_answer(torch: Any, case: NetworkCase) -> Answer:
    tables = split_parameters(torch, case)
    scores = network_scores(torch, case, tables)
    value = case.loss.torch(torch, scores, torch.tensor(case.loss.y))
    value.backward()
    gradient = flat(*(tensor.grad for table in tables for tensor in table.values()))
    return {"scores": flat(scores), "loss": flat(value), "gradient": gradient}


def trace_answer(torch: Any, case: NetworkCase) -> Answer:
    """What autograd says of everything between: each layer's output and its gradient, and the inputs' gradient."""
    x = torch.tensor(INPUTS, requires_grad=True)
    passed, outputs = x, []
    for layer, table in zip(case.layers, split_parameters(torch, case), strict=True):
        passed = layer.torch(torch, passed, table)
        passed.retain_grad()
        outputs.append(passed)
    case.loss.torch(torch, passed, torch.tensor(case.loss.y)).backward()
    answer = {f"output {place}": flat(output) for place, output in enumerate(outputs)}
    gradients = {f"gradient of output {place}": flat(output.grad) for place, output in enumerate(outputs)}
    return {**answer, **gradients, "gradient of x": flat(x.grad)}


def optimizer_answer(torch: Any, case: OptimizerCase) -> Answer:
    """Parameters after this many full-batch steps, for each rate."""
    answer = {}
    for rate in RATES:
        tables = split_parameters(torch, PROBLEM)
        tensors = [tensor for table in tables for tensor in table.values()]
        weights = [table["weight"] for table in tables if "weight" in table]
        biases = [table["bias"] for table in tables if "bias" in table]
        optimizer = case.torch(torch, weights, biases, rate)
        for step in range(1, max(STEPS) + 1):
            for tensor in tensors:
                tensor.grad = None
            PROBLEM.loss.torch(torch, network_scores(torch, PROBLEM, tables), torch.tensor(PROBLEM.loss.y)).backward()
            if case.before_step is not None:
                case.before_step(torch, tensors)
            optimizer.step()
            if step in STEPS:
                answer[f"rate {rate:g}, step {step}"] = flat(*tensors)
    return answer


def schedule_answer(torch: Any, case: ScheduleCase) -> Answer:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler, rates = case.torch(torch, optimizer), []
    for step in range(SCHEDULE_STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step < SCHEDULE_STEPS - 1:
            scheduler.step()
    return {"rates": rates}


def answers() -> dict[str, Any]:
    """What PyTorch says of every case."""
    import torch

    torch.set_default_dtype(torch.float64)
    return {
        "torch": torch.__version__.split("+")[0],
        "layers": {case.name: layer_answer(torch, case) for case in LAYER_CASES},
        "losses": {case.name: loss_answer(torch, case) for case in LOSS_CASES},
        "penalties": {case.name: penalty_answer(torch, case) for case in PENALTY_CASES},
        "networks": {case.name: network_answer(torch, case) for case in NETWORK_CASES},
        "traces": {case.name: trace_answer(torch, case) for case in NETWORK_CASES},
        "optimizers": {case.name: optimizer_answer(torch, case) for case in OPTIMIZER_CASES},
        "schedules": {case.name: schedule_answer(torch, case) for case in SCHEDULE_CASES},
        "recipes": {recipe.name: recipe_answer(torch, recipe) for recipe in RECIPES},
    }


def write(data: dict[str, Any]) -> None:
    """One line a case, so that a change is easy to see."""
    families = []
    for family, cases in data.items():
        if family != "torch":
            lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(answer)}" for name, answer in cases.items())
            families.append(f'  "{family}": {{\n{lines}\n  }}')
    text = ",\n".join([f'  "torch": {json.dumps(data["torch"])}', *families])
    FILE.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def differences(recorded: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Where the two differ, in words."""
    found = []
    for family in (set(recorded) | set(fresh)) - {"torch"}:
        old, new = recorded.get(family, {}), fresh.get(family, {})
        found += [f"{family}, {name}: only in one of the two" for name in sorted(set(old) ^ set(new))]
        for name in sorted(set(old) & set(new)):
            for quantity in sorted(set(old[name]) | set(new[name])):
                one, two = old[name].get(quantity, []), new[name].get(quantity, [])
                if len(one) != len(two) or not np.allclose(one, two, rtol=_TOLERANCE, atol=_TOLERANCE):
                    found.append(f"{family}, {name}, {quantity}: recorded {one}, now {two}")
    return found


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: record.py [--check]", file=sys.stderr)
        return 2
    fresh = answers()
    count = sum(len(cases) for family, cases in fresh.items() if family != "torch")
    if not arguments:
        write(fresh)
        print(f"{FILE}: {count} cases, PyTorch {fresh['torch']}, {FILE.stat().st_size:,} bytes")
        return 0
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    found = differences(recorded, fresh)
    for line in found:
        print(line, file=sys.stderr)
    verdict = f"{len(found)} differences" if found else "all the same"
    print(f"{count} cases, PyTorch {fresh['torch']} now, {recorded['torch']} recorded: {verdict}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
