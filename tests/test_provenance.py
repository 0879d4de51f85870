"""What is recorded of code and machine is JSON, and tells a changed checkout from a clean one."""

import json
import subprocess

import pytest

from adfast import provenance


def test_provenance_is_json_with_versions_and_machine():
    recorded = json.loads(json.dumps(provenance.collect_provenance()))
    assert recorded["versions"].keys() >= {"python", "adfast", "numpy", "numba", "torch"}
    assert recorded["cores"] >= 1
    assert recorded["memory_gigabytes"] > 0
    assert recorded["processor"]
    assert recorded["date"].endswith("+00:00")


def test_absent_packages_are_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert list(provenance.package_versions()) == ["numpy"]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository from which the module believes to run."""
    (tmp_path / "adfast").mkdir()
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "adfast" / "provenance.py"))
    return tmp_path


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_no_checkout_has_no_commit(checkout):
    assert provenance.source_commit() is None


def test_commit_says_whether_the_checkout_has_changes(checkout):
    git(checkout, "init")
    assert provenance.source_commit() is None  # nothing committed yet
    git(checkout, "commit", "--allow-empty", "-m", "first")
    commit = git(checkout, "rev-parse", "HEAD")
    assert provenance.source_commit() == commit
    (checkout / "new.py").write_text("")
    assert provenance.source_commit() == commit + "+changes"


def test_no_commit_without_git(checkout, monkeypatch, tmp_path):
    (checkout / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert provenance.source_commit() is None


def test_a_copy_of_a_checkout_is_told_its_commit(checkout, monkeypatch):
    monkeypatch.delenv("ADFAST_COMMIT", raising=False)
    assert provenance.source_commit() is None
    monkeypatch.setenv("ADFAST_COMMIT", "0123abc")
    assert provenance.source_commit() == "0123abc"
