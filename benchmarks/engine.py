"""The engine as workloads and their rivals see it: every name of adfast that they use, bound here.

A name is bound when it is first asked for, so that workloads can be listed without torch, and one
layer measured without the others. `--against REV` binds them to the adfast of another commit, in
which a name may lie elsewhere: its places are tried in order, today's first. Where a name changed
its meaning as well, a function below stands between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

# A place is "package.module", "package.module:attribute" or "folder/file.py:attribute", a file of
# the checkout that adfast is taken from. A name is the last word of its first place.
PLACES: tuple[tuple[str, ...], ...] = (
    ("adfast.attention:KeyValueCache",),
    ("adfast.attention:attention",),
    ("adfast.attention:packed_attention",),
    ("adfast.attention.banded_cpu",),
    ("adfast.attention.reference",),
    ("adfast.attention.triton",),
    ("adfast.attention.triton.operator:attention_operator",),
    ("adfast.collection.collect:collect",),
    ("adfast.collection.live_ring:LiveRing",),
    (
        "adfast.evaluation.sampling.action_sampling:sample_actions",
        "adfast.evaluation.action_sampling:sample_actions",
    ),
    (
        "adfast.evaluation.agents.agent:Agent",
        "adfast.evaluation.agent:Agent",
    ),
    (
        "adfast.evaluation.agents.catalogue:AGENTS",
        "adfast.evaluation.catalogue:AGENTS",
    ),
    ("adfast.evaluation.in_context:evaluate",),
    ("adfast.histories",),
    ("adfast.histories:FieldSchema",),
    ("adfast.histories:HistoryStore",),
    ("adfast.histories:RingBuffer",),
    ("adfast.histories:from_arrays",),
    ("adfast.histories.manifest:BlockRecord",),
    ("adfast.histories.manifest:Manifest",),
    ("adfast.histories.manifest:write_manifest",),
    ("adfast.histories.schema:describe_schema",),
    ("adfast.histories.shard:make_header",),
    ("adfast.histories.shard:place_tensors",),
    ("adfast.models.checkpoint:load_model",),
    ("adfast.models.config:ModelConfig",),
    ("adfast.models.device:resolve_precision",),
    (
        "adfast.models.layers.feed_forward",
        "adfast.models.feed_forward",
    ),
    ("adfast.models.layer_step",),
    (
        "adfast.models.layers.linear",
        "adfast.models.linear",
    ),
    (
        "adfast.models.layers.native_layers:computes_natively",
        "adfast.models.native_layers:computes_natively",
    ),
    (
        "adfast.models.layers.norm",
        "adfast.models.norm",
    ),
    (
        "adfast.models.layers.summed_rows",
        "adfast.models.summed_rows",
    ),
    ("adfast.models.transformer:Transformer",),
    (
        "adfast.models.embedding.step_input:step_inputs",
        "adfast.models.step_input:step_inputs",
        "adfast.models.transition_embedding:step_inputs",
    ),
    (
        "adfast.models.embedding.transition_embedding:TransitionEmbedding",
        "adfast.models.transition_embedding:TransitionEmbedding",
    ),
    ("adfast.random_streams:EVALUATION_ACTION",),
    ("adfast.random_streams:stream_keys",),
    (
        "adfast.runs.recipe.recipe_changes:find_recipe",
        "adfast.runs.recipe_changes:find_recipe",
        "adfast.runs.recipe:find_recipe",
        "adfast.cli.run_config:find_recipe",
    ),
    (
        "adfast.runs.recipe.recipe_changes:load_recipe",
        "adfast.runs.recipe_changes:load_recipe",
        "adfast.runs.recipe:load_recipe",
        "adfast.cli.run_config:load_run_config",
    ),
    (
        "adfast.runs.recipe.from_recipe:make_family",
        "adfast.runs.from_recipe:make_family",
        "adfast.runs.recipe:make_family",
        "adfast.cli.run_config:make_family",
    ),
    (
        "adfast.runs.recipe.from_recipe:make_live_schedule",
        "adfast.runs.from_recipe:make_live_schedule",
        "adfast.runs.recipe:make_live_schedule",
        "adfast.cli.run_config:make_live_schedule",
    ),
    (
        "adfast.runs.recipe.from_recipe:make_plan",
        "adfast.runs.from_recipe:make_plan",
        "adfast.runs.recipe:make_plan",
        "adfast.cli.run_config:make_plan",
    ),
    (
        "adfast.runs.recipe.from_recipe:make_split",
        "adfast.runs.from_recipe:make_split",
        "adfast.runs.recipe:make_split",
        "adfast.cli.run_config:make_split",
    ),
    (
        "adfast.runs.files.run_files:SETTINGS",
        "adfast.runs.run_files:SETTINGS",
        "adfast.cli.run_files:SETTINGS",
    ),
    ("adfast.simulators:BatchSimulator",),
    ("adfast.simulators.random_rollout:random_returns",),
    ("adfast.source_algorithms",),
    ("adfast.tasks",),
    (
        "adfast.tasks.gridworlds.dark_room:DarkRoom",
        "adfast.tasks.dark_room:DarkRoom",
    ),
    ("adfast.tasks.family:TaskFamily",),
    (
        "adfast.tasks.gridworlds.frozen_lake:FrozenLake",
        "adfast.tasks.frozen_lake:FrozenLake",
        "benchmarks/frozen_lake.py:FrozenLake",
    ),
    (
        "adfast.tasks.fields:Field",
        "adfast.tasks.transition_schema:Field",
    ),
    ("adfast.tasks.transition_schema:TransitionSchema",),
    ("adfast.tasks.mazes.water_maze_scene:WaterMazeScene",),
    ("adfast.training.allocator:keep_freed_memory",),
    (
        "adfast.training.batches.batches:BatchSource",
        "adfast.training.batches:BatchSource",
    ),
    (
        "adfast.training.gradients.captured_update:CapturedUpdate",
        "adfast.training.captured_update:CapturedUpdate",
    ),
    (
        "adfast.training.checkpoints.checkpoints:newest_checkpoint",
        "adfast.training.checkpoints:newest_checkpoint",
    ),
    ("adfast.training.config:TrainingConfig",),
    (
        "adfast.training.gradients.objective:next_action_accuracy",
        "adfast.training.objective:next_action_accuracy",
    ),
    (
        "adfast.training.gradients.objective:next_action_loss",
        "adfast.training.objective:next_action_loss",
    ),
    (
        "adfast.training.optimizers.optimizer:OptimizerGroup",
        "adfast.training.optimizer:OptimizerGroup",
    ),
    (
        "adfast.training.batches.prefetch:BatchPrefetcher",
        "adfast.training.prefetch:BatchPrefetcher",
    ),
    (
        "adfast.training.gradients.sharded_gradient:ShardedGradient",
        "adfast.training.sharded_gradient:ShardedGradient",
    ),
    (
        "adfast.training.gradients.sharded_gradient:gradients",
        "adfast.training.sharded_gradient:gradients",
    ),
    (
        "adfast.training.batches.shown_batches:shown_batches",
        "adfast.training.shown_batches:shown_batches",
    ),
    (
        "adfast.training.batches.transfer:CudaTransfer",
        "adfast.training.transfer:CudaTransfer",
    ),
    (
        "adfast.training.gradients.undivided_gradient:UndividedGradient",
        "adfast.training.undivided_gradient:UndividedGradient",
    ),
)


def last_word(place: str) -> str:
    """What is bound at a place: its attribute, or its module without the packages around it."""
    return place.replace(":", ".").rpartition(".")[2]


NAMES = {last_word(places[0]): places for places in PLACES}


def __getattr__(name: str) -> Any:
    """What `name` is in this adfast; raises `ImportError` where it is at none of its places."""
    if name not in NAMES:
        raise AttributeError(f"benchmarks.engine has no place for {name}; add it to PLACES")
    for place in NAMES[name]:
        try:
            found = bind(place)
        except NotThere:
            continue
        globals()[name] = found
        return found
    raise ImportError(f"adfast has no {name}: looked for {', '.join(NAMES[name])}")


def on_torch_kernels(model: Any, call: Callable[[], Result]) -> Result:
    """What `call` returns while torch's kernels compute the attention of `model` on the processor.

    Before backends stood in a table, "cpu" took torch's where its own did not fit.
    """
    if hasattr(import_module("adfast.attention"), "BACKENDS"):
        model.attention_backend = "banded"
        return call()
    native_cpu: Any = import_module("adfast.attention.native_cpu")
    is_supported = native_cpu.is_supported
    native_cpu.is_supported = lambda dtype, head_dim: False
    try:
        return call()
    finally:
        native_cpu.is_supported = is_supported


class NotThere(Exception):
    """A place does not exist in this adfast."""


def bind(place: str) -> Any:
    """What is at `place`; raises `NotThere`, and whatever a module raises that is there."""
    where, _, attribute = place.partition(":")
    module = module_of_file(where) if where.endswith(".py") else find_module(where)
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise NotThere from None


def find_module(name: str) -> Any:
    """The module, imported; one that is there and lacks another is no `NotThere`."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if f"{name}.".startswith(f"{error.name}."):
            raise NotThere from None
        raise


def module_of_file(path: str) -> Any:
    """The module of a file of the checkout that adfast is taken from."""
    file = Path(str(import_module("adfast").__file__)).parent.parent / path
    specification = spec_from_file_location(f"checkout_{file.stem}", file)
    if specification is None or specification.loader is None or not file.is_file():
        raise NotThere
    module = sys.modules[specification.name] = module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def discrete_schema(
    sizes: tuple[int, ...], num_actions: int, episode_length: int, reward_dtype: str = "uint8"
) -> Any:
    """A schema of counted observations, of which the schema took the sizes itself at first."""
    try:
        observation = bind("adfast.tasks.observation:DiscreteObservation")(sizes)
    except NotThere:
        observation = sizes
    schema = bind("adfast.tasks.transition_schema:TransitionSchema")
    return schema(observation, num_actions, episode_length, reward_dtype)
