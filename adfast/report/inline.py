"""What a notebook shows of runs, evaluations and findings: small, escaped, whole without scripts.

Figures are PNG within the HTML, those of the page's folder `figures`. The replay alone needs
scripts; it is the page's own, in a frame that may ask nothing of the notebook around it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from adfast.printable import printable
from adfast.report.axes import png
from adfast.report.curves import training_series
from adfast.report.evidence_words import in_full
from adfast.report.figures import return_figure, training_figure
from adfast.report.finding_figure import finding_figure
from adfast.report.page.document import document
from adfast.report.page.headline import headline
from adfast.report.page.packing import inline_json
from adfast.report.page.replay.panel import replay_section
from adfast.report.page.replay.recording import recording_of
from adfast.report.room import room_of
from adfast.report.trials import trial_figure, trial_series
from adfast.runs.files.run_record import read_run, read_training
from adfast.training.metrics import TrainingMetrics

if TYPE_CHECKING:
    from adfast.baselines.rl2.metrics import TrialMetrics
    from adfast.probes.finding import Finding
    from adfast.runs.files.results import EvaluationResults
    from adfast.runs.run import Run

REPLAY_HEIGHT = 1120  # pixels of the frame: the map and what plays it; the rest scrolls within it


@dataclass(frozen=True)
class Inline:
    """A page that a notebook shows in a frame; `page` is its content."""

    page: str
    height: int = REPLAY_HEIGHT

    def __repr__(self) -> str:
        return f"<Inline page of {len(self.page):,} characters; a notebook shows it>"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.page)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{self.height}px;border:0"></iframe>'
        )


def inline_replay(path: Path) -> Inline:
    """The replay of the run in a directory; see `adfast.replay`."""
    record = read_run(path)
    noun = "task" if room_of(record.tasks) is None else "goal"
    recording, data = recording_of(record), {}
    if recording is not None:
        data = {"replay-description": inline_json(recording.description)} | recording.blobs
    content = document(
        title=f"{record.name}: replay",
        kicker=f"run <b>{escape(record.name)}</b>",
        heading=headline(record.evaluation, noun),
        highlights="",
        sections=[replay_section(record, recording, noun)],
        charts={},
        data=data,
    )
    return Inline(content.decode())


def run_html(run: Run) -> str:
    """Which stages are finished, and the curves of what there is."""
    stages = run.directory.stages()
    rows = [(name, f"{record.seconds:,.1f} s") for name, record in stages.items()]
    parts = [heading(f"Run {printable(run.path)}"), table(rows or [("nothing", "finished yet")])]
    metrics = read_training(run.directory.metrics)
    if metrics is not None:
        parts.append(image(training_curve(metrics), "Training"))
    if run.directory.is_finished("evaluate"):
        parts.append(evaluation_html(run.directory.evaluation().read()))
    return "".join(parts)


def training_curve(metrics: Iterable[TrainingMetrics | TrialMetrics]) -> Figure:
    """The loss, or of RL2 the return, as training went on."""
    rows = tuple(metrics)
    updates = tuple(row for row in rows if isinstance(row, TrainingMetrics))
    if updates:
        return training_figure(training_series(updates))
    trials = tuple(row for row in rows if not isinstance(row, TrainingMetrics))
    return trial_figure(trial_series(trials))


def evaluation_html(results: EvaluationResults) -> str:
    """What was earned: a sentence, and return by episode beside the references."""
    sentence = f"<p>{escape(headline(results, 'task'))}</p>"
    return sentence + image(return_figure(results), "Return per episode")


def finding_html(finding: Finding) -> str:
    """The claim and its verdict, what was measured, and the charts."""
    parts = [heading(finding.title)]
    if finding.unanswered:
        parts.append(f"<p>Not answered: {escape(finding.unanswered)}.</p>")
    elif finding.claim:
        verdict = finding.verdict or "not judged"
        parts.append(f"<p><b>{escape(verdict)}</b>: {escape(finding.claim)}</p>")
    parts += [f"<p>{escape(in_full(piece))}</p>" for piece in finding.evidence]
    rows = []
    for number in finding.numbers:
        within = "" if number.low is None else f" (95%: {number.low:.4g} to {number.high:.4g})"
        rows.append((number.name, f"{number.value:.4g} {number.unit}{within}"))
    figure = finding_figure(finding)
    parts += [table(rows)] if rows else []
    parts += [] if figure is None else [image(figure, finding.title)]
    return "".join(parts)


def heading(text: str) -> str:
    """A title."""
    return f"<h4>{escape(text)}</h4>"


def table(rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns of text."""
    cells = (f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def image(figure: Figure, label: str) -> str:
    """A figure within the HTML."""
    content = b64encode(png(figure)).decode()
    return (
        f'<img alt="{escape(label)}" style="max-width:640px;width:100%" '
        f'src="data:image/png;base64,{content}">'
    )
