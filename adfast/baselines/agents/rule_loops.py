"""The compiled loops by which many learners of one kind act at once, each in its own environment.

They call the same rules as `source_algorithms.history_loop`, with the same keys, but are told what
happened by whoever steps the environments. Task and state are empty: rules that read them do not
compile, for no agent is told them.

Legend: N environments, M of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import uint32, uint64
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key
from adfast.source_algorithms.loops.history_loop import (
    LearningRules,
    MakeRules,
    loop_stamp,
    numbering,
)
from adfast.tasks.compiled.components import column_reader
from adfast.tasks.family import TaskFamily, hash_of_sources
from adfast.tasks.transition_schema import BOUNDARY_TERMINATED


class RuleLoops(NamedTuple):
    """The loops of one family and algorithm.

    All take `environments` int64 `[M]`, `memory` float64 `[N, memory size]` and the learner's
    `parameters` first; other arrays are `[M]`, and `offset` and `mask` uint32 `[N]`.

    `begin()`, `begin_episode(episode, offset, mask, seen)`, `choose(seen, episode_step,
    exploration, offset, mask, clock, actions)`, `update(seen, action, reward, seen_next,
    boundary)`, `live(seen, episode_step, exploration, offset, mask, clock, action, reward,
    seen_next, boundary)`, which chooses and is told of the `action` that was taken instead, in one
    place after the other, and `chances(seen, episode_step, exploration, out float64 [M, A])`, which
    writes how probable the action was that `choose` drew; None where the rules do not say that.
    `tells_episodes` says whether `begin_episode` does anything.
    """

    begin: Callable[..., None]
    begin_episode: Callable[..., None]
    choose: Callable[..., None]
    update: Callable[..., None]
    live: Callable[..., None]
    chances: Callable[..., None] | None
    tells_episodes: bool


@cache
def compile_rule_loops(family: TaskFamily, make_rules: MakeRules, *, has_actors: bool) -> RuleLoops:
    """The loops; compiled, or loaded, when first called.

    `has_actors` says that the rules are those of a parallel learner; here it has one actor.
    """
    stamp = loop_stamp(family, make_rules) + hash_of_sources(__name__)
    num_inputs, _ = numbering(family, "observation")
    rules = make_rules(family, num_inputs)
    if has_actors:
        rules = rules_of_one_actor(rules)
    begin = rules.begin
    choose_in, update_in = in_one_environment(rules, has_actors=has_actors)
    begin_episode: Any = rules.begin_episode
    tells_episodes = begin_episode is not None
    explain_start: Any = start_explainer(family) if tells_episodes else None

    @compiled
    def begin_all(environments: Any, memory: Any, parameters: Any) -> None:
        _ = stamp
        for place in range(uint64(environments.shape[0])):
            begin(memory[environments[place]], parameters, (), False)

    @compiled
    def begin_episodes(
        environments: Any,
        memory: Any,
        parameters: Any,
        episode: Any,
        offset: Any,
        mask: Any,
        seen: Any,
    ) -> None:
        _ = stamp
        if tells_episodes:
            for place in range(uint64(environments.shape[0])):
                e = environments[place]
                number, at = uint32(episode[place]), uint64(seen[place])
                key = explain_start(step_key(offset[e], mask[e], number), number, at)
                begin_episode(memory[e], parameters, number, key, at)

    @compiled
    def choose_all(
        environments: Any,
        memory: Any,
        parameters: Any,
        seen: Any,
        episode_step: Any,
        exploration: Any,
        offset: Any,
        mask: Any,
        clock: Any,
        actions: Any,
    ) -> None:
        _ = stamp
        for place in range(uint64(environments.shape[0])):
            e = environments[place]
            key = step_key(offset[e], mask[e], uint32(clock[place]))
            when = seen[place], episode_step[place], exploration[place], key
            actions[place] = choose_in(memory[e], parameters, when)

    @compiled
    def update_all(
        environments: Any,
        memory: Any,
        parameters: Any,
        seen: Any,
        action: Any,
        reward: Any,
        seen_next: Any,
        boundary: Any,
    ) -> None:
        _ = stamp
        for place in range(uint64(environments.shape[0])):
            e = environments[place]
            came = seen[place], action[place], reward[place], seen_next[place], boundary[place]
            update_in(memory[e], parameters, came)

    return RuleLoops(
        begin_all,
        begin_episodes,
        choose_all,
        update_all,
        living_loop(stamp, choose_in, update_in),
        chances_loop(stamp, rules),
        tells_episodes,
    )


def in_one_environment(
    rules: LearningRules, *, has_actors: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`choose` and `update` of the rules, of the memory of one environment."""
    choose, update = rules.choose, rules.update

    @register_jitable
    def choose_in(memory: Any, parameters: Any, when: Any) -> Any:
        seen, episode_step, epsilon, key = when
        at, t = uint64(seen), uint64(episode_step)
        return choose(memory, parameters, (), (), at, t, epsilon, key)

    @register_jitable
    def update_in(memory: Any, parameters: Any, came: Any) -> None:
        seen, action, reward, seen_next, boundary = came
        end = boundary if has_actors else boundary == BOUNDARY_TERMINATED
        update(memory, parameters, uint64(seen), uint64(action), reward, uint64(seen_next), end)

    return choose_in, update_in


def living_loop(
    stamp: str, choose_in: Callable[..., Any], update_in: Callable[..., Any]
) -> Callable[..., None]:
    """`RuleLoops.live`."""

    @compiled
    def live_all(
        environments: Any,
        memory: Any,
        parameters: Any,
        seen: Any,
        episode_step: Any,
        exploration: Any,
        offset: Any,
        mask: Any,
        clock: Any,
        action: Any,
        reward: Any,
        seen_next: Any,
        boundary: Any,
    ) -> None:
        _ = stamp
        for place in range(uint64(environments.shape[0])):
            e = environments[place]
            key = step_key(offset[e], mask[e], uint32(clock[place]))
            when = seen[place], episode_step[place], exploration[place], key
            choose_in(memory[e], parameters, when)
            came = seen[place], action[place], reward[place], seen_next[place], boundary[place]
            update_in(memory[e], parameters, came)

    found: Callable[..., None] = live_all
    return found


def chances_loop(stamp: str, rules: LearningRules) -> Callable[..., None] | None:
    """`RuleLoops.chances`."""
    if rules.chances is None:
        return None
    chances = rules.chances

    @compiled
    def chances_of_all(
        environments: Any,
        memory: Any,
        parameters: Any,
        seen: Any,
        episode_step: Any,
        exploration: Any,
        out: Any,
    ) -> None:
        _ = stamp
        for place in range(uint64(environments.shape[0])):
            own = memory[environments[place]]
            at, t = uint64(seen[place]), uint64(episode_step[place])
            chances(own, parameters, (), (), at, t, exploration[place], out[place])

    found: Callable[..., None] = chances_of_all
    return found


def rules_of_one_actor(rules: LearningRules) -> LearningRules:
    """The rules of a parallel learner that has one actor, whose memory stands behind the shared."""
    own, act, learn = rules.memory_size, rules.choose, rules.update

    @register_jitable
    def choose(
        memory: Any,
        parameters: Any,
        task: Any,
        state: Any,
        seen: Any,
        episode_step: Any,
        exploration: Any,
        key: Any,
    ) -> Any:
        return act(
            memory, parameters, uint64(own), task, state, seen, episode_step, exploration, key
        )

    @register_jitable
    def update(
        memory: Any,
        parameters: Any,
        seen: Any,
        action: Any,
        reward: Any,
        seen_next: Any,
        boundary: Any,
    ) -> Any:
        return learn(memory, parameters, uint64(own), seen, action, reward, seen_next, boundary)

    return rules._replace(choose=choose, update=update)


def start_explainer(family: TaskFamily) -> Callable[..., Any]:
    """The function `(key, episode, seen) -> key` of a reset after which `seen` is seen.

    That is the given one where it will do, else one of those that `starts` counts: environments
    that are keyed otherwise, and recorded histories, begin their episodes elsewhere.
    """
    keys: Any = np.array([key for key, _ in family.starts or ()], np.uint32)
    tasks = np.ascontiguousarray(family.task_parameters(np.zeros(1, np.int64)).T)
    read_task = column_reader(family.task_size)
    reset, observe = family.reset, family.observe
    _, number = numbering(family, "observation")

    @register_jitable
    def explain(key: Any, episode: Any, seen: Any) -> Any:
        task = read_task(tasks, uint64(0))
        state = reset(task, episode, key)
        if number(task, state, observe(task, state)) == seen:
            return key
        for k in range(uint64(keys.shape[0])):
            state = reset(task, episode, uint32(keys[k]))
            if number(task, state, observe(task, state)) == seen:
                return uint32(keys[k])
        return key

    return explain
