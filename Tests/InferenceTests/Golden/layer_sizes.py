#!/usr/bin/env python3
"""A llama in GGUF whose layers differ in heads, KV heads and feed-forward widths, with logits of plain torch, in the
folder `layer-sizes` beside this file. Shares no code with Sources.

    pip install torch gguf safetensors
    layer_sizes.py"""
import pathlib

import gguf
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent / "layer-sizes"
VOCABULARY, WIDTH, HEAD, BASE, EPSILON = 64, 32, 8, 10000.0, 1e-5
HEADS, GROUPS, CHANNELS = [4, 2, 6, 4], [2, 2, 3, 1], [48, 64, 32, 48]

torch.manual_seed(5)
HERE.mkdir(exist_ok=True)
writer = gguf.GGUFWriter(HERE / "model.gguf", "llama")
writer.add_block_count(len(HEADS))
writer.add_context_length(128)
writer.add_embedding_length(WIDTH)
writer.add_feed_forward_length(CHANNELS)
writer.add_head_count(HEADS)
writer.add_head_count_kv(GROUPS)
writer.add_key_length(HEAD)
writer.add_value_length(HEAD)
writer.add_rope_dimension_count(HEAD)
writer.add_rope_freq_base(BASE)
writer.add_layer_norm_rms_eps(EPSILON)
writer.add_vocab_size(VOCABULARY)


def tensor(name, *shape):
    weight = torch.randn(shape)
    weight = 1 + 0.2 * weight if len(shape) == 1 else 1.5 * weight / shape[-1] ** 0.5
    weight = weight.half().float()
    writer.add_tensor(name + ".weight", weight.numpy())
    return weight


def norm(x, gain):
    return x / (x.pow(2).mean(-1, keepdim=True) + EPSILON).sqrt() * gain


def turned(x):
    """Pairs (2p, 2p + 1) of each head, as GGUF files of llama have them."""
    angles = torch.arange(x.shape[0])[:, None] * BASE ** (-torch.arange(0, HEAD, 2) / HEAD)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], HEAD // 2, 2).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)[:, None]).flatten(-2)


embedding = tensor("token_embd", VOCABULARY, WIDTH)
ids = torch.randint(0, VOCABULARY, (40,))
stream = embedding[ids].double()
for layer, (heads, groups, channels) in enumerate(zip(HEADS, GROUPS, CHANNELS)):
    def part(name, *shape):
        return tensor(f"blk.{layer}.{name}", *shape).double()

    x = norm(stream, part("attn_norm", WIDTH))
    query, key, value = (
        (x @ part(name, count * HEAD, WIDTH).T).view(-1, count, HEAD)
        for name, count in (("attn_q", heads), ("attn_k", groups), ("attn_v", groups)))
    key, value = (y.repeat_interleave(heads // groups, 1) for y in (turned(key), value))
    scores = torch.einsum("ihd,jhd->hij", turned(query), key) / HEAD ** 0.5
    scores = scores.masked_fill(torch.ones(scores.shape[1:]).triu(1).bool(), float("-inf"))
    heads_out = torch.einsum("hij,jhd->ihd", scores.softmax(-1), value).flatten(1)
    stream = stream + heads_out @ part("attn_output", WIDTH, heads * HEAD).T
    x = norm(stream, part("ffn_norm", WIDTH))
    gate, up = (x @ part(name, channels, WIDTH).T for name in ("ffn_gate", "ffn_up"))
    stream = stream + (torch.nn.functional.silu(gate) * up) @ part("ffn_down", WIDTH, channels).T
logits = norm(stream, tensor("output_norm", WIDTH).double()) @ tensor("output", VOCABULARY, WIDTH).double().T
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file({"input_ids": ids.int()[None], "logits": logits.float()[None].contiguous()}, HERE / "golden.safetensors")
print(float(logits.std()))
