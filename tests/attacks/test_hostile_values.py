"""Hostile values at every public face are refused in words or do what is right: a short form.

`make values` goes on for a hundred thousand calls; what it found is among the tests below, and in
those of the modules.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adfast import PUBLIC, histories, source_algorithms, tasks
from adfast.attention import attention
from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Agent
from adfast.histories import FieldSchema, RingBuffer
from adfast.models.transformer import Transformer
from adfast.simulators.gymnasium_env import FamilyEnv, FamilyVectorEnv
from adfast.tasks.fields import Field
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.train import train
from attacks.campaign import FACES, Campaign
from attacks.face import Face, Finding, attempt
from evaluation.acting import ROOM, random_model

CALLS = 700


def test_hostile_values_are_refused_in_words_or_do_what_is_right():
    campaign = Campaign(FACES)
    campaign.attack(CALLS)
    assert campaign.findings == {}
    assert sum(campaign.counts.values()) == CALLS
    accepted = sum(
        count for (_, verdict), count in campaign.counts.items() if verdict == "accepted"
    )
    assert 0.1 < accepted / CALLS < 0.6  # the attack reaches what lies behind the first check


def test_every_public_name_is_attacked():
    attacked = " ".join(face.name for face in FACES)
    # Files, runs, plans and families; classes to derive from; values that come out.
    beside = {"BatchSimulator", "load", "collect", "check_family", "AgentMaker", "InContextAgent"}
    beside |= {"FamilyFacts", "compare"}
    missing = [name for name in PUBLIC if name not in attacked and name not in beside]
    assert missing == []


class Careless:
    """Keeps whatever it is given, and half of it before it looks."""

    def __init__(self):
        self.kept = []

    def keep(self, values):
        self.kept.append(1)
        if np.ndim(values) != 1:
            raise InvalidArgument("values must be a list")
        return np.asarray(values).astype(np.uint8)


CARELESS = Face(
    "careless",
    subject=Careless,
    arguments=lambda _, rng: {"values": rng.integers(0, 9, 3)},
    call=lambda careless, a: careless.keep(a["values"]),
    check=lambda _, a, kept: kept.tolist() == list(a["values"]),
    state=lambda careless: careless.kept,
)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([300, 1], "accepted, then OverflowError|accepted what it does not do|OverflowError"),
        (np.array([300, 1]), "accepted what it does not do"),
        (5, "was refused, but changed something"),
        (["a"], "ValueError"),
    ],
)
def test_instrument_finds_what_is_careless(values, message):
    with pytest.raises(Finding, match=message):
        attempt(CARELESS, Careless(), {"values": values})
    campaign = Campaign([replace(CARELESS, fresh_every=3)])
    campaign.attack(50)
    assert campaign.findings


BLOCK = {"x": np.zeros((1, 2), np.uint8)}
CELLS = DiscreteObservation((4,))
PLAIN = FieldSchema({"x": Field(np.dtype(np.uint8))})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Transformer(random_model(ROOM).config, "text", 0), "schema must be a Transition"),
        (lambda: Transformer({}, ROOM.transition_schema, 0), "config must be a ModelConfig, got"),
        (lambda: Transformer(random_model(ROOM).config, ROOM.transition_schema, "1"), "seed must"),
        (lambda: tasks.make(np.zeros(2)), "task family must be a name, got ndarray"),
        (lambda: tasks.make("dark-room", size="x" * 5000), r"dark-room: size must .* \(5002 char"),
        (lambda: source_algorithms.make(5), "source algorithm must be a name, got 5"),
        (lambda: FamilyVectorEnv(2, family=True), "task family must be a name, got True"),
        (lambda: FamilyVectorEnv(2.0), "num_envs must be an integer in 1"),
        (lambda: FamilyEnv().reset(seed=-1), "seed must be an integer in 0"),
        (lambda: FamilyVectorEnv(2).reset(seed=2**64 - 1), "seed must be an integer in 0"),
        (lambda: FamilyVectorEnv(2).reset(seed=[1, 2.5]), "seed must be an integer in 0"),
        (lambda: attention("q", None, None), "q must be a tensor, got 'q'"),
        (lambda: train(0, "x"), "histories must be a store or a ring"),
        (lambda: train(histories.from_arrays(PLAIN, BLOCK, [2]), 0.5), "directory must be a path"),
        (lambda: Agent(random_model(ROOM), device=10**5000), 'device must be "auto", "cpu" or'),
        (lambda: histories.open("x" * 5000), r"path must be a path, got .* \(5002 characters\)"),
        (lambda: histories.open("a\0b"), "path must be a path, got"),
        (lambda: histories.from_arrays(PLAIN, BLOCK, [2], np.ones(2)), "metadata must be names"),
        (lambda: histories.from_arrays(PLAIN, BLOCK, [2], {"a": {1: 2}}), "keys must be strings"),
        (lambda: histories.from_arrays(PLAIN, BLOCK, [2.0]), "lengths must be integers"),
        (lambda: RingBuffer(PLAIN, 1, 2**60), "capacity of .* takes .* GiB, which this machine"),
        (lambda: RingBuffer(PLAIN, 3, 9).append_block([1.5], BLOCK), "lanes must be integers"),
        (lambda: DiscreteObservation(np.array(np.nan)), "sizes of .* must be integers"),
        (lambda: DiscreteObservation((4.5,)), "sizes of .* must be an integer"),
        (lambda: TransitionSchema((4,), 3, 5), "observation must be an ObservationSpec"),
        (lambda: TransitionSchema(CELLS, True, 5), "num_actions must be an integer in 1"),
    ],
)
def test_what_was_found_is_refused_in_words(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()


def test_read_only_arrays_are_as_good_as_others():
    agent = Agent(random_model(ROOM), 2)
    observation, mask = np.ones((2, 2), np.int64), np.ones(2, bool)
    observation.flags.writeable = mask.flags.writeable = False
    agent.act(observation)
    agent.reset(mask)


def test_numbers_of_numpy_are_metadata():
    metadata = {"task_id": np.int64(3), "rates": (np.float32(0.5), np.array(2))}
    store = histories.from_arrays(PLAIN, BLOCK, [2], metadata)
    assert store.blocks[0].metadata == {"task_id": 3, "rates": [0.5, 2]}
