"""Recording attention: from exact weights to an `AttentionRecord`, small enough to keep and show.

Of each choice the most attended transitions are kept, with whole percents of a head's attention.
They are rounded together, not one by one, so that all transitions with the same observation are off
by at most one percent in sum, however thinly the attention is spread over them.

Axes: L layers, H heads, Q queries, T transitions, K kept transitions, C observation components.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adfast.evaluation.in_context import InContextEvaluation
from adfast.histories.returns_to_go import RETURN_TO_GO
from adfast.models.transformer import Transformer
from adfast.probes.attended.record import AttentionRecord, exemplary_runs
from adfast.probes.attended.weights import AttentionWeights

MAX_BYTES = 6_000_000
MAX_TRANSITIONS = 65_535  # an age is 16 bits
FEWEST_KEPT = 8  # fewer would say nothing about what is attended to


def record_attention(
    model: Transformer, evaluation: InContextEvaluation, ranks: np.ndarray
) -> AttentionRecord:
    """The attention of `model` in `exemplary_runs`; of no run where histories are too long.

    `ranks` float `[tasks]` order the tasks, by shares of their optima or by returns. Weights are
    computed again from the recorded histories, in the precision of `model`.
    """
    runs = exemplary_runs(ranks, evaluation.returns)
    histories = [evaluation.trajectories.history(task, seed) for _, task, seed in runs]
    if evaluation.target_return is not None:
        histories = [asked_for(history, evaluation.target_return) for history in histories]
    length = max(len(history["action"]) for history in histories)
    layers, heads = model.config.num_layers, model.config.num_heads
    reach = max(length if w is None else min(w, length) for w in model.config.layer_windows)
    kept = min(reach, MAX_BYTES // (len(runs) * length * layers * (heads + 2)))
    if length > MAX_TRANSITIONS or kept < min(FEWEST_KEPT, reach):
        runs, kept = [], 0
    age = np.zeros((len(runs), length, layers, kept), np.uint16)
    percent = np.zeros((len(runs), length, layers, heads, kept), np.uint8)
    for index in range(len(runs)):
        weights = AttentionWeights(model, histories[index])
        some = slice(min(kept, weights.num_transitions))  # where the episodes of a run end early
        for queries, given in weights.in_parts(np.arange(weights.num_transitions)):
            age[index, queries, :, some], percent[index, queries, :, :, some] = most_attended(
                given.cpu(), queries, histories[index]["observation"], some.stop
            )
    window = np.array([window or 0 for window in model.config.layer_windows], np.int64)
    role, task, seed = np.array(runs, np.int64).reshape(-1, 3).T
    return AttentionRecord(window, role.astype(np.uint8), task, seed, age, percent)


def asked_for(history: Mapping[str, np.ndarray], target_return: float) -> dict[str, np.ndarray]:
    """`history` `[T, ...]` with what of the target was left to earn at each transition."""
    begins = history["episode_step"] == 0
    begins[:1] = True
    before = np.cumsum(history["reward"], dtype=np.float64) - history["reward"]
    earned = before - before[begins][np.cumsum(begins) - 1]
    return {**history, RETURN_TO_GO: (target_return - earned).astype(np.float32)}


def most_attended(
    weights: Tensor, queries: np.ndarray, observation: np.ndarray, kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ages uint16 `[Q, L, K]` and percents uint8 `[Q, L, H, K]` of `weights [L, H, Q, T]`.

    Kept are the transitions that the heads attend to most on average. `observation [T, C]` is what
    they are rounded by.
    """
    strongest = weights.mean(dim=1).topk(kept, dim=-1).indices.sort(dim=-1, descending=True).values
    chosen = weights.gather(-1, strongest[:, None].expand(-1, weights.shape[1], -1, -1))
    age = torch.from_numpy(queries)[None, :, None] - strongest
    # Where less than K lies behind, what fills up lies ahead, and has no weight.
    age = age.clamp(min=0)

    _, place = np.unique(observation, axis=0, return_inverse=True)
    by_place = torch.from_numpy(place.reshape(-1))[strongest].argsort(dim=-1, stable=True)
    order = by_place[:, None].expand_as(chosen)
    total = chosen.gather(-1, order).double().cumsum(dim=-1).mul(100).round().clamp(max=100)
    steps = torch.diff(total, dim=-1, prepend=torch.zeros_like(total[..., :1]))
    percent = torch.empty_like(steps).scatter_(-1, order, steps)
    return (
        age.permute(1, 0, 2).numpy().astype(np.uint16),
        percent.permute(2, 0, 1, 3).numpy().astype(np.uint8),
    )
