"""The policies of RL2: AD's embedding of transitions, a body that remembers, and one head.

A policy reads what AD's model reads: the observation and the step in the episode (0 marks where one
begins), and of the step before its action, its reward and, at an episode's beginning, its final
observation. The last of the head's outputs is the value, the others are the logits of the actions.

Axes: N environments, E of them in a batch, T time, A actions, W width, L layers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfast.baselines.rl2.config import RL2Config
from adfast.models.config import ModelConfig
from adfast.models.embedding.step_input import StepInput, step_inputs
from adfast.models.embedding.transition_embedding import TransitionEmbedding
from adfast.models.layers.native_layers import have_memory
from adfast.models.layers.recurrent import RecurrentSteps, remembered
from adfast.models.ring_kv_cache import RingKVCache
from adfast.models.transformer import Transformer
from adfast.tasks.transition_schema import TransitionSchema


class RecurrentCache:
    """The memory `[L, N, W]` of each environment: zeros where a history begins.

    `cell` is an LSTM's second memory; a GRU leaves it as it is.
    """

    def __init__(self, num_layers: int, num_environments: int, width: int) -> None:
        self.hidden = torch.zeros(num_layers, num_environments, width)
        self.cell = torch.zeros(num_layers, num_environments, width)
        self.is_first = torch.ones(num_environments, dtype=torch.bool)

    def reset(self, mask: Tensor | None = None) -> None:
        """Begin a new history in the environments of `mask` (bool `[N]`), or in all of them."""
        where = slice(None) if mask is None else mask
        self.hidden[:, where] = 0.0
        self.cell[:, where] = 0.0
        self.is_first[where] = True


class Policy(nn.Module, ABC):
    """Outputs `[..., A + 1]`: the logits of the actions, and the value."""

    schema: TransitionSchema

    @property
    @abstractmethod
    def embedding(self) -> TransitionEmbedding:
        """What turns transitions into tokens."""

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The outputs `[E, T, A + 1]` of whole trials, fields `[E, T, *item]` of the schema."""

    @abstractmethod
    def new_cache(
        self, num_environments: int, dtype: torch.dtype | None = None
    ) -> RecurrentCache | RingKVCache:
        """The memory with which `step` begins to act in `num_environments` environments."""

    @abstractmethod
    def outputs(
        self,
        inputs: StepInput,
        cache: RecurrentCache | RingKVCache,
        active: Tensor | None = None,
    ) -> Tensor:
        """The outputs `[N, A + 1]` of one step, by which `cache` moves on.

        Environments outside `active` (bool `[N]`; None: all are in it) stay where they are.
        """

    def steps(self, num_environments: int) -> Callable[[StepInput], Tensor]:
        """What gives the outputs `[N, A + 1]` of whole trials, step after step from the first on.

        The weights must stay as they are until the last.
        """
        cache = self.new_cache(num_environments)
        return lambda inputs: self.outputs(inputs, cache)

    def step(
        self,
        inputs: StepInput,
        cache: RecurrentCache | RingKVCache,
        active: Tensor | None = None,
    ) -> Tensor:
        """The logits `[N, A]` of one step, see `outputs`."""
        return self.outputs(inputs, cache, active)[:, :-1].contiguous()


class RecurrentPolicy(Policy):
    """Remembers by a GRU or an LSTM; its weights are a function of the arguments alone."""

    def __init__(self, config: RL2Config, schema: TransitionSchema, seed: int) -> None:
        super().__init__()
        self.schema = schema.unlabelled
        generator = torch.Generator().manual_seed(seed)
        self._embedding = TransitionEmbedding(self.schema, config.width, "one-token", generator)
        body = {"gru": nn.GRU, "lstm": nn.LSTM}[config.body]
        # Made without weights, which torch's own generator would draw.
        self.body = body(
            config.width, config.width, config.num_layers, batch_first=True, device="meta"
        ).to_empty(device="cpu")
        for weight in self.body.parameters():
            weight.data.zero_()
            if weight.ndim == 2:
                for gate in weight.data.split(config.width):
                    nn.init.orthogonal_(gate, generator=generator)
        self.head = nn.Parameter(torch.zeros(schema.num_actions + 1, config.width))

    @property
    def embedding(self) -> TransitionEmbedding:
        """What turns transitions into tokens."""
        return self._embedding

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The outputs `[E, T, A + 1]` of whole trials, from an empty memory on."""
        inputs, embedding = step_inputs(batch), self.embedding
        if embedding.only_looks_up:
            memories = remembered(self.body, embedding.table, embedding.rows(inputs))
        else:
            memories = remembered(self.body, embedding(inputs))
        return F.linear(memories, self.head)

    def steps(self, num_environments: int) -> Callable[[StepInput], Tensor]:
        """What gives the outputs of whole trials, by the kernels that learn from them."""
        embedding, table = self.embedding, None
        if not have_memory(*self.parameters()):
            return super().steps(num_environments)
        if embedding.only_looks_up:
            table = embedding.table
        remember = RecurrentSteps(self.body, num_environments, table, len(embedding.block_sizes))

        @torch.no_grad()
        def step(inputs: StepInput) -> Tensor:
            x = embedding(inputs) if table is None else embedding.rows(inputs)
            return F.linear(remember(x), self.head)

        return step

    def new_cache(self, num_environments: int, dtype: torch.dtype | None = None) -> RecurrentCache:
        """An empty memory, always in float32: it is added to at every step."""
        return RecurrentCache(self.body.num_layers, num_environments, self.body.hidden_size)

    @torch.no_grad()
    def outputs(
        self,
        inputs: StepInput,
        cache: RecurrentCache | RingKVCache,
        active: Tensor | None = None,
    ) -> Tensor:
        """The outputs `[N, A + 1]` of one step."""
        assert isinstance(cache, RecurrentCache)
        x = self.embedding(inputs)
        for layer, weights in enumerate(self.body.all_weights):
            hidden, cell = cache.hidden[layer], cache.cell[layer]
            if isinstance(self.body, nn.LSTM):
                x, new_cell = torch.lstm_cell(x, (hidden, cell), *weights)
                keep(cell, new_cell, active)
            else:
                x = torch.gru_cell(x, hidden, *weights)
            keep(hidden, x, active)
        keep(cache.is_first[:, None], torch.zeros(len(x), 1, dtype=torch.bool), active)
        return F.linear(x, self.head)


def keep(memory: Tensor, new: Tensor, active: Tensor | None) -> None:
    """Overwrite `memory` `[N, W]` by `new` in the environments of `active` (None: in all)."""
    if active is None:
        memory.copy_(new)
    else:
        torch.where(active[:, None], new, memory, out=memory)


class TransformerPolicy(Policy):
    """Remembers by attention: AD's transformer, whose head has one output more."""

    def __init__(self, config: ModelConfig, schema: TransitionSchema, seed: int) -> None:
        super().__init__()
        self.body = Transformer(config, schema, seed)
        self.body.head = nn.Parameter(torch.zeros(schema.num_actions + 1, config.width))
        self.schema = self.body.schema

    @property
    def embedding(self) -> TransitionEmbedding:
        """What turns transitions into tokens."""
        return self.body.embedding

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The outputs `[E, T, A + 1]` of whole trials."""
        outputs: Tensor = self.body(batch)
        return outputs

    def new_cache(self, num_environments: int, dtype: torch.dtype | None = None) -> RingKVCache:
        """An empty cache of keys and values."""
        return self.body.new_cache(num_environments, dtype)

    def outputs(
        self,
        inputs: StepInput,
        cache: RecurrentCache | RingKVCache,
        active: Tensor | None = None,
    ) -> Tensor:
        """The outputs `[N, A + 1]` of one step."""
        assert isinstance(cache, RingKVCache)
        return self.body.step(inputs, cache, active)


def make_policy(
    config: RL2Config, model: ModelConfig, schema: TransitionSchema, seed: int
) -> Policy:
    """The policy with the body that `config` names; `model` describes the transformer."""
    if config.body == "transformer":
        return TransformerPolicy(model, schema, seed)
    return RecurrentPolicy(config, schema, seed)
