#!/usr/bin/env python3
"""Writes a llama-shaped GGUF file of random weights, as large as wanted, block by block.

    synthesize.py OUT --layers N --width N --heads N --feed-forward N --tokenizer SOURCE.gguf
                  [--kv-heads N] [--vocabulary N] [--context N] [--type q4_0|f32] [--sparse] [--seed N]
                  [--experts N --experts-used N] [--head-width N]
                  [--family NAME] [--window N] [--softcap X] [--sinks]

A family other than llama's may have a window, a cap of the scores and sinks; ropeconv reads it by a data file. The tokenizer is the source's (byte-level BPE), cut to the vocabulary: the first tokens, and the merges among them.
--sparse leaves the weights out: a hole of their size, all zeros. Needs numpy; GGUF v3 is written here, by ggml's
specification, so that nothing of ropeconv stands behind both sides of a measurement."""
import argparse
import struct

import numpy as np

ALIGNMENT = 32
SIZES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, TEXT, LIST = 4, 5, 6, 8, 9
ROUTER = "ffn_gate_inp"
TYPES = {"f32": (0, 1, 4), "q4_0": (2, 32, 18)}  # ggml's number, elements and bytes of a block


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, content):
    """One metadata value; a list is (element kind, elements)."""
    if kind == TEXT:
        return text(content)
    if kind == LIST:
        element, items = content
        body = b"".join(map(text, items)) if element == TEXT else struct.pack(f"<{len(items)}{SIZES[element]}", *items)
        return struct.pack("<IQ", element, len(items)) + body
    return struct.pack("<" + SIZES[kind], content)


def metadata(path):
    """name -> (kind, content) of a GGUF file; texts as bytes."""
    with open(path, "rb") as file:
        def take(layout):
            return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))

        def content(kind):
            if kind == TEXT:
                return file.read(take("Q")[0])
            if kind == LIST:
                element, count = take("IQ")
                return element, ([file.read(take("Q")[0]) for _ in range(count)] if element == TEXT
                                 else list(take(f"{count}{SIZES[element]}")))
            return take(SIZES[kind])[0]

        magic, _, _, count = take("4sIQQ")
        if magic != b"GGUF":
            raise SystemExit(f"{path} is not GGUF")
        result = {}
        for _ in range(count):
            name = content(TEXT).decode()
            kind, = take("I")
            result[name] = (kind, content(kind))
        return result


def tokenizer(path, vocabulary):
    """The source's tokenizer entries, cut to a vocabulary."""
    entries = {name: entry for name, entry in metadata(path).items() if name.startswith("tokenizer.")}
    tokens = entries["tokenizer.ggml.tokens"][1][1]
    if vocabulary > len(tokens):
        raise SystemExit(f"{path} has {len(tokens)} tokens, fewer than {vocabulary}")
    kept = set(tokens[:vocabulary])
    merges = [merge for merge in entries["tokenizer.ggml.merges"][1][1] if merge.replace(b" ", b"") in kept
              and all(part in kept for part in merge.split(b" "))]
    entries["tokenizer.ggml.merges"] = (LIST, (TEXT, merges))
    for name in ("tokens", "token_type", "scores"):
        kind, content = entries.get(f"tokenizer.ggml.{name}", (None, None))
        if kind == LIST:
            entries[f"tokenizer.ggml.{name}"] = (LIST, (content[0], content[1][:vocabulary]))
    return entries


def tensors(a):
    """(name, shape outermost first) in the file's order; norms have one dimension. Routers are in float32."""
    network = [("ffn_gate", (a.feed_forward, a.width)), ("ffn_up", (a.feed_forward, a.width)),
               ("ffn_down", (a.width, a.feed_forward))]
    if a.experts:
        network = [(ROUTER, (a.experts, a.width))] + [(f"{name}_exps", (a.experts, *shape)) for name, shape in network]
    head = a.head_width or a.width // a.heads
    query, key = head * a.heads, head * (a.kv_heads or a.heads)
    yield "token_embd.weight", (a.vocabulary, a.width)
    for layer in range(a.layers):
        for name, shape in [("attn_norm", (a.width,)), ("attn_q", (query, a.width)), ("attn_k", (key, a.width)),
                            ("attn_v", (key, a.width)), ("attn_output", (a.width, query)), ("ffn_norm", (a.width,)),
                            *([("attn_sinks", (a.heads,))] if a.sinks else []), *network]:
            yield f"blk.{layer}.{name}.weight", shape
    yield "output_norm.weight", (a.width,)
    yield "output.weight", (a.vocabulary, a.width)


class Weights:
    """Random Q4_0 blocks or floats. Blocks are cut from a pool at random places: the pool is larger than any
    cache, and random digits for billions of weights would take longer than writing them."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        blocks = 1 << 20
        nibbles = self.random.integers(1, 16, (blocks, 16), np.uint8) | self.random.integers(1, 16, (blocks, 16), np.uint8) << 4
        self.pool = np.zeros((blocks, 18), np.uint8)
        self.pool[:, 2:] = nibbles
        self.spread = self.random.uniform(0.5, 1.5, blocks).astype(np.float32)

    def write(self, file, shape, kind):
        if len(shape) == 1:
            return file.write(np.ones(shape, np.float32).tobytes())
        # Each output keeps the size of its inputs: nibbles 1 to 15 less 8 have the deviation 4.32.
        deviation = 1 / np.sqrt(shape[-1])
        if kind == "f32":
            for _ in range(int(np.prod(shape[:-1]))):
                file.write(self.random.normal(0, deviation, shape[-1]).astype(np.float32).tobytes())
            return None
        self.pool[:, :2] = (self.spread * (deviation / 4.32)).astype(np.float16).view(np.uint8).reshape(-1, 2)
        left = int(np.prod(shape)) // 32
        while left:
            count = min(left, 1 << 16)
            start = int(self.random.integers(0, len(self.pool) - count + 1))
            file.write(self.pool[start:start + count].tobytes())
            left -= count
        return None


def write(a):
    kind = lambda name, shape: "f32" if len(shape) == 1 or ROUTER in name else a.type

    def size(name, shape):
        _, elements, length = TYPES[kind(name, shape)]
        return int(np.prod(shape)) // elements * length

    head = a.head_width or a.width // a.heads
    entries = {
        "general.architecture": (TEXT, a.family), "general.name": (TEXT, "random weights"),
        "general.file_type": (U32, {"f32": 0, "q4_0": 2}[a.type]), f"{a.family}.block_count": (U32, a.layers),
        f"{a.family}.context_length": (U32, a.context), f"{a.family}.embedding_length": (U32, a.width),
        f"{a.family}.feed_forward_length": (U32, a.feed_forward), f"{a.family}.attention.head_count": (U32, a.heads),
        f"{a.family}.attention.head_count_kv": (U32, a.kv_heads or a.heads), f"{a.family}.rope.dimension_count": (U32, head),
        f"{a.family}.rope.freq_base": (F32, 10000.0), f"{a.family}.attention.layer_norm_rms_epsilon": (F32, 1e-5),
        f"{a.family}.vocab_size": (U32, a.vocabulary), **tokenizer(a.tokenizer, a.vocabulary)}
    if a.experts:
        entries |= {f"{a.family}.expert_count": (U32, a.experts), f"{a.family}.expert_used_count": (U32, a.experts_used)}
    if a.head_width:
        entries |= {f"{a.family}.attention.{part}_length": (U32, head) for part in ("key", "value")}
    if a.window:
        entries[f"{a.family}.attention.sliding_window"] = (U32, a.window)
    if a.softcap:
        entries[f"{a.family}.attn_logit_softcapping"] = (F32, a.softcap)
    listed, offset, directory = list(tensors(a)), 0, b""
    for name, shape in listed:
        number = TYPES[kind(name, shape)][0]
        directory += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), number, offset)
        offset += -(-size(name, shape) // ALIGNMENT) * ALIGNMENT
    header = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries))
    header += b"".join(text(name) + struct.pack("<I", kind) + value(kind, content)
                       for name, (kind, content) in entries.items()) + directory
    with open(a.output, "wb") as file:
        file.write(header.ljust(-(-len(header) // ALIGNMENT) * ALIGNMENT, b"\0"))
        if a.sparse:
            file.truncate(file.tell() + offset)
        else:
            weights = Weights(a.seed)
            for name, shape in listed:
                weights.write(file, shape, kind(name, shape))
                file.write(b"\0" * (-size(name, shape) % ALIGNMENT))
    return sum(int(np.prod(shape)) for _, shape in listed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    for name, required, default in [("layers", True, None), ("width", True, None), ("heads", True, None),
                                    ("feed-forward", True, None), ("kv-heads", False, None),
                                    ("vocabulary", False, 32000), ("context", False, 4096), ("seed", False, 1),
                                    ("experts", False, 0), ("experts-used", False, 2),
                                    ("head-width", False, 0), ("window", False, 0)]:
        parser.add_argument(f"--{name}", type=int, required=required, default=default)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--type", choices=TYPES, default="q4_0")
    parser.add_argument("--family", default="llama")
    parser.add_argument("--softcap", type=float, default=0.0)
    parser.add_argument("--sinks", action="store_true")
    parser.add_argument("--sparse", action="store_true")
    a = parser.parse_args()
    print(f"{a.output}: {write(a):,} parameters")


if __name__ == "__main__":
    main()
