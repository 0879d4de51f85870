"""A probe of a package of one's own needs no place but its file: from its name to the page."""

import json

import pytest

from own_package import install, run_with

PROBE = '''
from adfast.probes.probe import Probe
from adfast.probes.finding import quantity
from adfast.probes.sections import Paragraph


class FewActions(Probe):
    """Are there few actions?"""

    title = "How many actions there are"
    claim = "There are fewer actions than are many."

    many: int = 9

    @property
    def rule(self):
        return f"Supported where there are fewer than {self.many}, refuted elsewhere."

    def measure(self, subjects):
        count = subjects[0].family.num_actions
        return self.finding(
            subjects,
            verdict="supported" if count < self.many else "refuted",
            sections=(Paragraph(text=f"There are {count} of them."),),
        )
'''
SPELLING = "own_questions.questions:FewActions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the package is installed."""
    folder = tmp_path_factory.mktemp("own")
    entry_points = {"adfast.probes": {"few-actions": SPELLING}}
    install(folder, "own-questions", {"questions": PROBE}, entry_points)
    return folder


@pytest.mark.parametrize("name", ["few-actions", SPELLING])
def test_probe_of_a_package_goes_from_its_name_to_the_page(name, folder, run_copy):
    printed = run_with(folder, "-m", "adfast", "probe", run_copy, name)
    assert "supported" in printed
    finding = json.loads((run_copy / "probes" / f"{name}.json").read_text())
    assert (finding["probe"], finding["verdict"]) == (name, "supported")
    page = (run_copy / "report.html").read_text()
    for words in ("How many actions there are", "There are 5 of them.", "fewer than 9", name):
        assert words in page


def test_its_options_are_set_on_the_command_line(folder, run_copy):
    options = ["few-actions", "--set", "few-actions.many=5"]
    assert "refuted" in run_with(folder, "-m", "adfast", "probe", run_copy, *options)


def test_option_that_it_has_not_is_refused(folder, run_copy):
    options = ["few-actions", "--set", "few-actions.mny=5"]
    said = run_with(folder, "-m", "adfast", "probe", run_copy, *options, check=False)
    assert 'did you mean "many"?' in said
