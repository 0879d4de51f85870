"""Help in plain text: to import what would colour it takes longer than all else of a start."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class PlainHelp(TyperGroup):
    """A group of commands whose first lines are told whole."""

    def format_commands(self, context: Any, formatter: Any) -> None:
        """Write each command with what it does."""
        commands = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (found.help or "").partition("\n")[0]) for name, found in commands if found]
            )
