"""The loss by position is the mean log-likelihood of what the source does on held-out tasks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adfast import CollectionConfig, ModelConfig, Transformer, source_algorithms, tasks
from adfast.probes.losses import position_losses as module
from adfast.probes.losses.history_loss import history_loss
from adfast.probes.losses.position_losses import position_edges
from adfast.probes.subject import Subject
from adfast.tasks.task_split import TaskSplit

EPISODES, KEEP_EVERY = 24, 2


def made(**options):
    family = tasks.make("dark-room", size=4, episode_length=5, **options)
    config = ModelConfig(num_layers=1, width=16, feed_forward_width=16, attention_window=7)
    model = Transformer(config, family.transition_schema, seed=0)
    torch.nn.init.normal_(model.head, generator=torch.Generator().manual_seed(0))
    return family, model, source_algorithms.make("q-learning")


def measured(family, model, source, task_ids, **options):
    subject = Subject(
        name="model",
        family=family,
        split=TaskSplit(*np.empty((2, 0), np.int64), held_out=np.array(task_ids)),
        source=source,
        collection=CollectionConfig(episodes=EPISODES, keep_every=KEEP_EVERY),
        seed=3,
        model=model,
    )
    return history_loss(subject, **options)


def loss_by_hand(family, model, source, task_id, stream):
    """Each transition's loss, from the probabilities of the model on this history alone."""
    out = family.transition_schema.allocate(1, 12 * family.episode_length)
    (length,) = source.learn(family, [task_id], [stream], EPISODES, 3, out, keep_every=KEEP_EVERY)
    history = {name: torch.from_numpy(array[:, :length]) for name, array in out.items()}
    with torch.no_grad():
        probability = model(history)[0].softmax(-1).numpy()
    return -np.log(probability[np.arange(length), out["action"][0, :length]])


@pytest.mark.parametrize("terminate_at_goal", [False, True])
def test_loss_is_that_of_each_history_by_itself(terminate_at_goal):
    family, model, source = made(terminate_at_goal=terminate_at_goal)
    result = measured(family, model, source, [3, 9], histories_per_task=2)
    losses = [
        loss_by_hand(family, model, source, task, task + 16 * repetition)
        for repetition in range(2)
        for task in (3, 9)
    ]
    longest = max(len(loss) for loss in losses)
    assert result.edges[0] == 0
    assert result.edges[-2] < longest <= result.edges[-1]
    for first, after, mean in zip(result.edges, result.edges[1:], result.loss, strict=False):
        expected = np.concatenate([loss[first:after] for loss in losses])
        assert mean == pytest.approx(expected.mean(), rel=1e-5)


def test_histories_may_be_read_in_any_number_of_goes(monkeypatch):
    family, model, source = made()
    whole = measured(family, model, source, [3, 9, 4])
    monkeypatch.setattr(module, "MAX_TOKENS", 1)
    single = measured(family, model, source, [3, 9, 4])
    np.testing.assert_array_equal(whole.edges, single.edges)
    np.testing.assert_allclose(whole.loss, single.loss, rtol=1e-5)


def test_history_is_read_as_far_as_learned_positions_reach():
    family, _, source = made()
    config = ModelConfig(
        num_layers=1, width=16, position_encoding="learned", num_learned_positions=23
    )
    model = Transformer(config, family.transition_schema, seed=0)
    assert measured(family, model, source, [3]).edges[-1] == 23


@given(episodes=st.integers(1, 5000), episode_length=st.integers(1, 50), rest=st.integers(0, 49))
def test_edges_part_the_history_at_episode_starts(episodes, episode_length, rest):
    length = episodes * episode_length + rest % episode_length
    edges = position_edges(length, episode_length)
    assert (edges[0], edges[-1]) == (0, length)
    assert (np.diff(edges) > 0).all()
    assert (edges[:-1] % episode_length == 0).all()
    assert len(edges) <= module.BINS + 2
