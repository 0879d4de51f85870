"""docs/baselines.md says of each method what its settings are."""

from docs.show_methods import COMMAND, PAGE, page


def test_page_is_as_it_is_written():
    is_new = PAGE.read_text(encoding="utf-8") == page()
    assert is_new, f"methods have changed: write their table anew with {COMMAND}"
