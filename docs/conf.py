"""The documentation as a site: `make docs` builds it into site/.

Every page is Markdown that reads as well in the repository. What pages need beside it stands in
`building/`.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from adfast import __version__  # noqa: E402, of the checkout that the pages are of

about = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
repository = about["urls"]["Repository"]  # the one place of its address

project = about["name"]
author = about["authors"][0]["name"]
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx_copybutton", "building.links", "building.notebooks"]
exclude_patterns = ["results/parts"]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
default_role = "code"  # docstrings put names between single backticks
nitpicky = True
nitpick_ignore = [  # in signatures, but made and looked into by adfast alone
    ("py:class", f"adfast.{name}")
    for name in (
        "_native.Lanes",
        "attention.halo.Piece",
        "closing.Closing",
        "collection.episode_log.EpisodeLog",
        "collection.live_schedule.LiveSchedule",
        "collection.recorded_environments.RecordedEnv",
        "collection.recorded_environments.RecordedVectorEnv",
        "evaluation.agents.agent.AgentSettings",
        "evaluation.agents.agent.Computing",
        "evaluation.agents.checked_agent.CheckedAgent",
        "evaluation.environments.environment_tasks.Environments",
        "histories.next_items.KeptItems",
        "histories.windows.Undrawn",
        "models.inspection.Watch",
        "models.noise.Noise",
        "runs.files.result_files.Results",
        "runs.files.result_files.Section",
        "runs.files.results.EnvironmentName",
        "runs.files.results.FamilyName",
        "runs.files.run_directory.RunDirectory",
        "simulators.space_encoding.SpaceEncoding",
        "training.batches.batches.Batches",
        "training.batches.batches.Windows",
        "training.parallel.processes.Processes",
    )
]

myst_heading_anchors = 4  # as the repository's pages have them

extensions += ["sphinx.ext.autodoc", "building.reference"]
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
python_display_short_literal_types = True

html_theme = "furo"
html_title = f"adfast {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "source_repository": repository,
    "source_branch": "main",
    "source_directory": "docs/",
}
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"
