from __future__ import annotations

import base64
import gzip
import json

import numpy as np

from adfast.report.page.packing import compressed, inline_json, joined_arrays


def test_no_string_breaks_out_of_its_element() -> None:
    value = {"</script>": "<!-- & -->"}
    text = inline_json(value)
    assert json.loads(text) == value
    assert not set("<>&") & set(text)


def test_compressed_bytes_come_back_and_are_the_same_every_time() -> None:
    content = bytes(range(256)) * 9
    text = compressed(content)
    assert gzip.decompress(base64.b64decode(text)) == content
    assert text == compressed(content)
    assert text.isascii()


def test_arrays_lie_where_their_places_say() -> None:
    arrays = {
        "odd": np.arange(5, dtype=np.uint8),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "big-endian": np.array([[1, 515]], ">u2"),
        "empty": np.zeros((0, 4), np.int32),
    }
    places, content = joined_arrays(arrays)
    for name, array in arrays.items():
        place = places[name]
        assert place["offset"] % array.dtype.itemsize == 0
        found = np.frombuffer(content, np.dtype(place["dtype"]), array.size, place["offset"])
        np.testing.assert_array_equal(found.reshape(place["shape"]), array)
