"""`adfast run` and `adfast sweep`, killed or told to end at any moment of any stage."""

from __future__ import annotations

import random
import signal
from collections import Counter

import pytest

from cli.command_line import adfast
from faults.ended_command import carry_out
from faults.whole_files import assert_no_half_result, assert_no_half_sweep, assert_same_run
from killed_process import Worker, kill_at_random
from small_run import RECIPE

pytestmark = pytest.mark.faults

STEPS = 26  # of the progress of a whole run: blocks, updates, episodes, the page
ENDINGS = 6
SWEEP = ("sweep", "{recipe}", "--vary", "model.attention_window=5,20", "--set",
         "training.evaluate_every=none", "--out", "{{path}}")  # fmt: skip


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def whole_run(recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    assert adfast("run", recipe, "--run", path).status == 0
    return path


@pytest.fixture(scope="module")
def whole_sweep(recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "sweep"
    assert adfast(*(a.format(recipe=recipe).format(path=path) for a in SWEEP)).status == 0
    return path


def test_killed_run_equals_an_uninterrupted_one(
    memory_folder, recipe, whole_run, fault_trials, count_faults
):
    last_steps = Counter()

    def check(path, acknowledged, is_finished):
        assert_no_half_result(path, whole_run)
        last_steps[acknowledged[-1] if acknowledged else "none"] += not is_finished
        if is_finished:
            assert_same_run(path, whole_run)

    kills = ENDINGS * fault_trials
    arguments = ("run", str(recipe), "--run", "{path}")
    kill_at_random(Worker(carry_out), memory_folder, arguments, check, kills=kills,
                   acknowledgements=STEPS, delay=0.1)  # fmt: skip
    assert len(last_steps) >= 2, last_steps  # the kills reach into more than one stage
    count_faults("whole run killed at a random moment", kills)


def test_killed_sweep_equals_an_uninterrupted_one(
    memory_folder, recipe, whole_sweep, fault_trials, count_faults
):
    def check(path, acknowledged, is_finished):
        assert_no_half_sweep(path, whole_sweep)
        if is_finished:
            assert (path / "sweep.png").stat().st_size > 10_000
            for run in (entry for entry in whole_sweep.iterdir() if (entry / "run.toml").exists()):
                assert_same_run(path / run.name, run)

    kills = ENDINGS // 2 * fault_trials
    arguments = tuple(a.format(recipe=recipe) for a in SWEEP)
    kill_at_random(Worker(carry_out), memory_folder, arguments, check, kills=kills,
                   acknowledgements=2 * STEPS, delay=0.1)  # fmt: skip
    count_faults("sweep killed at a random moment", kills)


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("run", signal.SIGINT),
        pytest.param("run", signal.SIGTERM, marks=pytest.mark.thorough),
        pytest.param("sweep", signal.SIGINT, marks=pytest.mark.thorough),
        ("sweep", signal.SIGTERM),
    ],
)
def test_command_told_to_end_says_how_to_go_on_and_does(
    memory_folder, recipe, whole_run, whole_sweep, command, sent, fault_trials, count_faults
):
    arguments = ("run", str(recipe), "--run", "{path}")
    if command == "sweep":
        arguments = tuple(a.format(recipe=recipe) for a in SWEEP)
    worker, moments = Worker(carry_out), random.Random(sent)
    ended, endings, number = 0, ENDINGS // 2 * fault_trials, 0
    steps = STEPS if command == "run" else 2 * STEPS
    while ended < endings:
        path = memory_folder / str(number)
        worker.run(path, *arguments, sent=sent, kill_after=moments.randint(1, steps),
                   delay=moments.uniform(0, 0.1))  # fmt: skip
        printed = path.with_name(f"{path.name}.stderr").read_text()
        assert "Traceback" not in printed
        assert worker.exit_code in (0, 128 + sent), printed
        if worker.exit_code == 0:
            number += 1
            continue
        ended += 1
        last = printed.strip().splitlines()[-1]
        assert last.endswith(
            (f"to continue: adfast {command} {path}", "the same command continues")
        )
        if command == "run":
            assert_no_half_result(path, whole_run)
        else:
            assert_no_half_sweep(path, whole_sweep)
    worker.run(path, *arguments)
    if command == "run":
        assert_same_run(path, whole_run)
    count_faults(f"{command} ended by {signal.Signals(sent).name}", endings)
