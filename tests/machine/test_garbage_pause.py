import gc

import numpy as np
import pytest
from numba.core import config
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable

from adfast.machine.compiled_code import compiled
from adfast.machine.garbage_pause import GarbagePause


@pytest.fixture(autouse=True)
def nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))


def loop_and_notes(constant):
    """A loop that adds `constant`, and whether garbage was looked for as often as it was asked."""
    notes = []

    def asked():
        return 0

    @overload(asked)
    def note():
        notes.append(gc.isenabled())
        return lambda: 0

    @register_jitable
    def inner(value):
        return value + asked()

    @compiled
    def loop(values):
        return inner(values[0]) + asked() + constant

    return loop, notes


@pytest.mark.parametrize("is_on", [True, False])
def test_garbage_waits_until_a_function_is_compiled(is_on):
    loop, notes = loop_and_notes(4)
    if not is_on:
        gc.disable()
    try:
        assert loop(np.ones(1)) == 5
        assert gc.isenabled() == is_on
    finally:
        gc.enable()
    assert notes
    assert not any(notes)


def test_garbage_is_looked_for_again_where_a_function_cannot_be_compiled():
    loop, notes = loop_and_notes("a word")
    with pytest.raises(TypingError):
        loop(np.ones(1))
    assert notes
    assert gc.isenabled()


def test_process_forked_while_another_thread_compiles_looks_for_garbage():
    pause = GarbagePause()
    pause.on_start(None)
    pause.on_start(None)
    assert not gc.isenabled()
    pause.end_in_child()
    assert gc.isenabled()
    pause.end_in_child()
