#!/usr/bin/env python3
"""Writes the decoding goldens: for every element type random blocks and what they decode to.

Each NAME.bin holds the blocks' bytes followed by the decoded numbers as float32, little-endian.
The expected numbers are those of the `gguf` package (0.19.0) where it decodes the type; the others
(q8_k, f8_e4m3, f8_e5m2) follow the formats' definitions in float64, which is exact for them.
Same seed, same bytes: `python3 make_goldens.py` leaves a clean tree.
"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import dequantize

SEED = 20240711
# Name: (bytes of a block, blocks, offsets of its float16 fields).
BLOCKS = {
    "q4_0": (18, 64, [0]),
    "q4_1": (20, 64, [0, 2]),
    "q5_0": (22, 64, [0]),
    "q5_1": (24, 64, [0, 2]),
    "q8_0": (34, 64, [0]),
    "q2_k": (84, 12, [80, 82]),
    "q3_k": (110, 12, [108]),
    "q4_k": (144, 12, [0, 2]),
    "q5_k": (176, 12, [0, 2]),
    "q6_k": (210, 12, [208]),
    "iq4_nl": (18, 64, [0]),
    "iq4_xs": (136, 12, [0]),
    "iq2_xxs": (66, 24, [0]),
    "iq2_xs": (74, 24, [0]),
    "iq2_s": (82, 24, [0]),
    "iq3_xxs": (98, 24, [0]),
    "iq3_s": (110, 24, [0]),
    "iq1_s": (50, 24, [0]),
    "tq1_0": (54, 12, [52]),
    "tq2_0": (66, 12, [64]),
}
# The largest, the smallest normal and subnormal ones, both zeros, and a subnormal in between.
EXTREMES = np.array(
    [0x7BFF, 0xFBFF, 0x0400, 0x03FF, 0x0001, 0x8001, 0x0000, 0x8000], dtype=np.uint16)


def halves(rng, count):
    """Finite float16 bits: first the extreme ones, then random ones."""
    bits = rng.integers(0, 1 << 16, count, dtype=np.uint16)
    bits = np.where((bits & 0x7C00) == 0x7C00, bits & 0x83FF, bits).astype(np.uint16)
    bits[: len(EXTREMES)] = EXTREMES[:count]
    return bits


def write(folder, name, stored, decoded):
    assert decoded.dtype == np.float32
    (folder / f"{name}.bin").write_bytes(stored.tobytes() + decoded.tobytes())


def f8(exponent_bits, mantissa_bits, only_nan):
    bias = (1 << (exponent_bits - 1)) - 1
    values = []
    for byte in range(256):
        sign = -1.0 if byte & 0x80 else 1.0
        exponent = byte >> mantissa_bits & ((1 << exponent_bits) - 1)
        mantissa = byte & ((1 << mantissa_bits) - 1)
        largest = exponent == (1 << exponent_bits) - 1
        if only_nan and byte & 0x7F == 0x7F:
            values.append(np.nan)
        elif largest and not only_nan:
            values.append(sign * np.inf if mantissa == 0 else np.nan)
        elif exponent == 0:
            values.append(sign * mantissa * 2.0 ** (1 - bias - mantissa_bits))
        else:
            values.append(sign * (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - bias))
    return np.array(values, dtype=np.float64).astype(np.float32)


def main():
    folder = pathlib.Path(__file__).parent
    for index, (name, (size, count, fields)) in enumerate(BLOCKS.items()):
        rng = np.random.default_rng([SEED, index])
        blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
        for field in fields:
            blocks[:, field : field + 2] = halves(rng, count).view(np.uint8).reshape(count, 2)
            # So that two extreme fields of one block do not always go together.
            blocks = np.roll(blocks, 3, axis=0)
        decoded = dequantize(blocks.reshape(-1), GGMLQuantizationType[name.upper()])
        assert not np.isnan(decoded).any()
        write(folder, name, blocks, decoded)

    rng = np.random.default_rng([SEED, 99])
    blocks = rng.integers(0, 256, (64, 17), dtype=np.uint8)
    # Subnormal scales, the smallest normal one, 1, and the largest, whose levels overflow.
    blocks[:8, 0] = [0, 1, 2, 3, 127, 253, 254, 255]
    with np.errstate(over="ignore"):
        decoded = dequantize(blocks.reshape(-1), GGMLQuantizationType.MXFP4)
    write(folder, "mxfp4", blocks, decoded)

    # The scale of iq1_m is in quarters, above the other scales.
    rng = np.random.default_rng([SEED, 101])
    blocks = rng.integers(0, 256, (24, 56), dtype=np.uint8)
    for place, nibble in enumerate(halves(rng, 24)[:, None] >> np.arange(0, 16, 4, dtype=np.uint16) & 15):
        for quarter, bits in enumerate(nibble):
            blocks[place, 49 + 2 * quarter] = blocks[place, 49 + 2 * quarter] & 15 | bits << 4
    write(folder, "iq1_m", blocks, dequantize(blocks.reshape(-1), GGMLQuantizationType.IQ1_M))

    rng = np.random.default_rng([SEED, 100])
    blocks = rng.integers(0, 256, (12, 292), dtype=np.uint8)
    scales = rng.standard_normal(12).astype(np.float32)
    scales[:3] = [np.float32(1e38) / 200, np.float32(1e-44), -0.0]
    blocks[:, :4] = scales.view(np.uint8).reshape(12, 4)
    write(folder, "q8_k", blocks, scales[:, None] * blocks[:, 4:260].view(np.int8).astype(np.float32))

    bits = np.concatenate([halves(rng, 1022), np.array([0x7C00, 0xFC00], dtype=np.uint16)])
    write(folder, "f16", bits, bits.view(np.float16).astype(np.float32))
    bits = rng.integers(0, 1 << 16, 1024, dtype=np.uint16)
    bits = np.where((bits & 0x7F80) == 0x7F80, bits & 0xFF80, bits).astype(np.uint16)
    write(folder, "bf16", bits, dequantize(bits.view(np.uint8), GGMLQuantizationType.BF16))
    every = np.arange(256, dtype=np.uint8)
    write(folder, "f8_e4m3", every, f8(4, 3, only_nan=True))
    write(folder, "f8_e5m2", every, f8(5, 2, only_nan=False))


if __name__ == "__main__":
    main()
