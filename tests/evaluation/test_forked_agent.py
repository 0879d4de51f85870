"""A forked process, in which torch would wait for threads that are not there, says so."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
import numpy as np, torch
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from evaluation.acting import ROOM, random_model

torch.set_num_threads(int(sys.argv[1]))
agent = Agent(random_model(ROOM), 2)
agent.act(np.zeros((2, 2), int))
for in_child in (1, 2):
    child = os.fork()
    if child == 0:
        torch.set_num_threads(in_child)
        agent.reset()
        try:
            agent.act(np.zeros((2, 2), int))
            print("acted", flush=True)
        except InvalidArgument as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
agent.reset()
agent.act(np.zeros((2, 2), int))
"""
REFUSED = "torch.get_num_threads() must be 1 in a forked process, got 2"


@pytest.mark.parametrize(("threads", "said"), [(1, ["acted"] * 2), (2, ["acted", REFUSED])])
def test_forked_child_acts_or_says_why_not(threads, said):
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(threads)],
        env=path,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(words) for line, words in zip(lines, said, strict=True))
