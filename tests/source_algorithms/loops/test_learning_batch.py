"""What learners without a compiled loop write is what the compiled loop writes."""

from typing import ClassVar

import numpy as np
import pytest

from adfast import CollectionConfig, CollectionPlan, source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.random_streams import BEHAVIOUR
from adfast.source_algorithms.loops.learning_batch import LearningBatch
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from reference import random_streams as twin

EPISODES = 12
FAMILIES = {
    "fixed length": tasks.make("dark-room", size=5, episode_length=7),
    "ends early": tasks.make("dark-room", size=4, terminate_at_goal=True, start="random"),
    "random steps": tasks.make("frozen-lake"),
}


def whole_histories(family):
    """Histories of Q-learning, one of each of six tasks, with the arguments of `learn`."""
    ids = np.arange(6)
    arguments = (family, ids % family.num_tasks, ids + 3, EPISODES, 2)
    out = family.transition_schema.allocate(len(ids), EPISODES * family.episode_length)
    algorithm = source_algorithms.make("q-learning")
    return arguments, out, algorithm.learn(*arguments, out), algorithm.returns(*arguments)


class Replay(SourceAlgorithm):
    """Does again what stands in `written`."""

    name: ClassVar[str] = "replay"
    written: ClassVar[dict[str, np.ndarray]] = {}

    def histories(self, *arguments):
        batch, t = LearningBatch(*arguments), 0
        while not batch.is_over:
            np.testing.assert_array_equal(
                batch.observation[batch.is_learning],
                self.written["observation"][batch.is_learning, t],
            )
            action = self.written["action"][:, t]
            batch.step(np.where(batch.is_learning, action, 0))
            t += 1
        return batch.lengths, batch.returns


@pytest.mark.parametrize("keep_every", [1, 3])
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_same_actions_are_the_same_bytes(family, keep_every, monkeypatch):
    arguments, written, _, returns = whole_histories(family)
    monkeypatch.setattr(Replay, "written", written)
    expected, found = (family.transition_schema.allocate(6, 1300) for _ in range(2))
    for array in (*expected.values(), *found.values()):
        array.fill(77)
    algorithm = source_algorithms.make("q-learning")
    lengths = algorithm.learn(*arguments, expected, keep_every=keep_every)
    np.testing.assert_array_equal(Replay().learn(*arguments, found, keep_every=keep_every), lengths)
    np.testing.assert_array_equal(Replay().returns(*arguments), returns)
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes(), name


def test_a_draw_is_a_function_of_stream_and_step():
    family = FAMILIES["ends early"]
    batch = LearningBatch(family, np.array([0, 1]), np.array([5, 9]), 30, 4, {}, 0)
    for _ in range(40):
        for n, stream in enumerate((5, 9)):
            offset, mask = twin.stream_key(4, BEHAVIOUR, stream)
            clock = int(batch.episode[n]) * family.episode_length + int(batch.episode_step[n])
            key = twin.step_key(offset, mask, clock)
            assert batch.draw()[n] == twin.uniform(twin.subkey(key, 0))
            assert batch.draw(3)[n] == twin.uniform(twin.subkey(key, 3))
        batch.step(np.array([1, 3]))
    assert batch.episode.max() > 0


class Restricted(Replay):
    """Learns one family alone, in one thread, and needs room."""

    name: ClassVar[str] = "restricted"
    is_threadable: ClassVar[bool] = False

    def check(self, family):
        if family.name != "dark-room":
            raise InvalidArgument(f"restricted learns dark-room alone, got {family.name}")

    def memory_bytes(self, family):
        return 2**60


def test_a_family_that_cannot_be_learned_is_refused_before_anything_is_simulated():
    family = FAMILIES["random steps"]
    message = "restricted learns dark-room alone, got frozen-lake"
    with pytest.raises(InvalidArgument, match=message):
        Restricted().returns(family, [0], [0], 1, 0)
    with pytest.raises(InvalidArgument, match=message):
        Restricted().learn(family, [0], [0], 1, 0, family.transition_schema.allocate(1, 1000))


def test_a_learner_says_whether_several_threads_may_run_it():
    def threads(asked):
        config = CollectionConfig(algorithm=f"{__name__}:Restricted", threads=asked)
        return CollectionPlan(FAMILIES["fixed length"], [0], config, 0).num_threads

    assert threads(None) == threads(1) == 1
    with pytest.raises(InvalidArgument, match=r"threads must be 1 for restricted, .* got 2"):
        threads(2)
