"""The packages that parts of adfast need, and the sentence where one is missing."""

from __future__ import annotations

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
}
INSTALLED_AS = {  # others by their name
    "tomli_w": "tomli-w",
    "gymnasium": '"adfast[gymnasium]"',
    "ray": '"adfast[cluster]"',
}
EXTENSION = "adfast._native"
BUILD = "in a checkout build it with: pip install -e ."


def require(*packages: str) -> None:
    """Raise `MissingPackage` for the first of `packages` that is not installed; imports none.

    `EXTENSION` is one of those that may be asked for.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingPackage(describe_missing(package))


def describe_missing(package: str) -> str:
    """The sentence that says what `package` is needed for and how it is installed."""
    if package == EXTENSION:
        return f"the extension {EXTENSION} is not built; {BUILD}"
    purpose = f" for {USED_FOR[package]}" if package in USED_FOR else ""
    name = INSTALLED_AS.get(package, package)
    return f"adfast needs {package}{purpose}; install it with: pip install {name}"


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
