"""Questions of a study: put to the runs of parts, kept in a file, and told on the study's page."""

import json
from dataclasses import replace

import pytest

from adfast.errors import RunError, UnknownName
from adfast.report.reproduction import write_reproduction
from adfast.runs.hooks import QUIET
from adfast.runs.reproduction.finding_record import differences_of_question
from adfast.runs.reproduction.reproduction import Reproduction
from adfast.runs.reproduction.studies.catalogue import find_study
from adfast.runs.reproduction.study_table import Question, Row, StudyTable
from runs.reproduction.tiny_study import SMALL

ROW = Row("small-ad", "ad", "dark-room", settings=SMALL, seeds=(1, 2))
ASKED = Question("habit", "training-goal-habit", (ROW,), "two small models", "Where do they end?",
                 options={"episodes": 3, "seeds": 2})  # fmt: skip
LOSS = Question("loss", "history-loss", (ROW,), "two small models", "Does it help?")


def study(*questions):
    about = "Of small models."
    return StudyTable("asked", "Asked", about, (), questions=questions, gathers=("size",))


def reproduction(folder, *questions):
    return Reproduction(study(*questions), folder / "results", folder / "runs")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    asked = reproduction(folder, ASKED, LOSS)
    assert {s.standing for s in asked.all_states().values()} == {"not run yet"}
    asked.carry_out(QUIET, ["habit"])
    return folder


def test_finding_is_kept_with_the_settings_of_all_who_were_asked(made):
    states = reproduction(made, ASKED, LOSS).questions()
    assert (states["habit"].standing, states["loss"].standing) == ("done", "not run yet")
    record = states["habit"].record
    assert list(record.subjects) == ["small-ad-seed-1", "small-ad-seed-2"]
    assert record.finding.subjects == ("small-ad-seed-1", "small-ad-seed-2")
    assert record.options["episodes"] == 3
    assert record.subjects["small-ad-seed-2"]["collection.split_seed"] == 2
    assert record.finding.verdict in ("supported", "refuted", "undecided")


def test_question_that_is_done_is_not_asked_again(made):
    asked = reproduction(made, ASKED, LOSS)
    assert [[part.name for part in job] for job in asked.jobs()] == [["loss"]]
    assert asked.jobs(["habit"]) == []
    with pytest.raises(UnknownName, match='did you mean "habit"'):
        asked.jobs(["habti"])


@pytest.mark.parametrize(
    ("changed", "says"),
    [(replace(ASKED, options={"episodes": 4, "seeds": 2}), "episodes"),
     (replace(ASKED, rows=(replace(ROW, seeds=(1,)),)), "small-ad-seed-2"),
     (replace(ASKED, rows=(replace(ROW, settings=SMALL | {"model.qk_norm": True}),)),
      "qk_norm"),
     (replace(ASKED, probe="history-loss", options={}), "history-loss")],
)  # fmt: skip
def test_question_of_other_settings_is_asked_again(made, changed, says):
    (state,) = reproduction(made, changed).questions().values()
    assert state.standing == "of other settings"
    assert says in " ".join(state.differences)
    assert len(reproduction(made, changed).jobs()) == 1


def test_agent_is_not_asked_again_for_a_setting_that_is_new(tmp_path):
    of_agent = replace(ASKED, name="agent", rows=(), agents=("random",), splits=(3,))
    asked = reproduction(tmp_path, of_agent)
    asked.carry_out(QUIET, ["agent"])
    record = asked.questions()["agent"].record
    (name,) = record.subjects
    earlier = {k: v for k, v in record.subjects[name].items() if k != "model.qk_norm"}
    kept = record.model_copy(update={"subjects": {name: earlier}})
    assert differences_of_question(of_agent, kept) == []
    other = record.model_copy(update={"subjects": {name: earlier | {"seed": 4}}})
    assert differences_of_question(of_agent, other) == ["seed: 4, asked 3"]


def test_file_that_was_changed_by_hand_is_refused(made, tmp_path):
    asked = reproduction(made, ASKED)
    text = asked.file_of(ASKED).read_text()
    other = Reproduction(asked.table, tmp_path, tmp_path)
    other.file_of(ASKED).parent.mkdir()
    other.file_of(ASKED).write_text(text.replace('"episodes": 3', '"episodes": 5', 1))
    with pytest.raises(RunError, match="changed by hand"):
        other.questions()


def test_page_tells_every_claim_and_what_is_missing(made):
    page = write_reproduction(reproduction(made, ASKED, LOSS)).read_text()
    first = page.index("[claim 2](#claim-2)")
    assert first < page.index("[claim 3](#claim-3)") < page.index("[claim 10](#claim-10)")
    assert page.count("**not judged yet**") == 8
    assert "Asked of two small models. Where do they end?" in page
    assert "Rule, stated beforehand" in page
    assert "### loss: not run yet" in page
    found = json.loads((made / "results" / "parts" / "habit.json").read_text())["finding"]
    assert f"{found['evidence'][0]['name']}: " in page
    assert (made / "results" / "asked-habit.png").is_file()
    assert not (made / "results" / "asked.csv").exists()


def test_shipped_critique_asks_probes_that_there_are():
    table = find_study("critique")
    assert len({question.name for question in table.questions}) == len(table.questions)
    for question in table.questions:
        assert question.resolved
        assert question.asks[-1] in ".?"
    for name in table.gathers:
        assert find_study(name).claims
