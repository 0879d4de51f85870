"""`adfast export`: a run's model for whoever has no adfast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.arguments import RunArgument
from adfast.packages import require
from adfast.printable import printable


def export(
    run: RunArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to make.")],
    programs: Annotated[
        bool,
        typer.Option("--programs", help="With programs of torch.export: forward.pt2, step.pt2."),
    ] = False,
    longest_history: Annotated[
        int | None,
        typer.Option(
            "--longest-history",
            min=1,
            help="Transitions that step.pt2 has room for, of a model that sees all of a history.",
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", help="Under which the model is shared: apache-2.0, mit, ..."),
    ] = None,
) -> None:
    """Write a run's model as safetensors, config, plain PyTorch and card, which need no adfast."""
    from adfast.runs.run import Run

    require("torch", "safetensors")
    opened = Run.open(run)
    with opened.locked():
        folder = opened.export(
            to, programs=programs, longest_history=longest_history, licence=licence
        )
    print(printable(folder))
