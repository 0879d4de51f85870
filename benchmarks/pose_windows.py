"""Contest of windows of the water maze: poses on disk, sampled and drawn as training does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.clocks import processor_time
from benchmarks.contest import Contest, require_equal
from benchmarks.engine import (
    BatchSource,
    TrainingConfig,
    collect,
    find_recipe,
    load_recipe,
    make_family,
    make_plan,
    shown_batches,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender


@contextmanager
def sample(
    picture: tuple[int, int],
    histories_per_task: int,
    episodes: int,
    batch_size: int,
    context_length: int,
) -> Iterator[Contest]:
    """A batch of windows with its frames, by plain calls, in memory that is used again.

    The histories are learned first, of a thousand platforms, and stand on disk; the notes of a
    record say what they take there. So are windows drawn where a model trains on the processor, and
    ahead of a device by a pool of threads. Into new arrays the same frames wait for the system's
    pages; at best one array is drawn into again and again. All is timed by the processor, of all
    threads.
    """
    settings = {
        "family.options.picture": list(picture),
        "family.options.terminate_at_goal": False,
        "collection.histories_per_task": histories_per_task,
        "collection.episodes": episodes,
        "collection.validation": 25,  # beside 16 held out: a thousand tasks are left
    }
    recipe = load_recipe(find_recipe("water-maze"), settings)
    plan = make_plan(recipe, make_family(recipe))
    config = TrainingConfig(batch_size=batch_size, context_length=context_length)
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="adfast-bench-")))
        store = collect(plan, folder / "histories", progress=False)
        observation, batches = store.schema.observation, BatchSource(store, config, seed=0)
        ahead = resources.enter_context(shown_batches(batches, observation))
        resources.enter_context(one_torch_thread())
        numbers, frames = count(), batch_size * context_length
        one = np.empty((frames, *observation.read.shape), np.uint8)
        drawn = batches(0)["observation"].numpy().reshape(frames, -1)

        def windows(update: int) -> np.ndarray:
            return observation.as_shown(batches(update)["observation"].numpy())

        def into_new(update: int) -> np.ndarray:
            poses = batches(update)["observation"].numpy()
            out = np.empty((*poses.shape[:-1], *observation.read.shape), np.uint8)
            return observation.as_shown(poses, out)

        def check() -> None:
            for update in (0, 1):
                subject = windows(update)
                require_equal("drawn ahead", subject, ahead(update)["observation"].numpy())
                require_equal("in new arrays", subject, into_new(update))
            require_equal("in one array", windows(0).reshape(one.shape), draw_again())

        def draw_again() -> np.ndarray:
            return observation.scene.render(drawn, one)

        yield Contest(
            Contender("BatchSource and as_shown", lambda: windows(next(numbers)), frames),
            (
                Contender("shown_batches", lambda: ahead(next(numbers)), frames),
                Contender("new arrays", lambda: into_new(next(numbers)), frames),
            ),
            check,
            Contender("drawing alone", draw_again, frames),
            clock=processor_time,
            notes={
                "histories": store.num_histories,
                "transitions": store.num_transitions,
                "disk_bytes": sum(f.stat().st_size for f in (folder / "histories").iterdir()),
            },
        )
