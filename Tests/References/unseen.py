#!/usr/bin/env python3
"""Makes tiny checkpoints of the families in examples/architectures, which the program does not know by itself, and of
known ones that have no folder among the shared references, each with the logits that transformers gives for some ids. Every vector differs from what a new model begins with (gains of 1,
biases of 0), so that one that is left out or taken for another shows.

    pip install torch transformers
    unseen.py OUTPUT_FOLDER [NAME...]        OUTPUT_FOLDER/NAME, with golden.safetensors: input_ids and logits"""
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTH = 48
SIZES = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2}
# By the name of the data file: the model_type in transformers, and what is not as in SIZES or by default.
MODELS = {
    # A plain network with the square of ReLU behind RMS norms; heads that together are wider than the model.
    "arcee": ("arcee", {"head_dim": 16, "mlp_bias": True}),
    # Both sublayers read one norm without a bias; neighbouring dims are a pair; the embedding is the output, scaled.
    "command-r": ("cohere", {"logit_scale": 0.25}),
    # All layers have experts, chosen by corrected sigmoids; a norm over all heads; half of a head rotates.
    "minimax-m2": ("minimax_m2", {
        "head_dim": 16, "num_local_experts": 6, "num_experts_per_tok": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0, "partial_rotary_factor": 0.5}}),
    # All layers have experts, weighted by a softmax of all; norms after sublayers, and one over all heads.
    "flex_olmo": ("flex_olmo", {"num_experts": 6, "num_experts_per_tok": 3, "norm_topk_prob": True}),
    # Half of a head rotates, neighbouring dims a pair; gate and up are one tensor; Q, K and V have biases.
    "chatglm": ("glm", {"head_dim": 8, "tie_word_embeddings": False}),
}
# Families that the program knows.
KNOWN = {
    # A shared network, fused as the experts are.
    "granitemoeshared": ("granitemoeshared", {
        "num_local_experts": 6, "num_experts_per_tok": 2, "shared_intermediate_size": 24, "embedding_multiplier": 3.0,
        "residual_multiplier": 0.5, "logits_scaling": 2.0, "attention_multiplier": 0.3}),
    # Granite 4.0 without Mamba layers: dense networks, or a shared one beside experts.
    "granitemoehybrid": ("granitemoehybrid", {
        "num_local_experts": 0, "num_experts_per_tok": 0, "shared_intermediate_size": 24, "intermediate_size": 24,
        "embedding_multiplier": 3.0,
        "residual_multiplier": 0.5, "logits_scaling": 2.0, "attention_multiplier": 0.3, "mamba_n_heads": 8,
        "layer_types": ["full_attention"] * 3, "position_embedding_type": "rope"}),
    "granitemoehybrid experts": ("granitemoehybrid", {
        "num_local_experts": 6, "num_experts_per_tok": 2, "shared_intermediate_size": 24, "embedding_multiplier": 3.0,
        "residual_multiplier": 0.5, "logits_scaling": 2.0, "attention_multiplier": 0.3, "mamba_n_heads": 8,
        "layer_types": ["full_attention"] * 3, "position_embedding_type": "rope"}),
    # Every other layer has experts, chosen by a corrected softmax; the correction is stored as a matrix of one row.
    "ernie4_5_moe": ("ernie4_5_moe", {
        "num_hidden_layers": 4, "moe_num_experts": 6, "moe_k": 2, "moe_intermediate_size": 16,
        "moe_num_shared_experts": 2, "moe_layer_start_index": 0, "moe_layer_interval": 2, "tie_word_embeddings": False}),
}


def make(name, folder):
    torch.manual_seed(20261129)
    kind, changes = {**MODELS, **KNOWN}[name]
    config = transformers.AutoConfig.for_model(
        kind, pad_token_id=None, dtype=torch.float32, attn_implementation="eager", **{**SIZES, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for part, tensor in {**dict(model.named_parameters()), **dict(model.named_buffers())}.items():
            if "inv_freq" in part:
                continue
            if tensor.dim() == 1:
                tensor.add_(0.2 * torch.randn_like(tensor))
            else:
                tensor.normal_(0, 0.15)
        ids = torch.randint(3, config.vocab_size, (1, LENGTH))
        logits = model(ids, use_cache=False).logits
    model.save_pretrained(folder)
    save_file({"input_ids": ids.int(), "logits": logits.contiguous()}, f"{folder}/golden.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in sys.argv[2:] or [*MODELS, *KNOWN]:
        make(name, pathlib.Path(sys.argv[1]) / name)
