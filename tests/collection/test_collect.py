"""A store is a function of what is collected, not of threads, blocks or interruptions."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from adfast import CollectionConfig, CollectionPlan, histories, tasks
from adfast.collection.collect import collect
from adfast.errors import Interrupted, InvalidArgument, StoreError
from collection.small_collection import HELD_OUT, collect_and_acknowledge, make_plan
from killed_process import KILLS, Worker, kill_at_random
from own_family import Walk


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The store of `make_plan`, collected in one go."""
    return collect(make_plan(), tmp_path_factory.mktemp("whole") / "histories")


def assert_same_histories(store, expected):
    assert store.num_histories == expected.num_histories
    for name in ("task_id", "random_stream"):
        np.testing.assert_array_equal(store.metadata[name], expected.metadata[name])
    for index in range(store.num_histories):
        for name, values in expected.history(index).items():
            np.testing.assert_array_equal(store.history(index)[name], values)


def assert_same_batches(store, expected):
    for draw in range(3):
        batch = store.sample(16, 20, seed=1, draw=draw, align="episode")
        for name, values in expected.sample(16, 20, seed=1, draw=draw, align="episode").items():
            np.testing.assert_array_equal(batch[name], values)


def assert_same_files(path, expected):
    names = {entry.name for entry in path.iterdir()}
    assert names == {entry.name for entry in expected.iterdir()}
    for name in names:
        assert (path / name).read_bytes() == (expected / name).read_bytes()


@pytest.mark.parametrize(("threads", "block_histories"), [(1, 500), (2, 1), (4, 7), (3, 119)])
def test_neither_threads_nor_blocks_change_a_history_or_a_batch(
    tmp_path, whole, threads, block_histories
):
    plan = make_plan(threads=threads, block_histories=block_histories)
    store = collect(plan, tmp_path / "histories")
    assert_same_histories(store, whole)
    assert_same_batches(store, whole)


def test_another_seed_collects_other_histories(tmp_path, whole):
    store = collect(make_plan(seed=5), tmp_path / "histories")
    np.testing.assert_array_equal(store.metadata["task_id"], whole.metadata["task_id"])
    differing = sum(
        not np.array_equal(store.history(index)["action"], whole.history(index)["action"])
        for index in range(whole.num_histories)
    )
    assert differing == whole.num_histories


def test_more_repetitions_leave_the_earlier_histories_as_they_are(tmp_path, whole):
    store = collect(make_plan(histories_per_task=8), tmp_path / "histories")
    assert store.num_histories == 160
    for index in range(whole.num_histories):
        for name, values in whole.history(index).items():
            np.testing.assert_array_equal(store.history(index)[name], values)


def test_every_training_task_is_there_and_no_held_out_one(whole):
    plan = make_plan()
    held_out = plan.family.split(HELD_OUT, seed=1).held_out
    task_ids, counts = np.unique(whole.metadata["task_id"], return_counts=True)
    np.testing.assert_array_equal(task_ids, plan.task_ids)
    assert set(counts) == {6}
    assert not set(task_ids) & set(held_out)
    assert len(set(whole.metadata["random_stream"])) == whole.num_histories
    # A reward is paid where the goal is: no history was collected on another task than it says.
    for index, task_id in enumerate(whole.metadata["task_id"]):
        history = whole.history(index)
        paid = history["next_observation"][history["reward"] > 0]
        assert (paid == divmod(task_id, 5)).all()


def test_every_kth_episode_is_kept(tmp_path, whole):
    full = collect(make_plan(keep_every=1), tmp_path / "histories")
    assert set(full.lengths) == {120}
    assert set(whole.lengths) == {30}
    for index in (0, 17, 119):
        for name, values in full.history(index).items():
            episodes = values.reshape(12, 10, *values.shape[1:])[::5]
            np.testing.assert_array_equal(
                whole.history(index)[name], episodes.reshape(30, *values.shape[1:])
            )


@pytest.mark.faults
def test_killed_collection_equals_uninterrupted_one(
    memory_folder, whole, fault_trials, count_faults
):
    settings = {"block_histories": 1, "threads": 2}
    uninterrupted = collect(make_plan(**settings), memory_folder / "uninterrupted")

    def check(path, acknowledged, is_finished):
        if not acknowledged and not (path / "manifest.json").exists():
            return
        store = histories.open(path, allow_incomplete=not is_finished)
        assert store.num_histories >= max(acknowledged, default=0)
        store.verify()
        for index in range(store.num_histories):
            np.testing.assert_array_equal(
                store.history(index)["action"], whole.history(index)["action"]
            )
        if is_finished:
            assert_same_files(path, memory_folder / "uninterrupted")
            assert_same_batches(store, uninterrupted)

    kills = KILLS * fault_trials
    worker = Worker(collect_and_acknowledge)
    kill_at_random(worker, memory_folder, (settings,), check, kills=kills, acknowledgements=6,
                   delay=0.005)  # fmt: skip
    count_faults("collecting killed at a random moment", kills)


def test_stopped_collection_goes_on_to_the_same_store(tmp_path, whole):
    path = tmp_path / "histories"
    for blocks in (1, 3, 17):
        stored = []
        with pytest.raises(
            Interrupted, match=rf"after {blocks} of 18 blocks; all of them are kept"
        ):
            collect(
                make_plan(),
                path,
                on_block=lambda done, _, stored=stored: stored.append(done),
                should_stop=lambda blocks=blocks, stored=stored: stored[-1] == blocks,
            )
        assert not histories.open(path, allow_incomplete=True).is_complete
        with pytest.raises(StoreError, match="run the command that collects it again to go on"):
            histories.open(path)
    collect(make_plan(), path)
    assert_same_files(path, whole.path)


def test_stop_at_the_last_block_is_a_finish(tmp_path):
    store = collect(make_plan(), tmp_path / "a", should_stop=lambda: False)
    assert store.is_complete
    plan = make_plan(block_histories=500)
    assert collect(plan, tmp_path / "b", should_stop=lambda: True).is_complete


def test_finished_collection_is_not_collected_again(tmp_path, whole):
    reported = []
    store = collect(make_plan(), whole.path, on_block=lambda *report: reported.append(report))
    assert reported == []
    assert_same_histories(store, whole)


def test_progress_counts_blocks_and_transitions(tmp_path):
    reported = []
    collect(make_plan(), tmp_path / "a", on_block=lambda *report: reported.append(report))
    assert [blocks for blocks, _ in reported] == list(range(1, 19))
    assert sum(transitions for _, transitions in reported) == 120 * 30
    assert reported[-1] == (18, 1 * 30)  # the last block holds what is left over


def test_store_of_another_collection_is_refused(tmp_path):
    collect(make_plan(), tmp_path / "a", description={"seed": 1})
    with pytest.raises(StoreError, match=r"\(description\.seed: 1, asked 2\)"):
        collect(make_plan(), tmp_path / "a", description={"seed": 2})


def test_failure_in_a_thread_reaches_the_caller(tmp_path):
    with pytest.raises(InvalidArgument, match="discount"):
        collect(make_plan(options={"discount": 3.0}), tmp_path / "a")


def test_list_of_task_ids_is_as_good_as_an_array(tmp_path, whole):
    plan = make_plan()
    listed = replace(plan, task_ids=plan.task_ids.tolist())
    assert_same_histories(collect(listed, tmp_path / "histories", progress=False), whole)
    for wrong, message in (([], "at least one"), ([0, 10**6], "must be in"), ([0.5], "integers")):
        with pytest.raises(InvalidArgument, match=message):
            replace(plan, task_ids=wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, r"description\.seed: 4, asked 5"),
        ({"keep_every": 4}, r"description\.keep_every: 5, asked 4"),
        (
            {"options": {"discount": 0.5}},
            r"description\.source: .*discount=0\.95.*asked .*discount=0\.5,",
        ),
        ({"block_histories": 8}, r"description\.block_histories: 7, asked 8"),
    ],
)
def test_another_plan_is_no_continuation(tmp_path, change, message):
    path = tmp_path / "histories"
    with pytest.raises(Interrupted):
        collect(make_plan(), path, should_stop=lambda: True, progress=False)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(StoreError, match=message):
        collect(make_plan(**change), path, progress=False)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"histories_per_task": 2 * 10**9},
            r"histories_per_task makes 6,000,000,000 histories of 3 tasks, up to .* GiB in "
            r"12,000,000 blocks, of which there may be 1,000,000; lower it",
        ),
        (
            {"episodes": 2**31 - 1},
            "block_histories x 42,949,672,940 transitions of a history take .* GiB for a block",
        ),
        (
            {"histories_per_task": 10**9, "block_histories": 2 * 10**9, "episodes": 1},
            "block_histories x 20 transitions of a history take",
        ),
    ],
)
def test_collection_beyond_all_memory_is_refused_with_its_bytes(settings, message):
    config = CollectionConfig(**settings)
    with pytest.raises(InvalidArgument, match=message):
        CollectionPlan(tasks.make("dark-room"), [0, 1, 2], config, 0)


def test_more_histories_than_random_streams_are_refused():
    class Endless(Walk):
        num_tasks: ClassVar[int] = 2**40

    config = CollectionConfig(histories_per_task=10**8, block_histories=10**4)
    with pytest.raises(InvalidArgument, match=r"at most 8,388,608 for 1,099,511,627,776 tasks"):
        CollectionPlan(Endless(), [0], config, 0)


def test_only_histories_that_improve_are_stored(whole, tmp_path):
    improvement = histories.quality(whole).improvement
    least = float(np.median(improvement))
    assert improvement.min() < least
    store = collect(make_plan(min_improvement=least, block_histories=40), tmp_path / "histories")
    kept = np.flatnonzero(improvement >= least)
    np.testing.assert_array_equal(
        store.metadata["random_stream"], whole.metadata["random_stream"][kept]
    )
    for place, index in enumerate(kept):
        np.testing.assert_equal(store.history(place), whole.history(index))
    with pytest.raises(InvalidArgument, match=r"= 11 leaves none of the 7 histories .* raise"):
        collect(make_plan(min_improvement=11.0), tmp_path / "none")


def test_live_ring_keeps_no_history_back():
    with pytest.raises(InvalidArgument, match="min_improvement must be none for a live ring"):
        make_plan(min_improvement=1.0, live=True)
