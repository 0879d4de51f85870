"""The hot layers timed against their rivals, from a checkout: `adfast bench`.

`workloads.py` is the table; the module of each layer builds its contests; `pair_timer.py` times
them; `record.py` keeps what was measured, from which `figures.py` writes the tables of README and
docs; `guard/` finds what became slower. The plain-Python twins of `tests/reference/` are rivals
too, so tests are put on the path here.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path.append(str(ROOT / "tests"))
