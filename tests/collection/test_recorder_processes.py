"""Whatever other processes and threads do, the transitions stored are the steps taken."""

import gc
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from adfast import histories
from adfast.collection.recorder import Recorder
from adfast.errors import InvalidArgument
from collection import forked_recordings
from collection.traced_environment import LONGEST, Made, TracedEnv, assert_history_is_trace
from killed_process import TESTS


def run_program(*arguments):
    """What a Python program prints, which is warned of nothing but forks beside threads."""
    path = os.pathsep.join([TESTS, *sys.path])
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_forked_child_has_no_part_however_it_ends(tmp_path):
    stored = json.loads(run_program(forked_recordings.__file__, tmp_path))
    steps = list(range(forked_recordings.STEPS_BEFORE + forked_recordings.STEPS_AFTER))
    assert len(stored) == 2 * (len(forked_recordings.IN_CHILD) + 1) + 1
    for way, held in stored.items():
        assert held == [steps] * (2 if way.startswith("vector") else 1), way


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_what_is_recorded_cannot_be_sent_to_another_process(tmp_path, method):
    traced = TracedEnv()
    with Recorder(tmp_path) as recorder:
        environment = recorder.wrap(traced)
        environment.reset()
        environment.step(1)
        if method != "fork":  # which copies, and is told when it uses the copy
            for sent in (recorder, environment):
                process = multiprocessing.get_context(method).Process(target=id, args=(sent,))
                with pytest.raises(InvalidArgument, match="cannot be copied or sent to another"):
                    process.start()
        environment.step(2)
    assert len(histories.open(tmp_path).history(0)["action"]) == len(traced.trace) == 2


@pytest.mark.parametrize(
    ("method", "mode"),
    [
        ("fork", "NextStep"),
        pytest.param("forkserver", "NextStep", marks=pytest.mark.thorough),
        ("spawn", "SameStep"),
    ],
)
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # a fork beside threads
def test_workers_of_every_start_method_are_recorded_from_outside(tmp_path, method, mode):
    made = [Made(seed) for seed in range(2)]
    held = []
    for name, vector in (
        ("there", AsyncVectorEnv(made, context=method, autoreset_mode=mode)),
        ("here", SyncVectorEnv(made, autoreset_mode=mode)),
    ):
        with Recorder(tmp_path / name) as recorder:
            environment = recorder.wrap(vector)
            environment.reset(seed=3)
            for actions in np.random.default_rng(0).integers(1, 4, size=(40, 2)):
                environment.step(actions)
            environment.close()
        store = histories.open(tmp_path / name)
        held.append([store.history(index) for index in range(2)])
    np.testing.assert_equal(*held)


def test_threads_record_side_by_side(tmp_path):
    traced = [TracedEnv(seed=seed) for seed in range(8)]
    recorder = Recorder(tmp_path, episode_length=LONGEST)
    barrier = threading.Barrier(len(traced))

    def record(number):
        barrier.wait()
        environment = recorder.wrap(traced[number], number=number)
        environment.reset()
        for _ in range(60):
            if any(environment.step(1)[2:4]):
                environment.reset()
        if number % 2:
            environment.close()

    with ThreadPoolExecutor(len(traced)) as threads:
        list(threads.map(record, range(len(traced))))
    recorder.close()
    store = histories.open(tmp_path)
    assert sorted(store.metadata["recording"].tolist()) == list(range(len(traced)))
    for index, number in enumerate(store.metadata["number"]):
        assert_history_is_trace(store.history(index), traced[number])


def test_recorder_closed_by_another_thread_keeps_the_steps_that_returned(tmp_path):
    traced = TracedEnv()
    recorder = Recorder(tmp_path)
    environment = recorder.wrap(traced)
    environment.reset()
    closing = threading.Thread(target=recorder.close)
    returned = []

    def step_on():
        while True:
            is_over = any(environment.step(1)[2:4])
            returned.append(is_over)
            if len(returned) == 50:
                closing.start()
            if is_over:
                environment.reset()

    with pytest.raises(InvalidArgument, match="the recording has ended"):
        step_on()
    closing.join()
    del traced.trace[len(returned) :]
    assert_history_is_trace(histories.open(tmp_path).history(0), traced)


NOT_CLOSED = """
import sys
from adfast.collection.recorder import Recorder
from collection.traced_environment import TracedEnv
recorder = Recorder(sys.argv[1])
environment = recorder.wrap(TracedEnv(seed=3))
environment.reset()
for _ in range(2):
    environment.step(1)
"""


def test_recorder_that_is_not_closed_is_closed_when_the_interpreter_exits(tmp_path):
    run_program("-c", NOT_CLOSED, tmp_path)
    store = histories.open(tmp_path)
    assert store.num_transitions == 2
    assert store.metadata["is_interrupted"].tolist() == [False]


def test_forgotten_recorder_keeps_no_lock(tmp_path):
    recorder = Recorder(tmp_path)
    environment = recorder.wrap(TracedEnv(seed=3))
    environment.reset()
    while not any(environment.step(1)[2:4]):
        pass
    del recorder, environment
    gc.collect()
    with Recorder(tmp_path):
        pass
    assert histories.open(tmp_path).metadata["is_interrupted"].tolist() == [True]
