"""`mnist.pkl.gz`: what is read, from every protocol of both Pythons, and what never runs."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.datasets import load_mnist_pickle

Arrays = tuple[tuple[np.ndarray, np.ndarray], ...]


def made(rows: tuple[int, ...] = (30, 20, 10), dtype: str = "<f4") -> Arrays:
    generator = np.random.default_rng(0)
    return tuple(
        (generator.integers(0, 256, (count, 784)).astype(dtype) / 256, generator.integers(0, 10, count))
        if np.dtype(dtype).kind == "f"
        else (generator.integers(0, 256, (count, 784)).astype(dtype), generator.integers(0, 10, count))
        for count in rows
    )


def written(path: Path, data: bytes, zipped: bool = True) -> Path:
    path.write_bytes(gzip.compress(data, compresslevel=1) if zipped else data)
    return path


def check(path: Path, arrays: Arrays) -> None:
    dataset = load_mnist_pickle(path)
    for part, (x, y) in zip(dataset.parts.values(), arrays, strict=True):
        assert part.x.dtype == x.dtype
        assert part.x.dtype.isnative
        assert part.y.dtype == np.int64
        assert np.array_equal(part.x, x)
        assert np.array_equal(part.y, y)
        part.x[0] = 0  # writable
    assert dataset.image_shape == (28, 28)
    assert dataset.classes == tuple("0123456789")


class Python2:
    """A pickle as Python 2 and the NumPy of its time wrote it, instruction by instruction, without memo."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.data = b"\x80\x02" if protocol == 2 else b""

    def text(self, value: bytes) -> bytes:
        if self.protocol == 0:
            return b"S" + repr(value)[1:].encode() + b"\n"
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value

    def number(self, value: int) -> bytes:
        if self.protocol == 0:
            return f"I{value}\n".encode()
        return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)

    def truth(self, value: bool) -> bytes:
        return (b"\x88" if value else b"\x89") if self.protocol == 2 else (b"I01\n" if value else b"I00\n")

    def array(self, value: np.ndarray, by_columns: bool = False) -> bytes:
        kind = value.dtype.str
        begin = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + self.number(0) + b"t"
        begin += self.text(b"b") + b"tR(" + self.number(1)
        begin += b"(" + b"".join(map(self.number, value.shape)) + b"t"
        begin += b"cnumpy\ndtype\n(" + self.text(kind[1:].encode()) + self.number(0) + self.number(1) + b"tR("
        begin += self.number(3) + self.text(kind[:1].encode()) + b"NNN" + self.number(-1) * 2 + self.number(0) + b"tb"
        return begin + self.truth(by_columns) + self.text(value.tobytes("F" if by_columns else "C")) + b"tb"

    def dump(self, arrays: Arrays, by_columns: bool = False) -> bytes:
        pairs = b"".join(b"(" + b"".join(self.array(a, by_columns) for a in pair) + b"t" for pair in arrays)
        return self.data + b"(" + pairs + b"t."


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "u1"])
def test_python_3(tmp_path: Path, protocol: int, dtype: str) -> None:
    arrays = made(dtype=dtype)
    check(written(tmp_path / "mnist.pkl.gz", pickle.dumps(arrays, protocol)), arrays)


@pytest.mark.parametrize("protocol", range(3))
@pytest.mark.parametrize("by_columns", [False, True])
def test_python_2(tmp_path: Path, protocol: int, by_columns: bool) -> None:
    arrays = made()
    data = Python2(protocol).dump(arrays, by_columns)
    core = b"numpy._core" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else b"numpy.core"
    theirs = pickle.loads(data.replace(b"numpy.core", core), encoding="latin1")  # what the helper wrote is one
    assert all(
        np.array_equal(a, b) for ours, pair in zip(arrays, theirs, strict=True) for a, b in zip(ours, pair, strict=True)
    )
    check(written(tmp_path / "mnist.pkl.gz", data), arrays)


@pytest.mark.parametrize("protocol", range(6))
def test_other_orders_and_containers(tmp_path: Path, protocol: int) -> None:
    arrays = made()
    columns = tuple((np.asfortranarray(x), y[::1]) for x, y in arrays)
    data = pickle.dumps([list(pair) for pair in columns], protocol)
    check(written(tmp_path / "plain.pkl", data, zipped=False), arrays)
    strided = tuple((np.repeat(x, 2, axis=0)[::2], np.repeat(y, 2)[::2]) for x, y in arrays)
    check(written(tmp_path / "strided.pkl.gz", pickle.dumps(strided, protocol)), arrays)


class Calls:
    """A pickle of it calls any function with any arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Sub(np.ndarray):
    pass


class Custom:
    pass


def reduced(module: str, name: str, *arguments: str) -> bytes:
    texts = "".join(f"V{argument}\n" for argument in arguments)
    return f"c{module}\n{name}\n({texts}tR.".encode()


def persistent() -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return "somewhere" if obj == "me" else None

    sink = io.BytesIO()
    Pickler(sink, 2).dump(["me"])
    return sink.getvalue()


MARK = os.path.join(tempfile.gettempdir(), "pellucid-must-never-be-written")
only = "but only NumPy arrays are read."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (reduced("os", "system", f"touch {MARK}"), f"asks for os.system, {only}"),
        (pickle.dumps(Calls(os.system, f"touch {MARK}"), 4), f"asks for {os.system.__module__}.system, {only}"),
        (pickle.dumps(Calls(eval, f"open({MARK!r}, 'w')")), f"asks for builtins.eval, {only}"),
        (pickle.dumps(Calls(eval, "1"), 2), f"asks for __builtin__.eval, {only}"),
        (reduced("builtins", "getattr", "a", "b"), f"asks for builtins.getattr, {only}"),
        (reduced("numpy", "load", MARK), f"asks for numpy.load, {only}"),
        (reduced("numpy", "fromfile", MARK), f"asks for numpy.fromfile, {only}"),
        (reduced("numpy", "ndarray.tofile", MARK), f"asks for numpy.ndarray.tofile, {only}"),
        (reduced("numpy.core.multiarray", "scalar", MARK), f"asks for numpy.core.multiarray.scalar, {only}"),
        (reduced("_codecs", "encode", "a", "zlib"), "asks for the codec 'zlib', but arrays are written in latin1."),
        (reduced("_codecs", "decode", "a", "zlib"), f"asks for _codecs.decode, {only}"),
        (pickle.dumps(Custom()), f"asks for {Custom.__module__}.Custom, {only}"),
        (b"(S'ls'\nios\nsystem\n.", f"asks for the pickle instruction INST (os.system), {only}"),
        (b"(cos\nsystem\nS'ls'\no.", f"asks for the pickle instruction OBJ, {only}"),
        (
            b"\x80\x02cnumpy\nndarray\n)\x81.",
            "is damaged, or no pickle of arrays (UnpicklingError: NEWOBJ class argument",
        ),
        (b"\x80\x02\x82\x01.", f"asks for the pickle instruction EXT1, {only}"),
        (b"Psomewhere\n.", f"asks for the pickle instruction PERSID (somewhere), {only}"),
        (persistent(), f"asks for the pickle instruction BINPERSID, {only}"),
        (pickle.dumps({"a": 1}), f"asks for the pickle instruction EMPTY_DICT, {only}"),
        (b"cnumpy\ndtype\nN}b.", f"asks for the pickle instruction EMPTY_DICT, {only}"),
        (b"cnumpy\ndtype\n(Vf4\ntb.", f"changes a function, {only}"),
        (reduced("numpy", "dtype", "O"), "asks for an array of the dtype object, but only numbers are read."),
        (reduced("numpy", "dtype", "(9999999,)f8"), "asks for an array of the dtype '(9999999,)f8', but only"),
        (reduced("numpy", "dtype", "V8"), "asks for an array of the dtype 'V8', but only numbers are read."),
        (pickle.dumps(np.array([{}], dtype=object), 0), "asks for "),
        (pickle.dumps(np.array([1, None], dtype=object), 4), "asks for an array of the dtype object"),
        (pickle.dumps(np.zeros(3, dtype="f4,i4")), "asks for "),
        (pickle.dumps(np.zeros(3, dtype="M8[s]")), "asks for "),
        (pickle.dumps(np.zeros((3, 784)).view(Sub), 2), f"asks for {Sub.__module__}.Sub, {only}"),
        (reduced("numpy", "ndarray", "9"), "asks for an array of the kind 'ndarray', but only plain ones are read."),
        (b"(" * 20_000 + b".", "has more than 10,000 instructions, but six arrays take some two hundred."),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "is damaged: it keeps something in place 2,147,483,647 of its memo."),
        (b"Np2147483647\n.", "is damaged: it keeps something in place 2,147,483,647 of its memo."),
        (b"", "is damaged, or no pickle of arrays (IndexError"),
        (b"not a pickle at all", "is damaged, or no pickle of arrays"),
        (pickle.dumps(made()[:2]), "must hold ((x, y), (x, y), (x, y)), but it holds tuple of 2."),
        (pickle.dumps(7), "must hold ((x, y), (x, y), (x, y)), but it holds int 7."),
        (pickle.dumps([1, 2, 3]), "must hold (x, y) for the train part, but there it holds int 1."),
        (b"cnumpy\ndtype\n.", "must hold ((x, y), (x, y), (x, y)), but it holds _Function"),
        (
            pickle.dumps([[np.zeros((5, 4)), np.zeros(5, int)]] * 3),
            "must hold images (n, 784) and n whole labels, but its train part holds float64 (5, 4) and int64 (5,).",
        ),
        (
            pickle.dumps([[np.zeros((5, 784)), np.zeros(4, int)]] * 3),
            "must hold images (n, 784) and n whole labels, but its train part holds float64 (5, 784) and int64 (4,).",
        ),
        (
            pickle.dumps([[np.zeros((5, 784)), np.full(5, 10)]] * 3),
            "must hold labels from 0 to 9, but its train part has them from 10 to 10.",
        ),
        (
            pickle.dumps([[np.full((5, 784), np.nan), np.zeros(5, int)]] * 3),
            "is damaged: the x of its train part holds nan at row 0, column 0",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = written(tmp_path / "mnist.pkl.gz", data)
    with pytest.raises(ValueError) as error:
        load_mnist_pickle(path)
    assert str(error.value).startswith(f"{path} {words}")
    assert not os.path.exists(MARK)


def test_arrays_that_lie_about_their_size(tmp_path: Path) -> None:
    good = Python2(2).dump(made((3, 1, 1)))
    for shape in (b"K\x04M\x10\x03t", b"J\xff\xff\xff\x7fM\x10\x03t", b"K\x03J\x00\xfc\xff\xfft"):
        data = good.replace(b"K\x03J" + struct.pack("<i", 784) + b"t", shape, 1)
        assert data != good
        with pytest.raises(ValueError, match=r"is damaged: (an array of|it has an array of) the shape"):
            load_mnist_pickle(written(tmp_path / "lies.pkl.gz", data))


@pytest.mark.parametrize("protocol", range(6))
def test_truncated_anywhere(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps(made((2, 1, 1)), protocol)
    for end in [*range(0, 200, 7), *range(200, len(data), len(data) // 25)]:
        with pytest.raises(ValueError, match="damaged"):
            load_mnist_pickle(written(tmp_path / "short.pkl", data[:end], zipped=False))


def test_flipped_bits_never_do_anything_else(tmp_path: Path) -> None:
    data = Python2(2).dump(made((2, 1, 1)))
    generator = np.random.default_rng(1)
    path = tmp_path / "flipped.pkl"
    for place in generator.integers(0, 300, 400):
        changed = bytearray(data)
        changed[place] ^= 1 << int(generator.integers(8))
        try:
            load_mnist_pickle(written(path, bytes(changed), zipped=False))
        except ValueError as error:
            assert str(error).startswith(f"{path} ")  # noqa: PT017


def test_a_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(pickle.dumps(made((2, 1, 1))))
    for data in (whole[:-20], whole[:50] + b"????" + whole[54:]):
        (tmp_path / "mnist.pkl.gz").write_bytes(data)
        with pytest.raises(ValueError, match=r"is damaged: it cannot be unzipped \(.+\)\. Get it anew\."):
            load_mnist_pickle(tmp_path / "mnist.pkl.gz")


def test_a_bomb(tmp_path: Path) -> None:
    path = written(tmp_path / "bomb.gz", bytes(2**24))
    assert path.stat().st_size < 2**18
    with pytest.raises(
        ValueError,
        match=r"bomb\.gz unzips to more than 4,194,304 bytes, which is no mnist\.pkl\.gz: if it is, read it with a "
        r"higher limit\.$",
    ):
        load_mnist_pickle(path, limit=2**22)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_mnist_pickle(tmp_path / "nothing.pkl.gz")
