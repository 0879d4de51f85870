"""What is recorded of the attention is what was exact, to whole percents by observation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adfast.evaluation.in_context import evaluate
from adfast.probes.attended import recording
from adfast.probes.attended.record import exemplary_runs
from adfast.probes.attended.recording import most_attended, record_attention
from adfast.probes.attended.weights import AttentionWeights
from evaluation.acting import TERMINATING_ROOM
from models.model_cases import small_model

TASK_IDS = np.array([2, 12, 18, 20])
SHARES = np.array([0.5, 0.9, 0.1, 0.7])


def random_weights(seed: int, sharpness: float, length: int = 30) -> torch.Tensor:
    """Causal weights `[2, 3, length, length]`."""
    generator = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(2, 3, length, length, generator=generator)
    time = torch.arange(length)
    return logits.masked_fill(time[None, :] > time[:, None], -torch.inf).softmax(dim=-1)


@given(
    st.integers(0, 2**16), st.floats(0, 12), st.integers(1, 4), st.integers(1, 30), st.booleans()
)
def test_percents_are_right_for_every_observation(seed, sharpness, places, kept, sees_all):
    weights = random_weights(seed, sharpness)
    observation = np.random.default_rng(seed).integers(0, places, (30, 2))
    if sees_all:
        kept = 30
    queries = np.arange(30)
    age, percent = most_attended(weights, queries, observation, kept)
    assert (np.diff(age.astype(int), axis=-1)[age[..., 1:] > 0] > 0).all()
    key = queries[:, None, None] - age  # [Q, L, K]
    exact = np.take_along_axis(
        weights.permute(2, 0, 1, 3).numpy(), key[:, :, None].repeat(3, axis=2), axis=-1
    )
    # Behind the kept ones of an early query stand places without weight, all of age 0.
    is_filling = (age == 0) & (np.arange(kept) > 0)
    exact[is_filling[:, :, None].repeat(3, axis=2)] = 0
    names = np.unique(observation, axis=0, return_inverse=True)[1].reshape(-1)[key]
    for name in range(names.max() + 1):
        chosen = (names == name)[:, :, None]
        error = (percent * chosen).sum(axis=-1) - 100 * (exact * chosen).sum(axis=-1)
        assert np.abs(error).max() <= 1 + 1e-4
    if sees_all:
        assert (percent.sum(axis=-1, dtype=int) == 100).all()


def test_most_attended_on_average_is_kept():
    weights = random_weights(3, 2.0)
    age, _ = most_attended(weights, np.arange(30), np.zeros((30, 1)), 4)
    for query, layer in np.ndindex(30, 2):
        mean = weights[layer, :, query].mean(dim=0).numpy()
        kept = set((query - age[query, layer]).tolist())
        strongest = set(np.argsort(-mean[: query + 1])[:4].tolist())
        assert strongest <= kept


def test_run_that_is_shorter_than_what_is_kept_of_others_is_recorded_whole():
    model = small_model(TERMINATING_ROOM.transition_schema, attention_window=None).eval()
    evaluation = evaluate(model, TERMINATING_ROOM, TASK_IDS, episodes=3, seeds=3, seed=4)
    record = record_attention(model, evaluation, SHARES)
    lengths = evaluation.trajectories.length[record.task, record.seed].sum(axis=1)
    assert record.age.shape[-1] == lengths.max() > lengths.min()
    for percent, length in zip(record.percent, lengths, strict=True):
        assert (percent[:length].sum(axis=-1, dtype=int) == 100).all()
        assert not percent[length:].any()


@pytest.fixture(scope="module")
def played():
    """A model with its evaluation, in which episodes end early."""
    model = small_model(TERMINATING_ROOM.transition_schema, attention_window=12).eval()
    return model, evaluate(model, TERMINATING_ROOM, TASK_IDS, episodes=6, seeds=3, seed=4)


def test_record_holds_the_weights_of_the_recorded_histories(played):
    model, evaluation = played
    record = record_attention(model, evaluation, SHARES)
    assert record.window.tolist() == [12, 12]
    runs = list(zip(record.role, record.task, record.seed, strict=True))
    assert runs == exemplary_runs(SHARES, evaluation.returns)
    assert record.age.shape[3] == 12  # all that is seen
    lengths = set()
    for index, (_, task, seed) in enumerate(runs):
        history = evaluation.trajectories.history(task, seed)
        length = len(history["action"])
        lengths.add(length)
        weights = AttentionWeights(model, history).of(np.arange(length))
        percent = record.percent[index].astype(int)
        assert (percent[:length].sum(axis=-1) == 100).all()
        assert not percent[length:].any()
        for query in range(length):
            dense = np.zeros((2, 2, length))  # layers, heads
            for layer, place in np.ndindex(2, 12):
                key = query - record.age[index, query, layer, place]
                dense[layer, :, key] += percent[query, layer, :, place]
            assert np.abs(dense - 100 * weights[:, :, query].numpy()).max() <= 1 + 1e-4
    assert len(lengths) > 1


def test_reading_a_history_again_leads_to_the_actions_that_were_taken(played):
    model, _ = played
    greedy = evaluate(model, TERMINATING_ROOM, TASK_IDS, episodes=6, seeds=2, temperature=0)
    for task, seed in np.ndindex(4, 2):
        history = greedy.trajectories.history(task, seed)
        likeliest = AttentionWeights(model, history).logits.argmax(dim=-1)
        np.testing.assert_array_equal(likeliest, history["action"])


def test_histories_too_long_for_the_record_leave_it_empty(played, monkeypatch):
    monkeypatch.setattr(recording, "MAX_BYTES", 1000)
    record = record_attention(*played, SHARES)
    assert len(record.role) == len(record.age) == len(record.percent) == 0


def test_exemplary_runs_are_median_weakest_and_best_at_their_median_seeds():
    returns = np.zeros((4, 3, 8))
    returns[:, :, -5:] = np.array([4.0, 9.0, 5.0])[:, None]
    returns[2, :, -5:] = np.array([3.0, 1.0, 2.0])[:, None]
    assert exemplary_runs(SHARES, returns) == [(0, 0, 2), (1, 2, 2), (2, 1, 2)]
    assert exemplary_runs(SHARES[:2], returns[:2]) == [(0, 0, 2), (2, 1, 2)]
    assert exemplary_runs(SHARES[:1], returns[:1]) == [(0, 0, 2)]
