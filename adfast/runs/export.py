"""A run's model in a folder for others: weights, config, plain definition, card and programs."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from adfast.durable import adopt_file, explained, remove, replace_files, temporary_name
from adfast.errors import InvalidArgument, shown
from adfast.packages import require
from adfast.runs.files.result_files import json_text
from adfast.runs.model_card import model_card
from adfast.values import as_count, as_flag, as_path

if TYPE_CHECKING:
    from adfast.runs.run import Run

WEIGHTS, CONFIG, DEFINITION, CARD = "model.safetensors", "config.json", "model.py", "README.md"
PROGRAMS = FORWARD, STEP = "forward.pt2", "step.pt2"
LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")  # Hugging Face's identifiers
MOST_TRANSITIONS = 10**8  # of the longest history
USAGE = f"""\
## How to load it

`{DEFINITION}` defines the model in PyTorch alone; `forward` reads whole windows, `step` one
transition after another. This needs PyTorch and safetensors, and nothing of adfast:

```python
import json
import sys
from pathlib import Path

from safetensors.torch import load_file

folder = Path(FOLDER)
sys.path.insert(0, str(folder))
from model import Model

model = Model(json.loads((folder / "{CONFIG}").read_text())).eval()
model.load_state_dict(load_file(folder / "{WEIGHTS}"))
```"""


def export_run(
    run: Run,
    path: str | Path,
    *,
    programs: bool = False,
    longest_history: int | None = None,
    licence: str | None = None,
) -> Path:
    """See `Run.export`."""
    require("torch")
    from safetensors.torch import save

    from adfast.models.portable import plain_model
    from adfast.models.portable.description import plain_config, plain_weights

    folder, programs = as_path("path", path), as_flag("programs", programs)
    if longest_history is not None:
        longest_history = as_count("longest_history", longest_history, MOST_TRANSITIONS)
    if licence is not None and not (isinstance(licence, str) and LICENCE.fullmatch(licence)):
        raise InvalidArgument(
            "licence must be an identifier of Hugging Face's, such as apache-2.0, mit or "
            f"cc-by-4.0, got {shown(licence)}"
        )
    if os.path.lexists(folder):  # a link that leads nowhere, too
        raise InvalidArgument(f"{folder} is there already; give another folder, or delete it")
    config, weights = plain_config(run.model), plain_weights(run.model)
    usage = USAGE.replace("FOLDER", in_python(folder.name))
    contents = {
        WEIGHTS: save(weights, metadata={"format": "pt"}),
        CONFIG: json_text(config),
        DEFINITION: Path(plain_model.__file__).read_bytes(),
        CARD: model_card(run, licence, usage).encode(),
    }
    if programs:
        contents |= exported_programs(run, longest_history)
    temporary = temporary_name(folder)
    with explained(folder, "make the folder"):
        remove(temporary)
        temporary.mkdir(parents=True)
    try:
        replace_files({temporary / name: [content] for name, content in contents.items()})
        adopt_file(temporary, folder)
    except BaseException:
        remove(temporary)
        raise
    return folder


def in_python(text: str) -> str:
    """`text` as Python spells it, whatever characters it has."""
    return json.dumps(text) if text.isascii() else ascii(text)


def exported_programs(run: Run, longest_history: int | None) -> dict[str, bytes]:
    """File -> the program in it."""
    import torch

    from adfast.models.portable.description import plain_config, plain_weights
    from adfast.models.portable.plain_model import Model
    from adfast.models.portable.programs import forward_program, step_program

    model = Model(plain_config(run.model))
    model.load_state_dict(plain_weights(run.model))
    step = step_program(model, longest_history)  # refuses what it cannot, before minutes pass
    found = {}
    for name, program in ((FORWARD, forward_program(model)), (STEP, step)):
        file = io.BytesIO()
        torch.export.save(program, file)
        found[name] = file.getvalue()
    return found
