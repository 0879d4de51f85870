"""The colours of the report, once for the page (light and dark) and for the PNG figures (light).

Hues are those of Okabe and Ito, which people with any common colour blindness tell apart, and every
series differs in its dash as well. Source: Okabe and Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

LIGHT = {
    "page": "#fbfaf7",
    "card": "#ffffff",
    "ink": "#1d2329",
    "muted": "#5c6670",
    "rule": "#e3e0d8",
    "faint": "#f1efe9",
    "model": "#0068a5",
    "train": "#5aa9dd",
    "source": "#b87a00",
    "ideal": "#008563",
    "optimal": "#1d2329",
    "random": "#7d8790",
    "accuracy": "#a94f83",
    "alarm": "#c04a00",
}

DARK = {
    "page": "#14181c",
    "card": "#1b2126",
    "ink": "#e9e7e1",
    "muted": "#a2abb3",
    "rule": "#323a41",
    "faint": "#242b31",
    "model": "#5cb8f0",
    "train": "#3b83b4",
    "source": "#e6a323",
    "ideal": "#2dbd95",
    "optimal": "#e9e7e1",
    "random": "#8b959d",
    "accuracy": "#d98cb8",
    "alarm": "#f08a4b",
}

# From "never" to "always" at the optimum, readable without red and green: vermilion, sand, blue.
SHARE_STOPS = ("#b8420a", "#e08f4f", "#efdcbd", "#7fb2d4", "#0a5d94")

# Entries and dashes of lines in their order, warm to cold: little to much.
COLOURS = ("alarm", "source", "accuracy", "ideal", "train", "model", "random")
DASHES = ("solid", "dash", "dot", "dashdot")


# Of what is compared: no colour of a reference, and each pair of dash and marker once, so that any
# curve is told from any other where there are no colours.
COMPARED_COLOURS = ("model", "alarm", "ideal", "accuracy", "train")
COMPARED_DASHES = ("solid", "dash", "dashdot", "longdash")
MARKERS = ("circle", "square", "triangle-up", "diamond", "x", "cross", "star")
MOST_COMPARED = len(COMPARED_DASHES) * len(MARKERS)


@dataclass(frozen=True)
class Style:
    """A palette entry, a Plotly dash and perhaps a Plotly marker."""

    colour: str
    dash: str = "solid"
    marker: str | None = None


def line_style(index: int, count: int) -> Style:
    """The style of line `index` of `count`: of a few, the last one has the model's colour."""
    last = COLOURS.index("model")
    if count <= last + 1:
        return Style(COLOURS[last - round(last * (count - 1 - index) / max(count - 1, 1))])
    return Style(COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)])


def compared_style(index: int) -> Style:
    """The style of curve `index` of at most `MOST_COMPARED`."""
    return Style(
        COMPARED_COLOURS[index % len(COMPARED_COLOURS)],
        COMPARED_DASHES[index % len(COMPARED_DASHES)],
        MARKERS[index % len(MARKERS)],
    )


def css_variables(colours: dict[str, str]) -> str:
    """The colours as declarations of CSS custom properties."""
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def share_colour(share: float) -> str:
    """The `#rrggbb` of a share of the optimum, clipped to 0..1, linear between the stops."""
    position = min(max(share, 0.0), 1.0) * (len(SHARE_STOPS) - 1)
    below = min(int(position), len(SHARE_STOPS) - 2)
    weight = position - below
    channels = (
        round((1 - weight) * low + weight * high)
        for low, high in zip(
            _channels(SHARE_STOPS[below]), _channels(SHARE_STOPS[below + 1]), strict=True
        )
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def text_colour_on(background: str) -> str:
    """Black or white, whichever reads better on a `#rrggbb` background."""
    red, green, blue = ((channel / 255) ** 2.2 for channel in _channels(background))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if luminance > 0.18 else "#ffffff"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
