"""What a run must hold in memory at once, counted from below.

No cache, no copy and no intermediate value counts, so that nothing is refused that might work.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from adfast.errors import InvalidArgument, byte_size
from adfast.evaluation.config import VALIDATION
from adfast.machine.memory import memory_bytes
from adfast.runs.recipe.from_recipe import make_live_schedule
from adfast.runs.recipe.recipe import Recipe

if TYPE_CHECKING:
    from adfast.collection.plan import CollectionPlan
    from adfast.tasks.task_split import TaskSplit
    from adfast.tasks.transition_schema import TransitionSchema

FLOAT32 = 4  # bytes

Need = tuple[str, str, int]  # what is held, the settings that decide it, and its bytes at least


def check_memory(needs: Iterable[Need]) -> None:
    """Raise `InvalidArgument` for the first of `needs` that this machine cannot hold."""
    available = memory_bytes()
    for what, settings, needed in needs:
        if needed > available:
            raise InvalidArgument(
                f"{what} takes at least {byte_size(needed)} of memory, and this machine has "
                f"{byte_size(available)}; lower {settings}"
            )


def collecting_needs(
    config: Recipe, plan: CollectionPlan, memory_per_thread: int
) -> Iterator[Need]:
    """What making histories needs."""
    collection, schema = config.collection, plan.schema
    threads = min(plan.num_threads, plan.num_blocks)
    histories = min(plan.block_histories, plan.num_histories)
    if plan.streams_per_learner < plan.actors:
        histories += plan.actors  # of one learner, before those that are kept are taken
    block = histories * plan.longest_history
    yield (
        "collecting in blocks",
        "collection.block_histories or collection.threads",
        threads * (block * schema.bytes_per_transition + memory_per_thread),
    )
    if config.training.episode_order == "shuffled":
        rows = plan.num_histories * plan.longest_history
        yield (
            "histories with their episodes shuffled",
            "collection.histories_per_task or collection.episodes",
            rows * schema.bytes_per_transition,
        )
    if config.model.reads_return:
        yield (
            "the returns of all transitions",
            "collection.histories_per_task or collection.episodes",
            plan.num_histories * plan.longest_history * FLOAT32,
        )
    if collection.live:
        whole = make_live_schedule(config, plan).num_histories * plan.longest_history
        ring = min(collection.live_capacity or whole, whole)
        yield "the live ring", "collection.live_capacity", ring * schema.bytes_per_transition


def learning_needs(config: Recipe, schema: TransitionSchema, split: TaskSplit) -> Iterator[Need]:
    """What training and acting need."""
    training = config.training
    yield "the model with its optimiser", "model.width", 3 * FLOAT32 * least_parameters(config)
    batch = training.batch_size * training.context_length
    embedded = training.context_length * config.model.tokens_per_transition * config.model.width
    yield (
        "a batch with its embeddings",
        "training.batch_size or training.context_length",
        batch * schema.bytes_per_transition + embedded * FLOAT32,
    )
    if config.attends and not config.is_rl2 and config.model.attention_dropout > 0:
        tokens = training.context_length * config.model.tokens_per_transition
        yield (
            "the scores of a layer, whose weights are dropped,",
            "training.batch_size or training.context_length",
            training.batch_size * config.model.num_heads * tokens**2 * FLOAT32,
        )
    if schema.observation.picture is not None:
        # Of episodes that end within a window the final pictures are seen, too.
        ends = (training.context_length - 1) // schema.episode_length
        stacks = training.batch_size * (training.context_length + ends) * config.model.frame_stack
        yield (
            "what the windows of a batch show",
            "the size of pictures, model.frame_stack, training.batch_size or "
            "training.context_length",
            stacks * math.prod(schema.observation.picture),
        )
    yield from acting_needs(config, schema, split)


def acting_needs(config: Recipe, schema: TransitionSchema, split: TaskSplit) -> Iterator[Need]:
    """What evaluations need: trajectories and caches."""
    settings = config.evaluation
    counted = split.validation if settings.tasks == VALIDATION else split.held_out
    tasks = len(counted) + min(settings.train_tasks, len(split.train))
    transition = schema.bytes_per_transition // 2  # an observation is kept once
    windows = config.model.layer_windows if config.attends else ()
    runs = [("evaluation.", tasks, settings.seeds, settings.episodes)]
    every = config.rl2 if config.is_rl2 else config.training
    if every.evaluate_every is not None:
        monitored = (settings.monitor_seeds, settings.monitor_episodes)
        runs.append(("evaluation.monitor_", len(split.validation), *monitored))
    for prefix, num_tasks, seeds, episodes in runs:
        length = episodes * schema.episode_length
        cached = sum(min(window or length, length) for window in windows)
        channels = 2 * config.model.resolved_num_kv_heads * config.model.head_dim
        tokens = cached * config.model.tokens_per_transition
        yield (
            "evaluating",
            f"{prefix}seeds or {prefix}episodes",
            num_tasks * seeds * (length * transition + tokens * channels * FLOAT32 // 2),
        )
        if schema.observation.picture is not None:
            yield (
                "what all environments of an evaluation show at once",
                f"the size of pictures or {prefix}seeds",
                num_tasks * seeds * schema.observation.read.item_bytes,
            )
        widest = max((window or 0 for window in windows), default=0)  # a cache has it all
        yield (
            "a layer's cache in evaluation",
            f"model.attention_window or {prefix}seeds",
            num_tasks * seeds * widest * config.model.tokens_per_transition * channels,
        )


def least_parameters(config: Recipe) -> int:
    """A lower bound of the parameters of the model: its projections."""
    model = config.model
    attention = 2 * model.width * (model.width + model.resolved_num_kv_heads * model.head_dim)
    return model.num_layers * (attention + 2 * model.width * model.feed_forward_width)
