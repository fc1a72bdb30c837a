#!/usr/bin/env python3
"""Prints the SHA-256 digests of BlockEncodingTests: what ggml's own encoders make of its numbers.

    make_encoded_digests.py libggml-base.so

The numbers are those of `BlockEncodingTests.numbers`: exact in float32, from the tests' generator."""
import ctypes
import hashlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

COUNT = 80 * 256
SHIFTS = [0, 2, 5, 9, 1, None, None, 3]
MASK = (1 << 64) - 1


def numbers():
    state = (20240711 * 0x9E3779B97F4A7C15 & MASK) | 1
    values = np.zeros(COUNT, dtype=np.float32)
    for index in range(COUNT):
        state ^= state << 13 & MASK
        state ^= state >> 7
        state ^= state << 17 & MASK
        run = index // 32
        if run % 8 == 5:
            values[index] = 0
        elif run % 8 == 6:
            values[index] = -0.75 if run // 8 % 2 else 0.75
        else:
            values[index] = np.float32((state >> 40) - (1 << 23)) * np.float32(2.0 ** -(23 + SHIFTS[run % 8]))
    return values


library = ctypes.CDLL(sys.argv[1])
encode = library.ggml_quantize_chunk
encode.restype = ctypes.c_size_t
encode.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [ctypes.c_void_p]
values = numbers()
# What the columns of rows of 1,280 count: some nothing.
columns = 1280
place = np.arange(columns)
importance = np.where(place % 16 == 5, 0, (place * 37 % 101 + 1) / 32).astype(np.float32)
NAMES = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "iq4_nl", "mxfp4", "iq4_xs", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"]
for title, rows, width, weights in [("digests", COUNT // 256, 256, None),
                                    ("weightedDigests", COUNT // columns, columns, importance.ctypes.data)]:
    print(f"  static let {title}: [ElementType: String] = [")
    for name in NAMES:
        kind = GGMLQuantizationType[name.upper()]
        elements, size = GGML_QUANT_SIZES[kind]
        output = np.zeros(COUNT // elements * size, dtype=np.uint8)
        written = encode(kind, values.ctypes.data, output.ctypes.data, 0, rows, width, weights)
        assert written == output.nbytes
        print(f'    .{name}: "{hashlib.sha256(output.tobytes()).hexdigest()}",')
    print("  ]")
