"""Rotary variants that ropeconv has written, for transformers (Apache-2.0).

A variant is its plain model with another rotation. With R_t the rotation of a head's pairs by t times their frequencies,
query position i and key position j, each of the sites that config.json's `rotary.sites` names does

    q: q_i -> R_i q_i      k: k_j -> R_j k_j      v: v_j -> R_j v_j      o: o_i -> R_i^T o_i

where o_i is what a head's attention gives, before the output matrix. Keys and values are cached rotated. ropeconv's
formats/rotary.md defines the rest.

One mechanism serves every family. The forward of its attention runs as transformers wrote it, with three things that it
uses replaced: the rotary function, which then holds queries or keys still where the variant does; the cache, which turns
values before it takes them; and the function that attends, whose outputs are turned back. LlamaRotaryForCausalLM is made
from transformers' LlamaForCausalLM when it is asked for, and so is that of any other family.

Where one vector of a token is its key and its value (DeepSeek-V4), a key and a value made of it are cached side by side,
and the turning back that the family does itself is held still. Entries for whole windows of tokens are cached as they
are before they turn.

Runs with transformers 5.24."""
import contextvars
import functools
import inspect
import itertools
import re
import types

import torch
import transformers
from transformers import conversion_mapping

from .configuration_ropeconv import variant_of as configuration_of
from .rotation_ropeconv import (
    Rotation, hand_positions, join, layer_types, plain_frequencies, rope_of, rotary_pairs, split, stated_frequencies,
    tables, turn,
)

# The call of an attention that is under way in this thread.
CALL = contextvars.ContextVar("CALL", default=None)


def __getattr__(name):
    plain = "Rotary" in name and getattr(transformers, name.replace("Rotary", "", 1), None)
    if not plain:
        raise AttributeError(f"{__name__} has no {name!r}, or transformers {transformers.__version__} no plain class of it")
    return model_of(plain, name)


@functools.cache
def model_of(plain, name):
    """The model of a family's variants, from its plain model."""
    # How checkpoints store what the model holds otherwise (stacked experts) goes by class or type.
    for known in (plain.__name__, plain.config_class.model_type):
        stored = conversion_mapping.get_checkpoint_conversion_mapping(known)
        if stored is not None:
            conversion_mapping.register_checkpoint_conversion_mapping(name, stored, overwrite=True)
            break
    members = {"__module__": __name__, "config_class": configuration_of(plain.config_class)}
    variant = type(name, (RotaryModel, plain), members)
    variant.register_for_auto_class("AutoModelForCausalLM")  # save_pretrained writes this code beside the weights
    return variant


class RotaryModel:
    """Puts the variant's rotation into the layers of a plain model."""

    _can_compile_fullgraph = False

    def __init__(self, config, *arguments, **options):
        super().__init__(config, *arguments, **options)
        attentions = [it for it in self.modules() if hasattr(it, "layer_idx") and hasattr(it, "is_causal")]
        recurrent = layer_types(config).count("linear_attention")  # the gated delta rule knows no positions
        if len(attentions) != config.num_hidden_layers - recurrent:
            raise ValueError(f"this code cannot change the attention of {type(self).__name__}")
        for attention in attentions:
            attention.rotation = Rotation(config, attention.layer_idx)
            if attention.rotation.follows_scaling:
                attention.rotation.embedding = self.base_model.rotary_emb
                # DeepSeek-V4 has another name for the kinds of layers that its tables are of.
                attention.rotation.layer_type = getattr(attention, "rope_layer_type", attention.rotation.layer_type)
            if attention.rotation.absorbs_latent:
                absorb(attention)
            if hasattr(attention, "kv_proj"):
                share_vector(attention, self.base_model.rotary_emb)
            attention.__class__ = rotary_attention(type(attention))
        turn_shares(self, config)
        hand_positions(self.base_model)


def absorb(attention):
    """Makes room for the weights of latent attention in absorbed form: what made keys and values of the latent vector is
    part of what makes queries and reads outputs. The scale of scores stays that of the heads before."""
    rank, heads = attention.kv_lora_rank, attention.num_heads
    attention.qk_head_dim = rank + attention.qk_rope_head_dim
    attention.qk_nope_head_dim = attention.v_head_dim = rank
    attention.num_key_value_groups = heads
    query = "q_proj" if attention.q_lora_rank is None else "q_b_proj"
    for name, inputs, outputs in ((query, None, heads * attention.qk_head_dim), ("o_proj", heads * rank, None)):
        old = getattr(attention, name)
        new = torch.nn.Linear(inputs or old.in_features, outputs or old.out_features, bias=old.bias is not None)
        setattr(attention, name, new)
    del attention.kv_b_proj


def share_vector(attention, embedding):
    """Prepares attention whose one vector is key and value: its last dims turn, the value's as far as the key's."""
    rotation = attention.rotation
    rotation.shares_vector, rotation.first = True, attention.head_dim - 2 * rotation.pairs
    rotation.value_magnitude = getattr(embedding, f"{attention.rope_layer_type}_attention_scaling")
    if attention.compressor is not None:
        attention.compressor.__class__ = rotary_compressor(type(attention.compressor))


# Tables of rotary embeddings


def of_share(config, device=None, layer_type=None, **_):
    """What a rotary embedding computes from a configuration, its frequencies and magnitude: for a share of each head."""
    return torch.tensor(plain_frequencies(config, layer_type), device=device), 1.0


def turn_shares(model, config):
    """Most families turn whole heads whatever share of a head the configuration states: their tables are made anew."""
    for module in model.modules():
        for name, frequencies in list(module.named_buffers(recurse=False)):
            kind = re.fullmatch("(?:(.+?)_)?(?:original_)?inv_freq", name)
            if kind and (stated_frequencies(config) or len(frequencies) != rotary_pairs(config, kind[1])):
                if rope_of(config, kind[1])["rope_type"] != "default":
                    raise ValueError("this transformers cannot scale frequencies of its own or of a part of each head")
                module.compute_default_rope_parameters = of_share  # which the initialization of weights calls again
                setattr(module, name, of_share(config, frequencies.device, kind[1])[0])


# Rotary functions


def unturning(function):
    """What turns nothing, in place of a rotary function."""
    return lambda x, *tables: x


def variant_of(function):
    """A family's rotary function, for the sites and the layout of pairs of the attention that calls it."""
    signature = inspect.signature(function)
    # What families call their tables, with the value that turns nothing, and their queries and keys.
    tables = {name: still for name, still in (("cos", 1), ("sin", 0), ("freqs_cis", 1)) if name in signature.parameters}
    heads = [name for name in ("q", "k", "xq", "xk", "x", "tensor") if name in signature.parameters]
    # Some families take one at a time: queries, keys and what they turn back themselves, or keys first.
    order = "qk-" if heads == ["x"] else "kq"

    def rotary(*arguments, **options):
        call = CALL.get()
        given = signature.bind(*arguments, **options).arguments
        rotation, layout = call.rotation, call.rotation.score_layout
        if rotation.score_sign < 0:  # pairs turn the other way: angles of the other sign
            other = {"sin": lambda sin: -sin, "freqs_cis": torch.conj}
            given = given | {name: other[name](given[name]) for name in tables if name in other}
        sites = "qk" if len(heads) > 1 else order[next(call.steps)]
        if rotation.shares_vector and sites == "k":
            return call.key_and_value(given["x"], given["cos"], given["sin"], call.positions)
        own = layout and ("half" if layout == "interleaved" else "interleaved")
        dims = (rotation.first, rotation.first + 2 * rotation.pairs)
        parts = {name: given[name].tensor_split(dims, -1) for name in heads}
        turning = {name: x for name, (_, x, _) in parts.items()}
        if layout:
            turning = {name: join(*split(x, layout), own) for name, x in turning.items()}

        def turned(**changes):
            result = function(**{**given, **turning, **changes})
            result = result if len(heads) > 1 else (result,)
            if layout:
                result = [join(*split(x, own), layout) for x in result]
            return [torch.cat((parts[name][0], x, parts[name][2]), -1) for name, x in zip(heads, result)]

        # Some return dims in another order, turned or not.
        moved = turned() if rotation.turns(sites) else None
        rested = turned(**{name: torch.full_like(given[name], still) for name, still in tables.items()})
        result = [moved[index] if head in rotation.sites else rested[index] for index, head in enumerate(sites)]
        return tuple(result) if len(heads) > 1 else result[0]

    return rotary


# Attention


@functools.cache
def rotary_attention(family):
    """The class of a family's attention with the variant's rotation."""
    forward = surrounded(family.forward, variant_of)
    parameters = inspect.signature(forward).parameters
    members = {
        "plain_forward": forward,
        "cache_name": next(name for name in ("cache", "layer_past", "past_key_values") if name in parameters),
        "expands_latents": hasattr(family, "expand_kv"),
    }
    members["c_attn"] = within_call("c_attn", lambda call, matrix, x: call.turned_scores(matrix(x)))
    if ATTENDING not in forward.__code__.co_names:  # Falcon attends in its forward itself
        members["dense"] = within_call("dense", lambda call, matrix, x: matrix(call.joined_back(x)))
    return type(f"Rotary{family.__name__}", (RotaryAttention, family), members)


@functools.cache
def rotary_compressor(family):
    """The class of what makes entries for windows of tokens, which then are keys and values."""
    members = {"plain_forward": surrounded(family.forward, unturning)}
    return type(f"Rotary{family.__name__}", (RotaryCompressor, family), members)


# Where families look for a function that attends, by its name in the configuration.
ATTENDING = "ALL_ATTENTION_FUNCTIONS"


def surrounded(forward, rotary):
    """A forward as transformers wrote it, which finds other rotary functions, and attends as the variant does."""
    plain = inspect.unwrap(forward)
    surroundings = dict(plain.__globals__)
    for name, it in plain.__globals__.items():
        if name.startswith("apply_rotary") and callable(it):
            surroundings[name] = rotary(it)
    if ATTENDING in surroundings:
        surroundings[ATTENDING] = Attending(surroundings[ATTENDING])
    forward = types.FunctionType(plain.__code__, surroundings, plain.__name__, plain.__defaults__, plain.__closure__)
    forward.__kwdefaults__ = plain.__kwdefaults__
    return forward


class Attending:
    """A family's choice of the function that attends: outputs are turned back."""

    def __init__(self, functions):
        self.functions = functions

    def get_interface(self, *names):
        function = self.functions.get_interface(*names)

        def attend(attention, queries, keys, values, *arguments, **options):
            call = CALL.get()
            if call.rotation.shares_vector:
                keys, values = keys.chunk(2, -1)
            outputs, weights = function(attention, queries, keys, values, *arguments, **options)
            return call.turned_back(outputs), weights

        return attend


def within_call(name, change):
    """The child `name` of an attention; in a call of this, with what is to be done around it."""

    def child(attention):
        module, call = attention._modules.get(name), CALL.get()
        if module is None:
            raise AttributeError(name)
        return functools.partial(change, call, module) if call is not None and call.attention is attention else module

    return property(child)


class RotaryAttention:
    """A family's attention with the variant's rotation."""

    def forward(self, *arguments, **options):
        positions = options.get("position_ids", getattr(options.get("position_embeddings"), "positions", None))
        if positions is None:
            raise ValueError(f"transformers {transformers.__version__} passes no position_ids to {type(self).__name__}")
        call = Call(self, positions, options.get(self.cache_name))
        options[self.cache_name] = call
        token = CALL.set(call)
        try:
            return self.plain_forward(*arguments, **options)
        finally:
            CALL.reset(token)

    def _upcast_and_reordered_attn(self, *arguments):
        """GPT-2 has another way to attend."""
        outputs, weights = super()._upcast_and_reordered_attn(*arguments)
        return CALL.get().turned_back(outputs), weights

    def expand_kv(self, *latents):
        """Keys and values of latent attention, which made them of cached latents: they are cached themselves."""
        if self.rotation.absorbs_latent:
            return CALL.get().keep(torch.cat(latents, -1), latents[0])
        return CALL.get().keep(*super().expand_kv(*latents))

    def still_bias(self):
        """The value bias where it does not rotate, [heads, 1, width]. Attention weights sum to 1, so it may be added to what
        they give; what a sink takes of them, it takes of the bias too."""
        if not self.rotation.keeps_value_bias:
            return None
        if getattr(self, "v_proj", None) is not None:
            bias, heads = self.v_proj.bias, self.v_proj.out_features // self.head_dim
        elif "c_attn" in self._modules:  # queries, keys and values one after another
            bias, heads = self.c_attn.bias.chunk(3)[2], self.num_heads
        elif hasattr(self, "_split_heads"):  # Falcon knows where it has them
            bias = self.query_key_value.bias
            bias = bias if bias is None else self._split_heads(bias[None, None])[2]
            heads = bias if bias is None else bias.shape[2]
        elif hasattr(self, "query_key_value"):  # the three of each head together
            bias, heads = self.query_key_value.bias, self.config.num_attention_heads
            bias = bias if bias is None else bias.view(heads, 3, -1)[:, 2]
        else:
            return None
        return bias if bias is None else bias.reshape(heads, 1, -1)


class RotaryCompressor:
    """What makes entries of attention whose one vector is key and value; they stand where their windows begin."""

    def forward(self, hidden_states, q_residual, position_ids, call, layer_idx):
        tokens = position_ids.shape[1]
        end = tokens if call.cache is None else call.cache.get_seq_length(layer_idx)
        if (position_ids != torch.arange(end - tokens, end, device=position_ids.device)).any():
            raise ValueError("windows of tokens begin with a row's first column: no padding on the left, no other positions")
        entries, mask = self.plain_forward(hidden_states, q_residual, position_ids, call.cache, layer_idx)
        positions = self.compress_rate * torch.arange(entries.shape[2], device=entries.device)[None]
        cos, sin = self.rotary_emb(entries, position_ids=positions, layer_type=self.rope_layer_type)
        sin = call.rotation.score_sign * sin
        return call.key_and_value(entries, cos, sin, positions), mask


class Call:
    """One call of an attention, in place of its cache: turns values and outputs by the positions of its tokens."""

    def __init__(self, attention, positions, cache):
        self.attention = attention
        self.rotation = attention.rotation
        self.positions = positions
        self.cache = cache
        self.steps = itertools.count()  # calls of a rotary function that takes one at a time
        # The still bias' heads have one dim more, which sums the weights that a sink leaves.
        self.bias = attention.still_bias()
        self.has_share = self.bias is not None and hasattr(attention, "sinks")

    def turned_value(self, values, positions, sign=1):
        """Values that stand at these positions turned, or turned back."""
        rotation = self.rotation
        cos, sin = (rotation.value_magnitude * it for it in tables(rotation.frequencies_now(), positions, values))
        return turn(values, cos, sign * sin, rotation.value_layout, rotation.first)

    def key_and_value(self, vectors, cos, sin, positions):
        """Side by side, a key and a value of each of these vectors, [batch, 1, tokens, width], which are both. Families
        with such vectors turn neighbors in the last dims, by cos and sin, [batch, tokens, pairs]."""
        keys = values = vectors
        if self.rotation.turns("k"):
            layout = self.rotation.score_layout or "interleaved"
            keys = turn(vectors, cos[:, None], sin[:, None], layout, self.rotation.first)
        if self.rotation.turns("v"):
            values = self.turned_value(vectors, positions)
        return torch.cat((keys, values), -1)

    def update(self, keys, values, *places, **options):
        """What an attention calls with new keys and values, to get those of all tokens."""
        self.places, self.options = places, options
        if self.attention.expands_latents:
            return keys, values  # latents; see `expand_kv`
        if self.rotation.shares_vector:
            return self.stored(keys, values)  # turned; see `key_and_value`
        return self.keep(keys, values)

    def stored(self, keys, values):
        """Keys and values of all tokens, after these were cached."""
        return (keys, values) if self.cache is None else self.cache.update(keys, values, *self.places, **self.options)

    def keep(self, keys, values):
        """Turns new values and caches them with their keys; gives those of all tokens."""
        values = values if self.bias is None else values - self.bias
        if self.rotation.turns("v"):
            values = self.turned_value(values, self.positions)
        keys, values = self.stored(keys, values)
        if self.has_share:
            values = torch.cat((values, torch.ones_like(values[..., :1])), -1)
        return keys, values

    def turned_back(self, outputs):
        """What the heads give, [batch, tokens, heads, width], turned back."""
        outputs = outputs.transpose(1, 2)
        outputs, share = (outputs[..., :-1], outputs[..., -1:]) if self.has_share else (outputs, 1)
        if self.rotation.turns("o"):
            # Gemma 4 computes its last layers for the last tokens alone.
            outputs = self.turned_value(outputs, self.positions[:, -outputs.shape[2] :], -1)
        if self.bias is not None:
            outputs = outputs + share * self.bias.repeat_interleave(outputs.shape[1] // len(self.bias), 0)
        return outputs.transpose(1, 2)

    def joined_back(self, outputs):
        """The same of outputs whose heads are joined, [batch, tokens, heads * width]."""
        return self.turned_back(outputs.unflatten(-1, (self.attention.config.num_attention_heads, -1))).flatten(2)

    def turned_scores(self, fused):
        """Queries, keys and values, [batch, tokens, 3 * width], of a family that has no rotary function."""
        *scores, values = fused.chunk(3, -1)
        for index, site in enumerate("qk"):
            if self.rotation.turns(site):
                x = scores[index].unflatten(-1, (self.attention.num_heads, -1)).transpose(1, 2)
                cos, sin = tables(plain_frequencies(self.attention.config), self.positions, x)
                x = turn(x, cos, self.rotation.score_sign * sin, self.rotation.score_layout or "half")
                scores[index] = x.transpose(1, 2).flatten(2)
        return torch.cat((*scores, values), -1)
