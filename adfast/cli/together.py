"""`torchrun ... -m adfast train RUN`: one training in several processes, of which the first speaks.

The first has the run's lock, decides whether there is something to do, shows how far it is and
notes what is finished. The others compute with it, and leave every file to it.
"""

from __future__ import annotations

from contextlib import ExitStack

from adfast.cli.interruption import stoppable
from adfast.cli.stages import begin_training, run_stages, spell
from adfast.printable import printable
from adfast.runs.run import Run
from adfast.runs.stages.together import follow, joined


def train_together(run: Run, *, resume: bool, fresh: bool) -> None:
    """Train the run's model, in one of the processes that torchrun started."""
    way_on = f"torchrun ... -m {spell('train', run.path, '--resume')}"
    with ExitStack() as lock:

        def begin() -> bool:
            lock.enter_context(run.locked())
            begin_training(run, resume=resume, fresh=fresh)
            return not run.directory.is_finished("train")

        with joined(run, begin) as (is_first, is_due):
            if is_first:
                run_stages(run, ["train"], way_on=way_on)
                print(printable(run.directory.checkpoints))
            elif is_due:
                with stoppable("train", way_on) as should_stop:
                    follow(run, should_stop)
