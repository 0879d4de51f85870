"""Cluster: a connection to a Ray cluster on which blocks of histories are computed.

Its nodes must have the adfast, and the packages, of this process; nothing of the cluster becomes
part of a recipe or of a store.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from adfast.closing import Closing
from adfast.collection.cluster.blocks import store_blocks
from adfast.collection.plan import CollectionPlan
from adfast.errors import ClusterError, InvalidArgument, legible, shown
from adfast.histories.writer import HistoryWriter
from adfast.packages import require
from adfast.provenance import available_cores
from adfast.values import as_count, as_flag, as_number

LOCAL = "local"  # one of this process's own, on this machine
RUNNING = "auto"  # the one that the variable names, or that runs on this machine
ADDRESS_VARIABLE = "RAY_ADDRESS"
HOST_AND_PORT = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
MOST_PORT = 65_535
# The beginning of HTTP/2, and no settings; a server of gRPC answers with its own, of this kind.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
NO_HEAD = "what listens there is no head of a cluster"
HEADER_BYTES, KIND_AT, SETTINGS = 9, 3, 4
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def connect(
    address: str,
    *,
    pull: bool = False,
    processors: int | None = None,
    timeout_seconds: float = 60.0,
) -> Cluster:
    """The Ray cluster at `address`, to collect on.

    `address` is "host:port" of its head, "auto" for the one that runs on this machine, or "local"
    for one of this process alone, of as many `processors`, by default all. Workers write shards
    into the folder of the store, which all nodes see; with `pull` they come back over the network.
    What does not answer within `timeout_seconds` is given up. Raises `ClusterError`.
    """
    pull = as_flag("pull", pull)
    timeout_seconds = as_number("timeout_seconds", timeout_seconds, 0.1)
    if processors is not None:
        processors = as_count("processors", processors)
    is_address = isinstance(address, str) and (
        address in (LOCAL, RUNNING) or is_host_and_port(address)
    )
    if not is_address:
        raise InvalidArgument(
            f'address of a cluster must be "host:port" of its head, "{RUNNING}" or "{LOCAL}", got '
            f"{shown(address)}; run the command on a machine of the cluster"
        )
    require("ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told of its use
    import ray

    if ray.is_initialized():
        if address != RUNNING:
            raise InvalidArgument(
                f'address must be "{RUNNING}" in a process that is connected to a cluster already, '
                f"got {shown(address)}; or call ray.shutdown() first"
            )
        return Cluster(address, pull, timeout_seconds, is_own=False)
    options: dict[str, Any] = {}
    if address == LOCAL:
        options = {
            "num_cpus": processors or available_cores(),
            "num_gpus": 0,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    else:
        require_answer(named_address() if address == RUNNING else address, timeout_seconds)
    try:
        with kept_handlers():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
    except Exception as error:  # of many kinds, and all mean that there is no connection
        raise ClusterError(
            f'cluster "{address}" cannot be joined: {legible(str(error))}; look at it with: '
            "ray status; one that asks for a token is joined with RAY_AUTH_MODE=token set here"
        ) from error
    return Cluster(address, pull, timeout_seconds, is_own=True)


class Cluster(Closing):
    """A cluster that this process is connected to; a context manager. Made by `connect`.

    `is_own` is false where the process was connected before, and stays so.
    """

    def __init__(self, address: str, pull: bool, timeout_seconds: float, *, is_own: bool) -> None:
        self.address = address
        self.pull = pull
        self.timeout_seconds = timeout_seconds
        self._is_own = is_own

    def __repr__(self) -> str:
        return f"<Cluster {self.address}: {self.num_processors} processors>"

    @property
    def nodes(self) -> dict[str, str]:
        """Id -> address of the nodes that work: those that are alive and have a processor."""
        import ray

        return {
            node["NodeID"]: node["NodeManagerAddress"]
            for node in ray.nodes()
            if node["Alive"] and node["Resources"].get("CPU")
        }

    @property
    def num_processors(self) -> int:
        """Processors of the whole cluster."""
        import ray

        return int(ray.cluster_resources().get("CPU", 0))

    def store_blocks(
        self, plan: CollectionPlan, writer: HistoryWriter, numbers: Iterable[int]
    ) -> Generator[int | None]:
        """Store the blocks `numbers` as they come, see `adfast.collection.cluster.blocks`."""
        return store_blocks(self, plan, writer, numbers)

    def close(self) -> None:
        """End the connection, and with it what workers do for it; a local cluster ends."""
        import ray

        if self._is_own:
            with kept_handlers():
                ray.shutdown()


def is_host_and_port(address: str) -> bool:
    """Whether `address` is "host:port", of a port that there is."""
    found = HOST_AND_PORT.fullmatch(address)
    return found is not None and 1 <= int(found["port"]) <= MOST_PORT


def named_address() -> str | None:
    """What the variable names, which is joined in place of what runs on this machine."""
    named = os.environ.get(ADDRESS_VARIABLE)
    if not named or named == RUNNING or is_host_and_port(named):
        return named
    raise InvalidArgument(
        f'{ADDRESS_VARIABLE} must be "host:port" of the head of a cluster, got {shown(named)}; '
        "unset it, or give --cluster an address"
    )


def require_answer(address: str | None, timeout_seconds: float) -> None:
    """Raise `ClusterError` unless what listens at "host:port" speaks as servers of gRPC do.

    Ray itself would try for minutes, also where a listener closes or is one of something else.
    """
    found = HOST_AND_PORT.fullmatch(address or "")
    if found is None:  # Ray looks for one by itself
        return
    place: Any = (found["host"].strip("[]"), int(found["port"]))
    deadline, answer = time.monotonic() + timeout_seconds, b""
    try:
        with socket.create_connection(place, timeout_seconds) as connection:
            connection.sendall(GREETING)
            while len(answer) < HEADER_BYTES:
                connection.settimeout(max(deadline - time.monotonic(), 1e-3))
                received = connection.recv(HEADER_BYTES - len(answer))
                if not received:
                    raise ConnectionError(NO_HEAD)
                answer += received
            if answer[KIND_AT] != SETTINGS:
                raise ConnectionError(NO_HEAD)
    except OSError as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClusterError(
            f"no cluster answers at {address} ({reason}, waited for up to {timeout_seconds:g} s); "
            "give the address that `ray start` printed there, or start one: ray start --head"
        ) from None


@contextlib.contextmanager
def kept_handlers() -> Iterator[None]:
    """Put the handlers of signals back that were there before; Ray sets its own."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
