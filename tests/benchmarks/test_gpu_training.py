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
from benchmarks.card_figures import Figure
from benchmarks.evaluation import EnvironmentLoop
from benchmarks.rivals.recomputing_agent import RecomputingAgent
from benchmarks.rivals.recomputing_device_agent import RecomputingDeviceAgent
from benchmarks.training import fill_randomly


def test_command_goes_through_every_measurement(tmp_path, capsys):
    path = tmp_path / "record.json"
    assert gpu_training.main(["--small", "--record", str(path)]) == 0
    written = json.loads(path.read_text())
    assert written["provenance"]["device"] == "cpu"
    assert [measurement["name"] for measurement in written["measurements"]] == [
        "cuda-training-step-4096",
        "cuda-training-sequence-causal",
        "cuda-training-sequence-window-256",
        "cuda-streaming-evaluation-4096",
        "cuda-fused-layers-16",
    ]
    assert {measurement["arguments"]["device"] for measurement in written["measurements"]} == {
        "cpu"
    }
    assert [figure["name"].split()[0] for figure in written["figures"]] == ["recall"]
    printed = capsys.readouterr().out
    assert "cuda-training-step-4096" in printed
    assert "worst eighth" in printed


def test_full_sizes_need_a_card():
    with pytest.raises(InvalidArgument, match='device = "cuda" needs a CUDA device'):
        gpu_training.main([])


def test_bars_are_judged_from_either_side():
    assert Figure("a", 5.0, "x", at_least=4).verdict == ">= 4: met"
    assert Figure("a", 3.0, "x", at_least=4).verdict == ">= 4: missed"
    assert Figure("a", 5.0, "s", at_most=4).verdict == "<= 4: missed"
    assert Figure("a", 5.0, "s").verdict == ""


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
