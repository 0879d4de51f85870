"""Clusters that cannot be joined are named in words and change nothing; a local one ends."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from adfast.collection.cluster.connection import connect
from adfast.errors import ClusterError, InvalidArgument
from adfast.packages import describe_missing
from cli.command_line import PROGRAM, adfast
from two_nodes import LIMIT_SECONDS, environment_in, short_folder


def test_cluster_that_does_not_answer_leaves_everything_as_it_was(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ClusterError, match=rf"no cluster answers at {address} \(timed out"):
            connect(address, timeout_seconds=0.2)
    run = tmp_path / "run"
    ended = adfast("collect", "dark-room", "--run", run, "--fresh", "--cluster", address)
    assert ended.status == 1
    assert "Connection refused" in ended.stderr
    assert "ray start" in ended.stderr
    assert not run.exists()


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
def test_listener_that_is_no_head_is_told_at_once(said, monkeypatch):
    # Ray tried for minutes, as it did to join what the variable names.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", place)
        for address in (place, "auto"):
            answering = threading.Thread(target=answer_once, args=(listener, said))
            answering.start()
            with pytest.raises(ClusterError, match=rf"{place} \(what listens there is no head"):
                connect(address, timeout_seconds=10)
            answering.join()


def answer_once(listener, said):
    """Say something to whoever connects next, and close."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(64)
        connection.sendall(said)


@pytest.mark.parametrize("named", ["ray://127.0.0.1:10001", "local", "127.0.0.1:65536"])
def test_variable_that_names_no_head_is_refused(named, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", named)
    with pytest.raises(InvalidArgument, match='RAY_ADDRESS must be "host:port"'):
        connect("auto")


@pytest.mark.parametrize(
    "address", ["", "ray://127.0.0.1:10001", "there", "a:b", "127.0.0.1:65536", "a:0", 7, None]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InvalidArgument, match='must be "host:port" of its head, "auto" or "local"'):
        connect(address)


def test_pull_needs_a_cluster(tmp_path):
    ended = adfast("collect", "dark-room", "--run", tmp_path / "run", "--pull")
    assert (ended.status, "give --cluster ADDRESS too" in ended.stderr) == (2, True)


def test_ray_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    ended = adfast("collect", "dark-room", "--run", tmp_path / "run", "--cluster", "auto")
    assert (ended.status, ended.stderr) == (1, f"adfast: {describe_missing('ray')}\n")
    assert "adfast[cluster]" in ended.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.thorough  # starts a third cluster
def test_local_cluster_ends_with_the_command(tmp_path):
    with short_folder() as folder:
        done = subprocess.run(
            [*PROGRAM, "collect", "dark-room", "--run", tmp_path / "run", "--cluster", "local",
             "--set", "collection.histories_per_task=1", "--set", "collection.threads=1"],
            env=os.environ | environment_in(folder),
            capture_output=True, text=True, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert 'on cluster "local", 1 nodes' in done.stderr
        limit = time.monotonic() + LIMIT_SECONDS
        while left := processes_of(folder):
            assert time.monotonic() < limit, left
            time.sleep(0.1)


def processes_of(folder):
    """Numbers of the processes whose variables name `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"RAY_TMPDIR={folder}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
