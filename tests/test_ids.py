"""The names of the tests themselves: those who run them in several processes need the same ones in each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_another_process_finds_the_same_tests(request: pytest.FixtureRequest) -> None:
    """At another time, with other addresses and another order of sets."""
    config = request.config
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", *config.args]
    collected = subprocess.run(
        command + ["--pyargs"] * config.option.pyargs,
        cwd=config.invocation_params.dir,
        env={**os.environ, "PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert {item.nodeid for item in request.session.items} - set(collected) == set()
