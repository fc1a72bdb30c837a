#!/usr/bin/env python3
"""Makes tiny checkpoints of families with several kinds of layers, each with 2,048 ids and the logits that transformers
gives for them, so that windows, compressed entries and blocks of a recurrence close many times. Over that length its own
float32 is up to 1e-3 standard deviations off; so its code is run in double precision, angles included.

    pip install torch transformers
    long_families.py OUTPUT_FOLDER [NAME...] [--length 2048]      OUTPUT_FOLDER/NAME, with golden.safetensors

All that a new model holds at zero or one is random, buffers included. Where a model chooses (experts, entries of an
index), a choice that hangs on rounding would make the comparison ill-posed: so the ids are changed until, in every row
of every choice, the last that is kept and the first that is dropped lie MARGIN of that row's standard deviation apart.
The smallest such gap is printed and stored in golden.safetensors, as are how many choices dropped anything.
A name that ends in -own has the weights under the names that transformers uses, the others as it saves them."""
import argparse
import math
import os
import pathlib

import torch
import transformers
from safetensors.torch import save_file
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

LENGTH = 2048
MARGIN = 3e-5
CLOSE = 1e-6  # Standard deviations of a row of scores between which a choice hangs on rounding.
SIZES = {"vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8,
         "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96, "max_position_embeddings": 4096,
         "tie_word_embeddings": False, "rms_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 1}
DELTA = {"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
         "linear_conv_kernel_dim": 4}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 32}
SHARED_EXPERT = {"shared_expert_intermediate_size": 48}
SLIDING, HEAVY, SPARSE = "sliding_attention", "heavily_compressed_attention", "compressed_sparse_attention"
DEEPSEEK_V4 = {
    "num_hidden_layers": 5, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 32, "q_lora_rank": 24,
    "o_groups": 2, "o_lora_rank": 16, "intermediate_size": 32, "moe_intermediate_size": 32, "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "sliding_window": 48, "qk_rope_head_dim": 8,
    # Many heads: the index adds up ReLUs, and with few of them entries tie at zero.
    "index_n_heads": 32, "index_head_dim": 16, "index_topk": 64,
    "layer_types": [SLIDING, HEAVY, SPARSE, SLIDING, SPARSE], "mlp_layer_types": ["hash_moe", *["moe"] * 4],
    "compress_rates": {SPARSE: 4, HEAVY: 128},
    "rope_parameters": {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 256,
                        "beta_fast": 32.0, "beta_slow": 1.0},
}
GEMMA4 = {
    "num_hidden_layers": 6, "layer_types": [SLIDING, "full_attention"] * 3, "sliding_window": 48, "global_head_dim": 32,
    "hidden_size_per_layer_input": 16, "vocab_size_per_layer_input": 320, "num_kv_shared_layers": 2,
    "tie_word_embeddings": True, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1,
}
# By the name of the folder: the model_type in transformers, and what is not as in SIZES or by default.
MODELS = {
    "deepseek-v4": ("deepseek_v4", DEEPSEEK_V4),
    "deepseek-v4-own": ("deepseek_v4", DEEPSEEK_V4),
    # Rates that do not divide the length, so that tokens remain which are in no entry.
    "deepseek-v4-rates": ("deepseek_v4", DEEPSEEK_V4 | {
        "compress_rates": {SPARSE: 3, HEAVY: 20}, "layer_types": [SPARSE, HEAVY, SPARSE, HEAVY, SLIDING],
        "mlp_layer_types": ["hash_moe", "hash_moe", "moe", "moe", "moe"], "index_topk": 17}),
    "qwen3-5": ("qwen3_5_text", DELTA),
    "qwen3-5-moe": ("qwen3_5_moe_text", DELTA | EXPERTS | SHARED_EXPERT),
    "qwen3-next": ("qwen3_next", DELTA | EXPERTS | SHARED_EXPERT),
    "gemma4": ("gemma4_text", GEMMA4),
    "gemma4-k-eq-v": ("gemma4_text", GEMMA4 | {
        "attention_k_eq_v": True, "num_global_key_value_heads": 1, "num_kv_shared_layers": 0,
        "hidden_size_per_layer_input": 0, "final_logit_softcapping": 30.0}),
    "gemma4-moe": ("gemma4_text", GEMMA4 | {
        "enable_moe_block": True, "num_experts": 8, "top_k_experts": 3, "moe_intermediate_size": 32,
        "attention_k_eq_v": True, "num_global_key_value_heads": 1, "num_kv_shared_layers": 0,
        "hidden_size_per_layer_input": 0}),
    "gemma4-wide": ("gemma4_text", GEMMA4 | {"use_double_wide_mlp": True}),
}


class Choices(TorchDispatchMode):
    """The gaps of every top-k inside of this context, one for each row, as shares of the row's standard deviation."""

    def __init__(self):
        super().__init__()
        self.gaps = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.topk.default and args[0].dim() > 1 and args[0].shape[-1] > args[1]:
            rows = args[0].detach().double().sort(-1, descending=True).values
            finite = rows.isfinite()
            count = finite.sum(-1)
            mean = rows.where(finite, 0).sum(-1) / count
            spread = ((rows - mean[..., None]).where(finite, 0).square().sum(-1) / count).sqrt()
            kept, dropped = rows[..., args[1] - 1], rows[..., args[1]]
            gap = ((kept - dropped) / spread).where(dropped.isfinite(), math.inf)
            self.gaps.append(gap.flatten())
        return function(*args, **(kwargs or {}))

    def before_ties(self, shape):
        """Which tokens of rows, a tensor of this shape, come before the first choice there that hangs on rounding."""
        settled = torch.ones(shape, dtype=torch.bool)
        for gaps in self.gaps:
            near = (gaps.view(*shape, -1) < CLOSE).any(-1)  # some choose several times for a token
            settled &= ~near.cummax(-1).values
        return settled


class DoublePrecision(TorchFunctionMode):
    """Whatever code inside of this context asks to be float32 is float64."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        def wider(value):
            return torch.float64 if value is torch.float32 else value

        function = torch.Tensor.double if function is torch.Tensor.float else function
        return function(*map(wider, args), **{name: wider(value) for name, value in (kwargs or {}).items()})


def in_double(folder, ids):
    """Logits of a folder's model, computed by transformers in double precision."""
    with torch.no_grad(), DoublePrecision():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, attn_implementation="eager", experts_implementation="eager", dtype=torch.float64).eval()
        held = {tensor.dtype for tensor in model.state_dict().values()} | {b.dtype for b in model.buffers()}
        assert torch.float32 not in held, "a part of the model stays in float32"
        return model(ids, use_cache=False).logits


def config_of(name, more={}):
    kind, changes = MODELS[name]
    fields = SIZES | changes | more
    return transformers.AutoConfig.for_model(
        kind, dtype=torch.float32, attn_implementation="eager", **{"pad_token_id": None, **fields})


def random_model(config, seed=20261129):
    """A model of these shapes with nothing left at the values that a new one has."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config, experts_implementation="eager").eval()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("tid2eid"):
                experts = config.n_routed_experts
                for row in tensor:  # each token's experts differ
                    row.copy_(torch.randperm(experts)[: row.numel()])
            elif tensor.dim() <= 1:
                tensor.add_(0.2 * torch.randn_like(tensor))
            elif "conv1d" in name:
                tensor.normal_(0, 0.4)
            elif "embed" in name or "lm_head" in name:
                tensor.normal_(0, 0.12)
            else:
                tensor.normal_(0, 0.08)
            # Scores of modest size and states that last, since neither sharp attention nor the norm of an output that
            # is nearly nothing can be compared in float32.
            if config.model_type == "gemma4_text" and name.endswith(("q_norm.weight", "k_norm.weight")):
                tensor.mul_(0.5)
            if name.endswith("A_log"):
                tensor.sub_(4)
    return model


def well_posed(model, length, vocabulary, say=print):
    """Ids whose every choice has its margin, their logits, the smallest gap and the number of choices that dropped
    something. A token's choices depend on it and what stands before: so the first bad one is replaced, and again."""
    # None of the last three ids, which lent_tokenizer.py writes as (, ) and ().
    ids = torch.randint(3, vocabulary - 3, (1, length))
    for replaced in range(500):
        with torch.no_grad(), Choices() as choices:
            logits = model(ids, use_cache=False).logits
        if not choices.gaps:
            return ids, logits, math.inf, 0
        gaps = torch.stack(choices.gaps)  # choices x tokens
        bad = (gaps < MARGIN).any(0).nonzero()
        if not len(bad):
            say(f"  {replaced} ids replaced; of {gaps.isfinite().sum()} choices the closest {gaps.min():.1e} of the "
                f"row's standard deviation apart")
            return ids, logits, gaps.min().item(), int(gaps.isfinite().sum())
        ids[0, bad[0, 0]] = torch.randint(3, vocabulary - 3, ())
    raise SystemExit("no ids were found whose choices have a margin")


def save_as_own(model, folder):
    """Under the names of transformers' modules, which its own saving turns into the published ones."""
    os.makedirs(folder, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, f"{folder}/model.safetensors",
              metadata={"format": "pt"})


def make(name, folder, length=LENGTH, say=print):
    config = config_of(name)
    model = random_model(config)
    say(f"{name}: {sum(p.numel() for p in model.parameters())} parameters")
    ids, logits, gap, choices = well_posed(model, length, config.vocab_size, say)
    assert logits.isfinite().all() and logits.std() > 0.1, f"{name}: logits are not of use"
    if name.endswith("-own"):
        save_as_own(model, folder)
    else:
        model.save_pretrained(folder)
    exact = in_double(folder, ids)
    furthest = ((logits - exact).abs().max() / exact.std()).item()
    say(f"  transformers in float32 is {furthest:.1e} standard deviations off")
    save_file({"input_ids": ids.int(), "logits": exact.float().contiguous(), "smallest_gap": torch.tensor([gap]),
               "choices": torch.tensor([choices])}, f"{folder}/golden.safetensors")
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--length", type=int, default=LENGTH)
    a = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in a.names:
        make(name, a.folder / name, a.length)


if __name__ == "__main__":
    main()
