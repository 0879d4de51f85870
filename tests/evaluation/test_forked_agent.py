"""A forked process, in which torch would wait for threads that are not there, says so."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
import numpy as np, torch
from adfast.errors import InvalidArgument
from adfast.evaluation.agent import Agent
from evaluation.acting import ROOM, random_model

threads, in_child = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
agent = Agent(random_model(ROOM), 2)
agent.act(np.zeros((2, 2), int))
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


@pytest.mark.parametrize(
    ("threads", "in_child", "said"),
    [
        (2, 2, "torch.get_num_threads() must be 1 in a forked process, got 2"),
        (2, 1, "acted"),
        (1, 2, "acted"),
        (1, 1, "acted"),
    ],
)
def test_forked_child_acts_or_says_why_not(threads, in_child, said):
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(threads), str(in_child)],
        env=path,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert done.stdout.startswith(said)
