#!/usr/bin/env python3
"""Writes microscaled.golden.json: what transformers makes of parity/gpt-oss with its experts in MXFP4.

    microscaled.py SHARED/parity/gpt-oss

The experts' matrices are quantized and decoded again by numpy alone, after the format's definition (OCP
Microscaling Formats 1.0: a power of two for 32 floats of 2 exponent bits and 1 of mantissa): of the scale the exponent
of the largest magnitude less 2, of each element the nearest level, half way the smaller. The model of decoded weights
then runs in float32. The mean negative log-likelihood of the tokens behind the first of each golden row is printed and
written, with the sum of the codes and of the scales' bytes."""
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

LEVELS = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)
folder = pathlib.Path(sys.argv[1])
codes_sum = scales_sum = 0


def requantized(matrix):
    """[experts, inputs, outputs] through MXFP4, whose blocks run along the inputs."""
    global codes_sum, scales_sum
    rows = np.swapaxes(matrix, 1, 2)
    blocks = rows.reshape(-1, 32)
    exponent = np.frexp(np.abs(blocks).max(axis=1))[1] - 1
    scale = np.ldexp(np.float32(1), exponent - 2)[:, None]
    distance = np.abs(np.abs(blocks)[:, :, None] - scale[:, :, None] * LEVELS)
    index = distance.argmin(axis=2)
    codes = np.where((blocks < 0) & (index > 0), index + 8, index)
    codes_sum += int(codes.sum())
    scales_sum += int((exponent - 2 + 127).sum())
    decoded = (np.where(codes >= 8, -1, 1) * LEVELS[index] * scale).astype(np.float32)
    return np.swapaxes(decoded.reshape(rows.shape), 1, 2).copy()


model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
with torch.no_grad():
    for layer in model.model.layers:
        for name in ["gate_up_proj", "down_proj"]:
            weight = getattr(layer.mlp.experts, name)
            weight.copy_(torch.from_numpy(requantized(weight.numpy())))
    rows = torch.from_numpy(load_file(folder / "golden.safetensors")["input_ids"]).long()
    logits = torch.log_softmax(model(rows).logits.double(), dim=-1)
    losses = -logits[:, :-1].gather(2, rows[:, 1:, None])
golden = {"nll": losses.mean(dim=(1, 2)).tolist(), "codes": codes_sum, "scales": scales_sum}
path = pathlib.Path(__file__).with_name("microscaled.golden.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path.read_text())
