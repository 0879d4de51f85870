"""RunConfig: everything that a run is a function of, composed from the components' settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from adfast.collection.config import CollectionConfig
from adfast.config import Config, apply_overrides, read_toml
from adfast.errors import UnknownName
from adfast.evaluation.config import EvaluationConfig
from adfast.models.config import ModelConfig
from adfast.training.config import TrainingConfig

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


class FamilyConfig(Config):
    """A task family by name, and its options."""

    name: str = "dark-room"
    options: dict[str, Any] = Field(default_factory=dict)


class RunConfig(Config):
    """The settings of a run. `seed` keys every draw of every stage."""

    seed: int = Field(0, ge=0, lt=2**63)
    family: FamilyConfig = Field(default_factory=FamilyConfig)
    collection: CollectionConfig = Field(default_factory=CollectionConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)


def load_run_config(path: Path, overrides: Iterable[str] = ()) -> RunConfig:
    """The run that a TOML file and `section.field=value` overrides describe."""
    return RunConfig.from_mapping(apply_overrides(read_toml(path), overrides), source=path.name)


def recipe_names() -> list[str]:
    """The recipes that adfast ships: `dark-room` is the file `dark_room.toml`."""
    return sorted(path.stem.replace("_", "-") for path in RECIPES.glob("*.toml"))


def find_recipe(recipe: str) -> Path:
    """The file of a shipped recipe's name, or the TOML file `recipe` itself."""
    if recipe in recipe_names():
        return RECIPES / f"{recipe.replace('-', '_')}.toml"
    path = Path(recipe)
    if path.suffix == ".toml" and path.is_file():
        return path
    raise UnknownName("recipe", recipe, [*recipe_names(), "or the path of a .toml file"])
