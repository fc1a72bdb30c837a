#!/usr/bin/env python3
"""Tiny checkpoints of Gemma 4's other shapes, with logits of transformers, in the folder `gemma4` beside this file:
values from keys, experts beside a dense network, doubled networks in layers that share keys and values.

    pip install torch transformers safetensors
    gemma4.py"""
import pathlib

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "gemma4"
COMMON = dict(
    vocab_size=96, vocab_size_per_layer_input=96, hidden_size=32, intermediate_size=48, num_hidden_layers=5,
    num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=128, sliding_window=8,
    hidden_size_per_layer_input=0,
    layer_types=["sliding_attention", "full_attention", "sliding_attention", "sliding_attention", "full_attention"])
WIDE = {layer: {"head_dim": 16} for layer in (1, 4)}
SHAPES = {
    "values-from-keys": dict(
        attention_k_eq_v=True, per_layer_config={layer: {"head_dim": 16, "num_key_value_heads": 1} for layer in (1, 4)},
        final_logit_softcapping=20.0),
    "experts": dict(enable_moe_block=True, num_experts=6, top_k_experts=2, moe_intermediate_size=24,
                    per_layer_config=WIDE),
    "doubled": dict(use_double_wide_mlp=True, num_kv_shared_layers=2, hidden_size_per_layer_input=8,
                    per_layer_config=WIDE),
}

transformers.logging.set_verbosity_error()
for name, changes in SHAPES.items():
    torch.manual_seed(11)
    model = transformers.Gemma4ForCausalLM(transformers.Gemma4TextConfig(**COMMON | changes)).float().eval()
    model.config._attn_implementation = "eager"
    with torch.no_grad():
        scalars = [buffer for key, buffer in model.named_buffers() if key.endswith("layer_scalar")]
        for weight in [*model.parameters(), *scalars]:
            noise = torch.randn_like(weight)
            weight.copy_(1 + 0.2 * noise if weight.ndim == 1 else noise * 1.5 / weight.shape[-1] ** 0.5)
            weight.copy_(weight.bfloat16().float())
        ids = torch.randint(0, COMMON["vocab_size"], (1, 40))
        logits = model(ids).logits
    folder = HERE / name
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({"input_ids": ids.int(), "logits": logits.contiguous()}, folder / "golden.safetensors")
    print(name, float(logits.std()))
