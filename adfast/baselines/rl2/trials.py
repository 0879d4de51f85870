"""Trials: what a policy does in whole trials on training tasks, all environments side by side.

Every trial of every update has a random stream of its own, from which come its task, what happens
in its environment and the actions. So an update's trials are a function of the policy's weights and
the update's number, and nothing of an environment outlives an update.

Axes: E environments, T steps of a trial, A actions, K episodes of a trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adfast.baselines.rl2.policy import Policy
from adfast.evaluation.sampling.action_sampling import ActionDraws
from adfast.models.embedding.step_input import StepInput
from adfast.random_streams import TRIAL_ACTION, TRIAL_TASK, keys_at, stream_keys
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
)


@dataclass(frozen=True)
class Trials:
    """What was done and earned: `fields` `[E, T, *item]` of the schema.

    `outputs` float32 `[E, T, A + 1]` are the policy's while it acted.
    """

    fields: Mapping[str, Tensor]
    outputs: Tensor


def draw_tasks(task_ids: np.ndarray, seed: int, streams: np.ndarray) -> np.ndarray:
    """int64 `[E]`: the task of the trial of each of `streams`, each as likely as any other."""
    keys = keys_at(*stream_keys(seed, TRIAL_TASK, streams), np.zeros(len(streams), np.uint32))
    return np.asarray(
        task_ids[(keys.astype(np.uint64) * np.uint64(len(task_ids))) >> np.uint64(32)]
    )


def play_trials(
    policy: Policy,
    family: TaskFamily,
    task_ids: np.ndarray,
    seed: int,
    streams: np.ndarray,
    steps: int,
) -> Trials:
    """A trial of `steps` steps for each of `streams`, on one of the tasks `task_ids` each."""
    simulator = BatchSimulator(
        family, draw_tasks(task_ids, seed, streams), seed, random_streams=streams, copy=False
    )
    schema, num = policy.schema, len(streams)
    fields = schema.allocate(steps, num)
    views = {name: torch.from_numpy(values) for name, values in fields.items()}
    outputs = torch.empty(steps, num, schema.num_actions + 1)
    logits = np.empty((num, schema.num_actions), np.float32)
    draws = ActionDraws(1.0, *stream_keys(seed, TRIAL_ACTION, streams))
    step = policy.steps(num)
    first, later = torch.ones(num, dtype=torch.bool), torch.zeros(num, dtype=torch.bool)
    observation, episode_step = simulator.reset(), np.zeros(num, np.int64)
    for t in range(steps):
        fields["observation"][t] = observation
        fields["episode_step"][t] = episode_step
        past = max(t - 1, 0)  # not read at the first step
        inputs = StepInput(
            observation=views["observation"][t],
            previous_action=views["action"][past],
            previous_reward=views["reward"][past],
            previous_final_observation=views["next_observation"][past],
            episode_step=views["episode_step"][t],
            is_first=first if t == 0 else later,
            is_checked=True,
        )
        outputs[t] = step(inputs)
        logits[:] = outputs[t, :, :-1].numpy()
        actions = draws.draw(logits, None)
        observation, reward, terminated, truncated, reached = simulator.step(actions)
        fields["action"][t] = actions
        fields["reward"][t] = reward
        fields["next_observation"][t] = reached
        fields["boundary"][t] = np.where(
            terminated,
            BOUNDARY_TERMINATED,
            np.where(truncated, BOUNDARY_TRUNCATED, BOUNDARY_INSIDE),
        )
        episode_step = np.where(terminated | truncated, 0, episode_step + 1)
    in_order = {name: values.transpose(0, 1) for name, values in views.items()}
    return Trials(in_order, outputs.transpose(0, 1))


def joined(parts: list[Trials]) -> Trials:
    """The trials of all `parts`, one after the other."""
    if len(parts) == 1:
        return parts[0]
    fields = {name: torch.cat([part.fields[name] for part in parts]) for name in parts[0].fields}
    return Trials(fields, torch.cat([part.outputs for part in parts]))


def returns_by_episode(fields: Mapping[str, Tensor], episodes: int) -> list[float | None]:
    """The mean return of each of the first `episodes` of the trials; None where none was ended.

    An episode that the trial's end cut off does not count.
    """
    reward = fields["reward"].double().numpy()
    ends = fields["boundary"].numpy() != BOUNDARY_INSIDE
    number = np.cumsum(ends, axis=1) - ends  # of the episode that each step is in
    is_whole = number < number[:, -1:] + ends[:, -1:]
    counts = (number < episodes) & is_whole
    earned = np.bincount(number[counts], reward[counts], episodes)
    ended = np.bincount(number[counts & ends], minlength=episodes)
    return [float(e / n) if n else None for e, n in zip(earned, ended, strict=True)]
