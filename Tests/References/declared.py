#!/usr/bin/env python3
"""Independent reference (numpy, float64, no code of Sources/) for files that ropeconv has written: a llama-shaped GGUF
file is computed as its own metadata declares it (docs: formats/rotary.md), tables by layer, fitted weights and all.

    pip install numpy gguf
    declared.py MODEL.gguf IDS.json [--ctx 512] [--chunks 1]     prints {"nll", "tokens"}

IDS.json is a flat list of token ids; the targets ctx/2+1 .. ctx-1 of each chunk are scored."""
import argparse
import json
import math

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("ids")
parser.add_argument("--ctx", type=int, default=512)
parser.add_argument("--chunks", type=int, default=1)
a = parser.parse_args()
reader = GGUFReader(a.model)
meta = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.")}
W = {t.name: dequantize(t.data, t.tensor_type).astype(np.float64).reshape([int(n) for n in reversed(t.shape)])
     for t in reader.tensors}
name = meta["general.architecture"]
assert meta.get("rotary.base_architecture", name) == "llama", name
get = lambda key, default=None: meta.get(f"{name}.{key}", default)
layers, heads, width = int(get("block_count")), int(get("attention.head_count")), int(get("embedding_length"))
groups, eps = int(get("attention.head_count_kv")), float(get("attention.layer_norm_rms_epsilon"))
dims, base = int(get("rope.dimension_count")), float(get("rope.freq_base"))
head = W["blk.0.attn_q.weight"].shape[0] // heads
sites = meta.get("rotary.sites", "qk")
position = np.arange(a.ctx)[:, None]
score = position * base ** (-np.arange(0, dims, 2) / dims)
table = np.array(meta.get("rotary.value.frequencies", [0.0] * (dims // 2)), dtype=np.float64)
table = np.broadcast_to(table.reshape(-1, dims // 2), (layers, dims // 2))
value_layout = meta.get("rotary.value.layout", "interleaved")


def turn(x, angles, layout, sign):
    pairs, out, c, s = angles.shape[1], x.copy(), np.cos(angles), sign * np.sin(angles)
    one, two = ((slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if layout == "interleaved" else
                (slice(0, pairs), slice(pairs, 2 * pairs)))
    out[..., one], out[..., two] = x[..., one] * c - x[..., two] * s, x[..., one] * s + x[..., two] * c
    return out


rms = lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * W[w + ".weight"]
split = lambda y, n: y.reshape(len(y), n, head).transpose(1, 0, 2)
ids = np.array(json.load(open(a.ids)))
mask = np.triu(np.full((a.ctx, a.ctx), -np.inf), 1)
total = []
for chunk in range(a.chunks):
    tokens = ids[chunk * a.ctx:(chunk + 1) * a.ctx]
    x = W["token_embd.weight"][tokens]
    for layer in range(layers):
        p, angles = f"blk.{layer}.", position * table[layer]
        h = rms(x, p + "attn_norm")
        q, k, v = (split(h @ W[p + f"attn_{n}.weight"].T, c) for n, c in (("q", heads), ("k", groups), ("v", groups)))
        q = turn(q, score, "interleaved", 1) if "q" in sites else q
        k = turn(k, score, "interleaved", 1) if "k" in sites else k
        v = turn(v, angles, value_layout, 1) if "v" in sites else v
        k, v = np.repeat(k, heads // groups, 0), np.repeat(v, heads // groups, 0)
        s = q @ k.transpose(0, 2, 1) / math.sqrt(head) + mask
        s = np.exp(s - s.max(-1, keepdims=True))
        o = s / s.sum(-1, keepdims=True) @ v
        o = turn(o, angles, value_layout, -1) if "o" in sites else o
        x = x + o.transpose(1, 0, 2).reshape(a.ctx, -1) @ W[p + "attn_output.weight"].T
        h = rms(x, p + "ffn_norm")
        g = h @ W[p + "ffn_gate.weight"].T
        x = x + (g / (1 + np.exp(-g)) * (h @ W[p + "ffn_up.weight"].T)) @ W[p + "ffn_down.weight"].T
    logits = rms(x[a.ctx // 2:-1], "output_norm") @ W.get("output.weight", W["token_embd.weight"]).T
    top = logits.max(-1)
    z = top + np.log(np.exp(logits - top[:, None]).sum(-1))
    total.append(z - logits[np.arange(len(z)), tokens[a.ctx // 2 + 1:]])
total = np.concatenate(total)
print(json.dumps({"nll": float(total.mean()), "tokens": len(total)}))
