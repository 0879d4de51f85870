"""Which block of which head a program works on, and which queries and keys see one another."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def locate(num_rows, num_blocks, rows_at_once):
    """This program's row of `B * H` (or `B * H / G`) and its rank among that row's blocks.

    Programs start in order: the first blocks of `rows_at_once` rows, their second ones, and so on.
    """
    program = tl.program_id(0)
    first_row = program // (rows_at_once * num_blocks) * rows_at_once
    rows_here = tl.minimum(rows_at_once, num_rows - first_row)
    program -= first_row * num_blocks
    return first_row + program % rows_here, program // rows_here


@triton.jit
def lower_bound(document_start, query, length, window, HAS_DOCUMENTS: tl.constexpr):
    """The first key that `query` sees; past the end, what the last query sees.

    `document_start` points to the row of the batch.
    """
    query = tl.minimum(query, length - 1)
    first_key = tl.maximum(query - window + 1, 0)
    if HAS_DOCUMENTS:
        first_key = tl.maximum(first_key, tl.load(document_start + query))
    return first_key


@triton.jit
def upper_bound(document_end, key, length, window, HAS_DOCUMENTS: tl.constexpr):
    """The last query that sees `key`; past the end, what sees the last key.

    `document_end[t]` is the last token whose document starts at `t` or before.
    """
    key = tl.minimum(key, length - 1)
    last_query = tl.minimum(key + window, length) - 1
    if HAS_DOCUMENTS:
        last_query = tl.minimum(last_query, tl.load(document_end + key))
    return last_query
