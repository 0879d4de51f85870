"""`STUDY.md`: the figure, a table for each panel, the verdicts, and where each number is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adfast.report.comparison.series import data_in_words
from adfast.report.page.wording import duration, quantity
from adfast.report.reproduction.matrix import matrix_table, tasks_told
from adfast.report.reproduction.terminal import standing_of
from adfast.runs.reproduction.finding_record import FindingRecord
from adfast.runs.reproduction.monitored import late_rise
from adfast.runs.reproduction.part_record import PartRecord
from adfast.runs.reproduction.pooled import PooledPanel, PooledRow
from adfast.runs.reproduction.reproduction import PARTS, AnyState, PartState
from adfast.runs.reproduction.study_claim import ClaimVerdict
from adfast.runs.reproduction.study_table import StudyTable
from adfast.runs.reproduction.verdicts import RULES, Verdict, verdicts_of

FLAT = 0.05  # of the optimum
States = Mapping[str, PartState]


def study_page(
    table: StudyTable, panels: Sequence[PooledPanel], states: States, picture: str | None
) -> str:
    """The page; without `picture` nothing is done of the study."""
    lines = [f"# {table.title}", "", table.about, "", made_by(table, states), ""]
    if picture is not None:
        lines += [f"![{table.title}]({picture})", ""]
    for panel in panels:
        lines += [f"## {panel.panel.title}", "", *panel_table(panel), ""]
    if verdicts := list(verdicts_of(table, states)):
        lines += ["## Verdicts", "", RULES, "", *verdict_table(verdicts), ""]
    for claim in table.claims:
        lines += [*claim_told(claim.verdict_of(states)), ""]
    lines += ["## Parts", "", *parts_table(states)]
    return "\n".join(lines) + "\n"


def made_by(table: StudyTable, states: Mapping[str, AnyState]) -> str:
    """How much of the study there is, and where it comes from."""
    standing = standing_of(states)
    return (
        f"{standing[0].upper()}{standing[1:]}. Written by `adfast reproduce {table.name}`: "
        "[what the words mean, and how to make it again](../reproducing.md)."
    )


def panel_table(panel: PooledPanel) -> Iterator[str]:
    """A row for each of the panel's."""
    if panel.matrix is not None:
        head, *lines = matrix_table(panel)
        yield from (*header(head), *map(cells, lines), "", tasks_told(panel))
        return
    measure = panel.panel.measure
    columns = [
        "", panel.panel.dashed, "ours, first episode", f"ours, {measure}", "95%", "of optimum",
        "seeds", "what it saw", "what differs",
    ]  # fmt: skip
    lines = [columns, *map(row_cells, panel.rows)]
    if not panel.panel.has_published:
        lines = [[*line[:1], *line[2:]] for line in lines]
    yield from (*header(lines[0]), *map(cells, lines[1:]))
    references = None if panel.comparison is None else panel.comparison.references
    if references is not None and references.random is not None:
        optimum = "" if references.optimal is None else f", the optimum {references.optimal:.2f}"
        episodes = panel.comparison.episodes if panel.comparison is not None else 0
        yield ""
        yield f"Over {episodes} episodes. Random earns {references.random:.2f}{optimum}."
    for row in panel.rows if panel.panel.while_training else ():
        if (told := training_told(row)) is not None:
            yield from ("", told)


def training_told(row: PooledRow) -> str | None:
    """Whether a training has come to its end, in a sentence."""
    curve = None if row.pooled is None else row.pooled.training
    rise = None if curve is None else late_rise(curve)
    if curve is None or rise is None or row.pooled is None:
        return None
    optimum = row.records[0].optimal
    is_flat = optimum is not None and rise <= FLAT * optimum
    told = "it has flattened" if is_flat else "where it ends is undecided at this budget"
    return (
        f"{row.row.label}: in the last quarter of {quantity(curve.transitions[-1])} steps it "
        f"earned {rise:+.2f} beside the third, so {told} (a rise of at most {FLAT:.0%} of the "
        "optimum is flat)."
    )


def row_cells(row: PooledRow) -> list[str]:
    """What the table says of a row."""
    about = row.row
    published = "" if about.published is None else about.published.words
    pooled = row.pooled
    if pooled is None:
        return [about.label, published, row.lacks, "", "", "", "", "", about.differs]
    low, high = row.interval or pooled.last5_ci95
    share = pooled.share_of_optimal
    missing = f" ({row.lacks})" if row.missing else ""
    return [
        about.label,
        published,
        f"{pooled.in_context.mean[0]:.2f}",
        f"**{row.value:.2f}**",
        f"{low:.2f} to {high:.2f}",
        "" if share is None else f"{share:.0%}",
        f"{len(pooled.seeds)}{missing}",
        data_in_words(pooled.data),
        about.differs,
    ]


def verdict_table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What was published of orderings, and whether it is so here."""
    yield from header(("claim", "verdict", "evidence"))
    for verdict in verdicts:
        yield cells([verdict.claim, f"**{verdict.verdict}**", verdict.evidence])


def claim_told(found: ClaimVerdict) -> Iterator[str]:
    """A claim of the critique, its rule, and what the parts say of it."""
    number = "" if found.claim is None else f" {found.claim} of the critique"
    counted = f"; {found.seeds} seeds, {found.n} tasks" if found.n else ""
    yield from (f"## Claim{number}", "", found.words, "", found.rule, "")
    yield f"**{found.verdict[0].upper()}{found.verdict[1:]}**: {found.evidence}{counted}."


def parts_table(states: Mapping[str, AnyState]) -> Iterator[str]:
    """Each part with where it was made."""
    yield from header(("part", "state", "seconds", "recipe", "commit", "computed on"))
    for name, state in states.items():
        record = state.record
        if record is None:
            yield cells([name, state.standing, "", "", "", ""])
            continue
        standing: str = state.standing
        if state.differences:
            standing += f": {'; '.join(state.differences)}"
        yield cells([
            f"[{name}]({PARTS}/{name}.json)",
            standing,
            duration(sum(record.seconds.values())),
            f"`{record.hash}`",
            f"`{(record.provenance.get('commit') or 'unknown')[:9]}`",
            computed_on(record),
        ])  # fmt: skip


def computed_on(record: PartRecord | FindingRecord) -> str:
    """The card, or else the processor."""
    places = [of_stage.get("device") for of_stage in record.computed_on.values()]
    card = next((place for place in places if place not in (None, "cpu")), None)
    return str(card or record.provenance.get("processor", "unknown"))


def header(columns: Sequence[str]) -> list[str]:
    """The first two lines of a table in Markdown."""
    return [cells(columns), cells(["---"] * len(columns))]


def cells(values: Sequence[str]) -> str:
    """A line of a table in Markdown."""
    return "| " + " | ".join(value.replace("|", r"\|") for value in values) + " |"
