"""Plain-Python twin of the variants of gridworlds: what stands between a learner and a twin."""

from __future__ import annotations

from itertools import permutations

from reference.random_streams import (
    ENVIRONMENT_STEP,
    TASK_CONTENT,
    bounded,
    step_key,
    stream_key,
    subkey,
)


class VariantReference:
    """One environment of a task of a varied family, around the twin of the plain one.

    `twin` is its class, `plain_tasks` their number, and `move_goals(twin, key)` lays its goals.
    """

    def __init__(
        self,
        task_id,
        twin,
        plain_tasks,
        slip=0.0,
        permute_actions=False,
        reward_noise=0.0,
        goal_moves_every=0,
        move_goals=None,
        seed=0,
        random_stream=0,
        **options,
    ):
        variant, plain_id = divmod(task_id, plain_tasks)
        self.room = twin(plain_id, **options, seed=seed, random_stream=random_stream)
        slips = slip if isinstance(slip, (list, tuple)) else [slip]
        permutation, number = divmod(variant, len(slips))
        self.slip = slips[number]
        actions = range(twin.num_actions)
        self.moves = list(permutations(actions))[permutation] if permute_actions else list(actions)
        self.noise = reward_noise
        self.goal_moves_every, self.move_goals = goal_moves_every, move_goals
        self.goals = stream_key(0, TASK_CONTENT, task_id)
        self.stream = stream_key(seed, ENVIRONMENT_STEP, random_stream)
        self.episode = -1

    def reset(self):
        """The observation in which the next episode starts."""
        self.episode += 1
        self.steps = 0
        if self.goal_moves_every:
            period = self.episode // self.goal_moves_every
            if period > 0:
                self.move_goals(self.room, step_key(*self.goals, period))
        return self.room.reset()

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        clock = self.episode * self.room.episode_length + self.steps
        upper, lower = divmod(step_key(*self.stream, clock), 2**16)
        self.steps += 1
        move = self.moves[action]
        if upper < round(self.slip * 2**16):
            move = upper % len(self.moves)
        observation, reward, terminated, truncated = self.room.step(move)
        share = round(self.noise / 2 * 2**16)
        if lower < share:
            reward += 1
        elif lower < 2 * share:
            reward -= 1
        return observation, reward, terminated, truncated


def move_goal_of_dark_room(room, key):
    """Lay the goal into a cell that is drawn."""
    room.goal = bounded(key, room.size), bounded(subkey(key, 0), room.size)


def move_key_and_door(room, key):
    """Lay the key into a cell that is drawn, and the door."""
    cells = [bounded(key, room.size), *(bounded(subkey(key, n), room.size) for n in range(3))]
    room.key, room.door = tuple(cells[:2]), tuple(cells[2:])


MOVE_GOALS = {"dark-room": move_goal_of_dark_room, "key-to-door": move_key_and_door}

# Of each family, in few compilations: options, and the number of plain tasks.
VARIANTS = {
    "dark-room": {
        "slips": ({"size": 5, "slip": (0.0, 0.1, 0.5)}, 25),
        "permuted": ({"size": 6, "permute_actions": True, "action_order": "dpt"}, 36),
        "noisy": ({"size": 4, "reward_noise": 0.3, "terminate_at_goal": True}, 16),
        "moving": ({"size": 4, "episode_length": 6, "start": "random", "goal_moves_every": 2}, 16),
        "all": (
            {
                "size": 3,
                "episode_length": 8,
                "reward": "once",
                "slip": [0.9, 0.25],
                "permute_actions": True,
                "reward_noise": 1.0,
                "goal_moves_every": 1,
            },
            9,
        ),
    },
    "dark-house": {
        "all": (
            {"size": 3, "rooms": 4, "houses": 7, "slip": 0.2, "permute_actions": True}
            | {"reward_noise": 0.1},
            7,
        ),
    },
    "key-to-door": {
        "moving": ({"size": 2, "episode_length": 6, "goal_moves_every": 2, "slip": 0.1}, 16),
        "all": (
            {"size": 3, "episode_length": 12, "slip": [0.4, 0.1], "permute_actions": True}
            | {"reward_noise": 0.2, "terminate_at_goal": True, "start": "corner"},
            81,
        ),
    },
    "keys-and-boxes": {
        "all": (
            {"size": 3, "episode_length": 9, "puzzles": 11, "slip": 0.2, "permute_actions": True}
            | {"reward_noise": 0.1, "start": "random"},
            11,
        ),
    },
    "cliff-walking": {
        "all": (
            {"rows": 3, "columns": 5, "episode_length": 15, "cliffs": 9, "slip": [0.0, 0.3]}
            | {"permute_actions": True, "reward_noise": 0.4},
            9,
        ),
    },
    "frozen-lake": {
        "noisy": ({"lakes": 9, "reward_noise": 0.5, "permute_actions": True}, 9),
        "slips": ({"is_slippery": False, "lakes": 9, "slip": [0.3, 0.0]}, 9),
    },
}
