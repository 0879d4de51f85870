"""Tables on the standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

UNBOUND = 10_000  # columns


def print_table(table: Table) -> None:
    """Print `table` as wide as the terminal; where there is none, each row on a line of its own.

    Whoever reads a file or a pipe looks for names, which no width may cut.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=UNBOUND)
    console.print(table)
