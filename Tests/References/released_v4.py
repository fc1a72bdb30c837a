"""Writes a folder in the shape of DeepSeek-V4 as it is released, with random weights: FP8 numbers with a power of two for
every 128 x 128, experts in MXFP4, a shard for each layer, names without "model.", a flat config.json. Attention, experts
and streams have the sizes of V4-Flash; there are fewer experts and layers."""
import json
import os
import pathlib

import numpy as np

WIDTH, HEADS, HEAD, ROTARY, QUERY_RANK, GROUPS, OUTPUT_RANK = 4096, 64, 512, 64, 1024, 8, 1024
INNER, STREAMS, INDEX_HEADS, INDEX_HEAD, BLOCK = 2048, 4, 64, 128, 128
SPARSE, HEAVY, HASHED = 4, 128, 3
EXPERT_BYTES = 3 * WIDTH * INNER * 17 // 32
FP8, BF16, F32, E8M0, FP4, I64 = "F8_E4M3", "BF16", "F32", "F8_E8M0", "I8", "I64"
BYTES = {FP8: 1, BF16: 2, F32: 4, E8M0: 1, FP4: 1, I64: 8}


def rate(layer):
    """The first two layers see their window alone; then sparse and heavily compressed ones take turns."""
    return 0 if layer < 2 else SPARSE if layer % 2 == 0 else HEAVY


def layers_for(gigabytes, experts):
    return max(4, int(np.ceil(gigabytes * 1e9 / (experts * EXPERT_BYTES))))


def configuration(layers, experts, used, vocabulary):
    return {
        "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "attention_bias": False,
        "compress_ratios": [*map(rate, range(layers)), 0], "compress_rope_theta": 160000, "hc_eps": 1e-6,
        "hc_mult": STREAMS, "hc_sinkhorn_iters": 20, "head_dim": HEAD, "hidden_act": "silu", "hidden_size": WIDTH,
        "index_head_dim": INDEX_HEAD, "index_n_heads": INDEX_HEADS, "index_topk": 512,
        "max_position_embeddings": 1048576, "moe_intermediate_size": INNER, "n_routed_experts": experts,
        "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": HEADS, "num_experts_per_tok": used,
        "num_hash_layers": HASHED, "num_hidden_layers": layers, "num_key_value_heads": 1,
        "num_nextn_predict_layers": 1, "o_groups": GROUPS, "o_lora_rank": OUTPUT_RANK, "q_lora_rank": QUERY_RANK,
        "qk_rope_head_dim": ROTARY, "rms_norm_eps": 1e-6, "rope_theta": 10000, "routed_scaling_factor": 1.5,
        "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32,
                         "beta_slow": 1},
        "scoring_func": "sqrtsoftplus", "sliding_window": 128, "swiglu_limit": 10.0, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": vocabulary,
        "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                                "scale_fmt": "ue8m0", "weight_block_size": [BLOCK, BLOCK]},
    }


def weights_of(layer, experts, used, vocabulary):
    """Names, types and shapes; a weight in fewer bits is followed by its scales."""
    def scaled(name, rows, columns):
        yield f"{name}.weight", FP8, [rows, columns]
        yield f"{name}.scale", E8M0, [-(-rows // BLOCK), -(-columns // BLOCK)]

    def compressor(name, width):
        series = 2 if rate(layer) == SPARSE else 1
        for part in ("wkv", "wgate"):
            yield f"{name}.{part}.weight", BF16, [series * width, WIDTH]
        yield f"{name}.ape", F32, [rate(layer), series * width]
        yield f"{name}.norm.weight", BF16, [width]

    here = f"layers.{layer}"
    for sublayer in ("attn", "ffn"):
        yield f"{here}.{sublayer}_norm.weight", BF16, [WIDTH]
        mixes = (2 + STREAMS) * STREAMS
        yield f"{here}.hc_{sublayer}_fn", F32, [mixes, STREAMS * WIDTH]
        yield f"{here}.hc_{sublayer}_base", F32, [mixes]
        yield f"{here}.hc_{sublayer}_scale", F32, [3]
    attention = f"{here}.attn"
    yield f"{attention}.attn_sink", F32, [HEADS]
    yield f"{attention}.q_norm.weight", BF16, [QUERY_RANK]
    yield f"{attention}.kv_norm.weight", BF16, [HEAD]
    yield from scaled(f"{attention}.wq_a", QUERY_RANK, WIDTH)
    yield from scaled(f"{attention}.wq_b", HEADS * HEAD, QUERY_RANK)
    yield from scaled(f"{attention}.wkv", HEAD, WIDTH)
    yield f"{attention}.wo_a.weight", BF16, [GROUPS * OUTPUT_RANK, HEADS * HEAD // GROUPS]
    yield from scaled(f"{attention}.wo_b", WIDTH, GROUPS * OUTPUT_RANK)
    if rate(layer):
        yield from compressor(f"{attention}.compressor", HEAD)
    if rate(layer) == SPARSE:
        yield from scaled(f"{attention}.indexer.wq_b", INDEX_HEADS * INDEX_HEAD, QUERY_RANK)
        yield f"{attention}.indexer.weights_proj.weight", BF16, [INDEX_HEADS, WIDTH]
        yield from compressor(f"{attention}.indexer.compressor", INDEX_HEAD)
    network = f"{here}.ffn"
    yield f"{network}.gate.weight", BF16, [experts, WIDTH]
    yield (f"{network}.gate.tid2eid", I64, [vocabulary, used]) if layer < HASHED else (f"{network}.gate.bias", F32, [experts])
    for part, rows, columns in [("w1", INNER, WIDTH), ("w2", WIDTH, INNER), ("w3", INNER, WIDTH)]:
        yield from scaled(f"{network}.shared_experts.{part}", rows, columns)
        for expert in range(experts):
            yield f"{network}.experts.{expert}.{part}.weight", FP4, [rows, columns // 2]
            yield f"{network}.experts.{expert}.{part}.scale", E8M0, [rows, columns // 32]


def ends(vocabulary):
    yield "embed.weight", BF16, [vocabulary, WIDTH]
    yield "head.weight", BF16, [vocabulary, WIDTH]
    yield "norm.weight", BF16, [WIDTH]
    yield "hc_head_fn", F32, [STREAMS, STREAMS * WIDTH]
    yield "hc_head_base", F32, [STREAMS]
    yield "hc_head_scale", F32, [1]


class Numbers:
    """Bytes of weights, cut from pools of random ones."""
    def __init__(self, rng, experts, used):
        self.rng, self.experts, self.used = rng, experts, used
        size = 1 << 24
        # Up to 2: with their scales, 2^-6, up to 0.03.
        self.eights = (rng.integers(0, 2, size, np.uint8) << 7) | rng.integers(3 << 3, 8 << 3, size, np.uint8)
        self.fours = rng.integers(0, 256, size, np.uint8)
        self.halves = (rng.standard_normal(size // 2).astype(np.float32) * 0.02).view(np.uint32) >> 16
        self.halves = self.halves.astype(np.uint16)

    def bytes(self, name, kind, shape):
        count = int(np.prod(shape))

        def cut(pool):
            return np.resize(np.roll(pool, -int(self.rng.integers(len(pool)))), count)

        if kind == FP8:
            return cut(self.eights)
        if kind == FP4:
            return cut(self.fours)
        if kind == E8M0:
            # Elements of experts reach 6.
            return self.rng.integers(118, 121, count, np.uint8) if ".experts." in name else np.full(count, 121, np.uint8)
        if kind == I64:
            return self.rng.random((shape[0], self.experts)).argsort(1)[:, :self.used].astype(np.int64)
        if kind == BF16 and len(shape) == 1:
            return ((1 + 0.1 * self.rng.standard_normal(count)).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        if kind == BF16:
            return cut(self.halves)
        return (self.rng.standard_normal(count) * (0.005 if name.endswith("_fn") else 0.5)).astype(np.float32)


def write(path, gigabytes, experts, used, vocabulary, rng):
    """Writes the folder; returns how many layers it has."""
    layers = layers_for(gigabytes, experts)
    os.mkdir(path)
    pathlib.Path(f"{path}/config.json").write_text(json.dumps(configuration(layers, experts, used, vocabulary)))
    shards = [list(ends(vocabulary)), *(list(weights_of(layer, experts, used, vocabulary)) for layer in range(layers))]
    numbers, index = Numbers(rng, experts, used), {}
    for number, weights in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        header, offset = {}, 0
        for name, kind, shape in weights:
            size = BYTES[kind] * int(np.prod(shape))
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + size]}
            offset += size
            index[name] = file
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(f"{path}/{file}", "wb") as output:
            output.write(len(text).to_bytes(8, "little") + text)
            for name, kind, shape in weights:
                output.write(numbers.bytes(name, kind, shape).tobytes())
    pathlib.Path(f"{path}/model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return layers
