"""Plain-Python twins of candidates that follow what another one did in a Dark Room.

A history is a list of episodes, each a list of (cell, action, reward, cell after,
whether the task ended it).
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict

from reference.expert import best_actions
from reference.posterior_sampling import rooms_of, walk_along


def drawn_task_chances(room, history, noise, *, prior, learns, each_episode, redraws=False):
    """For each transition, how probable each action is of who drew one of the rooms.

    `prior` has a weight for each goal. At each transition the drawn room follows from what was
    done before it, were each action any action with the probability `noise`.
    """
    num_actions, rooms = len(room.displacements), rooms_of(room)
    weights, drawn, found = list(prior), None, []
    for episode in history:
        for other in rooms:
            other.reset()
        if drawn is None or each_episode:
            drawn = normalised(weights if learns else prior)
        for t, (_, action, reward, after, ended) in enumerate(episode):
            plans = [evenly(best_actions(r, r.episode_length - t), num_actions) for r in rooms]
            found.append([dot(drawn, [plan[a] for plan in plans]) for a in range(num_actions)])
            drawn = normalised(
                w * ((1 - noise) * plan[action] + noise / num_actions)
                for w, plan in zip(drawn, plans, strict=True)
            )
            fits = [walk_along(other, action, (after, reward, ended)) for other in rooms]
            for other in rooms:
                other.paid &= other.reward == "once"  # else it is no part of the state
            weights = [w * fit for w, fit in zip(weights, fits, strict=True)]
            if redraws:
                refuted = sum(w for w, fit in zip(drawn, fits, strict=True) if not fit)
                again = normalised(weights)
                kept = [w * fit for w, fit in zip(drawn, fits, strict=True)]
                drawn = [w + refuted * a for w, a in zip(kept, again, strict=True)]
    return found


def q_learning_chances(history, num_actions, *, times, epsilon, learning_rate, discount, initial):
    """How probable each action is of Q-learning that learns each episode `times` times.

    `epsilon(episode)` is the probability of an action at random.
    """
    values, found = defaultdict(lambda: [initial] * num_actions), []

    def learn(cell, action, reward, after, ended):
        target = reward + (0.0 if ended else discount * max(values[after]))
        values[cell][action] += learning_rate * (target - values[cell][action])

    for number, episode in enumerate(history):
        random = epsilon(number * times)
        for transition in episode:
            here = values[transition[0]]
            best = evenly([a for a, v in enumerate(here) if v == max(here)], num_actions)
            found.append([(1 - random) * chance + random / num_actions for chance in best])
            learn(*transition)
        for _ in range(times - 1):
            for transition in episode:
                learn(*transition)
    return found


def scored_bits(history, chances, noises, disagreement):
    """Bits by phase, candidate and noise, and the scored steps by phase.

    `chances[candidate][noise][t]` are those of the actions at transition t.
    """
    bits = [[[0.0] * len(noises) for _ in chances] for _ in range(3)]
    steps, phase, t = [0, 0, 0], 0, 0
    for episode in history:
        for _, action, reward, *_ in episode:
            usual = [by_noise[noises.index(0.1)][t] for by_noise in chances]
            distances = [
                sum(abs(x - y) for x, y in zip(p, q, strict=True)) / 2 for p in usual for q in usual
            ]
            if max(distances) > disagreement:
                steps[phase] += 1
                for candidate, by_noise in enumerate(chances):
                    for place, noise in enumerate(noises):
                        chance = by_noise[place][t][action]
                        num_actions = len(by_noise[place][t])
                        mixed = (1 - noise) * chance + noise / num_actions
                        bits[phase][candidate][place] += math.log2(mixed * num_actions)
            if reward > 0 and phase == 0:
                phase = 1
            t += 1
        phase = 2 if phase == 1 else phase
    return bits, steps


def histories_of(room, actions, episodes):
    """What the given `actions` come to: the history."""
    room, taken, history = copy.copy(room), iter(actions), []
    for _ in range(episodes):
        cell, done, episode = room.reset(), False, []
        while not done:
            action = next(taken)
            after, reward, terminated, truncated = room.step(action)
            episode.append((cell, action, reward, after, terminated))
            cell, done = after, terminated or truncated
        history.append(episode)
    return history


def evenly(actions, num_actions):
    """The chances of who takes each of `actions` equally often."""
    return [(a in actions) / len(actions) for a in range(num_actions)]


def normalised(weights):
    """They sum to one."""
    weights = list(weights)
    return [weight / sum(weights) for weight in weights]


def dot(left, right):
    """The sum of products."""
    return sum(x * y for x, y in zip(left, right, strict=True))
