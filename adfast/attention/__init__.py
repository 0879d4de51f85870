"""Causal attention with a sliding window over packed histories, and its one-step streaming form.

`attention` works on whole sequences and is differentiable, `packed_attention` is the same on a
projection as it is; `decode` takes one step per environment with a `KeyValueCache` and computes the
same function. Of sequences that are cut over processes each has a `ContextShare`, and `with_halo`
the keys and values that it sees of the others. `BACKENDS` are the ways to compute them, by name.
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
    from adfast.attention.halo import ContextShare, in_halo, with_halo
    from adfast.attention.key_value_cache import KeyValueCache
except ModuleNotFoundError as error:
    raise explain(error) from error

__all__ = [
    "BACKENDS",
    "ContextShare",
    "KeyValueCache",
    "Place",
    "attention",
    "attention_dropping",
    "decode",
    "describe_backend",
    "in_halo",
    "packed_attention",
    "require_backend_name",
    "resolve_backend",
    "with_halo",
]
