"""Evidence is told in full and in short, with its unit, and with subjects that disagree."""

import numpy as np

from adfast.probes.evidence import evidence, judged
from adfast.report.evidence_words import in_full, in_short


def piece(*subjects, **options):
    (found,) = judged([evidence("gain", [np.array(tasks) for tasks in subjects], **options)])
    return found


def test_mean_interval_and_threshold_are_told():
    found = piece([0.51, 0.5, 0.52, 0.5], above=0.1, unit="bits")
    assert in_full(found).startswith("gain: 0.507 bits (0.492 to 0.523 at 95.00%, 4 tasks); above")
    assert in_short(found) == "gain **0.51** bits (0.49 to 0.52), > 0.1 supports"


def test_too_few_tasks_have_no_interval():
    found = piece([0.5, 0.25], below=0.1)
    assert "(too few tasks for an interval, 2 tasks); below 0.1 supports" in in_full(found)
    assert in_short(found) == "gain **0.38**, < 0.1 supports"


def test_subjects_that_disagree_are_named():
    found = piece([0.9, 0.9, 0.91], [0.05, 0.05, 0.06], above=0.1)
    assert "; by subject 0.903, 0.0533, which disagree" in in_full(found)
    assert in_short(found).endswith("supports, but not all seeds agree")
