"""Where values enter families: their options, what they share, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adfast import tasks
from adfast.facts import family_facts
from attacks.face import Face
from attacks.faces_of_acting import ROOM


def made_by(make: Callable[..., Any]) -> Callable[[Any, dict[str, Any]], Any]:
    """The call of a face whose first argument is a name."""
    return lambda _, a: make(a["name"], **{n: v for n, v in a.items() if n != "name"})


MAKE_MIXTURE = Face(
    "tasks.make: mixture",
    arguments=lambda _, rng: {
        "name": "mixture",
        "members": [{"name": "dark-room", "options": {"size": 3}, "weight": 2.0}],
        "tasks": 9,
        "observes_kind": True,
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: sum(made.allotted) == a["tasks"],
    weight=1,
)
SHARED_SCHEMA = Face(
    "tasks.shared_schema",
    arguments=lambda _, rng: {"families": [ROOM, tasks.make("bandit", arms=7)]},
    call=lambda _, a: tasks.shared_schema(a["families"]),
    check=lambda _, a, schema: schema.num_actions == max(f.num_actions for f in a["families"]),
    weight=1,
)
FAMILY_FACTS = Face(
    "family_facts",
    arguments=lambda _, rng: {"family": ROOM, "episodes": 3, "histories": 2, "seed": 1},
    call=lambda _, a: family_facts(**a),
    check=lambda _, a, facts: facts.num_tasks == 9 and facts.bits_left == 0.0,
    attacked=("family", "seed"),
    weight=1,
)
MAKE_FAMILY = Face(
    "tasks.make",
    arguments=lambda _, rng: {
        "name": "dark-room",
        "size": 3,
        "episode_length": 8,
        "start": "corner",
        "reward": "once",
        "terminate_at_goal": True,
        "action_order": "dpt",
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.num_tasks == a["size"] ** 2,
    weight=2,
)
MAKE_KEY_TO_DOOR = Face(
    "tasks.make of key-to-door",
    arguments=lambda _, rng: {
        "name": "key-to-door",
        "size": 3,
        "episode_length": 8,
        "start": "corner",
        "key_observed": True,
        "terminate_at_goal": True,
        "action_order": "dpt",
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.num_tasks == a["size"] ** 4,
    weight=1,
)
MAKE_BANDIT = Face(
    "tasks.make: bandit",
    arguments=lambda _, rng: {
        "name": "bandit",
        "arms": 4,
        "means": "odd",
        "bias": 0.5,
        "bandits": 9,
        "episode_length": 3,
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.arm_means([0]).shape == (1, a["arms"]),
    weight=1,
)
MAKE_RANDOM_WORLD = Face(
    "tasks.make: random-world",
    arguments=lambda _, rng: {
        "name": "random-world",
        "states": 4,
        "actions": 2,
        "branching": 2,
        "slip": 0.5,
        "reward_density": 0.5,
        "start": "random",
        "episode_length": 3,
        "worlds": 9,
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.task_parameters([0])[0, 2] < a["states"],
    weight=1,
)
MAKE_KEYS_AND_BOXES = Face(
    "tasks.make: keys-and-boxes",
    arguments=lambda _, rng: {
        "name": "keys-and-boxes",
        "size": 4,
        "episode_length": 8,
        "boxes": 4,
        "boxed_keys": 2,
        "rewards": 2,
        "held_observed": True,
        "interface": "own",
        "puzzles": 9,
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.num_tasks == a["puzzles"],
    weight=1,
)
MAKE_WATER_MAZE = Face(
    "tasks.make: water-maze",
    arguments=lambda _, rng: {
        "name": "water-maze",
        "picture": (3, 4),
        "field_of_view": 90,
        "episode_length": 8,
        "stride": 20,
        "turn": 72,
        "first_heading": "random",
        "platform_spacing": 100,
        "least_distance": 90,
        "cell_side": 40,
        "terminate_at_goal": True,
    },
    call=made_by(tasks.make),
    check=lambda _, a, made: made.transition_schema.observation.read.shape == (*a["picture"], 3),
    weight=1,
)
