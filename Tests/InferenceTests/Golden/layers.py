#!/usr/bin/env python3
"""Golden NLL of transformers (float32, eager, CPU) for models whose layers differ from each other, or whose attention
depends on where a token stands, in ways that the parity folders do not show.

    layers.py SHARED > layers.golden.json

A row: folder, members of config.json that replace the folder's own, mean NLL of targets 1 .. 95 of the first row of
golden.safetensors' input_ids."""
import json
import pathlib
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

shared = pathlib.Path(sys.argv[1])
yarn = {"rope_type": "yarn", "rope_theta": 500000.0, "factor": 4.0, "original_max_position_embeddings": 16}
plain = {"rope_type": "default", "rope_theta": 500000.0}
ministral = json.loads((shared / "parity/ministral3/config.json").read_text())["rope_parameters"]
FULL, NEAR = "full_attention", "sliding_attention"
CASES = [
    ("ministral3", {"rope_parameters": ministral | {"original_max_position_embeddings": 16}}),
    ("ministral3", {"rope_parameters": ministral | {"original_max_position_embeddings": 7, "llama_4_scaling_beta": 0.4}}),
    ("ministral3", {"sliding_window": 20}),
    ("olmo3", {"rope_parameters": {FULL: yarn, NEAR: plain}}),
    ("olmo3", {"layer_types": [FULL, NEAR, NEAR, FULL], "sliding_window": 5}),
    ("smollm3", {"no_rope_layers": [0, 1, 1, 0]}),
    ("smollm3", {"no_rope_layers": None, "no_rope_layer_interval": 2}),
    ("smollm3", {"use_sliding_window": True, "sliding_window": 9, "layer_types": [NEAR, FULL, FULL, NEAR]}),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 9, "layer_types": [NEAR, FULL, NEAR]}),
    ("exaone4", {"sliding_window": None, "layer_types": [FULL] * 4}),
    ("exaone4", {"layer_types": [NEAR, FULL, NEAR, FULL]}),
    ("exaone4", {"layer_types": None, "sliding_window_pattern": 2}),
    ("cohere2", {"layer_types": [FULL, NEAR, NEAR, NEAR], "logit_scale": 0.3}),
    ("cohere2", {"layer_types": None, "sliding_window_pattern": 3}),
    ("gemma2", {"layer_types": None, "sliding_window": 3}),
    ("gemma2", {"attn_logit_softcapping": 0.7, "final_logit_softcapping": None, "query_pre_attn_scalar": 5}),
]
rows = []
for name, changes in CASES:
    with tempfile.TemporaryDirectory() as work:
        config = json.loads((shared / f"parity/{name}/config.json").read_text()) | changes
        for key in [key for key, value in changes.items() if value is None and key in ("layer_types", "no_rope_layers")]:
            del config[key]
        pathlib.Path(work, "config.json").write_text(json.dumps(config))
        shutil.copy(shared / f"parity/{name}/model.safetensors", work)
        model = AutoModelForCausalLM.from_pretrained(work, dtype=torch.float32, attn_implementation="eager").eval()
        ids = load_file(shared / f"parity/{name}/golden.safetensors")["input_ids"][:1].long()
        with torch.no_grad():
            logits = model(ids).logits[0].double()
        nll = -logits.log_softmax(-1)[:-1].gather(1, ids[0, 1:, None]).mean().item()
    rows.append({"folder": name, "config": changes, "nll": nll})
print(json.dumps(rows, indent=1))
