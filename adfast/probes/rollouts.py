"""What a subject does in environments: from an empty context, or from one that it reads first.

Axes: N environments, T transitions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.agents.agent import Computing
from adfast.evaluation.agents.in_context_agent import InContextAgent
from adfast.evaluation.in_context import act_in, agent_in, environments_of
from adfast.evaluation.recorder import EpisodeRecorder, Trajectories
from adfast.models.inspection import Watch
from adfast.probes.subject import Subject
from adfast.tasks.family import TaskFamily


def streams_of(
    family: TaskFamily, task_ids: np.ndarray, seeds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """int64 `[N]`, `[N]`: task and random stream of each of `tasks x seeds` environments.

    They are ordered by task, then seed, and are those of an evaluation with the same seeds.
    """
    tasks = np.repeat(np.asarray(task_ids, np.int64), len(seeds))
    return tasks, np.tile(np.asarray(seeds, np.int64), len(task_ids)) * family.num_tasks + tasks


def agent_for(
    subject: Subject,
    streams: np.ndarray,
    *,
    family: TaskFamily | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    watch: Watch | None = None,
) -> InContextAgent:
    """A new agent of `subject` in an environment for each of the random `streams` `[N]`.

    It acts in its own family unless another one of the same schema is given, at the temperature of
    its run and by its seed unless others are. `watch` looks at a model, which then computes on
    the processor. Raises `InvalidArgument` where a subject has neither a model nor an agent, and
    where that cannot act there.
    """
    family = family_of(subject, family)
    whose = subject.model if subject.model is not None else subject.agent
    if whose is None:
        raise InvalidArgument(
            f'the probe needs a model or an agent of its subject "{subject.name}", which has '
            "neither"
        )
    if temperature is None:
        temperature = subject.settings.get("evaluation", {}).get("temperature", 1.0)
    target = subject.settings.get("evaluation", {}).get("target_return")
    asked = target if subject.model is not None and subject.model.config.reads_return else None
    seed = subject.seed if seed is None else seed
    computing: Computing = {} if watch is None else {"watch": watch, "device": "cpu"}
    return agent_in(family, whose, streams, seed, temperature, asked, computing)


def roll_out(
    subject: Subject,
    task_ids: np.ndarray,
    streams: np.ndarray,
    episodes: int,
    *,
    context: Mapping[str, np.ndarray] | None = None,
    lengths: np.ndarray | None = None,
    family: TaskFamily | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    tell_rewards: bool = True,
    watch: Watch | None = None,
) -> Trajectories:
    """What `subject` does for `episodes` on the task and stream `[N]` of each environment.

    The leading axes are `[N, 1]`. Before it acts it reads its `context`: fields `[N, T, ...]`, of
    which the first `lengths` `[N]` (None: all) count. Unless `tell_rewards`, it is told that every
    reward is 0. `watch` looks at its model.
    """
    family = family_of(subject, family)
    agent = agent_for(
        subject, streams, family=family, temperature=temperature, seed=seed, watch=watch
    )
    if context is not None:
        agent.read(context, lengths)
    record = EpisodeRecorder(family.transition_schema, len(streams), episodes)
    seed = subject.seed if seed is None else seed
    with environments_of(family, np.asarray(task_ids), seed, streams) as environments:
        act_in(environments, agent, record, episodes, lambda done: None, tell_rewards=tell_rewards)
    return record.trajectories(len(streams), 1)


def family_of(subject: Subject, other: TaskFamily | None = None) -> TaskFamily:
    """The family that a subject acts in; raises `InvalidArgument` where it has none."""
    family = other or subject.family
    if family is None:
        raise InvalidArgument(
            f'the probe needs the task family of its subject "{subject.name}", which learned from '
            "recorded environments; name the probes that do without"
        )
    return family
