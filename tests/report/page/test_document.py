from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from adfast.report import write_report
from adfast.report.palette import DARK
from report.synthetic_run import HELD_OUT, edit_evaluation

HOSTILE = "</script><img src=x onerror=alert(1)>&lt;\"'"


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.raw:
            self.raw[self._inside].append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(reported_run: Path) -> Elements:
    return Elements((reported_run / "report.html").read_text())


def test_report_is_written_beside_its_figures(reported_run: Path) -> None:
    assert (reported_run / "report.html").is_file()
    assert not list(reported_run.glob("*.unfinished"))
    assert (reported_run / "figures" / "return_per_episode.png").is_file()


def test_headline_says_what_happened_with_figures_of_the_data(
    finished_run: Path, page: Elements
) -> None:
    summary = json.loads((finished_run / "evaluation.json").read_text())["summary"]
    assert (
        f"On 16 goals it never saw, the model's return rises from "
        f"{summary['mean_by_episode'][0]:.1f} in episode 1 to "
        f"{summary['last5_mean']:.1f} in episodes 36 to 40 "
        f"({summary['last5_share_of_optimal']:.0%} of the optimum)"
    ) in page.text


def test_headline_claims_no_rise_while_the_intervals_overlap(run_copy: Path) -> None:
    edit_evaluation(run_copy, "summary.last5_ci95", [0.4, 2.0])
    edit_evaluation(run_copy, "summary.ci95_by_episode.0", [0.0, 0.5])
    edit_evaluation(run_copy, "summary.last5_mean", 0.9)
    text = Elements(write_report(run_copy).read_text()).text
    assert "did not reliably improve" in text
    assert "return rises" not in text


def test_page_loads_nothing(page: Elements) -> None:
    for tag, attributes in page.elements:
        assert "src" not in attributes, tag
        assert tag not in {"img", "iframe", "object", "embed", "base"}
        if tag == "link":
            assert attributes["href"] == "data:,"
    assert not re.search(r"@import|url\(", "".join(page.raw["style"]))
    policies = [meta["content"] for meta in page.named("meta") if "http-equiv" in meta]
    assert [policy.split(";")[0] for policy in policies if policy] == ["default-src 'none'"]


def test_every_result_has_a_caption_that_explains_it(page: Elements) -> None:
    assert [section["id"] for section in page.named("section")] == [
        "returns", "replay", "paths", "room", "tasks", "training", "timings", "configuration",
        "provenance",
    ]  # fmt: skip
    assert sum(p.get("class") == "caption" for p in page.named("p")) == 8


def test_unsolved_task_comes_first_and_stands_out(page: Elements) -> None:
    rows = page.named("tr")
    assert len(rows) == 1 + len(HELD_OUT)
    assert [row.get("class") for row in rows[1:3]] == ["unsolved", None]
    assert "row 8, column 2 not solved" in page.text
    assert "Solved means at least 80% of the optimum" in page.text


def test_configuration_provenance_and_timings_are_shown(page: Elements) -> None:
    for words in ("keep_every 8", "torch 2.13.0", "attention_backend cpu", "train 1 min 58 s"):
        assert words in page.text


def test_charts_are_json_with_colours_that_the_palette_knows(page: Elements) -> None:
    charts = json.loads(page.raw["script"][0])
    assert charts.keys() == {"chart-returns", "chart-training"}
    tokens = set(re.findall(r'"@([^"/]+)', page.raw["script"][0]))
    assert tokens <= DARK.keys()
    names = [trace.get("name") for trace in charts["chart-returns"]["data"]]
    assert names[-1] == "model, held-out tasks"


def test_no_string_of_the_run_becomes_markup(run_copy: Path) -> None:
    hostile_key = json.dumps(HOSTILE)
    run = run_copy.rename(run_copy.with_name("<b onclick=alert(1)>"))
    edit_evaluation(run, "per_task", [
        outcome | {"label": HOSTILE}
        for outcome in json.loads((run / "evaluation.json").read_text())["per_task"]
    ])  # fmt: skip
    (run / "run.toml").write_text(f"[{hostile_key}]\n{hostile_key} = {hostile_key}\n")
    hostile_provenance = {HOSTILE: {HOSTILE: [HOSTILE]}, "stages": {HOSTILE: {"seconds": 1.0}}}
    (run / "provenance.json").write_text(json.dumps(hostile_provenance))
    hostile = Elements(write_report(run).read_text())
    assert not hostile.named("img")
    assert len(hostile.named("script")) == 6
    assert not any("onclick" in attributes for _, attributes in hostile.elements)
    assert hostile.text.count(HOSTILE) >= len(HELD_OUT) + 5


def test_what_a_run_does_not_hold_is_said(run_copy: Path) -> None:
    figures = run_copy / "figures"
    figures.mkdir()
    (figures / "training_curve.png").write_bytes(b"of an earlier report")
    for name in ("run.toml", "provenance.json", "metrics.jsonl", "trajectories.safetensors"):
        (run_copy / name).unlink()
    edit_evaluation(run_copy, "references", {"random": 0.2})
    edit_evaluation(run_copy, "train", None)
    text = Elements(write_report(run_copy).read_text()).text
    for absence in (
        "no curve for: source, as kept; source; ideal learner; optimum",
        "recorded no trajectories",
        "no training metrics",
        "recorded no timings",
        "no run.toml",
        "no provenance.json",
    ):
        assert absence in text
    assert {path.stem for path in figures.iterdir()} == {"return_per_episode", "room_heat_map"}


def test_family_without_a_room_leaves_the_grid_figures_out(run_copy: Path) -> None:
    edit_evaluation(run_copy, "family.options", {"size": 41})
    text = Elements(write_report(run_copy).read_text()).text
    assert "Left out: this family's tasks are not goals in a room of at most 1,600 cells" in text
    assert "Left out: this task has no map of at most 1,600 cells" in text
    assert "On 16 tasks it never saw" in text


def test_importing_the_report_loads_nothing_heavy() -> None:
    code = (
        "import sys, adfast.report\n"
        "print(sorted({'numpy', 'numba', 'torch', 'plotly', 'matplotlib', 'pydantic'}"
        " & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert output.stdout.strip() == "[]"
