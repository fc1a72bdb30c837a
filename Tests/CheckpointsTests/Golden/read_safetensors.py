"""Prints what a safetensors file holds, as JSON, with nothing but Python's own struct and json."""

import json
import struct
import sys

content = open(sys.argv[1], "rb").read()
(length,) = struct.unpack_from("<Q", content)
text = content[8 : 8 + length]
header = json.loads(text)
metadata = header.pop("__metadata__", {})
tensors = []
for name, entry in header.items():
    begin, end = entry["data_offsets"]
    data = content[8 + length + begin : 8 + length + end]
    tensors.append({"name": name, "type": entry["dtype"], "shape": entry["shape"],
                    "bytes": data.hex()})
json.dump({"metadata": metadata, "tensors": tensors, "aligned": (8 + length) % 8 == 0,
           "opens_with_brace": text[:1] == b"{"}, sys.stdout)
