"""A public face under attack, and the verdict on one call of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from adfast.errors import AdfastError
from attacks.hostile import hostile

MAX_MESSAGE = 900  # characters; what is quoted of a value is cut at 200


class Finding(Exception):
    """What must not happen: a crash, a silent change, a wrong result, a message of no use."""


@dataclass(frozen=True)
class Face:
    """One function or method, with arguments that are right and what must come of a call.

    `arguments()` are right ones for `subject`, `call(subject, arguments)` calls it and `state`
    gives everything that a refused call must leave as it is. `check(subject, arguments, result)`
    compares the result of an accepted call with a plain reference: false is a finding.
    """

    name: str
    arguments: Callable[[Any, np.random.Generator], dict[str, Any]]
    call: Callable[[Any, dict[str, Any]], Any]
    check: Callable[[Any, dict[str, Any], Any], bool]
    subject: Callable[[], Any] = lambda: None
    state: Callable[[Any], Any] = lambda subject: None
    attacked: tuple[str, ...] = ()  # the arguments that may be hostile; all unless given
    fresh_every: int = 1  # calls that share a subject
    weight: int = 4  # how often it is drawn


@st.composite
def attacked(draw: st.DrawFn, arguments: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """`arguments` with one or two of the named replaced by hostile ones; at times none."""
    changed = dict(arguments)
    chosen = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)
    for name in draw(chosen) if draw(st.integers(0, 9)) else ():
        changed[name] = draw(hostile(arguments[name]))
    return changed


def attempt(face: Face, subject: Any, arguments: dict[str, Any]) -> str:
    """ "accepted" or "refused"; raises `Finding`."""
    before = digest(face.state(subject))
    result: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = face.call(subject, arguments)
        except AdfastError as error:
            check_message(error, face)
            if digest(face.state(subject)) != before:
                raise Finding(f"{face.name} was refused, but changed something: {error}") from error
            return "refused"
        except Exception as error:
            raise Finding(f"{face.name}: {type(error).__name__}: {str(error)[:200]!r}") from error
        try:
            is_right = face.check(subject, arguments, result)
        except Exception as error:
            raise Finding(f"{face.name} accepted, then {type(error).__name__}: {error}") from error
        if not is_right:
            raise Finding(f"{face.name} accepted what it does not do: {str(result)[:200]}")
    return "accepted"


def check_message(error: AdfastError, face: Face) -> None:
    """Raise `Finding` unless the message is short, in one line, and can be printed."""
    message = str(error)
    try:
        message.encode()
    except UnicodeEncodeError:
        raise Finding(f"{face.name}: message cannot be printed: {message[:200]!r}") from None
    if not message or len(message) > MAX_MESSAGE or "\n" in message:
        raise Finding(f"{face.name}: message of {len(message)} characters: {message[:300]!r}")


def digest(state: Any) -> Any:
    """`state` in a form that `!=` compares whole."""
    if isinstance(state, np.ndarray):
        return state.dtype.str, state.shape, state.tobytes()
    if isinstance(state, list | tuple):
        return tuple(digest(part) for part in state)
    if isinstance(state, dict):
        return tuple((name, digest(part)) for name, part in sorted(state.items()))
    return state
