"""Causal attention with a sliding window over packed histories, and its one-step streaming form.

`attention` works on whole sequences and is differentiable, `packed_attention` is the same on a
projection as it is; `decode` takes one step per environment
with a `KeyValueCache` and computes the same function. Both pick their backend in `dispatch`.
"""

from adfast.packages import explain

try:
    from adfast.attention.dispatch import (
        attention,
        cpu_path,
        decode,
        describe_backend,
        packed_attention,
        resolve_backend,
    )
    from adfast.attention.key_value_cache import KeyValueCache
except ModuleNotFoundError as error:
    raise explain(error) from error

__all__ = [
    "KeyValueCache",
    "attention",
    "cpu_path",
    "decode",
    "describe_backend",
    "packed_attention",
    "resolve_backend",
]
