"""What the page carries besides its text: JSON and, compressed, scripts and arrays.

A string of the run cannot break out of the element that holds it: JSON is escaped, and what is
compressed is base64. `unpack.js` is the other side.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

LEVEL = 7  # of gzip: the greatest takes ten times as long for 7% less
ALIGNMENT = 8  # bytes: of every array's first item, as typed arrays want it


def inline_json(value: Any) -> str:
    """JSON that no string in it can break out of a script element with."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def compressed(content: bytes) -> str:
    """`content` gzipped, in base64: the same for the same bytes."""
    return base64.b64encode(gzip.compress(content, LEVEL, mtime=0)).decode("ascii")


def joined_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], bytes]:
    """Where in the bytes behind it each array is (dtype, shape, byte offset), and the bytes.

    Values are little-endian, items in C order.
    """
    places: dict[str, Any] = {}
    content = bytearray()
    for name, array in arrays.items():
        content.extend(bytes(-len(content) % ALIGNMENT))
        places[name] = {
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "offset": len(content),
        }
        content.extend(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return places, bytes(content)


def png_address(picture: np.ndarray) -> str:
    """A picture uint8 `[height, width, 3]` as PNG, in an address of its own bytes."""
    height, width, _ = picture.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # which begin with how they are filtered
    lines[:, 1:] = picture.reshape(height, -1)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in parts.items()
    )
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
