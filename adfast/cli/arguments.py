"""What commands share: their arguments and options, and how they are helped with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adfast.cli.completion import complete_method, complete_recipe, complete_run, complete_store

RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A shipped recipe, a TOML file, or the folder of what was made of one.",
        autocompletion=complete_recipe,
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run directory.", autocompletion=complete_run)
]
ProbeArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN...] [PROBE...]",
        help="Runs, or a study, then names of probes; default: all that adfast ships.",
        autocompletion=complete_run,
    ),
]
StoreArgument = Annotated[
    Path,
    typer.Argument(metavar="STORE", help="The folder of a store.", autocompletion=complete_store),
]
RunOption = Annotated[
    Path | None, typer.Option("--run", help="The run directory; default: runs/RECIPE.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Override a setting; repeatable."),
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="METHOD",
        help="A baseline's settings over the recipe's (adfast list methods).",
        autocompletion=complete_method,
    ),
]
SeedsOption = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="1..5",
        help="Several training seeds, a run of each in a folder: 1..5 or 1,3,8. Each draws its own "
        "split, unless collection.split_seed is set here.",
    ),
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Delete what an earlier call left there and start over.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Compute on a Ray cluster that this machine is of: HOST:PORT of its head, auto for "
        "the one that runs here, local for one of this machine alone.",
    ),
]
PullOption = Annotated[
    bool,
    typer.Option(
        "--pull", help="With --cluster, for nodes that do not share the run's folder with it."
    ),
]


class PlainHelp(TyperGroup):
    """A group of commands whose first lines are told whole, in plain text.

    To import what would colour it takes longer than all else of a start.
    """

    def format_commands(self, context: Any, formatter: Any) -> None:
        """Write each command with what it does."""
        commands = [(name, self.get_command(context, name)) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, (found.help or "").partition("\n")[0]) for name, found in commands if found]
            )
