"""A program that records, forks children which end in every way, and records on.

    python forked_recordings.py FOLDER

It prints, as JSON, the episode steps that the store of each way then holds. Run as a process of its
own: only an interpreter's own end flushes and finalises what it inherited.
"""

from __future__ import annotations

import atexit
import gc
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import SyncVectorEnv

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument

STEPS_BEFORE, STEPS_AFTER = 5, 3


class Counting(gymnasium.Env):
    """Observes how many steps it took."""

    observation_space, action_space = Discrete(20), Discrete(2)
    max_episode_steps = 20

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.steps, {}

    def step(self, action):
        self.steps += 1
        return self.steps, 0.0, False, False, {}


class Recorded:
    """One environment, or a vector of two, that is recorded."""

    def __init__(self, path: Path, is_vector: bool) -> None:
        self.recorder = Recorder(path)
        self.environment = self.recorder.wrap(
            SyncVectorEnv([Counting] * 2) if is_vector else Counting()
        )
        self.action = np.zeros(2, int) if is_vector else 0
        self.environment.reset(seed=0)

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.environment.step(self.action)


def refused(call) -> None:
    """Make a call that a child may not make."""
    try:
        call()
    except InvalidArgument as error:
        if "forked children have no part" in str(error):
            return
        raise
    raise AssertionError("a child had a part in the recording")


def use(recorded: Recorded) -> None:
    refused(recorded.step)
    refused(recorded.environment.reset)
    refused(lambda: recorded.recorder.wrap(Counting()))


def fail(recorded: Recorded) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the traceback is nobody's concern
    raise ZeroDivisionError


def forget(recorded: Recorded) -> None:
    vars(recorded).clear()
    gc.collect()


def close_at_exit(recorded: Recorded) -> None:
    atexit.register(recorded.recorder.close)


def leave_block(recorded: Recorded) -> None:
    with recorded.recorder:
        sys.exit(0)


IN_CHILD = {
    "exit": lambda recorded: sys.exit(0),
    "os._exit": lambda recorded: os._exit(0),
    "exception": fail,
    "killed": lambda recorded: os.kill(os.getpid(), signal.SIGKILL),
    "use": use,
    "close": lambda recorded: recorded.recorder.close(),
    "close environment": lambda recorded: recorded.environment.close(),
    "close at exit": close_at_exit,
    "leave block": leave_block,
    "forget": forget,
}


def fork(recorded: Recorded, child) -> int:
    """The exit status of a child that calls `child`, and ends as an interpreter does."""
    number = os.fork()
    if number == 0:
        child(recorded)
        sys.exit(0)
    return os.waitpid(number, 0)[1]


def episode_steps(path: Path) -> list[list[int]]:
    store = histories.open(path)
    store.verify()
    return [store.history(i)["episode_step"].tolist() for i in range(store.num_histories)]


def record(path: Path, is_vector: bool, meanwhile) -> list[list[int]]:
    """What the store holds of 8 steps; `meanwhile` happens after 5 of them."""
    recorded = Recorded(path, is_vector)
    recorded.step(STEPS_BEFORE)
    meanwhile(recorded)
    recorded.step(STEPS_AFTER)
    recorded.recorder.close()
    return episode_steps(path)


def fork_by_multiprocessing(recorded: Recorded) -> None:
    process = multiprocessing.get_context("fork").Process(target=use, args=(recorded,))
    process.start()
    process.join()
    assert process.exitcode == 0


def outlive(path: Path) -> list[list[int]]:
    """A child that goes on does not keep the store locked, nor lock others out of a new one."""
    recorded = Recorded(path, is_vector=False)
    recorded.step(STEPS_BEFORE)
    child = os.fork()
    if child == 0:
        time.sleep(600)
    recorded.step(STEPS_AFTER)
    recorded.recorder.close()
    Recorder(path).close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return episode_steps(path)


def main(folder: Path) -> None:
    held = {}
    for is_vector in (False, True):
        kind = "vector" if is_vector else "single"
        for way, child in IN_CHILD.items():

            def meanwhile(recorded, child=child, way=way):
                status = fork(recorded, child)
                assert (status == 0) == (way not in ("exception", "killed")), (way, status)

            held[f"{kind}, {way}"] = record(folder / kind / way, is_vector, meanwhile)
        path = folder / kind / "multiprocessing"
        held[f"{kind}, multiprocessing"] = record(path, is_vector, fork_by_multiprocessing)
    held["outlives"] = outlive(folder / "outlives")
    print(json.dumps(held))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
