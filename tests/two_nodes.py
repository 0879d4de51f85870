"""A Ray cluster of two nodes of one processor each, on the loopback, in a process of its own.

Nothing of it is left: its processes end with the pipe to the one that asked for it, and all files
are below one short folder (sockets have paths of at most 107 bytes). No port is fixed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Of 127.0.0.1 Ray would make the machine's address towards the world.
NODES = ("127.0.0.2", "127.0.0.3")
TRIALS = (
    3  # a node of Ray ends if its agents take longer than seconds to start, as beside much load
)
LIMIT_SECONDS = 240
SESSION = "session_of_tests"


class TwoNodes:
    """The cluster at `address`; processes that use it need the variables `environment`."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._stderr = folder / "stderr"
        self.environment = environment_in(folder)
        self.address = self._answer()

    def lose_node(self) -> None:
        """Kill the second node, without a word to it."""
        self._ask("lose")

    def join_node(self) -> None:
        """Start it anew."""
        self._ask("join")

    def _ask(self, what: str) -> None:
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        assert self._answer() == what

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        assert answer, self._stderr.read_text()[-4000:]
        return answer


def environment_in(folder: Path) -> dict[str, str]:
    """Variables by which Ray's files are below `folder`, nobody is told of its use, and its workers
    find modules of tests."""
    return {
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_raylet_start_wait_time_s": str(LIMIT_SECONDS),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder for the sockets of a cluster; removed with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def two_nodes() -> Iterator[TwoNodes]:
    """A cluster that ends with the block."""
    with short_folder() as folder, (folder / "stderr").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=os.environ | environment_in(folder),
        )
        try:
            yield TwoNodes(process, folder)
        finally:
            process.communicate(timeout=LIMIT_SECONDS)  # its pipe closes


def serve() -> None:
    """Start the nodes, say where, do as is asked, and end them when nobody asks any more."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    for address in NODES:
        start(cluster, address)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line == "lose\n":
            for node in list(cluster.worker_nodes):
                cluster.remove_node(node, allow_graceful=False)
        else:
            start(cluster, NODES[1])
        print(line, end="", flush=True)
    cluster.shutdown()


def start(cluster: Any, address: str) -> None:
    """Add a node with nothing but what work needs.

    A node ends unless its agents tell it their ports within 15 s. Beside much load they do not:
    that of environments is told its own, those of metrics would say that they have none.
    """
    session, node_id = Path(os.environ["RAY_TMPDIR"]) / "ray" / SESSION, secrets.token_hex(28)
    session.mkdir(parents=True, exist_ok=True)
    for port in ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port"):
        (session / f"{port}_{node_id}").write_text("-1")
    with socket.create_server((address, 0)) as free:
        port_of_environments = free.getsockname()[1]
    cluster.add_node(
        num_cpus=1,
        node_ip_address=address,
        env_vars={"RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id},
        session_name=SESSION,
        runtime_env_agent_port=port_of_environments,
        object_store_memory=80 * 2**20,
        include_dashboard=False,
        include_log_monitor=False,
        no_monitor=True,
    )


if __name__ == "__main__":
    serve()
