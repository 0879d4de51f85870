"""Causal attention with a sliding window over packed histories, and its one-step streaming form.

`attention` works on whole sequences and is differentiable, `packed_attention` is the same on a
projection as it is; `decode` takes one step per environment with a `KeyValueCache` and computes the
same function. `BACKENDS` are the ways to compute them, by name.
"""

from adfast.packages import explain

try:
    from adfast.attention.backends import (
        BACKENDS,
        Place,
        describe_backend,
        require_backend_name,
        resolve_backend,
    )
    from adfast.attention.dispatch import attention, decode, packed_attention
    from adfast.attention.dropping import attention_dropping
    from adfast.attention.key_value_cache import KeyValueCache
except ModuleNotFoundError as error:
    raise explain(error) from error

__all__ = [
    "BACKENDS",
    "KeyValueCache",
    "Place",
    "attention",
    "attention_dropping",
    "decode",
    "describe_backend",
    "packed_attention",
    "require_backend_name",
    "resolve_backend",
]
