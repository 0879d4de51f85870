"""Collection on two workers of a local Ray cluster against one, and against threads.

`python -m benchmarks.ray_collection`: median of three rounds, one, two, one, two; the start of
clusters and workers is excluded, reading, writing and syncing shards is not. Exits with status 1
where two workers are not `BAR` times as fast as one, or a byte differs. On a quiet machine of two
or more cores only: workers yield to everything else that runs (Ray gives them a niceness of 15).
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import xxhash

from adfast import CollectionConfig, CollectionPlan, collect, tasks
from adfast.collection.cluster.connection import Cluster, connect
from adfast.collection.cluster.worker import called_on_worker

BAR = 1.7
ROUNDS = 3
EPISODES, KEPT = 4000, 40  # a transition of 40 is stored: simulators are measured, not the disk
HISTORIES = {"warm-up": 1, "measured": 60}  # of each task


def make_plan(histories_per_task: int) -> CollectionPlan:
    """Q-learning on the training tasks of Dark Room, in 57 blocks."""
    family = tasks.make("dark-room")
    config = CollectionConfig(
        histories_per_task=histories_per_task,
        episodes=EPISODES,
        keep_every=KEPT,
        block_histories=histories_per_task,
        threads=2,
    )
    return CollectionPlan(family, family.split(16, 0, 8).train, config, 0)


def measure(workers: int | None) -> tuple[float, str]:
    """Seconds of the collection by so many workers, or by two threads, and a hash of its files."""
    joined = nullcontext() if workers is None else connect("local", processors=workers)
    with joined as cluster, tempfile.TemporaryDirectory() as folder:
        if cluster is not None:
            begin_workers(cluster, workers or 1)
        seconds = {}
        for name, histories in HISTORIES.items():
            started = time.perf_counter()
            collect(make_plan(histories), Path(folder) / name, cluster=cluster, progress=False)
            seconds[name] = time.perf_counter() - started
        digest = xxhash.xxh3_64()
        for path in sorted(Path(folder, "measured").iterdir()):
            digest.update(path.read_bytes())
        return seconds["measured"], digest.hexdigest()


def begin_workers(cluster: Cluster, workers: int) -> None:
    """Wait until each worker has imported what it needs."""
    import ray

    called = called_on_worker("hash_of_package")

    def begin() -> int:
        import os

        called()
        time.sleep(3)  # so that none begins twice
        return os.getpid()

    begun: set[int] = set()
    while len(begun) < workers:
        task = ray.remote(num_cpus=1)(begin)
        begun = set(ray.get([task.remote() for _ in range(workers)]))


def main() -> int:
    """Measure, print, and judge."""
    computed = make_plan(HISTORIES["measured"]).num_histories * EPISODES * 20
    seconds: dict[int | None, list[float]] = {1: [], 2: [], None: []}
    digests = set()
    for _ in range(ROUNDS):
        for workers, measured in seconds.items():
            took, digest = measure(workers)
            measured.append(took)
            digests.add(digest)
    for workers, measured in seconds.items():
        name = "two threads" if workers is None else f"{workers} workers"
        each = ", ".join(f"{one:.2f}" for one in measured)
        rate = computed / median(measured) / 1e6
        print(f"{name:<12} {each} s; {rate:.1f} M simulated transitions/s")
    ratio = median(seconds[1]) / median(seconds[2])
    print(f"two workers are {ratio:.2f}x one (bar {BAR}); stores alike: {len(digests) == 1}")
    return 0 if ratio >= BAR and len(digests) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
