"""A name in a run or a sweep, whatever it is, becomes text of the page and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adfast import tasks
from adfast.report import write_report
from adfast.report.sweep import write_sweep_report
from report.findings import every_section
from report.sweep.synthetic_sweep import sweep_record
from report.synthetic_run import write_synthetic_run

PACKAGE = Path(tasks.__file__).parent.parent
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=alert(1) x='",
    "--><!--<![CDATA[",
    "<a href=javascript:alert(1)>x</a>",
    "$title ${headline} $$ {0} %(x)s",
    r"$\frac{$",
    "%{y:.2f}<extra></extra>",
    "\x1b[31mred\x1b]0;x\x07",
    "one\ntwo\r\nthree\u2028",
    "\u202egnp.exe\u2066",
    "half \ud800 pair",
    "\x00",
)
NAMES = {
    "forwards": " ".join(HOSTILE),
    "backwards": "".join(reversed(HOSTILE)),
    "long": "x" * 20_000,
}
BENIGN = "plain"


class Structure(HTMLParser):
    """The elements of a page with the names of their attributes and all links and handlers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self._in_script = tag == "script" and not dict(attrs).get("type")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def with_strings(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string in it changed, but for the keys of objects."""
    if isinstance(value, dict):
        return {key: with_strings(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_strings(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def page_of_run(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a run in which every name, label and setting is `name`."""
    run = write_synthetic_run(folder / file_name(name))
    evaluation = json.loads((run / "evaluation.json").read_text())
    evaluation = with_strings(evaluation, lambda text: name)
    evaluation["family"]["options"] = {}
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    settings = json.dumps(name if name.isprintable() else name.encode("unicode_escape").decode())
    (run / "run.toml").write_text(f"a = {settings}\n[{settings}]\n{settings} = {settings}\n")
    stage = name.encode(errors="replace").decode()
    provenance = {stage: name, "versions": {name: [name]}, "stages": {stage: {"seconds": 3.0}}}
    (run / "provenance.json").write_text(json.dumps(provenance))
    (run / "probes").mkdir()
    finding = with_strings(every_section().model_dump(mode="json"), lambda text: name)
    for section, made in zip(finding["sections"], every_section().sections, strict=True):
        section["kind"] = made.kind
    finding |= {"verdict": "refuted", "options": {name: name}}
    (run / "probes" / f"{file_name(name)}.json").write_text(json.dumps(finding))
    family = tasks.make("dark-room")
    monkeypatch.setattr(tasks, "make", lambda given: family)  # a family that a user has named so
    page = write_report(run)
    for figure in (run / "figures").iterdir():
        with Image.open(figure) as image:
            image.load()
    return page.read_text(encoding="utf-8")


def file_name(name: str) -> str:
    """`name` as far as a file may have it."""
    return name.replace("/", "_").replace("\0", "0").encode(errors="replace").decode()[:100]


@pytest.fixture(scope="module")
def plain_page(tmp_path_factory: pytest.TempPathFactory) -> Structure:
    """The page of a run with plain names."""
    with pytest.MonkeyPatch.context() as patch:
        return Structure(page_of_run(tmp_path_factory.mktemp("plain"), BENIGN, patch))


@pytest.mark.parametrize("kind", ["forwards", "backwards"])
def test_page_of_a_run_has_the_elements_that_it_has_for_plain_names(
    kind, plain_page, tmp_path, monkeypatch
):
    hostile = Structure(page_of_run(tmp_path, NAMES[kind], monkeypatch))
    assert hostile.elements == plain_page.elements
    assert hostile.scripts == plain_page.scripts


def page_of_sweep(sweep: Path, name: str) -> Structure:
    """The page of a sweep in which every name, value and setting is `name`."""
    sweep.mkdir()
    record = with_strings(sweep_record(), lambda text: name)
    record["base"] = {name: name, "section": {name: name}}
    record["provenance"] = {name: [name]}
    for axis in record["axes"]:  # levels must differ
        axis["levels"] = [[f"{level} {name}"] for level in range(len(axis["levels"]))]
    (sweep / "sweep.json").write_text(json.dumps(record))
    page = write_sweep_report(sweep)
    with Image.open(sweep / "sweep.png") as image:
        image.load()
    return Structure(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", NAMES)
def test_page_of_a_sweep_has_the_elements_that_it_has_for_plain_names(kind, tmp_path):
    plain = page_of_sweep(tmp_path / BENIGN, BENIGN)
    hostile = page_of_sweep(tmp_path / file_name(NAMES[kind]), NAMES[kind])
    assert hostile.elements == plain.elements
    assert hostile.scripts == plain.scripts


def test_structure_notices_what_it_is_there_for():
    plain = Structure("<p>plain</p>")
    for name in HOSTILE[:2]:
        assert Structure(f"<p>{name}</p>").elements != plain.elements
    titled = Structure('<p title="plain">')
    assert Structure(f'<p title="{HOSTILE[2]}">').elements != titled.elements


def test_scripts_of_the_page_put_no_string_into_markup():
    """What a script takes from a run it sets as text."""
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.src\b"
    scripts = list((PACKAGE / "report").rglob("*.js"))
    assert scripts
    for script in scripts:
        assert not re.search(ways, script.read_text(encoding="utf-8")), script
