"""A store collected on a cluster is that of threads, byte for byte, whoever is lost meanwhile."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from unittest import mock

import pytest

from adfast import tasks
from adfast.collection.cluster import blocks, fitness, worker
from adfast.collection.cluster.connection import connect
from adfast.collection.collect import collect
from adfast.collection.config import CollectionConfig
from adfast.collection.plan import CollectionPlan
from adfast.errors import ClusterError, Interrupted, InvalidArgument
from cli.command_line import PROGRAM, adfast
from collection.small_collection import make_plan
from small_run import RECIPE
from two_nodes import LIMIT_SECONDS, TwoNodes, two_nodes

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of one processor each."""
    with two_nodes() as started, mock.patch.dict(os.environ, started.environment):
        yield started


@pytest.fixture(scope="module")
def cluster(nodes: TwoNodes):
    """The connection of this process to them."""
    with connect(nodes.address, timeout_seconds=LIMIT_SECONDS) as joined:
        yield joined


@pytest.fixture
def pulling(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "pull", True)
    return cluster


def assert_same_files(path, expected):
    names = {entry.name for entry in path.iterdir()}
    assert names == {entry.name for entry in expected.iterdir()}
    for name in names:
        assert (path / name).read_bytes() == (expected / name).read_bytes(), name


def wait_for_nodes(cluster, count):
    """Until the cluster has seen who left or came."""
    limit = time.monotonic() + LIMIT_SECONDS
    while len(cluster.nodes) != count:
        assert time.monotonic() < limit
        time.sleep(0.1)


def assert_collects_the_same(cluster, plan, folder, **hooks):
    collect(plan, folder / "here", progress=False)
    collect(plan, folder / "there", progress=False, cluster=cluster, **hooks)
    assert_same_files(folder / "there", folder / "here")


def test_workers_write_the_bytes_of_threads(cluster, tmp_path):
    assert_collects_the_same(cluster, make_plan(min_improvement=0.0, block_histories=40), tmp_path)


def test_pulled_blocks_are_the_bytes_of_threads_and_pass_one_by_one(pulling, tmp_path, monkeypatch):
    taken, plain = [], blocks.take_in

    def take_in(*arguments):
        taken.append(arguments[2])
        return plain(*arguments)

    monkeypatch.setattr(blocks, "take_in", take_in)
    assert_collects_the_same(pulling, make_plan(), tmp_path)
    assert sorted(taken) == list(range(18))


@pytest.mark.thorough  # two nodes compile the maze and its learner
def test_pictures_are_not_drawn_by_who_collects(pulling, tmp_path, monkeypatch):
    maze = tasks.make("water-maze", picture=(24, 32), episode_length=10)
    learner = {"algorithm": "q-lambda", "options": {"reads": "cell"}}
    sizes = {"histories_per_task": 1, "episodes": 4, "block_histories": 3}
    config = CollectionConfig.from_mapping(learner | sizes)
    plan = CollectionPlan(maze, maze.split(5, seed=1).train[:9], config, 4)
    pulled, plain = [], blocks.take_in

    def take_in(*arguments):
        result = plain(*arguments)
        pulled.append(arguments[2])
        return result

    monkeypatch.setattr(blocks, "take_in", take_in)
    assert_collects_the_same(pulling, plan, tmp_path)
    assert sorted(pulled) == [0, 1, 2]
    bytes_kept = sum(entry.stat().st_size for entry in (tmp_path / "there").iterdir())
    frames = 9 * 4 * 10 * 24 * 32 * 3
    assert bytes_kept < frames / 10


@pytest.mark.slow
def test_worker_and_node_lost_half_way(nodes, cluster, tmp_path):
    marker = tmp_path / "died"
    options = {"marker": str(marker), "fatal_stream": 63, "seconds": 0.02}
    plan = make_plan(algorithm="dying_learner:DyingLearner", options=options)
    assert any(63 in plan.block(number)[1] for number in range(plan.num_blocks))
    marker.touch()
    collect(plan, tmp_path / "here", progress=False)
    marker.unlink()

    def on_block(stored, _):
        if stored == 12:
            nodes.lose_node()

    there = tmp_path / "there"
    collect(plan, there, progress=False, cluster=cluster, on_block=on_block)
    assert marker.exists()
    assert_same_files(there, tmp_path / "here")
    wait_for_nodes(cluster, 1)
    nodes.join_node()
    wait_for_nodes(cluster, 2)


@pytest.mark.slow
def test_interrupted_and_killed_drivers_are_gone_on_with(nodes, cluster, tmp_path):
    """By the command line: Ctrl-C, then SIGKILL, then to the end."""
    marker = tmp_path / "died"
    recipe, run = tmp_path / "small.toml", tmp_path / "run"
    recipe.write_text(RECIPE)
    learner = ["algorithm=dying_learner:DyingLearner", "block_histories=1", "threads=none"]
    learner += [f"options={{marker = '{marker}', fatal_stream = 17, seconds = 0.05}}"]
    settings = [text for setting in learner for text in ("--set", f"collection.{setting}")]
    command = ["collect", recipe, "--run", run, *settings, "--cluster", nodes.address]
    way_on = f"to continue: adfast collect {run} --cluster {nodes.address}"
    for sent, shards in ((signal.SIGINT, 3), (signal.SIGKILL, 30)):
        process = subprocess.Popen(
            [*PROGRAM, *map(str, command)], stderr=subprocess.PIPE, text=True
        )
        try:
            limit = time.monotonic() + LIMIT_SECONDS
            while len(list(run.glob("histories/block-*"))) < shards:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < limit
                time.sleep(0.005)
            process.send_signal(sent)
            _, stderr = process.communicate(timeout=LIMIT_SECONDS)
        finally:
            process.kill()
        if sent == signal.SIGINT:
            assert process.returncode == 128 + sent, stderr
            assert "blocks; all of them are kept" in stderr
            assert way_on in stderr
    ended = adfast(*command[:-1], "auto")  # to which this process is connected
    assert ended.status == 0, ended.stderr
    assert marker.exists()
    ended = adfast("collect", recipe, "--run", tmp_path / "here", *settings)
    assert ended.status == 0, ended.stderr
    assert_same_files(run / "histories", tmp_path / "here" / "histories")


def test_nodes_that_cannot_do_the_work_are_named(cluster, tmp_path, monkeypatch):
    """Told otherwise than the driver believes, workers see another folder, or have other code."""
    plain, changes = fitness.require_fitness, {}

    def require_fitness(cluster, work, packed):
        import ray.cloudpickle

        return plain(cluster, work, ray.cloudpickle.dumps(replace(work, **changes)))

    monkeypatch.setattr(blocks, "require_fitness", require_fitness)
    plan = make_plan()
    for change, message in (
        ({"folder": tmp_path / "nowhere"}, r"node 127\.0\.0\.[23] of cluster .* does not see "
         r".*nowhere as this machine does \(No such file .* \(--run\), .* \(--pull\)"),
        ({"code": {"numba": "0.1"}}, r"node 127\.0\.0\.[23] .* must have numba 0\.1, as here, has"),
    ):  # fmt: skip
        changes = change
        with pytest.raises(ClusterError, match=message):
            collect(plan, tmp_path / "store", progress=False, cluster=cluster)
    # A folder of the same name on another disk.
    monkeypatch.setattr(blocks.secrets, "token_hex", lambda _: "token")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / ".question-token.new.tmp").write_text("token")
    changes = {"folder": elsewhere}
    with pytest.raises(ClusterError, match=r"writes into another .* than this machine's; workers"):
        collect(plan, tmp_path / "store", progress=False, cluster=cluster)
    changes = {}
    assert_collects_the_same(cluster, plan, tmp_path)


def test_what_a_worker_raises_is_raised_here(cluster, tmp_path, monkeypatch):
    plan = make_plan(min_improvement=11.0)
    with pytest.raises(InvalidArgument, match=r"= 11 leaves none of the 7 histories"):
        collect(plan, tmp_path / "store", progress=False, cluster=cluster)
    # Of a node that joined later the code is compared with each block.
    monkeypatch.setattr(blocks, "require_fitness", lambda *_: iter(()))
    monkeypatch.setattr(blocks, "code_of", lambda plan: {"adfast": "0.0.1"})
    with pytest.raises(ClusterError, match=r"must have adfast 0\.0\.1, as here, has"):
        collect(make_plan(), tmp_path / "other", progress=False, cluster=cluster)


def test_collection_on_a_cluster_stops_when_asked(cluster, tmp_path):
    stored = []
    with pytest.raises(Interrupted, match=r"after 2 of 18 blocks; all of them are kept"):
        collect(
            make_plan(),
            tmp_path / "store",
            cluster=cluster,
            progress=False,
            on_block=lambda blocks, _: stored.append(blocks),
            should_stop=lambda: stored[-1:] == [2],
        )
    assert_collects_the_same(cluster, make_plan(), tmp_path / "another")


def test_workers_load_no_torch_and_have_one_thread(cluster):
    import ray

    called = worker.called_on_worker("hash_of_package")

    @ray.remote
    def work_and_look():
        return (
            called(),
            [name in sys.modules for name in ("numba", "torch")],
            [os.environ[name] for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")],
        )

    expected = (worker.hash_of_package(), [True, False], ["1", "1"])
    assert ray.get(work_and_look.remote()) == expected


def test_process_that_is_connected_joins_no_other_cluster(cluster, tmp_path):
    with pytest.raises(InvalidArgument, match=r'must be "auto" in a process that is connected'):
        connect("local")
    with connect("auto") as joined:
        assert joined.nodes == cluster.nodes
    assert cluster.num_processors == 2  # what was there before stays
