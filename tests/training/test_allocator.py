"""keep_freed_memory: a step that allocates what the last one freed faults no page in."""

import json
import subprocess
import sys

import pytest

# In a process of its own, since the setting lasts and other tests may have made it already.
COUNT_PAGE_FAULTS = """
import json, resource
import numpy as np
from adfast.training.allocator import keep_freed_memory

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        np.ones(2 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

by_default = page_faults()
known = keep_freed_memory()
page_faults()
print(json.dumps({"known": known, "by_default": by_default, "kept": page_faults()}))
"""


def test_kept_memory_is_not_faulted_in_again():
    run = subprocess.run(
        [sys.executable, "-c", COUNT_PAGE_FAULTS], capture_output=True, text=True, check=True
    )
    faults = json.loads(run.stdout)
    if not faults["known"]:
        pytest.skip("the C library has no mallopt")
    assert faults["kept"] < 50 < faults["by_default"]
