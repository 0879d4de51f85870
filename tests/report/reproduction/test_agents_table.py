"""Agents of known kind are told by probe, whichever part asked them."""

from types import SimpleNamespace

from adfast.probes.calibration import table_of
from adfast.report.reproduction.critique_page import agents_table
from adfast.runs.reproduction.reproduction import QuestionState
from adfast.runs.reproduction.studies.known_agents import AGENTS, PROBES, known, known_agents


def done(question, rights, **counts):
    verdicts = {"supported": 0, "refuted": 0, "undecided": 0} | counts
    table = table_of(rights, dict.fromkeys(question.agents, verdicts))
    record = SimpleNamespace(finding=SimpleNamespace(sections=(table,)))
    return QuestionState(question, "done", record)


def test_parts_of_a_probe_are_one_column():
    first, more, *_ = known("whose-actions")
    (memory,) = known("memory")
    states = {
        "a": done(first, dict.fromkeys(first.agents, "refuted"), refuted=200),
        "b": QuestionState(more, "not run yet"),
        "c": done(memory, {"random": "refuted"}, refuted=199, undecided=1),
    }
    head, _, *rows = agents_table(states)
    assert head == "| agent | whose-actions | memory |"
    told = {row.split("|")[1].strip(): row for row in rows}
    assert told["heuristic"].count("right is refuted: supported 0, refuted 200, undecided 0") == 1
    assert "not asked (supported 0, refuted 199, undecided 1)" in told["heuristic"]
    assert told["ideal-learner"] == "| ideal-learner | not run yet | not asked |"
    assert told["late-heuristic"].startswith("| late-heuristic | not asked |")


def test_every_probe_is_put_to_all_of_whom_something_is_expected():
    questions = known_agents().questions
    assert len({question.name for question in questions}) == len(questions)
    for probe in PROBES:
        asked = [
            agent for each in questions if each.options["probe"] == probe for agent in each.agents
        ]
        assert len(asked) == len(set(asked))
        assert set(asked) >= {"random", "heuristic", "memorised-goal", "competence-mimic"}
        assert set(asked) - set(AGENTS) <= {"late-heuristic"}
