"""The section that shows what tasks look like, where an agent sees pictures of them."""

from __future__ import annotations

from html import escape

from adfast.report.page.packing import png_address
from adfast.report.page.section import PageSection
from adfast.tasks.rendered_observation import RenderedObservation
from adfast.tasks.task_set import TaskSet


def sights_section(tasks: TaskSet) -> list[PageSection]:
    """A contact sheet of the scene; nothing where nothing is drawn."""
    observation = tasks.transition_schema.observation
    if not isinstance(observation, RenderedObservation) or not observation.scene.sights():
        return []
    figures = "".join(
        f'<figure><img src="{png_address(picture)}" alt="{escape(what)}">'
        f"<figcaption>{escape(what)}</figcaption></figure>"
        for what, picture in observation.scene.sights()
    )
    height, width, _ = observation.scene.frame_shape
    caption = (
        f"The model sees {height} x {width} pixels, drawn from the pose that a history keeps. What "
        "a task is about is hidden: all tasks look like this."
    )
    return [PageSection("sights", "What it sees", f'<div class="sights">{figures}</div>', caption)]
