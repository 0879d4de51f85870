"""Fitness: every node of a cluster is asked whether it can do the work before any of it is done.

It must have the code of the driver, and where workers write shards it must see the folder of the
store: it reads a file that the driver wrote, and the driver one that it wrote. Nodes that join
later are asked for their code with each block.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adfast.collection.cluster.worker import SHARE, Work, called_on_worker
from adfast.durable import clear_leftovers, temporary_name, write_whole
from adfast.errors import ClusterError, legible

if TYPE_CHECKING:
    from adfast.collection.cluster.connection import Cluster

POLL_SECONDS = 0.2


def require_fitness(cluster: Cluster, work: Work, packed: bytes) -> Generator[None]:
    """Ask all nodes at once; something is yielded while they do not answer.

    Raises `ClusterError` for the first that cannot do the work, or does not say so in time. A node
    that is lost meanwhile is left out, as long as another one can.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = cluster.nodes
    if not nodes:
        raise ClusterError(
            f'cluster "{cluster.address}" has no processor to work on; start nodes with: ray start'
        )
    ask = ray.remote(num_cpus=0, max_retries=2)(called_on_worker("what_prevents"))
    question = temporary_name(Path(f"question-{work.token}")).name
    answers: dict[Any, tuple[str, str]] = {}  # what comes -> address of the node, its file
    try:
        if work.folder is not None:
            write_whole(work.folder / question, [work.token.encode()], work.folder / question)
        for node, address in nodes.items():
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            answer = temporary_name(Path(f"answer-{work.token}-{node}")).name
            reply = ask.options(scheduling_strategy=there).remote(packed, question, answer)
            answers[reply] = address, answer
        late, deadline = list(answers), time.monotonic() + cluster.timeout_seconds
        while late and time.monotonic() < deadline:
            _, late = ray.wait(late, num_returns=len(late), timeout=POLL_SECONDS)
            yield
        lost, num_fit = "", 0
        for reply, (address, answer) in answers.items():
            node_there = f'node {address} of cluster "{cluster.address}"'
            if reply in late:
                raise ClusterError(
                    f"{node_there} has not answered for {cluster.timeout_seconds:g} s; look at it "
                    "with: ray status"
                )
            try:
                reason = read_answer(work, reply, answer)
            except RayError as error:
                lost = f"{node_there} was lost: {legible(str(error))}"
                continue
            if reason is not None:
                raise ClusterError(f"{node_there} {reason}")
            num_fit += 1
        if not num_fit:
            raise ClusterError(lost)
    finally:
        if work.folder is not None:
            clear_leftovers(work.folder)


def read_answer(work: Work, reply: Any, answer: str) -> str | None:
    """What keeps a node that has replied from the work, in words; None where nothing does.

    Raises ray's `RayError` where the node was lost.
    """
    import ray
    from ray.exceptions import RayTaskError

    try:
        reason: str | None = ray.get(reply)
    except RayTaskError as error:
        if isinstance(error.cause, ImportError):
            return f"cannot import adfast ({error.cause}); install there what is installed here"
        return f"failed: {legible(repr(error.cause))}"
    if reason is not None or work.folder is None:
        return reason
    try:
        is_seen = (work.folder / answer).read_bytes() == work.token.encode()
    except OSError:
        is_seen = False
    return None if is_seen else f"writes into another {work.folder} than this machine's; {SHARE}"
