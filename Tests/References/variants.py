#!/usr/bin/env python3
"""Independent reference for rotary variants of whatever transformers computes: its own model, hooked.

    pip install torch transformers
    variants.py FOLDER SITES [--tokens IDS.json] [--ctx 96]     prints {"nll", "tokens", "nlls"}

The model runs as transformers wrote it (eager attention, float32). What its own rotary function does to a layer's
queries and keys defines that layer's rotation: it is probed with unit vectors, which gives R_t whatever the layout of
pairs, their number and their frequencies are. Then, with any subset SITES of qkvo (or nope):

    q: q_i -> R_i q_i      k: k_j -> R_j k_j      v: v_j -> R_j v_j      o: o_i -> R_i^T o_i

A site that is not named stays still. Values turn in the first dims of their heads, as many as queries and keys turn,
without the magnitude factor of YaRN and LongRoPE. A layer that never calls the rotary function (NoPE) stays as it is.
Where one vector of a token is its key and its value (DeepSeek-V4), k and v turn two copies of it, of compressed entries
too, and its own turning back of outputs is site o, so that its plain sites are qkvo; the index, which decides where to
look, turns as ever. A value bias stays still where v or o turn: it is added to the aggregate as often as attention
weights sum to (1, and less where a sink takes its share). GPT-2, which has no rotary function, gets one: base 10000,
pairs (p, p + half).

IDS.json is a list of token ids, scored in chunks of --ctx, each from position 0 and alone, at all targets but the
first token; without it the input_ids of FOLDER/golden.safetensors. Shares no code with Sources/ or formats/."""
import argparse
import contextlib
import inspect
import json
import os
import sys

import torch
import transformers
from safetensors.torch import load_file
from torch import nn

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def load(folder):
    """The model of a folder, in float32, with the attention and the experts that are plain loops in Python."""
    options = {"attn_implementation": "eager", "dtype": torch.float32}
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, experts_implementation="eager", **options)
    except TypeError:  # an older library
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, **options)
    return model.eval()


def golden(folder):
    """The ids and logits that lie beside a reference checkpoint."""
    tensors = load_file(os.path.join(folder, "golden.safetensors"))
    return tensors["input_ids"].long(), tensors["logits"]


def value_bias(attention):
    """The bias that is part of the values, [heads, width of a head]; None where there is none."""
    if getattr(attention, "v_proj", None) is not None:
        bias = attention.v_proj.bias
        return None if bias is None else bias.view(-1, attention.head_dim)
    if hasattr(attention, "c_attn"):  # GPT-2: queries, keys and values one after another
        return attention.c_attn.bias.chunk(3)[2].view(attention.num_heads, -1)
    fused = getattr(attention, "query_key_value", None)
    if fused is None or fused.bias is None:  # latent attention, Phi 3, values that are keys have no bias
        return None
    if hasattr(attention, "_split_heads"):  # Falcon
        return type(attention)._split_heads(attention, fused.bias[None, None])[2][0, 0]
    return fused.bias.view(-1, 3, attention.head_size)[:, 2]  # GPT-NeoX: each head's three together


class Hooks:
    """A model's attention with the sites that turn chosen anew for every pass."""

    def __init__(self, model):
        self.model = model
        self.sites = ""
        # R_t of the layer at work, [batch, tokens, width, width]; None before it calls the rotary function.
        self.rotation = None
        self.layers = [m for m in model.modules() if hasattr(m, "layer_idx") and hasattr(m, "is_causal")]
        kinds = getattr(model.config, "layer_types", None) or [""] * model.config.num_hidden_layers
        attending = len(kinds) - kinds.count("linear_attention")
        assert len(self.layers) == attending, "attention modules were not recognized"
        self.code = sys.modules[type(self.layers[0]).__module__]
        self.functions = {name: function for name, function in vars(self.code).items() if name.startswith("apply_rotary")}
        self.learned = not self.functions
        self.plain = "nope" if self.learned else "qk"

    @contextlib.contextmanager
    def installed(self, sites):
        """The model computes a variant inside of this context."""
        self.sites = sites
        handles, eager = [], getattr(self.code, "eager_attention_forward", None)
        for name, function in self.functions.items():
            setattr(self.code, name, self.rotary(function))
        if eager:
            self.code.eager_attention_forward = self.attention(eager)
        for layer in self.layers:
            handles.append(layer.register_forward_pre_hook(self.begin, with_kwargs=True))
            if hasattr(layer, "_split_heads"):
                self.open_falcon(layer, handles)
        try:
            yield
        finally:
            for name, function in self.functions.items():
                setattr(self.code, name, function)
            if eager:
                self.code.eager_attention_forward = eager
            for layer in self.layers:
                layer.__dict__.pop("_split_heads", None)
            for handle in handles:
                handle.remove()

    def begin(self, layer, args, kwargs):
        self.rotation, self.calls = None, 0
        if self.learned:
            self.rotation = plain_rotation(kwargs["position_ids"], layer.head_dim)

    def rotary(self, function):
        """The rotary function of the model's code, with the sites that are not asked for held still."""
        signature = inspect.signature(function)

        def hooked(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            given = bound.arguments
            names = [name for name in given if name in ("q", "k", "xq", "xk", "tensor", "x")]
            tables = {name: x for name, x in given.items() if name in ("cos", "sin", "freqs_cis")}
            rest = {name: x for name, x in given.items() if name not in names and name not in tables}

            def call(tensors, turns):
                used = {name: x if turns else torch.full_like(x, 0 if name == "sin" else 1) for name, x in tables.items()}
                result = function(**dict(zip(names, tensors)), **used, **rest)
                return result if isinstance(result, tuple) else (result,)

            tensors = [given[name] for name in names]
            turned, still = call(tensors, True), call(tensors, False)
            self.probe(call, tensors[0], len(names) == 1)
            if len(names) == 1:  # GPT-J turns keys first, then queries; Gemma 4 the other way round
                site = ("kq" if names[0] == "tensor" else "qk")[self.calls]
                self.calls += 1
                return turned[0] if site in self.sites else still[0]
            return tuple(t if site in self.sites else s for site, t, s in zip("qk", turned, still))

        return hooked

    def probe(self, call, like, tokens_first):
        """Finds R_t from what the rotary function does to unit vectors, one a head."""
        width = like.shape[-1]
        tokens = like.shape[1 if tokens_first else 2]
        units = torch.eye(width).view(1, width, 1, width).expand(like.shape[0], width, tokens, width)

        def columns(turns):
            given = units.transpose(1, 2) if tokens_first else units
            made = call([given] * (1 if tokens_first else 2), turns)[0]
            made = made if tokens_first else made.transpose(1, 2)
            return made.transpose(-1, -2)  # [batch, tokens, dim of the result, dim of the unit vector]

        # Some write their result in another order of dims, turned or not.
        matrices = columns(False).transpose(-1, -2) @ columns(True)
        self.rotation = matrices / matrices.norm(dim=-2, keepdim=True)

    def turn(self, x, inverse):
        """x, [batch, tokens, heads, width], with its first dims turned by their tokens' R_t."""
        width = self.rotation.shape[-1]
        matrices = self.rotation.transpose(-1, -2) if inverse else self.rotation
        turned = torch.einsum("btij,bthj->bthi", matrices.expand(x.shape[0], -1, -1, -1), x[..., :width])
        return torch.cat((turned, x[..., width:]), -1)

    def attention(self, function):
        """The eager attention of the model's code, on turned values, with its outputs turned back."""

        def hooked(module, query, key, value, *args, **kwargs):
            if self.rotation is None:
                return function(module, query, key, value, *args, **kwargs)
            if self.learned:
                query, key = (
                    self.turn(x.transpose(1, 2), False).transpose(1, 2) if site in self.sites else x
                    for site, x in (("q", query), ("k", key))
                )
            bias = self.moving_bias(module)
            if bias is not None:
                value = value - bias[:, None]
            if "v" in self.sites:
                value = self.turn(value.transpose(1, 2), False).transpose(1, 2)
            output, weights = function(module, query, key, value, *args, **kwargs)
            if "o" in self.sites:
                output = self.turn(output, True)
            if bias is not None:
                bias = bias.repeat_interleave(output.shape[2] // bias.shape[0], 0)
                output = output + weights.sum(-1).transpose(1, 2)[..., None] * bias
            return output, weights

        return hooked

    def moving_bias(self, layer):
        """The value bias, where a variant keeps it out of the rotation."""
        return value_bias(layer) if set("vo") & set(self.sites) else None

    def open_falcon(self, layer, handles):
        """Falcon's attention is written out in its forward: values are turned where heads are split, before the rotary
        function is called, so with the rotation that it will find; outputs before the output matrix."""

        def begin(layer, args, kwargs):
            rows = torch.zeros(1, 1, kwargs["position_embeddings"][0].shape[1], layer.head_dim)
            self.rotary(self.functions["apply_rotary_pos_emb"])(rows, rows, *kwargs["position_embeddings"])

        def split_heads(fused):
            query, key, value = type(layer)._split_heads(layer, fused)
            bias = self.moving_bias(layer)
            value = value if bias is None else value - bias
            return query, key, self.turn(value, False) if "v" in self.sites else value

        def dense(module, args):
            output = args[0].unflatten(-1, (layer.num_heads, -1))
            output = self.turn(output, True) if "o" in self.sites else output
            bias = self.moving_bias(layer)
            return ((output if bias is None else output + bias).flatten(-2),)

        handles.append(layer.register_forward_pre_hook(begin, with_kwargs=True))
        handles.append(layer.dense.register_forward_pre_hook(dense))
        layer._split_heads = split_heads


class SharedVectorHooks(Hooks):
    """The same where one vector is key and value, and the model itself turns outputs back.

    Attention calls the rotary function for its queries, its vectors,
    its entries (in the compressor), keys and queries of its index (in the indexer), and its outputs."""

    def __init__(self, model):
        super().__init__(model)
        self.plain = "qkvo"

    @contextlib.contextmanager
    def installed(self, sites):
        self.sites = sites
        apply, eager = self.code.apply_rotary_pos_emb, self.code.eager_attention_forward
        self.code.apply_rotary_pos_emb = self.rotary(apply)
        self.code.eager_attention_forward = self.attention(eager)
        handles = []
        for layer in self.layers:
            handles.append(layer.register_forward_pre_hook(self.begin))
            index = getattr(layer.compressor, "indexer", None)
            if index is not None:
                handles.append(index.register_forward_pre_hook(lambda *_: setattr(self, "indexing", True)))
                handles.append(index.register_forward_hook(lambda *_: setattr(self, "indexing", False)))
        try:
            yield
        finally:
            self.code.apply_rotary_pos_emb, self.code.eager_attention_forward = apply, eager
            for handle in handles:
                handle.remove()

    def begin(self, layer, args):
        self.values, self.stage, self.indexing = [], "q", False

    def rotary(self, function):
        def hooked(x, cos, sin, unsqueeze_dim=1):
            turned = function(x, cos, sin, unsqueeze_dim)
            if self.indexing:
                return turned
            if self.stage == "k":  # the token's vector, then the compressed entries
                self.values.append(turned if "v" in self.sites else x)
                return turned if "k" in self.sites else x
            used = turned if self.stage in self.sites else x
            self.stage = "k"
            return used

        return hooked

    def attention(self, function):
        def hooked(module, query, key, value, *args, **kwargs):
            self.stage = "o"
            return function(module, query, key, torch.cat(self.values, 2), *args, **kwargs)

        return hooked


def hooks(model):
    """The hooks that fit a model."""
    return (SharedVectorHooks if model.config.model_type == "deepseek_v4" else Hooks)(model)


def plain_rotation(positions, width):
    """R_t of whole heads, base 10000, pairs (p, p + width / 2)."""
    pairs = width // 2
    angles = positions[..., None].double() * 10000.0 ** (-torch.arange(pairs).double() / pairs)
    cos, sin = torch.diag_embed(angles.cos()), torch.diag_embed(angles.sin())
    return torch.cat((torch.cat((cos, -sin), -1), torch.cat((sin, cos), -1)), -2).float()


def logits(hooks, ids, sites):
    """Logits of the variant, [rows, tokens, vocabulary]."""
    with torch.no_grad(), hooks.installed("" if sites == "nope" else sites):
        return hooks.model(ids, use_cache=False).logits


def nlls(hooks, ids, sites):
    """Negative log likelihoods of the variant at each row's targets, [rows, tokens - 1], in float64."""
    return likelihoods(logits(hooks, ids, sites), ids)


def likelihoods(logits, ids):
    """Negative log likelihoods at each row's targets, [rows, tokens - 1], in float64."""
    chances = logits.double().log_softmax(-1)
    return -chances[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("sites")
    parser.add_argument("--tokens")
    parser.add_argument("--ctx", type=int, default=96)
    a = parser.parse_args()
    if a.tokens:
        with open(a.tokens) as file:
            flat = torch.tensor(json.load(file))
        ids = flat[: len(flat) // a.ctx * a.ctx].view(-1, a.ctx)
    else:
        ids = golden(a.folder)[0]
    found = nlls(hooks(load(a.folder)), ids, a.sites)
    print(json.dumps({"nll": found.mean().item(), "tokens": found.numel(), "nlls": found.flatten().tolist()}))


if __name__ == "__main__":
    main()
