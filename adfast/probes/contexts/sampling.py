"""How an agent would act were its actions sampled otherwise: at a temperature, or the likeliest.

Axes: N environments, V ways of sampling, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from adfast.evaluation.agents.in_context_agent import InContextAgent
from adfast.random_streams import NUCLEUS_ACTION, keys_at, stream_keys
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_TRUNCATED

INTEGERS_OF_KEYS = 2.0**32


class Sampling(NamedTuple):
    """A temperature, and the share of the probability whose likeliest actions are drawn from."""

    temperature: float = 1.0
    top_p: float = 1.0


def resampled(probabilities: np.ndarray, way: Sampling) -> np.ndarray:
    """float64 `[N, A]`: `probabilities` as `way` has them; temperature 0 is the likeliest alone.

    Of `top_p` are kept the fewest likeliest actions that together have as much.
    """
    if way.temperature == 0.0:
        return np.asarray(np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)])
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) / way.temperature
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    order = np.argsort(-found, axis=1, kind="stable")
    likeliest_first = np.take_along_axis(found, order, axis=1)
    before = np.cumsum(likeliest_first, axis=1) - likeliest_first
    likeliest_first[before >= way.top_p] = 0.0
    np.put_along_axis(found, order, likeliest_first, axis=1)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """float64 `[N]`, in nats."""
    terms = probabilities * np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.asarray(-terms.sum(axis=1))


def drawn(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """int64 `[N]`: an action by `uniform` `[N]` in [0, 1)."""
    cumulative = np.cumsum(probabilities, axis=1)
    threshold = uniform * cumulative[:, -1]
    return np.asarray((cumulative > threshold[:, None]).argmax(axis=1))


def sampled_episode(
    agent: InContextAgent,
    family: TaskFamily,
    task_ids: np.ndarray,
    streams: np.ndarray,
    seed: int,
    ways: Sequence[Sampling],
    context: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return and mean entropy float64 `[N, V]` of the episode after `context` `[N, T, ...]`.

    `agent` acts at temperature 1 in V times N environments, way after way, and is told what was
    drawn in place of its own choice; the same random numbers serve all ways. No episode may end
    before its time.
    """
    num, repeated = len(task_ids), len(ways)
    agent.read({name: repeat(values, repeated) for name, values in context.items()})
    tasks, same = repeat(task_ids, repeated), repeat(streams, repeated)
    simulator = BatchSimulator(family, tasks, seed, random_streams=same)
    keys = stream_keys(seed, NUCLEUS_ACTION, streams)
    observation = simulator.reset()
    earned, disorder = np.zeros(num * repeated), np.zeros(num * repeated)
    step_fields = family.transition_schema.allocate(num * repeated, 1)
    for step in range(family.episode_length):
        agent.act(observation)
        asked = agent.action_probabilities().reshape(repeated, num, -1)
        chances = np.concatenate([resampled(p, way) for p, way in zip(asked, ways, strict=True)])
        uniform = keys_at(*keys, np.full(num, step, np.uint32)) / INTEGERS_OF_KEYS
        actions = drawn(chances, repeat(uniform, repeated))
        result = simulator.step(actions)
        disorder += entropy(chances)
        earned += result.reward
        step_fields["observation"][:, 0] = observation
        step_fields["action"][:, 0] = actions
        step_fields["reward"][:, 0] = result.reward
        step_fields["next_observation"][:, 0] = result.final_observation
        step_fields["boundary"][:, 0] = BOUNDARY_TRUNCATED * result.truncated
        step_fields["episode_step"][:, 0] = step
        agent.read(step_fields)
        observation = result.observation
    disorder /= family.episode_length
    return earned.reshape(repeated, num).T, disorder.reshape(repeated, num).T


def repeat(values: np.ndarray, times: int) -> np.ndarray:
    """`values` `[N, ...]` so many times, one after the other."""
    return np.tile(values, (times, *[1] * (values.ndim - 1)))
