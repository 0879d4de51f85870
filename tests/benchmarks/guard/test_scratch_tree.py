"""The tree of another commit: complete, built, found again, and cleared away."""

import os
import subprocess

import pytest

from adfast.errors import InvalidArgument, RunError
from benchmarks.guard.scratch_tree import BUILT, KEPT_TREES, prepare_tree, resolve_commit

# "Builds" by counting how often it was run.
SETUP = "open('built.txt', 'a').write('x')\n"


def git(root, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    ended = subprocess.run(
        ["git", "-C", root, *identity, *arguments], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


@pytest.fixture
def root(tmp_path):
    """A repository with two commits."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    for text in ("one", "two"):
        (root / "setup.py").write_text(SETUP)
        (root / "text").write_text(text)
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", text)
    return root


def test_tree_is_that_of_the_commit_and_built_once(root):
    commit = resolve_commit("main~1", root)
    for _ in range(2):
        tree = prepare_tree(commit, root / ".benchmarks", root)
        assert (tree / "text").read_text() == "one"
        assert (tree / "built.txt").read_text() == "x"


def test_interrupted_build_is_done_again(root):
    commit = resolve_commit("main", root)
    tree = prepare_tree(commit, root / ".benchmarks", root)
    (tree / BUILT).unlink()
    (tree / "text").write_text("half")
    assert prepare_tree(commit, root / ".benchmarks", root) == tree
    assert (tree / "text").read_text() == "two"


def test_tree_that_somebody_removed_is_made_again(root):
    commit = resolve_commit("main", root)
    tree = prepare_tree(commit, root / ".benchmarks", root)
    subprocess.run(["rm", "-r", tree], check=True)
    assert prepare_tree(commit, root / ".benchmarks", root) == tree
    assert (tree / BUILT).exists()


def test_the_most_recent_trees_are_kept(root):
    trees = []
    for number in range(KEPT_TREES + 1):
        git(root, "commit", "--quiet", "--allow-empty", "--message", str(number))
        commit = resolve_commit("HEAD", root)
        trees.append(prepare_tree(commit, root / ".benchmarks", root))
        os.utime(trees[-1] / BUILT, (number, number))
        # The first is used again each time, and the last is the newest.
        os.utime(trees[0] / BUILT, (10**6, 10**6))
    git(root, "commit", "--quiet", "--allow-empty", "--message", "last")
    prepare_tree(resolve_commit("HEAD", root), root / ".benchmarks", root)
    assert [tree.exists() for tree in trees] == [True, False, False, True]
    assert len(git(root, "worktree", "list").splitlines()) == 1 + KEPT_TREES


def test_failing_build_says_why(root):
    (root / "setup.py").write_text("raise SystemExit('no compiler')\n")
    git(root, "commit", "--quiet", "--all", "--message", "broken")
    with pytest.raises(RunError, match=r"cannot be built(?s:.*)no compiler"):
        prepare_tree(resolve_commit("HEAD", root), root / ".benchmarks", root)


@pytest.mark.parametrize("revision", ["no-such-branch", "--help", "HEAD:text", ""])
def test_what_is_no_commit_is_refused(root, revision):
    with pytest.raises(InvalidArgument, match="--against must name a commit, got"):
        resolve_commit(revision, root)


def test_outside_a_checkout_it_says_so(tmp_path):
    with pytest.raises(RunError, match="no git checkout"):
        resolve_commit("main", tmp_path)
