"""The sections of the page that probes filled: what each found, drawn without knowing the probe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from adfast.probes.critique import claims_by_weight, combined, findings_on
from adfast.probes.evidence import Evidence
from adfast.probes.finding import Finding, Quantity
from adfast.probes.sections import Bars, HeatMap, LineChart, Paragraph, Section, Table
from adfast.report.evidence_words import in_full
from adfast.report.page.drawings import dot_sample, line_sample
from adfast.report.page.plotly import Chart
from adfast.report.page.section import PageSection
from adfast.report.page.section_charts import bar_chart, heat_map, line_chart
from adfast.report.palette import line_style

TOGETHER = (
    "All evidence on this page was judged together, by intervals over tasks that are so wide that "
    "any of the verdicts is wrong in a twentieth of all cases at most (Holm 1979)."
)


def finding_sections(findings: Sequence[Finding]) -> tuple[list[PageSection], dict[str, Chart]]:
    """A section of the page for each finding, and its charts by the id of their element."""
    sections, charts = [], {}
    for number, finding in enumerate(findings, start=1):
        parts = [_claim(finding), _evidence(finding.evidence), _quantities(finding.numbers)]
        for place, section in enumerate(finding.sections, start=1):
            element = f"chart-probe-{number}-{place}"
            if (chart := chart_of(section)) is not None:
                charts[element] = chart
            parts.append(drawn(section, element))
        sections.append(
            PageSection(f"probe-{number}", escape(finding.title), "".join(parts), _made(finding))
        )
    return sections, charts


def chart_of(section: Section) -> Chart | None:
    """The chart that a section is; None where it is text."""
    if isinstance(section, LineChart):
        return line_chart(section)
    if isinstance(section, Bars):
        return bar_chart(section)
    if isinstance(section, HeatMap):
        return heat_map(section)
    return None


def verdicts_section(findings: Sequence[Finding]) -> list[PageSection]:
    """The critique, claim by claim, with the verdicts; none where nothing speaks to it."""
    places = {found.probe: f"probe-{n}" for n, found in enumerate(findings, start=1)}
    by_name = {found.probe: found for found in findings}
    rows = []
    for claim in claims_by_weight():
        speaking = findings_on(claim, by_name)
        verdict = combined(found.verdict for found in speaking.values())
        said = verdict or ("undecided" if claim.why_open else None)
        links = ", ".join(f'<a href="#{places[name]}">{escape(name)}</a>' for name in speaking)
        rows.append(
            f'<tr><td class="number">{claim.number}</td><td>{escape(claim.sentence)}</td>'
            f"<td>{judged_mark(said)}</td><td>{links or escape(claim.why_open)}</td></tr>"
        )
    if not any(found.answers for found in findings):
        return []
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", "claim", "verdict", "evidence"))
    table = (
        f'<div class="scroll"><table class="verdicts"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    return [PageSection("critique", "The critique, claim by claim", table, escape(TOGETHER))]


def judged_mark(verdict: str | None) -> str:
    """A verdict as a mark."""
    return f'<b class="judged {verdict or ""}">{verdict or "not asked"}</b>'


def _claim(finding: Finding) -> str:
    if finding.unanswered:
        return f'<p class="remark">Not answered: {escape(finding.unanswered)}.</p>'
    if not finding.claim:
        return ""
    verdict = finding.verdict or "not judged"
    return (
        f'<p class="claim"><b class="judged {finding.verdict or ""}">{verdict}</b> '
        f"{escape(finding.claim)}</p>"
    )


def _evidence(pieces: Sequence[Evidence]) -> str:
    """What the verdict is made of, a sentence each."""
    return "".join(
        f"<li>{judged_mark(piece.standing)} {escape(in_full(piece))}</li>" for piece in pieces
    ).join(('<ul class="evidence">', "</ul>") if pieces else ("", ""))


def _quantities(quantities: Sequence[Quantity]) -> str:
    if not quantities:
        return ""
    entries = []
    for number in quantities:
        unit = f" {escape(number.unit)}" if number.unit else ""
        interval = ""
        if number.low is not None and number.high is not None:
            interval = f" (95% interval {number.low:.4g} to {number.high:.4g})"
        entries.append(
            f"<div><dt>{escape(number.name)}</dt><dd>{number.value:.4g}{unit}{interval}</dd></div>"
        )
    return f'<dl class="quantities">{"".join(entries)}</dl>'


def drawn(section: Section, element: str) -> str:
    """A section as HTML; a chart is drawn into `element`."""
    if isinstance(section, Paragraph):
        return f"<p>{escape(section.text)}</p>"
    title = f'<h3 class="part">{escape(section.title)}</h3>' if section.title else ""
    caption = f'<p class="caption">{escape(section.caption)}</p>' if section.caption else ""
    if isinstance(section, Table):
        return f"{title}{_table(section)}{caption}"
    label = escape(section.title or element)
    chart = f'<div class="chart" id="{element}" role="img" aria-label="{label}"></div>'
    return f"{title}{chart}{_legend(section)}{caption}"


def _legend(section: LineChart | Bars | HeatMap) -> str:
    if isinstance(section, HeatMap) or len(section.series) < 2:
        return ""
    samples: Iterable[tuple[str, str]]
    styles = [line_style(index, len(section.series)) for index in range(len(section.series))]
    if isinstance(section, LineChart):
        drawn = [line_sample(style.colour, style.dash, 2.2) for style in styles]
    else:
        drawn = [dot_sample(style.colour) for style in styles]
    samples = zip(drawn, (series.name for series in section.series), strict=True)
    entries = "".join(
        f"<li>{sample}<span><b>{escape(name)}</b></span></li>" for sample, name in samples
    )
    return f'<ul class="legend">{entries}</ul>'


def _table(section: Table) -> str:
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in section.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows)
    return (
        f'<div class="scroll"><table class="found"><thead><tr>{header}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    return f'<td class="number">{"" if value is None else f"{value:.4g}"}</td>'


def _made(finding: Finding) -> str:
    """How the finding came to be: the rule, the probe with its options, and its subjects."""
    options = ", ".join(f"{name} {value}" for name, value in finding.options.items())
    subjects = ", ".join(finding.subjects)
    sentences = [finding.rule, f"Probe {finding.probe}{f' ({options})' if options else ''}."]
    if len(finding.subjects) > 1:
        sentences.append(f"Subjects: {subjects}.")
    return escape(" ".join(filter(None, sentences)))
