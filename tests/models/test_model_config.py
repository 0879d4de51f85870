import subprocess
import sys

import pytest

from adfast.errors import InvalidArgument, UnknownName
from adfast.models.config import ModelConfig


def test_context_without_order_has_no_positions():
    with pytest.raises(InvalidArgument, match='context "set" has no order'):
        ModelConfig.from_mapping({"context": "set", "position_encoding": "rope"})


def test_settings_need_no_torch():
    code = "import sys, adfast.models.config; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 65}, "width must be a multiple of num_heads, got 65 and 2"),
        ({"num_heads": 4, "num_kv_heads": 3}, "num_heads must be a multiple of num_kv_heads"),
        ({"width": 6, "position_encoding": "rope"}, "multiple of 2, got 3"),
        ({"width": 12, "position_encoding": "partial-rope"}, "multiple of 4, got 6"),
        ({"position_encoding": "learned"}, "num_learned_positions goes with"),
        ({"num_learned_positions": 9}, "num_learned_positions goes with"),
        ({"attention_window": [3, 3, 3]}, r"one window per layer \(2\), got 3"),
        ({"attention_window": 0}, "attention_window.*greater than or equal to 1"),
        ({"dropout": 1.0}, "dropout"),
        ({"layout": "two-token"}, "layout"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(InvalidArgument, match=message):
        ModelConfig.from_mapping(settings)


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownName, match='did you mean "attention_window"'):
        ModelConfig.from_mapping({"atention_window": 4})


def test_windows_are_counted_in_transitions_and_tokens():
    config = ModelConfig(attention_window=[5, None], layout="three-token")
    assert config.layer_windows == (5, None)
    assert config.layer_token_windows == (15, None)
    assert config.receptive_field is None


@pytest.mark.parametrize(("layout", "expected"), [("one-token", 13), ("three-token", 15)])
def test_receptive_field_adds_up_over_layers(layout, expected):
    config = ModelConfig(num_layers=3, attention_window=5, layout=layout)
    assert config.receptive_field == expected
