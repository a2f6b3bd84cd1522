"""C99: compilers, levels and sanitizers; self-tests that can fail; many models in a program; int8."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.formats.c_source import write_c
from pellucid.formats.c_source.export_c import whole_program
from pellucid.formats.c_source.operations import Grid, Multiplier
from pellucid.formats.c_source.quantize import Quantized, quantize
from pellucid.formats.prediction import prediction_of
from support.exports import COMPILERS, ask_library, compiled, needs, network_of, self_test
from support.samples import random_numbers

SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
LAYERS = [
    pl.Standardize(), pl.Dense(20), pl.BatchNormalization(), pl.ReLU(), pl.Maxout(7, 3), pl.Tanh(), pl.Dense(18),
    pl.PReLU(per_unit=True), pl.BatchNormalization(), pl.GELU(), pl.Dense(3),
]  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> tuple[pl.Network, pl.datasets.Dataset]:
    """A network for the digits, as good as a few seconds make it."""
    digits = pl.datasets.load_digits()
    network = pl.Network([pl.Standardize(), pl.Dense(64), pl.ReLU(), pl.Dropout(0.2), pl.Dense(10)])
    trainer = pl.Trainer(network, "softmax_cross_entropy", pl.Adam(0.002), callbacks=[pl.EarlyStopping(10)])
    trainer.fit(*digits.train, epochs=40, validation=digits.validation)
    network.classes = digits.classes
    return network, digits


def varied(link: str = "softmax") -> tuple[pl.Network, np.ndarray]:
    network = network_of(LAYERS, 9, link, seed=4)
    return network, random_numbers((200, 9), 5).astype(np.float32)


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_and_level_passes_the_self_test(compiler: str, level: str, int8: bool, tmp_path: Path) -> None:
    network, x = varied()
    write_c(network, tmp_path / "net", int8=int8, rows=x)
    done = self_test(tmp_path / "net.c", level, compiler=compiler)
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"net: 8 rows, largest difference \S+ \(at most \S+\): right\n", done.stdout)


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_sanitizers_find_nothing(compiler: str, int8: bool, tmp_path: Path) -> None:
    for number, link in enumerate(["softmax", "sigmoid", "exponential"]):
        network, x = varied(link)
        write_c(network, tmp_path / f"net{number}", int8=int8, rows=x)
        done = self_test(tmp_path / f"net{number}.c", *SANITIZED, compiler=compiler)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_the_self_test_notices_a_wrong_number(int8: bool, tmp_path: Path) -> None:
    network, x = varied()
    write_c(network, tmp_path / "net", int8=int8, rows=x)
    source = tmp_path / "net.c"
    text = source.read_text()
    pattern = r"(bias_10\[3\] = \{\n    )(-?\d+)" if int8 else r"(bias_10\[3\] = \{\n    )(-?[\d.]+)"
    changed = re.sub(pattern, lambda m: f"{m[1]}{float(m[2]) + 90:{'.0f' if int8 else ''}}", text)
    assert changed != text
    source.write_text(changed)
    done = self_test(source)
    assert done.returncode == 1
    assert done.stdout.endswith("WRONG\n")


def test_many_models_live_in_one_program(tmp_path: Path) -> None:
    network, x = varied()
    write_c(network, tmp_path / "first", rows=x)
    write_c(network, tmp_path / "second", rows=x, int8=True)
    (tmp_path / "main.c").write_text(
        '#include "first.h"\n#include "second.h"\n#include <stdio.h>\n'
        "int main(void)\n{\n    const float x[FIRST_INPUTS] = {1.0f, 2.0f};\n"
        '    printf("%d %d\\n", first_predict(x), second_predict(x));\n    return 0;\n}\n'
    )
    sources = [tmp_path / name for name in ("first.c", "second.c", "main.c")]
    printed = subprocess.check_output([str(compiled(sources, tmp_path / "program", "-O2"))], text=True)
    expected = network.predict([[1.0, 2.0, 0, 0, 0, 0, 0, 0, 0]])[0]
    assert printed == f"{expected} {expected}\n"


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_nothing_but_the_mathematical_functions_is_called(int8: bool, tmp_path: Path) -> None:
    needs("nm")
    network, x = varied()
    write_c(network, tmp_path / "net", int8=int8, rows=x)
    compiled([tmp_path / "net.c"], tmp_path / "net.o", "-c", "-O0", "-ffreestanding")
    symbols = subprocess.check_output(["nm", str(tmp_path / "net.o")], text=True).splitlines()
    wanted = {line.split()[-1] for line in symbols if line.split()[-2] == "U"}
    assert wanted <= {"expf", "tanhf", "erff", "floorf", "sqrtf", "expm1f", "log1pf"}
    public = {line.split()[-1] for line in symbols if line.split()[-2] in "TDRBC"}
    assert all(name.startswith("net_") for name in public)


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_the_memory_that_is_stated_is_the_memory_that_is_taken(int8: bool, tmp_path: Path) -> None:
    needs("nm")
    network, x = varied()
    report = write_c(network, tmp_path / "net", int8=int8, rows=x)
    stated = re.search(r"([\d,.]+) (bytes|KB) of constants, ([\d,]+) bytes of static memory", str(report))
    compiled([tmp_path / "net.c"], tmp_path / "net.o", "-c", "-O0")
    lines = subprocess.check_output(["nm", "-S", str(tmp_path / "net.o")], text=True).splitlines()
    sized = [line.split() for line in lines if len(line.split()) == 4]
    memory = sum(int(size, 16) for _, size, kind, _ in sized if kind in "bB")
    constants = sum(int(size, 16) for _, size, kind, _ in sized if kind in "rR")
    assert memory == int(stated[3].replace(",", ""))
    assert constants == int(stated[1].replace(",", ""))
    assert f"{stated[0]}." in (tmp_path / "net.h").read_text()


def test_the_header_serves_cpp(tmp_path: Path) -> None:
    needs("g++")
    network, x = varied()
    write_c(network, tmp_path / "net", rows=x, int8=True)
    (tmp_path / "main.cpp").write_text(
        '#include "net.h"\nint main() { float x[NET_INPUTS] = {}; return net_predict(x) >= NET_OUTPUTS; }\n'
    )
    compiled([tmp_path / "net.c"], tmp_path / "net.o", "-c")
    sources = [str(tmp_path / "main.cpp"), str(tmp_path / "net.o")]
    subprocess.run(["g++", "-Wall", "-Wextra", "-Werror", *sources, "-o", str(tmp_path / "program")], check=True)
    assert subprocess.run([str(tmp_path / "program")], check=False).returncode == 0


# -- int8 --------------------------------------------------------------------------------------------------------


def test_digits_in_int8_are_recognised_as_well(trained, tmp_path: Path) -> None:
    network, digits = trained
    report = write_c(network, tmp_path / "digits", int8=True, rows=digits.train.x, test=digits.test)
    ours = ask_library(network, tmp_path / "digits.c", digits.test.x)
    in_int8, in_float = ((p == digits.test.y).mean() for p in (ours.predictions, network.predict(digits.test.x)))
    assert in_float > 0.95
    assert in_int8 >= in_float - 0.003
    assert f"{in_float:.2%} in float, {in_int8:.2%} in int8" in str(report)
    size = float(np.abs(network.scores(digits.test.x)).max())
    assert np.abs(ours.scores - network.scores(digits.test.x)).max() <= 0.1 * size
    assert self_test(tmp_path / "digits.c").returncode == 0


def whole_answers(name: str, folder: Path, whole: Quantized, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What NAME_quantize and NAME_run answer for rows."""
    library = ctypes.CDLL(str(compiled([folder / f"{name}.c"], folder / f"{name}.so", "-shared", "-fPIC")))
    quantized = whole.inputs(x.astype(np.float64))
    q, y = np.zeros(quantized.shape, np.int8), np.zeros((len(x), whole.run(quantized).shape[1]), np.int16)
    rows = quantized.astype(np.int8)
    for place in range(len(x)):
        pointers = [ctypes.c_void_p(array[place].ctypes.data) for array in (x, q, rows, y)]
        getattr(library, f"{name}_quantize")(*pointers[:2])
        getattr(library, f"{name}_run")(*pointers[2:])
    return q, y


LAYERS_IN_INT8 = [
    pl.ReLU(), pl.Sigmoid(), pl.Tanh(), pl.HardTanh(), pl.LeakyReLU(0.1), pl.PReLU(per_unit=True), pl.ELU(), pl.SELU(),
    pl.GELU(), pl.SiLU(), pl.Mish(), pl.Softplus(), pl.Softsign(), pl.BatchNormalization(), pl.RobustScale(),
    pl.Standardize(), pl.Scale(), pl.Dropout(0.3), pl.Maxout(6, 2), pl.Rescale(-0.5, 0.1), pl.Dense(12),
    pl.Dense(30, bias=False),
]  # fmt: skip


@settings(max_examples=60)
@given(
    front=st.lists(
        st.sampled_from([pl.Standardize(), pl.RobustScale(), pl.LayerNormalization(), pl.ReLU()]), max_size=2
    ),
    middle=st.lists(st.sampled_from(LAYERS_IN_INT8), max_size=6),
    softmax=st.booleans(),
    inputs=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_whole_numbers_are_the_same_in_c_to_the_bit(front, middle, softmax: bool, inputs: int, seed: int) -> None:
    network = network_of([*front, pl.Dense(16), *middle, *([pl.Softmax()] if softmax else [])], inputs, "argmax", seed)
    x = np.random.default_rng(seed).normal(size=(50, inputs)).astype(np.float32)
    whole = quantize(prediction_of(network), x.astype(np.float64))
    with tempfile.TemporaryDirectory() as folder:
        write_c(network, Path(folder) / "net", int8=True, rows=x)
        q, y = whole_answers("net", Path(folder), whole, x)
    assert np.abs(q - whole.inputs(x.astype(np.float64))).max() <= 1
    assert np.array_equal(y, whole.run(whole.inputs(x.astype(np.float64))))
    exact = prediction_of(network).scores(x.astype(np.float64))
    spread = exact.std() + np.abs(exact).max()
    assert np.sqrt(np.square(whole.scores(x.astype(np.float64)) - exact).mean()) <= 0.25 * spread


def test_there_is_no_float_between_the_whole_numbers() -> None:
    network, x = varied()
    texts, _ = whole_program(prediction_of(network), quantize(prediction_of(network), x.astype(np.float64)), "net")
    body = re.search(r"void net_run\(.*?\n\}\n", texts["net.c"], re.S)[0]
    assert "float" not in body
    assert not re.search(r"\d\.|\df\b", body)


def test_a_multiplier_is_the_factor_to_thirty_bits() -> None:
    factors = np.array([1e-9, 0.3, 1.0, -0.7, 12.5, 0.0, 2.0**-80, 1 - 2.0**-40])
    numbers = Multiplier.of(factors)
    sums = np.array([2**30, -(2**20), 17, 1001, -99, 5, 2**31 - 1, 2**24])
    assert np.array_equal(numbers.apply(sums), np.round(sums * factors))
    assert Multiplier.of(np.array([0.5])).apply(np.array([3, -3, 1, -1])).tolist() == [2, -2, 1, -1]  # away from zero


def test_a_grid_keeps_zero_and_the_ends() -> None:
    grid = Grid(0.5, -3)
    assert grid.quantize(np.array([0.0, 0.5, -1000.0, 1000.0])).tolist() == [-3, -2, -128, 127]
    assert grid.real(np.array([-3, -2])).tolist() == [0.0, 0.5]


def test_what_int8_cannot_do(tmp_path: Path) -> None:
    x = random_numbers((20, 4)).astype(np.float32)

    def refused(layers: list[pl.Layer], message: str, **changes: object) -> None:
        network = network_of(layers, 4, "softmax")
        for name, value in changes.items():
            network.set(name.replace("_", ".", 1)[1:], value)
        with pytest.raises(ValueError, match=message):
            write_c(network, tmp_path / "net", int8=True, rows=x)
        assert not list(tmp_path.iterdir())

    refused([pl.ReLU()], r"The network has no dense layer: there is nothing that int8")
    between = [pl.Dense(3), pl.LayerNormalization(), pl.Dense(2)]
    refused(between, r"layer 1, LayerNormalization\(\), behind a dense layer cannot be computed in int8")
    refused([pl.Dense(3), pl.Softmax(), pl.Dense(2)], r"layer 1, Softmax\(\), behind a dense layer")
    parametric = [pl.Dense(3), pl.ParametricActivation("mish"), pl.Dense(2)]
    refused(
        parametric, r"layer 1, ParametricActivation\('mish'\), between two dense layers has parameters of each unit"
    )
    huge = [1e9, 0.0]
    refused([pl.Dense(2)], r"sums of layer 0, Dense\(2\), unit 0 may leave 32 bits: its bias of 1e\+09", n0_bias=huge)
    with pytest.raises(ValueError, match=r"int8 needs rows to measure its ranges on: give rows="):
        write_c(network_of([pl.Dense(2)], 4, "softmax"), tmp_path / "net", int8=True)
    with pytest.raises(ValueError, match=r"rows has rows of shape \(3,\), but the network was built for rows of shape"):
        write_c(network_of([pl.Dense(2)], 4, "softmax"), tmp_path / "net", int8=True, rows=x[:, :3])


def test_numbers_are_compared_by_r2(tmp_path: Path) -> None:
    x = random_numbers((300, 3)).astype(np.float32)
    y = x @ [1.0, -2.0, 0.5]
    network = pl.Network([pl.Dense(16), pl.Tanh(), pl.Dense(1)])
    pl.Trainer(network, "squared_error", pl.Adam(0.02)).fit(x, y, epochs=60)
    report = write_c(network, tmp_path / "net", int8=True, rows=x, test=(x, y))
    found = re.search(r"r2 on 300 rows: (\S+) in float, (\S+) in int8", str(report))
    assert float(found[1]) > float(found[2]) > 0.95
    ours = ask_library(network, tmp_path / "net.c", x)
    assert np.abs(ours.predictions - network.predict(x)).max() < 0.3


# -- a microcontroller -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_the_self_test_passes_on_a_cortex_m4(trained, int8: bool, tmp_path: Path) -> None:
    if not all(map(shutil.which, ("arm-none-eabi-gcc", "qemu-system-arm"))):
        pytest.skip("needs arm-none-eabi-gcc and qemu-system-arm")
    from support.cortex import run_on_cortex_m4

    network, digits = trained
    write_c(network, tmp_path / "digits", int8=int8, rows=digits.test.x)
    printed = run_on_cortex_m4([tmp_path / "digits.c", tmp_path / "digits_test.c"], tmp_path)
    assert printed.startswith("digits: 8 rows, largest difference")
    assert printed.endswith("right\n")
