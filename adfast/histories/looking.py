"""head and where: a first look at histories, and which of them meet conditions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, UnknownName, shown
from adfast.histories.quality import has_returns, quality
from adfast.histories.schema import has_episodes
from adfast.histories.store import HistoryStore
from adfast.values import as_count, as_integer, require_kind

MAX_SHOWN = 32  # numbers of an item that a row of `head` spells out
COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(.*\S)\s*", re.DOTALL)
JUDGED = ("first", "last", "improvement", "steadiness")  # of `quality`


def head(
    store: HistoryStore, rows: int = 10, *, history: int = 0, begin: int = 0
) -> list[dict[str, Any]]:
    """Up to `rows` transitions of one history from number `begin` on, name -> number or list.

    Items of many numbers, such as pictures, are said by their dtype and shape. Raises
    `InvalidArgument` for a history or a beginning that is not there.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    rows = as_count("rows", rows)
    history = as_integer("history", history, 0, max(store.num_histories - 1, 0))
    length = int(store.lengths[history]) if store.num_histories else 0
    begin = as_integer("begin", begin, 0, max(length - 1, 0))
    fields = store.history(history, rows=slice(begin, begin + rows))
    count = len(next(iter(fields.values())))
    spelt = {name: spell_out(values) for name, values in fields.items()}
    return [
        {"row": begin + row, **{name: values[row] for name, values in spelt.items()}}
        for row in range(count)
    ]


def spell_out(values: np.ndarray) -> list[Any]:
    """The items of `values` `[T, *item]` as numbers and lists, large ones by dtype and shape."""
    if values[:1].size <= MAX_SHOWN:
        listed: list[Any] = values.tolist()
        return listed
    return [f"{values.dtype} {list(values.shape[1:])}"] * len(values)


def where(store: HistoryStore, conditions: Iterable[str]) -> np.ndarray:
    """bool `[H]`: the histories of `store` that meet all `conditions`, such as "task_id < 10".

    A condition is a name, one of < <= == != >= > and a value. Names are those of the metadata,
    `history` (its number), `length` (transitions), and what `quality` judges: `first`, `last`,
    `improvement`, `steadiness`. Raises `InvalidArgument` for any other.
    """
    require_kind("store", store, HistoryStore, "a HistoryStore; adfast.histories.open gives one")
    if isinstance(conditions, str):
        conditions = [conditions]
    known = values_by_name(store)
    met = np.ones(store.num_histories, bool)
    for condition in conditions:
        parts = CONDITION.fullmatch(condition) if isinstance(condition, str) else None
        if parts is None:
            raise InvalidArgument(
                'a condition must be a name, a comparison and a value, as in "task_id < 10", got '
                f"{shown(condition)}"
            )
        name, comparison, text = parts.groups()
        if name not in known:
            raise UnknownName("name of what is said of histories", name, known)
        met &= compared(name, known[name](), comparison, text)
    return met


def values_by_name(store: HistoryStore) -> dict[str, Callable[[], np.ndarray]]:
    """Name -> what gives its value for each history; histories are judged only where asked."""
    known: dict[str, Callable[[], np.ndarray]] = {
        name: (lambda values=values: values)  # type: ignore[misc]
        for name, values in store.metadata.items()
    }
    known["history"] = lambda: np.arange(store.num_histories)
    known["length"] = lambda: store.lengths
    fields = dict(store.schema.fields)
    if has_episodes(fields) and has_returns(fields):
        for name in JUDGED:
            known[name] = lambda name=name: getattr(quality(store), name)  # type: ignore[misc]
    return known


def compared(name: str, values: np.ndarray, comparison: str, text: str) -> np.ndarray:
    """bool `[H]`: how `values` `[H]` compare with the one that is spelt `text`."""
    compare = COMPARED[comparison]
    if values.dtype.kind in "biuf":
        try:
            number = {"true": 1.0, "false": 0.0}.get(text.lower())
            wanted = float(text) if number is None else number
        except ValueError:
            raise InvalidArgument(f"{name} is compared with a number, got {shown(text)}") from None
        return np.asarray(compare(values, wanted))
    if comparison not in ("==", "!="):
        raise InvalidArgument(f"{name} is text, compared by == and != alone, got {comparison}")
    wanted_text = text.strip("\"'")
    return np.array([compare(str(value), wanted_text) for value in values], bool)
