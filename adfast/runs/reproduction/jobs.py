"""Parts made by several processes at a time, each of which makes those of one run by the command
that a person would give for them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adfast.errors import Interrupted, RunError
from adfast.runs.hooks import RunHooks

PAUSE = 0.2  # seconds between two looks at the processes


@dataclass
class Job:
    """A process that makes parts, and the file that it writes to what it would say."""

    title: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self.started


def carry_out_jobs(
    commands: Sequence[tuple[str, Sequence[str]]],
    count: int,
    logs: Path,
    hooks: RunHooks,
    *,
    threads: int,
    about: str = "reproduce",
) -> None:
    """Carry out commands by their titles, `count` at a time; each has `threads`.

    `about` is the command that asks for them.

    One that fails does not stop the others: raises `RunError` at the end. Asked to stop, all that
    were begun are, where they can go on from; raises `Interrupted`.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running, failed = list(commands), list[Job](), list[Job]()
    hooks.should_stop.postpone()
    try:
        while waiting or running:
            if hooks.should_stop():
                raise Interrupted("stopped; parts that were finished are kept, others go on")
            while waiting and len(running) < count:
                title, command = waiting.pop(0)
                running.append(start(title, command, logs, threads))
                hooks.say(about, f"{title}: begun ({len(waiting)} waiting)")
            time.sleep(PAUSE)
            ended = [job for job in running if job.process.poll() is not None]
            running = [job for job in running if job not in ended]
            for job in ended:
                is_done = job.process.returncode == 0
                outcome = "done" if is_done else f"FAILED, see {job.log}"
                hooks.say(about, f"{job.title}: {outcome} ({job.seconds:.0f} s)")
                failed += [] if is_done else [job]
    finally:
        end(running)
        hooks.should_stop.stop_at_once()
    if failed:
        raise RunError(
            f"{len(failed)} of {len(commands)} failed, {', '.join(job.title for job in failed)}; "
            f"what they said is in {failed[0].log}{' and beside it' if len(failed) > 1 else ''}; "
            "mend it and give the same command again: what is finished is kept"
        )


def start(title: str, command: Sequence[str], logs: Path, threads: int) -> Job:
    """A process of its own group, so that a signal from the terminal comes by us alone."""
    log = logs / f"{title}.log"
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    return Job(title, process, log, time.perf_counter())


def end(jobs: Sequence[Job]) -> None:
    """Ask processes to stop, and wait until they have."""
    for job in jobs:
        job.process.terminate()
    for job in jobs:
        job.process.wait()
