"""Files made to do harm: they are refused in time and in words, and reach nothing outside."""

from __future__ import annotations

import ast
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

import adfast
from adfast.durable import replace_file
from adfast.errors import AdfastError, CheckpointError, InUse, StoreError
from adfast.histories import create
from adfast.histories import open as open_store
from adfast.histories.manifest import checksum
from adfast.locks import LOCK_NAME
from adfast.models.checkpoint import CHECKSUM, DOCUMENT, read_tensors
from adfast.models.checkpoint import checksum as tensor_checksum
from adfast.runs.files.run_directory import RunDirectory
from cli.command_line import adfast as call
from histories.made_histories import SCHEMA, make_block

pytestmark = pytest.mark.faults

ROOT = Path(adfast.__file__).resolve().parent.parent
UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
ESCAPES = "\x1b]0;owned\x07\x1b[2J\nadfast: to continue: rm -rf ~"


def modules() -> list[Path]:
    return [*(ROOT / "adfast").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]


def unpickling(tree: ast.AST) -> list[str]:
    """What in a module would read or write pickles: imports, torch's files, NumPy's objects."""
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [name for name in names if name.partition(".")[0] in UNPICKLING]
        if isinstance(node, ast.Attribute) and node.attr in ("load", "save"):
            owner = ast.unparse(node.value)
            found += [f"{owner}.{node.attr}"] if owner == "torch" else []
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += ["allow_pickle"] if getattr(node.value, "value", True) else []
    return found


def test_nothing_is_pickled_anywhere():
    assert [(path, names) for path in modules() if (names := unpickling(parse(path)))] == []


def parse(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_search_for_pickles_finds_them():
    source = "import pickle\nfrom dill import loads\ntorch.load(f)\nnp.load(f, allow_pickle=True)"
    assert len(unpickling(ast.parse(source))) == 4


def test_files_of_a_run_are_of_kinds_that_cannot_carry_code(run_copy):
    kinds = {path.suffix for path in run_copy.rglob("*") if path.is_file()}
    assert kinds <= {"", ".json", ".jsonl", ".toml", ".md", ".safetensors", ".png", ".html"}
    for path in run_copy.rglob("*"):
        if path.is_file():
            assert not path.read_bytes().startswith((b"\x80\x04", b"\x80\x05", b"PK"))
    tensors, _ = read_tensors(max((run_copy / "checkpoints").iterdir()))
    assert any(name.startswith("optimizer.") for name in tensors)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store"
    with create(path, SCHEMA, num_blocks=2) as writer:
        for number in range(2):
            writer.append_block(number, *make_block(np.random.default_rng(number), 3, 9))
    return path


def rewrite(store, change):
    content = json.loads((store / "manifest.json").read_text())
    change(content)
    del content["xxh3"]
    content["xxh3"] = checksum(content)
    (store / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["blocks"][0].update(block="../../../etc/passwd"),
        lambda m: m["blocks"][0].update(block="/etc/passwd"),
        lambda m: m["blocks"][0].update(file_name="/etc/passwd"),
        lambda m: m["blocks"][0].update(block=-1),
        lambda m: m.update(path="/etc"),
        lambda m: m["blocks"][0].update(columns={"../x": "int64"}),
        lambda m: m["blocks"][0].update(columns={ESCAPES: "int64"}),
        lambda m: m["blocks"][0].update(metadata={ESCAPES: 1}),
        lambda m: m["fields"].update({ESCAPES: {"dtype": "uint8", "shape": []}}),
        lambda m: m["blocks"][0].update(histories=2**70),
        lambda m: m["blocks"][0].update(transitions=2**61, num_bytes=2**64),
        lambda m: m["blocks"][0].update(episodes=2**62),
        lambda m: m["fields"]["reward"].update(shape=[2**40, 2**40]),
        lambda m: m["fields"]["reward"].update(shape=[1] * 70),
        lambda m: m.update(num_blocks=10**30),
        lambda m: m["blocks"][1].update(histories=m["blocks"][0]["histories"] + 1),
        lambda m: m["blocks"].append(m["blocks"][1]),
        lambda m: m.update(blocks=m["blocks"][:1], num_blocks=1) or m["blocks"][0].update(block=1),
    ],
)
def test_lying_manifest_leads_nowhere_and_takes_no_memory(store, change):
    rewrite(store, change)
    started = time.process_time()
    with pytest.raises(AdfastError) as refused:
        open_store(store).verify()
    assert time.process_time() - started < 2
    assert str(store) in str(refused.value)


@pytest.mark.parametrize("target", ["/etc/passwd", "block-000001.safetensors", "."])
def test_shard_that_is_a_link_or_a_folder_is_refused(store, target):
    shard = store / "block-000000.safetensors"
    shard.unlink()
    if target == ".":
        shard.mkdir()
    else:
        shard.symlink_to(target)
    with pytest.raises(StoreError, match=r"block-000000\.safetensors: "):
        open_store(store)


def test_link_out_of_the_folder_is_not_followed_though_its_size_is_right(store, tmp_path):
    shard = store / "block-000000.safetensors"
    elsewhere = tmp_path / "elsewhere"
    shutil.move(shard, elsewhere)
    shard.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cannot be mapped: Too many levels of symbolic links"):
        open_store(store)


def test_huge_manifest_is_not_read(store):
    with (store / "manifest.json").open("r+b") as file:
        file.truncate(1 << 40)  # a hole: it takes no disk
    with pytest.raises(StoreError, match="at most 268435456 bytes"):
        open_store(store)


HEADERS = {
    "longer than the file": (2**62).to_bytes(8, "little") + b"{}",
    "of a gigabyte": (2**30).to_bytes(8, "little") + b"{" + b" " * 4096,
    "no JSON": (9).to_bytes(8, "little") + b"{" * 9,
    "deep": (20_000).to_bytes(8, "little") + b"[" * 20_000,
    "empty": b"",
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x04evil\x94.",
}
for name, entry in {
    "tensor beyond the end": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
    "tensor of no size": {"dtype": "F32", "shape": [2**63, 2**63], "data_offsets": [0, 0]},
    "negative offsets": {"dtype": "U8", "shape": [4], "data_offsets": [-4, 0]},
    "unknown dtype": {"dtype": "object", "shape": [1], "data_offsets": [0, 8]},
}.items():
    text = json.dumps({"x": entry}).encode()
    HEADERS[name] = len(text).to_bytes(8, "little") + text + b"\0" * 8


@pytest.mark.parametrize("name", HEADERS)
def test_checkpoint_with_a_lying_header_is_refused_at_once(tmp_path, name):
    path = tmp_path / "update-00000001.safetensors"
    path.write_bytes(HEADERS[name])
    started = time.process_time()
    with pytest.raises(CheckpointError, match=r"damaged or no safetensors file|not written by"):
        read_tensors(path)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"format_version": "x"}', '{"format_version": null}']
)
def test_checkpoint_whose_description_is_none_is_refused(tmp_path, document):
    tensors = {"x": torch.zeros(1)}
    strings = {DOCUMENT: document, CHECKSUM: tensor_checksum(tensors, document)}
    path = tmp_path / "update-00000001.safetensors"
    replace_file(path, [save(tensors, metadata=strings)])
    with pytest.raises(CheckpointError, match="its description is not one that adfast writes"):
        read_tensors(path)


def test_no_flipped_bit_of_a_checkpoint_goes_unnoticed(run_copy, count_faults):
    path = max((run_copy / "checkpoints").iterdir())
    original = path.read_bytes()
    tensors, metadata = read_tensors(path)
    positions = np.random.default_rng(0).choice(8 * len(original), 300, replace=False)
    for position in positions:
        content = bytearray(original)
        content[position // 8] ^= 1 << (position % 8)
        path.write_bytes(content)
        try:
            found, found_metadata = read_tensors(path)
        except CheckpointError:
            continue
        assert found_metadata == metadata  # padding of the header
        assert found.keys() == tensors.keys()
        assert all(found[name].equal(tensor) for name, tensor in tensors.items())
    count_faults("flipped bit in a checkpoint", len(positions))


def test_no_flipped_bit_of_a_shard_goes_unnoticed(store, count_faults):
    path = store / "block-000000.safetensors"
    original = path.read_bytes()
    positions = np.random.default_rng(0).choice(8 * len(original), 300, replace=False)
    for position in positions:
        content = bytearray(original)
        content[position // 8] ^= 1 << (position % 8)
        path.write_bytes(content)
        with pytest.raises(StoreError, match="damaged"):
            open_store(store).verify()
    count_faults("flipped bit in a shard", len(positions))


def test_file_cut_anywhere_is_refused(store, run_copy, count_faults):
    checkpoint = max((run_copy / "checkpoints").iterdir())
    files = ((store / "block-000001.safetensors", lambda: open_store(store)),
             (store / "manifest.json", lambda: open_store(store)),
             (checkpoint, lambda: read_tensors(checkpoint)))  # fmt: skip
    for path, read in files:
        original = path.read_bytes()
        for length in np.linspace(0, len(original) - 2, 40).astype(int):
            path.write_bytes(original[:length])
            with pytest.raises((StoreError, CheckpointError)):
                read()
        path.write_bytes(original)
        read()
    count_faults("truncated file", 3 * 40)


def shows_only_text(printed: str) -> bool:
    """Whether what was printed moves no cursor and fakes no line."""
    forged = [line for line in printed.splitlines() if line.startswith("adfast: to continue: rm")]
    return "\x1b" not in printed and "\x07" not in printed and not forged


def test_hostile_names_are_shown_to_the_letter_on_a_terminal(run_copy, tmp_path):
    hostile = tmp_path / f"run{ESCAPES.replace('/', '_')}"
    shutil.move(run_copy, hostile)
    evaluation = json.loads((hostile / "evaluation.json").read_text())
    for row in evaluation["per_task"]:
        row |= {"label": f"{ESCAPES}[red]x[/red]", "solved": False}
    (hostile / "evaluation.json").write_text(json.dumps(evaluation))
    ended = call("run", hostile)
    assert ended.status == 0
    assert "[red]x[/red]" in ended.stdout.replace("\n", "").replace(" ", "")
    commands = (["run", hostile], ["run", hostile, "--json"], ["train", hostile],
                ["histories", "info", hostile / "histories"],
                ["histories", "verify", hostile / "histories"],
                ["report", hostile], ["evaluate", hostile / "missing"],
                ["sweep", hostile], ["run", hostile, "--set", "seed=9"],
                ["run", f"{ESCAPES}.toml"], ["run", hostile, "--set", f"{ESCAPES}=1"])  # fmt: skip
    for command in commands:
        ended = call(*command)
        assert shows_only_text(ended.stdout + ended.stderr), (command, ended)
    with RunDirectory.open(hostile).locked():
        holder = {"pid": 1, "host": ESCAPES, "command": ESCAPES}
        (hostile / LOCK_NAME).write_text(json.dumps(holder))
        with pytest.raises(InUse), RunDirectory.open(hostile).locked():
            pass
        ended = call("run", hostile)
        assert ended.status == 1
        assert shows_only_text(ended.stderr)
