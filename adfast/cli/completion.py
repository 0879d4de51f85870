"""What a shell offers while a command is typed: what is listed, and folders of runs and stores."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")  # where runs are unless told otherwise
RUN_FILE = "run.toml"
STORE_FILE = "manifest.json"


def complete_recipe(incomplete: str) -> list[str]:
    """Shipped recipes, TOML files and run directories that begin with `incomplete`."""
    from adfast.runs.recipe.recipe_changes import recipe_names

    recipes = [name for name in recipe_names() if name.startswith(incomplete)]
    files = [str(path) for path in beginning_with(incomplete) if path.suffix == ".toml"]
    return recipes + files + complete_run(incomplete)


def complete_listed(incomplete: str) -> list[str]:
    """What `adfast show` takes and begins with `incomplete`."""
    from adfast.runs.listed import all_names

    names = {name for name in all_names() if name.startswith(incomplete)}
    return sorted(names.union(complete_recipe(incomplete)))


def complete_kind(incomplete: str) -> list[str]:
    """What `adfast list` takes and begins with `incomplete`."""
    from adfast.runs.listed import KINDS

    return sorted(kind for kind in KINDS if kind.startswith(incomplete))


def complete_method(incomplete: str) -> list[str]:
    """Methods that begin with `incomplete`."""
    from adfast.runs.recipe.methods import METHODS

    return [name for name in METHODS if name.startswith(incomplete)]


def complete_study(incomplete: str) -> list[str]:
    """Studies of published results that begin with `incomplete`."""
    from adfast.runs.reproduction.studies.catalogue import STUDIES

    return [name for name in STUDIES if name.startswith(incomplete)]


def complete_run(incomplete: str) -> list[str]:
    """Run directories that begin with `incomplete`."""
    return folders_with(RUN_FILE, incomplete, [*beginning_with(incomplete), *entries(RUNS)])


def complete_store(incomplete: str) -> list[str]:
    """Folders of history stores that begin with `incomplete`, those of runs among them."""
    stores = [run / "histories" for run in entries(RUNS)]
    return folders_with(STORE_FILE, incomplete, [*beginning_with(incomplete), *stores])


def folders_with(file: str, incomplete: str, candidates: list[Path]) -> list[str]:
    """Those of `candidates` that begin with `incomplete` and hold `file`."""
    found = (str(path) for path in candidates if (path / file).is_file())
    return sorted({path for path in found if path.startswith(incomplete)})


def beginning_with(incomplete: str) -> list[Path]:
    """What is in the folder that `incomplete` names the beginning of a path in."""
    folder = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    return [path for path in entries(folder) if str(path).startswith(incomplete)]


def entries(folder: Path) -> list[Path]:
    """What is in `folder`, nothing where it cannot be read."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []
