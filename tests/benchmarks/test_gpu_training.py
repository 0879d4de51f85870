"""The command that measures a card goes through all of its work, and judges what it finds."""

import json

import numpy as np
import pytest

from adfast import tasks
from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from benchmarks import gpu_training
from benchmarks.evaluation import EnvironmentLoop
from benchmarks.gpu_measurements import Figure
from benchmarks.rivals.recomputing_agent import RecomputingAgent
from benchmarks.rivals.recomputing_device_agent import RecomputingDeviceAgent
from benchmarks.training import fill_randomly


def test_command_goes_through_every_measurement(tmp_path, capsys):
    record = tmp_path / "record.json"
    assert gpu_training.main(["--small", "--record", str(record)]) == 0
    written = json.loads(record.read_text())
    assert written["provenance"]["device"] == "cpu"
    names = [figure["name"] for figure in written["figures"]]
    assert [name.split()[0].rstrip(",") for name in names] == [
        "training",
        "training",
        "streaming",
        "streaming",
        "acting",
        "one",
        "step",
        "step",
        "recall",
    ]
    assert all(figure["value"] >= 0 for figure in written["figures"])
    assert "receptive field" in capsys.readouterr().out


def test_full_sizes_need_a_card():
    with pytest.raises(InvalidArgument, match='device = "cuda" needs a CUDA device'):
        gpu_training.main([])


def test_bars_are_judged_from_either_side():
    assert Figure("a", 5.0, "x", "1", at_least=4).verdict == "meets >= 4"
    assert Figure("a", 3.0, "x", "1", at_least=4).verdict == "MISSES >= 4"
    assert Figure("a", 5.0, "s", "1", at_most=4).verdict == "MISSES <= 4"
    assert Figure("a", 5.0, "s", "1").verdict == ""


def test_rival_on_a_device_acts_as_the_recomputing_agent():
    family = tasks.make("dark-room")
    model = Transformer(ModelConfig(attention_window=10), family.transition_schema, seed=0)
    fill_randomly(model)
    ids = np.arange(6)
    loops = [
        EnvironmentLoop(kind(model, 6, 8).act, BatchSimulator(family, ids))
        for kind in (RecomputingAgent, RecomputingDeviceAgent)
    ]
    for _ in range(30):  # the histories are moved twice
        for loop in loops:
            loop()
        for ours, theirs in zip(*(loop.returned for loop in loops), strict=True):
            np.testing.assert_array_equal(ours, theirs)
