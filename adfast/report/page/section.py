"""PageSection: a part of the page.

Every string that comes from the run passes through `html.escape` in the module that writes it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageSection:
    """A title, a body, and a caption that tells a newcomer how to read it, all in HTML.

    `anchor` is the section's fragment identifier.
    """

    anchor: str
    title: str
    body: str
    caption: str = ""

    @property
    def html(self) -> str:
        """The section's element."""
        caption = f'<p class="caption">{self.caption}</p>' if self.caption else ""
        return (
            f'<section id="{self.anchor}" aria-labelledby="{self.anchor}-title">'
            f'<h2 id="{self.anchor}-title">{self.title}</h2>{self.body}{caption}</section>'
        )


def remark(text: str) -> str:
    """What is absent, said in place of a figure."""
    return f'<p class="remark">{text}</p>'
