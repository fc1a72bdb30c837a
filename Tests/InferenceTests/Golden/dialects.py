#!/usr/bin/env python3
"""Other codes' rotations of values, each by its published formula (numpy, float64, no code of Sources/), put into the
llama of the parity folders: the reference of DialectTests.

    dialects.py SHARED > dialects.golden.json

A row: the dialect, what config.json must declare for it (formats/rotary.md), and the mean NLL of targets 1 .. 95 of the
first row of golden.safetensors' input_ids. A head's queries, keys and values are [tokens, width] here."""
import json
import math
import struct
import sys

import numpy as np

folder = f"{sys.argv[1]}/parity/llama"
config = json.load(open(f"{folder}/config.json"))


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kinds = {"F32": np.float32, "I32": np.int32}
    return {name: np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], kinds[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items() if name != "__metadata__"}


W = {name: weight.astype(np.float64) for name, weight in tensors(f"{folder}/model.safetensors").items()}
ids = tensors(f"{folder}/golden.safetensors")["input_ids"][0]
n, heads, groups = len(ids), config["num_attention_heads"], config["num_key_value_heads"]
width = config.get("head_dim") or config["hidden_size"] // heads


def score(queries, keys, values, outputs):
    """Mean NLL of the model whose heads go through these four functions."""
    norm = lambda x, name: x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * W[name]
    x = W["model.embed_tokens.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        h = norm(x, p + "input_layernorm.weight")
        project = lambda name, count: (h @ W[f"{p}self_attn.{name}.weight"].T).reshape(n, count, width)
        q, k, v = project("q_proj", heads), project("k_proj", groups), project("v_proj", groups)
        result = np.zeros((n, heads, width))
        for head in range(heads):
            group = head // (heads // groups)
            s = queries(q[:, head]) @ keys(k[:, group]).T / math.sqrt(width)
            s = np.where(np.tril(np.ones((n, n), bool)), s, -np.inf)
            s = np.exp(s - s.max(-1, keepdims=True))
            result[:, head] = outputs(s / s.sum(-1, keepdims=True) @ values(v[:, group]))
        x = x + result.reshape(n, -1) @ W[p + "self_attn.o_proj.weight"].T
        h = norm(x, p + "post_attention_layernorm.weight")
        gate, up = h @ W[p + "mlp.gate_proj.weight"].T, h @ W[p + "mlp.up_proj.weight"].T
        x = x + gate / (1 + np.exp(-gate)) * up @ W[p + "mlp.down_proj.weight"].T
    logits = norm(x, "model.norm.weight") @ W.get("lm_head.weight", W["model.embed_tokens.weight"]).T
    z = np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1)) + logits.max(-1)
    return float(np.mean(z[:-1] - logits[np.arange(n - 1), ids[1:]]))


# labml's RoPER: class RotaryPositionalEmbeddings(d, base) turns the first d features, feature i with i + d/2; values turn
# by one of their own, outputs by the reversed one.
def labml(d, sign):
    theta = 10000 ** (-np.arange(0, d, 2) / d)
    angle = np.outer(np.arange(n), theta)
    angle = np.concatenate((angle, angle), 1)

    def forward(x):
        rope, rest = x[:, :d], x[:, d:]
        negated = np.concatenate((-rope[:, d // 2:], rope[:, :d // 2]), 1)
        return np.concatenate((rope * np.cos(angle) + sign * negated * np.sin(angle), rest), 1)

    return forward


# GTA: dims of the trivial representation first, then 2 x 2 matrices of frequencies 2^k / 2^nfreqs, k = 1 .. nfreqs, times
# 2 pi and the largest one; `reps` multiply neighbouring dims, the output's are transposed.
def gta(trivial, largest, transposed=False):
    nfreqs = (width - trivial) // 2
    freqs = 2.0 ** np.arange(1, nfreqs + 1) / 2.0 ** nfreqs * largest * 2 * math.pi
    theta = np.outer(np.arange(n), freqs)
    rep = np.stack((np.stack((np.cos(theta), -np.sin(theta)), -1), np.stack((np.sin(theta), np.cos(theta)), -1)), -2)
    rep = rep.swapaxes(-1, -2) if transposed else rep

    def forward(x):
        pairs = x[:, trivial:].reshape(n, nfreqs, 2)
        return np.concatenate((x[:, :trivial], np.einsum("nfij,nfj->nfi", rep, pairs).reshape(n, -1)), 1)

    return forward, [0.0] * (trivial // 2) + freqs.tolist()


# torch_brain's RotaryTimeEmbedding: periods log-spaced in float32, omega 0 beyond rotate_dim; neighbouring dims.
def torch_brain(rotate, shortest, longest, sign=1):
    steps = np.linspace(0, 1, rotate // 2, dtype=np.float32)
    first, last = np.log(np.float32(shortest)), np.log(np.float32(longest))
    periods = np.exp(first + steps * (last - first))
    omega = np.zeros(width // 2, np.float32)
    omega[:rotate // 2] = np.float32(2 * math.pi) / periods
    angle = np.repeat(np.arange(n)[:, None] * omega.astype(np.float64), 2, 1)

    def rotate_half(x):
        one, two = x[:, 0::2], x[:, 1::2]
        return np.stack((-two, one), -1).reshape(n, -1)

    return lambda x: x * np.cos(angle) + sign * rotate_half(x) * np.sin(angle), [float(it) for it in omega]


# BlaGPT's apply_rotary_emb(x, cos, sin), as modded-nanogpt's: y1 = x1 cos + x2 sin, y2 = -x1 sin + x2 cos in halves.
def blagpt(frequencies, sign=1):
    theta = np.outer(np.arange(n), frequencies)
    cos, sin = np.cos(theta), sign * np.sin(theta)

    def forward(x):
        one, two = x[:, :width // 2], x[:, width // 2:]
        return np.concatenate((one * cos + two * sin, one * -sin + two * cos), 1)

    return forward


def same(x):
    return x


def declared(sites, score=None, value=None):
    rotary = {"version": 2, "base_architecture": "llama", "sites": sites}
    return {"rotary": rotary | {key: it for key, it in (("score", score), ("value", value)) if it}}


rows = []


def row(name, members, *functions):
    rows.append({"name": name, "config": members, "nll": score(*functions)})


half = width // 2
theta = lambda d: [10000 ** (-2 * p / d) for p in range(d // 2)]
row("labml RoPER, half of the scores' dims and all of the values'",
    {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}} | declared(
        "qkvo", None, {"dimensions": width, "frequencies": theta(width), "layout": "half", "bias": "rotated"}),
    labml(half, 1), labml(half, 1), labml(width, 1), labml(width, -1))
row("labml RoPER, all of the scores' dims and half of the values'",
    declared("qkvo", None, {"dimensions": half, "frequencies": theta(half), "layout": "half", "bias": "rotated"}),
    labml(width, 1), labml(width, 1), labml(half, 1), labml(half, -1))
turned, frequencies = gta(4, 1 / 16)
row("GTA", declared("qkvo", {"layout": "interleaved", "frequencies": frequencies},
                    {"frequencies": frequencies, "layout": "interleaved", "bias": "rotated"}),
    turned, turned, turned, gta(4, 1 / 16, True)[0])
row("GTA without v_transform", declared("qk", {"layout": "interleaved", "frequencies": frequencies}),
    turned, turned, same, same)
turned, frequencies = torch_brain(half, 1.5, 400.0)
row("torch_brain, rotate_value", declared("qkvo", {"layout": "interleaved", "frequencies": frequencies},
                                          {"frequencies": frequencies, "layout": "interleaved", "bias": "rotated"}),
    turned, turned, turned, torch_brain(half, 1.5, 400.0, -1)[0])
turned = blagpt(theta(width))
row("BlaGPT, rove", declared("qkvo", {"direction": "backward"},
                             {"frequencies": [-it for it in theta(width)], "layout": "half", "bias": "rotated"}),
    turned, turned, turned, blagpt(theta(width), -1))
row("BlaGPT, rove, by flags", {"rove": True, "rope_backward": True}, turned, turned, turned, blagpt(theta(width), -1))
row("BlaGPT", {"rope_backward": True}, turned, turned, same, same)
# modded-nanogpt: a quarter of the dims' frequencies from 1 down to 1/1024, the other pairs still.
frequencies = [(1 / 1024) ** (p / (width // 4 - 1)) for p in range(width // 4)] + [0.0] * (width // 4)
row("modded-nanogpt", declared("qk", {"direction": "backward", "frequencies": frequencies}),
    blagpt(frequencies), blagpt(frequencies), same, same)
print(json.dumps(rows, indent=1))
