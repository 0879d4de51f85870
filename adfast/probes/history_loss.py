"""How well a model predicts the histories of held-out tasks, by how much history lies before.

The source algorithm learns the held-out tasks from scratch; the model reads each history whole,
from its first transition on, and is scored at every position. Positions far back are hard to read
by themselves, because the source too changes along its history; at one position, models compare.

Axes: N histories, T transitions, P bins of positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from adfast.models.config import Device, Precision
from adfast.models.device import in_precision, resolve_device, resolve_precision
from adfast.models.transformer import Transformer
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily

HISTORIES_PER_TASK = 4
BINS = 24
MAX_TOKENS = 65_536  # of one forward pass, unless a single history is longer
FIELDS = ("observation", "action", "reward", "next_observation", "episode_step")


@dataclass(frozen=True)
class HistoryLoss:
    """The mean loss in nats float64 `[P]` at positions `edges[p]` to `edges[p + 1] - 1`.

    `edges` is int64 `[P + 1]`; a position counts the transitions before it in its history.
    """

    edges: np.ndarray
    loss: np.ndarray


def history_loss(
    model: Transformer,
    family: TaskFamily,
    task_ids: np.ndarray | Sequence[int],
    source: SourceAlgorithm,
    *,
    episodes: int,
    keep_every: int,
    seed: int,
    histories_per_task: int = HISTORIES_PER_TASK,
    device: Device = "auto",
    precision: Precision = "auto",
) -> HistoryLoss:
    """The next-action loss on histories as a collection on `task_ids` would have written them.

    `device` and `precision` say where and in what the model computes.
    """
    computing_on = resolve_device(device, "device")
    model = in_precision(
        model, computing_on, resolve_precision(precision, computing_on, "precision")
    )
    task_ids = family.check_task_ids(task_ids)
    repetition, place = np.divmod(np.arange(len(task_ids) * histories_per_task), len(task_ids))
    histories = task_ids[place]
    streams = repetition * family.num_tasks + histories
    kept_episodes = -(-episodes // keep_every)
    length = kept_episodes * family.episode_length
    if model.config.num_learned_positions is not None:
        length = min(length, model.config.num_learned_positions)
    edges = position_edges(length, family.episode_length)
    total, count = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    rows = max(MAX_TOKENS // (length * model.config.tokens_per_transition), 1)
    for first in range(0, len(histories), rows):
        chunk = slice(first, first + rows)
        out = family.transition_schema.allocate(
            len(histories[chunk]), kept_episodes * family.episode_length
        )
        for array in out.values():
            array.fill(0)  # what lies behind the end of a history is read, though not scored
        lengths = source.learn(
            family, histories[chunk], streams[chunk], episodes, seed, out, keep_every=keep_every
        )
        loss = position_loss(model, {name: out[name][:, :length] for name in FIELDS})
        is_scored = np.arange(length) < lengths[:, None]
        total += np.add.reduceat(np.where(is_scored, loss, 0.0).sum(axis=0), edges[:-1])
        count += np.add.reduceat(is_scored.sum(axis=0), edges[:-1])
    is_reached = count > 0  # a prefix: where episodes end early, no history may be of full length
    reached = int(is_reached.sum())
    return HistoryLoss(edges[: reached + 1], total[:reached] / count[:reached])


@torch.no_grad()
def position_loss(model: Transformer, fields: dict[str, np.ndarray]) -> np.ndarray:
    """float32 `[N, T]`: the negative log-likelihood of each action of whole histories `[N, T]`."""
    was_training = model.training
    model.eval()
    device = model.head.device
    batch = {
        name: torch.from_numpy(np.ascontiguousarray(array)).to(device)
        for name, array in fields.items()
    }
    logits = model(batch).float()
    model.train(was_training)
    loss = functional.cross_entropy(
        logits.flatten(0, 1), batch["action"].flatten().long(), reduction="none"
    )
    return np.asarray(loss.view(logits.shape[:2]).cpu().numpy())


def position_edges(length: int, episode_length: int) -> np.ndarray:
    """int64 edges of at most `BINS` bins of 0..`length`, about evenly spaced in the logarithm.

    Edges between two bins are multiples of the episode's length, so that each bin holds as many
    early as late steps of an episode.
    """
    episodes = max(length // episode_length, 1)
    inner = np.unique(np.geomspace(1, episodes, BINS).round().astype(np.int64)) * episode_length
    return np.unique([0, *inner[inner < length], length]).astype(np.int64)
