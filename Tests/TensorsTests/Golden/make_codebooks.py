#!/usr/bin/env python3
"""Prints Sources/CKernels/codebook_sets.h: which words the codebooks of the `gguf` package (0.19.0) have.

    make_codebooks.py > ../../../Sources/CKernels/codebook_sets.h
"""
import numpy as np
from gguf import quants

BOOKS = ["IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_S", "IQ3_XXS", "IQ3_S"]

print("""// Which words the codebooks of codebooks.c have, a bit for each possible word, from the lowest bit of the first
// number on. Facts of the formats (ggml), printed by Tests/TensorsTests/Golden/make_codebooks.py.
#include <stdint.h>""")
for name in BOOKS:
    book = getattr(quants, name)
    book.init_grid()
    words = book.grid.reshape(book.grid_shape[-2:]).astype(int)
    levels = list(book.grid_map)
    places = len(levels) ** np.arange(words.shape[1])
    numbers = np.vectorize(levels.index)(words) @ places
    assert (np.diff(numbers) > 0).all()
    bits = np.zeros((len(levels) ** words.shape[1] + 63) // 64 * 64, dtype=np.uint8)
    bits[numbers] = 1
    packed = np.packbits(bits, bitorder="little").view("<u8")
    stem = "iq1" if name == "IQ1_S" else name.lower()
    print(f"\nstatic const uint64_t rc_{stem}_set[{len(packed)}] = {{")
    for row in range(0, len(packed), 5):
        print("  " + " ".join(f"0x{int(number):016x}," for number in packed[row : row + 5]))
    print("};")
