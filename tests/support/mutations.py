"""Damage: a few bits turned, a cut, a piece doubled, lost or moved, sizes that lie, numbers of a header changed."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

from pellucid.storage.tensor_file import TensorFile, digest, write_tensors

SIZES = (0, 1, 7, 8, 9, 255, 2**16, 2**24, 2**24 + 1, 2**30, 2**31, 2**32, 2**63, 2**64 - 1)
WORDS = (
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"1e400",
    b"NaN",
    b"9" * 30,
    b"[" * 70,
    b'"a":1,"a":2',
    b"\\ud800",
)
NUMBER = re.compile(rb"\d+")
VALUE = re.compile(rb'\d+|null|true|false|\\?"[^"\\]*\\?"')


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to three kinds of damage."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(max(1, len(changed)))
        kind = chance.choice(("bit", "cut", "double", "lose", "size", "number", "word", "float"))
        if kind == "bit" and changed:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del changed[place:]
        elif kind == "double":
            changed[place:place] = changed[place : place + chance.randint(1, 40)]
        elif kind == "lose":
            del changed[place : place + chance.randint(1, 40)]
        elif kind == "size":
            changed[:8] = struct.pack("<Q", chance.choice(SIZES))
        elif kind == "float":
            numbers = (float("nan"), float("inf"), -0.0, 1e300)
            changed[place : place + 8] = struct.pack("<d", chance.choice(numbers))
        else:
            _in_header(changed, kind, chance)
    return bytes(changed)


def _in_header(data: bytearray, kind: str, chance: random.Random) -> None:
    """Put another number or another value into the header, and let its length fit again."""
    end = min(len(data), 8 + int.from_bytes(data[:8], "little"))
    found = list((NUMBER if kind == "number" else VALUE).finditer(data, 8, end))
    if not found:
        return
    start, stop = chance.choice(found).span()
    new = str(chance.choice(SIZES)).encode() if kind == "number" else chance.choice(WORDS)
    data[start:stop] = new
    data[:8] = struct.pack("<Q", max(0, end - 8 + len(new) - (stop - start)))


def mutate_text(text: str, chance: random.Random) -> str:
    """A JSON text with one to three of its values changed, or a piece of it lost or doubled."""
    changed = bytearray(text.encode())
    for _ in range(chance.randint(1, 3)):
        found = list(VALUE.finditer(changed))
        start, stop = chance.choice(found).span()
        kind = chance.choice(("number", "word", "other", "lose", "double"))
        if kind == "number":
            changed[start:stop] = str(chance.choice(SIZES)).encode()
        elif kind == "word":
            changed[start:stop] = chance.choice(WORDS)
        elif kind == "other":
            changed[start:stop] = chance.choice(found).group()
        elif kind == "lose":
            del changed[start : start + chance.randint(1, 40)]
        else:
            changed[start:start] = changed[start : start + chance.randint(1, 40)]
    return changed.decode(errors="replace")


def resealed(path: Path, text: str) -> None:
    """Put another description into a checkpoint, with the digest that belongs to it."""
    file = TensorFile(path)
    tensors = {name: file.tensor(name).copy() for name in file.entries}
    metadata = {**file.metadata, "checkpoint": text, "sha256": digest(text, tensors.values())}
    write_tensors(path, tensors, metadata)


def without_digest(data: bytes) -> bytes:
    """The same file without its SHA-256, so that what lies behind that check is reached too."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = re.sub(rb',"sha256":"[0-9a-f]{64}"', b"", data[8:end])
    return struct.pack("<Q", len(header)) + header + data[end:]
