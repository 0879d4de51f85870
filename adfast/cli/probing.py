"""`adfast probe`: questions to what was trained, or to an agent by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from adfast.cli.arguments import JsonOption, ProbeArgument, SetOption
from adfast.errors import InvalidArgument
from adfast.packages import DRAWINGS, MODELS, require
from adfast.printable import printable


def probe(
    words: ProbeArgument = None,
    settings: SetOption = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            metavar="NAME",
            help="Ask an agent by name (adfast list agents), or PACKAGE.MODULE:CLASS, in place of "
            "runs; its options: --set agent.OPTION=VALUE.",
        ),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="Whose tasks the agent is asked on.")
    ] = "dark-room",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write what is found over several runs, or an agent."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put questions to what was trained: a verdict on a run, or on how several were made."""
    require(*MODELS, *DRAWINGS, "scipy")
    from adfast.report import draw_findings
    from adfast.report.terminal import finding_line
    from adfast.runs.probing.probing import probe_agent, probe_folders, with_options

    folders = [Path(word) for word in words or () if Path(word).is_dir()]
    names = [word for word in words or () if not Path(word).is_dir()]
    if agent is not None and folders:
        raise InvalidArgument(
            f"give runs or --agent, not both; got {folders[0]} and --agent {agent}"
        )
    if agent is not None:
        place, findings = probe_agent(agent, recipe, names, settings or [], out)
    else:
        place, findings = probe_folders(folders, with_options(names, settings or []), out)
    page = draw_findings(place)
    if as_json:
        print(json.dumps({name: found.model_dump(mode="json") for name, found in findings.items()}))
    else:
        print("\n".join([*map(finding_line, findings.values()), printable(page)]))
