"""The safetensors layout: what it holds, what it refuses, and that others read it."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays_of

from pellucid.storage import tensor_file
from pellucid.storage.strict_json import read_json
from pellucid.storage.tensor_file import FileError, TensorFile, write_tensors

_arrays = some.sampled_from(["<f4", "<f8", "<i8", "<i4", "u1", "?", ">f4"]).flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


@given(tensors=some.dictionaries(some.text(min_size=1, max_size=6), _arrays, max_size=4), word=some.text(max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_arrays_come_back(tensors: dict[str, Any], word: str, tmp_path: Path) -> None:
    tensors.pop("__metadata__", None)
    path = tmp_path / "file"
    write_tensors(path, tensors, {"word": word})
    file = TensorFile(path)
    assert file.metadata == {"word": word}
    others = safetensors.numpy.load_file(path)
    for name, array in tensors.items():
        little = array.astype(array.dtype.newbyteorder("<"))
        for again in (file.tensor(name), others[name]):
            assert (again.dtype, again.shape, again.tobytes()) == (little.dtype, little.shape, little.tobytes())
        assert not file.tensor(name).flags.writeable or not array.size


def test_neighbours_are_one_block(tmp_path: Path) -> None:
    a, b, c = np.arange(6.0).reshape(2, 3), np.arange(2.0), np.ones(3, dtype=np.float32)
    write_tensors(tmp_path / "file", {"a": a, "b": b, "c": c}, {})
    file = TensorFile(tmp_path / "file")
    block = file.block(["a", "b"])
    assert block is not None
    assert block.tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert file.block(["b", "a"]) is None, "another order"
    assert file.block(["a", "c"]) is None, "not neighbours"
    assert file.block(["b", "c"]) is None, "another dtype"
    assert file.block([]) is None


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^Arrays of complex128 cannot be written: .*float32, float64"):
        write_tensors(tmp_path / "file", {"a": np.zeros(2, dtype=complex)}, {})
    with pytest.raises(ValueError, match=r"^The description has .* bytes, but at most 16,777,216 can be read again\.$"):
        write_tensors(tmp_path / "file", {}, {"long": "x" * 2**24})
    assert list(tmp_path.iterdir()) == []


def written(path: Path, header: Any, data: bytes = b"") -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "begins at byte 4, not 0."),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, "has 8 bytes of tensors, but they need 4."),
        (
            {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}},
            "needs 12 bytes, and lies at bytes 0 to 12",
        ),
        (
            {name: {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]} for name in "ab"},
            "the tensor 'b' begins at byte 0, not 8.",
        ),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "more": 1}}, "its header says {"),
        ({"a": {"dtype": "F32", "shape": [1] * 33, "data_offsets": [0, 8]}}, "has the shape [1, 1,"),
        (
            {"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 8]}},
            "needs 73,786,976,294,838,206,464",
        ),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}, "lies at bytes 8 to 0 of 8."),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]}}, "has no place in the file"),
    ],
)
def test_sizes_that_lie(entries: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        TensorFile(written(tmp_path / "file", entries, bytes(8)))
    assert str(caught.value).startswith(f"{tmp_path / 'file'} is damaged: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("change", ["shortened", "lengthened", "written anew in place"])
def test_a_file_that_changes_while_it_is_read(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `cp` and `rsync --inplace` do it, between the header and the numbers."""
    path = tmp_path / "file"
    write_tensors(path, {"a": np.arange(2**16)}, {})
    os.utime(path, ns=(0, 0))  # a clock of the file system that ticks slowly shows the change all the same

    def changed(text: bytes) -> Any:
        if change == "shortened":
            os.truncate(path, 2**10)
        else:
            with path.open("r+b") as file:
                file.seek(0, os.SEEK_END if change == "lengthened" else os.SEEK_SET)
                file.write(b"other")
        return read_json(text)

    monkeypatch.setattr(tensor_file, "read_json", changed)
    with pytest.raises(FileError, match=r"^.*file changed while it was read: another process is writing to it\. "):
        TensorFile(path)


def test_a_file_that_changes_while_its_header_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looked like damage is told as what it is."""
    path = tmp_path / "file"
    write_tensors(path, {"a": np.arange(9)}, {})
    os.utime(path, ns=(0, 0))

    def half_written(text: bytes) -> Any:
        os.truncate(path, 0)
        return read_json(text[:20])

    monkeypatch.setattr(tensor_file, "read_json", half_written)
    with pytest.raises(FileError, match=r"^.*file changed while it was read: "):
        TensorFile(path)


def test_only_the_header(tmp_path: Path) -> None:
    write_tensors(tmp_path / "file", {"a": np.arange(9)}, {"word": "x"})
    file = TensorFile(tmp_path / "file", "omitted")
    assert (file.metadata, file.entries["a"].shape) == ({"word": "x"}, (9,))
