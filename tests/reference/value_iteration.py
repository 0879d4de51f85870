"""Value iteration in plain Python over all states that can be reached: the optimum."""

from __future__ import annotations

import numpy as np

from reference.plain_casts import plain_casts


def optimum(family, task_id):
    """The greatest expected return of the first episode of a task."""
    reset, step = family.reset, family.step
    task = tuple(family.task_parameters(np.array([task_id]))[0])
    starts, transitions = [], {}
    with plain_casts(), np.errstate(over="ignore"):  # random draws wrap round
        for key, probability in family.starts:
            starts.append((probability, plain(reset(task, np.uint32(0), np.uint32(key)))))
        frontier = [state for _, state in starts]
        while frontier:
            state = frontier.pop()
            if state in transitions:
                continue
            transitions[state] = [
                [
                    (probability, *results(step(task, as_int32(state), action, np.uint32(key))))
                    for key, probability in family.outcomes
                ]
                for action in range(family.num_actions)
            ]
            frontier += [outcome[1] for of in transitions[state] for outcome in of]
    values = dict.fromkeys(transitions, 0.0)
    for _ in range(family.episode_length):
        values = {
            state: max(
                sum(
                    probability * (reward + (0.0 if ended else values[then]))
                    for probability, then, reward, ended in outcomes
                )
                for outcomes in of_actions
            )
            for state, of_actions in transitions.items()
        }
    return sum(probability * values[state] for probability, state in starts)


def results(of_step):
    """What a step returned, in numbers of Python."""
    state, reward, ended = of_step
    return plain(state), float(reward), bool(ended)


def plain(state):
    """A state as integers of Python."""
    return tuple(int(value) for value in state)


def as_int32(state):
    """A state as the family's functions take it."""
    return tuple(np.int32(value) for value in state)
