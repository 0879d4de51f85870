"""The recall task asks for each key once, anywhere; a model learns it from short to long."""

import numpy as np
import pytest
import torch

from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from benchmarks.recall_task import (
    ASKED,
    NO_KEY,
    RecallTask,
    Stage,
    count_recalled,
    is_query,
    measure_recall,
    train_on_recall,
)

TASK = RecallTask(length=200, batch_size=50, seed=3)
CURRICULUM = [Stage(128, 120, 4096), Stage(512, 15, 4096), Stage(1024, 15, 4096)]


def test_every_key_is_shown_once_and_asked_for_once_later():
    batch = {name: values.numpy() for name, values in TASK(0).items()}
    key, symbol = batch["observation"][..., 0], batch["observation"][..., 1]
    for row in range(TASK.batch_size):
        for wanted in range(1, TASK.num_keys + 1):
            cue, query = np.flatnonzero(key[row] == wanted)
            assert symbol[row, query] == ASKED
            assert (
                batch["action"][row, query] + 1 == symbol[row, cue] == batch["action"][row, cue] + 1
            )
    filler = key == NO_KEY
    assert (symbol[filler] == batch["action"][filler] + 1).all()
    assert not batch["reward"].any()
    assert batch.keys() == set(TASK.schema.allocate(1)) - {"boundary"}


def test_cue_and_query_lie_anywhere():
    batch = TASK(0)
    distances, queries = [], []
    for keys, asked in zip(batch["observation"][..., 0], is_query(batch), strict=True):
        for query in asked.nonzero()[:, 0]:
            cue = (keys == keys[query]).nonzero()[0, 0]
            distances.append(int(query - cue))
            queries.append(int(query))
    # Of two uniform places the greater has density 2x, and their distance density 2(1 - x).
    shares = np.histogram(distances, np.linspace(0, 200, 5))[0] / len(distances)
    np.testing.assert_allclose(shares, [7 / 16, 5 / 16, 3 / 16, 1 / 16], atol=0.04)
    shares = np.histogram(queries, np.linspace(0, 200, 5))[0] / len(queries)
    np.testing.assert_allclose(shares, [1 / 16, 3 / 16, 5 / 16, 7 / 16], atol=0.04)


def test_batch_is_a_function_of_seed_and_update():
    assert torch.equal(TASK(4)["observation"], TASK(4)["observation"])
    assert not torch.equal(TASK(4)["action"], TASK(5)["action"])


def test_recall_is_counted_by_place():
    batch = TASK(0)
    answers = torch.nn.functional.one_hot(batch["action"].long(), TASK.num_symbols).float()
    right, total = count_recalled(answers, batch, 4)
    assert torch.equal(right, total)
    assert total.sum() == TASK.batch_size * TASK.num_keys
    answers[:, 100:] = answers[:, 100:].roll(1, -1)
    right, _ = count_recalled(answers, batch, 4)
    assert torch.equal(right[:2], total[:2])
    assert not right[2:].any()


@pytest.mark.slow
@pytest.mark.thorough
def test_model_recalls_over_1024_transitions_after_150_updates():
    config = ModelConfig(num_layers=2, num_heads=4, feed_forward_width=128, attention_window=None)
    model = Transformer(config, TASK.schema, seed=0)
    train_on_recall(model, CURRICULUM, torch.float32)
    assert sum(stage.updates for stage in CURRICULUM) == 150
    recalled = measure_recall(model, 1024, sequences=20, num_parts=2)
    assert (recalled >= 0.95).all(), recalled
