"""docs/families.md is what its command writes."""

from docs.show_families import COMMAND, PAGE, kept_table, page


def test_the_page_is_what_the_families_say_of_themselves():
    assert PAGE.read_text(encoding="utf-8") == page(kept_table()), f"run {COMMAND} --text"
