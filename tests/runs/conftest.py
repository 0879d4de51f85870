"""Reports of runs have blank figures: those are for the tests of figures (`tests/report`)."""

from collections.abc import Iterator

import matplotlib.figure  # before it is there nothing is blank
import pytest

from cli.command_line import blank_figures

assert matplotlib.figure


@pytest.fixture
def drawn_figures() -> None:
    """Asked for by a test whose figures are drawn."""


@pytest.fixture(autouse=True)
def blank(request: pytest.FixtureRequest) -> Iterator[None]:
    if "drawn_figures" in request.fixturenames:
        yield
        return
    with blank_figures():
        yield
