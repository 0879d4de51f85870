"""Watching a pass: what each layer and head reads and writes, shown to a caller who may replace it.

Of one layer, in the order in which its places are reached; `...` is `[B, T]` tokens of windows in
`Transformer.forward`, and `[N]` environments in `Transformer.step`, which goes token by token:

    before          [..., width]     the residual stream that the layer reads
    query           [..., H, D]      as it meets the keys: normalised and rotated where the model is
    key, value      [..., H_kv, D]   what is attended to; a step keeps them for later ones
    heads           [..., H, D]      what each head has read, before the output projection
    attention       [..., width]     what the heads together add to the residual stream
    feed_forward    [..., width]     what the feed-forward network adds to it
    after           [..., width]     the residual stream that the next layer reads
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

from torch import Tensor

from adfast.errors import InvalidArgument

Place = Literal["before", "query", "key", "value", "heads", "attention", "feed_forward", "after"]
# The value to go on with, of a place of one layer.
Show = Callable[[Place, Tensor], Tensor]


class Watch(Protocol):
    """What a caller hands in to look at a pass."""

    def __call__(self, layer: int, place: Place, value: Tensor, /) -> Tensor | None:
        """What to go on with in place of `value`, in its shape and dtype; None: `value` itself.

        `value` must not be changed in place. Gradients flow through it where they are recorded.
        """


def show_layer(watch: Watch | None, layer: int) -> Show | None:
    """How layer number `layer` shows its values to `watch`, if there is one."""
    return None if watch is None else partial(show, watch, layer)


def show(watch: Watch, layer: int, place: Place, value: Tensor) -> Tensor:
    """What `watch` wants in place of `value`; `InvalidArgument` if it does not fit there."""
    replacement = watch(layer, place, value)
    if replacement is None:
        return value
    if replacement.shape != value.shape or replacement.dtype != value.dtype:
        raise InvalidArgument(
            f'watch must replace "{place}" of layer {layer} by {value.dtype} '
            f"{list(value.shape)}, got {replacement.dtype} {list(replacement.shape)}"
        )
    return replacement
