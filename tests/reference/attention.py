"""The plain-Python twin of `adfast.attention`: scalar loops over nested lists."""

from __future__ import annotations

import math

Array4 = list[list[list[list[float]]]]


def attention(
    q: Array4,
    k: Array4,
    v: Array4,
    window: int | None,
    document_start: list[list[int]] | None,
    scale: float,
) -> Array4:
    """The attended values `[B][H][T][D]`."""
    groups = len(q[0]) // len(k[0])
    return [
        [
            [
                attend(
                    query,
                    k[b][h // groups],
                    v[b][h // groups],
                    first_visible(t, window, document_start[b] if document_start else None),
                    t,
                    scale,
                )
                for t, query in enumerate(head)
            ]
            for h, head in enumerate(sequence)
        ]
        for b, sequence in enumerate(q)
    ]


def first_visible(t: int, window: int | None, document_start: list[int] | None) -> int:
    """The earliest token that the query at `t` sees."""
    return max(
        0 if window is None else t - window + 1, 0 if document_start is None else document_start[t]
    )


def attend(
    query: list[float],
    keys: list[list[float]],
    values: list[list[float]],
    first: int,
    last: int,
    scale: float,
) -> list[float]:
    """The mean of values `first .. last`, weighted by the exponentials of their logits."""
    seen = range(first, last + 1)
    weights = [math.exp(scale * sum(map(float.__mul__, query, keys[j]))) for j in seen]
    total = sum(weights)
    return [
        sum(w * values[j][c] for w, j in zip(weights, seen, strict=True)) / total
        for c in range(len(query))
    ]
