"""Posterior sampling: acts as if a task were its own that may be, given all that was seen.

It knows the family, with the start of every episode, and of the task nothing. A task is drawn from
those that agree with everything seen, by how likely each makes that, and its expert's plan is
followed.

Source: Thompson 1933; Strens 2000; Osband, Russo & Van Roy 2013, arXiv 1306.0940 (in Markov
decision processes, one draw an episode). Twin: `tests/reference/posterior_sampling.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import numpy as np
from numba import uint8, uint32, uint64
from numba.extending import register_jitable

from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, subkey, uniform
from adfast.source_algorithms.compiled_algorithm import CompiledAlgorithm
from adfast.source_algorithms.informed.expert import check_planner, plan_of
from adfast.source_algorithms.loops.greedy_choice import epsilon_greedy, greedy_chances
from adfast.source_algorithms.loops.history_loop import BROKEN_BY_CHOOSE, LearningRules
from adfast.tasks.compiled.components import column_reader, mixed_radix, mixed_radix_inverse
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.planning import finite_outcomes
from adfast.tasks.compiled.schema_guards import dtype_guard, tuple_guard
from adfast.tasks.family import TaskFamily

MAX_TASKS = 2**14  # that are compared with what is seen, at every step
NONE = -1.0  # no task
UNCLEAR = -1.0  # how likely it is, since the state is


class PosteriorSampling(CompiledAlgorithm):
    """Draws a task by its posterior when an episode begins, and follows the plan for it.

    The prior is uniform over all tasks of the family. In each task, what is seen must tell the
    state; where chance leads to states that look alike, the learner is refused.
    """

    name: ClassVar[str] = "posterior-sampling"

    redraws: bool = False
    """Whether the next task is drawn at once where the drawn one is refuted, within an episode."""

    def parameters(self) -> tuple[float, ...]:
        """Whether it redraws."""
        return (float(self.redraws),)

    def exploration(self, episodes: int) -> np.ndarray:
        """Zeros `[episodes]`: what is done is decided by what was drawn."""
        return np.zeros(episodes)

    @staticmethod
    def rules(family: TaskFamily, num_inputs: int) -> LearningRules:
        """The plan, then the possible tasks, and of each task its state and its weight.

        Behind these stand how many tasks are possible, which one was drawn, which one is planned
        for, and the state in the drawn one, which goes on where that was refuted.
        """
        check_enumerable(family)
        num_tasks = family.num_tasks
        possible = family.num_planned_values
        state_in, weight = possible + num_tasks, possible + 2 * num_tasks
        count, drawn, planned, drawn_state = range(weight + num_tasks, weight + num_tasks + 4)
        candidates = np.ascontiguousarray(family.task_parameters(np.arange(num_tasks)).T)
        read_task = column_reader(family.task_size)
        state_of = mixed_radix_inverse(family.state_sizes)
        start_in, step_in = stepping(family)
        plan, value, best_value = plan_of(family)
        num_actions, is_certain = family.num_actions, len(finite_outcomes(family)) == 1
        pick = epsilon_greedy(num_actions, value, best_value)
        chances_of = greedy_chances(num_actions, value, best_value)

        @register_jitable
        def begin(memory: Any, parameters: Any, task: Any, same_task: Any) -> Any:
            for m in range(uint64(num_tasks)):
                memory[uint64(possible) + m] = m
                memory[uint64(weight) + m] = 1.0
            memory[uint64(count)] = num_tasks
            memory[uint64(planned)] = NONE

        @register_jitable
        def begin_episode(memory: Any, parameters: Any, episode: Any, key: Any, seen: Any) -> Any:
            kept = uint64(0)
            for place in range(uint64(memory[uint64(count)])):
                m = uint64(memory[uint64(possible) + place])
                fits, at = start_in(read_task(candidates, m), episode, key, seen)
                if fits:
                    memory[uint64(possible) + kept] = m
                    memory[uint64(state_in) + m] = at
                    kept += uint64(1)
            memory[uint64(count)] = kept
            memory[uint64(drawn)] = NONE

        @register_jitable
        def draw(memory: Any, key: Any) -> Any:
            """The place of one of the possible tasks."""
            if is_certain:
                return uint64(bounded(key, uint64(memory[uint64(count)])))
            total = 0.0
            for place in range(uint64(memory[uint64(count)])):
                total += memory[uint64(weight) + uint64(memory[uint64(possible) + place])]
            rest, picked = uniform(key) * total, uint64(0)
            for later in range(uint64(1), uint64(memory[uint64(count)])):
                rest -= memory[uint64(weight) + uint64(memory[uint64(possible) + picked])]
                if rest < 0.0:
                    break
                picked = uint64(later)
            return picked

        @register_jitable
        def follow(memory: Any, parameters: Any, seen: Any, episode_step: Any, key: Any) -> Any:
            task = read_task(candidates, uint64(memory[uint64(drawn)]))
            state = state_of(uint64(memory[uint64(drawn_state)]))
            return pick(memory, parameters, task, state, seen, episode_step, 0.0, key)

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
            if memory[uint64(count)] == 0.0:
                return uint64(num_actions)  # there is none, and the loop ends
            if memory[uint64(drawn)] == NONE:
                place = draw(memory, subkey(key, 1))
                m = memory[uint64(possible) + place]
                memory[uint64(drawn)] = m
                memory[uint64(drawn_state)] = memory[uint64(state_in) + uint64(m)]
                if memory[uint64(planned)] != m:
                    plan(memory, read_task(candidates, uint64(m)))
                    memory[uint64(planned)] = m
            return follow(memory, parameters, seen, episode_step, key)

        @register_jitable
        def update(
            memory: Any,
            parameters: Any,
            seen: Any,
            action: Any,
            reward: Any,
            seen_next: Any,
            terminated: Any,
        ) -> Any:
            own = uint64(memory[uint64(drawn)])
            at = uint64(memory[uint64(drawn_state)])
            chance, at = step_in(
                read_task(candidates, own), at, action, reward, seen_next, terminated
            )
            memory[uint64(drawn_state)] = at
            if parameters[0] != 0.0 and chance == 0.0:
                memory[uint64(drawn)] = NONE
            kept, greatest = uint64(0), 0.0
            for place in range(uint64(memory[uint64(count)])):
                m = uint64(memory[uint64(possible) + place])
                at = uint64(memory[uint64(state_in) + m])
                chance, at = step_in(
                    read_task(candidates, m), at, action, reward, seen_next, terminated
                )
                if chance == UNCLEAR:
                    kept = uint64(0)
                    break
                if chance > 0.0:
                    memory[uint64(possible) + kept] = m
                    memory[uint64(state_in) + m] = at
                    memory[uint64(weight) + m] *= chance
                    greatest = max(greatest, memory[uint64(weight) + m])
                    kept += uint64(1)
            memory[uint64(count)] = kept
            if not is_certain:
                for place in range(kept):  # else they would vanish
                    memory[uint64(weight) + uint64(memory[uint64(possible) + place])] /= greatest

        @register_jitable
        def label(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            key: Any,
        ) -> Any:
            return follow(memory, parameters, seen, episode_step, key)

        @register_jitable
        def chances(
            memory: Any,
            parameters: Any,
            task: Any,
            state: Any,
            seen: Any,
            episode_step: Any,
            exploration: Any,
            out: Any,
        ) -> None:
            task = read_task(candidates, uint64(memory[uint64(drawn)]))
            state = state_of(uint64(memory[uint64(drawn_state)]))
            chances_of(memory, parameters, task, state, seen, episode_step, 0.0, out)

        return LearningRules(drawn_state + 1, begin, choose, update, label, begin_episode, chances)

    def _explain(
        self, family: TaskFamily, task_ids: Any, broken_by: int, last_call: np.ndarray
    ) -> NoReturn:
        """Raise the `InvalidArgument` for the call that left the schema, or for unclear states."""
        if broken_by == BROKEN_BY_CHOOSE:
            task_id = int(np.asarray(task_ids)[last_call[0]])
            raise InvalidArgument(
                "posterior-sampling needs a family in whose tasks what is seen tells the state, "
                f"but in task {task_id} of {family.name} chance led to states that look alike; let "
                "more be observed, or use a learning algorithm such as q-learning"
            )
        super()._explain(family, task_ids, broken_by, last_call)


def stepping(family: TaskFamily) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """How an episode begins, and goes on, in a task that may be the learner's.

    `start_in(task, episode, key, seen) -> (fits, state)` and
    `step_in(task, state, action, reward, seen_next, terminated) -> (chance, state)` say whether,
    and how likely, that would have been seen, too. States are numbered; one that there is not is 0,
    and is never seen. After what cannot be, the state is the first that would look the same, or the
    first of all.
    """
    outcomes = finite_outcomes(family)
    keys = np.array([key for key, _ in outcomes], np.uint32)
    chances = np.array([chance for _, chance in outcomes])
    reset, step, observe = family_functions(family)
    number_state = mixed_radix(family.state_sizes)
    state_of = mixed_radix_inverse(family.state_sizes)
    number_observation = mixed_radix(family.observation_sizes)
    is_no_state = tuple_guard(family.state_sizes)
    is_no_observation = tuple_guard(family.observation_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)

    @register_jitable
    def is_seen(task: Any, state: Any, seen: Any) -> Any:
        observation = observe(task, state)
        return (not is_no_observation(observation)) and number_observation(observation) == seen

    @register_jitable
    def start_in(task: Any, episode: Any, key: Any, seen: Any) -> Any:
        state = reset(task, episode, key)
        if is_no_state(state):
            return False, uint64(0)
        return is_seen(task, state, seen), number_state(state)

    @register_jitable
    def step_in(
        task: Any, state: Any, action: Any, reward: Any, seen_next: Any, terminated: Any
    ) -> Any:
        total, found, alike = 0.0, uint64(0), uint64(0)
        is_like, is_unclear = False, False
        for k in range(keys.shape[0]):
            after, paid, ended = step(task, state_of(state), uint8(action), uint32(keys[k]))
            if is_no_state(after) | is_no_reward(paid):
                continue
            number, looks_alike = number_state(after), is_seen(task, after, seen_next)
            if k == 0 or (looks_alike and not is_like):
                alike, is_like = number, looks_alike
            is_same = (narrow_reward(paid) == reward) & ((ended == 1) == terminated)
            if is_same and looks_alike:
                is_unclear |= total > 0.0 and number != found
                total += chances[k]
                found = number
        if total == 0.0:
            return 0.0, alike
        return (UNCLEAR if is_unclear else total), found

    return start_in, step_in


def check_enumerable(family: TaskFamily) -> None:
    """Raise `InvalidArgument` where not all tasks can be compared with what is seen."""
    if family.num_tasks > MAX_TASKS:
        raise InvalidArgument(
            f"posterior-sampling compares all tasks with what is seen, at most {MAX_TASKS:,}, but "
            f"{family.name} has {family.num_tasks:,}; make the family smaller"
        )
    check_planner(family)
