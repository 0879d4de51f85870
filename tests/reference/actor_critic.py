"""Plain-Python twin of tabular actor-critic: the histories of all actors of one learner."""

from __future__ import annotations

from collections import defaultdict

from reference.histories import HistoryWriter
from reference.random_streams import BEHAVIOUR, step_key, stream_key, uniform


def exponential(x):
    """exp(x) of x <= 0, by the numbers that are multiplied."""
    y = max(x, -256.0) / 256.0
    y = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0)))
    for _ in range(8):
        y *= y
    return y


class Place:
    """What the tables hold of one input."""

    def __init__(self, num_actions):
        self.logits = [0.0] * num_actions
        self.value = 0.0

    def weights(self):
        """In proportion to the probabilities of the actions, and their sum."""
        weights, total = [exponential(logit - max(self.logits)) for logit in self.logits], 0.0
        for weight in weights:  # sum() rounds less
            total += weight
        return weights, total

    def draw(self, key):
        """An action."""
        weights, total = self.weights()
        point, below = uniform(key) * total, 0.0
        for action, weight in enumerate(weights[:-1]):
            below += weight
            if point < below:
                return action
        return len(weights) - 1

    def learn(self, action, target, policy_rate, value_rate, entropy_bonus, logit_decay):
        """Move value and logits towards a target that followed `action`."""
        advantage = target - self.value
        self.value += value_rate * advantage
        weights, total = self.weights()
        probabilities = [1.0 / total * weight for weight in weights]
        mean = 0.0
        for probability, logit in zip(probabilities, self.logits, strict=True):
            mean += probability * logit
        for a, logit in enumerate(self.logits):
            gradient = -probabilities[a] * (advantage + entropy_bonus * (logit - mean))
            gradient += advantage if a == action else 0.0
            self.logits[a] = (1.0 - logit_decay) * logit + policy_rate * gradient


class Actor:
    """One environment, where its history stands, and the steps that it has not learned from."""

    def __init__(self, environment, seed, random_stream):
        self.environment = environment
        self.stream = stream_key(seed, BEHAVIOUR, random_stream)
        self.writer = HistoryWriter()
        self.returns = []
        self.waiting = []
        self.begin()

    def begin(self):
        """An episode."""
        self.observation = self.environment.reset()
        self.total, self.t = 0, 0

    def draw_key(self):
        """That of the next action."""
        clock = len(self.returns) * self.environment.episode_length + self.t
        return step_key(*self.stream, clock)


def actor_critic_histories(
    environments,
    *,
    episodes,
    seed,
    random_streams,
    n_steps=1,
    policy_rate=1.0,
    value_rate=0.3,
    discount=0.9,
    trace=0.95,
    entropy_bonus=0.0,
    logit_decay=0.001,
    keep_every=1,
    reads="observation",
):
    """Of each actor the kept rows, as a dict of lists, and the return of every episode.

    What the learner reads is a tuple of integers: the observation, or the environment's `state`.
    """
    places = defaultdict(lambda: Place(environments[0].num_actions))
    actors = [
        Actor(environment, seed, stream)
        for environment, stream in zip(environments, random_streams, strict=True)
    ]

    def place_of(actor):
        return places[actor.environment.state if reads == "state" else actor.observation]

    def learn_from(waiting, future):
        """Aim each step at its lambda-return, and learn from all in their order."""
        target, targets = future, []
        for place, _, reward in reversed(waiting):
            target = reward + discount * (future + trace * (target - future))
            targets.append(target)
            future = place.value
        for (place, action, _), aim in zip(waiting, reversed(targets), strict=True):
            place.learn(action, aim, policy_rate, value_rate, entropy_bonus, logit_decay)

    def take_step(actor):
        here = place_of(actor)
        action = here.draw(actor.draw_key())
        before = actor.observation
        after, reward, terminated, truncated = actor.environment.step(action)
        actor.observation = after
        actor.waiting.append((here, action, reward))
        if len(actor.waiting) == n_steps or terminated or truncated:
            learn_from(actor.waiting, 0.0 if terminated else place_of(actor).value)
            actor.waiting = []
        if len(actor.returns) % keep_every == 0:
            actor.writer.append(before, action, reward, after, terminated, truncated, actor.t)
        actor.total += reward
        actor.t += 1
        if terminated or truncated:
            actor.returns.append(actor.total)
            if len(actor.returns) < episodes:
                actor.begin()

    while any(len(actor.returns) < episodes for actor in actors):
        for actor in actors:
            if len(actor.returns) < episodes:
                take_step(actor)
    return [(actor.writer.fields, actor.returns) for actor in actors]


def actor_critic_history(environment, *, random_stream, **arguments):
    """The same of a learner with one actor."""
    (history,) = actor_critic_histories([environment], random_streams=[random_stream], **arguments)
    return history
