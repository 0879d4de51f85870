"""The model of a run in plain PyTorch: this file and `config.json` are all that its weights need.

    model = Model(json.loads(Path("config.json").read_text()))
    model.load_state_dict(safetensors.torch.load_file("model.safetensors"))

`forward` reads whole windows of transitions, `step` one transition after another, with the keys and
values of those before as state. Both are what `adfast.Transformer` computes, written to be read and
not to be fast: `forward` materialises every score.

Axes: B batch, T transitions, N environments, L tokens (1 or 3 of each transition), S slots of a
cache, W width, H heads, D channels of a head, A actions; `...` is `[B, T]` or `[N]`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FORMAT, VERSION = "adfast-plain-model", 1  # of config.json
COUNTED = {"uint8": 0, "int8": -128}  # rewards that are rows of the table, and the least of each
LIMIT = 10.0  # of normalised real numbers
PATCH, MOST_PLACES = 8, 36  # pixels along a patch; patches that are joined no further
CHANNELS, KERNEL, FEATURES = 128, 5, 256  # of the convolutions


class Model(nn.Module):
    """Logits of the next action; `config` is the content of `config.json`.

    Raises `ValueError` for a config of another format or version.
    """

    blocks: Any  # a list of Block

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        if (config.get("format"), config.get("version")) != (FORMAT, VERSION):
            raise ValueError(
                f"config.json must be of format {FORMAT}, version {VERSION}, got "
                f"{config.get('format')!r}, version {config.get('version')!r}; take the model.py "
                "that lies beside it"
            )
        self.config = dict(config)
        width = config["width"]
        self.tokens = 3 if config["layout"] == "three-token" else 1
        self.windows = [w and w * self.tokens for w in config["layer_windows"]]
        self.embedding = Embedding(config)
        if config["num_learned_positions"]:
            places = config["num_learned_positions"] * self.tokens
            self.positions = nn.Parameter(torch.zeros(places, width))
        self.blocks = nn.ModuleList(Block(config) for _ in self.windows)
        self.final_norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Parameter(torch.zeros(config["num_actions"], width))

    def forward(
        self,
        observation: Tensor,
        action: Tensor,
        reward: Tensor,
        next_observation: Tensor,
        episode_step: Tensor,
        return_to_go: Tensor | None = None,
    ) -> Tensor:
        """`[B, T, A]`: at each transition the logits of its action, from all before it.

        `observation` and `next_observation` are `[B, T, *shape]`, the others `[B, T]`;
        `return_to_go` is for models that read it. Raises `RuntimeError` for numbers out of range.
        """
        B, T = action.shape
        x = self.embedding(
            observation,
            shift(action),
            shift(reward),
            shift(next_observation),
            episode_step,
            (torch.arange(T, device=action.device) == 0).expand(B, T),
            shift(observation) if self.config["context"] == "set" else None,
            return_to_go,
        ).reshape(B, T * self.tokens, -1)
        place = torch.arange(T * self.tokens, device=x.device)
        if self.config["num_learned_positions"]:
            x = x + self.positions[place]
        behind = place[:, None] - place
        for block, window in zip(self.blocks, self.windows, strict=True):
            visible = behind >= 0 if window is None else (behind >= 0) & (behind < window)
            q, k, v = block.heads(block.before(x), place)
            x = block.after(x, attend(q, k, v, visible, block.scale))
        return self.logits(x[:, self.tokens - 1 :: self.tokens])

    def new_cache(self, num_environments: int, longest_history: int | None = None) -> list[Tensor]:
        """The state that `step` begins with: each environment's clock, then keys and values.

        int64 `[N]`, then of each layer two of float32 `[N, H, S, D]`, S tokens that it sees back. A
        layer that sees the whole history needs to know the `longest_history`, in transitions;
        raises `ValueError` where it does not.
        """
        heads, channels = self.config["num_kv_heads"], self.blocks[0].head_dim
        cache = [torch.zeros(num_environments, dtype=torch.int64)]
        for window in self.windows:
            slots = window or (longest_history or 0) * self.tokens
            if not slots:
                raise ValueError("longest_history must be given: a layer sees all of a history")
            cache += [torch.zeros(num_environments, heads, slots, channels) for _ in "kv"]
        return [x.to(self.head.device) for x in cache]

    def step(
        self,
        observation: Tensor,
        previous_action: Tensor,
        previous_reward: Tensor,
        previous_final_observation: Tensor,
        episode_step: Tensor,
        is_first: Tensor,
        cache: Sequence[Tensor],
        previous_observation: Tensor | None = None,
        return_to_go: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """`[N, A]`: the logits of the next action in each environment, and the cache after it.

        What is `previous_` is the transition before; `previous_final_observation`, what it ended
        in, is looked at where an `episode_step` is 0, and nothing of it where `is_first` (bool):
        there a history begins, and what the cache holds of another is forgotten.
        """
        clock, *held = cache
        clock = clock.where(~is_first, 0)
        tokens = self.embedding(
            observation,
            previous_action,
            previous_reward,
            previous_final_observation,
            episode_step,
            is_first,
            previous_observation,
            return_to_go,
        ).reshape(clock.shape[0], self.tokens, -1)
        for x in map(laid_out, tokens.unbind(1)):
            if self.config["num_learned_positions"]:
                x = x + self.positions[clock]
            for i, (block, window) in enumerate(zip(self.blocks, self.windows, strict=True)):
                q, k, v = block.heads(block.before(x)[:, None], clock[:, None])
                slot = torch.arange(held[2 * i].shape[2], device=clock.device)
                if window is None:
                    fits = (clock < len(slot)).all()
                    torch._assert_async(fits, "a history is longer than its cache")
                newest = slot == (clock % len(slot))[:, None]  # [N, S]
                keys = torch.where(newest[:, None, :, None], k, held[2 * i])
                values = torch.where(newest[:, None, :, None], v, held[2 * i + 1])
                held[2 * i], held[2 * i + 1] = keys, values
                age = (clock[:, None] - slot) % len(slot)
                visible = (age <= clock[:, None])[:, None, None, :]
                x = block.after(x, attend(q, keys, values, visible, block.scale)[:, 0])
            clock = clock + 1
        return self.logits(x), [clock, *held]

    def logits(self, x: Tensor) -> Tensor:
        """`[..., A]` of what the last block left."""
        return F.linear(self.final_norm(x), self.head)


class Block(nn.Module):
    """Attention, then a feed-forward network, each added to what it read."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, inner = config["width"], config["feed_forward_width"]
        self.config = dict(config)
        self.num_heads, self.num_kv_heads = config["num_heads"], config["num_kv_heads"]
        self.head_dim = width // self.num_heads
        self.scale = 1.0 if config["qk_norm"] else self.head_dim**-0.5
        rows = (self.num_heads + 2 * self.num_kv_heads) * self.head_dim
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.query_key_value = nn.Parameter(torch.zeros(rows, width))
        self.attention_out = nn.Parameter(torch.zeros(width, width))
        self.feed_forward_norm = nn.LayerNorm(width, bias=False)
        self.feed_forward_in = nn.Parameter(torch.zeros(inner, width))
        self.feed_forward_out = nn.Parameter(torch.zeros(width, inner))
        if config["qk_norm"]:
            self.logit_scale = nn.Parameter(torch.zeros(self.num_heads, 1))

    def before(self, x: Tensor) -> Tensor:
        """What the attention reads."""
        return self.attention_norm(x) if self.config["norm"] == "pre" else x

    def heads(self, x: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values `[B, H, L, D]` of `x` `[B, L, W]` at the places `[.., L]`."""
        x = F.linear(x, self.query_key_value).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
        q, k, v = x.split((self.num_heads, self.num_kv_heads, self.num_kv_heads), dim=1)
        if self.config["qk_norm"]:
            largest = self.logit_scale.clamp(max=self.config["max_logit"])[:, None]
            q, k = F.normalize(q, dim=-1) * largest, F.normalize(k, dim=-1)
        share = {"rope": 1, "partial-rope": 2}.get(self.config["position_encoding"])
        if share is not None:
            channels, base = self.head_dim // share, self.config["rope_base"]
            q, k = rotate(q, place, channels, base), rotate(k, place, channels, base)
        return q, k, v

    def after(self, x: Tensor, attended: Tensor) -> Tensor:
        """What the block makes of `x`, whose heads have `attended`, `[..., H * D]`."""
        x = x + F.linear(attended, self.attention_out)
        if self.config["norm"] == "pre":
            return x + self.feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x)
        out: Tensor = self.feed_forward_norm(x + self.feed_forward(x))
        return out

    def feed_forward(self, x: Tensor) -> Tensor:
        """The branch of the feed-forward network."""
        return F.linear(F.gelu(F.linear(x, self.feed_forward_in)), self.feed_forward_out)


def attend(q: Tensor, k: Tensor, v: Tensor, visible: Tensor, scale: float) -> Tensor:
    """`[B, L, H * D]`: what queries see in keys and values, heads of these shared by groups."""
    heads, groups = q.shape[1], q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    q, k, v = (laid_out(x).flatten(0, 1) for x in (q, k, v))
    scores = torch.bmm(q, k.transpose(1, 2)).unflatten(0, (-1, heads)) * scale
    weights = scores.masked_fill(~visible, -math.inf).softmax(-1)
    attended: Tensor = torch.bmm(weights.flatten(0, 1), v).unflatten(0, (-1, heads))
    return attended.transpose(1, 2).flatten(2)


def laid_out(x: Tensor) -> Tensor:
    """`x` in an order of its own: a program that is traced then holds for one row, too."""
    return x.clone(memory_format=torch.contiguous_format)


def rotate(x: Tensor, place: Tensor, channels: int, base: float) -> Tensor:
    """`x` `[B, H, L, D]`, its first `channels` rotated by their place, i with i + channels / 2."""
    exponent = torch.arange(0, channels, 2, dtype=torch.float64, device=x.device) / channels
    angle = place.double()[..., None] * base**-exponent % (2 * math.pi)
    cosine, sine = angle.cos().float(), angle.sin().float()
    if place.ndim == 2:  # environments have places of their own
        cosine, sine = cosine[:, None], sine[:, None]
    first, second, rest = x.split((channels // 2, channels // 2, x.shape[-1] - channels), dim=-1)
    turned = (first * cosine - second * sine, second * cosine + first * sine, rest)
    return torch.cat(turned, dim=-1)


def shift(x: Tensor) -> Tensor:
    """`x` `[B, T, ...]` one transition later; what then is the first is looked at by nobody."""
    return x.roll(1, dims=1)


class Embedding(nn.Module):
    """Tokens `[..., W]` or `[..., 3, W]`: sums of rows of one table, and of projections.

    Numbers that are counted have a block of rows each; a block's last row says "none" of what is
    past.
    """

    num_rows: Tensor
    first_row: Tensor
    none: Tensor
    reward_scale: Tensor
    return_scale: Tensor

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        observation, width = config["observation"], config["width"]
        self.sizes = list(observation.get("sizes", ()))
        self.least_reward = COUNTED.get(config["reward_dtype"])
        past = self.sizes * (2 if config["context"] == "set" else 1)
        rewards = (1 if self.least_reward is None else 256) if config["reads_rewards"] else 0
        blocks = [config["num_actions"] + 1, rewards + 1, *(size + 1 for size in past)]
        self.num_past = len(blocks)
        blocks += [*self.sizes, config["episode_length"]]
        ends = torch.tensor(blocks).cumsum(0)
        self.register_buffer("num_rows", torch.tensor(blocks), persistent=False)
        self.register_buffer("first_row", ends - torch.tensor(blocks), persistent=False)
        self.register_buffer("none", torch.tensor(blocks) - 1, persistent=False)
        self.table = nn.Parameter(torch.zeros(sum(blocks), width))
        self.adds_reward = config["reads_rewards"] and self.least_reward is None
        if self.adds_reward:
            self.register_buffer("reward_scale", torch.ones(()))
            self.reward_direction = nn.Parameter(torch.zeros(width))
        if config["reads_return"]:
            self.register_buffer("return_scale", torch.ones(()))
            self.register_buffer("best_return", torch.zeros(()))  # what may be asked for
            self.return_direction = nn.Parameter(torch.zeros(width))
        if not self.sizes:
            encoder = Numbers if observation["encoder"] == "numbers" else Pictures
            self.add_module(observation["kind"], encoder(observation, width))

    def forward(
        self,
        observation: Tensor,
        previous_action: Tensor,
        previous_reward: Tensor,
        previous_final_observation: Tensor,
        episode_step: Tensor,
        is_first: Tensor,
        previous_observation: Tensor | None = None,
        return_to_go: Tensor | None = None,
    ) -> Tensor:
        """See `Model.step`, and `Model.forward` which gives all transitions of windows at once."""
        config = self.config
        shows_final = ~is_first & ((episode_step == 0) | (config["context"] == "set"))
        counted = previous_reward.long() - (self.least_reward or 0)
        if self.adds_reward or not config["reads_rewards"]:
            counted = torch.zeros_like(counted)
        is_paid = ~is_first & config["reads_rewards"]
        past = [previous_action.long()[..., None], counted[..., None]]
        shown = [~is_first[..., None], is_paid[..., None]]
        now = [episode_step.long()[..., None]]
        if self.sizes:
            seen = [previous_final_observation.long()]
            seen += [] if previous_observation is None else [previous_observation.long()]
            past += seen
            shown += [shows_final[..., None].expand_as(x) for x in seen]
            now = [observation.long(), *now]
        before, is_shown, after = (torch.cat(parts, dim=-1) for parts in (past, shown, now))
        none, num_rows = self.none[: self.num_past], self.num_rows[self.num_past :]
        fits = ((before >= 0) & (before < none)) | ~is_shown  # else it were another block's row
        fits = fits.all() & ((after >= 0) & (after < num_rows)).all()
        torch._assert_async(fits, "an action, a reward, an observation or a step is out of range")
        rows = torch.cat((before.where(is_shown, none), after), dim=-1) + self.first_row
        if config["layout"] == "one-token":
            first = second = last = F.embedding(rows, self.table).sum(-2)
        else:
            parts = rows.split((1, self.num_past - 1, len(self.sizes) + 1), dim=-1)
            first, second, last = (F.embedding(part, self.table).sum(-2) for part in parts)
        more_second, more_last = torch.zeros_like(second), torch.zeros_like(last)
        if self.adds_reward:
            paid = previous_reward.float().masked_fill(is_first, 0.0) * self.reward_scale
            more_second = more_second + paid[..., None] * self.reward_direction
        if not self.sizes:
            encoder = getattr(self, config["observation"]["kind"])
            more_last = more_last + encoder(observation, is_first.shape) @ encoder.now
            final = encoder(previous_final_observation, is_first.shape)
            more_second = (
                more_second + final.masked_fill(~shows_final[..., None], 0.0) @ encoder.final
            )
        if config["reads_return"]:
            asked = return_to_go.float() * self.return_scale  # type: ignore[union-attr]
            more_last = more_last + asked[..., None] * self.return_direction
        if config["layout"] == "one-token":
            return first + more_second + more_last
        return torch.stack((first, second + more_second, last + more_last), dim=-2)


class Numbers(nn.Module):
    """Real observations in units of the data's deviation, `[..., components]`."""

    mean: Tensor
    scale: Tensor

    def __init__(self, observation: Mapping[str, Any], width: int) -> None:
        super().__init__()
        components = math.prod(observation["shape"])
        self.register_buffer("mean", torch.zeros(components))
        self.register_buffer("scale", torch.ones(components))
        self.now = nn.Parameter(torch.zeros(components, width))
        self.final = nn.Parameter(torch.zeros(components, width))

    def forward(self, x: Tensor, leading: Sequence[int]) -> Tensor:
        """Of observations `[..., *shape]`."""
        flat = x.reshape(*leading, -1).to(self.mean.dtype)
        return ((flat - self.mean) * self.scale).clamp(-LIMIT, LIMIT)


class Pictures(nn.Module):
    """Features `[..., K]` of pictures `[..., height, across, colours]`, numbers from 0 to 255."""

    def __init__(self, observation: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.shape = tuple(observation["shape"])
        kinds = {"patches": Patches, "convolutions": Convolutions, "projection": Pixels}
        self.features = kinds[observation["encoder"]](self.shape, width)
        self.now = nn.Parameter(torch.zeros(self.features.size, width))
        self.final = nn.Parameter(torch.zeros(self.features.size, width))

    def forward(self, x: Tensor, leading: Sequence[int]) -> Tensor:
        """Of pictures by themselves."""
        features: Tensor = self.features(x.reshape(-1, *self.shape))
        return features.reshape(*leading, self.features.size)


class Pixels(nn.Module):
    """All pixels of pictures `[M, height, across, colours]`, in units of their deviation."""

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape[2]))
        self.register_buffer("scale", torch.ones(shape[2]))
        self.size = math.prod(shape)

    def forward(self, x: Tensor) -> Tensor:
        """Side by side."""
        return self.normal(x).flatten(1)

    def normal(self, x: Tensor) -> Tensor:
        """The pictures, normalised."""
        return (x.to(self.mean.dtype) - self.mean) * self.scale


class Patches(Pixels):
    """Patches of 8 x 8 pixels, projected; then 2 x 2 of these joined to one, level by level."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__(shape, width)
        height, across, colours = shape
        levels, side = 1, PATCH
        while -(-height // side) * -(-across // side) > MOST_PLACES:
            levels, side = levels + 1, 2 * side
        self.side, self.sides = side, [2] * (levels - 1) + [PATCH]
        self.rows, self.columns = -(-height // side), -(-across // side)
        widths = [max(width // 2, 1), *[width] * (levels - 1)]
        inputs = [PATCH**2 * colours, *(4 * channels for channels in widths[:-1])]
        self.weights = nn.ParameterList(
            torch.zeros(num, out) for num, out in zip(inputs, widths, strict=True)
        )
        self.biases = nn.ParameterList(torch.zeros(out) for out in widths)
        self.size = self.rows * self.columns * widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """What is kept of the coarsest patches, side by side."""
        num, height, across, colours = x.shape
        x = x.to(self.mean.dtype)
        right, below = self.columns * self.side - across, self.rows * self.side - height
        x = self.normal(F.pad(x, (0, 0, 0, right, 0, below)))  # what is lacking is black
        levels = len(self.sides)
        split = (num, self.rows, *self.sides, self.columns, *self.sides, colours)
        down, along = range(1, levels + 2), range(levels + 2, 2 * levels + 3)
        order = [axis for pair in zip(down, along, strict=True) for axis in pair]
        x = x.reshape(split).permute(0, *order, 2 * levels + 3)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = F.relu(torch.addmm(bias, x.reshape(-1, len(weight)), weight))
        return x.reshape(num, self.size)


class Convolutions(Pixels):
    """Three blocks of convolution, norm, ReLU and pooling, then 256 features."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__(shape, width)
        height, across, colours = shape
        self.kernels = nn.ParameterList(
            torch.zeros(CHANNELS, channels, KERNEL, KERNEL)
            for channels in (colours, CHANNELS, CHANNELS)
        )
        self.gains = nn.ParameterList(torch.ones(CHANNELS) for _ in self.kernels)
        self.biases = nn.ParameterList(torch.zeros(CHANNELS) for _ in self.kernels)
        places = -(-height // 64) * -(-across // 64)  # each block halves twice
        self.weight = nn.Parameter(torch.zeros(places * CHANNELS, FEATURES))
        self.bias = nn.Parameter(torch.zeros(FEATURES))
        self.size = FEATURES

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer makes of all places."""
        x = laid_out(self.normal(x).permute(0, 3, 1, 2))
        for kernel, gain, bias in zip(self.kernels, self.gains, self.biases, strict=True):
            x = F.conv2d(x, kernel, stride=2, padding=KERNEL // 2)
            x = F.max_pool2d(F.relu(F.group_norm(x, 1, gain, bias)), 2, ceil_mode=True)
        return F.relu(torch.addmm(self.bias, x.flatten(1), self.weight))
