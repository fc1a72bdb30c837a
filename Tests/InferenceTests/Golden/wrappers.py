#!/usr/bin/env python3
"""Makes tiny folders of models that hold a text model among other parts, each with transformers' own
logits of a text.

    wrappers.py OUT [NAME...]        those committed: wrappers.py wrappers gemma3 qwen3_vl qwen3_5

Random weights, so that every matrix counts; `golden.safetensors` holds `input_ids` and `logits`."""
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 64, "max_position_embeddings": 128}
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
          "image_size": 28, "patch_size": 14}
AUDIO = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "num_mel_bins": 8, "max_source_positions": 4}
QWEN_VISION = {"depth": 1, "num_heads": 2, "patch_size": 4}
# Three sections of the eight pairs: of a text all have one position.
SECTIONS = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 1, 1]}
# A layer of a delta rule and one that attends.
RULE = {"head_dim": 16, "layer_types": ["linear_attention", "full_attention"], "linear_key_head_dim": 8,
        "linear_value_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.5,
                            "mrope_section": [2, 1, 1], "mrope_interleaved": True}}
TOKENS = {"image_token_id": 60, "video_token_id": 61, "vision_start_token_id": 62, "vision_end_token_id": 63}


def text(kind, **more):
    return {**TEXT, "model_type": kind, "bos_token_id": 1, "eos_token_id": 2, **more}


def vision(kind, **more):
    return {**VISION, "model_type": kind, **more}


# By name: the class's stem, and what its configuration is made with.
MODELS = {
    "gemma3": ("Gemma3", {
        "text_config": text("gemma3_text", head_dim=8, sliding_window=8, query_pre_attn_scalar=8, num_hidden_layers=6,
                            intermediate_size=16),
        "vision_config": vision("siglip_vision_model"), "mm_tokens_per_image": 4, "image_token_index": 60,
        "boi_token_index": 61, "eoi_token_index": 62}),
    "gemma4": ("Gemma4", {
        "text_config": text("gemma4_text", head_dim=8, sliding_window=8, hidden_size_per_layer_input=8,
                            vocab_size_per_layer_input=64, num_kv_shared_layers=0,
                            layer_types=["sliding_attention", "full_attention"], per_layer_config={"1": {"head_dim": 16}},
                            rope_parameters={"full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1e6,
                                                                "rope_type": "proportional"},
                                             "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}}),
        "vision_config": {"model_type": "gemma4_vision", "hidden_size": 16, "intermediate_size": 16,
                          "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8,
                          "patch_size": 14, "position_embedding_size": 16},
        "audio_config": None, "image_token_id": 60, "video_token_id": 61, "audio_token_id": 62, "boi_token_id": 63,
        "eoi_token_id": 63, "boa_token_id": 63, "eoa_token_index": 63}),
    "mistral3": ("Mistral3", {
        "text_config": text("mistral", head_dim=8, sliding_window=None),
        "vision_config": vision("pixtral", head_dim=8), "image_token_index": 60}),
    "qwen3_vl": ("Qwen3VL", {
        "text_config": text("qwen3_vl_text", head_dim=8, rope_parameters={**SECTIONS, "mrope_interleaved": True},
                            tie_word_embeddings=False),
        "vision_config": {**QWEN_VISION, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 32,
                          "num_position_embeddings": 4, "deepstack_visual_indexes": [0]},
        "tie_word_embeddings": False, **TOKENS}),
    "qwen3_5": ("Qwen3_5", {
        "text_config": text("qwen3_5_text", **RULE),
        "vision_config": {**QWEN_VISION, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 32,
                          "num_position_embeddings": 4}, **TOKENS}),
    "qwen3_5_moe": ("Qwen3_5Moe", {
        "text_config": text("qwen3_5_moe_text", **RULE, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16,
                            shared_expert_intermediate_size=24),
        "vision_config": {**QWEN_VISION, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 32,
                          "num_position_embeddings": 4}, **TOKENS}),
    "qwen2_5_vl": ("Qwen2_5_VL", {
        "text_config": text("qwen2_5_vl_text", rope_parameters=SECTIONS),
        "vision_config": {**QWEN_VISION, "hidden_size": 16, "intermediate_size": 16, "out_hidden_size": 32}, **TOKENS}),
    "qwen2_vl": ("Qwen2VL", {
        "text_config": text("qwen2_vl_text", rope_parameters=SECTIONS),
        "vision_config": {**QWEN_VISION, "embed_dim": 16, "hidden_size": 32, "mlp_ratio": 1}, **TOKENS}),
    "llava": ("Llava", {
        "text_config": text("llama"), "vision_config": vision("clip_vision_model"), "image_token_index": 60}),
    "llava_next": ("LlavaNext", {
        "text_config": text("mistral", sliding_window=None), "vision_config": vision("clip_vision_model"),
        "image_token_index": 60, "image_grid_pinpoints": [[28, 56]]}),
    "llava_onevision": ("LlavaOnevision", {
        "text_config": text("qwen2"), "vision_config": vision("siglip_vision_model"), "image_token_index": 60,
        "video_token_index": 61}),
    "internvl": ("InternVL", {
        "text_config": text("qwen3", head_dim=8),
        "vision_config": vision("internvl_vision", image_size=[28, 28], patch_size=[14, 14]), "image_token_id": 60}),
    "smolvlm": ("SmolVLM", {
        "text_config": text("llama", head_dim=8), "vision_config": VISION, "image_token_id": 60, "scale_factor": 2}),
    "idefics3": ("Idefics3", {
        "text_config": text("llama", head_dim=8), "vision_config": VISION, "image_token_id": 60, "scale_factor": 2}),
    "voxtral": ("Voxtral", {
        "text_config": text("llama", head_dim=8), "audio_config": AUDIO, "audio_token_id": 60}),
    "qwen2_audio": ("Qwen2Audio", {
        "text_config": text("qwen2"),
        "audio_config": {"d_model": 16, "encoder_ffn_dim": 16, "encoder_layers": 1, "encoder_attention_heads": 2,
                         "num_mel_bins": 8, "max_source_positions": 4},
        "audio_token_index": 60}),
}


def ids():
    return (torch.arange(24)[None] * 37 + 5) % 59


def make(name, folder):
    stem, settings = MODELS[name]
    torch.manual_seed(sum(name.encode()))
    model = getattr(transformers, stem + "ForConditionalGeneration")(
        getattr(transformers, stem + "Config")(**settings)).eval().float()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            # Gemma's gains count from 1.
            gain = "norm" in key and weight.dim() == 1 and not key.endswith("bias") and name != "gemma3"
            weight.copy_(torch.randn_like(weight) * 0.15 + (1.0 if gain else 0.0))
        logits = model(input_ids=ids()).logits
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (pathlib.Path(folder) / "generation_config.json").unlink(missing_ok=True)
    save_file({"input_ids": ids().to(torch.int32), "logits": logits[0].contiguous()},
              f"{folder}/golden.safetensors")


if __name__ == "__main__":
    for each in sys.argv[2:] or MODELS:
        make(each, f"{sys.argv[1]}/{each}")
