"""What `adfast doctor` says: the machine, the versions, and which backends will be used."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def examine_machine() -> dict[str, Any]:
    """Name -> value; loads torch and the extension, so that what is said was tried."""
    import torch

    from adfast import processor
    from adfast.provenance import collect_provenance

    provenance = collect_provenance()
    versions = provenance.pop("versions")
    facts: dict[str, Any] = provenance | versions
    facts["threads of torch"] = torch.get_num_threads()
    facts["extension adfast._native"] = try_extension()
    if torch.cuda.is_available():
        device = torch.device("cuda")
        properties = torch.cuda.get_device_properties(device)
        facts["CUDA device"] = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    else:
        device = torch.device("cpu")
        facts["CUDA device"] = "none"
    if processor.VARIABLE in os.environ:
        facts[processor.VARIABLE] = os.environ[processor.VARIABLE]
    facts["attention backend"] = try_attention(device)
    facts["gymnasium"] = "installed" if find_spec("gymnasium") else "not installed (optional)"
    return facts


def try_extension() -> str:
    """Whether the C++ extension loads, and if not, why and what to do."""
    try:
        import adfast._native as native
    except ImportError as error:
        return f"does not load ({error}); build it with: pip install -e ."
    return f"loads ({native.__name__})"


def try_attention(device: torch.device) -> str:
    """The attention backend on `device`, and which path it takes on the CPU."""
    try:
        from adfast.attention import describe_backend
    except ImportError:
        return "needs the extension adfast._native"
    return f"{describe_backend('auto', device)} (on {device})"
