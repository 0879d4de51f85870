"""train: a model fitted to histories, whoever wrote them; the one door to training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from adfast.errors import InvalidArgument
from adfast.histories.rearranged import foreign_rewards, shuffled_episodes
from adfast.histories.returns_to_go import RETURN_TO_GO, best_return, with_returns_to_go
from adfast.histories.schema import HISTORY_INDEX, HISTORY_OFFSET
from adfast.histories.store import HistoryStore
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.progress import progress_bar
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource, Windows, read_limits
from adfast.training.checkpoints.checkpoints import all_checkpoints
from adfast.training.config import TrainingConfig
from adfast.training.loop import Trainer, TrainingHooks
from adfast.training.parallel.fully_sharded import whole_model
from adfast.training.parallel.processes import Processes, together
from adfast.training.progress import report_updates
from adfast.training.tracking.config import TrackingConfig
from adfast.training.tracking.follower import following
from adfast.values import as_flag, as_path, as_seed, require_kind

SAMPLE_BYTES = 1 << 23  # of the observations that normalise real inputs, within the bounds below
FEWEST_SAMPLES, MOST_SAMPLES = 256, 65_536


def train(
    histories: Windows,
    directory: str | Path,
    *,
    model: ModelConfig | None = None,
    training: TrainingConfig | None = None,
    seed: int = 0,
    resume: bool = False,
    hooks: TrainingHooks | None = None,
    tracking: TrackingConfig | None = None,
    progress: bool = True,
) -> Transformer:
    """The model `model`, fitted to `histories` as `training` says, both by default as by recipe.

    `histories` are a store, a ring buffer or a live ring; `seed` keys the model's first weights and
    every batch. `directory` gets checkpoints and `metrics.jsonl`; `adfast.load(directory)` is the
    agent. `tracking` says where the metrics are shown, too. How far it is stands on stderr
    (`adfast.progress`) unless `progress` is false. Raises `CheckpointError` if there are
    checkpoints and `resume` is not set, `InvalidArgument` for histories of something else than
    transitions, or too short for the context length.

    Processes that torchrun started each call it, with the same arguments, and train one model
    together; the first writes, and `directory` is on storage that all see. Of a model in shares the
    first gets all of it, on the processor, and the others keep their share.
    """
    with together() as processes, processes.noticing_ends():
        return train_together(
            processes,
            histories,
            directory,
            model=model,
            training=training,
            seed=seed,
            resume=resume,
            hooks=hooks,
            tracking=tracking,
            progress=progress,
        )


def train_together(
    processes: Processes,
    histories: Windows,
    directory: str | Path,
    *,
    model: ModelConfig | None,
    training: TrainingConfig | None,
    seed: int,
    resume: bool,
    hooks: TrainingHooks | None,
    tracking: TrackingConfig | None,
    progress: bool,
) -> Transformer:
    """`train`, in one of `processes`."""
    kind = "a store or a ring; adfast.histories.open gives one"
    require_kind("histories", histories, Windows, kind)
    require_kind("model", model, ModelConfig | None, "a ModelConfig")
    require_kind("training", training, TrainingConfig | None, "a TrainingConfig")
    require_kind("tracking", tracking, TrackingConfig | None, "a TrackingConfig")
    directory, seed = as_path("directory", directory), as_seed("seed", seed)
    resume = as_flag("resume", resume)
    if tracking is not None:
        tracking.require_packages()
    schema = histories.schema
    if not isinstance(schema, TransitionSchema):
        raise InvalidArgument(
            f"histories must be of transitions to train on, got fields {', '.join(schema.fields)}"
        )
    config = training or TrainingConfig()
    model = model or ModelConfig()
    histories = as_read(histories, config, seed, reads_return=model.reads_return)
    transformer = Transformer(model, schema, seed)
    batches = BatchSource(
        histories,
        config,
        seed,
        unordered=model.context == "set",
        reads_return=model.reads_return,
        rows=processes.rows(config.batch_size, config.context_ranks),
    )
    trainer = Trainer(
        transformer, batches, config, directory, seed=seed, hooks=hooks, processes=processes
    )
    begin = trainer.hooks.on_begin
    if begin is not None:
        processes.first(lambda: begin(trainer))
    checkpoints = trainer.checkpoint_directory
    if processes.first(lambda: not resume or not all_checkpoints(checkpoints)):
        normalise_inputs(transformer, histories, seed)  # else the checkpoint's has been
    shown = progress and processes.is_first
    settings = {"model": model.model_dump(mode="json"), "training": config.model_dump(mode="json")}
    with (
        following(tracking, directory, settings | {"seed": seed}) as follower,
        progress_bar("train", config.updates, "updates", shown=shown) as bar,
    ):
        on_update = follower.on_update(report_updates(bar, trainer.hooks.on_update))
        trainer.hooks = replace(trainer.hooks, on_update=on_update)
        trainer.run(resume=resume)
        if processes.is_first:
            follower.catch_up()
    return whole_model(transformer, processes).eval()


def as_read(
    histories: Windows, config: TrainingConfig, seed: int, *, reads_return: bool = False
) -> Windows:
    """`histories` in the order and with the rewards that `config` says, and with their returns."""
    if not config.rearranges and not reads_return:
        return histories
    if not isinstance(histories, HistoryStore):
        raise InvalidArgument(
            f'training.episode_order = "{config.episode_order}" with training.rewards = '
            f'"{config.rewards}" and model.reads_return = {str(reads_return).lower()} needs a '
            f"history store, got a {type(histories).__name__}; write the histories into one, or "
            "read them as they are"
        )
    if config.rewards == "foreign":  # before the episodes of both would be in orders of their own
        histories = foreign_rewards(histories, seed)
    if config.episode_order == "shuffled":
        histories = shuffled_episodes(histories, seed)
    return with_returns_to_go(histories) if reads_return else histories


def normalise_inputs(model: Transformer, histories: Windows, seed: int) -> None:
    """Normalise the real inputs of `model` by a sample of `histories`; a function of the seed."""
    schema, embedding = histories.schema, model.embedding
    if not embedding.needs_normalising:
        return
    fields = ("observation", "reward", *((RETURN_TO_GO,) if embedding.reads_return else ()))
    item_bytes = schema.fields["observation"].item_bytes
    sample = histories.sample(
        min(max(SAMPLE_BYTES // item_bytes, FEWEST_SAMPLES), MOST_SAMPLES),
        1,
        seed=seed,
        draw=0,
        align="step",
        fields=fields,
        return_positions=True,
    )

    def place(row: int, item: int) -> str:
        return f"history {sample[HISTORY_INDEX][row]}, row {sample[HISTORY_OFFSET][row]}"

    arrays = [sample[name] for name in fields]
    read_limits(schema, fields).require(arrays, len(arrays[0]), 1, place)
    embedding.normalise_by(sample["observation"][:, 0], sample["reward"][:, 0])
    if embedding.reads_return:
        assert isinstance(histories, HistoryStore), "as_read has seen to it"
        embedding.normalise_returns(sample[RETURN_TO_GO][:, 0], best_return(histories.blocks))
