"""`adfast histories`: look at a store, pick from it, and exchange it with other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from adfast.cli.arguments import FreshOption, JsonOption, PlainHelp, StoreArgument
from adfast.cli.listing import print_mapping
from adfast.errors import InvalidArgument
from adfast.packages import EXTENSION, require
from adfast.printable import printable

histories_app = typer.Typer(
    help="Look at histories, pick from them, exchange them with other tools.",
    cls=PlainHelp,
    no_args_is_help=True,
    rich_markup_mode=None,
)

DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="The folder of a store, or data of another tool.")
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Of the other tool's data; default: what they look like, or what TARGET is called.",
    ),
]


@histories_app.command("info")
def histories_info(data: DataArgument, as_json: JsonOption = False) -> None:
    """Say what a history store, or another tool's data, hold."""
    from adfast.doctor import examine_store
    from adfast.histories import interchange

    require(EXTENSION)
    if interchange.holds_store(data) or interchange.recognise(data) is None:
        print_mapping(examine_store(data), as_json=as_json)
    else:
        print_mapping(interchange.describe(data, show_progress=True), as_json=as_json)


@histories_app.command("verify")
def histories_verify(data: DataArgument) -> None:
    """Read every byte of a store against its checksums, or all of another tool's data."""
    from adfast import histories
    from adfast.histories import interchange

    require(EXTENSION)
    if interchange.holds_store(data) or interchange.recognise(data) is None:
        num_bytes = histories.open(data, allow_incomplete=True).verify()
        print(f"{printable(data)}: {num_bytes:,} bytes, all as written")
        return
    found = interchange.describe(data, show_progress=True)
    print(f"{printable(data)}: {found['transitions']:,} transitions, all can be imported")


@histories_app.command("convert")
def histories_convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A store, or another tool's data.")
    ],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The other of the two; must not be there.")
    ],
    format: FormatOption = None,
    num_actions: Annotated[
        int | None,
        typer.Option("--num-actions", help="Of imported data; default: the most they show."),
    ] = None,
    episode_length: Annotated[
        int | None,
        typer.Option("--episode-length", help="The most steps of an episode; default: as found."),
    ] = None,
    observation_sizes: Annotated[
        str | None,
        typer.Option(
            "--observation-sizes",
            metavar="N,N,...",
            help="Values of each number of an observation; default: as found.",
        ),
    ] = None,
    reward_dtype: Annotated[
        str | None,
        typer.Option("--reward-dtype", help="Such as float32; default: the least that holds all."),
    ] = None,
    ends: Annotated[
        str | None,
        typer.Option(
            "--ends",
            help="How episodes end of which data only say that they do: limit (by the time limit "
            "if they are as long as that), terminated or truncated; default: limit.",
        ),
    ] = None,
    fresh: FreshOption = False,
) -> None:
    """Turn a store into another tool's data, or such data into a store."""
    from adfast.histories import interchange

    require(EXTENSION)
    options: dict[str, Any] = {
        "num_actions": num_actions,
        "episode_length": episode_length,
        "observation_sizes": None if observation_sizes is None else sizes_of(observation_sizes),
        "reward_dtype": reward_dtype,
        "ends": ends,
    }
    made = interchange.convert(
        source, target, format=format, fresh=fresh, show_progress=True, **options
    )
    print(printable(made))


@histories_app.command("head")
def histories_head(
    store: StoreArgument,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many transitions.")] = 10,
    history: Annotated[int, typer.Option("--history", min=0, help="Of which history.")] = 0,
    begin: Annotated[int, typer.Option("--begin", min=0, help="From which transition on.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Print the first transitions of a history."""
    from adfast import histories

    require(EXTENSION)
    found = histories.head(histories.open(store), rows, history=history, begin=begin)
    if as_json:
        print(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*found[0], box=None)
    for row in found:
        table.add_row(*(printable(value) for value in row.values()))
    Console().print(table)


@histories_app.command("filter")
def histories_filter(
    store: StoreArgument,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The folder of a new store.")],
    conditions: Annotated[
        list[str],
        typer.Option(
            "--where",
            metavar="CONDITION",
            help='Such as "task_id < 10", "length >= 1000", "improvement > 0"; repeatable, all '
            "must hold.",
        ),
    ],
) -> None:
    """Write a store of those histories that meet conditions."""
    from adfast import histories

    require(EXTENSION)
    whole = histories.open(store)
    kept = histories.where(whole, conditions)
    if not kept.any():
        raise InvalidArgument(
            f"no history of {store} meets {' and '.join(conditions)}; adfast histories info says "
            "what is known of them"
        )
    made = histories.select(whole, target, kept)
    print(f"{printable(target)}: {made.num_histories:,} of {whole.num_histories:,} histories")


def sizes_of(text: str) -> list[int]:
    """The numbers in "9,9"; raises `InvalidArgument`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InvalidArgument(
            f'--observation-sizes must be numbers as in "9,9", got "{text}"'
        ) from None
