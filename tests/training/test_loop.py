"""Training is a function of its settings, and interrupted training of nothing more."""

import dataclasses
import json
import time

import pytest
import torch

from adfast.errors import CheckpointError, Interrupted
from adfast.machine import processor
from adfast.models.checkpoint import load_model, read_tensors
from adfast.training.batches.batches import BatchSource
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.gradients.sharded_gradient import ShardedGradient
from adfast.training.loop import TrainingHooks, TrainingInterrupted, dropout_seed
from adfast.training.metrics import read_metrics
from killed_process import KILLS, Worker, kill_at_random
from training.tiny_training import TRAINING, make_trainer, random_store, train_and_acknowledge

VARIANTS = {
    "muon": {},
    "adamw": {"optimizer": "adamw"},
    "dropout": {"model": {"dropout": 0.1, "sequence_mask": 0.3}},
    "two threads": {"threads": 2},
    "two threads, dropout": {"threads": 2, "model": {"dropout": 0.1}},
}


@pytest.fixture(scope="module")
def store():
    return random_store()


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
        del times["seconds"], times["waiting_seconds"]
    return tensors, metadata, rows


def assert_same_outcome(directory, expected):
    (tensors, *rest), (expected_tensors, *expected_rest) = outcome(directory), outcome(expected)
    assert rest == expected_rest
    assert tensors.keys() == expected_tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected_tensors[name]), name


def stop_after(update):
    """Hooks that ask to stop once so many updates are done."""
    done = []
    return TrainingHooks(
        on_update=lambda state, row: done.append(state.update),
        should_stop=lambda: len(done) + 1 >= update,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_resumed_training_equals_uninterrupted_one(tmp_path, store, variant):
    settings = VARIANTS[variant] | {"store": store}
    make_trainer(tmp_path / "whole", **settings).run()
    for update in (5, 1, 2):  # between checkpoints and metrics, and twice right after a start
        interrupted = make_trainer(tmp_path / "parts", hooks=stop_after(update), **settings)
        with pytest.raises(TrainingInterrupted, match="saved") as caught:
            interrupted.run(resume=True)
        assert caught.value.checkpoint.is_file()
    state = make_trainer(tmp_path / "parts", **settings).run(resume=True)
    assert state.update == TRAINING["updates"]
    assert_same_outcome(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("is_fast", [True, False])
def test_muon_keeps_its_precision_on_a_machine_that_would_choose_another(
    tmp_path, store, monkeypatch, is_fast
):
    monkeypatch.setattr(processor, "multiplies_bfloat16_fast", lambda: is_fast)
    make_trainer(tmp_path / "whole", store=store).run()
    with pytest.raises(TrainingInterrupted):
        make_trainer(tmp_path / "parts", store=store, hooks=stop_after(5)).run()
    monkeypatch.setattr(processor, "multiplies_bfloat16_fast", lambda: not is_fast)
    state = make_trainer(tmp_path / "parts", store=store).run(resume=True)
    assert state.muon_precision == ("bfloat16" if is_fast else "float32")
    assert_same_outcome(tmp_path / "parts", tmp_path / "whole")


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_trains_the_same_model_bit_for_bit(tmp_path, store, threads):
    for name in ("one", "two"):
        make_trainer(tmp_path / name, store=store, threads=threads).run()
    assert_same_outcome(tmp_path / "one", tmp_path / "two")


def test_another_seed_trains_another_model(tmp_path, store):
    for seed in (1, 2):
        make_trainer(tmp_path / str(seed), store=store, seed=seed).run()
    one, two = (outcome(tmp_path / str(seed))[0]["head"] for seed in (1, 2))
    assert not torch.equal(one, two)


@pytest.mark.faults
def test_killed_training_equals_uninterrupted_one(memory_folder, fault_trials, count_faults):
    settings = {"updates": 60, "checkpoint_every": 2, "metrics_every": 3}
    worker = Worker(train_and_acknowledge)
    worker.run(memory_folder / "whole", settings)

    def check(path, acknowledged, is_finished):
        newest = newest_checkpoint(path / "checkpoints")
        if acknowledged:
            _, metadata = read_tensors(newest)
            assert metadata["training"]["update"] >= acknowledged[-1]
        if is_finished:
            assert_same_outcome(path, memory_folder / "whole")
            leftovers = {entry.suffix for entry in (path / "checkpoints").iterdir()}
            assert leftovers == {".safetensors"}

    kills = KILLS * fault_trials
    kill_at_random(worker, memory_folder, (settings,), check, kills=kills, acknowledgements=5,
                   delay=0.02)  # fmt: skip
    count_faults("training killed at a random moment", kills)


def test_training_lowers_the_loss_and_logs_whole_rows(tmp_path, store):
    evaluations = iter(range(100))
    hooks = TrainingHooks(evaluate=lambda model: float(next(evaluations)))
    settings = {"updates": 60, "metrics_every": 10, "evaluate_every": 25, "store": store}
    trainer = make_trainer(tmp_path, hooks=hooks, **settings)
    trainer.run()
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["update"] for row in rows] == [10, 20, 25, 30, 40, 50, 60]
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert rows[-1]["accuracy"] > rows[0]["accuracy"]
    assert [row.get("validation_return") for row in rows] == [None, None, 0, None, None, 1, 2]
    assert all(row["tokens"] == row["environment_transitions"] for row in rows)
    assert rows[-1]["tokens"] == 60 * TRAINING["batch_size"] * TRAINING["context_length"]
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    assert trainer.model.training  # evaluating left the model as it was


def test_time_spent_waiting_for_batches_is_told(tmp_path, store):
    class Slow(BatchSource):
        def __call__(self, update):
            time.sleep(0.02)
            return super().__call__(update)

    trainer = make_trainer(tmp_path, store=store)
    trainer.batch_of = Slow(store, trainer.config, trainer.seed)
    trainer.run()
    waited = [row["waiting_seconds"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    for row, least in enumerate((3, 6, 9, 12)):
        assert waited[row] >= least * 0.02 - 0.001
    assert waited[-1] <= trainer.state.seconds


def test_interrupted_wait_for_a_batch_saves_what_is_done(tmp_path, store):
    make_trainer(tmp_path / "whole", store=store).run()

    class StopAtFive(BatchSource):
        def __call__(self, update):
            if update == 5:
                raise Interrupted("stopped waiting")
            return super().__call__(update)

    trainer = make_trainer(tmp_path / "parts", store=store)
    trainer.batch_of = StopAtFive(store, trainer.config, trainer.seed)
    with pytest.raises(TrainingInterrupted, match="training stopped after update 5; saved") as told:
        trainer.run()
    assert told.value.checkpoint.is_file()
    make_trainer(tmp_path / "parts", store=store).run(resume=True)
    assert_same_outcome(tmp_path / "parts", tmp_path / "whole")


def test_three_token_layout_counts_its_tokens(tmp_path, store):
    state = make_trainer(tmp_path, store=store, model={"layout": "three-token"}).run()
    assert state.tokens == 3 * state.environment_transitions


def test_checkpoint_loads_as_a_model(tmp_path, store):
    trainer = make_trainer(tmp_path, store=store)
    trainer.run()
    model = load_model(newest_checkpoint(tmp_path / "checkpoints"))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trainer.model.state_dict()[name])


def test_newest_two_checkpoints_are_kept(tmp_path, store):
    make_trainer(tmp_path, store=store).run()
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["update-00000008.safetensors", "update-00000012.safetensors"]


def test_stop_in_the_last_update_is_a_finish(tmp_path, store):
    state = make_trainer(tmp_path, store=store, hooks=stop_after(TRAINING["updates"])).run()
    assert state.update == TRAINING["updates"]


def test_finished_training_resumes_to_itself(tmp_path, store):
    make_trainer(tmp_path, store=store).run()
    before = (tmp_path / "metrics.jsonl").read_bytes()
    state = make_trainer(tmp_path, store=store).run(resume=True)
    assert state.update == TRAINING["updates"]
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_training_over_an_earlier_one_is_refused(tmp_path, store):
    make_trainer(tmp_path, store=store).run()
    with pytest.raises(CheckpointError, match="checkpoints of an earlier training; resume it"):
        make_trainer(tmp_path, store=store).run()


def test_truncated_checkpoint_is_refused_and_the_one_before_serves(tmp_path, store):
    make_trainer(tmp_path / "whole", store=store).run()
    make_trainer(tmp_path / "cut", store=store).run()
    newest = newest_checkpoint(tmp_path / "cut" / "checkpoints")
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"damaged.*delete this one to resume from the one"):
        make_trainer(tmp_path / "cut", store=store).run(resume=True)
    newest.unlink()
    make_trainer(tmp_path / "cut", store=store).run(resume=True)
    assert_same_outcome(tmp_path / "cut", tmp_path / "whole")


def test_metrics_cut_short_by_a_kill_are_mended_on_resume(tmp_path, store):
    make_trainer(tmp_path / "whole", store=store).run()
    with pytest.raises(TrainingInterrupted):
        make_trainer(tmp_path / "cut", store=store, hooks=stop_after(7)).run()
    path = tmp_path / "cut" / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + json.dumps({"update": 9, "loss": 1.0})[:-4].encode())
    make_trainer(tmp_path / "cut", store=store).run(resume=True)
    assert_same_outcome(tmp_path / "cut", tmp_path / "whole")


def test_dropout_is_keyed_by_seed_and_update():
    """Torch's generator on a CPU is seeded by the lower 32 bits alone."""
    drawn = {dropout_seed(seed, update) % 2**32 for seed in range(3) for update in range(50)}
    assert len(drawn) == 150
    assert dropout_seed(2**64 - 1, 10**6) == dropout_seed(2**64 - 1, 10**6) < 2**63


def test_every_update_drops_out_by_seed_and_update_alone(tmp_path, store, monkeypatch):
    drawn = []

    class Recording(ShardedGradient):
        def __call__(self, batch, dropout_seed=None):
            drawn.append(dropout_seed)
            return super().__call__(batch, dropout_seed)

    monkeypatch.setattr("adfast.training.gradients.gradients.ShardedGradient", Recording)
    make_trainer(tmp_path, store=store, seed=8).run()
    assert drawn == [dropout_seed(8, update) for update in range(TRAINING["updates"])]


def test_thread_count_is_measured_and_recorded_unless_given(tmp_path, store):
    state = make_trainer(tmp_path, store=store, threads=None).run()
    assert state.threads >= 1
    assert dataclasses.asdict(state)["threads"] == torch.get_num_threads()
