"""What the playground's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.playground import Page


@pytest.fixture
def page() -> Iterator[Page]:
    """A page at its defaults."""
    page = Page()
    yield page
    page.session.end(wait=True)
