"""Subjects of which the answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adfast import ModelConfig, Transformer, tasks
from adfast.collection.config import CollectionConfig
from adfast.evaluation.recorder import Trajectories
from adfast.probes.subject import Subject

EPISODES = 8


class Persistent:
    """A source that takes the same action for ever, task after task another one."""

    actors = 1

    def learn(self, family, task_ids, streams, episodes, seed, out, *, keep_every=1, **_):
        kept = -(-episodes // keep_every)
        steps = family.episode_length
        out["episode_step"][:] = np.tile(np.arange(steps), kept)
        out["boundary"][:] = np.where(out["episode_step"] == steps - 1, 2, 0)
        out["action"][:] = np.asarray(task_ids)[:, None] % family.num_actions
        return np.full(len(task_ids), kept * steps)


def subject(model: Transformer | None = None, **changes: Any) -> Subject:
    """A subject in a small Dark Room; without a model, one that is fresh: all actions alike."""
    family = tasks.make("dark-room", size=4, episode_length=5)
    values: dict[str, Any] = {
        "name": "known",
        "family": family,
        "split": family.split(6, seed=0),
        "source": Persistent(),
        "collection": CollectionConfig(episodes=EPISODES, held_out=6),
        "seed": 0,
        "model": model or bare_model(),
    }
    return Subject(**(values | changes))


def bare_model(episode_length: int = 5, **settings: Any) -> Transformer:
    """A fresh model, which adds nothing to its tokens and thinks all actions alike."""
    config = ModelConfig(**({"num_layers": 1, "num_heads": 1, "width": 8} | settings))
    family = tasks.make("dark-room", size=4, episode_length=episode_length)
    return Transformer(config, family.transition_schema, seed=0)


def repeating_model() -> Transformer:
    """Expects that the action before is taken again; knows nothing of the first one."""
    model = bare_model()
    num_actions = model.schema.num_actions
    with torch.no_grad():
        model.embedding.table.zero_()
        model.embedding.table[:num_actions, :num_actions] = 9.0 * torch.eye(num_actions)
        model.head[:, :num_actions] = 3.0 * torch.eye(num_actions)
    return model


def reward_seeking_model(strength: float) -> Transformer:
    """Attends to moments that show a reward, the more the greater `strength`; at 0 to all alike."""
    model = bare_model()
    embedding = model.embedding
    with torch.no_grad():
        embedding.table.zero_()
        embedding.table[embedding.first_row[1] + 1, 0] = 1.0  # a reward of one
        embedding.table[embedding.first_row[-1] :, 1] = 1.0  # any step
        weights = model.blocks[0].query_key_value.zero_()
        weights[0, 1], weights[0, 7] = strength, -strength
        weights[8, 0], weights[8, 7] = 1.0, -1.0
    return model


def goal_seeking_model(gain: float, episode_length: int = 5, heads: int = 1) -> Transformer:
    """Goes more or less straight to where it was paid, the more the greater `gain`.

    It attends to moments that show a reward, reads row and column there, and moves by how they
    differ from its own. Until it is paid it attends to its first moment. It does so by its first
    head; others do nothing.
    """
    model = bare_model(episode_length, width=16, num_heads=heads)
    embedding = model.embedding
    reward, step, first, against = 0, 1, 6, 7
    own, goal = slice(2, 4), slice(4, 6)
    with torch.no_grad():
        embedding.table.zero_()
        embedding.table[embedding.first_row[1] + 1, reward] = 1.0
        embedding.table[embedding.first_row[1] - 1, first] = 0.5  # no action came before
        embedding.table[embedding.first_row[-1] :, step] = 8.0  # so that the norm changes little
        embedding.table[embedding.first_row[-1] :, against] = -8.0
        for component in range(2):
            rows = embedding.first_row[component - 3] + torch.arange(4)
            embedding.table[rows, 2 + component] = torch.arange(4) - 1.5
        weights = model.blocks[0].query_key_value.zero_()
        weights[0, step] = 60.0
        weights[16, reward], weights[16, first] = 60.0, 60.0
        weights[32:34, own] = torch.eye(2)
        model.blocks[0].attention_out[goal, :2] = 3.0 * torch.eye(2)
        for action, move in enumerate([(0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)]):
            model.head[action, goal] = gain * torch.tensor(move, dtype=torch.float32)
            model.head[action, own] = -gain * torch.tensor(move, dtype=torch.float32)
    return model


def trajectories(rewarded: bool = True) -> Trajectories:
    """Eight episodes of five steps on eight tasks; the last step of all but two tasks is paid."""
    leading, steps = (8, 2, EPISODES), 5
    reward = np.zeros((*leading, steps), np.uint8)
    if rewarded:
        reward[:6, :, :, -1] = 1
    return Trajectories(
        observation=np.zeros((*leading, steps + 1, 2), np.uint8),
        action=np.zeros((*leading, steps), np.uint8),
        reward=reward,
        length=np.full(leading, steps, np.int32),
        boundary=np.full(leading, 2, np.uint8),
    )
