"""The page of a sweep draws on a desktop and on a phone, and scrolls sideways on neither."""

import json

import pytest

from adfast.report.sweep import write_sweep_report
from adfast.runs.sweep.record import FILE_NAME
from report.conftest import PHONE, sideways_scroll
from report.sweep.synthetic_sweep import sweep_record


@pytest.mark.parametrize("width", [1280, PHONE])
def test_page_draws_without_an_error_and_without_sideways_scrolling(tmp_path, open_page, width):
    (tmp_path / FILE_NAME).write_text(json.dumps(sweep_record()))
    page = open_page(write_sweep_report(tmp_path), width)
    assert sideways_scroll(page) == 0
    assert page.locator(".chart:has(.lines)").count() == 3
