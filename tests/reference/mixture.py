"""Plain-Python twin of Mixture: the twin of whichever member a task is of, its values padded."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete

from reference.dark_room import DarkRoomReferenceEnv
from reference.random_streams import step_key, stream_key

MEMBER_TASKS = 12
ROUNDS = 8


def twin_environment(name):
    """The class of a member's twin as a Gymnasium environment."""
    module = import_module(f"reference.{name.replace('-', '_')}")
    words = "".join(word.capitalize() for word in name.split("-"))
    return getattr(module, f"{words}ReferenceEnv")


def allotted(weights, tasks):
    """How many of the tasks each member has: rounded down, then the largest remainders up."""
    total = sum(map(Fraction, weights))
    shares = [Fraction(weight) * tasks / total for weight in weights]
    counts = [int(share) for share in shares]
    by_remainder = sorted(range(len(weights)), key=lambda place: counts[place] - shares[place])
    for place in by_remainder[: tasks - sum(counts)]:
        counts[place] += 1
    return counts


def permuted(index, count, kind):
    """Where the permutation of a member's `count` tasks puts one."""
    half = max(1, -(-(count - 1).bit_length() // 2))
    while True:
        left, right = index >> half, index % (1 << half)
        for number in range(ROUNDS):
            words = stream_key(0, MEMBER_TASKS, kind * ROUNDS + number)
            left, right = right, left ^ step_key(*words, right) % (1 << half)
        index = (left << half) + right
        if index < count:
            return index


def member_task(task_id, weights, tasks, num_tasks, skips):
    """The member and its task; `num_tasks` are those that they have, `skips` passed over."""
    for kind, count in enumerate(allotted(weights, tasks)):
        if task_id < count:
            return kind, permuted(task_id + skips[kind], num_tasks[kind], kind)
        task_id -= count
    raise AssertionError("no such task")


class MixtureReference:
    """One environment of task `task_id`, in random stream `random_stream` of `seed`."""

    num_actions = 5  # of whatever is mixed here: a room

    def __init__(
        self,
        task_id,
        members=(),
        tasks=1024,
        observes_kind=False,
        num_tasks=None,
        seed=0,
        random_stream=0,
    ):
        members = members or DEFAULT_MEMBERS
        weights = [member.get("weight", 1.0) for member in members]
        num_tasks = num_tasks or [NUM_TASKS[member["name"]](member) for member in members]
        skips = [member.get("skip", 0) for member in members]
        self.kind, own = member_task(task_id, weights, tasks, num_tasks, skips)
        rooms = [
            twin_environment(member["name"])(
                own if kind == self.kind else 0,
                **member.get("options", {}),
                seed=seed,
                random_stream=random_stream,
            )
            for kind, member in enumerate(members)
        ]
        self.room = rooms[self.kind].room
        self.sizes = rooms[self.kind].observation_space.nvec.tolist()
        self.observes_kind = observes_kind
        self.episode_length = max(room.room.episode_length for room in rooms)
        self.room.clock_length = self.episode_length
        numbers = max(int(np.prod(room.observation_space.nvec)) for room in rooms)
        self.observation_sizes = [numbers, *([len(members)] if observes_kind else [])]

    def seen(self, observation):
        """The observation as one number, by option with the kind."""
        number = 0
        for value, size in zip(observation, self.sizes, strict=True):
            number = number * size + value
        return (number, self.kind) if self.observes_kind else (number,)

    def reset(self):
        """The observation in which the next episode starts."""
        self.now = self.room.reset()
        return self.seen(self.now)

    def step(self, action):
        """Observation, reward, terminated, truncated; a spare action does nothing."""
        if action < self.room.num_actions:
            self.now, reward, terminated, truncated = self.room.step(action)
            return self.seen(self.now), reward, terminated, truncated
        self.room.steps += 1
        return self.seen(self.now), 0, False, self.room.steps == self.room.episode_length


# How many tasks the families have that are mixed here.
NUM_TASKS = {
    "dark-room": lambda member: member.get("options", {}).get("size", 9) ** 2,
    "dark-house": lambda member: member.get("options", {}).get("houses", 1024),
    "frozen-lake": lambda member: member.get("options", {}).get("lakes", 1024),
    "key-to-door": lambda member: member.get("options", {}).get("size", 9) ** 4,
}
DEFAULT_MEMBERS = (
    {"name": "key-to-door"},
    {"name": "frozen-lake", "options": {"is_slippery": False}},
)


class MixtureReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = MixtureReference

    def __init__(self, task_id=0, members=DEFAULT_MEMBERS, **options):
        self.task_id, self.options = task_id, {"members": members, **options}
        self.room = self.reference(task_id, **self.options)
        sizes = self.room.observation_sizes
        self.dtype = np.uint8 if max(sizes) <= 256 else np.uint16
        self.observation_space = MultiDiscrete(sizes, dtype=self.dtype)
        self.action_space = Discrete(self.reference.num_actions)


ROOM = {"name": "dark-room", "options": {"size": 5, "episode_length": 12, "start": "random"}}
ICE = {"name": "frozen-lake", "options": {"size": 4, "episode_length": 30}, "weight": 2.0}
HARD = {
    "name": "dark-room",
    "options": {"size": 6, "reward": "once", "terminate_at_goal": True, "episode_length": 17},
}
DOORS = {"name": "key-to-door", "options": {"size": 3, "episode_length": 12}, "weight": 0.7}
HOUSES = {
    "name": "dark-house",
    "options": {"size": 7, "rooms": 6, "houses": 99, "episode_length": 12},
    "weight": 0.0,
}
VARIANTS = {
    "mixture": {},
    "three": {"members": [ROOM, ICE, HARD], "tasks": 60},
    "kinds": {"members": [HOUSES, ROOM, DOORS], "tasks": 40, "observes_kind": True},
    "others": {"members": [{**ROOM, "skip": 9}, ICE, {**DOORS, "skip": 41}], "tasks": 50},
}
