"""train_rl2: a policy trained by PPO over trials on training tasks, exactly resumable.

What update u does is a function of the seed, u and the weights before it, so a training that goes
on from a checkpoint repeats the uninterrupted one bit for bit at the same number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adfast.baselines.rl2.checkpoints import (
    RL2State,
    describe,
    load_checkpoint,
    save_checkpoint,
)
from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.policy import Policy, make_policy
from adfast.baselines.rl2.ppo import learn_from, minibatches
from adfast.baselines.rl2.trials import Trials, returns_by_episode
from adfast.baselines.rl2.workers import Workers
from adfast.durable import replace_file
from adfast.errors import CheckpointError, InvalidArgument, NotFinite
from adfast.models.config import ModelConfig
from adfast.progress import ProgressBar, progress_bar
from adfast.tasks.family import TaskFamily
from adfast.training.allocator import keep_freed_memory
from adfast.training.checkpoints.checkpoints import (
    checkpoint_to_resume,
    newest_checkpoint,
    tidy_checkpoints,
)
from adfast.training.loop import TrainingInterrupted
from adfast.training.metrics import MetricsLog
from adfast.values import as_flag, as_path, as_seed, require_kind

ADAM_EPSILON = 1e-5
METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class RL2Hooks:
    """What the caller may plug into the loop; every hook is optional.

    `evaluate(policy)` returns its return on validation tasks for the metrics; `on_begin(trainer)`
    is called before a checkpoint is read or anything written, `on_update(state, row)` after every
    update with the metrics row if one was written; `should_stop()` is asked then.
    """

    evaluate: Callable[[Policy], float] | None = None
    on_begin: Callable[[RL2Trainer], None] | None = None
    on_update: Callable[[RL2State, Mapping[str, Any] | None], None] | None = None
    should_stop: Callable[[], bool] | None = None


def train_rl2(
    family: TaskFamily,
    task_ids: Any,
    directory: str | Path,
    *,
    rl2: RL2Config | None = None,
    model: ModelConfig | None = None,
    seed: int = 0,
    resume: bool = False,
    hooks: RL2Hooks | None = None,
    progress: bool = True,
) -> Policy:
    """The policy that `rl2` describes, trained on the tasks `task_ids` of `family`.

    `model` is the transformer that is its body where `rl2` says so. `directory` gets checkpoints
    and `metrics.jsonl`; `load_rl2` gives the policy back. With `resume` it goes on from the newest
    checkpoint, or starts if there is none. Raises `TrainingInterrupted` after saving when
    `hooks.should_stop` says so, `NotFinite` when the loss is no finite number, and
    `CheckpointError` when there is a checkpoint of another training, or one at all and `resume` is
    not set.
    """
    trainer = RL2Trainer(family, task_ids, directory, rl2=rl2, model=model, seed=seed, hooks=hooks)
    with progress_bar(
        "train", trainer.last_update, "updates", shown=as_flag("progress", progress)
    ) as bar:
        then = trainer.hooks.on_update
        trainer.hooks = replace(trainer.hooks, on_update=report_trials(bar, then))
        trainer.run(resume=as_flag("resume", resume))
    return trainer.policy.eval()


class RL2Trainer:
    """One training of RL2; `run` carries it out."""

    def __init__(
        self,
        family: TaskFamily,
        task_ids: Any,
        directory: str | Path,
        *,
        rl2: RL2Config | None = None,
        model: ModelConfig | None = None,
        seed: int = 0,
        hooks: RL2Hooks | None = None,
    ) -> None:
        require_kind("family", family, TaskFamily, "a task family; adfast.tasks.make gives one")
        require_kind("rl2", rl2, RL2Config | None, "an RL2Config")
        require_kind("model", model, ModelConfig | None, "a ModelConfig")
        self.family, self.task_ids = family, family.check_task_ids(task_ids)
        if not len(self.task_ids):
            raise InvalidArgument("task_ids must name the tasks to train on, got none")
        self.directory, self.seed = as_path("directory", directory), as_seed("seed", seed)
        self.config, self.hooks = rl2 or RL2Config(), hooks or RL2Hooks()
        model = model or ModelConfig()
        self.policy = make_policy(self.config, model, family.transition_schema, self.seed)
        self.optimizer = torch.optim.Adam(
            self.policy.parameters(), lr=self.config.learning_rate, eps=ADAM_EPSILON, fused=True
        )
        self.trial_steps = self.config.trial_episodes * family.episode_length
        self.updates = self.config.updates(self.config.steps, family.episode_length)
        self.last_update = self.config.last_update(family.episode_length)
        digest = sha256(self.task_ids.tobytes()).hexdigest()[:16]
        tasks = {"family": family.name, "options": family.model_dump(mode="json"), "ids": digest}
        self.description = describe(self.policy, self.config, model, self.seed, tasks)
        self.state = RL2State(threads=self.config.threads)

    @property
    def checkpoint_directory(self) -> Path:
        """Where its checkpoints are."""
        return self.directory / "checkpoints"

    def run(self, *, resume: bool = False) -> RL2State:
        """Train to the last update of this part; see `train_rl2`."""
        keep_freed_memory()
        torch.set_num_threads(1)  # workers bring their own
        if self.hooks.on_begin is not None:
            self.hooks.on_begin(self)
        self._begin(resume)
        metrics = MetricsLog(self.directory / METRICS, keep_updates=self.state.update)
        with Workers(self.policy, self.state.threads) as workers:
            while self.state.update < self.last_update:
                self._update_and_tell(workers, metrics)
        return self.state

    def _begin(self, resume: bool) -> None:
        """Go on from the newest checkpoint, its own or that of the part before, if there is one."""
        newest = checkpoint_to_resume(self.checkpoint_directory, resume=resume)
        if newest is None and self.config.continues is not None:
            before = Path(self.config.continues)
            newest = newest_checkpoint(before / "checkpoints")
            if newest is None:
                raise CheckpointError(
                    f"rl2.continues: {self.config.continues} holds no checkpoint to begin from; "
                    "train it first"
                )
        if newest is None:
            return
        state = load_checkpoint(newest, self.policy, self.optimizer, self.description)
        if state.update > self.last_update:
            raise CheckpointError(
                f"{newest} has {state.environment_steps} environment steps and rl2.steps, or "
                "rl2.stop_at, asks for fewer; ask for at least as many"
            )
        self.state = state
        if newest.parent != self.checkpoint_directory:  # the log, too, is that of one long training
            earlier = newest.parent.parent / METRICS
            if earlier.is_file():
                self.directory.mkdir(parents=True, exist_ok=True)
                replace_file(self.directory / METRICS, [earlier.read_bytes()])
        tidy_checkpoints(self.checkpoint_directory)

    def _update_and_tell(self, workers: Workers, metrics: MetricsLog) -> None:
        """One update, and what is due after it."""
        started = time.perf_counter()
        found, trials = self._update(workers)
        row = None
        if self._is_due(self.config.metrics_every) or self._evaluates():
            row = self._metrics_row(found, trials)
        self.state.seconds += time.perf_counter() - started
        if row is not None:
            row["seconds"] = round(self.state.seconds, 3)
            metrics.append(row)
        stopping = self.hooks.should_stop is not None and self.hooks.should_stop()
        if stopping or self._is_due(self.config.checkpoint_every):
            metrics.sync()
            path = save_checkpoint(
                self.checkpoint_directory,
                self.policy,
                self.optimizer,
                self.state,
                self.description,
            )
        if self.hooks.on_update is not None:
            self.hooks.on_update(self.state, row)
        if stopping and self.state.update < self.last_update:
            raise TrainingInterrupted(self.state.update, path)

    def _update(self, workers: Workers) -> tuple[dict[str, float], Trials]:
        """Play a trial in every environment and learn from them; what that came to."""
        config, update = self.config, self.state.update
        streams = update * config.environments + np.arange(config.environments)
        trials = workers.play(self.family, self.task_ids, self.seed, streams, self.trial_steps)
        if update == 0:  # when nothing that was chosen depends on inputs yet
            embedding, fields = self.policy.embedding, trials.fields
            if embedding.needs_normalising:
                seen = (fields[name].flatten(0, 1).numpy() for name in ("observation", "reward"))
                embedding.normalise_by(*seen)
        remaining = 1 - update / self.updates
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * remaining
        lessons = learn_from(trials, config)
        sums: dict[str, float] = {}
        steps = 0
        for epoch in range(config.epochs):
            stream = update * config.epochs + epoch
            for rows in minibatches(config.environments, config.minibatches, self.seed, stream):
                parts = workers.differentiate(
                    lessons, rows, config, config.entropy_weight * remaining
                )
                norm = torch.nn.utils.clip_grad_norm_(
                    self.policy.parameters(), config.gradient_clip
                )
                if not (norm.isfinite() and parts["loss"].isfinite()):
                    raise self._diverged()
                self.optimizer.step()
                for name, part in {**parts, "gradient_norm": norm}.items():
                    sums[name] = sums.get(name, 0.0) + float(part)
                steps += 1
        self.state.update += 1
        self.state.environment_steps += config.environments * self.trial_steps
        return {name: total / steps for name, total in sums.items()}, trials

    def _metrics_row(self, found: Mapping[str, float], trials: Trials) -> dict[str, Any]:
        """What is logged of the last update: what it `found`, and what its trials returned."""
        by_episode = returns_by_episode(trials.fields, self.config.trial_episodes)
        row: dict[str, Any] = {
            "version": 1,
            "update": self.state.update,
            "environment_steps": self.state.environment_steps,
            **found,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "return_by_episode": by_episode,
        }
        if self._evaluates():
            assert self.hooks.evaluate is not None
            row["validation_return"] = self.hooks.evaluate(self.policy)
        return row

    def _is_due(self, every: int) -> bool:
        """Whether something done `every` so many updates, and at the last, is due now."""
        return self.state.update % every == 0 or self.state.update == self.last_update

    def _evaluates(self) -> bool:
        """Whether the evaluation while training is due now."""
        every = self.config.evaluate_every
        return self.hooks.evaluate is not None and every is not None and self._is_due(every)

    def _diverged(self) -> NotFinite:
        """The error for a loss or a gradient that is no finite number."""
        newest = newest_checkpoint(self.checkpoint_directory)
        kept = f"the last good checkpoint is {newest}" if newest else "there is no checkpoint yet"
        return NotFinite(
            f"training stopped at update {self.state.update + 1}: the loss or its gradient is not "
            f"a finite number; {kept}; lower rl2.learning_rate, or look for huge rewards"
        )


def report_trials(
    bar: ProgressBar, then: Callable[[RL2State, Mapping[str, Any] | None], None] | None = None
) -> Callable[[RL2State, Mapping[str, Any] | None], None]:
    """A hook that moves `bar` after every update, and then calls `then`."""
    note = ""

    def on_update(state: RL2State, row: Mapping[str, Any] | None) -> None:
        nonlocal note
        if row is not None:
            known = [value for value in row["return_by_episode"] if value is not None]
            earned = f", return {known[0]:.2f} to {known[-1]:.2f}" if known else ""
            speed = state.environment_steps / max(state.seconds, 1e-9) / 1e3
            note = f"{state.environment_steps / 1e6:.1f}M steps, {speed:.0f}k steps/s{earned}"
        bar.advance_to(state.update, note)
        if then is not None:
            then(state, row)

    return on_update
