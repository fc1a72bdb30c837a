#!/usr/bin/env python3
"""Independent reference for DeepSeek-V4 (numpy, float64, no code of Sources/ or of transformers): its block for any
sites that turn and with any of the defects that ports have, and what each layer passes on.

    pip install numpy safetensors
    deepseek_v4.py FOLDER [--sites qkvo] [--defect NAME]     difference to FOLDER/golden.safetensors, for defects too

FOLDER has the tensors under the names that transformers saves or under those of its modules. The shared vector of a
token, and each compressed entry, is a key and a value: sites k and v turn its two copies, q the queries, o the outputs
back. The index of sparse layers decides where attention looks, not what it does: it turns whatever the sites are."""
import argparse
import json
import os
import re

import numpy as np
from safetensors.numpy import load_file

DEFECTS = {
    "no-inverse": "outputs are not turned back",
    "compressed-base": "sliding layers turn with the base and the scaling of compressed layers",
    "entry-position": "compressed entries stand one rate after their place",
    "comb-not-transposed": "streams are mixed by rows instead of columns",
}
# From the names that are saved to those of transformers' modules.
NAMES = [
    (r"^model\.", ""), (r"^head\.", "lm_head."), (r"^embed\.", "embed_tokens."), (r"^hc_head_", "hc_head.hc_"),
    (r"\.attn\.", ".self_attn."), (r"\.ffn\.", ".mlp."), (r"\.indexer\.compressor\.", ".compressor.indexer."),
    (r"\.self_attn\.indexer\.weights_proj", ".self_attn.compressor.indexer.scorer.weights_proj"),
    (r"\.self_attn\.indexer\.wq_b", ".self_attn.compressor.indexer.q_b_proj"), (r"\.attn_norm\.", ".input_layernorm."),
    (r"\.ffn_norm\.", ".post_attention_layernorm."), (r"\.hc_(attn|ffn)_", r".\1_hc."), (r"\.attn_sink$", ".sinks"),
    (r"\.norm\.weight", ".kv_norm.weight"), (r"\.ape$", ".position_bias"), (r"\.w(q_[ab]|o_[ab]|kv)\.", r".\1_proj."),
    (r"\.wgate\.", ".gate_proj."), (r"\.q_norm\.", ".q_a_norm."), (r"\.gate\.bias", ".gate.e_score_correction_bias"),
    (r"\.w1\.", ".gate_proj."), (r"\.w2\.", ".down_proj."), (r"\.w3\.", ".up_proj."),
]


def weights_of(folder):
    weights = {}
    for name, tensor in load_file(os.path.join(folder, "model.safetensors")).items():
        for pattern, new in NAMES:
            name = re.sub(pattern, new, name)
        weights[name] = tensor.astype(np.float64) if tensor.dtype.kind == "f" else tensor
    return weights


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def frequencies(parameters, width):
    """Radians a position of each pair; YaRN as the paper has it, without a magnitude."""
    pairs = np.arange(0, width, 2) / width
    plain = parameters["rope_theta"] ** -pairs
    if parameters["rope_type"] == "default":
        return plain
    assert parameters["rope_type"] == "yarn" and parameters["attention_factor"] == 1.0, parameters
    at = [width * np.log(parameters["original_max_position_embeddings"] / (turns * 2 * np.pi))
          / (2 * np.log(parameters["rope_theta"])) for turns in (parameters["beta_fast"], parameters["beta_slow"])]
    low, high = max(np.floor(at[0]), 0), min(np.ceil(at[1]), width - 1)
    ramp = np.clip((np.arange(width // 2) - low) / max(high - low, 0.001), 0, 1)
    return plain / parameters["factor"] * ramp + plain * (1 - ramp)


def first_of_equals(scores, count):
    """The places of the largest scores of each row."""
    return np.argsort(-scores, 1, kind="stable")[:, :count]


def turn(x, positions, rates, sign=1):
    """Neighbouring pairs of the last dims of x, [tokens, ..., width]."""
    angles = sign * np.asarray(positions, np.float64)[:, None] * rates
    angles = angles.reshape(len(x), *[1] * (x.ndim - 2), -1)
    out, first = x.copy(), x.shape[-1] - 2 * rates.size
    one, two = x[..., first::2], x[..., first + 1::2]
    out[..., first::2] = one * np.cos(angles) - two * np.sin(angles)
    out[..., first + 1::2] = one * np.sin(angles) + two * np.cos(angles)
    return out


class Model:
    """`largest` says which of equal scores of an index are kept: it can be the order of another implementation."""

    def __init__(self, folder, largest=first_of_equals):
        self.largest = largest
        with open(os.path.join(folder, "config.json")) as file:
            self.config = json.load(file)
        self.weights = weights_of(folder)
        c = self.config
        rotary = c["qk_rope_head_dim"] if "qk_rope_head_dim" in c else int(c["head_dim"] * c["partial_rotary_factor"])
        self.rates = {kind: frequencies(c["rope_parameters"][kind], rotary) for kind in ("main", "compress")}

    def rms(self, x, gain=None):
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"])
        return x if gain is None else x * self.weights[gain]

    def product(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def entries(self, x, name, rate, overlapping):
        """Compressed entries of closed windows, not turned yet, [entries, width]."""
        count = len(x) // rate
        kv, gate = (self.product(x[: count * rate], name + part).reshape(count, rate, -1)
                    for part in (".kv_proj", ".gate_proj"))
        gate = gate + self.weights[name + ".position_bias"]
        if overlapping:
            width = kv.shape[-1] // 2
            before = np.full((1, rate, width), -np.inf)
            gate = np.concatenate((np.concatenate((before, gate[:-1, :, :width])), gate[..., width:]), 1)
            kv = np.concatenate((np.concatenate((0 * kv[:1, :, :width], kv[:-1, :, :width])), kv[..., width:]), 1)
        return self.rms((softmax(gate, 1) * kv).sum(1), name + ".kv_norm.weight")

    def chosen(self, x, low, name, rate, visible, shift):
        """Which entries each token attends to: those it sees, the best of them where they are too many."""
        c = self.config
        keys = self.entries(x, name, rate, True)
        keys = turn(keys, np.arange(len(keys)) * rate + shift, self.rates["compress"])
        queries = self.product(low, name + ".q_b_proj").reshape(len(x), -1, c["index_head_dim"])
        queries = turn(queries, np.arange(len(x)), self.rates["compress"])
        parts = np.maximum(queries @ keys.T, 0) * c["index_head_dim"] ** -0.5
        factors = self.product(x, name + ".scorer.weights_proj") * c["index_n_heads"] ** -0.5
        scores = np.where(visible, (parts * factors[..., None]).sum(1), -np.inf)
        if scores.shape[1] <= c["index_topk"]:
            return visible
        best = self.largest(scores, c["index_topk"])
        mask = np.zeros_like(visible)
        np.put_along_axis(mask, best, True, 1)
        return mask & visible

    def attention(self, x, layer, sites, defect):
        c, name = self.config, f"layers.{layer}.self_attn"
        kind, tokens = c["layer_types"][layer], len(x)
        where = np.arange(tokens)
        rates = self.rates["main" if kind == "sliding_attention" and defect != "compressed-base" else "compress"]
        low = self.rms(self.product(x, name + ".q_a_proj"), name + ".q_a_norm.weight")
        queries = self.rms(self.product(low, name + ".q_b_proj").reshape(tokens, -1, c["head_dim"]))
        queries = turn(queries, where, rates) if "q" in sites else queries
        shared = self.rms(self.product(x, name + ".kv_proj"), name + ".kv_norm.weight")
        age = where[:, None] - where
        seen = (age >= 0) & (age < c["sliding_window"])
        positions = where
        if kind != "sliding_attention":
            rate, sparse = c["compress_rates"][kind], kind == "compressed_sparse_attention"
            shift = rate if defect == "entry-position" else 0
            made = self.entries(x, name + ".compressor", rate, sparse)
            visible = np.arange(len(made)) < (where[:, None] + 1) // rate
            if sparse and len(made):
                visible = self.chosen(x, low, name + ".compressor.indexer", rate, visible, shift)
            shared, seen = np.concatenate((shared, made)), np.concatenate((seen, visible), 1)
            positions = np.concatenate((where, np.arange(len(made)) * rate + shift))
        keys, values = (turn(shared, positions, rates) if site in sites else shared for site in "kv")
        scores = np.einsum("thd,sd->hts", queries, keys) * c["head_dim"] ** -0.5
        scores = np.where(seen, scores, -np.inf)
        sinks = np.broadcast_to(self.weights[name + ".sinks"][:, None, None], (*scores.shape[:2], 1))
        output = np.einsum("hts,sd->thd", softmax(np.concatenate((scores, sinks), -1))[..., :-1], values)
        output = turn(output, where, rates, -1) if "o" in sites and defect != "no-inverse" else output
        groups = c["o_groups"]
        matrix = self.weights[name + ".o_a_proj.weight"].reshape(groups, c["o_lora_rank"], -1)
        grouped = np.einsum("tgi,gri->tgr", output.reshape(tokens, groups, -1), matrix)
        return self.product(grouped.reshape(tokens, -1), name + ".o_b_proj")

    def gated(self, x, gate, up, down):
        limit = self.config["swiglu_limit"]
        gate, up = np.minimum(x @ gate.T, limit), np.clip(x @ up.T, -limit, limit)
        return (gate * sigmoid(gate) * up) @ down.T

    def experts(self, x, layer, ids):
        c, w, name = self.config, self.weights, f"layers.{layer}.mlp"
        scores = np.sqrt(np.logaddexp(0, self.product(x, name + ".gate")))
        if c["mlp_layer_types"][layer] == "hash_moe":
            chosen = w[name + ".gate.tid2eid"][ids]
        else:
            chosen = np.argsort(-(scores + w[name + ".gate.e_score_correction_bias"]), 1,
                                kind="stable")[:, : c["num_experts_per_tok"]]
        shares = np.take_along_axis(scores, chosen, 1)
        shares = shares / (shares.sum(1, keepdims=True) + 1e-20) * c["routed_scaling_factor"]
        out = self.gated(x, *(w[f"{name}.shared_experts.{part}_proj.weight"] for part in ("gate", "up", "down")))
        for expert in range(c["n_routed_experts"]):
            rows, slots = np.nonzero(chosen == expert)
            if f"{name}.experts.gate_up_proj" in w:
                gate, up = np.split(w[f"{name}.experts.gate_up_proj"][expert], 2)
                down = w[f"{name}.experts.down_proj"][expert]
            else:
                gate, up, down = (w[f"{name}.experts.{expert}.{part}_proj.weight"] for part in ("gate", "up", "down"))
            np.add.at(out, rows, self.gated(x[rows], gate, up, down) * shares[rows, slots, None])
        return out

    def around(self, streams, name, sublayer, defect):
        """Hyper-connections around a sublayer; streams are [tokens, N, width]."""
        c, w = self.config, self.weights
        n, eps = c["hc_mult"], c["hc_eps"]
        mixed = self.rms(streams.reshape(len(streams), -1)) @ w[name + ".fn"].T
        pre, post, comb = (part * scale + base for part, scale, base in zip(
            np.split(mixed, [n, 2 * n], -1), w[name + ".scale"], np.split(w[name + ".base"], [n, 2 * n])))
        pre, post = sigmoid(pre) + eps, 2 * sigmoid(post)
        comb = softmax(comb.reshape(-1, n, n)) + eps
        comb = comb / (comb.sum(-2, keepdims=True) + eps)
        for _ in range(c["hc_sinkhorn_iters"] - 1):
            comb = comb / (comb.sum(-1, keepdims=True) + eps)
            comb = comb / (comb.sum(-2, keepdims=True) + eps)
        if defect != "comb-not-transposed":
            comb = comb.transpose(0, 2, 1)
        made = sublayer((pre[..., None] * streams).sum(1))
        return post[..., None] * made[:, None] + comb @ streams

    def forward(self, ids, sites="qkvo", defect=None):
        """Logits of one row of ids, [tokens, vocabulary], and the streams after each layer."""
        c, w, after = self.config, self.weights, []
        x = np.repeat(w["embed_tokens.weight"][ids][:, None], c["hc_mult"], 1)
        for layer in range(c["num_hidden_layers"]):
            name = f"layers.{layer}."
            x = self.around(x, name + "attn_hc", lambda y: self.attention(
                self.rms(y, name + "input_layernorm.weight"), layer, sites, defect), defect)
            x = self.around(x, name + "ffn_hc", lambda y: self.experts(
                self.rms(y, name + "post_attention_layernorm.weight"), layer, ids), defect)
            after.append(x)
        mixed = self.rms(x.reshape(len(x), -1)) @ w["hc_head.hc_fn"].T
        weights = sigmoid(mixed * w["hc_head.hc_scale"] + w["hc_head.hc_base"]) + c["hc_eps"]
        return self.product(self.rms((weights[..., None] * x).sum(1), "norm.weight"), "lm_head"), after


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--sites", default="qkvo")
    parser.add_argument("--defect", choices=DEFECTS)
    a = parser.parse_args()
    golden = load_file(os.path.join(a.folder, "golden.safetensors"))
    model = Model(a.folder)
    for ids, logits in zip(golden["input_ids"], golden["logits"]):
        found, _ = model.forward(ids, "" if a.sites == "nope" else a.sites, a.defect)
        print(f"largest difference {abs(found - logits).max() / logits.std():.1e} standard deviations")


if __name__ == "__main__":
    main()
