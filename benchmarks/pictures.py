"""Contest of the training step on rendered pictures, beside the same without them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.contest import Contest, require_equal, require_equal_fields, show
from benchmarks.engine import (
    BatchSimulator,
    BatchSource,
    ModelConfig,
    TaskFamily,
    TrainingConfig,
    Transformer,
    TransitionSchema,
    discrete_schema,
    from_arrays,
    shown_batches,
    tasks,
)
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender
from benchmarks.training import MOST_UPDATES, training_step

NUM_HISTORIES, SIDE = 16, 9  # histories of chance, and cells along each side of the arena


@contextmanager
def step(
    picture: tuple[int, int], context_length: int, batch_size: int, attention_window: int
) -> Iterator[Contest]:
    """Batch, gradient and optimisers where batches hold poses, against cells in their place.

    Drawing pictures and looking at them is all that the one does beyond the other. Between them is
    who is given a batch that was drawn already, and so only looks.
    """
    maze = tasks.make("water-maze", picture=picture)
    schema, poses = maze.transition_schema, wanderings(maze, context_length)
    counted = discrete_schema((SIDE, SIDE), schema.num_actions, schema.episode_length)
    config = ModelConfig(attention_window=attention_window)
    training = TrainingConfig(
        updates=MOST_UPDATES, batch_size=batch_size, context_length=context_length, threads=1
    )
    lengths = np.full(NUM_HISTORIES, len(poses["action"]) // NUM_HISTORIES)
    seen, numbered = (
        BatchSource(from_arrays(kind, arrays, lengths), training, seed=0)
        for kind, arrays in ((schema, poses), (counted, in_cells(poses, schema)))
    )

    with shown_batches(seen, schema.observation) as shown:
        drawn = shown(0)

    def check() -> None:
        poses = seen(0)["observation"].numpy()
        require_equal("frames", schema.observation.as_shown(poses), drawn["observation"].numpy())
        batch, beside = ({n: v.numpy() for n, v in made(0).items()} for made in (seen, numbered))
        names = ("action", "reward", "episode_step")
        require_equal_fields(*({name: rows[name] for name in names} for rows in (batch, beside)))
        cells = in_cells(batch, schema)["observation"]
        require_equal("cells of the poses", cells, beside["observation"])
        show(f"both see the same {cells.shape[0]} windows of {cells.shape[1]} transitions")

    with one_torch_thread():
        transitions = batch_size * context_length
        subject = training_step(Transformer(config, schema, seed=0), seen, training)
        rival = training_step(Transformer(config, counted, seed=0), numbered, training)
        only_looks = training_step(Transformer(config, schema, seed=0), lambda _: drawn, training)
        yield Contest(
            Contender("pictures", subject, transitions),
            (
                Contender("cells", rival, transitions),
                Contender("pictures drawn already", only_looks, transitions),
            ),
            check,
        )


def wanderings(maze: TaskFamily, min_length: int) -> dict[str, np.ndarray]:
    """Rows of histories of chance, of at least `min_length` transitions each, one by one."""
    episodes = -(-min_length // maze.episode_length) + 1
    length = episodes * maze.episode_length
    simulator = BatchSimulator(maze, np.arange(NUM_HISTORIES))
    arrays = maze.transition_schema.allocate(NUM_HISTORIES, length)
    observation = simulator.reset()
    chance = np.random.default_rng(0)
    for row in range(length):
        action = chance.integers(maze.transition_schema.num_actions, size=NUM_HISTORIES)
        result = simulator.step(action)
        arrays["observation"][:, row], arrays["action"][:, row] = observation, action
        arrays["reward"][:, row] = result.reward
        arrays["next_observation"][:, row] = result.final_observation
        arrays["boundary"][:, row] = np.where(result.truncated, 2, result.terminated)
        arrays["episode_step"][:, row] = row % maze.episode_length
        observation = result.observation
    return {name: rows.reshape(-1, *rows.shape[2:]) for name, rows in arrays.items()}


def in_cells(rows: dict[str, np.ndarray], schema: TransitionSchema) -> dict[str, np.ndarray]:
    """`rows` with the cell that each pose is in, whichever way it looks."""
    sizes = np.array(schema.observation.stored.sizes[:2])
    cells = {
        name: (rows[name][..., :2].astype(np.int64) * SIDE // sizes).astype(np.uint8)
        for name in ("observation", "next_observation")
    }
    return {**rows, **cells}
