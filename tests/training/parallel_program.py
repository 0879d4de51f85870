"""Trainings in several processes, forked from this program, which has imported all they need.

`python parallel_program.py FOLDER CASE...` carries out cases one after the other; each leaves what
a training leaves in its directory, and errors beside it, a line for each process that had one.
Nothing but the loopback is used, and a case that hangs is ended.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch._dynamo  # else each process would import it with its optimiser, for seconds
import torch.distributed as dist
import torch.distributed.checkpoint
import torch.distributed.fsdp

from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.loop import Trainer, TrainingHooks
from adfast.training.parallel.processes import ALONE, Processes
from training.tiny_training import MODEL, SCHEMA, TRAINING, random_store

LIMIT_SECONDS = 600  # of a case, beside whatever else runs
FULL_BYTES = 256
PATIENCE = timedelta(seconds=300)  # of a process that waits for another
# With 3 processes a share of the logit scales `[2, 1]` is empty.
SETTINGS = {"batch_size": 7, "metrics_every": 1, "data_parallel": "ddp"}


def train(directory: Path, processes: Processes, case: dict[str, Any]) -> None:
    """One process of a case."""
    torch.set_num_threads(1)
    config = TrainingConfig.from_mapping(TRAINING | SETTINGS | case.get("training", {}))
    model = Transformer(ModelConfig.from_mapping(MODEL | case.get("model", {})), SCHEMA, 5)
    dtype = getattr(torch, case.get("dtype", "float32"))
    rows = processes.rows(config.batch_size, config.context_ranks)
    batches = BatchSource(random_store(), config, 5, rows=rows)
    updates = itertools.count(1)

    def should_stop() -> bool:
        """What befalls the last process after an update."""
        update = next(updates)
        if processes.rank < processes.size - 1:
            return False
        if update == case.get("killed_after"):
            directory.with_suffix(".time").write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)
        if update == case.get("full_after"):  # its files get no larger, as on a disk that is full
            resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))
        if update == case.get("poisoned_after"):
            trainer.model.head.data.fill_(torch.nan)
        return update == case.get("stop_after")

    hooks = TrainingHooks(should_stop=should_stop, evaluate=mean_logit)
    trainer = Trainer(
        model.to(dtype), batches, config, directory, seed=5, hooks=hooks, processes=processes
    )
    if trainer.optimizer.muon is not None:
        trainer.optimizer.muon_precision = trainer.state.muon_precision = "float32"
    with processes.noticing_ends():
        trainer.run(resume=True)


def mean_logit(model: Transformer) -> float:
    """In place of an evaluation: it needs all weights, and no process group."""
    batch = BatchSource(random_store(), TrainingConfig.from_mapping(TRAINING), 77)(0)
    return float(model.eval()(batch).detach().double().abs().mean())


def carry_out(directory: Path, case: dict[str, Any]) -> None:
    """A case, in as many processes as it says."""
    size = case.get("processes", 1)
    errors = directory.with_suffix(".errors")
    rendezvous = directory.with_suffix(".rendezvous")
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(LIMIT_SECONDS)
                if size == 1:
                    train(directory, ALONE, case)
                else:
                    method = f"file://{rendezvous}"
                    dist.init_process_group(
                        "gloo", init_method=method, rank=rank, world_size=size, timeout=PATIENCE
                    )
                    dist.barrier()  # else one that is refused is gone before another has met it
                    train(directory, Processes(rank, size, rank, size), case)
                    dist.destroy_process_group()
                status = 0
            except BaseException as error:
                if "ADFAST_TRACE" in os.environ:
                    traceback.print_exc()
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
                line = json.dumps(
                    {
                        "rank": rank,
                        "type": type(error).__name__,
                        "message": str(error),
                        "time": time.time(),
                    }
                )
                with errors.open("a") as stream:
                    stream.write(line + "\n")
            finally:
                os._exit(status)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    rendezvous.unlink(missing_ok=True)


def main() -> None:
    """Carry out the cases of the command line, each JSON."""
    folder = Path(sys.argv[1])
    for text in sys.argv[2:]:
        case = json.loads(text)
        started = time.time()
        carry_out(folder / case["directory"], case)
        print(f"{text}: {time.time() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
