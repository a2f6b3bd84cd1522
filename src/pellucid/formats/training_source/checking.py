"""How a training program is held to the run it is of: the same rows, and the same weights after the first epoch."""

from __future__ import annotations

from pellucid.formats.training_source.run import Run
from pellucid.formats.training_source.source_text import WIDTH, function
from pellucid.training.repeating import SAMPLES

_ROUNDING = {"float32": (1e-2, 1e-5), "float64": (1e-6, 1e-10)}
"""What may differ: this part of how far a parameter's weights moved, and this part of their size."""


def check_constants(run: Run, names: dict[str, str]) -> list[str]:
    """What is known of the run; `names` are those of the parameters in the program, by their full names."""
    if run.summary is None:
        return []
    kept = {names[name]: values for name, values in run.first_epoch().items()}
    digits = 9 if run.trainer.network.dtype == "float32" else 17
    rows = [f'    "{name}": [{", ".join(f"{value:.{digits}g}" for value in values)}],' for name, values in kept.items()]
    return [
        f'RUN = "{ending(run)}"',
        f'RUN_ROWS = "{run.summary.data_hash}"  # SHA-256 of the rows it was trained on',
        "RUN_WEIGHTS = {  # some of the weights it had after its first epoch",
        *rows,
        "}",
    ]


def check_functions(run: Run) -> list[str]:
    """`same_rows` and `check`; nothing of a training that has not been."""
    if run.summary is None:
        return []
    part, size = _ROUNDING[run.trainer.network.dtype.name]
    places = f"np.linspace(0, p[name].size - 1, {SAMPLES}).astype(int)"
    check = [
        '"""Stop unless weights after the first epoch are those of the run, but for rounding."""',
        "first = initial_parameters()",
        "for name, values in RUN_WEIGHTS.items():",
        f"    places, expected = {places}, np.array(values)",
        "    found, moved = p[name].ravel()[places], np.abs(expected - first[name].ravel()[places]).max()",
        f"    if not np.abs(found - expected).max() <= {part!r} * moved + {size!r} * np.abs(expected).max():",
        '        sys.exit(f"Another training: after the first epoch {name} has {found}, but the run had {expected}.")',
        'print("After the first epoch the weights are those of the run.")',
    ]
    shape = f"{run.summary.rows:,} of {', '.join(map(str, run.summary.row_shape))} numbers ({run.summary.row_dtype})"
    rows = [
        '"""Whether these are the rows of the run, by their SHA-256."""',
        f"x, y = np.asarray(x), {_encoded(run)}",
        'parts = [hashlib.sha256(f"{a.dtype.str} {a.shape}".encode() + a.tobytes()).hexdigest() for a in (x, y)]',
        'if hashlib.sha256(" ".join(parts).encode()).hexdigest() == RUN_ROWS:',
        "    return True",
        f'print("These are not the rows of the run: {shape}.")',
        "return False",
    ]
    return [function("same_rows(x, y)", rows), function("check(p)", check)]


def _encoded(run: Run) -> str:
    """Targets as their hash was taken."""
    assert run.summary is not None
    assert run.summary.settings is not None
    if run.classes:
        return "np.asarray(y, dtype=np.int64)"
    outputs, dtype = run.trainer.network.outputs, run.summary.settings["target_dtype"]
    unit = run.trainer.network.target is not None
    y = f"np.asarray(y, dtype={str('float64' if unit else dtype)!r}).reshape(len(x), -1)"
    y = f"({y} - TARGET_MEAN) / TARGET_SCALE" if unit else y
    return y if outputs == 1 else f"np.broadcast_to({y}, (len(x), {outputs}))"


def ending(run: Run) -> str:
    """What the run came to."""
    assert run.summary is not None
    shown = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    numbers = [
        f"{name.replace('_', ' ')} {run.summary.metrics[name]:.4f}" for name in shown if name in run.summary.metrics
    ]
    return f"{run.summary.epochs} epochs, {', '.join(numbers)}"


def main(run: Run) -> str:
    """What happens when the program is run."""
    more = ['validation=(data["validation_x"], data["validation_y"])'] if run.validation else []
    more += ['weight=data["weight"]'] if run.sample_weight else []
    more += ["checked=same_rows(x, y)"] if run.summary is not None else []
    last = [] if run.summary is None else ['print(f"The run had {RUN}")']
    lines = [
        "if len(sys.argv) != 2:",
        "    sys.exit(__doc__)",
        "with np.load(sys.argv[1], allow_pickle=False) as data:",
        '    x, y = data["x"], data["y"]',
        f"    train({', '.join(['x, y', *more])})",
        *last,
    ]
    assert max(map(len, lines)) < WIDTH + 4
    return 'if __name__ == "__main__":\n' + "\n".join(f"    {line}" for line in lines)
