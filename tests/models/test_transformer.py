import pytest
import torch
from model_cases import FLOAT_REWARD_SCHEMA, SCHEMA, random_histories, small_model, stream

from adfast.errors import InvalidArgument
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer

ENCODINGS = [
    {"position_encoding": "none"},
    {"position_encoding": "rope"},
    {"position_encoding": "partial-rope"},
    {"position_encoding": "learned", "num_learned_positions": 200},
]


def test_weights_are_a_function_of_the_seed():
    state = torch.random.get_rng_state()
    first, again, other = (Transformer(ModelConfig(), SCHEMA, seed) for seed in (3, 3, 4))
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not torch.equal(first.embedding.table, other.embedding.table)
    assert torch.equal(state, torch.random.get_rng_state()), "the global generator was used"


def test_a_fresh_model_is_undecided():
    logits = Transformer(ModelConfig(), SCHEMA, 0)(random_histories(2, 10))
    assert logits.shape == (2, 10, 5)
    assert not logits.any()


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_logits_see_the_past_and_the_present_observation_alone(layout, norm):
    model = small_model(layout=layout, norm=norm)
    batch = random_histories(2, 20)
    logits = model(batch)
    future = random_histories(2, 20, seed=1)
    for field in ("action", "reward", "next_observation"):
        changed = {**batch, field: torch.cat((batch[field][:, :12], future[field][:, 12:]), dim=1)}
        torch.testing.assert_close(model(changed)[:, :13], logits[:, :13])
    changed = {**batch, "observation": batch["observation"].clone()}
    changed["observation"][:, 12, 0] = (changed["observation"][:, 12, 0] + 1) % 9
    torch.testing.assert_close(model(changed)[:, :12], logits[:, :12])
    assert (model(changed)[:, 12] - logits[:, 12]).abs().min() > 1e-4


@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_nothing_before_the_receptive_field_counts_and_its_edge_does(layout):
    model = small_model(layout=layout, num_layers=3, attention_window=4)
    field = model.config.receptive_field
    batch = random_histories(1, 40)
    last = model(batch)[:, -1]

    def change_observation(ago):
        changed = {**batch, "observation": batch["observation"].clone()}
        changed["observation"][:, -ago, 0] = (changed["observation"][:, -ago, 0] + 1) % 9
        return (model(changed)[:, -1] - last).abs().max()

    assert change_observation(field + 1) < 1e-6
    assert change_observation(field) > 1e-6


@pytest.mark.parametrize("options", ENCODINGS)
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_packed_documents_do_not_see_each_other(layout, options):
    model = small_model(layout=layout, attention_window=8, **options)
    first, second = random_histories(1, 11, seed=0), random_histories(1, 14, seed=1)
    packed = {name: torch.cat((first[name], second[name]), dim=1) for name in first}
    packed["document_start"] = torch.tensor([[0] * 11 + [11] * 14], dtype=torch.int32)
    expected = torch.cat((model(first), model(second)), dim=1)
    torch.testing.assert_close(model(packed), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("settings", [{"dropout": 0.3}, {"sequence_mask": 0.3}])
def test_dropout_is_keyed_by_its_seed(settings):
    model = small_model(**settings)
    batch = random_histories(2, 20)
    first, again, other = (model(batch, dropout_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(InvalidArgument, match="dropout_seed must be given"):
        model(batch)
    model.eval()
    assert torch.equal(model(batch), model(batch, dropout_seed=1))


def test_every_parameter_gets_a_gradient():
    for schema in (SCHEMA, FLOAT_REWARD_SCHEMA):
        model = small_model(
            schema,
            qk_norm=True,
            position_encoding="learned",
            num_learned_positions=20,
            num_heads=4,
            num_kv_heads=2,
        )
        model(random_histories(2, 20, schema)).square().sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name


def test_learned_positions_end():
    model = small_model(position_encoding="learned", num_learned_positions=12)
    batch = random_histories(2, 13)
    for run in (model, lambda batch: stream(model, batch)):
        with pytest.raises(InvalidArgument, match="num_learned_positions is 12 transitions"):
            run(batch)


def test_qk_norm_keeps_logits_within_max_logit():
    model = small_model(qk_norm=True, max_logit=2.0)
    with torch.no_grad():
        model.blocks[0].logit_scale.fill_(100.0)
    seen = []

    def attend(q, k, v):
        seen.append((q.transpose(1, 2) @ k.transpose(1, 2).transpose(-1, -2)).abs().max())
        return v

    model.blocks[0](torch.randn(2, 9, 16), attend)
    assert 0.5 < seen[0] <= 2.0 + 1e-5


def test_repr_says_what_it_holds():
    model = small_model(attention_window=[5, None], num_heads=2)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert repr(model).startswith(
        f"<Transformer: {count:,} parameters, 2 layers of width 16 with 2 heads that see all and 5 "
        "tokens, float32 on cpu; TransitionSchema("
    )
