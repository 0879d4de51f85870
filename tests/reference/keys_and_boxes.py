"""Plain-Python twin of Keys and Boxes: a Dark Room in which things lie."""

from __future__ import annotations

from gymnasium.spaces import MultiDiscrete

from reference.dark_room import DarkRoomReference, DarkRoomReferenceEnv
from reference.random_streams import TASK_CONTENT, bounded, step_key, stream_key


def drawn_puzzle(task_id, size=9, boxes=3, boxed_keys=1, rewards=2):
    """What lies in which cell, as {cell: ("key" or "box", colour)}, and what boxes hold.

    A box holds "reward", ("key", colour) or nothing, and is then missing.
    """
    lying = boxes - boxed_keys
    stream, step = stream_key(0, TASK_CONTENT, task_id), -1

    def draw(free):
        nonlocal step
        step += 1
        return free[bounded(step_key(*stream, step), len(free))]

    things = [("key", colour) for colour in range(lying)]
    things += [("box", colour) for colour in range(boxes)]
    free = [(row, column) for row in range(size) for column in range(size)]
    places, contents = {}, {}
    for thing in things:
        cell = draw(free)
        free.remove(cell)
        places[cell] = thing
    for colour in range(lying, boxes):
        contents[draw([box for box in range(colour) if box not in contents])] = ("key", colour)
    for _ in range(rewards):
        contents[draw([box for box in range(boxes) if box not in contents])] = "reward"
    return places, contents


class KeysAndBoxesReference(DarkRoomReference):
    """One environment of puzzle `task_id`, in random stream `random_stream` of `seed`."""

    def __init__(
        self,
        task_id,
        size=9,
        episode_length=None,
        boxes=3,
        boxed_keys=1,
        rewards=2,
        held_observed=False,
        interface="own",
        puzzles=2**20,
        **options,
    ):
        assert task_id < puzzles
        length = episode_length or {"own": 50, "dark-room": 20}[interface]
        super().__init__(0, size=size, episode_length=length, **options)
        self.places, self.contents = drawn_puzzle(task_id, size, boxes, boxed_keys, rewards)
        self.boxes, self.held_observed = boxes, held_observed

    @property
    def observation(self):
        """The cell, by option with what is held: 0 for nothing, else 1 + the colour."""
        held = 0 if self.held is None else 1 + self.held
        return (*self.cell, held) if self.held_observed else self.cell

    @property
    def state(self):
        """What a learner that reads the state sees: the cell, what is held, and what was taken."""
        held = 0 if self.held is None else 1 + self.held
        return (*self.cell, held, sum(2**colour for colour in self.taken))

    def reset(self):
        """The observation in which the next episode starts."""
        self.held, self.taken, self.lost = None, set(), []
        super().reset()
        return self.observation

    def step(self, action):
        """Observation, reward, terminated, truncated."""
        *_, truncated = super().step(action)
        what, colour = self.places.get(self.cell, ("nothing", None))
        reward = 0
        if what == "key" and colour not in self.taken:
            if self.held is not None:
                self.lost.append(self.held)
            self.held = colour
            self.taken.add(colour)
        elif what == "box" and self.held == colour:
            inside = self.contents.get(colour)
            reward = int(inside == "reward")
            self.held = inside[1] if isinstance(inside, tuple) else None
        return self.observation, reward, False, truncated

    def worth(self, colour):
        """The rewards that the key of this colour leads to."""
        inside = self.contents.get(colour)
        return self.worth(inside[1]) if isinstance(inside, tuple) else int(inside == "reward")

    @property
    def is_dead_end(self):
        """Whether something that led to a reward was lost."""
        return any(self.worth(colour) for colour in self.lost)


class KeysAndBoxesReferenceEnv(DarkRoomReferenceEnv):
    """The twin as a Gymnasium environment."""

    reference = KeysAndBoxesReference

    def __init__(self, task_id=0, **options):
        super().__init__(task_id, **options)
        size, held = self.room.size, 1 + self.room.boxes
        sizes = [size, size, held] if self.room.held_observed else [size, size]
        self.observation_space = MultiDiscrete(sizes, dtype=self.dtype)


VARIANTS = {
    "keys-and-boxes": {},
    "dark-room": {"interface": "dark-room", "rewards": 1, "start": "random"},
    "chain": {"size": 4, "boxes": 5, "boxed_keys": 4, "rewards": 1, "held_observed": True},
    "all-lying": {"size": 3, "boxes": 4, "boxed_keys": 0, "rewards": 3, "action_order": "dpt"},
    "one": {"size": 2, "boxes": 1, "boxed_keys": 0, "rewards": 1, "start": (1, 0), "puzzles": 40},
}
