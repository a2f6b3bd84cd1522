"""IDX files built byte by byte: what is read, and each way in which a file can be wrong."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.datasets.idx import read_idx

GOOD = b"\0\0\x08\x02" + struct.pack(">II", 2, 3) + bytes([1, 2, 3, 4, 5, 255])


def write(tmp_path: Path, content: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("zipped", "name"), [(False, "a"), (True, "a.gz"), (False, "liar.gz"), (True, "liar")])
def test_plain_and_gzipped_by_content(tmp_path: Path, zipped: bool, name: str) -> None:
    array = read_idx(write(tmp_path, gzip.compress(GOOD) if zipped else GOOD, name))
    assert array.tolist() == [[1, 2, 3], [4, 5, 255]]
    assert array.dtype == np.uint8
    array[0, 0] = 9  # writable


@pytest.mark.parametrize(
    ("code", "letter", "dtype", "values"),
    [
        (0x08, "B", "uint8", [0, 255]),
        (0x09, "b", "int8", [-128, 127]),
        (0x0B, "h", "int16", [-2, 258]),
        (0x0C, "i", "int32", [-3, 70000]),
        (0x0D, "f", "float32", [0.5, -2.25]),
        (0x0E, "d", "float64", [1e300, -0.1]),
    ],
)
def test_types(tmp_path: Path, code: int, letter: str, dtype: str, values: list[float]) -> None:
    content = bytes([0, 0, code, 1]) + struct.pack(">I", 2) + struct.pack(f">2{letter}", *values)
    array = read_idx(str(write(tmp_path, content)))
    assert array.dtype == np.dtype(dtype)
    assert array.dtype.isnative
    assert array.tolist() == values


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0), (2, 1, 3)])
def test_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    assert read_idx(write(tmp_path, head + bytes(int(np.prod(shape))))).shape == shape


CUT = gzip.compress(GOOD)[:-10]
FLIPPED = gzip.compress(GOOD)[:-6] + b"\0\0" + gzip.compress(GOOD)[-4:]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", " is not an IDX file: it is empty, not with 00 00, a type and a number of dimensions."),
        (
            b"\x89PNG",
            " is not an IDX file: it begins with the bytes 89 50 4e 47, not with 00 00, a type and a number of "
            "dimensions.",
        ),
        (
            b"\0\0\x08",
            " is not an IDX file: it begins with the bytes 00 00 08, not with 00 00, a type and a number of "
            "dimensions.",
        ),
        (
            b"\0\0\x0a\x01\0\0\0\0",
            " holds numbers of the unknown IDX type 0x0A. Allowed: 0x08 (uint8), 0x09 (int8), 0x0B (int16), "
            "0x0C (int32), 0x0D (float32), 0x0E (float64).",
        ),
        (b"\0\0\x08\x00", " says it has 0 dimensions. Allowed: 1 to 32."),
        (b"\0\0\x08\xff" + bytes(2000), " says it has 255 dimensions. Allowed: 1 to 32."),
        (
            GOOD[:9],
            " ends within its header: 8 bytes for the sizes of its 2 dimensions were expected, 5 found.",
        ),
        (
            GOOD[:-1],
            " says it holds 2 x 3 numbers of 1 byte, 6 bytes after its header, but only 5 follow: "
            "it is incomplete, or not what it says.",
        ),
        (
            GOOD + b"\0",
            " says it holds 2 x 3 numbers of 1 byte, 6 bytes after its header, but more follow: "
            "it is incomplete, or not what it says.",
        ),
        (
            gzip.compress(GOOD + b"\0"),
            " says it holds 2 x 3 numbers of 1 byte, 6 bytes after its header, but more follow: "
            "it is incomplete, or not what it says.",
        ),
        (
            b"\0\0\x0e\x01\0\0\0\x02" + bytes(15),
            " says it holds 2 numbers of 8 bytes, 16 bytes after its header, but only 15 follow: "
            "it is incomplete, or not what it says.",
        ),
        (
            CUT,
            " is gzipped but damaged (Compressed file ended before the end-of-stream marker was reached): "
            "copy or download it again.",
        ),
    ],
)
def test_messages(tmp_path: Path, content: bytes, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ValueError) as error:
        read_idx(path)
    assert str(error.value) == f"{path}{message}"


@pytest.mark.parametrize(
    "content", [FLIPPED, gzip.compress(GOOD) + b"rubbish", b"\x1f\x8b", b"\x1f\x8b\x08\0" + b"x" * 50]
)
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"file is gzipped but damaged \(.+\): copy or download it again\.$"):
        read_idx(write(tmp_path, content))


@pytest.mark.parametrize("zipped", [False, True])
def test_sizes_that_lie_cost_no_memory(tmp_path: Path, zipped: bool) -> None:
    content = b"\0\0\x0e\x03" + struct.pack(">III", 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100)
    path = write(tmp_path, gzip.compress(content) if zipped else content)
    tracemalloc.start()
    try:
        words = r"which no gzipped file of \d+ bytes holds" if zipped else "but only 100 follow"
        with pytest.raises(ValueError, match=words):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(GOOD + bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="but more follow"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_a_bomb_that_its_header_announces_is_not_unpacked(tmp_path: Path) -> None:
    """A million times nothing is what the header says, and what would come of it."""
    rows = 1_100_000
    content = gzip.compress(b"\0\0\x08\x02" + struct.pack(">II", rows, 1000))
    content += gzip.compress(bytes(10 * rows)) * 100
    path = write(tmp_path, content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()
    assert str(caught.value) == (
        f"{path} has {len(content):,} bytes and would inflate to 1,100,000,000, above the limit of 1,073,741,824: if "
        f"that is what it should hold, read_idx(…, limit=1100000000) reads it."
    )


def test_the_limit_of_a_gzipped_file(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(GOOD))
    size = read_idx(path).nbytes
    assert read_idx(path, limit=size).nbytes == size
    with pytest.raises(ValueError, match=f"would inflate to {size}, above the limit of {size - 1}: "):
        read_idx(path, limit=size - 1)
    assert read_idx(write(tmp_path, GOOD), limit=0).nbytes == size, "what is there as it is needs no limit"


def test_no_gzipped_file_is_refused_that_could_hold_its_numbers(tmp_path: Path) -> None:
    """Deflate's best: nothing but zeros, a thousand to one."""
    zeros = b"\0\0\x08\x01" + struct.pack(">I", 20_000_000) + bytes(20_000_000)
    assert not read_idx(write(tmp_path, gzip.compress(zeros, 9))).any()


def test_impossible_shape_of_no_numbers(tmp_path: Path) -> None:
    content = b"\0\0\x08\x04" + struct.pack(">IIII", 0, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    with pytest.raises(ValueError, match=r"file says its shape is 0 x 4294967295 x .*, which no array can have\.$"):
        read_idx(write(tmp_path, content))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


@given(content=st.binary(max_size=60))
def test_any_bytes_give_an_array_or_a_value_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for prefix in (b"", b"\0\0\x08", b"\x1f\x8b\x08"):
        path = tmp_path_factory.getbasetemp() / "fuzz"
        path.write_bytes(prefix + content)
        try:
            read_idx(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 (bytes may also be valid)
