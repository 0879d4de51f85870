"""Agent: a trained model as an in-context learner in any environment loop.

Weights stay frozen; what the agent learns is in its cache of past transitions. A batch of
environments acts at once, each with its own history and its own random stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from adfast.errors import CheckpointError, InvalidArgument, shown
from adfast.evaluation.acting.acting import Acting
from adfast.evaluation.acting.device_step import DeviceStep
from adfast.evaluation.acting.host_step import HostStep
from adfast.evaluation.agents.checked_agent import MAX_ENVIRONMENTS, CheckedAgent
from adfast.evaluation.agents.in_context_agent import Autoreset, Choosing
from adfast.evaluation.sampling.action_sampling import ActionDraws, action_keys
from adfast.models.checkpoint import load_model
from adfast.models.config import CachePrecision, Device, Precision
from adfast.models.device import in_precision, resolve_cache, resolve_device, resolve_precision
from adfast.models.inspection import Watch
from adfast.models.transformer import Transformer
from adfast.values import as_count, as_number, as_path, require_kind

MOST_RETURN = 1e30  # in magnitude, that may be asked for


class Agent(CheckedAgent):
    """Acts in `num_environments` environments and improves in each from episode to episode.

    Of a model that reads returns, `target_return` is asked for in every episode, less what it has
    earned; None: the best return that the model's histories held.

    `temperature` divides the logits (0 takes the likeliest action). Environment n draws its actions
    from the random stream `random_streams[n]` (default: n) of `seed`, so that what it does depends
    neither on its neighbours nor on their number.

    `autoreset` says how the environments begin the episode after one that ended. "same-step": with
    the observation that the ending step returns (or that the caller gets by a reset of its own),
    beside the final one. "next-step": the ending step returns the final observation, and the one
    after it ignores its action, earns nothing and returns the first; that is no transition, and the
    agent leaves it out.

    `device` and `precision` say where and in what the model computes; it is copied where it is not
    there yet, as it is now. `cache` is what the processor keeps keys and values in: "bfloat16"
    rounds them, and halves the memory that a step reads; blocks in bfloat16 keep them so anyway.

    `watch` sees what each layer and head reads and writes in each step, and may replace it
    (`adfast.models.inspection`); only on the processor.
    """

    def __init__(
        self,
        model: Transformer,
        num_environments: int = 1,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        random_streams: np.ndarray | None = None,
        autoreset: Autoreset = "same-step",
        device: Device = "auto",
        precision: Precision = "auto",
        cache: CachePrecision = "float32",
        target_return: float | None = None,
        watch: Watch | None = None,
    ) -> None:
        require_kind("model", model, Transformer, "a Transformer; adfast.load makes agents of runs")
        num_environments = as_count("num_environments", num_environments, MAX_ENVIRONMENTS)
        temperature = as_number("temperature", temperature, 0.0)
        self.target_return = asked_return(model, target_return)
        self.device = resolve_device(device, "device")
        precision_used = resolve_precision(precision, self.device, "precision")
        self.model = in_precision(model, self.device, precision_used).eval()
        draws = ActionDraws(temperature, *action_keys(seed, random_streams, num_environments))
        cache_dtype = resolve_cache(cache, self.device, precision_used, "cache")
        acting: Acting
        if self.device.type == "cpu":
            acting = HostStep(self.model, draws, cache_dtype, self.target_return, watch)
        elif watch is None:
            acting = DeviceStep(self.model, draws, cache_dtype, self.target_return)
        else:
            raise InvalidArgument(
                f"watch must be left out on {self.device}, where a step is one graph; act with "
                'device="cpu" to look at one'
            )
        super().__init__(model.schema, num_environments, temperature, acting, autoreset)

    def __repr__(self) -> str:
        begun = int(np.count_nonzero(~self._is_new))
        return (
            f"<Agent in {self.num_environments} environments ({begun} begun, autoreset "
            f"{self.autoreset}), temperature {self.temperature:g}: {self.model}>"
        )


def asked_return(model: Transformer, target_return: float | None) -> float | None:
    """What `model` is asked for: `target_return`, or the best of its histories; None of others.

    Raises `InvalidArgument` where one is given to a model that reads no returns.
    """
    if not model.config.reads_return:
        if target_return is not None:
            raise InvalidArgument(
                "target_return needs a model that reads returns, got "
                f"{shown(target_return)} for one of model.reads_return = false; leave it out, or "
                "train by --method return-conditioned"
            )
        return None
    if target_return is None:
        return float(model.embedding.best_return)
    return as_number("target_return", target_return, -MOST_RETURN, MOST_RETURN)


class Computing(TypedDict, total=False):
    """Where and in what a model computes, and who looks on; see `Agent`."""

    device: Device
    precision: Precision
    cache: CachePrecision
    watch: Watch | None


class AgentSettings(Choosing, Computing, total=False):
    """What `Agent` takes beside the model and the number of environments."""

    autoreset: Autoreset
    target_return: float | None


def load(run: str | Path, num_environments: int = 1, **settings: Unpack[AgentSettings]) -> Agent:
    """The agent of a run directory's newest checkpoint, or of a checkpoint file.

    `settings` are those of `Agent`: `temperature`, `seed`, `random_streams`, `autoreset`, `device`,
    `precision`, `cache`, `target_return` and `watch`.
    """
    path = as_path("run", run)
    if path.is_dir():
        newest = max((path / "checkpoints").glob("*.safetensors"), default=None)
        if newest is None:
            raise CheckpointError(f"{path}: no checkpoint in checkpoints/; train the run first")
        path = newest
    return Agent(load_model(path), num_environments, **settings)
