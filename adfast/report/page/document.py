"""A page with everything inlined, which loads without a network: `report.html` is one.

The page's content security policy forbids every request, so that a browser enforces it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType

from matplotlib.figure import Figure

from adfast import __version__
from adfast.durable import replace_files
from adfast.report.axes import png
from adfast.report.curves import training_series
from adfast.report.figures import FIGURES, draw_figures
from adfast.report.finding_figure import PROBE, finding_figures
from adfast.report.page.appendix import (
    configuration_section,
    provenance_section,
    timings_section,
)
from adfast.report.page.charts import return_chart, training_chart
from adfast.report.page.evaluations import evaluations_section
from adfast.report.page.findings import finding_sections, verdicts_section
from adfast.report.page.headline import headline, tiles
from adfast.report.page.packing import compressed, inline_json
from adfast.report.page.plotly import Chart
from adfast.report.page.replay.panel import replay_section
from adfast.report.page.replay.recording import recording_of
from adfast.report.page.results import (
    returns_section,
    room_section,
    story_section,
    tasks_section,
    training_section,
)
from adfast.report.page.section import PageSection
from adfast.report.page.sights_section import sights_section
from adfast.report.page.wording import counted
from adfast.report.palette import DARK, LIGHT, css_variables
from adfast.report.room import median_story, room_of
from adfast.report.trials import trial_chart, trial_series
from adfast.runs.files.run_record import RunRecord, read_run
from adfast.runs.probing.findings import PAGE, read_findings

SCRIPTS = (
    "unpack.js",
    "charts.js",
    "replay/recorded_run.js",
    "replay/attention_record.js",
    "replay/map_view.js",
    "replay/timeline_view.js",
    "replay/context_chart.js",
    "replay/player.js",
    "replay/frame_view.js",
    "replay/attention_panel.js",
    "replay/replay.js",
    "page.js",
)
STYLES = ("page.css", "replay/replay.css")


def write_page(run_directory: Path) -> Path:
    """Write the figures and the page of a run; returns the page's path.

    Nothing is replaced before all of it is drawn and has its place on the disk.
    """
    run = read_run(run_directory)
    room = room_of(run.tasks)
    story = median_story(run)
    figures = draw_figures(run, room, story)
    findings = read_findings(run_directory)
    found, finding_charts = finding_sections(list(findings.values()))
    critique = verdicts_section(list(findings.values()))
    figures |= finding_figures(findings)
    evaluated, evaluation_charts = evaluations_section(run)
    noun = "goal" if room is not None else "task"
    recording = recording_of(run)
    data: dict[str, str] = {}
    if recording is not None:
        data = {"replay-description": inline_json(recording.description)} | recording.blobs
    plans = [story_section(run, story), room_section(run.evaluation, room)]
    if run.evaluation.environment is not None:  # of which nobody has a plan
        plans = []
    sections = [
        *critique,
        returns_section(run.evaluation),
        *evaluated,
        replay_section(run, recording, noun),
        *sights_section(run.tasks),
        *plans,
        tasks_section(run.evaluation, noun),
        training_section(run),
        *found,
        timings_section(run.seconds),
        configuration_section(run),
        provenance_section(run),
    ]
    page = document(
        title=f"{run.name}: in-context learning",
        kicker=f"{escape(run.evaluation.tasks_name)} \u00b7 run <b>{escape(run.name)}</b>",
        heading=headline(run.evaluation, noun),
        highlights=tiles(run, noun),
        sections=sections,
        charts=_charts(run) | evaluation_charts | finding_charts,
        data=data,
    )
    path = run_directory / "report.html"
    write_beside_figures(path, page, figures, run_directory / "figures")
    return path


def write_findings_page(directory: Path) -> Path:
    """Write the page and the figures of what probes found over several runs; returns its path."""
    findings = read_findings(directory)
    sections, charts = finding_sections(list(findings.values()))
    subjects = list(dict.fromkeys(name for found in findings.values() for name in found.subjects))
    verdicts = Counter(found.verdict or "not judged" for found in findings.values())
    tiles = "".join(
        f"<li><strong>{count}</strong><span>{verdict}</span></li>"
        for verdict, count in verdicts.items()
    )
    name = directory.resolve().name
    asked = f'<p class="caption">Asked were {escape(", ".join(subjects))}.</p>'
    whom = subjects[0] if len(subjects) == 1 else counted(len(subjects), "subject")
    page = document(
        title=f"{name}: what probes found",
        kicker=f"probes of <b>{escape(name)}</b>",
        heading=f"What {counted(len(findings), 'probe')} found of {whom}",
        highlights=f'<ul class="tiles">{tiles}</ul>{asked if len(subjects) > 1 else ""}',
        sections=[*verdicts_section(list(findings.values())), *sections],
        charts=charts,
    )
    path = directory / PAGE
    write_beside_figures(path, page, finding_figures(findings), directory / "figures")
    return path


def write_beside_figures(
    page: Path, content: bytes, figures: Mapping[str, Figure], folder: Path
) -> None:
    """Write a page and the figures in `folder`, all or nothing; earlier figures go."""
    folder.mkdir(exist_ok=True)
    replace_files(
        {folder / f"{name}.png": [png(figure)] for name, figure in figures.items()}
        | {page: [content]}
    )
    for name in {*FIGURES, *(file.stem for file in folder.glob(f"{PROBE}*.png"))} - set(figures):
        (folder / f"{name}.png").unlink(missing_ok=True)


def document(
    *,
    title: str,
    kicker: str,
    heading: str,
    highlights: str,
    sections: Sequence[PageSection],
    charts: Mapping[str, Chart],
    data: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The content of a page.

    `title` and `heading` are text, `kicker` and `highlights` HTML; `charts` are specifications by
    the id of their element, and `data` further elements for scripts to read: text that `packing`
    made, by id.
    """
    drawing = {"charts": inline_json(charts), "plotly": _compressed_plotly()} if charts else {}
    carried = drawing | dict(data)
    page = Template(_resource("page.html")).substitute(
        title=escape(title),
        kicker=kicker,
        version=escape(__version__),
        headline=escape(heading),
        tiles=highlights,
        sections="\n".join(section.html for section in sections),
        light=css_variables(LIGHT),
        dark=css_variables(DARK),
        style="\n".join(_resource(name) for name in STYLES),
        data="\n".join(
            f'<script type="text/plain" id="{name}">{text}</script>'
            for name, text in carried.items()
        ),
        script="\n".join(_resource(name) for name in SCRIPTS),
    )
    # A string of the run may hold what UTF-8 has no bytes for, such as half of a surrogate pair.
    return page.encode("utf-8", errors="replace")


def _charts(run: RunRecord) -> dict[str, Chart]:
    """Chart specifications by the id of their element."""
    charts = {"chart-returns": return_chart(run.evaluation)}
    if run.metrics is not None:
        charts["chart-training"] = training_chart(training_series(run.metrics))
    if run.trials is not None:
        charts["chart-training"] = trial_chart(trial_series(run.trials))
    return charts


@cache
def _compressed_plotly() -> str:
    """The library of the charts: 4.8 MB, which compression makes 2.0."""
    from plotly.offline import get_plotlyjs

    return compressed(get_plotlyjs().encode())


def _resource(name: str) -> str:
    return files("adfast.report.page").joinpath(name).read_text(encoding="utf-8")
