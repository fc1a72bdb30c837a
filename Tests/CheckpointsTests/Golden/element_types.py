"""Prints the element types of the gguf package as JSON: name, number, elements and bytes of a block."""

import json
import sys

from gguf.constants import GGML_QUANT_SIZES

json.dump({each.name: [each.value, *sizes] for each, sizes in GGML_QUANT_SIZES.items()}, sys.stdout)
