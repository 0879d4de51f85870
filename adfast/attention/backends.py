"""The ways to attend, by name: a module each, imported when it is first chosen.

A backend's module has, with shapes as in `dispatch` and `reference` as the example,

`attention(q, k, v, *, window, document_start_BT, scale, logit_bound, deterministic) -> (out, lse)`,
`decode(q, k_new, v_new, cache, step, start, *, scale) -> out`,
`supports(dtype, head_dim) -> bool` with `SUPPORTED`, the words for it in messages.

It may have `packed_attention(projected, num_heads, *, ..) -> out [B, H, T, D]`, where it gains from
heads that lie side by side, and `variant() -> str`, which of several kernels this machine runs. A
new one is its module, a line of `BACKENDS`, and a row in the grid of tests against `reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from adfast.errors import AdfastError, InvalidArgument, MissingPackage, legible
from adfast.packages import EXTENSION, describe_missing, explain
from adfast.values import require_kind

AUTO = "auto"
DEVICES = {"cpu": "tensors on the CPU", "cuda": "a CUDA device"}


class Place(NamedTuple):
    """Where a backend is found, and what is known of it before it is imported.

    `device` is the type of device whose tensors it takes (None: any), `needs` the package or
    extension that it cannot do without, and `is_automatic` whether "auto" may choose it.
    """

    module: str
    device: str | None = None
    needs: str | None = None
    is_automatic: bool = True


# "auto" takes the first that supports the tensors.
BACKENDS = {
    "triton": Place("adfast.attention.triton", "cuda", "triton"),
    "cpu": Place("adfast.attention.native_cpu", "cpu", EXTENSION),
    "banded": Place("adfast.attention.banded_cpu", "cpu"),
    "reference": Place("adfast.attention.reference", is_automatic=False),
}


class Backend(NamedTuple):
    """A backend that was chosen: what its module offers."""

    attention: Callable[..., tuple[Tensor, Tensor]]
    decode: Callable[..., Tensor]
    packed_attention: Callable[..., Tensor] | None
    variant: Callable[[], str] | None


LOADED: dict[str, Backend] = {}  # those that were chosen so far


def resolve_backend(name: str, device: str, dtype: torch.dtype, head_dim: int) -> str:
    """The backend that computes heads of this kind on a device of the type `device`, now loaded.

    "auto" is the first of `BACKENDS` that supports them. Raises `InvalidArgument` for an unknown
    name and for a backend that cannot run there, and `MissingPackage` where what it needs is not
    installed. Looked up once, then remembered.
    """
    require_kind("attention backend", name, str, "a name")
    return resolved(name, device, dtype, head_dim)


# A compiled graph keeps what was chosen. `torch.compiler.assume_constant_result` marks it so, too,
# but loads torch's compiler for that: more than a second of every process.
vars(resolve_backend)["_dynamo_marked_constant"] = True


@cache
def resolved(name: str, device: str, dtype: torch.dtype, head_dim: int) -> str:
    """What `resolve_backend` remembers."""
    require_backend_name(name)
    refusal: AdfastError | None = None
    automatic = [other for other in names_on(device) if BACKENDS[other].is_automatic]
    for candidate in automatic if name == AUTO else [name]:
        found = refusal_of(candidate, device, dtype, head_dim)
        if found is None:
            LOADED[candidate] = loaded(candidate)
            return candidate
        refusal = refusal or found
    raise refusal or InvalidArgument(
        f'attention backend "auto" has none for {device}; use {quoted(*names_on(device))}'
    )


def require_backend_name(name: str) -> None:
    """Raise `InvalidArgument` unless `name` is "auto" or one of `BACKENDS`."""
    if name != AUTO and name not in BACKENDS:
        valid = ", ".join((AUTO, *BACKENDS))
        raise InvalidArgument(f'attention backend must be one of {valid}, got "{legible(name)}"')


def refusal_of(name: str, device: str, dtype: torch.dtype, head_dim: int) -> AdfastError | None:
    """Why the backend cannot run such tensors; None if it can."""
    place, others = BACKENDS[name], [other for other in names_on(device) if other != name]
    if place.device not in (None, device):
        needed = DEVICES.get(str(place.device), f"tensors on {place.device}")
        return InvalidArgument(
            f'attention backend "{name}" needs {needed}, got {device}; use {quoted(AUTO, *others)}'
        )
    if place.needs is not None and find_spec(place.needs) is None:
        return MissingPackage(
            f'attention backend "{name}" is not there: {describe_missing(place.needs)}, or use '
            f"backend {quoted(*others)}"
        )
    module = imported(place.module)
    if not module.supports(dtype, head_dim):
        return InvalidArgument(
            f'attention backend "{name}" takes {module.SUPPORTED}, got {head_dim} channels in '
            f"{dtype}; change num_heads or width, or use {quoted(*others)}"
        )
    return None


def loaded(name: str) -> Backend:
    """The backend `name`, imported."""
    module = imported(BACKENDS[name].module)
    optional = (getattr(module, part, None) for part in ("packed_attention", "variant"))
    return Backend(module.attention, module.decode, *optional)


def imported(module: str) -> Any:
    """The module of a backend; raises `MissingPackage` where a part of it does not load."""
    try:
        return import_module(module)
    except ImportError as error:
        raise explain(error) from error


def names_on(device: str) -> list[str]:
    """The backends for tensors on `device`, in the order in which "auto" prefers them."""
    return [name for name, place in BACKENDS.items() if place.device in (None, device)]


def quoted(*names: str) -> str:
    """`"auto", "cpu" or "reference"`."""
    *first, last = (f'"{name}"' for name in names)
    return f"{', '.join(first)} or {last}" if first else last


def describe_backend(
    name: str, device: torch.device | str, dtype: torch.dtype, head_dim: int
) -> str:
    """What runs where `name` is asked for, and its variant: "cpu (native-avx2)".

    Raises as `resolve_backend`.
    """
    found = resolve_backend(name, torch.device(device).type, dtype, head_dim)
    variant = LOADED[found].variant
    return found if variant is None else f"{found} ({variant()})"
