"""adfast: the fast engine for in-context reinforcement learning by Algorithm Distillation.

The public names are imported when they are first used: `import adfast` loads neither torch nor
Numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from adfast import histories, source_algorithms, tasks
    from adfast.collection.collect import collect
    from adfast.collection.config import CollectionConfig
    from adfast.collection.plan import CollectionPlan
    from adfast.collection.recorder import Recorder
    from adfast.evaluation.agents.agent import Agent, load
    from adfast.evaluation.agents.in_context_agent import AgentMaker, InContextAgent
    from adfast.evaluation.agents.transition_agent import TransitionAgent
    from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
    from adfast.evaluation.environments.play import play
    from adfast.evaluation.in_context import evaluate
    from adfast.facts import FamilyFacts, family_facts
    from adfast.family_check import check_family
    from adfast.models.config import ModelConfig
    from adfast.models.transformer import Transformer
    from adfast.report import replay, write_report
    from adfast.runs.comparison.comparison import compare
    from adfast.runs.recipe.recipe import Recipe
    from adfast.runs.run import Run
    from adfast.runs.study import Study
    from adfast.simulators import BatchSimulator
    from adfast.training.config import TrainingConfig
    from adfast.training.train import train

# Public name -> the module that defines it, or None for a subpackage.
PUBLIC = {
    "Agent": "adfast.evaluation.agents.agent",
    "AgentMaker": "adfast.evaluation.agents.in_context_agent",
    "BatchSimulator": "adfast.simulators",
    "CollectionConfig": "adfast.collection.config",
    "CollectionPlan": "adfast.collection.plan",
    "EnvironmentTasks": "adfast.evaluation.environments.environment_tasks",
    "FamilyFacts": "adfast.facts",
    "InContextAgent": "adfast.evaluation.agents.in_context_agent",
    "ModelConfig": "adfast.models.config",
    "Recipe": "adfast.runs.recipe.recipe",
    "Recorder": "adfast.collection.recorder",
    "Run": "adfast.runs.run",
    "Study": "adfast.runs.study",
    "TrainingConfig": "adfast.training.config",
    "Transformer": "adfast.models.transformer",
    "TransitionAgent": "adfast.evaluation.agents.transition_agent",
    "check_family": "adfast.family_check",
    "collect": "adfast.collection.collect",
    "compare": "adfast.runs.comparison.comparison",
    "evaluate": "adfast.evaluation.in_context",
    "family_facts": "adfast.facts",
    "histories": None,
    "load": "adfast.evaluation.agents.agent",
    "play": "adfast.evaluation.environments.play",
    "replay": "adfast.report",
    "source_algorithms": None,
    "tasks": None,
    "train": "adfast.training.train",
    "write_report": "adfast.report",
}

EXTENSION = "_native"  # not public, but explained where it is missing

__all__ = [
    "Agent",
    "AgentMaker",
    "BatchSimulator",
    "CollectionConfig",
    "CollectionPlan",
    "EnvironmentTasks",
    "FamilyFacts",
    "InContextAgent",
    "ModelConfig",
    "Recipe",
    "Recorder",
    "Run",
    "Study",
    "TrainingConfig",
    "Transformer",
    "TransitionAgent",
    "__version__",
    "check_family",
    "collect",
    "compare",
    "evaluate",
    "family_facts",
    "histories",
    "load",
    "play",
    "replay",
    "source_algorithms",
    "tasks",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """The public name `name`, imported now; raises `MissingPackage` where something is missing."""
    if name not in PUBLIC and name != EXTENSION:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = PUBLIC.get(name)
    try:
        value = (
            import_module(f"adfast.{name}")
            if module is None
            else getattr(import_module(module), name)
        )
    except ImportError as error:
        from adfast.packages import explain

        raise explain(error) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
