"""Prints what the `gguf` Python package reads in a file, as JSON: keys, values and tensors."""

import json
import sys

import gguf

reader = gguf.GGUFReader(sys.argv[1])
fields = {}
for key, field in reader.fields.items():
    if key.startswith("GGUF."):
        continue
    value = field.contents()
    fields[key] = {"types": [int(kind) for kind in field.types], "value": value}
tensors = [
    {
        "name": tensor.name, "type": tensor.tensor_type.name,
        "shape": [int(size) for size in reversed(tensor.shape)],
        "offset": int(tensor.data_offset), "bytes": bytes(tensor.data.tobytes()).hex(),
    }
    for tensor in reader.tensors
]
json.dump({"fields": fields, "tensors": tensors, "alignment": int(reader.alignment)}, sys.stdout)
