"""The replay's section: its controls as HTML, which `replay.js` brings to life."""

from __future__ import annotations

from html import escape
from typing import Any

from adfast.probes.attended.record import ROLES
from adfast.report.page.replay.recording import MAX_COMPONENTS, Recording, exemplary
from adfast.report.page.section import PageSection, remark
from adfast.report.page.wording import counted
from adfast.runs.files.run_record import RunRecord

SPEEDS = (2, 5, 10, 30, 100)  # steps a second
USUAL_SPEED = 10
TOP = 5  # of the transitions attended to, by name

KEYS = (
    ("Space", "play, pause"),
    ("\u2190 \u2192", "one step"),
    ("Shift \u2190 \u2192", "one episode"),
    ("Home End", "first step, last step"),
    ("R", "first reward"),
    ("P N", "previous run, next run"),
)


def replay_section(run: RunRecord, recording: Recording | None, noun: str) -> PageSection:
    """The panel with its explanation; a remark where there is nothing to replay."""
    title = "Watch it learn"
    if run.trajectories is None:
        return PageSection("replay", title, remark("This run has recorded no trajectories."))
    if recording is None:
        text = (
            "Left out: a single recorded run is too large for a page, or an observation has more "
            f"than {MAX_COMPONENTS} numbers."
        )
        return PageSection("replay", title, remark(text))
    attention = recording.description["attention"]
    stage = (
        '<div class="replay-stage"><div><p id="replay-now" class="replay-now" role="status"></p>'
        f'<p id="replay-earned" class="replay-earned"></p>{_views(recording)}'
        f'{_transport()}</div><div><ul id="replay-legend" class="replay-legend"></ul>'
        f"{_attention_controls(attention)}{_keys()}</div></div>"
    )
    body = (
        '<div id="replay-panel" class="replay" tabindex="0" role="group" '
        'aria-label="Replay; Space plays and pauses, arrow keys step">'
        f"{_choice(run, recording, noun)}{stage}{_context(run)}</div>"
    )
    return PageSection("replay", title, body, _caption(run, recording, noun))


def _views(recording: Recording) -> str:
    view = '<div id="replay-view"></div>'
    if recording.description["views"] is None:
        return view
    eyes = '<canvas id="replay-eyes" class="replay-eyes" role="img" aria-label="What it sees">'
    return f'<div class="replay-beside">{view}{eyes}</canvas></div>'


def _choice(run: RunRecord, recording: Recording, noun: str) -> str:
    options = []
    for task in recording.description["tasks"]:
        outcome = run.evaluation.per_task[task]
        share = outcome.share_of_optimal
        text = f"{outcome.label}: {outcome.last5_mean:.1f}"
        text += "" if share is None else f" ({share:.0%})"
        options.append(f'<option value="{task}">{escape(text)}</option>')
    shown = set(recording.description["runs"])
    buttons = "".join(
        f'<button type="button" data-run="{recording.description["runs"].index((task, seed))}">'
        f"{ROLES[role]} {noun}</button>"
        for role, task, seed in exemplary(run)
        if (task, seed) in shown
    )
    return (
        f'<div class="replay-row replay-roles">{buttons}</div>'
        f'<div class="replay-row replay-choice"><label><span>{noun}</span>'
        f'<select id="replay-task">{"".join(options)}</select></label>'
        '<label><span>seed</span><select id="replay-seed"></select></label>'
        '<button type="button" id="replay-previous-run" aria-label="Previous run">\u2039</button>'
        '<button type="button" id="replay-next-run" aria-label="Next run">\u203a</button></div>'
    )


def _attention_controls(attention: dict[str, Any] | None) -> str:
    if attention is None:
        return ""
    _, layers, heads, *_ = attention["arrays"]["percent"]["shape"]
    layer_options = "".join(
        f'<option value="{layer}"{" selected" if layer == layers - 1 else ""}>'
        f"{layer + 1} of {layers}</option>"
        for layer in range(layers)
    )
    head_options = '<option value="-1">mean of all</option>' + "".join(
        f'<option value="{head}">{head + 1} of {heads}</option>' for head in range(heads)
    )
    rows = "".join('<li><button type="button"></button></li>' for _ in range(TOP))
    return (
        '<div class="replay-attention"><h3>What it attends to now, as it chooses</h3>'
        '<div class="replay-row"><label><span>layer</span>'
        f'<select id="replay-layer">{layer_options}</select></label>'
        f'<label><span>head</span><select id="replay-head">{head_options}</select></label></div>'
        f'<p id="replay-summary"></p><ol id="replay-top">{rows}</ol></div>'
    )


def _transport() -> str:
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == USUAL_SPEED else ""}>{speed} steps/s'
        "</option>"
        for speed in SPEEDS
    )
    buttons = (
        ("replay-episode-back", "Previous episode", "\u25c2\u25c2"),
        ("replay-step-back", "One step back", "\u25c2"),
        ("replay-step-on", "One step on", "\u25b8"),
        ("replay-episode-on", "Next episode", "\u25b8\u25b8"),
    )
    back, on = (
        "".join(
            f'<button type="button" id="{name}" aria-label="{label}">{sign}</button>'
            for name, label, sign in pair
        )
        for pair in (buttons[:2], buttons[2:])
    )
    return (
        f'<div class="replay-transport"><div class="replay-row">{back}'
        '<button type="button" id="replay-play" class="replay-play">Play</button>'
        f'{on}</div><div class="replay-row"><button type="button" id="replay-reward">First reward'
        f'</button><label><span>speed</span><select id="replay-speed">{speeds}</select></label>'
        "</div><label><span>episode</span>"
        '<input type="range" id="replay-episode" min="1" step="1"></label>'
        '<label><span>step</span><input type="range" id="replay-step" min="0" step="1"></label>'
        "</div>"
    )


def _context(run: RunRecord) -> str:
    episodes = counted(run.evaluation.episodes, "episode")
    return (
        '<canvas id="replay-context" class="replay-context" role="img" aria-label="Return of '
        f'{episodes}, and below them every step of the context"></canvas>'
        '<p id="replay-readout" class="replay-readout"></p>'
    )


def _keys() -> str:
    entries = "".join(f"<div><dt>{keys}</dt><dd>{what}</dd></div>" for keys, what in KEYS)
    return f'<div class="replay-keys"><h3>Keyboard</h3><dl>{entries}</dl></div>'


def _caption(run: RunRecord, recording: Recording, noun: str) -> str:
    description = recording.description
    sentences = [
        f"Recorded runs on {noun}s that the model never saw, from an empty context to the last "
        "episode. The lower picture is the context itself: a column is an episode, with its return "
        "on top; a field is a step, and a dot its reward.",
    ]
    if description["attention"] is not None:
        roles = " and ".join(", ".join(description["attention"]["roles"]).rsplit(", ", 1))
        sentences.append(
            "Violet is the attention of the frozen weights, computed again for the "
            f"{roles} {noun} with the median seed. A field stands for the moment before its step, "
            "when the model saw its cell and what the step before had brought; from the second "
            "layer on, a moment also passes on what was read in it. Weights are whole percents, "
            "rounded together for all moments with the same observation."
        )
    elif run.attention is None:
        sentences.append("This run has recorded no attention.")
    else:
        sentences.append("Attention is left out: its histories are too long for it.")
    if description["views"] is not None:
        number = counted(len(description["views"]["runs"]), "run")
        sentences.append(f"Beside the map is what it sees there, in {number}.")
    if recording.left_out:
        number = counted(recording.left_out, "run")
        sentences.append(f"Left out, to keep the page small: {number} of the evaluation.")
    return " ".join(sentences)
