"""The packages that parts of adfast need, and the sentence where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from adfast.errors import MissingPackage

# Name -> what adfast needs it for.
USED_FOR = {
    "numpy": "arrays",
    "numba": "simulators and source algorithms",
    "torch": "models, training and acting",
    "triton": "attention on CUDA devices",
    "safetensors": "the files of histories and models",
    "pydantic": "settings",
    "xxhash": "checksums of histories",
    "rich": "tables and progress",
    "typer": "the command line",
    "tomli_w": "the settings of runs",
    "matplotlib": "figures",
    "plotly": "pages",
    "scipy": "intervals of what probes find",
    "gymnasium": "Gymnasium's environments and recordings of them",
    "ray": "collecting on a cluster",
    "tensorboard": "tracking.tensorboard",
    "wandb": "tracking.wandb",
    "pyarrow": "histories as Parquet",
    "h5py": "histories in HDF5",
    "minari": "Minari data sets",
}
# What generating data does not need -> the extra that brings it; pyproject.toml lists the same.
EXTRAS = {
    "torch": "train",
    "matplotlib": "report",
    "plotly": "report",
    "scipy": "report",
    "gymnasium": "gymnasium",
    "ray": "cluster",
    "tensorboard": "tracking",
    "wandb": "tracking",
    "pyarrow": "interchange",
    "h5py": "interchange",
    "minari": "interchange",
}
INSTALLED_AS = {"tomli_w": "tomli-w"}  # others by their name
EXTENSION = "adfast._native"
# What is required together, before anything is changed: to generate histories, to train on them and
# act, to draw.
HISTORIES = (EXTENSION, "numba")
MODELS = (*HISTORIES, "torch", "safetensors")
DRAWINGS = ("matplotlib", "plotly")
BUILD = "in a checkout build it with: pip install -e ."


def require(*packages: str) -> None:
    """Raise `MissingPackage` for those of `packages` that are not installed; imports none.

    `EXTENSION` is one of those that may be asked for.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if EXTENSION in missing:
        raise MissingPackage(describe_missing(EXTENSION))
    if missing:
        raise MissingPackage(describe_missing(*missing))


def describe_missing(*packages: str) -> str:
    """The sentence that says what `packages` are needed for and the line that installs them."""
    if packages == (EXTENSION,):
        return f"the extension {EXTENSION} is not built; {BUILD}"
    needs = [
        f"{package} for {USED_FOR[package]}" if package in USED_FOR else package
        for package in packages
    ]
    return f"adfast needs {' and '.join(needs)}; install it with: {installing_line(packages)}"


def installing_line(packages: Sequence[str]) -> str:
    """`pip install "adfast[train,report]"`: what has an extra by its extra, the rest by name."""
    extras = dict.fromkeys(EXTRAS[package] for package in packages if package in EXTRAS)
    names = [INSTALLED_AS.get(package, package) for package in packages if package not in EXTRAS]
    return " ".join(["pip install", *names, *([f'"adfast[{",".join(extras)}]"'] if extras else [])])


def explain(error: ImportError) -> MissingPackage:
    """What a failed import means to who made it."""
    if isinstance(error, MissingPackage):
        return error
    name = error.name or ""
    if name == EXTENSION:
        if isinstance(error, ModuleNotFoundError):
            return MissingPackage(describe_missing(EXTENSION))
        return MissingPackage(f"the extension {EXTENSION} does not load ({error}); {BUILD}")
    package = name.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and package not in ("", "adfast"):
        return MissingPackage(describe_missing(package))
    return MissingPackage(f"a part of adfast cannot be imported: {error}; adfast doctor says more")
