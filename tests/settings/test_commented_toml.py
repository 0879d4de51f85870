"""Settings as text can be read back."""

import tomllib

from adfast.config import with_paths
from adfast.settings.commented_toml import commented_toml
from adfast.settings.described import Setting, describe
from adfast.tasks.gridworlds.dark_room import DarkRoom


def setting(path, value, default=0, meaning=""):
    return Setting(path, value, default, meaning, {"type": "integer"})


def test_toml_has_every_value():
    values = {
        "seed": 3,
        "family.options.start": [1, 2],
        "family.name": "dark-room",
        "family.options.flag": True,
        "family.parts": {"a b": [{"c": 0.5}]},
        "model.width": 64,
    }
    text = commented_toml(setting(path, value) for path, value in values.items())
    assert with_paths(tomllib.loads(text)) == with_paths(values)


def test_text_that_would_act_on_a_terminal_is_spelt_and_stays_the_same_text():
    value = 'a"\\\x1b[31m\u202e\x9b\u2028é\n\x7f'
    text = commented_toml([setting("name", value, meaning="\x1b]0;title")])
    assert tomllib.loads(text) == {"name": value}
    assert all(character.isprintable() or character == "\n" for character in text)


def test_what_was_changed_says_its_default():
    text = commented_toml(describe(DarkRoom, {"size": 5}))
    assert "\nsize = 5  # default: 9\n" in text
    assert text.count("default:") == 1


def test_what_has_no_default_must_be_given():
    assert "# name = must be given" in commented_toml([setting("name", None, None)])


def test_lines_are_no_longer_than_a_hundred_characters():
    text = commented_toml([setting("name", 1, meaning="word " * 80)])
    assert max(map(len, text.splitlines())) <= 100
