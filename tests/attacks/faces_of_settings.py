"""Where values enter learners, plans, settings, models and attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adfast import source_algorithms
from adfast.attention import attention
from adfast.collection.config import CollectionConfig
from adfast.collection.plan import CollectionPlan
from adfast.config import Config
from adfast.evaluation.config import EvaluationConfig
from adfast.histories import quality, select, thin
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.config import TrainingConfig
from adfast.training.train import train
from attacks.face import Face
from attacks.faces_of_acting import ACTING, ROOM, integers
from attacks.faces_of_families import (
    FAMILY_FACTS,
    MAKE_BANDIT,
    MAKE_FAMILY,
    MAKE_KEY_TO_DOOR,
    MAKE_KEYS_AND_BOXES,
    MAKE_MIXTURE,
    MAKE_RANDOM_WORLD,
    MAKE_WATER_MAZE,
    SHARED_SCHEMA,
    made_by,
)
from attacks.faces_of_histories import made_store


def same_setting(held: Any, given: Any) -> bool:
    """Whether a setting is what was given, where that is a number or a word."""
    if isinstance(held, float):
        return bool(np.isfinite(held) and held == float(given))
    return held == given or given == "none" or isinstance(given, list | tuple | dict)


def settings_face(config: type[Config]) -> Face:
    """All settings of a class; an accepted one reads back as it was given."""
    defaults = config().model_dump()
    return Face(
        config.__name__,
        arguments=lambda _, rng: dict(defaults),
        call=lambda _, a: config(**a),
        check=lambda _, a, made: all(same_setting(getattr(made, n), v) for n, v in a.items()),
    )


LEARNER = source_algorithms.make("q-learning")
ACTORS = 3
PARALLEL_LEARNER = source_algorithms.make("actor-critic", actors=ACTORS, n_steps=3)


def learned(_: Any, a: dict[str, Any], lengths: Any) -> bool:
    schema = ROOM.transition_schema
    out = schema.allocate(2, 8)
    expected = LEARNER.learn(
        ROOM, integers(a["task_ids"]), integers(a["random_streams"]), 1, int(a["seed"]), out
    )
    return np.array_equal(lengths, expected) and all(
        np.array_equal(a["out"][name], out[name]) for name in schema.fields
    )


def empty_rows() -> dict[str, np.ndarray]:
    rows = ROOM.transition_schema.allocate(2, 8)
    for array in rows.values():
        array.fill(1)
    return rows


def two_learners(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "family": ROOM,
        "task_ids": rng.integers(0, 9, 2),
        "random_streams": rng.integers(0, 99, 2),
    }


LEARN = Face(
    "source_algorithms: learn",
    arguments=lambda _, rng: {
        **two_learners(rng),
        "episodes": 1,
        "seed": int(rng.integers(99)),
        "out": empty_rows(),
        "keep_every": 1,
    },
    call=lambda _, a: LEARNER.learn(*list(a.values())[:-1], keep_every=a["keep_every"]),
    check=learned,
    attacked=("family", "task_ids", "random_streams", "seed", "out"),
)
RETURNS = Face(
    "source_algorithms: returns",
    arguments=lambda _, rng: {
        **two_learners(rng),
        "episodes": 2,
        "seed": 1,
    },
    call=lambda _, a: LEARNER.returns(*a.values()),
    check=lambda _, a, returns: returns.shape == (len(a["task_ids"]), 2),
    attacked=("family", "task_ids", "random_streams", "seed"),
    weight=2,
)


def empty_rows_of_actors() -> dict[str, np.ndarray]:
    """Rows for two learners of which two streams are kept."""
    rows = ROOM.transition_schema.allocate(4, 8)
    for array in rows.values():
        array.fill(1)
    return rows


def learned_by_actors(_: Any, a: dict[str, Any], lengths: Any) -> bool:
    """Whether each learner by itself wrote the same, all of its streams kept."""
    task_ids, streams = integers(a["task_ids"]), integers(a["random_streams"])
    kept = int(a["streams_per_learner"])
    if len(lengths) != len(task_ids) // ACTORS * kept:
        return False
    for learner in range(len(task_ids) // ACTORS):
        of = slice(learner * ACTORS, (learner + 1) * ACTORS)
        out = ROOM.transition_schema.allocate(ACTORS, 8)
        alone = PARALLEL_LEARNER.learn(ROOM, task_ids[of], streams[of], 1, int(a["seed"]), out)
        for actor in range(kept):
            h, length = learner * kept + actor, alone[actor]
            if lengths[h] != length:
                return False
            for name, rows in out.items():
                if not np.array_equal(a["out"][name][h, :length], rows[actor, :length]):
                    return False
    return True


PARALLEL_LEARN = Face(
    "source_algorithms: learn with actors",
    arguments=lambda _, rng: {
        "family": ROOM,
        "task_ids": np.repeat(rng.integers(0, 9, 2), ACTORS),
        "random_streams": rng.integers(0, 99, 2 * ACTORS),
        "episodes": 1,
        "seed": int(rng.integers(99)),
        "out": empty_rows_of_actors(),
        "keep_every": 1,
        "streams_per_learner": 2,
    },
    call=lambda _, a: PARALLEL_LEARNER.learn(
        *list(a.values())[:-2],
        keep_every=a["keep_every"],
        streams_per_learner=a["streams_per_learner"],
    ),
    check=learned_by_actors,
    attacked=("family", "task_ids", "random_streams", "seed", "out", "streams_per_learner"),
    weight=2,
)


MAKE_LEARNER = Face(
    "source_algorithms.make",
    arguments=lambda _, rng: {"name": "q-learning", "learning_rate": 0.5, "epsilon_episodes": 3},
    call=made_by(source_algorithms.make),
    check=lambda _, a, made: made.learning_rate == a["learning_rate"],
    weight=1,
)
MAKE_UCB1 = Face(
    "source_algorithms.make: ucb1",
    arguments=lambda _, rng: {"name": "ucb1", "confidence": 0.5},
    call=made_by(source_algorithms.make),
    check=lambda _, a, made: made.confidence == a["confidence"],
    weight=1,
)
MAKE_THOMPSON_SAMPLING = Face(
    "source_algorithms.make: thompson-sampling",
    arguments=lambda _, rng: {
        "name": "thompson-sampling",
        "prior_successes": 2.0,
        "prior_failures": 1.0,
    },
    call=made_by(source_algorithms.make),
    check=lambda _, a, made: made.prior_successes == a["prior_successes"],
    weight=1,
)
MAKE_IDEAL_LEARNER = Face(
    "source_algorithms.make: ideal-learner",
    arguments=lambda _, rng: {
        "name": "ideal-learner",
        "noise": 0.1,
        "others": 0.5,
        "others_episodes": 3,
    },
    call=made_by(source_algorithms.make),
    check=lambda _, a, made: (made.noise, made.others) == (a["noise"], a["others"]),
    weight=1,
)
MAKE_POSTERIOR_SAMPLING = Face(
    "source_algorithms.make: posterior-sampling",
    arguments=lambda _, rng: {"name": "posterior-sampling", "redraws": bool(rng.integers(2))},
    call=made_by(source_algorithms.make),
    check=lambda _, a, made: made.redraws == a["redraws"],
    weight=1,
)
SPLIT = Face(
    "family.split",
    arguments=lambda _, rng: {
        "held_out": 2,
        "seed": 1,
        "validation": 1,
        "kind": "half-room",
        "leak": 0,
    },
    call=lambda _, a: ROOM.split(**a),
    check=lambda _, a, split: (
        (len(split.held_out), len(split.validation)) == (a["held_out"], a["validation"])
    ),
    weight=1,
)
TASK_IDS = Face(
    "family.check_task_ids",
    arguments=lambda _, rng: {"task_ids": rng.integers(0, 9, 4)},
    call=lambda _, a: ROOM.check_task_ids(a["task_ids"]),
    check=lambda _, a, ids: ids.tolist() == np.asarray(a["task_ids"]).tolist(),
    weight=1,
)
PLAN = Face(
    "CollectionPlan",
    arguments=lambda _, rng: {
        "family": ROOM,
        "task_ids": rng.integers(0, 9, 4),
        "config": CollectionConfig(histories_per_task=1),
        "seed": 0,
    },
    call=lambda _, a: CollectionPlan(**a),
    check=lambda _, a, plan: plan.task_ids.tolist() == integers(a["task_ids"]),
    weight=2,
)
MODEL = Face(
    "Transformer",
    arguments=lambda _, rng: {"config": ACTING.config, "schema": ACTING.schema, "seed": 0},
    call=lambda _, a: Transformer(**a),
    check=lambda _, a, model: model.schema == ACTING.schema,
    weight=1,
)
TRAIN = Face(
    "train",
    arguments=lambda _, rng: {
        "histories": made_store(),
        "directory": "/dev/null/none",
        "model": None,
        "training": None,
        "seed": 0,
        "resume": False,
        "progress": False,
    },
    call=lambda _, a: train(a["histories"], **{n: v for n, v in a.items() if n != "histories"}),
    check=lambda *_: False,  # the directory cannot be
    attacked=("histories", "directory", "model", "training", "seed", "resume"),
    weight=1,
)
QUALITY = Face(
    "histories.quality",
    arguments=lambda _, rng: {"store": made_store()},
    call=lambda _, a: quality(a["store"]),
    check=lambda _, a, result: len(result.first) == a["store"].num_histories,
    attacked=("store",),
    weight=1,
)
SELECT = Face(
    "histories.select",
    arguments=lambda _, rng: {
        "store": made_store(),
        "path": "/dev/null/none",
        "keep": np.ones(made_store().num_histories, bool),
    },
    call=lambda _, a: select(a["store"], a["path"], a["keep"]),
    check=lambda *_: False,  # the folder cannot be
    attacked=("store", "keep"),
    weight=1,
)
THIN = Face(
    "histories.thin",
    arguments=lambda _, rng: {"store": made_store(), "path": "/dev/null/none", "keep_every": 2},
    call=lambda _, a: thin(a["store"], a["path"], keep_every=a["keep_every"]),
    check=lambda *_: False,
    attacked=("store", "keep_every"),
    weight=1,
)


def attended(_: Any, a: dict[str, Any], out: torch.Tensor) -> bool:
    return torch.allclose(out, attention(**a | {"backend": "reference"}), atol=1e-5)


ATTENTION = Face(
    "attention",
    arguments=lambda _, rng: (
        {name: torch.from_numpy(rng.normal(size=(1, 2, 5, 4)).astype(np.float32)) for name in "qkv"}
        | {"window": 3, "scale": 0.5, "logit_bound": None}
    ),
    call=lambda _, a: attention(**a),
    check=attended,
    weight=2,
)
FACES = [
    *(MAKE_MIXTURE, SHARED_SCHEMA, FAMILY_FACTS),
    *map(settings_face, (ModelConfig, TrainingConfig, EvaluationConfig, CollectionConfig)),
    *(MAKE_BANDIT, MAKE_RANDOM_WORLD, MAKE_UCB1, MAKE_THOMPSON_SAMPLING),
    *(MAKE_IDEAL_LEARNER, MAKE_POSTERIOR_SAMPLING),
    *(LEARN, PARALLEL_LEARN, RETURNS, MAKE_FAMILY, MAKE_LEARNER, SPLIT, TASK_IDS),
    *(PLAN, MODEL, TRAIN, THIN, QUALITY, SELECT),
    MAKE_KEY_TO_DOOR,
    MAKE_KEYS_AND_BOXES,
    MAKE_WATER_MAZE,
    ATTENTION,
]
