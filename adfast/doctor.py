"""What there is: this machine with its versions and backends, a task family, a history store.

Nothing of the machine that is missing or broken keeps it from saying the rest.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adfast import __version__
from adfast.machine import processor
from adfast.packages import EXTENSION, USED_FOR, describe_missing, explain
from adfast.provenance import collect_provenance


def examine_machine() -> dict[str, Any]:
    """Name -> value; loads torch and the extension, so that what is said was tried."""
    found = tried(collect_provenance)
    facts: dict[str, Any] = found if isinstance(found, dict) else {"machine": found}
    facts.pop("versions", None)
    facts |= {"python": platform.python_version(), "adfast": __version__}
    facts |= {package: installed_version(package) for package in USED_FOR}
    facts["threads of torch"] = tried(count_threads)
    facts[f"extension {EXTENSION}"] = tried(load_extension)
    facts["CUDA device"] = tried(find_card)
    if processor.VARIABLE in os.environ:
        facts[processor.VARIABLE] = os.environ[processor.VARIABLE]
    facts["attention backend"] = tried(find_backend)
    facts["compiled code"] = tried(find_code_folder)
    return facts


def examine_family(name: str) -> dict[str, Any]:
    """What `check_family` looked at in the family `name` at its default options."""
    import sys
    from dataclasses import asdict

    from adfast import check_family, tasks

    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: one's own module lies beside one
    return asdict(check_family(tasks.make(name)))


def examine_store(path: Path) -> dict[str, Any]:
    """Name -> value: sizes, fields and where the histories come from."""
    from adfast import histories
    from adfast.histories.quality import has_returns

    store = histories.open(path, allow_incomplete=True)
    lengths = store.lengths
    fields = store.schema.fields
    description: dict[str, Any] = {
        "store": str(path),
        "complete": store.is_complete,
        "histories": store.num_histories,
        "transitions": store.num_transitions,
        "bytes": store.num_bytes,
        "bytes per transition": sum(field.item_bytes for field in fields.values()),
    }
    if len(lengths):
        description["history length"] = f"{int(lengths.min())} to {int(lengths.max())} transitions"
    for name, values in store.metadata.items():
        if hasattr(values, "tolist"):  # an array, one value for each history
            description[f"distinct {name}"] = len(set(values.tolist()))
    if has_returns(fields) and len(lengths):
        judged = histories.quality(store).summary()
        description["return"] = (
            f"{judged['first_return']:.3g} in the first tenth of the episodes, "
            f"{judged['last_return']:.3g} in the last"
        )
        description["improving"] = (
            f"{judged['improving_share']:.0%} of the histories; steadiness "
            f"{judged['steadiness']:.2f} (rank correlation of return and episode)"
        )
    description["fields"] = ", ".join(
        f"{name} {field.dtype}{list(field.shape) if field.shape else ''}"
        for name, field in fields.items()
    )
    return description


def installed_version(package: str) -> str:
    """The version of `package`, or what is missing without it."""
    if find_spec(package) is None:
        return f"missing: {describe_missing(package)}"
    try:
        return version(package)
    except PackageNotFoundError:
        return "installed, of unknown version"


def tried(probe: Callable[[], Any]) -> Any:
    """What `probe` finds, or why it fails: whatever that is, the other lines are still said."""
    try:
        return probe()
    except ImportError as error:
        return f"not known: {explain(error)}"
    except Exception as error:
        return f"fails: {type(error).__name__}: {error}"


def count_threads() -> int:
    """How many threads torch takes."""
    import torch

    return torch.get_num_threads()


def load_extension() -> str:
    """That the C++ extension loads."""
    return f"loads ({import_module(EXTENSION).__name__})"


def find_card() -> str:
    """The CUDA device, and its memory."""
    import torch

    if not torch.cuda.is_available():
        return "none"
    properties = torch.cuda.get_device_properties("cuda")
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"


def find_backend() -> str:
    """The attention backend that "auto" means, and which path it takes on the CPU."""
    import torch

    from adfast.attention import describe_backend

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return f"{describe_backend('auto', device, torch.float32, head_dim=32)} (on {device})"


def find_code_folder() -> str:
    """Where what Numba compiles is kept for later processes."""
    from adfast.machine.compiled_code import asked_folder, folder_of
    from adfast.simulators.step_loops import narrow_actions

    folder, asked = folder_of(narrow_actions), asked_folder()
    if folder is None:
        return (
            "kept nowhere: no folder can be written, so each process compiles it again; set "
            "NUMBA_CACHE_DIR to one"
        )
    ignored = bool(asked) and not Path(folder).is_relative_to(asked)
    return f"{folder} (NUMBA_CACHE_DIR, {asked}, cannot be written)" if ignored else folder
