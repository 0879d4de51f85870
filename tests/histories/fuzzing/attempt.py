"""One execution: a store's bytes through the openers and on to its first samples."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from fuzzing.seed_stores import StoreBytes, write_folder

from adfast.errors import AdfastError, StoreError
from adfast.histories.manifest import parse_manifest
from adfast.histories.schema import check_schema
from adfast.histories.shard import parse_shard
from adfast.histories.store import HistoryStore, open_store, schema_of

FOLDER = Path("store")  # the name that messages are to have where no file is involved
MAX_SECONDS = 1.0
MAX_MESSAGE = 4000  # characters


class Finding(Exception):
    """What must not happen: anything but a store that works or an error that says what is wrong."""


def attempt(store: StoreBytes, folder: Path | None = None) -> bool:
    """Whether the store opens, from memory or written to `folder`; raises `Finding`."""
    try:
        with limited_time():
            use(open_bytes(store) if folder is None else open_folder(store, folder))
    except StoreError as error:
        check_message(error, folder or FOLDER)
        return False
    except Exception as error:
        raise Finding(f"{type(error).__name__}: {str(error)[:300]!r}") from error
    return True


def open_bytes(store: StoreBytes) -> HistoryStore:
    """What `open_store` does, with bytes in place of files."""
    manifest = parse_manifest(store.manifest, FOLDER / "manifest.json")
    schema = schema_of(FOLDER, manifest)
    fields = check_schema(schema)
    blocks = []
    for record in manifest.blocks:
        content = store.shards.get(record.file_name)
        if content is None:
            raise StoreError(f"{FOLDER}: {record.file_name} is missing")
        mapping = np.frombuffer(content, np.uint8)
        blocks.append(parse_shard(mapping, FOLDER / record.file_name, fields, record))
    return HistoryStore(
        schema,
        blocks,
        block_numbers=[record.block for record in manifest.blocks],
        description=manifest.description,
        path=FOLDER,
        manifest=manifest,
    )


def open_folder(store: StoreBytes, folder: Path) -> HistoryStore:
    """The store, written to files and opened."""
    write_folder(folder, store)
    return open_store(folder, allow_incomplete=True)


def use(store: HistoryStore) -> None:
    """Read what a user would; a store that opened may refuse a draw, and say why."""
    assert store.num_transitions == int(store.lengths.sum())
    assert all(len(values) == store.num_histories for values in store.metadata.values())
    if store.num_histories == 0:
        return
    store.history(store.num_histories - 1)
    for align in ("step", "episode"):
        for draw in (store.sample, store.sample_packed):
            try:
                draw(3, 2, seed=0, draw=0, align=align)
            except AdfastError as error:
                check_message(error, None)


def check_message(error: AdfastError, folder: Path | None) -> None:
    """Raise `Finding` unless the message can be printed and names the folder."""
    message = str(error)
    try:
        message.encode()
    except UnicodeEncodeError:
        raise Finding(f"message cannot be printed: {message[:300]!r}") from None
    if folder is not None and folder.name not in message:
        raise Finding(f"message names no file: {message[:300]!r}")
    if len(message) > MAX_MESSAGE:
        raise Finding(f"message of {len(message)} characters: {message[:300]!r}")


@contextmanager
def limited_time() -> Iterator[None]:
    """Raise `TimeoutError` in what takes more than `MAX_SECONDS` of the processor's time."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"took more than {MAX_SECONDS} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
