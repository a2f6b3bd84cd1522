"""Networks as C: accuracy in float and int8, the time for one image, and the sizes on a Cortex-M4."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.measure import ROOT, in_turn
from benchmarks.predictors import onnx_model
from pellucid.formats import write_c

sys.path.insert(0, str(ROOT / "tests"))
from support.cortex import run_on_cortex_m4, sizes_on_cortex_m4

Row = tuple[str, str, str, str]

_REPEATS = 2000  # of one image, in a round
_TIMED = """
#define _POSIX_C_SOURCE 199309L
#include "NAME.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **arguments)
{
    static float x[SIZE], p[10];
    FILE *file = fopen(arguments[1], "rb");
    if (count < 3 || !file || fread(x, sizeof x, 1, file) != 1)
        return 1;
    struct timespec begin, end;
    double sum = 0.0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = atoi(arguments[2]); i > 0; i--) {
        NAME_predict_proba(x, p);
        sum += p[0];
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.9f %.9g\\n", (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec), sum);
    return 0;
}
"""


def rows() -> Iterator[Row]:
    """What, measured, beside what, wanted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digits, mnist = pl.datasets.load_digits(), pl.datasets.load_mnist(download=False)
        small = _trained([pl.Standardize(), pl.Dense(64), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)], digits, 40)
        large = _trained([pl.Rescale(1 / 255), pl.Dense(128), pl.ReLU(), pl.Dense(10)], mnist, 5)
        for network, dataset, sizes in ((small, digits, "64-64-10"), (large, mnist, "784-128-10")):
            yield _accuracy(network, dataset, sizes, folder)
        yield from _times(large, mnist.test.x[:1], folder)
        yield from _cortex(small, digits, folder)


def _trained(layers: list[pl.Layer], dataset: pl.datasets.Dataset, epochs: int) -> pl.Network:
    network = pl.Network(layers)
    trainer = pl.Trainer(
        network, "softmax_cross_entropy", pl.Adam(1e-3), batch_size=32, callbacks=[pl.EarlyStopping(10)]
    )
    trainer.fit(*dataset.train, epochs=epochs, validation=dataset.validation)
    return network


def _accuracy(network: pl.Network, dataset: pl.datasets.Dataset, sizes: str, folder: Path) -> Row:
    """The accuracy of the compiled program in int8 beside that of the network itself."""
    import ctypes

    name = f"{dataset.name}_int8"
    write_c(network, folder / name, int8=True, rows=dataset.train.x)
    library = folder / f"{name}.so"
    subprocess.run(
        ["gcc", "-std=c99", "-O2", "-shared", "-fPIC", str(folder / f"{name}.c"), "-lm", "-o", str(library)], check=True
    )
    predict = getattr(ctypes.CDLL(str(library)), f"{name}_predict")
    x = dataset.test.x.astype(np.float32)
    predicted = np.array([predict(ctypes.c_void_p(row.ctypes.data)) for row in x])
    ours, in_float = (predicted == dataset.test.y).mean(), network.evaluate(*dataset.test)["accuracy"]
    beside = f"float32 {in_float:.2%}: {100 * (ours - in_float):+.2f} points"
    return f"{dataset.name}, {sizes}: test accuracy of the C program in int8", f"{ours:.2%}", beside, "≥ −0.3 points"


def _times(network: pl.Network, row: np.ndarray, folder: Path) -> Iterator[Row]:
    """The probabilities of one image: the compiled programs, the native engine and onnxruntime, each in turn."""
    import onnxruntime

    one = row.astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    w1, b1, w2, b2 = network.named_parameters().values()
    session = onnxruntime.InferenceSession(
        onnx_model(w1 / np.float32(255), b1, w2, b2), options, ["CPUExecutionProvider"]
    )
    single = pl.Network(network.layers, threads=1).build(one.shape[1])
    single.parameters, single.link = network.parameters, network.link
    programs = {}
    for words, flags in (("-O2", ["-O2"]), ("-O3", ["-O3"]), ("-O3 -march=native", ["-O3", "-march=native"])):
        for int8 in (False, True):
            programs[f"C in {'int8' if int8 else 'float'}, {words}"] = _timed(network, one, folder, int8, flags)
    peers: dict[str, Callable[[], Any]] = {
        "native engine": lambda: single.predict_proba(one),
        "onnxruntime": lambda: session.run(None, {"x": one}),
    }
    expected = float(network.predict_proba(one)[0, 0])
    assert abs(float(session.run(None, {"x": one})[0][0, 0]) - expected) < 1e-5
    seconds = in_turn({name: _repeated(peer) for name, peer in peers.items()}, 7, time.perf_counter)
    micro = {name: 1e6 * value / _REPEATS for name, value in seconds.items()}
    told = ", ".join(f"{name} {value:.2f} µs" for name, value in micro.items())
    for name, ask in programs.items():
        ask()
        measured = sorted(ask() for _ in range(7))[3]
        ratio = micro["onnxruntime"] / measured
        yield f"one image, 784-128-10, {name}", f"{measured:.2f} µs", f"{told}: **{ratio:.2f} ×** onnxruntime", ""


def _repeated(function: Callable[[], Any]) -> Callable[[], None]:
    def repeat() -> None:
        for _ in range(_REPEATS):
            function()

    return repeat


def _timed(network: pl.Network, one: np.ndarray, folder: Path, int8: bool, flags: list[str]) -> Callable[[], float]:
    """A program that answers microseconds an image."""
    name = f"timed_{len(list(folder.iterdir()))}"
    rows = pl.datasets.load_mnist(download=False).train.x[:2000]
    write_c(network, folder / name, int8=int8, rows=rows)
    (folder / f"{name}_main.c").write_text(_TIMED.replace("NAME", name).replace("SIZE", str(one.shape[1])))
    (folder / "row.bin").write_bytes(one.tobytes())
    program = folder / name
    sources = [str(folder / f"{name}.c"), str(folder / f"{name}_main.c")]
    subprocess.run(["gcc", "-std=c99", *flags, *sources, "-lm", "-o", str(program)], check=True)

    def ask() -> float:
        printed = subprocess.check_output([str(program), str(folder / "row.bin"), str(10 * _REPEATS)], text=True)
        return 1e6 * float(printed.split()[0]) / (10 * _REPEATS)

    return ask


def _cortex(network: pl.Network, digits: pl.datasets.Dataset, folder: Path) -> Iterator[Row]:
    """Flash and memory of the digits' network on a Cortex-M4, once its self-test has passed there."""
    if not shutil.which("arm-none-eabi-gcc"):
        print("The Cortex-M4 is left out: arm-none-eabi-gcc is not installed.", file=sys.stderr)
        return
    for int8 in (False, True):
        name = f"cortex_{'int8' if int8 else 'float'}"
        write_c(network, folder / name, int8=int8, rows=digits.train.x)
        tested = "not run: qemu-system-arm is not installed"
        if shutil.which("qemu-system-arm"):
            run_on_cortex_m4([folder / f"{name}.c", folder / f"{name}_test.c"], folder)
            tested = "self-test passed in qemu"
        sizes = sizes_on_cortex_m4(folder / f"{name}.c", "-Os")
        total = sizes.code + sizes.constants
        flash = f"{total:,} bytes of flash ({sizes.code:,} of code, {sizes.constants:,} of constants)"
        yield (
            f"Cortex-M4, digits 64-64-10 in {'int8' if int8 else 'float'}, -Os",
            f"{flash}, {sizes.memory:,} of memory",
            tested,
            "",
        )
