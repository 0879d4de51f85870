"""What a run is refused for before its first stage: settings that are valid each, but not together,
not on this machine, or not in its memory and on its disk.

What must be in memory at once is counted from below (no cache, no copy, no intermediate value), so
that nothing is refused that might work; histories on disk are counted at their longest.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from adfast.errors import AdfastError, InvalidArgument, byte_size
from adfast.machine.memory import memory_bytes
from adfast.runs.recipe import (
    Recipe,
    make_family,
    make_live_schedule,
    make_plan,
    make_split,
)

if TYPE_CHECKING:
    from adfast.collection.collect import CollectionPlan
    from adfast.tasks.family import TaskFamily

FLOAT32 = 4  # bytes


def check_feasible(config: Recipe) -> None:
    """Raise `InvalidArgument` for settings that are valid each but that no run could carry out."""
    from adfast import source_algorithms

    collection, training = config.collection, config.training
    with named("family"):
        family = make_family(config)
    with named("collection"):
        source = source_algorithms.make(collection.algorithm, **collection.options)
        source.check(family)
        memory_per_thread = source.memory_bytes(family)
    with named("evaluation"):
        check_agent(config)
    check_seeds(config, family)
    plan = make_plan(config, family)
    longest = plan.longest_history
    if training.context_length > longest:
        raise InvalidArgument(
            f"training.context_length must be at most {longest}, the longest history that is "
            f"collected ({longest // family.episode_length} kept episodes of "
            f"{family.episode_length} transitions), "
            f"got {training.context_length}; shorten it, raise collection.episodes or lower "
            "collection.keep_every"
        )
    if collection.live:
        make_live_schedule(config, plan)
    check_devices(config)
    positions = config.model.num_learned_positions
    needed = max(training.context_length, config.evaluation.episodes * family.episode_length)
    if positions is not None and positions < needed:
        raise InvalidArgument(
            f"model.num_learned_positions must be at least {needed}, the transitions of the "
            f"longest history in training and evaluation, got {positions}; raise it, or use "
            "another model.position_encoding"
        )
    check_memory(config, plan, memory_per_thread)


@contextmanager
def named(section: str) -> Iterator[None]:
    """Puts the section of the settings before what is wrong with what they choose."""
    try:
        yield
    except AdfastError as error:
        error.args = (f"{section}: {error}",)
        raise


def check_agent(config: Recipe) -> None:
    """Raise `InvalidArgument` where the evaluation names no agent, or options that it has not."""
    from adfast.evaluation.catalogue import AGENTS

    settings = config.evaluation
    if not settings.is_of_own_model:
        AGENTS.make(settings.agent, **settings.agent_options)


def check_seeds(config: Recipe, family: TaskFamily) -> None:
    """Raise `InvalidArgument` where a random stream would have no number of 63 bits."""
    for name, repetitions in (
        ("evaluation.seeds", config.evaluation.seeds),
        ("evaluation.monitor_seeds", config.evaluation.monitor_seeds),
    ):
        if repetitions * family.num_tasks >= 2**63:
            raise InvalidArgument(
                f"{name} must be below {2**63 // family.num_tasks}, got {repetitions}"
            )


def check_memory(config: Recipe, plan: CollectionPlan, memory_per_thread: int) -> None:
    """Raise `InvalidArgument` for the first part of the run that this machine cannot hold."""
    available = memory_bytes()
    for what, settings, needed in memory_needs(config, plan, memory_per_thread):
        if needed > available:
            raise InvalidArgument(
                f"{what} takes at least {byte_size(needed)} of memory, and this machine has "
                f"{byte_size(available)}; lower {settings}"
            )


def memory_needs(
    config: Recipe, plan: CollectionPlan, memory_per_thread: int
) -> Iterator[tuple[str, str, int]]:
    """What must be held at once, the settings that decide it, and its bytes at least."""
    family, schema = plan.family, plan.family.transition_schema
    collection, training = config.collection, config.training
    threads = min(plan.num_threads, plan.num_blocks)
    block = min(collection.block_histories, plan.num_histories) * plan.longest_history
    yield (
        "collecting in blocks",
        "collection.block_histories or collection.threads",
        threads * (block * schema.bytes_per_transition + memory_per_thread),
    )
    if collection.live:
        whole = make_live_schedule(config, plan).num_histories * plan.longest_history
        ring = min(collection.live_capacity or whole, whole)
        yield "the live ring", "collection.live_capacity", ring * schema.bytes_per_transition
    yield "the model with its optimiser", "model.width", 3 * FLOAT32 * least_parameters(config)
    batch = training.batch_size * training.context_length
    embedded = training.context_length * config.model.tokens_per_transition * config.model.width
    yield (
        "a batch with its embeddings",
        "training.batch_size or training.context_length",
        batch * schema.bytes_per_transition + embedded * FLOAT32,
    )
    yield from acting_needs(config, family)


def acting_needs(config: Recipe, family: TaskFamily) -> Iterator[tuple[str, str, int]]:
    """`memory_needs` of the evaluations: trajectories and caches."""
    settings, split = config.evaluation, make_split(config, family)
    held_out = len(split.held_out)
    tasks = held_out + min(settings.train_tasks, len(split.train))
    transition = family.transition_schema.bytes_per_transition // 2  # an observation is kept once
    runs = [("evaluation.", tasks, settings.seeds, settings.episodes)]
    if config.training.evaluate_every is not None:
        monitored = (settings.monitor_seeds, settings.monitor_episodes)
        runs.append(("evaluation.monitor_", held_out, *monitored))
    for prefix, num_tasks, seeds, episodes in runs:
        length = episodes * family.episode_length
        cached = sum(min(window or length, length) for window in config.model.layer_windows)
        channels = 2 * config.model.resolved_num_kv_heads * config.model.head_dim
        tokens = cached * config.model.tokens_per_transition
        yield (
            "evaluating",
            f"{prefix}seeds or {prefix}episodes",
            num_tasks * seeds * (length * transition + tokens * channels * FLOAT32 // 2),
        )
        widest = max(window or 0 for window in config.model.layer_windows)  # a cache has it all
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


def check_room(config: Recipe, path: Path) -> None:
    """Raise `InvalidArgument` where the disk of `path`, emptied, has no room for the histories."""
    if config.collection.live:
        return
    plan = make_plan(config, make_family(config))
    per_transition = plan.family.transition_schema.bytes_per_transition
    needed = plan.num_histories * plan.longest_history * per_transition
    disk = next(folder for folder in (path, *path.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(disk).free
    if needed > free and needed > free + size_of(path / "histories"):
        raise InvalidArgument(
            f"the histories take up to {byte_size(needed)} ({plan.num_histories} of "
            f"{plan.longest_history} transitions), and the disk of {disk} has {byte_size(free)} "
            "free; lower collection.histories_per_task or collection.episodes, or use another disk"
        )


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder, which need not be there."""
    return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())


def check_devices(config: Recipe) -> None:
    """Raise `InvalidArgument` for a device, precision or attention that this machine lacks.

    Only choices that may be impossible are tried, since trying loads torch.
    """
    training, evaluation, model = config.training, config.evaluation, config.model
    names_backend = model.attention_backend != "auto"
    is_always_possible = training.device != "cuda" and training.compile is not True
    if not is_always_possible or training.precision != "auto" or names_backend:
        from adfast.training.execution import resolve_execution

        resolve_execution(training, model.attention_backend, model.head_dim)
    has_choices = (evaluation.precision, evaluation.cache) != ("auto", "float32") or names_backend
    if evaluation.device == "cuda" or has_choices:
        from adfast.attention import resolve_backend
        from adfast.models.device import resolve_cache, resolve_device, resolve_precision

        device = resolve_device(evaluation.device, "evaluation.device")
        precision = resolve_precision(evaluation.precision, device, "evaluation.precision")
        resolve_cache(evaluation.cache, device, precision, "evaluation.cache")
        resolve_backend(model.attention_backend, device.type, precision, model.head_dim)
