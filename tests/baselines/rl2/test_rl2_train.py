"""Training RL2 is a function of its settings, interrupted or not, and learns to learn."""

import pytest
import torch

from adfast import tasks
from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.train import RL2Hooks, RL2Trainer, train_rl2
from adfast.errors import CheckpointError, InvalidArgument, NotFinite
from adfast.models.checkpoint import read_tensors
from adfast.models.config import ModelConfig
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.loop import TrainingInterrupted
from adfast.training.metrics import read_metrics
from baselines.rl2.tiny_rl2 import (
    BODIES,
    FAMILY,
    TASKS,
    config,
    make_trainer,
    train_and_acknowledge,
)
from killed_process import Worker, kill_at_random
from reference.bayes_bandit import optimal_total

VARIANTS = BODIES | {"two threads": {"threads": 2}}
STEPS_PER_UPDATE = 8 * 12


@pytest.fixture(autouse=True)
def thread_count():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def outcome(directory):
    """Everything that a training leaves, less the times that it took."""
    tensors, metadata = read_tensors(newest_checkpoint(directory / "checkpoints"))
    rows = read_metrics(directory / "metrics.jsonl")
    for times in (metadata["training"], *rows):
        del times["seconds"]
    return tensors, metadata, rows


def assert_same_outcome(directory, expected):
    (tensors, metadata, rows), (right, right_metadata, right_rows) = map(
        outcome, (directory, expected)
    )
    assert rows == right_rows
    assert metadata["training"] == right_metadata["training"]
    assert tensors.keys() == right.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, right[name]), name


def stop_after(updates):
    """Hooks that ask to stop once so many updates are done."""
    done = []

    def should_stop():
        done.append(None)
        return len(done) >= updates

    return RL2Hooks(should_stop=should_stop)


@pytest.mark.parametrize("variant", VARIANTS)
def test_resumed_training_equals_uninterrupted_one(tmp_path, variant):
    settings = VARIANTS[variant]
    make_trainer(tmp_path / "whole", **settings).run()
    for updates in (3, 1):
        with pytest.raises(TrainingInterrupted, match="saved"):
            make_trainer(tmp_path / "parts", stop_after(updates), **settings).run(resume=True)
    state = make_trainer(tmp_path / "parts", **settings).run(resume=True)
    assert state.update == 6
    assert state.environment_steps == 6 * STEPS_PER_UPDATE
    assert_same_outcome(tmp_path / "parts", tmp_path / "whole")


def test_a_chain_of_parts_equals_one_training(tmp_path):
    make_trainer(tmp_path / "whole").run()
    before = None
    for part, stop_at in enumerate((2 * STEPS_PER_UPDATE, 5 * STEPS_PER_UPDATE - 1, None)):
        directory = tmp_path / f"part-{part}"
        make_trainer(directory, stop_at=stop_at, continues=before).run()
        before = str(directory)
    (tensors, metadata, rows), (right, _, right_rows) = (
        outcome(directory),
        outcome(tmp_path / "whole"),
    )
    assert rows == right_rows  # of all parts together
    assert metadata["training"]["update"] == 6
    assert all(torch.equal(tensor, right[name]) for name, tensor in tensors.items())


def test_killed_training_goes_on_to_the_same_end(tmp_path):
    make_trainer(tmp_path / "whole", checkpoint_every=1).run()
    worker = Worker(train_and_acknowledge)

    def check(directory, acknowledged, is_finished):
        saved = newest_checkpoint(directory / "checkpoints")
        if acknowledged:
            assert int(saved.stem.removeprefix("update-")) >= acknowledged[-1]
        if is_finished:
            assert_same_outcome(directory, tmp_path / "whole")

    kill_at_random(worker, tmp_path / "killed", (), check, kills=8, acknowledgements=4, delay=0.01)


def test_another_training_is_not_gone_on_with(tmp_path):
    make_trainer(tmp_path).run()
    with pytest.raises(CheckpointError, match="earlier training; resume it"):
        make_trainer(tmp_path).run()
    with pytest.raises(CheckpointError, match=r"rl2.learning_rate: 0.003, asked 0.002"):
        make_trainer(tmp_path, learning_rate=0.002).run(resume=True)
    with pytest.raises(CheckpointError, match="asks for fewer; ask for at least as many"):
        make_trainer(tmp_path, steps=STEPS_PER_UPDATE).run(resume=True)
    with pytest.raises(CheckpointError, match=r"tasks.ids"):
        RL2Trainer(FAMILY, TASKS[:3], tmp_path, rl2=config(), seed=3).run(resume=True)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        make_trainer(tmp_path / "new", continues=str(tmp_path / "none")).run()


def test_more_steps_may_follow(tmp_path):
    make_trainer(tmp_path).run()
    state = make_trainer(tmp_path, steps=8 * STEPS_PER_UPDATE).run(resume=True)
    assert state.update == 8
    assert [row["update"] for row in read_metrics(tmp_path / "metrics.jsonl")] == list(range(1, 9))


def test_hooks_see_updates_and_returns(tmp_path):
    seen = []
    hooks = RL2Hooks(
        evaluate=lambda policy: 2.5,
        on_update=lambda state, row: seen.append((state.update, row is not None)),
    )
    make_trainer(tmp_path, hooks, metrics_every=2, evaluate_every=3).run()
    assert seen == [(1, False), (2, True), (3, True), (4, True), (5, False), (6, True)]
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row.get("validation_return") for row in rows] == [None, 2.5, None, 2.5]
    assert all(len(row["return_by_episode"]) == 3 for row in rows)


def test_what_is_not_finite_is_not_saved(tmp_path):
    trainer = make_trainer(tmp_path, learning_rate=1000.0, gradient_clip=1e30, checkpoint_every=1)
    trainer.policy.head.data.fill_(float("nan"))
    with pytest.raises(NotFinite, match=r"update 1: .*rl2.learning_rate"):
        trainer.run()
    assert newest_checkpoint(tmp_path / "checkpoints") is None


def test_arguments_are_refused_in_words(tmp_path):
    with pytest.raises(InvalidArgument, match="task_ids must name the tasks to train on, got none"):
        train_rl2(FAMILY, [], tmp_path)
    with pytest.raises(InvalidArgument, match="rl2 must be an RL2Config"):
        train_rl2(FAMILY, TASKS, tmp_path, rl2={"steps": 3})
    with pytest.raises(InvalidArgument, match="family must be a task family"):
        train_rl2("dark-room", TASKS, tmp_path)


def last_returns(directory, updates=5):
    """The mean return by episode of the last updates."""
    rows = read_metrics(directory / "metrics.jsonl")[-updates:]
    return torch.tensor([row["return_by_episode"] for row in rows]).mean(0)


@pytest.mark.slow
@pytest.mark.thorough  # the room below is learned too
@pytest.mark.parametrize("body", ["gru", "transformer"])
def test_it_solves_a_bandit_to_within_five_percent_of_the_optimum(tmp_path, body):
    pulls = 20
    bandit = tasks.make("bandit", arms=2)
    rl2 = RL2Config(
        steps=500_000, environments=256, trial_episodes=pulls, width=32, discount=1.0, epochs=4,
        learning_rate=3e-3, body=body,
    )  # fmt: skip
    model = ModelConfig(width=32, num_heads=2, feed_forward_width=64, attention_window=pulls)
    train_rl2(bandit, range(8192), tmp_path, rl2=rl2, model=model, progress=False)
    earned, optimum = float(last_returns(tmp_path, 20).sum()), optimal_total(2, pulls)
    assert earned > 0.95 * optimum
    assert earned - 0.5 * pulls > 0.8 * (optimum - 0.5 * pulls)  # of what can be learned


@pytest.mark.slow
def test_it_learns_to_find_the_goal(tmp_path):
    room = tasks.make("dark-room", size=3, episode_length=6)
    rl2 = RL2Config(steps=600_000, environments=128, trial_episodes=5, width=32, learning_rate=3e-3)
    train_rl2(room, range(9), tmp_path, rl2=rl2, progress=False)
    first, *_, last = last_returns(tmp_path)
    assert last > first + 1
