"""Where a run lies, and which settings it is of, as whoever begins one says it."""

from __future__ import annotations

from pathlib import Path

from adfast.errors import InvalidArgument
from adfast.runs.files.run_files import SETTINGS, require_whole
from adfast.runs.recipe.methods import AD
from adfast.runs.recipe.recipe import Recipe
from adfast.runs.recipe.recipe_changes import Changes, changed, find_recipe, load_recipe, of_method
from adfast.values import as_path, require_kind


def plan_run(
    recipe: str | Path | Recipe,
    path: str | Path | None,
    settings: Changes,
    method: str | None = None,
) -> tuple[Path, Recipe]:
    """Where a run is, and what it is of, see `Run.create`."""
    settings = of_method(method, settings)
    require_kind("recipe", recipe, str | Path | Recipe, "a recipe's name, its path or a Recipe")
    if isinstance(recipe, Recipe):
        if path is None:
            raise InvalidArgument("the run of a Recipe needs a path, got none")
        return as_path("path", path), changed(recipe, settings) if settings else recipe
    recipe, place = str(recipe), None if path is None else as_path("path", path)
    if (Path(recipe) / SETTINGS).is_file():
        if place is not None:
            raise InvalidArgument(f"{recipe} is a run directory already; leave out --run")
        place, source = Path(recipe), Path(recipe) / SETTINGS
    else:
        source = find_recipe(recipe)
    if source.name == SETTINGS and source.parent == place:
        require_whole(source)
    resolved = load_recipe(source, settings)
    return place or default_place(source.stem, resolved), resolved


def default_place(stem: str, recipe: Recipe) -> Path:
    """Where the run of a recipe's file is, unless it is told: one folder for each method."""
    suffix = "" if recipe.method == AD else f"-{recipe.method}"
    return Path("runs") / f"{stem.replace('_', '-')}{suffix}"
