"""manifest.json: what a history store holds, and by being written last, what of it is committed.

The file is a JSON object with a checksum over its other entries. Files of shards are named by the
number of their block, so nothing in a manifest can point outside its folder.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xxhash
from pydantic import Field as Setting
from pydantic import JsonValue

from adfast.config import Config
from adfast.durable import replace_file
from adfast.errors import InvalidArgument, StoreError, UnknownName, shown
from adfast.histories.block import ColumnDtype

FILE_NAME = "manifest.json"
FORMAT = "adfast-histories"
VERSION = 2  # the first with shards that keep next observations once; others are version 1
MAX_BYTES = 1 << 28
MAX_BLOCKS = 10**9


class BlockRecord(Config):
    """One committed shard: a block of complete histories."""

    block: int = Setting(ge=0, lt=MAX_BLOCKS)
    histories: int = Setting(ge=1)
    transitions: int = Setting(ge=1)
    episodes: int | None = Setting(ge=0)  # None where the schema has no episode_step
    kept: int | None = Setting(default=None, ge=1)  # next observations, where not every row has one
    num_bytes: int = Setting(ge=1)
    xxh3: str = Setting(pattern="^[0-9a-f]{16}$")  # of the whole file
    columns: dict[str, ColumnDtype]  # name -> dtype of the per-history metadata in the shard
    metadata: dict[str, JsonValue]  # what holds for every history of the block

    @property
    def file_name(self) -> str:
        """Name of the shard in the store's folder."""
        return f"block-{self.block:06d}.safetensors"

    @property
    def version(self) -> int:
        """The first version of the format that has such shards."""
        return 1 if self.kept is None else 2


class Manifest(Config):
    """The store's description; complete when it lists as many blocks as it declares."""

    fields: dict[str, dict[str, JsonValue]]  # as `describe_schema` writes them
    transition: dict[str, JsonValue] | None = None
    description: dict[str, JsonValue]
    num_blocks: int | None = Setting(ge=1)  # None until the writer knows
    blocks: list[BlockRecord]

    @property
    def is_complete(self) -> bool:
        """True when every declared block is committed."""
        return self.num_blocks == len(self.blocks)

    @property
    def schema_description(self) -> dict[str, Any]:
        """The part that `read_schema` reads."""
        whole = self.model_dump(include={"fields", "transition"})
        return {name: value for name, value in whole.items() if value is not None}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the folder's manifest atomically and durably."""
    version = max((record.version for record in manifest.blocks), default=1)
    content = {"format": FORMAT, "version": version, **manifest.model_dump()}
    for record in content["blocks"]:
        if record["kept"] is None:
            del record["kept"]  # as in version 1
    content["xxh3"] = checksum(content)
    replace_file(folder / FILE_NAME, [render(content).encode()])


def read_manifest(folder: Path) -> Manifest:
    """The folder's manifest; raises `StoreError` if it is missing, damaged or of a newer format."""
    path = folder / FILE_NAME
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise StoreError(
                f"{path}: must be a file of at most {MAX_BYTES} bytes; this is no adfast manifest"
            )
        text = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(
            f"{folder}: no history store: it has no {FILE_NAME}; collect histories into it first"
        ) from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_manifest(text, path)


def parse_manifest(text: bytes, path: Path) -> Manifest:
    """The manifest that `text`, the content of `path`, spells; raises `StoreError`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: damaged: not valid JSON ({error}); {RESTORE}") from None
    try:
        return check_manifest(content, path)
    except RecursionError:
        raise StoreError(f"{path}: damaged: values are nested too deeply; {RESTORE}") from None


def check_manifest(content: Any, path: Path) -> Manifest:
    """The manifest in the JSON value `content` of `path`; raises `StoreError`."""
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise StoreError(f'{path}: "format" must be "{FORMAT}"; this is no adfast history store')
    version = content.pop("version", None)
    if not isinstance(version, int) or version < 1:
        raise StoreError(
            f'{path}: "version" must be a positive integer, got {shown(version)}; {RESTORE}'
        )
    if version > VERSION:
        raise StoreError(
            f"{path}: format version {shown(version)} is newer than {VERSION}, the newest that "
            "this adfast reads; upgrade adfast"
        )
    stored = content.pop("xxh3", None)
    expected = checksum({"format": FORMAT, "version": version, **content})
    if stored != expected:
        raise StoreError(
            f"{path}: damaged: its xxh3 must be {expected}, got {shown(stored)}; {RESTORE}"
        )
    try:
        manifest = Manifest.from_mapping(content, source=str(path))
    except UnknownName as error:
        raise StoreError(f"{path}: {error}; {RESTORE}") from None
    except InvalidArgument as error:
        where = "" if str(error).startswith(str(path)) else f"{path}: "
        raise StoreError(f"{where}{error}; {RESTORE}") from None
    for record in manifest.blocks:
        for name in (*record.columns, *record.metadata):
            if not name.isidentifier():
                raise StoreError(
                    f"{path}: metadata names must be identifiers, got {shown(name)}; {RESTORE}"
                )
    numbers = [record.block for record in manifest.blocks]
    limit = manifest.num_blocks
    if sorted(set(numbers)) != numbers or (limit and numbers and numbers[-1] >= limit):
        raise StoreError(
            f"{path}: block numbers must increase and stay below {limit}, got {shown(numbers)}; "
            f"{RESTORE}"
        )
    return manifest


def render(content: Mapping[str, Any]) -> str:
    """`content` as JSON with one line per entry and per block, for people who look inside."""
    lines = []
    for name, value in content.items():
        text = json.dumps(value)
        if name == "blocks" and value:
            text = "[\n  " + ",\n  ".join(json.dumps(record) for record in value) + "\n ]"
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def checksum(content: dict[str, Any]) -> str:
    """xxh3 (64 bits, hexadecimal) of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return xxhash.xxh3_64_hexdigest(canonical.encode())


RESTORE = "restore the file from a copy, or delete the folder and collect its histories again"
