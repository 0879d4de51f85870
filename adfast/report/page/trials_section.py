"""The section that shows how a policy of RL2 was trained."""

from __future__ import annotations

from html import escape

from adfast.baselines.rl2.metrics import TrialMetrics
from adfast.report.page.drawings import line_sample
from adfast.report.page.section import PageSection
from adfast.report.page.wording import counted, duration, quantity
from adfast.report.trials import TrialSeries


def trials_section(trials: tuple[TrialMetrics, ...], series: TrialSeries) -> PageSection:
    """What trials on training tasks returned while the policy was trained."""
    last = trials[-1]
    speed = (
        f" ({quantity(last.environment_steps / last.seconds)} a second)" if last.seconds > 0 else ""
    )
    lines = "".join(
        f"<li>{line_sample(line.style.colour, line.style.dash, 2.2)}"
        f"<span><b>{escape(line.name)}</b></span></li>"
        for line in series.returns
    )
    sentences = [
        "The policy is trained by reinforcement learning over whole trials of "
        f"{counted(len(last.return_by_episode), 'episode')} on training tasks: "
        f"{counted(last.update, 'update')}, {quantity(last.environment_steps)} environment steps "
        f"in {duration(last.seconds)}{speed}.",
        "Each line is one episode of the trials; where later ones earn more than the first, it "
        "learns within a trial. Entropy, in nats, is how undecided the policy is.",
    ]
    if any(row.validation_return is not None for row in trials):
        sentences.append("Validation tasks were never played in training.")
    if series.lines_per_point > 1:
        sentences.append(f"Each point is the mean of {series.lines_per_point} measurements.")
    return PageSection(
        "training",
        "Training",
        '<div class="chart" id="chart-training" role="img" aria-label="Training curve"></div>'
        f'<ul class="legend">{lines}</ul>',
        " ".join(sentences),
    )
