"""Training as a plain research script does it: Dataset, DataLoader, nn.TransformerEncoder, AdamW.

Written after no code in particular, in the way that reproductions of Algorithm Distillation share:
histories as arrays in memory, a Dataset that cuts a random window, three tokens per transition, a
dense causal mask, and a loss that is read at every update.

Axes: B batch, T transitions, D channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.contest import NotEquivalent, require_close
from benchmarks.engine import ModelConfig, TransitionSchema
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import Rival
from benchmarks.rivals.window_samplers import Arrays, Sampler, require_windows, window_rival

LEARNING_RATE, WEIGHT_DECAY, MAX_GRADIENT_NORM = 3e-4, 0.01, 1.0
ENDLESS = 10**9


class RandomWindows(Dataset[dict[str, Tensor]]):
    """Windows of `length` transitions from `histories`, each a dict of arrays `[T, *item]`.

    Their place is uniform over the histories and, within one, over its starts; the index says
    nothing.
    """

    def __init__(self, histories: Sequence[Arrays], length: int, seed: int = 0) -> None:
        self.histories = histories
        self.length = length
        self.generator = np.random.default_rng(seed)

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        history = self.histories[int(self.generator.integers(len(self.histories)))]
        last = len(history["action"]) - self.length
        start = int(self.generator.integers(last + 1))
        rows = slice(start, start + self.length)
        return {name: torch.from_numpy(array[rows]) for name, array in history.items()}


def load_windows(
    histories: Sequence[Arrays], batch_size: int, length: int
) -> Iterator[dict[str, Tensor]]:
    """Batches `[B, T, *item]` without end."""
    windows = RandomWindows(histories, length)
    return iter(DataLoader(windows, batch_size=batch_size, num_workers=0))


class ScriptTransformer(nn.Module):
    """Action logits from tokens of observation, action and reward, in turn."""

    def __init__(self, config: ModelConfig, schema: TransitionSchema, length: int) -> None:
        super().__init__()
        width = config.width
        sizes = schema.fields["observation"].sizes
        self.columns = sizes[-1]
        self.observation = nn.Embedding(int(np.prod(sizes)), width)
        self.action = nn.Embedding(schema.num_actions, width)
        self.reward = nn.Linear(1, width)
        self.position = nn.Embedding(3 * length, width)
        layer = nn.TransformerEncoderLayer(
            width,
            config.num_heads,
            config.feed_forward_width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(layer, config.num_layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, schema.num_actions)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits `[B, T, A]`, read where the observation is the newest token."""
        cell = batch["observation"].long()
        number = cell[..., 0] * self.columns + cell[..., 1]
        reward = batch["reward"].float().unsqueeze(-1)
        tokens = torch.stack(
            [
                self.observation(number),
                self.action(batch["action"].long()),
                self.reward(reward),
            ],
            dim=2,
        ).flatten(1, 2)
        tokens = tokens + self.position(torch.arange(tokens.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        logits: Tensor = self.head(self.blocks(tokens, mask=mask)[:, ::3])
        return logits


def sample_rival(arrays: Arrays, batch_size: int, length: int) -> Rival:
    """The rival of `RingBuffer.sample`: the DataLoader over lanes `[E, T, *item]`."""
    return window_rival("torch DataLoader", make_sampler, arrays, batch_size, length)


def make_sampler(arrays: Arrays, batch_size: int, length: int) -> Sampler:
    """Windows `[B, L, *item]` as arrays."""
    lanes: list[Arrays] = [
        {name: a[lane] for name, a in arrays.items()} for lane in range(len(arrays["action"]))
    ]
    batches = load_windows(lanes, batch_size, length)
    return lambda: {name: tensor.numpy() for name, tensor in next(batches).items()}


def training_rival(
    config: ModelConfig,
    schema: TransitionSchema,
    histories: Sequence[Arrays],
    shape: tuple[int, int],
) -> Rival:
    """The rival of the training step on `shape` (batch size, transitions)."""

    def check() -> None:
        require_windows("research script", make_sampler)
        model = make_model(config, schema, shape[1])
        batch = next(load_windows(histories, *shape))
        logits = model(batch).detach()
        if logits.shape != (*shape, schema.num_actions):
            raise NotEquivalent(f"research script: logits have shape {tuple(logits.shape)}")
        batch["action"][:, -1] = (batch["action"][:, -1] + 1) % schema.num_actions
        require_close("research script: causal logits", logits, model(batch).detach(), 1e-6)

    update = training_step(config, schema, histories, shape)
    return Rival(Contender("research script", update, shape[0] * shape[1]), check)


def make_model(config: ModelConfig, schema: TransitionSchema, length: int) -> ScriptTransformer:
    """A fresh model; torch's generator is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ScriptTransformer(config, schema, length)


def training_step(
    config: ModelConfig,
    schema: TransitionSchema,
    histories: Sequence[Arrays],
    shape: tuple[int, int],
) -> Callable[[], float]:
    """One update on `shape` (batch size, transitions): its loss."""
    model = make_model(config, schema, shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    batches = load_windows(histories, *shape)

    def update() -> float:
        batch = next(batches)
        logits = model(batch)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch["action"].flatten().long())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
        optimizer.step()
        return float(loss.item())

    return update
