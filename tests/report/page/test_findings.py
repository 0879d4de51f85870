"""What a probe found is drawn without knowing the probe."""

import json

import pytest
from PIL import Image

from adfast.errors import RunError
from adfast.report import write_report
from adfast.report.page.section_charts import ticks_within
from adfast.runs.probing.findings import read_findings, write_finding
from report.findings import every_section
from report.page.test_document import Elements


def data_of(page, name):
    inside = page.split(f'id="{name}">', 1)[1]
    return json.loads(inside.split("</script>", 1)[0])


def test_finding_is_whole_after_its_file(tmp_path):
    finding = every_section()
    assert write_finding(tmp_path, finding) == tmp_path / "probes" / "known.json"
    assert read_findings(tmp_path) == {"known": finding}


def test_finding_of_a_probe_by_its_full_name_has_a_file_in_the_folder(tmp_path):
    named = every_section().model_copy(update={"probe": "../package.module:Probe"})
    assert write_finding(tmp_path, named).parent == tmp_path / "probes"


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1, "probe": 3}'])
def test_damaged_finding_is_refused_by_its_file(run_copy, text):
    (run_copy / "probes").mkdir()
    (run_copy / "probes" / "known.json").write_text(text)
    with pytest.raises(RunError, match=r"known\.json: .*; ask the probe again, or remove the file"):
        write_report(run_copy)


def test_every_kind_of_section_is_on_the_page_and_in_the_figure(run_copy):
    write_finding(run_copy, every_section())
    text = write_report(run_copy).read_text()
    page = Elements(text)
    for words in (
        "What is known",
        "supported It is so.",
        "gain 0.25 nats (95% interval 0.125 to 0.5)",
        "count 3",
        "A word beforehand.",
        "name value first 1.5 second",
        "Of two rows.",
        "banded plain",
        "The line has a gap.",
        "Supported where it is so. Probe known (margin 0.1). Subjects: one, two.",
    ):
        assert words in page.text
    charts = data_of(text, "charts")
    drawn = [charts[f"chart-probe-1-{place}"]["data"] for place in (3, 4, 5)]
    assert [[trace["type"] for trace in traces] for traces in drawn] == [
        ["scatter"] * 4,
        ["bar"] * 2,
        ["heatmap"],
    ]
    assert {element["id"] for element in page.named("div") if "id" in element} >= set(charts)
    with Image.open(run_copy / "figures" / "probe-known.png") as image:
        assert image.height > image.width


def test_finding_that_is_gone_leaves_no_figure(run_copy):
    path = write_finding(run_copy, every_section())
    write_report(run_copy)
    path.unlink()
    assert "What is known" not in write_report(run_copy).read_text()
    assert not (run_copy / "figures" / "probe-known.png").exists()


def test_labels_below_bars_are_in_lines_or_upright_and_never_cut():
    ticks, pixels = ticks_within(("before the first reward", "after it"), 230)
    assert ticks["ticktext"] == ["before the<br>first reward", "after it"]
    assert (ticks["tickangle"], pixels) == (0, 16)
    names = ("corrected-heuristic", "source & co", "itself", "a", "b", "c", "d", "e")
    ticks, pixels = ticks_within(names, 230)
    assert ticks["ticktext"][:2] == ["corrected-heuristic", "source &amp; co"]
    assert (ticks["tickangle"], pixels) == (-90, 142)
    assert ticks["tickvals"] == list(range(8))
    assert ticks_within((), 230)[0]["ticktext"] == []
