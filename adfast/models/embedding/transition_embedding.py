"""TransitionEmbedding: transitions in, tokens out.

The token of transition t knows the observation that action t answers, and what came before it: the
previous action and reward, and, where an episode begins, the final observation of the one before.
So the token that carries a reward also carries the cell that it was paid in, and recalling it takes
one attention layer.

All discrete inputs read one table: each has a block of rows, and a token is the sum of one row of
each block. What else tokens see of an observation is its encoder's (`observation_encoders.py`).

Axes: B batch, T transitions, C observation components, N environments; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from adfast.errors import InvalidArgument
from adfast.models.config import Layout, PictureEncoding
from adfast.models.embedding.observation_encoders import ObservationEncoder
from adfast.models.embedding.picture_encoders import encoder_of
from adfast.models.embedding.step_input import StepInput, can_examine
from adfast.models.layers.summed_rows import sum_rows
from adfast.models.noise import Noise
from adfast.tasks.transition_schema import TransitionSchema

COUNTED_REWARDS = 256  # values of an 8-bit reward
EMBEDDING_SCALE = 0.5  # standard deviation of the initial rows


def require_returns(inputs: StepInput) -> None:
    """Raise `InvalidArgument` where a model that reads returns is given none, or no finite ones."""
    to_go = inputs.return_to_go
    if to_go is None:
        raise InvalidArgument(
            "return_to_go must be there for a model that reads returns, and is missing; "
            "adfast.histories.returns_to_go computes it of a history, an agent of its target_return"
        )
    if not inputs.is_checked and can_examine(to_go) and not to_go.isfinite().all():
        raise InvalidArgument("return_to_go must be finite, got nan or inf")


def unit_scale(values: np.ndarray) -> float:
    """What `values` are multiplied by to be one in the mean of their squares."""
    magnitude = float(np.sqrt(np.square(values, dtype=np.float64).mean()))
    return 1 / magnitude if magnitude > 0 else 1.0


def require_in_range(name: str, values: np.ndarray, size: int) -> None:
    """Raise `InvalidArgument` unless all integer `values` are in 0 .. size - 1."""
    least, greatest = int(values.min(initial=0)), int(values.max(initial=0))
    if least < 0 or greatest >= size:
        raise InvalidArgument(
            f"{name} must be in 0..{size - 1} by the model's schema, "
            f"got {greatest if greatest >= size else least}; "
            "use the schema of the family that the data comes from"
        )


class TransitionEmbedding(nn.Module):
    """Tokens `[..., width]` (one-token) or `[..., 3, width]` (three-token) of `StepInput`s.

    The three tokens of a transition are the previous action, the previous reward with the previous
    final observation, and the observation with the step in the episode. Where rewards are not read,
    all tokens are as if none had been paid yet. Where returns are read, the last of a transition's
    tokens says, as a real number, what its episode is still to earn.

    Source of the latter: Chen et al. 2021 (arXiv 2106.01345), whose return-to-go is a token that is
    a linear function of it.
    """

    first_row: Tensor
    block_size: Tensor
    reward_scale: Tensor
    return_scale: Tensor
    best_return: Tensor

    def __init__(
        self,
        schema: TransitionSchema,
        width: int,
        layout: Layout,
        generator: torch.Generator,
        *,
        reads_rewards: bool = True,
        reads_return: bool = False,
        is_set: bool = False,
        picture_encoder: PictureEncoding = "patches",
        picture_dropout: float = 0.0,
        frame_stack: int = 1,
    ) -> None:
        super().__init__()
        self.schema = schema
        self.layout = layout
        self.counts_rows = False  # how the gradient of the table is made: `CountedRows`
        encoder_class = encoder_of(schema.observation, picture_encoder, frame_stack)
        sizes = encoder_class.row_sizes(schema.observation)
        if is_set and not sizes:
            raise InvalidArgument(
                f'model.context "set" needs counted observations, got {schema.observation}; use '
                '"sequence"'
            )
        self.num_components = len(sizes)
        # Of one observation or two of the past: the final one, and the one that was acted on.
        self.num_past = (2 if is_set else 1) * len(sizes)
        self.reads_rewards = reads_rewards
        self.has_real_reward = reads_rewards and not schema.has_counted_rewards
        is_counted = schema.has_counted_rewards
        self.least_reward = int(np.iinfo(schema.reward_dtype).min) if is_counted else 0
        num_rewards = (1 if self.has_real_reward else COUNTED_REWARDS) if reads_rewards else 0
        # Blocks in the order of the tokens that they belong to; the last row of a block that has
        # one more than it has values means "none".
        past = (size + 1 for size in (sizes * 2 if is_set else sizes))
        previous = [schema.num_actions + 1, num_rewards + 1, *past]
        self.block_sizes = (*previous, *sizes, schema.episode_length)
        first_rows = torch.tensor([0, *self.block_sizes]).cumsum(0)
        self.register_buffer("first_row", first_rows[:-1], persistent=False)
        self.register_buffer("block_size", torch.tensor(self.block_sizes), persistent=False)
        self.last_numbers = np.array(self.block_sizes) - 1  # "none" where a block knows it
        self.table = nn.Parameter(
            torch.empty(int(first_rows[-1]), width).normal_(
                std=EMBEDDING_SCALE, generator=generator
            )
        )
        if self.has_real_reward:
            self.register_buffer("reward_scale", torch.ones(()))
            self.reward_direction = nn.Parameter(
                torch.empty(width).normal_(std=EMBEDDING_SCALE, generator=generator)
            )
        # In model files its tensors bear the name of the kind.
        encoder = encoder_class(
            schema.observation, width, EMBEDDING_SCALE, generator, picture_dropout, frame_stack
        )
        self.add_module(schema.observation.kind, encoder)
        self.reads_return = reads_return
        if reads_return:
            self.register_buffer("return_scale", torch.ones(()))
            self.register_buffer("best_return", torch.zeros(()))  # that the histories held
            self.return_direction = nn.Parameter(
                torch.empty(width).normal_(std=EMBEDDING_SCALE, generator=generator)
            )

    @property
    def only_looks_up(self) -> bool:
        """Whether a transition's token is a sum of `rows` of the table, and no more."""
        is_more = self.encoder.adds or self.has_real_reward or self.reads_return
        return self.layout == "one-token" and not is_more

    @property
    def encoder(self) -> ObservationEncoder:
        """What tokens see of observations."""
        encoder = getattr(self, self.schema.observation.kind)
        assert isinstance(encoder, ObservationEncoder)
        return encoder

    @property
    def needs_normalising(self) -> bool:
        """Whether there is something to normalise: where inputs are real numbers."""
        return self.has_real_reward or self.reads_return or self.encoder.needs_normalising

    def forward(self, inputs: StepInput, noise: Noise | None = None) -> Tensor:
        """The tokens of `inputs`; raises `InvalidArgument` for a value outside the schema.

        `noise` is what an encoder of pictures drops by.
        Values on a device and those of a compiled graph are not examined: whoever copies or
        compiles does it beforehand. Nor are those that `is_checked`.
        """
        rows, encoder = self.rows(inputs), self.encoder
        if self.reads_return:
            require_returns(inputs)
        if not inputs.is_checked and can_examine(inputs.observation):
            encoder.require_readable(inputs.observation)
        if self.layout == "one-token":
            token = self.add_real_reward(self.sum_rows(rows), inputs)
            token = encoder.add_observation(token, inputs, noise)
            return self.add_return(encoder.add_final(token, inputs, noise), inputs)
        action, reward, observation = rows.split(
            (1, 1 + self.num_components, 1 + self.num_components), dim=-1
        )
        tokens = (
            self.sum_rows(action),
            encoder.add_final(self.add_real_reward(self.sum_rows(reward), inputs), inputs, noise),
            self.add_return(
                encoder.add_observation(self.sum_rows(observation), inputs, noise), inputs
            ),
        )
        return torch.stack(tokens, dim=-2)

    def sum_rows(self, rows: Tensor) -> Tensor:
        """`[..., width]`: the sums of the table's rows `[..., F]`."""
        return sum_rows(self.table, rows, counts=self.counts_rows)

    def rows(self, inputs: StepInput) -> Tensor:
        """int64 `[..., F]`: the row of the table that each of the F blocks contributes."""
        is_on_host = can_examine(inputs.observation) and type(inputs.observation) is Tensor
        values = self.host_values(inputs) if is_on_host else self.values(inputs)
        if not inputs.is_checked and can_examine(values):
            misfits = self.misfits(values, inputs)
            if misfits.any():
                self.refuse(values, misfits)
        return values + self.first_row

    def values(self, inputs: StepInput) -> Tensor:
        """int64 `[..., F]`: the number that each block is to show, its last one for "none"."""
        none = self.block_size
        first = inputs.is_first
        reward = torch.zeros_like(inputs.previous_action, dtype=torch.int64)
        is_paid = ~first if self.reads_rewards else torch.zeros_like(first)
        if self.reads_rewards and not self.has_real_reward:
            reward = inputs.previous_reward.long() - self.least_reward
        observed: tuple[Tensor, ...] = ()
        if self.num_components:
            none_seen = none[2 : 2 + self.num_past] - 1
            past = self.encoder.row_numbers(inputs.previous_final_observation)
            if inputs.previous_observation is not None:
                before = self.encoder.row_numbers(inputs.previous_observation)
                past = torch.cat((past, before), dim=-1)
            observed = (
                past.where(inputs.shows_final[..., None], none_seen),
                self.encoder.row_numbers(inputs.observation),
            )
        return torch.cat(
            (
                inputs.previous_action.long().where(~first, none[0] - 1)[..., None],
                reward.where(is_paid, none[1] - 1)[..., None],
                *observed,
                inputs.episode_step.long()[..., None],
            ),
            dim=-1,
        )

    def host_values(self, inputs: StepInput) -> Tensor:
        """`values` of what lies in the processor's memory: a step has few, and NumPy less to do."""
        values = np.empty((*inputs.is_first.shape, len(self.block_sizes)), np.int64)
        first, none = inputs.is_first.numpy(), self.last_numbers
        episode_step = inputs.episode_step.numpy()
        values[..., 0] = inputs.previous_action.numpy()
        np.copyto(values[..., 0], none[0], where=first)
        values[..., 1] = none[1]
        if self.reads_rewards:
            values[..., 1] = 0
            if not self.has_real_reward:
                values[..., 1] = inputs.previous_reward.numpy()
                values[..., 1] -= self.least_reward
            np.copyto(values[..., 1], none[1], where=first)
        if self.num_components:
            shown, row_numbers = ~first, self.encoder.row_numbers
            past = row_numbers(inputs.previous_final_observation)
            if inputs.previous_observation is None:
                shown &= episode_step == 0
            else:
                past = torch.cat((past, row_numbers(inputs.previous_observation)), dim=-1)
            end = 2 + self.num_past
            values[..., 2:end] = none[2:end]
            np.copyto(values[..., 2:end], past.numpy(), where=shown[..., None])
            values[..., end:-1] = row_numbers(inputs.observation).numpy()
        values[..., -1] = episode_step
        return torch.from_numpy(values)

    def misfits(self, values: Tensor, inputs: StepInput) -> Tensor:
        """bool `[..., F]`: where `values` are none of their block's, "none" where there is one."""
        num_none = 2 + self.num_past  # blocks that know it, as their last row
        over = values >= self.block_size
        over[..., :num_none] |= values[..., :num_none] == self.block_size[:num_none] - 1
        over[..., :2] &= ~inputs.is_first[..., None]
        over[..., 1] &= self.reads_rewards
        over[..., 2:num_none] &= inputs.shows_final[..., None]
        return over | (values < 0)

    def add_real_reward(self, token: Tensor, inputs: StepInput) -> Tensor:
        """`token` plus the linear embedding of real rewards; others are rows of the table."""
        if not self.has_real_reward:
            return token
        reward = inputs.previous_reward.to(token.dtype).masked_fill(inputs.is_first, 0.0)
        return token + (reward * self.reward_scale)[..., None] * self.reward_direction

    def add_return(self, token: Tensor, inputs: StepInput) -> Tensor:
        """`token` plus the linear embedding of what is still to be earned, where that is read."""
        if not self.reads_return:
            return token
        assert inputs.return_to_go is not None, "checked before"
        to_go = inputs.return_to_go.to(token.dtype) * self.return_scale
        return token + to_go[..., None] * self.return_direction

    def normalise_by(self, observation: np.ndarray, reward: np.ndarray) -> None:
        """Take from a sample `[N, ...]` of the data what real inputs are normalised by."""
        self.encoder.normalise_by(observation)
        if self.has_real_reward:
            if not np.isfinite(reward).all():
                raise InvalidArgument(
                    "rewards must be finite to be learned from, got nan or inf; mend the histories "
                    "or leave them out"
                )
            self.reward_scale.fill_(unit_scale(reward))

    def normalise_returns(self, return_to_go: np.ndarray, best_return: float) -> None:
        """Take from a sample `[N]` what returns are normalised by, and keep the best of all data.

        It is what an agent asks for unless it is told otherwise.
        """
        self.return_scale.fill_(unit_scale(return_to_go))
        self.best_return.fill_(best_return)

    def refuse(self, values: Tensor, misfits: Tensor) -> NoReturn:
        """Raise `InvalidArgument` for the first block of `values` that has `misfits`."""
        components = range(self.num_components)
        names = [
            "previous_action",
            "previous_reward",
            *(f"previous_final_observation[{c}]" for c in components),
            *(f"previous_observation[{c}]" for c in components if self.num_past > len(components)),
            *(f"observation[{c}]" for c in components),
            "episode_step",
        ]
        for block, (name, size) in enumerate(zip(names, self.block_sizes, strict=True)):
            wrong = values[..., block][misfits[..., block]].numpy()
            knows_none = block < 2 + self.num_past
            require_in_range(name, wrong, size - 1 if knows_none else size)
        raise AssertionError("called without an invalid value")
