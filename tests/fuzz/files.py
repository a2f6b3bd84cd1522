"""libFuzzer on what reads files, through atheris: model files and checkpoints.

    pip install atheris
    python tests/fuzz/files.py                       # as long as one likes; new finds go into tests/fuzz/corpus
    python tests/fuzz/files.py -max_total_time=60    # libFuzzer's own options

Every answer but a network, a trainer or an error that says why is a crash; so is a gigabyte of memory. The bytes are
tried as they are, with a header's length that fits, and as the description in a checkpoint with the digest that belongs
to it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

with atheris.instrument_imports(include=["pellucid"]):
    import pellucid as pl
    from pellucid.formats import model_file  # noqa: F401
    from pellucid.storage.tensor_file import TensorFile
    from pellucid.training import saving  # noqa: F401
    from support.mutations import resealed, without_digest

CORPUS = HERE / "corpus"
MODELS = sorted((HERE.parent / "formats" / "golden").glob("*.pellucid"))
GOLDEN = HERE.parent / "training" / "golden" / "checkpoint-000001.safetensors"
FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
MODEL, CHECKPOINT = FOLDER / "model.pellucid", FOLDER / "run" / GOLDEN.name


def try_one_input(data: bytes) -> None:
    """Read bytes as a model, as a checkpoint, and as the description in one."""
    for content in (data, len(data).to_bytes(8, "little") + data):
        MODEL.write_bytes(content)
        CHECKPOINT.write_bytes(content)
        with contextlib.suppress(pl.ModelFileError):
            pl.load(MODEL)
        with contextlib.suppress(pl.CheckpointError):
            pl.Trainer.resume(CHECKPOINT.parent, callbacks=[])
    CHECKPOINT.write_bytes(GOLDEN.read_bytes())
    resealed(CHECKPOINT, data.decode(errors="replace"))
    with contextlib.suppress(pl.CheckpointError):
        pl.Trainer.resume(CHECKPOINT.parent, callbacks=[])


def main() -> None:
    CORPUS.mkdir(exist_ok=True)
    CHECKPOINT.parent.mkdir()
    for golden in MODELS:
        (CORPUS / f"golden-{golden.name}").write_bytes(without_digest(golden.read_bytes()))
    (CORPUS / "golden-description.json").write_text(TensorFile(GOLDEN).metadata["checkpoint"], encoding="utf-8")
    warnings.simplefilter("ignore")
    atheris.Setup([*sys.argv, "-rss_limit_mb=1024", "-max_len=16384", str(CORPUS)], try_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
