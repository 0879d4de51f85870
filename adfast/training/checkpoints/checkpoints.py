"""Training checkpoints: model, optimiser and loop state in one atomic safetensors file.

`checkpoints/update-00000400.safetensors` holds the weights, and the optimiser's tensors under
`optimizer.*`; its metadata holds the `TrainingState`. The newest two are kept. Processes that have
shares of a model write a folder in its place (`distributed_checkpoint.py`), but for the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from adfast.durable import clear_leftovers, discard, sync_folder
from adfast.errors import CheckpointError
from adfast.models.checkpoint import (
    OPTIMIZER_PREFIX,
    load_weights,
    read_tensors,
    require_finite,
    write_tensors,
)
from adfast.training.checkpoints.continuation import check_continues
from adfast.training.config import checkpoint_name
from adfast.training.parallel.fully_sharded import (
    gather_whole,
    is_fully_sharded,
    own_share,
    split_like,
)
from adfast.training.parallel.processes import ALONE, Processes

if TYPE_CHECKING:
    from adfast.training.optimizers.optimizer import MuonPrecision, OptimizerGroup

CHECKPOINTS_KEPT = 2
DISTRIBUTED = ".distributed"  # ends the names of folders that hold shares
SUFFIXES = (".safetensors", DISTRIBUTED)
WAY_ON = "delete this one to resume from the one before it, or from the start"


@dataclass
class TrainingState:
    """Where training stands: everything a checkpoint holds beside tensors of model and optimiser.

    `description` says which model this is (see `adfast.models.checkpoint`); `threads` and
    `muon_precision` (None: without Muon) are recorded because the last bits of a sum, or more,
    depend on them, and whoever goes on takes them over.
    """

    update: int = 0  # updates done
    tokens: int = 0
    environment_transitions: int = 0
    seconds: float = 0.0
    waiting_seconds: float = 0.0  # of these, for batches
    threads: int = 1
    processes: int = 1  # that trained last
    muon_precision: MuonPrecision | None = "bfloat16"  # as in checkpoints that do not say
    description: dict[str, Any] = field(default_factory=dict)
    loss_sum: float | torch.Tensor = 0.0  # since the last metrics row
    accuracy_sum: float | torch.Tensor = 0.0
    summed_updates: int = 0
    undrawn: dict[str, int] | None = None  # histories too short to be drawn, once that was said

    def accumulate(self, loss: torch.Tensor, accuracy: torch.Tensor) -> None:
        """Add one update to the running sums, in float64 and without waiting for a device."""
        self.loss_sum = self.loss_sum + loss.double()
        self.accuracy_sum = self.accuracy_sum + accuracy.double()
        self.summed_updates += 1

    def take_means(self) -> tuple[float, float]:
        """Mean loss and accuracy since the last call; starts new sums."""
        loss = float(self.loss_sum) / self.summed_updates
        accuracy = float(self.accuracy_sum) / self.summed_updates
        self.loss_sum, self.accuracy_sum, self.summed_updates = 0.0, 0.0, 0
        return loss, accuracy

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready copy."""
        return asdict(self) | {
            "loss_sum": float(self.loss_sum),
            "accuracy_sum": float(self.accuracy_sum),
        }


def newest_checkpoint(directory: Path) -> Path | None:
    """The model file of the latest update in `directory`, or None."""
    return max(directory.glob("update-*.safetensors"), default=None)


def all_checkpoints(directory: Path) -> list[Path]:
    """Model files and folders of shares in `directory`, oldest first."""
    return sorted(path for path in directory.glob("update-*") if path.suffix in SUFFIXES)


def checkpoint_to_resume(directory: Path, *, resume: bool) -> Path | None:
    """The newest of either kind; raises `CheckpointError` if there is one and `resume` is false."""
    newest = next(reversed(all_checkpoints(directory)), None)
    if newest is not None and not resume:
        raise CheckpointError(
            f"{directory} holds checkpoints of an earlier training; resume it, "
            "delete them, or train in another directory"
        )
    return newest


def save_training(
    directory: Path,
    model: torch.nn.Module,
    optimizer: OptimizerGroup,
    state: TrainingState,
    processes: Processes = ALONE,
    *,
    as_shares: bool = False,
) -> Path:
    """Write a checkpoint atomically, drop all but the newest two, and return its path.

    Done by all processes: each writes its share with `as_shares`, else the first all of it.
    """
    path = directory / checkpoint_name(state.update)
    metadata = {"training": state.to_dict(), **state.description}
    tensors = training_tensors(model, optimizer.state_tensors())

    def make_folder() -> None:
        if not directory.exists():
            directory.mkdir(parents=True)
            sync_folder(directory.parent)

    processes.first(make_folder)
    if as_shares:
        from adfast.training.checkpoints.distributed_checkpoint import write_distributed

        path = path.with_suffix(DISTRIBUTED)
        write_distributed(path, tensors, metadata, processes)
    else:
        if is_fully_sharded(model):
            tensors = gather_whole(tensors, keep=processes.is_first)
        processes.first(partial(write_tensors, path, tensors, metadata))
    processes.first(partial(tidy_checkpoints, directory))
    return path


def training_tensors(
    model: torch.nn.Module, optimizer_tensors: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Name -> tensor of all that a checkpoint keeps, whole or this process's shares."""
    kept = {OPTIMIZER_PREFIX + name: value for name, value in optimizer_tensors.items()}
    return dict(model.state_dict()) | kept


def tidy_checkpoints(directory: Path) -> None:
    """Drop all checkpoints but the newest two, and what a killed training had begun to write."""
    clear_leftovers(directory)
    for old in all_checkpoints(directory)[:-CHECKPOINTS_KEPT]:
        discard(old)


def load_training(
    path: Path,
    model: torch.nn.Module,
    optimizer: OptimizerGroup,
    description: Mapping[str, Any],
    processes: Processes = ALONE,
) -> TrainingState:
    """Lay a checkpoint into `model` and `optimizer`; returns the state to continue from.

    Done by all processes, of which there may be another number than wrote it. Raises
    `CheckpointError` for one of another training than `description` says, see
    `adfast.training.checkpoints.continuation`, and changes nothing then.
    """
    is_folder = path.suffix == DISTRIBUTED
    tensors: dict[str, torch.Tensor] = {}
    try:
        if is_folder:
            from adfast.training.checkpoints.distributed_checkpoint import read_document

            metadata = read_document(path, processes)
        else:
            tensors, metadata = read_tensors(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; {WAY_ON}") from None
    if "training" not in metadata:
        raise CheckpointError(
            f"{path}: holds a model but no training state, so it cannot be resumed; "
            "start a new training or choose a checkpoint that training wrote"
        )
    recorded = {name: part for name, part in metadata.items() if name != "training"}
    check_continues(path, recorded, description)
    if is_folder:
        from adfast.training.checkpoints.distributed_checkpoint import read_distributed

        tensors = training_tensors(model, optimizer.empty_state_tensors())
        tensors = {name: torch.empty_like(tensor) for name, tensor in tensors.items()}
        read_distributed(path, tensors, processes)
    require_finite(path, {name: own_share(value) for name, value in tensors.items()}, WAY_ON)
    optimizer_tensors = {
        name.removeprefix(OPTIMIZER_PREFIX): tensors.pop(name)
        for name in list(tensors)
        if name.startswith(OPTIMIZER_PREFIX)
    }
    try:
        state = TrainingState(**metadata["training"])
    except TypeError as error:
        raise CheckpointError(
            f"{path}: its training state is not one that this adfast knows ({error}); resume it "
            "with the version that wrote it, or start a new training"
        ) from None
    state.description = dict(description)
    if not is_folder:
        current = model.state_dict()
        tensors = {n: split_like(t, current[n]) if n in current else t for n, t in tensors.items()}
    load_weights(model, tensors, path)
    optimizer.load_state_tensors(optimizer_tensors)
    optimizer.muon_precision = state.muon_precision
    return state
