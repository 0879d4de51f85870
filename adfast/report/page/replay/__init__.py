"""The replay: recorded runs of held-out tasks, played back on the page."""
