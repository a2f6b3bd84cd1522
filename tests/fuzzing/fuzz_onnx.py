"""Looks for bytes that `pl.from_onnx` answers with anything but a network or an `OnnxError`.

    python tests/fuzzing/fuzz_onnx.py CORPUS tests/formats/golden/exchange -max_total_time=600 -rss_limit_mb=2048

needs atheris (`pip install atheris`). What it finds new it keeps in the folder CORPUS; what it finds wrong it writes to
`crash-…` here.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["pellucid.formats.onnx"]):
    import pellucid as pl
    from pellucid.formats.onnx.reading import network_of


def try_one(data: bytes) -> None:
    """Read, and where that works, predict."""
    try:
        network = network_of(data, engine="reference")
    except pl.OnnxError:
        return
    network.scores([[0.0] * network.input_shape[0]])


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
