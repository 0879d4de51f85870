"""What is said of a training while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adfast.progress import ProgressBar
    from adfast.training.checkpoints.checkpoints import TrainingState

OnUpdate = Callable[["TrainingState", Mapping[str, Any] | None], None]


def report_updates(bar: ProgressBar, then: OnUpdate | None = None) -> OnUpdate:
    """A hook that moves `bar` after every update, and then calls `then`."""
    note, validation_return = "updates", ""

    def on_update(state: TrainingState, row: Mapping[str, Any] | None) -> None:
        nonlocal note, validation_return
        if row is not None:
            if "validation_return" in row:
                validation_return = f", validation return {row['validation_return']:.1f}"
            speed = f"{state.tokens / max(state.seconds, 1e-9) / 1e3:.0f}k tokens/s"
            waiting = waiting_note(state.waiting_seconds, state.seconds)
            note = f"{speed}{waiting}, loss {row['loss']:.3f}{validation_return}"
        bar.advance_to(state.update, note)
        if then is not None:
            then(state, row)

    return on_update


def waiting_note(waiting_seconds: float, seconds: float) -> str:
    """The share of its time that training waited for batches, if it matters."""
    share = waiting_seconds / seconds if seconds > 0 else 0.0
    return f" ({share:.0%} waiting)" if share >= 0.02 else ""
