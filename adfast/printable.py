"""Names from files and folders as text that is read only: what they say, not what they would do.

A name may hold escape sequences that recolour, retitle or rewrite a terminal, line breaks that
fake a line of their own, or marks that turn the direction of reading. All of these are spelt out.
"""

from __future__ import annotations

import unicodedata

SPELT_OUT = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format, surrogates, line and paragraph


def printable(value: object) -> str:
    """`str(value)` in one line, every character that is not seen spelt as Python spells it."""
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in SPELT_OUT
        else character
        for character in str(value)
    )
