"""Compiled loops are found in Numba's cache by a later process, and never when they are stale."""

import os
import subprocess
import sys

import pytest

# A family of the user's own: a walk along a line towards its right end.
LINE_WALK = """
from typing import ClassVar

import numpy as np
from numba import int32
from numba.extending import register_jitable

from adfast.tasks.family import TaskFamily
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema


@register_jitable
def walk(state, action):
    return min(int32(state[0] + int32(action) * STRIDE), int32(8))


class LineWalk(TaskFamily):
    name: ClassVar[str] = "line-walk"
    task_size: ClassVar[int] = 1
    state_sizes: ClassVar[tuple[int, ...]] = (9,)
    num_tasks: ClassVar[int] = 2
    episode_length: int = 4

    @property
    def transition_schema(self):
        return TransitionSchema(DiscreteObservation((9,)), 2, self.episode_length)

    @property
    def reset(self):
        return register_jitable(lambda task, episode, key: (int32(0),))

    @property
    def step(self):
        @register_jitable
        def step(task, state, action, key):
            position = walk(state, action)
            return (position,), int32(position == 8), False

        return step

    @property
    def observe(self):
        return register_jitable(lambda task, state: (state[0],))

    def task_parameters(self, task_ids):
        return self.check_task_ids(task_ids).astype(np.int32)[:, None]

    def optimal_return(self, task_ids):
        return np.ones(len(task_ids))
"""

# What a process runs; it prints each loop's cache hits and misses, and where the walk went.
STEP = """
from line_walk import LineWalk
from adfast.simulators import BatchSimulator
from adfast.simulators.step_loops import compile_step_loops

family = LineWalk()
simulator = BatchSimulator(family, [0, 1])
simulator.reset()
print([simulator.step([1, 0]).final_observation.ravel().tolist() for _ in range(4)])
for loop in compile_step_loops(family):
    print(sum(loop.stats.cache_hits.values()), sum(loop.stats.cache_misses.values()))
"""
LEARN = """
from adfast import source_algorithms
from adfast.source_algorithms.loops.history_loop import compile_history_loop

learner = source_algorithms.make("q-learning")
learner.returns(family, [0], [0], 1, 0)
loop = compile_history_loop(family, type(learner).rules, learner.reads, labelled=False).run
print(sum(loop.stats.cache_hits.values()), sum(loop.stats.cache_misses.values()))
"""


@pytest.fixture
def run_process(tmp_path):
    """Runs a script in a new process on `LINE_WALK` of a stride; returns the lines it printed."""

    def run(script, stride, hash_seed):
        (tmp_path / "line_walk.py").write_text(LINE_WALK.replace("STRIDE", str(stride)))
        environment = {
            **os.environ,
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.splitlines()

    return run


def test_second_process_hits_the_cache_and_an_edited_family_misses_it(run_process):
    compiled, loaded = "0 1", "1 0"  # hits and misses
    walked = "[[1, 0], [2, 0], [3, 0], [4, 0]]"
    first = run_process(STEP + LEARN, stride=1, hash_seed=0)
    assert first == [walked, compiled, compiled, compiled]
    second = run_process(STEP + LEARN, stride=1, hash_seed=1)
    assert second == [walked, loaded, loaded, loaded]
    edited = run_process(STEP, stride=2, hash_seed=0)
    assert edited == ["[[2, 0], [4, 0], [6, 0], [8, 0]]", compiled, compiled]
