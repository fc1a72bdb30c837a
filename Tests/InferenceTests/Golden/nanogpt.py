#!/usr/bin/env python3
"""Small random checkpoints as nanoGPT's model.py computes them, with their logits: the reference of NanoGPTTests.

    nanogpt.py

Writes nanogpt/{learned,rope,rove}/ beside this file: config.json, model.safetensors and logits.json. Needs torch."""
import json
import math
import pathlib
import struct

import torch
import torch.nn as nn
import torch.nn.functional as F


class LayerNorm(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width) + 0.2 * torch.randn(width))
        self.bias = nn.Parameter(0.1 * torch.randn(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


def turn(x, base, interleaved, sign):
    """Rotates x [heads, positions, dims] by position; sign -1 turns back."""
    positions, dims = x.shape[-2:]
    angle = sign * torch.arange(positions)[:, None] * base ** (-torch.arange(0, dims, 2) / dims)
    cos, sin = angle.cos(), angle.sin()
    one, two = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., :dims // 2], x[..., dims // 2:])
    a, b = one * cos - two * sin, one * sin + two * cos
    return torch.stack((a, b), -1).flatten(-2) if interleaved else torch.cat((a, b), -1)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        n, bias = c["n_embd"], c["bias"]
        self.c = c
        self.ln_1, self.ln_2 = LayerNorm(n, bias), LayerNorm(n, bias)
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.c_attn, self.attn.c_proj = nn.Linear(n, 3 * n, bias=bias), nn.Linear(n, n, bias=bias)
        self.mlp.c_fc, self.mlp.c_proj = nn.Linear(n, 4 * n, bias=bias), nn.Linear(4 * n, n, bias=bias)

    def forward(self, x):
        c, (length, width) = self.c, x.shape
        q, k, v = (part.view(length, c["n_head"], -1).transpose(0, 1) for part in self.attn.c_attn(self.ln_1(x)).split(width, -1))
        theta, interleaved = c.get("rope_theta", 10000.0), c.get("rope_interleaved", False)
        if c.get("rope") or c.get("rove"):
            q, k = turn(q, theta, interleaved, 1), turn(k, theta, interleaved, 1)
        if c.get("rove"):
            v = turn(v, theta, interleaved, 1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
        y = scores.softmax(-1) @ v
        if c.get("rove"):
            y = turn(y, theta, interleaved, -1)
        x = x + self.attn.c_proj(y.transpose(0, 1).reshape(length, width))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(c["vocab_size"], c["n_embd"]), "h": nn.ModuleList(Block(c) for _ in range(c["n_layer"])),
            "ln_f": LayerNorm(c["n_embd"], c["bias"])})
        if not (c.get("rope") or c.get("rove")):
            self.transformer["wpe"] = nn.Embedding(c["block_size"], c["n_embd"])
        self.lm_head = nn.Linear(c["n_embd"], c["vocab_size"], bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(self, ids):
        x = self.transformer["wte"](ids)
        if "wpe" in self.transformer:
            x = x + self.transformer["wpe"](torch.arange(len(ids)))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.detach().contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


root = pathlib.Path(__file__).parent / "nanogpt"
base = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 24, "vocab_size": 48, "dropout": 0.0}
for number, (name, extra) in enumerate({
        "learned": {"bias": True}, "rope": {"bias": False, "rope": True},
        "rove": {"bias": True, "rove": True, "rope_theta": 500.0, "rope_interleaved": True}}.items()):
    torch.manual_seed(number)
    config = {**base, **extra}
    model = GPT(config)
    tensors = {key: value for key, value in model.state_dict().items() if key != "lm_head.weight"}
    ids = torch.randint(config["vocab_size"], (20,))
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config) + "\n")
    save(folder / "model.safetensors", tensors)
    with torch.no_grad():
        logits = model.double()(ids)
    (folder / "logits.json").write_text(
        json.dumps({"ids": ids.tolist(), "logits": [round(x, 7) for x in logits.flatten().tolist()]}) + "\n")
