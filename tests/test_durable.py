"""Files are the old one or the whole new one, and nothing in adfast writes otherwise."""

import ast
import os
from pathlib import Path

import pytest

import adfast
from adfast.durable import clear_leftovers, discard, replace_file
from adfast.errors import WriteError

PACKAGE = Path(adfast.__file__).parent
# Metrics, what tracks them and recordings append; what is compiled is made again; and what other
# processes say (jobs) is for reading alone. Data of other tools are written in a folder of their
# own and moved to their place whole; what is imported is put together where no reader looks.
WRITERS = {
    "durable.py",
    "locks.py",
    "metrics.py",
    "tensorboard_events.py",
    "recording.py",
    "compiled_code.py",
    "jobs.py",
    "own_words.py",
    "importing.py",
    "writing.py",  # of foreign formats, in a folder that is adopted when it is whole
}
WRITING_CALLS = {"write_text", "write_bytes", "save_file", "rename", "fdopen", "dump"}


def test_file_is_made_and_replaced(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"", b"and another"):
        replace_file(path, [content[:2], memoryview(content)[2:]])
        assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_file_has_the_rights_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", [b"x"])
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_writes_that_take_only_a_part_are_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    replace_file(tmp_path / "file", [b"0123456789", b"", memoryview(b"abc")])
    assert (tmp_path / "file").read_bytes() == b"0123456789abc"


def test_arrays_of_any_items_are_written_as_bytes(tmp_path):
    replace_file(tmp_path / "file", [memoryview(b"12345678").cast("d")])
    assert (tmp_path / "file").read_bytes() == b"12345678"


def test_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WriteError, match=r"missing/file: cannot write 1 bytes: No such file"):
        replace_file(tmp_path / "missing" / "file", [b"x"])


def test_folders_files_and_links_are_discarded(tmp_path):
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "below" / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    for name in ("folder", "link", "missing"):
        discard(tmp_path / name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()


def test_what_is_half_done_is_cleared_and_nothing_else(tmp_path):
    (tmp_path / ".folder.tmp").mkdir()
    (tmp_path / ".folder.tmp" / "file").write_text("x")
    (tmp_path / ".file.tmp").write_text("x")
    for kept in ("mine.tmp", ".hidden"):
        (tmp_path / kept).write_text("x")
    clear_leftovers(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".hidden", "mine.tmp"]


def writing_calls(source: Path) -> list[str]:
    """The calls in a module that would write a file, as `file:line name`."""
    found = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        modes = [a.value for a in node.args if isinstance(a, ast.Constant)]
        opens_to_write = name == "open" and any(
            isinstance(mode, str) and set(mode) <= set("rwaxbt+") and set(mode) & set("wax+")
            for mode in modes
        )
        if name in WRITING_CALLS or opens_to_write:
            found.append(f"{source.name}:{node.lineno} {name}")
    return found


def test_nothing_else_writes_files():
    """One door: what the fault tests prove of it holds for all that adfast leaves behind."""
    sources = [path for path in PACKAGE.rglob("*.py") if path.name not in WRITERS]
    assert [call for source in sources for call in writing_calls(source)] == []


def test_the_search_for_writers_finds_them(tmp_path):
    source = tmp_path / "module.py"
    source.write_text(
        "path.write_text('x')\nopen('f', 'wb')\npath.open('a')\nopen('f')\npath.open('rb')\n"
    )
    assert [call.partition(":")[2] for call in writing_calls(source)] == [
        "1 write_text", "2 open", "3 open",
    ]  # fmt: skip
