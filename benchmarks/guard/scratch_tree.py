"""The tree of another commit: a git worktree in `.benchmarks/trees/`, an extension of its own.

A tree is made and built once and found again by its commit; the most recently used ones are kept.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adfast.errors import InvalidArgument, RunError
from benchmarks import ROOT

FOLDER = ROOT / ".benchmarks" / "trees"  # beside what pytest-benchmark saves
KEPT_TREES = 3
BUILT = ".built"  # written into a tree when everything in it is complete


def resolve_commit(revision: str, root: Path = ROOT) -> str:
    """The commit that `revision` names; raises `InvalidArgument`, and outside git `RunError`."""
    if not (root / ".git").exists():
        raise RunError(f"--against needs the history of {root}, which is no git checkout; clone it")
    arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    if found.returncode != 0:
        raise InvalidArgument(
            f'--against must name a commit, got "{revision}"; '
            "name a branch, a tag or a hash that git rev-parse knows, or fetch it first"
        )
    return found.stdout.strip()


def prepare_tree(commit: str, folder: Path = FOLDER, root: Path = ROOT) -> Path:
    """The complete tree of `commit`; raises `RunError` when it cannot be built."""
    tree = folder / commit[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder / "lock"):
        if not (tree / BUILT).exists():
            git(root, "worktree", "prune")
            if tree.exists():  # a build that was interrupted
                git(root, "worktree", "remove", "--force", "--force", str(tree))
            git(root, "worktree", "add", "--quiet", "--detach", "--force", str(tree), commit)
            build_extension(tree)
        (tree / BUILT).touch()
        for surplus in sorted(folder.glob(f"*/{BUILT}"), key=modified, reverse=True)[KEPT_TREES:]:
            git(root, "worktree", "remove", "--force", "--force", str(surplus.parent))
    return tree


def build_extension(tree: Path) -> None:
    """Build the extension in `tree`, with this interpreter and its compiler."""
    if not (tree / "setup.py").exists():
        return
    run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        f"the extension of {tree.name} cannot be built; make install sets up what it needs",
        cwd=tree,
        env=os.environ | {"PYTHONPATH": ""},
    )


def git(root: Path, *arguments: str) -> None:
    """Run git in `root`; raises `RunError`."""
    run(["git", "-C", str(root), *arguments], f"git {arguments[0]} {arguments[1]} failed")


def run(
    command: list[str], failure: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    """Run `command`; raises `RunError` with the end of what it wrote."""
    ended = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if ended.returncode != 0:
        lines = (ended.stdout + ended.stderr).strip().splitlines()[-5:]
        raise RunError("\n".join([f"{failure}:", *lines]))


def modified(path: Path) -> float:
    """When `path` was last written to."""
    return path.stat().st_mtime


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Wait until no other process is in here for the same path."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
