"""The hot layers timed against their rivals, from a checkout.

`workloads.py` is the table; the module of each layer builds its contests, and reaches adfast
through `engine.py`. `test_workloads.py` times them under pytest-benchmark. For `adfast bench`,
`pair_timer.py` has them take turns, `record.py` keeps what was measured, from which `figures.py`
writes the tables of README and docs, and `guard/` judges two commits. The plain-Python twins of
`tests/reference/` are rivals too, so tests are put on the path here.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path.append(str(ROOT / "tests"))
