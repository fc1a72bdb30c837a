"""Writes golden.gguf with the `gguf` Python package, for the reader's tests.

Usage: python3 make_golden.py golden.gguf        (gguf 0.19.0; the same bytes every time)
"""

import sys

import gguf
import numpy as np

writer = gguf.GGUFWriter(sys.argv[1], "llama")
kind = gguf.GGUFValueType
writer.add_name("Golden \u00e9\u4e2d\U0001f600")
writer.add_uint8("all.uint8", 255)
writer.add_int8("all.int8", -128)
writer.add_uint16("all.uint16", 65535)
writer.add_int16("all.int16", -32768)
writer.add_uint32("all.uint32", 4294967295)
writer.add_int32("all.int32", -2147483648)
writer.add_uint64("all.uint64", 18446744073709551615)
writer.add_int64("all.int64", -9223372036854775808)
writer.add_float32("all.float32", 0.1)
writer.add_float64("all.float64", 0.1)
writer.add_bool("all.true", True)
writer.add_bool("all.false", False)
numbers = [
    ("uint8", kind.UINT8, [0, 255]), ("int8", kind.INT8, [-128, 127]),
    ("uint16", kind.UINT16, [0, 65535]), ("int16", kind.INT16, [-32768, 32767]),
    ("uint32", kind.UINT32, [0, 4294967295]), ("int32", kind.INT32, [-2147483648, 1]),
    ("uint64", kind.UINT64, [0, 18446744073709551615]), ("int64", kind.INT64, [-1, 2**62]),
    ("float32", kind.FLOAT32, [0.5, -1.5]), ("float64", kind.FLOAT64, [0.1, 1e300]),
    ("bool", kind.BOOL, [True, False]),
]
for name, sub_type, values in numbers:
    writer.add_key_value("array." + name, values, kind.ARRAY, sub_type=sub_type)
writer.add_array("array.string", ["", "a", "\u2581b", "\U0001f600"])
# The package's own type inference writes nested lists of int32 and of strings.
writer.add_array("array.nested", [[1, 2, 3], [4]])
writer.add_array("array.nested.string", [["x", "yz"], [""]])

ramp = np.arange(96, dtype=np.float32).reshape(3, 32) / 8 - 4
writer.add_tensor("matrix.f32", ramp)
writer.add_tensor("vector.f16", ramp[0].astype(np.float16))
writer.add_tensor("scalar.f32", np.array(2.5, dtype=np.float32))
for quantization in ("Q4_0", "Q8_0", "BF16"):
    number = gguf.GGMLQuantizationType[quantization]
    writer.add_tensor(
        "matrix." + quantization.lower(), gguf.quants.quantize(ramp, number), raw_dtype=number)
writer.add_tensor("cube.i32", np.arange(24, dtype=np.int32).reshape(2, 3, 4))
writer.add_tensor("small.i8", np.array([-1, 0, 1], dtype=np.int8))

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
