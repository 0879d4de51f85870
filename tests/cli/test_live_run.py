"""A live run trains with no history file, and is the same run however it was made."""

import json
import shutil
import signal

import pytest

from adfast.training.metrics import read_metrics
from cli.command_line import adfast
from cli.same_results import assert_same_results
from cli.signalled import assert_signal_can_be_followed

LIVE = ["--set", "collection.live=true"]
EVICTING = [
    *LIVE,
    *("--set", "collection.live_capacity=1000"),
    *("--set", "collection.fresh_transitions_per_update=400"),
    *("--set", "collection.block_histories=3"),
]


@pytest.fixture(scope="module")
def live_run(recipe, tmp_path_factory):
    """A finished live run that sees one history in eight at a time."""
    run = tmp_path_factory.mktemp("live") / "run"
    ended = adfast("run", recipe, "--run", run, *EVICTING)
    assert ended.status == 0, ended.stderr
    return run


def test_live_run_leaves_everything_but_histories(live_run, finished_run):
    names = {path.name for path in live_run.iterdir()}
    assert names == {path.name for path in finished_run.iterdir()} - {"histories"}
    stages = json.loads((live_run / "provenance.json").read_text())["stages"]
    assert tuple(stages) == ("train", "evaluate", "report")
    ring = stages["train"]["live_ring"]
    assert ring["fresh_transitions_per_update"] == 400
    assert (ring["histories_committed"], ring["histories_evicted"]) == (3 + 11 * 4, 47 - 10)
    rows = read_metrics(live_run / "metrics.jsonl")
    assert rows[-1]["waiting_seconds"] <= rows[-1]["seconds"]
    evaluation = json.loads((live_run / "evaluation.json").read_text())
    of_store = json.loads((finished_run / "evaluation.json").read_text())
    assert evaluation["references"] == of_store["references"]  # they need no history


def test_finished_live_run_is_not_repeated(live_run):
    before = (live_run / "evaluation.json").read_bytes()
    ended = adfast("run", live_run)
    assert (ended.status, ended.stderr.count("finished before")) == (0, 3)
    assert "seconds" in ended.stdout
    assert (live_run / "evaluation.json").read_bytes() == before


def test_ring_that_has_all_histories_at_once_trains_the_model_of_the_store(
    recipe, tmp_path, finished_run
):
    whole = ["--set", "collection.block_histories=80"]
    assert adfast("run", recipe, "--run", tmp_path / "run", *LIVE, *whole).status == 0
    assert_same_results(tmp_path / "run", finished_run)


def test_number_of_collectors_changes_nothing(recipe, tmp_path, live_run):
    settings = ["--set", "collection.threads=3"]
    assert adfast("run", recipe, "--run", tmp_path / "run", *EVICTING, *settings).status == 0
    assert_same_results(tmp_path / "run", live_run)


def test_stages_of_a_live_run_need_no_collecting(recipe, tmp_path, live_run):
    run = tmp_path / "run"
    ended = adfast("collect", recipe, "--run", run, *EVICTING)
    assert ended.status == 0
    assert ended.stdout.startswith("nothing to collect: collection.live = true")
    assert ended.stdout.endswith(f"to continue: adfast train {run}\n")
    for stage in ("train", "evaluate", "report"):
        assert adfast(stage, run).status == 0
    assert_same_results(run, live_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_training_that_gets_a_signal_goes_on_to_the_same_model(
    recipe, tmp_path, live_run, number
):
    run = tmp_path / "run"
    assert_signal_can_be_followed(run, number, recipe, *EVICTING)
    assert adfast("run", run).status == 0
    assert_same_results(run, live_run)


def test_sweep_of_live_runs_shares_no_histories(recipe, tmp_path):
    swept = tmp_path / "sweep"
    varied = ["--vary", "collection.live_capacity=1000,2000", *EVICTING]
    ended = adfast("sweep", recipe, "--out", swept, *varied)
    assert ended.status == 0, ended.stderr
    assert len(json.loads((swept / "sweep.json").read_text())["points"]) == 2
    assert not list(swept.rglob("histories"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([*LIVE, "--set", "collection.live_capacity=99"], "live_capacity must be at least 100"),
        (["--set", "collection.live_capacity=999"], "set collection.live=true, or leave"),
        ([*LIVE, "--set", "training.context_length=101"], "must be at most 100"),
    ],
)
def test_live_run_that_cannot_be_ends_with_status_2(recipe, tmp_path, settings, message):
    ended = adfast("run", recipe, "--run", tmp_path / "run", *settings)
    assert ended.status == 2
    assert message in ended.stderr
    assert not (tmp_path / "run").exists()


def test_other_way_to_the_histories_is_another_run(collected_run, tmp_path):
    run = shutil.copytree(collected_run, tmp_path / "run")
    ended = adfast("run", run, *LIVE)
    assert ended.status == 1
    assert "collection.live: False, asked True" in ended.stderr
