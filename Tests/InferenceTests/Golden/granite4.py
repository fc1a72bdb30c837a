#!/usr/bin/env python3
"""Tiny checkpoints of Granite 4.0 without Mamba layers, with logits of transformers, in the folder `granite4` beside
this file: rotating with the output tied, without rotation, and with experts beside the shared network. No multiplier is 1.

    pip install torch transformers safetensors
    granite4.py"""
import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "granite4"
COMMON = dict(
    vocab_size=96, hidden_size=32, intermediate_size=48, shared_intermediate_size=40, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, layer_types=["attention"] * 3,
    position_embedding_type="rope", num_local_experts=0, num_experts_per_tok=0, embedding_multiplier=3.0,
    residual_multiplier=0.5, attention_multiplier=0.3, logits_scaling=2.0, tie_word_embeddings=True, mamba_n_heads=8,
    bos_token_id=1, eos_token_id=2, pad_token_id=None)
SHAPES = {
    "rope": {},
    # The width of the networks stated twice, as published folders have it.
    "nope": dict(position_embedding_type="nope", tie_word_embeddings=False, intermediate_size=40),
    "experts": dict(num_local_experts=4, num_experts_per_tok=2, intermediate_size=16, num_hidden_layers=2,
                    layer_types=["attention"] * 2, tie_word_embeddings=False),
}

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
for name, changes in SHAPES.items():
    torch.manual_seed(11)
    config = transformers.GraniteMoeHybridConfig(**COMMON | changes)
    model = transformers.GraniteMoeHybridForCausalLM(config).float().eval()
    model.config._attn_implementation = "eager"
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn_like(weight)
            weight.copy_(1 + 0.2 * noise if weight.ndim == 1 else noise * 1.5 / weight.shape[-1] ** 0.5)
            weight.copy_(weight.bfloat16().float())
        ids = torch.randint(3, COMMON["vocab_size"], (1, 40))
        logits = model(ids, use_cache=False).logits
    folder = HERE / name
    model.bfloat16().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name != "experts":  # as the published folders spell it; transformers 5 calls it full_attention
        file = folder / "config.json"
        stated = json.loads(file.read_text()) | {"layer_types": config.num_hidden_layers * ["attention"]}
        file.write_text(json.dumps(stated, indent=2) + "\n")
    save_file({"input_ids": ids.int(), "logits": logits.contiguous()}, folder / "golden.safetensors")
    print(name, float(logits.std()))
