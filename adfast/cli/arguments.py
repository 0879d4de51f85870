"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.completion import complete_recipe, complete_run, complete_store

RecipeArgument = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help="A shipped recipe, a TOML file or a run directory.",
        autocompletion=complete_recipe,
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run directory.", autocompletion=complete_run)
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
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Delete what an earlier call left there and start over.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
