"""`critique.md`: the critique, claim by claim, with a verdict on each and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adfast.probes.critique import Claim, claims_by_weight, combined
from adfast.probes.finding import Finding, judged_findings
from adfast.probes.sections import Paragraph, Table
from adfast.report.axes import png
from adfast.report.evidence_words import in_full, in_short
from adfast.report.finding_figure import charts_of, finding_figure
from adfast.report.reproduction.page import cells, claim_told, header, made_by, parts_table
from adfast.runs.reproduction.reproduction import QuestionState, Reproduction
from adfast.runs.reproduction.studies.catalogue import find_study
from adfast.runs.reproduction.study_claim import ClaimVerdict
from adfast.runs.reproduction.verdicts import Standing

JUDGED = (
    "A verdict needs an interval over tasks that lies wholly beyond the stated threshold, and all "
    "five training seeds on the same side. All evidence of the probes on this page is judged "
    "together: the intervals are so wide that any verdict is wrong in a twentieth of all cases at "
    "most (Holm 1979). *Undecided* is a verdict: the interval holds the threshold, or the seeds "
    "disagree. What other studies say is judged within these."
)
MOST_ROWS = 40  # of a table


@dataclass(frozen=True)
class Answered:
    """What is known of a claim: findings by the state of their questions, and other studies."""

    claim: Claim
    states: tuple[QuestionState, ...]
    studies: Mapping[str, ClaimVerdict]

    @property
    def standing(self) -> Standing:
        """The verdict on the claim."""
        if self.claim.why_open:
            return "undecided"
        asked = [state for state in self.states if not state.question.is_comparison]
        others = [found.verdict for found in self.studies.values()]
        if any(state.record is None for state in asked) or "not judged yet" in others:
            return "not judged yet"
        verdicts = [state.record.finding.verdict for state in asked if state.record is not None]
        verdicts += [verdict for verdict in others if verdict != "not judged yet"]
        return combined(verdicts) or "not judged yet"

    @property
    def in_short(self) -> str:
        """The numbers that decide, in a line."""
        if self.claim.why_open:
            return self.claim.why_open
        lines = [
            in_short(piece)
            for state in self.states
            if state.record is not None and not state.question.is_comparison
            for piece in state.record.finding.evidence
        ]
        lines += [found.evidence for found in self.studies.values() if found.evidence]
        return "; ".join(lines)


def critique_contents(reproduction: Reproduction) -> dict[str, bytes | memoryview]:
    """The page and its figures, by the names of their files."""
    table, states = reproduction.table, judged_states(reproduction.questions())
    if table.gathers:
        lines = claims_told(reproduction, states)
    else:
        lines = [f"# {table.title}", "", table.about, "", *agents_table(states), ""]
        for state in states.values():
            lines += question_section(table.name, state, f"## {state.question.name}")
    lines += ["## Parts", "", made_by(table, reproduction.all_states()), ""]
    lines += [*parts_table(reproduction.all_states()), ""]
    contents: dict[str, bytes | memoryview] = {}
    contents[f"{table.name}.md"] = "\n".join(lines).encode()
    for name, state in states.items():
        figure = None if state.record is None else finding_figure(state.record.finding)
        if figure is not None:
            contents[picture_of(table.name, name)] = png(figure)
    return contents


def claims_told(reproduction: Reproduction, states: Mapping[str, QuestionState]) -> list[str]:
    """All claims with their verdicts, then each with what it is made of."""
    table = reproduction.table
    studies = {name: verdicts_of_study(name, reproduction) for name in table.gathers}
    answered = [answers_to(claim, states, studies) for claim in claims_by_weight()]
    beside = [state for state in states.values() if claim_of(state) is None]
    lines = [f"# {table.title}", "", table.about, "", *verdict_table(answered), "", JUDGED, ""]
    for known in answered:
        lines += claim_section(table.name, known)
    if beside:
        lines += ["## What is inside", ""]
        for state in beside:
            lines += question_section(table.name, state)
    return lines


def agents_table(states: Mapping[str, QuestionState]) -> Iterator[str]:
    """Of agents of known kind: what is right, and how often each verdict was given, by probe.

    The first table of a finding of `calibration` has an agent in each row: its name, what is right,
    and how often it was supported, refuted and left undecided.
    """
    found: dict[str, dict[str, str]] = {}
    probes = dict.fromkeys(str(state.question.options["probe"]) for state in states.values())
    for state in states.values():
        probe = str(state.question.options["probe"])
        for asked in state.question.agents:
            found.setdefault(asked, {})[probe] = "not run yet"
        table = None if state.record is None else state.record.finding.sections[0]
        if isinstance(table, Table):
            for agent, right, supported, refuted, undecided in table.rows:
                counts = {"supported": supported, "refuted": refuted, "undecided": undecided}
                said = ", ".join(f"{verdict} {count:g}" for verdict, count in counts.items())
                told = f"right is {right}: {said}" if right in counts else f"not asked ({said})"
                found.setdefault(str(agent), {})[probe] = told
    yield from header(("agent", *probes))
    for agent, by_probe in found.items():
        yield cells([agent, *(by_probe.get(probe, "not asked") for probe in probes)])


def judged_states(states: Mapping[str, QuestionState]) -> dict[str, QuestionState]:
    """The states with their findings judged together; what is of other settings is left out."""
    done = {n: s.record for n, s in states.items() if s.record is not None and s.standing == "done"}
    judged = judged_findings({name: record.finding for name, record in done.items()})
    return {
        name: QuestionState(
            state.question,
            state.standing,
            done[name].model_copy(update={"finding": judged[name]}) if name in done else None,
            state.differences,
        )
        for name, state in states.items()
    }


def verdicts_of_study(name: str, beside: Reproduction) -> list[ClaimVerdict]:
    """What another study, of the same folder of results, says of claims."""
    other = Reproduction(find_study(name), beside.results, beside.runs)
    return [claim.verdict_of(other.states()) for claim in other.table.claims]


def claim_of(state: QuestionState) -> int | None:
    """The number of the claim that a question speaks to."""
    from adfast.probes.catalogue import PROBES

    return PROBES.make(state.question.probe, **state.question.options).answers


def answers_to(
    claim: Claim,
    states: Mapping[str, QuestionState],
    studies: Mapping[str, Sequence[ClaimVerdict]],
) -> Answered:
    """What is known of a claim."""
    return Answered(
        claim,
        tuple(state for state in states.values() if claim_of(state) == claim.number),
        {name: found for name, all_ in studies.items() for found in all_
         if found.claim == claim.number},
    )  # fmt: skip


def verdict_table(answered: Sequence[Answered]) -> Iterator[str]:
    """The claims with their verdicts, those that weigh most first."""
    yield from header(("", "the critique says", "verdict", "by"))
    for known in answered:
        number = known.claim.number
        link = f"[claim {number}](#claim-{number})"
        yield cells([link, known.claim.sentence, f"**{known.standing}**", known.in_short])


def claim_section(study: str, known: Answered) -> Iterator[str]:
    """A claim: what was asked of whom, and what came out."""
    yield from (f"## Claim {known.claim.number}", "", f"> {known.claim.sentence}", "")
    yield from (f"**{known.standing[0].upper()}{known.standing[1:]}.**", "")
    if known.claim.why_open:
        yield from (f"{known.claim.why_open[0].upper()}{known.claim.why_open[1:]}.", "")
    for state in known.states:
        yield from question_section(study, state)
    for name, found in known.studies.items():
        yield from (f"### The study [{name}]({name}.md)", "")
        yield from (*list(claim_told(found))[2:], "")


def question_section(study: str, state: QuestionState, head: str = "") -> Iterator[str]:
    """A question: how it was put, the rule, the evidence and what is drawn of it."""
    question, record = state.question, state.record
    if record is None:
        yield from (head or f"### {question.name}: {state.standing}", "", question.asks, "")
        return
    finding = record.finding
    yield from (head or f"### {finding.title}", "")
    yield from (f"Asked of {question.whom}. {question.asks}", "")
    if finding.unanswered:
        yield from (f"Not answered: {finding.unanswered}.", "")
        return
    verdict = finding.verdict or "not judged"
    yield from (f"**{verdict[0].upper()}{verdict[1:]}**: {finding.claim}", "")
    for piece in finding.evidence:
        yield f"- {piece.standing}: {in_full(piece)}."
    yield from [""] if finding.evidence else []
    yield from (f"*Rule, stated beforehand*: {finding.rule}", "")
    if question.leaves_open:
        yield from (f"*What it leaves open*: {question.leaves_open}", "")
    if charts_of(finding):
        yield from (f"![{finding.title}]({picture_of(study, question.name)})", "")
    yield from sections_told(finding)


def sections_told(finding: Finding) -> Iterator[str]:
    """Paragraphs, tables and numbers of a finding; charts are in its figure."""
    for section in finding.sections:
        if isinstance(section, Paragraph):
            yield from (section.text, "")
        elif isinstance(section, Table):
            yield from ([f"**{section.title}**", ""] if section.title else [])
            yield from header(section.columns)
            for row in section.rows[:MOST_ROWS]:
                yield cells([cell_text(cell) for cell in row])
            yield from ("", *([section.caption, ""] if section.caption else []))
        elif section.caption:
            yield from (section.caption, "")
    if finding.numbers:
        yield from header(("figure", "value", "95% interval", "n", "by training seed"))
        for number in finding.numbers:
            interval = "" if number.low is None else f"{number.low:.3g} to {number.high:.3g}"
            by_subject = ", ".join(f"{value:.3g}" for value in number.by_subject)
            several = by_subject if len(number.by_subject) > 1 else ""
            value = f"{number.value:.3g} {number.unit}".rstrip()
            yield cells([number.name, value, interval, f"{number.n or ''}", several])
        yield ""


def cell_text(cell: str | float | None) -> str:
    """A cell of a table."""
    return cell if isinstance(cell, str) else "" if cell is None else f"{cell:.3g}"


def picture_of(study: str, question: str) -> str:
    """The file of a question's figure."""
    return f"{study}-{question}.png"
