#!/usr/bin/env python3
"""Independent reference (numpy, float64, no code of Sources/) for what shared/oracle does not cover: half-split
and partial pairs with rotated values, value biases, latent attention, and llama3, dynamic NTK and LongRoPE
frequencies on queries, keys and values alike; a soft cap of logits (gemma3, whose reference has none of scores),
multipliers (granite: llama with factors), and a norm of rotated queries and keys (hunyuan).
Reads the parity folders (Hugging Face layout).

    variants.py SHARED > variants.golden.json

`context` in a row's rope_parameters replaces max_position_embeddings, so that 96 positions reach beyond it.
A row: folder, rope_parameters put in place of the folder's own (or null), other fields of config.json put in place
(or null), sites, value pairs, mean NLL of targets 1 .. 95 of the first row of golden.safetensors' input_ids.

Definitions: q_i -> R_i q_i, k_j -> R_j k_j, v_j -> R_j v_j, o_i -> R_i^T o_i; the value rotation covers the first
rotated dims of a value head with the pair layout and frequencies of q and k; a value bias stays outside the
rotation: o_i = R_i^T sum_j a_ij R_j (W_v x_j) + b_v; a magnitude factor belongs to q and k alone."""
import json
import math
import struct
import sys

import numpy as np

shared = sys.argv[1]


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    kinds = {"F32": np.float32, "I32": np.int32}
    return {name: np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], kinds[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items() if name != "__metadata__"}


def frequencies(dims, rope, config, length):
    base, kind = rope["rope_theta"], rope.get("rope_type", "default")
    theta = base ** (-np.arange(0, dims, 2) / dims)
    if kind == "llama3":
        old, low, high = rope["original_max_position_embeddings"], rope["low_freq_factor"], rope["high_freq_factor"]
        out = []
        for t in theta:
            wave = 2 * math.pi / t
            if wave < old / high:
                out.append(t)
            elif wave > old / low:
                out.append(t / rope["factor"])
            else:
                s = (old / wave - low) / (high - low)
                out.append((1 - s) * t / rope["factor"] + s * t)
        return np.array(out), 1.0
    if kind == "dynamic":
        old, factor = config["max_position_embeddings"], rope["factor"]
        reach = max(length, old)
        base = base * (factor * reach / old - (factor - 1)) ** (dims / (dims - 2))
        return base ** (-np.arange(0, dims, 2) / dims), 1.0
    if kind == "longrope":
        old = rope["original_max_position_embeddings"]
        factors = rope["long_factor"] if length > old else rope["short_factor"]
        stretch = rope.get("factor", config["max_position_embeddings"] / old)
        return theta / np.array(factors), math.sqrt(1 + math.log(stretch) / math.log(old)) if stretch > 1 else 1.0
    return theta, 1.0


def turn(x, angles, layout, sign, magnitude=1.0):
    """x: [heads, rows, width]; turns the first 2 * pairs dims."""
    pairs = angles.shape[1]
    out, c, s = x.copy(), np.cos(angles) * magnitude, np.sin(angles) * sign * magnitude
    one, two = (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if layout == "interleaved" else (
        slice(0, pairs), slice(pairs, 2 * pairs))
    out[..., one], out[..., two] = x[..., one] * c - x[..., two] * s, x[..., one] * s + x[..., two] * c
    return out


def score(name, rope, changes, sites, value_pairs):
    folder = f"{shared}/parity/{name}"
    config = json.load(open(f"{folder}/config.json")) | (changes or {})
    W = {k: v.astype(np.float64) for k, v in tensors(f"{folder}/model.safetensors").items()}
    ids = tensors(f"{folder}/golden.safetensors")["input_ids"][0]
    rope = rope or config["rope_parameters"]
    config["max_position_embeddings"] = rope.get("context", config["max_position_embeddings"])
    n, heads, width = len(ids), config["num_attention_heads"], config["hidden_size"]
    neox, latent = config["model_type"] == "gpt_neox", config["model_type"] == "deepseek_v2"
    gemma, hunyuan = config["model_type"] == "gemma3_text", config["model_type"] == "hunyuan_v1_dense"
    scale = config.get("attention_multiplier", config.get("query_pre_attn_scalar", 0) ** -0.5 if gemma else None)
    residual = config.get("residual_multiplier", 1.0)
    cap = lambda y, key: y if config.get(key) is None else config[key] * np.tanh(y / config[key])
    kv = heads if neox or latent else config["num_key_value_heads"]
    eps = config.get("rms_norm_eps", config.get("layer_norm_eps"))
    head = config["qk_head_dim"] if latent else config.get("head_dim", width // heads)
    dims = config["qk_rope_head_dim"] if latent else int(head * rope.get("partial_rotary_factor", 1.0))
    layout = "interleaved" if latent else "half"
    position = np.arange(n)[:, None]

    def tables(rope):
        theta, magnitude = frequencies(dims, rope, config, n)
        value_theta = theta.astype(np.float32).astype(np.float64)
        if value_pairs is not None:
            value_theta[: len(theta) - value_pairs] = 0
        return position * theta, position * value_theta, magnitude

    def norm(x, prefix):
        if neox:
            c = x - x.mean(-1, keepdims=True)
            return c / np.sqrt((c * c).mean(-1, keepdims=True) + eps) * W[prefix + ".weight"] + W[prefix + ".bias"]
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * (W[prefix + ".weight"] + (1 if gemma else 0))

    def linear(x, prefix, bias=True):
        y = x @ W[prefix + ".weight"].T
        return y + W[prefix + ".bias"] if bias and prefix + ".bias" in W else y

    def split(y, count):
        return y.reshape(n, count, -1).transpose(1, 0, 2)

    erf = np.vectorize(math.erf)
    x = W["gpt_neox.embed_in.weight" if neox else "model.embed_tokens.weight"][ids]
    x = x * (float(np.float32(math.sqrt(width))) if gemma else config.get("embedding_multiplier", 1.0))
    for layer in range(config["num_hidden_layers"]):
        p = f"gpt_neox.layers.{layer}." if neox else f"model.layers.{layer}."
        a = p + ("attention." if neox else "self_attn.")
        kind = config["layer_types"][layer] if gemma else None
        angles, value_angles, magnitude = tables(rope[kind] if gemma else rope)
        mask = np.triu(np.full((n, n), -np.inf), 1)
        if kind == "sliding_attention":
            mask += np.tril(np.full((n, n), -np.inf), -config["sliding_window"])
        h = norm(x, p + "input_layernorm")
        value_bias = 0.0
        if neox:
            fused = linear(h, a + "query_key_value", bias=False).reshape(n, heads, 3, head).transpose(2, 1, 0, 3)
            b = W[a + "query_key_value.bias"].reshape(heads, 3, head).transpose(1, 0, 2)[:, :, None]
            q, k, v, value_bias = fused[0] + b[0], fused[1] + b[1], fused[2], b[2]
        elif latent:
            still, rank = config["qk_nope_head_dim"], config["kv_lora_rank"]
            q = split(linear(h, a + "q_proj"), heads)
            down = linear(h, a + "kv_a_proj_with_mqa")
            up = split(linear(norm(down[:, :rank], a + "kv_a_layernorm"), a + "kv_b_proj"), heads)
            shared_key = np.repeat(down[None, :, rank:], heads, 0)
            k, v = np.concatenate([up[..., :still], shared_key], -1), up[..., still:]
        else:
            q, k = split(linear(h, a + "q_proj"), heads), split(linear(h, a + "k_proj"), kv)
            v = split(linear(h, a + "v_proj", bias=False), kv)
            if a + "v_proj.bias" in W:
                value_bias = W[a + "v_proj.bias"].reshape(kv, 1, head)
        if gemma:
            q, k = norm(q, a + "q_norm"), norm(k, a + "k_norm")
        first = head - dims if latent else 0
        for site, x_ in (("q", q), ("k", k)):
            if site in sites:
                x_[..., first:] = turn(x_[..., first:], angles, layout, 1, magnitude)
        if hunyuan:
            q, k = norm(q, a + "query_layernorm"), norm(k, a + "key_layernorm")
        if "v" in sites:
            v = turn(v, value_angles, layout, 1)
        elif "o" not in sites:
            v = v + value_bias
        k, v = np.repeat(k, heads // kv, 0), np.repeat(v, heads // kv, 0)
        s = q @ k.transpose(0, 2, 1) * (scale or head ** -0.5) + mask
        s = np.exp(s - s.max(-1, keepdims=True))
        o = s / s.sum(-1, keepdims=True) @ v
        if "o" in sites:
            o = turn(o, value_angles, layout, -1)
        if ("v" in sites or "o" in sites) and not np.isscalar(value_bias):
            o = o + np.repeat(value_bias, heads // kv, 0)
        o = linear(o.transpose(1, 0, 2).reshape(n, -1), a + ("dense" if neox else "o_proj"))
        if neox:
            m = linear(norm(x, p + "post_attention_layernorm"), p + "mlp.dense_h_to_4h")
            x = x + o + linear(m * 0.5 * (1 + erf(m / math.sqrt(2))), p + "mlp.dense_4h_to_h")
        elif gemma:
            x = x + norm(o, p + "post_attention_layernorm")
            h = norm(x, p + "pre_feedforward_layernorm")
            g = linear(h, p + "mlp.gate_proj")
            g = g * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (g + 0.044715 * g ** 3)))
            x = x + norm(linear(g * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj"),
                         p + "post_feedforward_layernorm")
        else:
            x = x + residual * o
            h = norm(x, p + "post_attention_layernorm")
            g = linear(h, p + "mlp.gate_proj")
            x = x + residual * linear(g / (1 + np.exp(-g)) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
    h = norm(x, "gpt_neox.final_layer_norm" if neox else "model.norm")
    logits = h @ W["embed_out.weight" if neox else "lm_head.weight" if "lm_head.weight" in W else
                   "model.embed_tokens.weight"].T
    logits = cap(logits / config.get("logits_scaling", 1.0), "final_logit_softcapping")
    top = logits.max(-1, keepdims=True)
    z = top[:, 0] + np.log(np.exp(logits - top).sum(-1))
    return float(np.mean(z[:-1] - logits[np.arange(n - 1), ids[1:]]))


llama3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
dynamic = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0, "context": 48}
longrope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.1, 1.3, 1.5],
            "long_factor": [1.0, 2.0, 3.0, 4.0], "original_max_position_embeddings": 64}
granite = {"model_type": "granite", "embedding_multiplier": 3.0, "residual_multiplier": 0.4,
           "attention_multiplier": 0.11, "logits_scaling": 0.6}
logit_cap = {"final_logit_softcapping": 1.5}
rows = []
for name, rope, sites, pairs, *changes in [
    ("llama", None, "qk", None), ("llama", None, "qkvo", None), ("llama", None, "qkvo", 2), ("llama", None, "o", None),
    ("llama", llama3, "qkvo", None), ("llama-tied-llama3", None, "qkvo", None), ("llama", dynamic, "qkvo", None),
    ("llama", dynamic, "qk", None), ("llama", longrope, "qkvo", None), ("llama", longrope, "vo", None),
    ("qwen2", None, "qk", None), ("qwen2", None, "qkvo", None), ("qwen2", None, "v", None), ("qwen2", None, "o", None),
    ("gpt-neox", None, "qk", None), ("gpt-neox", None, "qkvo", None), ("gpt-neox", None, "vo", 1),
    ("gpt-neox", None, "qkv", None), ("deepseek-v2-mla", None, "qk", None), ("deepseek-v2-mla", None, "qkvo", None),
    ("deepseek-v2-mla", None, "vo", None), ("deepseek-v2-mla", None, "q", None),
    ("llama", None, "qk", None, granite), ("llama", None, "qkvo", None, granite),
    ("gemma3", None, "qk", None), ("gemma3", None, "qk", None, logit_cap),
    ("gemma3", None, "qkvo", None, logit_cap),
    ("hunyuan", None, "qk", None), ("hunyuan", None, "qkvo", None), ("hunyuan", None, "k", None), ("hunyuan", None, "vo", 3),
]:
    changes = changes[0] if changes else None
    rows.append({"folder": name, "rope_parameters": rope, "config": changes, "sites": sites, "value_pairs": pairs,
                 "nll": score(name, rope, changes, sites, pairs)})
print(json.dumps(rows, indent=1))
