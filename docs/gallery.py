"""Make the gallery of finished pages, site/gallery/: `python docs/gallery.py`, `make gallery`.

Each exhibit is what adfast leaves of some runs, untouched but for a line that says how large these
were: `--small` for a look at the pages, else as the recipes have them, which takes an hour or more
on two cores. Stopped, it goes on with the same command. Runs are in runs/gallery.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import adfast
from adfast.durable import replace_file
from adfast.report.comparison import write_comparison_report

SITE = Path("site/gallery")
RUNS = Path("runs/gallery")
SIZES = {
    "small": "made small, for a look at the page: its figures say nothing of what can be reached",
    "full": "made as the recipe has it",
}
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1000, "height": 750}
SMALL = {
    "training.updates": 20,
    "training.warmup_updates": 2,
    "training.batch_size": 4,
    "training.context_length": 100,
    "training.evaluate_every": None,
    "model.num_layers": 2,
    "model.width": 32,
    "model.num_heads": 2,
    "model.feed_forward_width": 64,
    "model.attention_window": 60,
    "evaluation.episodes": 8,
    "evaluation.seeds": 2,
    "evaluation.train_tasks": 2,
}
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """A finished page, and a figure of it."""

    page: Path
    figure: Path


@dataclass(frozen=True)
class Exhibit:
    """A page of the gallery; `make(size)` makes what is missing of it."""

    name: str
    title: str
    about: str
    make: Callable[[str], Made]


def run_of(name: str, recipe: str, size: str, small: Settings, **chosen: Any) -> adfast.Run:
    """The run `name` of a recipe, carried out as far as it was not."""
    settings = dict(chosen.pop("settings", {}))
    if size == "small":
        settings |= SMALL | small
    run = adfast.Run.create(recipe, RUNS / size / name, settings, **chosen)
    run.carry_out()
    return run


def page_of(run: adfast.Run, *, again: bool = False) -> Made:
    """The page of a run."""
    page = adfast.write_report(run, again=again)
    return Made(page, run.path / "figures" / "return_per_episode.png")


def recipe_page(name: str, recipe: str, **small: Any) -> Callable[[str], Made]:
    """What makes the page of one run of a recipe; `small` has __ in place of dots."""
    cut = {key.replace("__", "."): value for key, value in small.items()}
    return lambda size: page_of(run_of(name, recipe, size, cut))


DEMO = {"collection.histories_per_task": 10, "collection.episodes": 160}


def demo(size: str) -> Made:
    """The demo's page."""
    return page_of(run_of("demo", "dark-room", size, DEMO))


def probed(size: str) -> Made:
    """The page of the demo with another seed, of which all is asked."""
    run = run_of("demo-again", "dark-room", size, DEMO, settings={"seed": 1})
    asked = ["attention", "history-loss"] if size == "small" else None
    if not any((run.path / "probes").glob("*.json")):
        run.probe(asked)
    return page_of(run, again=True)


def compared(size: str) -> Made:
    """Algorithm Distillation by two training seeds beside expert distillation."""
    expert = run_of("demo-of-experts", "dark-room", size, DEMO, method="ed")
    ad = [run_of("demo", "dark-room", size, DEMO)]
    ad.append(run_of("demo-again", "dark-room", size, DEMO, settings={"seed": 1}))
    out = RUNS / size / "comparison"
    adfast.compare([run.path for run in (*ad, expert)], out)
    return Made(write_comparison_report(out), out / "comparison.png")


EXHIBITS = (
    Exhibit(
        "demo", "The demo", "Dark Room: a goal that is not seen, found and gone back to.", demo
    ),
    Exhibit(
        "dark-room-hard",
        "Dark Room (Hard)",
        "289 goals, and one reward in an episode.",
        recipe_page(
            "dark-room-hard",
            "dark-room-hard",
            collection__histories_per_task=2,
            collection__episodes=200,
        ),
    ),
    Exhibit(
        "key-to-door",
        "Key-to-Door",
        "A key that is not seen, then a door that is not seen.",
        recipe_page("key-to-door", "key-to-door", collection__episodes=40),
    ),
    Exhibit(
        "keys-and-boxes",
        "Keys and Boxes",
        "Which key opens which box, and what is inside?",
        recipe_page("keys-and-boxes", "keys-and-boxes", collection__episodes=160),
    ),
    Exhibit(
        "water-maze",
        "Water maze",
        "A hidden platform, looked for from pictures.",
        recipe_page(
            "water-maze",
            "water-maze",
            collection__histories_per_task=1,
            collection__episodes=30,
            training__batch_size=2,
            training__context_length=40,
            evaluation__episodes=3,
            evaluation__seeds=1,
            evaluation__train_tasks=0,
        ),
    ),
    Exhibit(
        "comparison",
        "A comparison",
        "Algorithm Distillation beside distillation of experts, seeds pooled.",
        compared,
    ),
    Exhibit(
        "probes", "Probes", "What a model of the demo has learned, question by question.", probed
    ),
)


def placed(html: str, size: str) -> str:
    """The page with a line on top that says what it is of; raises where it has no body."""
    before, body, after = html.partition("<body>")
    if not body:
        raise ValueError("a page of adfast has a <body>")
    line = (
        '<p style="margin: 0; padding: 0.6rem 1rem; font-size: 0.9rem; text-align: center">'
        f'<a href="index.html">Gallery</a> · {escape(SIZES[size])}</p>'
    )
    return before + body + "\n" + line + after


@contextmanager
def photographer() -> Iterator[Callable[[Path, Path, Path], None]]:
    """What writes the picture of a page: its top where there is a Chromium, else the figure."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        yield lambda page, figure, picture: replace_file(picture, [figure.read_bytes()])
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport=WINDOW, reduced_motion="reduce")

        def photograph(page: Path, figure: Path, picture: Path) -> None:
            tab.goto(page.resolve().as_uri())
            tab.wait_for_load_state()
            replace_file(picture, [tab.screenshot()])

        yield photograph
        browser.close()


def index(shown: Mapping[Exhibit, str]) -> str:
    """The page that shows all, each with the size that it was made in."""
    cards = "".join(
        f'<li><a href="{one.name}.html"><img src="{one.name}.png" alt="" loading="lazy">'
        f"<strong>{escape(one.title)}</strong></a><p>{escape(one.about)}</p>"
        f"<p><small>{escape(SIZES[size])}</small></p></li>"
        for one, size in shown.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>adfast: gallery</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<h1>Gallery</h1>
<p>Pages as adfast {adfast.__version__} leaves them, one file each, without a network.
<a href="../index.html">Documentation</a></p>
<ul>{cards}</ul>
</body>
</html>
"""


STYLE = """
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
ul { list-style: none; padding: 0; display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)) }
li { border: 1px solid #8886; border-radius: .5rem; overflow: hidden }
img { width: 100%; aspect-ratio: 4 / 3; object-fit: cover; object-position: top; display: block;
  background: #fff; border-bottom: 1px solid #8886 }
strong { display: block; padding: .75rem 1rem 0; font-size: 1.1rem }
li p { margin: .25rem 1rem .75rem }
"""


def make_gallery(size: str, site: Path = SITE, exhibits: tuple[Exhibit, ...] = EXHIBITS) -> Path:
    """Make every exhibit and its place in the gallery; returns the index's path."""
    site.mkdir(parents=True, exist_ok=True)
    shown: dict[Exhibit, str] = {}
    with photographer() as photograph:
        for exhibit in exhibits:
            made = exhibit.make(size)
            page = site / f"{exhibit.name}.html"
            replace_file(page, [placed(made.page.read_text(encoding="utf-8"), size).encode()])
            photograph(made.page, made.figure, page.with_suffix(".png"))
            shown[exhibit] = size
            replace_file(site / "index.html", [index(shown).encode()])
    return site / "index.html"


def main(arguments: list[str] | None = None) -> None:
    """Make the gallery."""
    parser = argparse.ArgumentParser(prog="python docs/gallery.py")
    parser.add_argument("--small", action="store_true", help="for a look at the pages, minutes")
    print(make_gallery("small" if parser.parse_args(arguments).small else "full"))


if __name__ == "__main__":
    main()
