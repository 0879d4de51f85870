"""Work on several processes of one group, for tests: `on_ranks`.

One process imports torch and forks the others, so that a group costs one import. They meet in a
file, speak gloo, and end with their parent, whatever happens.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SECONDS = 400  # of a machine that does much else


def on_ranks(script: Path, work: str, num_ranks: int, *arguments: object) -> list[Any]:
    """What the function `work` of `script` returns in each of so many processes, as JSON.

    It is called with the process group and `arguments`, which are JSON too.
    """
    command = [sys.executable, __file__, str(script), work, str(num_ranks), json.dumps(arguments)]
    path = os.pathsep.join((str(script.parent), *sys.path))
    environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=path, CUDA_VISIBLE_DEVICES="")
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found: list[Any] = json.loads(result.stdout)
    return found


def be_rank(
    rank: int, num_ranks: int, meeting: str, work: Any, arguments: list[Any], found: Connection
) -> None:
    """One process: joins the group, works, and tells what it found."""
    import torch.distributed as dist

    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=num_ranks,
        timeout=timedelta(seconds=SECONDS / 2),
    )
    found.send(work(dist.group.WORLD, *arguments))
    dist.destroy_process_group()


def main(script: str, work: str, num_ranks: int, arguments: list[Any]) -> None:
    """Fork the processes, and print what they found as JSON."""
    function = runpy.run_path(script, run_name="ranks")[work]
    forks = multiprocessing.get_context("fork")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder, "meeting"))
        for rank in range(num_ranks):
            ours, theirs = forks.Pipe(duplex=False)
            fixed = (rank, num_ranks, meeting, function, arguments, theirs)
            process = forks.Process(target=be_rank, args=fixed, daemon=True)
            process.start()
            theirs.close()
            results.append(ours)
        try:
            print(json.dumps([result.recv() for result in results]))
        except EOFError:
            sys.exit("a process ended without a result")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
