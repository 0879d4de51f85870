"""Probes put to runs, to studies and to agents, and what was found written beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.config import parse_literal
from adfast.errors import InvalidArgument, RunError, UnknownName
from adfast.progress import progress_bar
from adfast.runs.probing.findings import FOLDER, file_name, read_findings, write_finding
from adfast.runs.probing.subjects import subject_of, subject_of_agent
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.probes.finding import Finding
    from adfast.probes.subject import Subject

# Names of probes, with or without options of each; None: all that adfast ships.
Asked = Sequence[str] | Mapping[str, Mapping[str, Any]] | None


def ask(
    probes: Asked, subjects: Sequence[Subject], *, progress: bool = False
) -> dict[str, Finding]:
    """What each of the probes finds on the subjects, by its name; verdicts are made together.

    Of several probes those that the subjects lack something for say so, and the others are asked.
    Raises `UnknownName` for an unknown probe or option, and `InvalidArgument` where no question
    could be put. All probes are made before the first is asked.
    """
    import torch

    from adfast.probes.catalogue import PROBES
    from adfast.probes.finding import judged_findings

    require_list(probes)
    if not isinstance(probes, Mapping):
        probes = with_options(probes)
    for name, options in probes.items():
        require_kind(f"probes[{name}]", options, Mapping, "a table of options")
    made = {name: PROBES.make(name, **options) for name, options in probes.items()}
    torch.set_num_threads(1)  # passes are short, and other processes may measure beside
    findings, reasons = {}, list[InvalidArgument]()
    with progress_bar("probe", len(made), "probes", shown=progress) as bar:
        for number, (name, probe) in enumerate(made.items(), start=1):
            try:
                found = probe.measure(subjects)
            except InvalidArgument as reason:
                reasons.append(reason)
                found = probe.unanswered(subjects, str(reason))
            findings[name] = found.model_copy(update={"probe": name})
            bar.advance_to(number, name)
    if len(reasons) == len(made):
        raise reasons[0]
    return judged_findings(findings)


def require_list(probes: Asked) -> None:
    """Raise `InvalidArgument` for a name by itself, whose letters would be taken for names."""
    if isinstance(probes, str):
        raise InvalidArgument(f'probes must be a list of names, got "{probes}"; put it into [ ]')


AGENT_OPTION = "agent."  # what options of the agent that is asked begin with


def with_options(
    names: Sequence[str] | None, settings: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """The options of probes by their names, from `NAME.OPTION=VALUE`; of none: all shipped ones."""
    from adfast.probes.catalogue import BY_NAME_ONLY, PROBES

    by_default = sorted(PROBES.shipped.keys() - set(BY_NAME_ONLY))
    options: dict[str, dict[str, Any]] = {name: {} for name in names or by_default}
    for text in settings:
        path, separator, literal = text.partition("=")
        name, _, option = path.strip().rpartition(".")  # a full name has dots too
        if not separator or not option:
            raise InvalidArgument(f'--set must read NAME.OPTION=VALUE, got "{text}"')
        if name not in options:
            raise UnknownName("probe", name, options, source="--set")
        options[name][option] = parse_literal(literal.strip())
    return options


def probe_folders(
    folders: Sequence[Path], probes: Asked, out: Path | None
) -> tuple[Path, dict[str, Finding]]:
    """Where it is written what probes find on a run, over a study or over several runs, and what.

    Findings over several runs are written to `out`.
    """
    from adfast.probes.catalogue import PROBES
    from adfast.runs.run import Run
    from adfast.runs.study import PLAN, Study

    if not folders:
        others = [name for name in probes or () if name not in PROBES.shipped]
        named = f"; there is no directory {others[0]}" if others else ""
        raise InvalidArgument(f"give at least one run directory to probe, got none{named}")
    if out is None and len(folders) == 1:
        if (folders[0] / PLAN).is_file():
            return folders[0], Study.open(folders[0]).probe(probes)
        return folders[0], Run.open(folders[0]).probe(probes)
    if out is None:
        raise InvalidArgument(
            "give the directory for what is found over several runs: --out DIRECTORY"
        )
    subjects = [subject_of(Run.open(folder)) for folder in folders]
    require_of_same(out, probes, subjects)
    return out, ask_and_write(out, probes, subjects, progress=True)


def probe_agent(
    agent: str, recipe: str, words: Sequence[str], settings: Iterable[str], out: Path | None
) -> tuple[Path, dict[str, Finding]]:
    """Where it is written what probes find on an agent by name, on a recipe's tasks, and what.

    `words` name probes; `settings` are options, AGENT's as `agent.OPTION=VALUE`.
    """
    own = [text for text in settings if text.startswith(AGENT_OPTION)]
    of_probes = [text for text in settings if not text.startswith(AGENT_OPTION)]
    options = {}
    for text in own:
        name, separator, literal = text.removeprefix(AGENT_OPTION).partition("=")
        if not separator or not name.strip():
            raise InvalidArgument(f'--set must read {AGENT_OPTION}OPTION=VALUE, got "{text}"')
        options[name.strip()] = parse_literal(literal.strip())
    subject = subject_of_agent(agent, options, recipe)
    place = out or Path("runs") / f"probe-{re.sub('[^A-Za-z0-9._-]+', '-', subject.name)}"
    asked = with_options(words, of_probes)
    require_of_same(place, asked, [subject])
    return place, ask_and_write(place, asked, [subject], progress=True)


def require_of_same(directory: Path, probes: Asked, subjects: Sequence[Subject]) -> None:
    """Raise `RunError` where a directory would keep what was found on others than `subjects`."""
    names = tuple(subject.name for subject in subjects)
    for stem, found in found_before(directory, probes).items():
        if found.subjects != names:
            raise RunError(
                f"{directory / FOLDER / stem}.json was found on {', '.join(found.subjects)}, not "
                f"on {', '.join(names)}; give another directory (--out), or remove the file"
            )


def found_before(directory: Path, probes: Asked) -> dict[str, Finding]:
    """What stays in a directory when `probes` are asked; raises `RunError` where it is damaged."""
    asked = probes if isinstance(probes, Mapping) else with_options(probes)
    return read_findings(directory, but=asked)


def ask_and_write(
    directory: Path, probes: Asked, subjects: Sequence[Subject], *, progress: bool
) -> dict[str, Finding]:
    """What probes find, written into the directory of a run or of a study as it stands there.

    All that was found there is judged together, what was found before anew. A damaged finding is
    noticed before anything is measured, and does no harm where its probe is asked again.
    """
    from adfast.probes.finding import judged_findings

    require_list(probes)
    before = found_before(directory, probes)
    findings = ask(probes, subjects, progress=progress)
    written = {file_name(found.probe): found for found in findings.values()}
    judged = judged_findings(before | written)
    directory.mkdir(parents=True, exist_ok=True)
    for found in judged.values():
        write_finding(directory, found)
    return {name: judged[file_name(name)] for name in findings}
