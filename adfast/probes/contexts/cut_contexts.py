"""What somebody does who is shown, before each episode, no more than the last few ones.

Axes: N environments, T transitions, E episodes, L steps of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adfast.errors import InvalidArgument
from adfast.probes.rollouts import agent_for
from adfast.probes.subject import Subject
from adfast.simulators import BatchSimulator, StepResult
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE, BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED

EPISODE_STREAMS = 2**33  # between the random streams of what is done in one episode and the next


def cut_histories(
    subject: Subject,
    family: TaskFamily,
    task_ids: np.ndarray,
    streams: np.ndarray,
    episodes: int,
    memory: int | None,
) -> dict[str, np.ndarray]:
    """What `subject` does in environments `[N]` of `family`: fields `[N, E * L, ...]`.

    Before each episode it reads the last `memory` ones, and has forgotten all before; None: it
    keeps what it can. Who acts is made for the subject's own family, and is not told of another
    one's chances.
    Raises `InvalidArgument` where episodes are not all of the same length.
    """
    schema, length = family.transition_schema, family.episode_length
    environments = BatchSimulator(family, task_ids, subject.seed, random_streams=streams)
    history = schema.allocate(len(streams), episodes * length)
    history["episode_step"][:] = np.tile(np.arange(length), episodes)
    observation = environments.reset()
    agent = agent_for(subject, streams)
    actions = agent.act(observation)
    for t in range(episodes * length):
        history["observation"][:, t], history["action"][:, t] = observation, actions
        result = environments.step(actions)
        ended = result.terminated | result.truncated
        if ended.any() != ended.all() or ended.all() != (t % length == length - 1):
            raise InvalidArgument(
                f"the probe needs episodes of one length, and some of {family.name} end sooner; "
                "put it to a family whose episodes last, as by terminate_at_goal=false"
            )
        note(history, t, result)
        observation = result.observation
        if t + 1 == episodes * length:
            break
        if memory is None or not ended.all():
            actions = agent.act(*result)
            continue
        done = (t + 1) // length
        agent = agent_for(subject, streams + EPISODE_STREAMS * done)
        if memory:
            steps = slice(max(done - memory, 0) * length, done * length)
            agent.read({name: values[:, steps].copy() for name, values in history.items()})
        actions = agent.act(observation)
    return history


def note(history: Mapping[str, np.ndarray], t: int, result: StepResult) -> None:
    """Write what the actions at `t` brought."""
    history["reward"][:, t] = result.reward
    history["next_observation"][:, t] = result.final_observation
    ended = np.where(result.terminated, BOUNDARY_TERMINATED, BOUNDARY_TRUNCATED)
    ends = result.terminated | result.truncated
    history["boundary"][:, t] = np.where(ends, ended, BOUNDARY_INSIDE)


def first_rewarded(
    history: Mapping[str, np.ndarray], length: int
) -> tuple[np.ndarray, list[tuple[dict[str, np.ndarray], np.ndarray]]]:
    """Where a history `[N, T]` was ever rewarded, bool `[N]`, and what is shown of it then.

    Shown, each with its lengths `[N]`: all up to the end of the episode of the first reward, that
    episode alone, and the rewarded transition alone, which ends its episode there.
    """
    paid = history["reward"] > 0
    found = np.asarray(paid.any(axis=1))
    at = np.asarray(paid.argmax(axis=1))
    rows = np.arange(len(at))[:, None]
    begin, end = at // length * length, (at // length + 1) * length
    whole = {name: values.copy() for name, values in history.items()}
    steps = begin[:, None] + np.arange(length)
    episode = {name: values[rows, steps] for name, values in history.items()}
    transition = {name: values[rows, at[:, None]] for name, values in history.items()}
    boundary = transition["boundary"]
    boundary[boundary == BOUNDARY_INSIDE] = BOUNDARY_TRUNCATED
    lengths = (end, np.full_like(end, length), np.ones_like(end))
    shown = [
        (part, n * found) for part, n in zip((whole, episode, transition), lengths, strict=True)
    ]
    return found, shown
