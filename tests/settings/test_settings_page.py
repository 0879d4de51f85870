"""docs/settings.md says what the settings say of themselves."""

from adfast.settings.described import Setting
from docs.show_settings import COMMAND, PAGE, markdown_table, page


def test_page_is_as_it_is_written():
    is_new = PAGE.read_text(encoding="utf-8") == page()
    assert is_new, f"settings or their docstrings have changed: write the page anew with {COMMAND}"


def test_cells_keep_their_bars_and_powers():
    setting = Setting("a.name", "b", "x|y", "This | that.", {"type": "integer", "minimum": 2**24})
    (_, _, row) = markdown_table([setting]).splitlines()
    assert row == r'| `name` | `"x\|y"` | whole number at least 2\*\*24 | This \| that. |'
