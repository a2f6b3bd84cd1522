"""What all tests share: the engines of this installation, a network ready to train, and the real data sets."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # they share the processors, and BLAS threads that wait for a processor spin
    os.environ["OPENBLAS_NUM_THREADS"] = "1"

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers in `support`

from support.engines import ENGINES

if os.environ.get("PELLUCID_DATA"):  # tests run programs in other folders, where a relative path leads elsewhere
    os.environ["PELLUCID_DATA"] = str(Path(os.environ["PELLUCID_DATA"]).resolve())

# Where tests are started in the background, interrupts may be ignored: here, and in every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = ["fuzz"]  # programs of their own, which need atheris

# A time limit a test would fail on a busy machine; the seeds are fixed, so that a failure can be had again.
settings.register_profile("pellucid", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("pellucid")


# Escaped control characters (bytes), and addresses: they may be others in the next process.
_UNSTABLE_ID = re.compile(r"\\x(?:[0189][0-9a-f]|7f)|0x[0-9a-f]{6}")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name what is no name (bytes, the text of a file) by its argument; pytest numbers those that are alike."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and not val.isprintable()) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse ids of tests that hold bytes or addresses; tests/test_ids.py compares them with another process's."""
    unstable = [item.nodeid for item in items if _UNSTABLE_ID.search(item.nodeid)]
    if unstable:
        raise pytest.UsageError(f"ids of tests that hold bytes or addresses (give them ids=): {unstable}")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine of this installation in turn."""
    return request.param


@pytest.fixture
def mnist_folder() -> Path:
    """The folder of the MNIST files; the test is skipped, visibly, where they are not at hand."""
    folder = Path(os.environ.get("PELLUCID_DATA", "")) / "mnist"
    if not os.environ.get("PELLUCID_DATA") or not folder.is_dir():
        pytest.skip("MNIST is not at hand: set PELLUCID_DATA to the folder that holds mnist/")
    return folder
