"""Stores that ask a format for everything, and how they are compared with what comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adfast import histories
from adfast.histories.store import HistoryStore
from adfast.tasks.mazes.water_maze_scene import WaterMazeScene
from adfast.tasks.observation import DiscreteObservation, ObservationSpec, RealObservation
from adfast.tasks.rendered_observation import RenderedObservation
from adfast.tasks.transition_schema import TransitionSchema

SCENE = WaterMazeScene(picture=(6, 8), field_of_view=70)
OBSERVATIONS: dict[str, ObservationSpec] = {
    "counted": DiscreteObservation((9, 300)),
    "one number": DiscreteObservation((81,)),
    "real": RealObservation("float32", (4,)),
    "wide": RealObservation("float64", (2, 3)),
    "pictures": RealObservation("uint8", (32, 33, 3)),
    "rendered": RenderedObservation(DiscreteObservation(SCENE.pose_sizes), SCENE),
}
LENGTHS = ((23, 1, 40), (17,))  # of the histories of two blocks
EPISODE_LENGTH = 6


def make_store(
    path: Path,
    kind: str = "counted",
    *,
    reward_dtype: str = "int8",
    labelled: bool = False,
    lengths: tuple[tuple[int, ...], ...] = LENGTHS,
) -> HistoryStore:
    """Two blocks of histories of unequal lengths, the last episodes cut, both kinds of ends.

    Final observations are unlike those that follow; some are like them by chance, too.
    """
    spec = OBSERVATIONS[kind]
    schema = TransitionSchema(spec, 5, EPISODE_LENGTH, reward_dtype, labelled=labelled)
    rng = np.random.default_rng(7)
    about = {"made": [1, {"by": "us"}]}
    with histories.create(path, schema, num_blocks=len(lengths), description=about) as writer:
        for number, of_block in enumerate(lengths):
            parts = [make_history(schema, rng, length) for length in of_block]
            arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            metadata = {
                "task_id": np.arange(len(of_block)) + 10 * number,
                "temperature": np.linspace(0.5, 1.5, len(of_block)),
                "is_good": np.arange(len(of_block)) % 2 == 0,
                "algorithm": ("q-learning", "sarsa")[number % 2],
                "seed": 3,
            }
            writer.append_block(number, arrays, np.array(of_block), metadata)
    return histories.open(path)


def make_history(
    schema: TransitionSchema, rng: np.random.Generator, length: int
) -> dict[str, np.ndarray]:
    """One history of random transitions in episodes of at most `EPISODE_LENGTH` steps."""
    observation = make_observations(schema.observation, rng, length)
    last = make_observations(schema.observation, rng, length)
    boundary = rng.choice(np.array([0, 0, 0, 1, 2], np.uint8), length)
    steps = np.zeros(length, schema.episode_step_dtype)
    step = 0
    for row in range(length):
        steps[row] = step
        if step == EPISODE_LENGTH - 1 and not boundary[row]:
            boundary[row] = 2
        step = 0 if boundary[row] else step + 1
    if length > 1:
        boundary[-1] = 0  # the last episode is cut
    following = np.concatenate([observation[1:], last[:1]])
    ends = (boundary != 0) & (rng.random(length) < 0.8)
    following[ends] = last[ends]
    low = 0 if schema.reward_dtype == "uint8" else -3
    reward = rng.integers(low, 4, length)
    if schema.reward_dtype == "float32":
        reward = rng.normal(size=length)
    history = {
        "observation": observation,
        "action": rng.integers(0, 5, length).astype(np.uint8),
        "reward": reward.astype(schema.reward_dtype),
        "next_observation": following,
        "boundary": boundary,
        "episode_step": steps,
    }
    if schema.labelled:
        history["label"] = rng.integers(0, 5, length).astype(np.uint8)
    return history


def make_observations(spec: ObservationSpec, rng: np.random.Generator, count: int) -> np.ndarray:
    """`[count, *item]`: random ones."""
    field = spec.stored
    shape = (count, *field.shape)
    if field.sizes is not None:
        return rng.integers(0, field.sizes, shape).astype(field.dtype)
    if field.dtype.kind == "f":
        return rng.normal(size=shape).astype(field.dtype)
    return rng.integers(0, 256, shape).astype(field.dtype)


def assert_same_histories(actual: HistoryStore, expected: HistoryStore) -> None:
    """Both hold the same histories, bit for bit, and say the same of them."""
    assert actual.schema == expected.schema
    np.testing.assert_array_equal(actual.lengths, expected.lengths)
    for index in range(expected.num_histories):
        found, wanted = actual.history(index), expected.history(index)
        assert found.keys() == wanted.keys()
        for name, values in wanted.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{name} of {index}")
            assert found[name].dtype == values.dtype
        assert actual.metadata_of(index) == expected.metadata_of(index)
    description = {**actual.description}
    description.pop("imported", None)
    assert description == expected.description


def listed(folder: Path) -> list[str]:
    """Everything in a folder, by its path."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
