"""Probes are put to runs; what they find is written beside them and forgotten with its model."""

import pytest

from adfast.errors import InvalidArgument, RunError, UnknownName
from adfast.probes.catalogue import BY_NAME_ONLY, PROBES
from adfast.report.page.document import write_findings_page
from adfast.runs.probing import probing
from adfast.runs.probing.findings import read_findings
from adfast.runs.run import Run
from cli.command_line import adfast

# Of probes that would act in many rooms, or for long.
FEW = {
    "memory": {"slips": [0.0], "seeds": 2, "episodes": 6},
    "corrections": {"seeds": 1, "episodes": 10},
    "whose-actions": {"seeds": 1, "episodes": 10},
    "narrowness": {"seeds": 2, "episodes": 4, "tasks": 8},
}


@pytest.mark.slow
def test_all_shipped_probes_are_asked_and_their_findings_written(run_copy):
    run = Run.open(run_copy, progress=False)
    asked = sorted(set(PROBES.shipped) - set(BY_NAME_ONLY))
    findings = run.probe({name: FEW.get(name, {}) for name in asked})
    assert list(findings) == asked
    assert read_findings(run_copy) == findings
    again = run.probe(["history-loss"])["history-loss"]
    assert again.numbers == findings["history-loss"].numbers


def test_none_named_means_all_shipped_ones():
    assert sorted(probing.with_options(None)) == sorted(set(PROBES.shipped) - set(BY_NAME_ONLY))


def test_options_are_of_each_probe(run_copy, monkeypatch):
    monkeypatch.chdir(run_copy)
    run = Run.open(".", progress=False)
    finding = run.probe({"history-loss": {"margin": 5.0}})["history-loss"]
    assert finding.options["margin"] == 5.0
    assert finding.subjects == (run_copy.name,)  # wherever it was opened from
    assert finding.verdict == "refuted"


@pytest.mark.parametrize(
    ("probes", "error", "words"),
    [
        (["histry-loss"], UnknownName, 'did you mean "history-loss"'),
        ("history-loss", InvalidArgument, "must be a list of names"),
        ({"history-loss": {"margn": 1}}, UnknownName, 'did you mean "margin"'),
        ({"history-loss": None}, InvalidArgument, "must be a table of options, got NoneType"),
        (["nowhere:Probe"], InvalidArgument, "cannot be imported"),
        (
            ["adfast.tasks.gridworlds.dark_room:DarkRoom"],
            InvalidArgument,
            "must be a class derived from",
        ),
    ],
)
def test_bad_question_changes_nothing(probes, error, words, run_copy):
    with pytest.raises(error, match=words):
        Run.open(run_copy, progress=False).probe(probes)
    assert not (run_copy / "probes").exists()


def test_run_that_is_not_trained_cannot_be_asked(collected_run):
    with pytest.raises(RunError, match="train is not finished"):
        Run.open(collected_run, progress=False).probe()


def test_findings_go_with_the_model_that_they_are_of(run_copy):
    run = Run.open(run_copy, progress=False)
    run.probe(["history-loss"])
    run.train(fresh=True)
    assert read_findings(run_copy) == {}


def test_page_of_findings_goes_with_them(run_copy):
    run = Run.open(run_copy, progress=False)
    run.probe(["history-loss"])
    page = write_findings_page(run_copy)
    run.evaluate(fresh=True)
    assert not page.exists()


def test_what_another_agent_did_is_no_doing_of_the_model(run_copy):
    settings = run_copy / "run.toml"
    text = settings.read_text()
    settings.write_text(text.replace('agent = "model"', 'agent = "random"'))
    run = Run.open(run_copy, progress=False)
    with pytest.raises(InvalidArgument, match=r"trajectories .* in which its own model must act"):
        run.probe(["attention"])
    assert list(run.probe(["history-loss"])) == ["history-loss"]


def test_page_is_drawn_again_with_what_was_found(run_copy):
    ended = adfast("probe", run_copy, "history-loss", "--set", "history-loss.histories_per_task=1")
    assert ended.status == 0, ended.stderr
    assert "history-loss" in ended.stdout
    assert "The loss by length of history" in (run_copy / "report.html").read_text()


def test_several_runs_are_asked_about_how_they_were_made(run_copy, finished_run, tmp_path):
    ended = adfast("probe", run_copy, finished_run, "history-loss")
    assert "give the directory for what is found over several runs: --out" in ended.stderr
    out = tmp_path / "found"
    ended = adfast("probe", run_copy, finished_run, "history-loss", "--out", out)
    assert ended.status == 0, ended.stderr
    (finding,) = read_findings(out).values()
    assert finding.subjects == ("copy", "tiny-room")
    assert "The loss by length of history" in (out / "probes.html").read_text()


def test_what_is_neither_run_nor_probe_is_named(run_copy, tmp_path):
    ended = adfast("probe", "history-loss")
    assert ended.stderr == "adfast: give at least one run directory to probe, got none\n"
    ended = adfast("probe", tmp_path / "nowhere", "history-loss")
    assert f"got none; there is no directory {tmp_path / 'nowhere'}" in ended.stderr
    assert 'unknown probe "hist"' in adfast("probe", run_copy, "hist").stderr


def test_damaged_finding_is_noticed_before_anything_is_asked(run_copy, monkeypatch):
    run = Run.open(run_copy, progress=False)
    run.probe(["history-loss", "attention"])
    (run_copy / "probes" / "attention.json").write_text('{"version": 1, "pro')
    again = run.probe(["attention"])  # asked again it is mended
    assert read_findings(run_copy)["attention"] == again["attention"]
    (run_copy / "probes" / "attention.json").write_text("")
    monkeypatch.setattr(probing, "ask", lambda *_, **__: pytest.fail("something was asked"))
    with pytest.raises(RunError, match=r"attention.json: damaged: .* or remove the file"):
        run.probe(["history-loss"])


def test_findings_on_others_are_not_mixed(run_copy, finished_run, tmp_path):
    out = tmp_path / "found"
    probing.probe_folders([run_copy, finished_run], ["attention", "history-loss"], out)
    with pytest.raises(RunError, match=r"was found on copy, tiny-room, not on tiny-room; give ano"):
        probing.probe_folders([finished_run], ["history-loss"], out)
    both = ["attention", "history-loss"]  # nothing of the others is left
    _, findings = probing.probe_folders([finished_run], both, out)
    assert {found.subjects for found in findings.values()} == {("tiny-room",)}


def test_asking_order_has_no_say(run_copy):
    run, names = Run.open(run_copy, progress=False), ["attention", "history-loss", "equal-data"]
    run.probe(names)
    at_once = {path: path.read_bytes() for path in (run_copy / "probes").iterdir()}
    for name in reversed(names):
        run.probe([name])
    assert {path: path.read_bytes() for path in (run_copy / "probes").iterdir()} == at_once
