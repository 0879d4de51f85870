"""Labels say what the learner held right, and change nothing else of its histories."""

from typing import ClassVar

import numpy as np
import pytest
from numba import uint64
from numba.extending import register_jitable

from adfast import source_algorithms, tasks
from adfast.errors import InvalidArgument
from adfast.source_algorithms.informed.expert import Optimal
from adfast.source_algorithms.loops.history_loop import LearningRules
from adfast.source_algorithms.loops.learning_batch import LearningBatch
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from reference.dark_room import VARIANTS, DarkRoomReference
from reference.expert import best_actions
from source_algorithms.labelled import labelled_histories

EPISODES = 12
TASKS, STREAMS = np.array([3, 24, 24, 12]), np.array([9, 7, 1, 0])


@pytest.fixture(scope="module")
def family():
    return tasks.make("dark-room", **VARIANTS["dark-room"])


@pytest.mark.parametrize("keep_every", [1, 5])
def test_labels_change_no_other_byte(family, keep_every):
    algorithm = source_algorithms.make("annealed-expert")
    labelled, lengths = labelled_histories(
        algorithm, family, TASKS, STREAMS, EPISODES, keep_every=keep_every
    )
    plain = family.transition_schema.allocate(len(TASKS), labelled["action"].shape[1])
    expected = algorithm.learn(family, TASKS, STREAMS, EPISODES, 5, plain, keep_every=keep_every)
    np.testing.assert_array_equal(lengths, expected)
    for h, length in enumerate(lengths):
        for name, values in plain.items():
            np.testing.assert_array_equal(labelled[name][h, :length], values[h, :length])


def test_label_is_what_the_expert_does_where_it_does_not_act_at_random(family):
    optimal, lengths = labelled_histories(Optimal(), family, TASKS, STREAMS, EPISODES)
    for h, length in enumerate(lengths):
        label, action = (optimal[name][h, :length] for name in ("label", "action"))
        np.testing.assert_array_equal(label, action)


def test_label_is_a_best_action_of_the_twin_wherever_noise_has_led(family):
    algorithm = source_algorithms.make("annealed-expert", noise_end=1.0)
    out, lengths = labelled_histories(algorithm, family, TASKS, STREAMS, EPISODES)
    for h, (task_id, stream) in enumerate(zip(TASKS, STREAMS, strict=True)):
        room = DarkRoomReference(
            int(task_id), **VARIANTS["dark-room"], seed=5, random_stream=int(stream)
        )
        actions, labels = (out[name][h, : lengths[h]] for name in ("action", "label"))
        assert (labels != actions).mean() > 0.3
        for t, action in enumerate(actions):
            if out["episode_step"][h, t] == 0:
                room.reset()
            steps_left = family.episode_length - int(out["episode_step"][h, t])
            assert labels[t] in best_actions(room, steps_left)
            room.step(int(action))


def test_order_and_repeated_tasks_change_no_label(family):
    algorithm = source_algorithms.make("annealed-expert")
    whole, _ = labelled_histories(algorithm, family, TASKS, STREAMS, EPISODES)
    for h in range(len(TASKS)):
        alone, _ = labelled_histories(algorithm, family, TASKS[h : h + 1], STREAMS[h : h + 1], 12)
        np.testing.assert_array_equal(alone["label"][0], whole["label"][h])


def test_learner_that_knows_no_right_action_is_refused_labels(family):
    with pytest.raises(InvalidArgument, match=r"q-learning says of no step.*labels=false"):
        labelled_histories(source_algorithms.make("q-learning"), family, TASKS, STREAMS, EPISODES)


def test_label_outside_the_actions_is_named(family):
    class Wrong(Optimal):
        name: ClassVar[str] = "wrong"

        @staticmethod
        def rules(family, num_inputs):
            @register_jitable
            def label(memory, parameters, task, state, seen, episode_step, key):
                return uint64(7)

            rules = Optimal.rules(family, num_inputs)
            return LearningRules(rules.memory_size, rules.begin, rules.choose, label=label)

    with pytest.raises(InvalidArgument, match=r"label of wrong in task 3 .* in 0\.\.4, got 7"):
        labelled_histories(Wrong(), family, TASKS, STREAMS, EPISODES)


class Replay(SourceAlgorithm):
    """Does again what stands in `written`, labels too."""

    name: ClassVar[str] = "replay"
    written: ClassVar[dict[str, np.ndarray]] = {}

    def check_labels(self, family):
        """It has them."""

    def histories(self, *arguments):
        batch, t = LearningBatch(*arguments), 0
        while not batch.is_over:
            action, label = (
                np.where(batch.is_learning, self.written[name][:, t], 0)
                for name in ("action", "label")
            )
            batch.step(action, label)
            t += 1
        return batch.lengths, batch.returns


def test_learners_without_a_compiled_loop_write_the_same_labels(family, monkeypatch):
    algorithm = source_algorithms.make("annealed-expert")
    expected, _ = labelled_histories(algorithm, family, TASKS, STREAMS, EPISODES)
    monkeypatch.setattr(Replay, "written", expected)
    found, _ = labelled_histories(Replay(), family, TASKS, STREAMS, EPISODES)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
