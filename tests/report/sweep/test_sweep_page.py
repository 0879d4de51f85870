"""The page of a sweep: self-contained, complete, and safe against what names may hold."""

import json
import re

from adfast.report.palette import DARK
from adfast.report.sweep import write_sweep_report
from adfast.runs.sweep.record import FILE_NAME
from report.sweep.synthetic_sweep import sweep_record

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def page_of(directory, record):
    (directory / FILE_NAME).write_text(json.dumps(record))
    return write_sweep_report(directory).read_text()


def text_of(page):
    body = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_page_says_what_the_sweep_found(tmp_path):
    text = text_of(page_of(tmp_path, sweep_record()))
    assert (
        "With attention window 20 the model ends at a return of 2.4, with none at 8.1; the optimum "
        "is 8.6 (context length 320)."
    ) in text
    assert "6 points" in text
    assert "128 histories behind each figure: 1 run x 16 held-out tasks x 8 seeds" in text
    assert re.search(r" 20 80 39 1\.4\d 1\.0\d to 1\.7\d 17% 1\.000 1 min 00 s ", text)
    assert re.search(r" none 320 all 8\.1\d ", text)
    assert text.count("a receptive field of n") == 2
    assert {"sweep.json", "sweep.png", "sweep.html"} == {path.name for path in tmp_path.iterdir()}


def test_page_loads_nothing_and_its_colours_are_known(tmp_path):
    page = page_of(tmp_path, sweep_record())
    assert "default-src 'none'" in page
    assert not re.search(r"<(img|iframe|object)|<script src|<link rel=.stylesheet", page)
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', page)[1])
    assert charts.keys() == {"chart-returns", "chart-episodes", "chart-loss"}
    for name in charts:
        assert f'id="{name}"' in page
    assert set(re.findall(r'"@([a-z]+)', json.dumps(charts))) <= DARK.keys()


def test_points_that_are_missing_are_counted(tmp_path):
    record = sweep_record()
    text = text_of(page_of(tmp_path, record | {"points": record["points"][:4]}))
    assert "4 points, 2 more not finished" in text


def test_no_string_of_the_sweep_becomes_markup(tmp_path):
    record = sweep_record() | {"name": HOSTILE, "family": HOSTILE}
    record["axes"][0]["names"] = [HOSTILE]
    record["axes"][0]["levels"] = [[HOSTILE], ["200"], ["none"]]
    record["base"] = {HOSTILE: {HOSTILE: HOSTILE}}
    page = page_of(tmp_path, record)
    assert "<img" not in page
    assert page.count("<script") == 3 + page.count("getplotlyscript")
