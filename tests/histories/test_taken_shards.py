"""A shard that another process laid out is taken into a store whole, or not at all."""

import numpy as np
import pytest

from adfast.collection.collect import collect
from adfast.errors import InvalidArgument, StoreError
from adfast.histories import create
from adfast.histories.manifest import read_manifest
from collection.small_collection import make_plan


def test_shard_that_is_not_its_record_is_refused(tmp_path):
    plan = make_plan()
    store = collect(plan, tmp_path / "store", progress=False)
    record = read_manifest(store.path).blocks[0]
    shard = np.fromfile(store.path / record.file_name, np.uint8)
    with create(tmp_path / "copy", plan.schema, num_blocks=18) as writer:
        damaged = shard.copy()
        damaged[-1] ^= 1
        with pytest.raises(StoreError, match="its xxh3 must be"):
            writer.take_shard(record, damaged)
        cut = writer.path / ".cut.tmp"
        cut.write_bytes(shard[:-1])
        with pytest.raises(StoreError, match=f"must have {len(shard)} bytes, got"):
            writer.take_shard(record, cut)
        assert not writer.finished_blocks
        writer.take_shard(record, shard)
        with pytest.raises(InvalidArgument, match="block 0 is already in"):
            writer.take_shard(record, shard)
    assert (tmp_path / "copy" / record.file_name).read_bytes() == shard.tobytes()
