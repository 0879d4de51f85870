"""Probes put to runs: subjects made of them, and what was found written beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.config import parse_literal
from adfast.errors import InvalidArgument, UnknownName
from adfast.evaluation.config import HELD_OUT
from adfast.progress import progress_bar
from adfast.runs.findings import file_name, read_findings, write_finding
from adfast.runs.recorded_arrays import read_trajectories
from adfast.values import require_kind

if TYPE_CHECKING:
    from adfast.evaluation.recorder import Trajectories
    from adfast.probes.finding import Finding
    from adfast.probes.subject import Subject
    from adfast.runs.run import Run

# Names of probes, with or without options of each; None: all that adfast ships.
Asked = Sequence[str] | Mapping[str, Mapping[str, Any]] | None


def subject_of(run: Run) -> Subject:
    """A run as a subject; raises `RunError` before it is trained."""
    from adfast.models.device import in_precision, resolve_device, resolve_precision
    from adfast.probes.subject import Subject

    settings = run.recipe.evaluation
    is_recorded = run.recipe.histories is not None
    device = resolve_device(settings.device, "evaluation.device")
    precision = resolve_precision(settings.precision, device, "evaluation.precision")
    return Subject(
        name=run.path.name,
        family=None if is_recorded else run.family,
        split=run.split,
        source=None if is_recorded else run.source,
        collection=None if is_recorded else run.recipe.collection,
        seed=run.recipe.seed,
        model=in_precision(run.model, device, precision),
        trajectories=trajectories_of(run),
        settings=run.recipe.model_dump(mode="json"),
    )


def trajectories_of(run: Run) -> Trajectories | None:
    """What the model did on the held-out tasks; None before, of other agents and tasks."""
    files, settings = run.directory.evaluation(), run.recipe.evaluation
    is_held_out = settings.tasks == HELD_OUT and settings.family is None
    if not (is_held_out and settings.is_of_own_model and run.directory.is_finished(files.stage)):
        return None
    results = files.read()
    shape = (len(results.evaluated.task_ids), results.num_seeds, results.episodes)
    return read_trajectories(files.trajectories, shape, results.episode_length)


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

    if isinstance(probes, str):
        raise InvalidArgument(f'probes must be a list of names, got "{probes}"; put it into [ ]')
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


def with_options(
    names: Sequence[str] | None, settings: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """The options of probes by their names, from `NAME.OPTION=VALUE`; of none: all shipped ones."""
    from adfast.probes.catalogue import PROBES

    options: dict[str, dict[str, Any]] = {name: {} for name in names or sorted(PROBES.shipped)}
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
    from adfast.runs.run import Run
    from adfast.runs.study import PLAN, Study

    if not folders:
        raise InvalidArgument("give at least one run directory to probe, got none")
    if out is None and len(folders) == 1:
        if (folders[0] / PLAN).is_file():
            return folders[0], Study.open(folders[0]).probe(probes)
        return folders[0], Run.open(folders[0]).probe(probes)
    if out is None:
        raise InvalidArgument(
            "give the directory for what is found over several runs: --out DIRECTORY"
        )
    findings = ask(probes, [subject_of(Run.open(folder)) for folder in folders], progress=True)
    out.mkdir(parents=True, exist_ok=True)
    return out, write_findings(out, findings)


def write_findings(directory: Path, findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """Write findings into the directory of a run or of a study, as they stand there.

    All that was found there is judged together, what was found before anew.
    """
    from adfast.probes.finding import judged_findings

    before = read_findings(directory)
    written = {file_name(found): found for found in findings.values()}
    for found in judged_findings(before | written).values():
        write_finding(directory, found)
    return {name: read_findings(directory)[file_name(found)] for name, found in findings.items()}
