"""Rotary variants that ropeconv has written, for transformers (Apache-2.0).

A variant is its plain model with another rotation. With R_t the rotation of a head's pairs by t times their frequencies,
query position i and key position j, each of the sites that config.json's `rotary.sites` names does

    q: q_i -> R_i q_i      k: k_j -> R_j k_j      v: v_j -> R_j v_j      o: o_i -> R_i^T o_i

where o_i is what a head's attention gives, before the output matrix. Keys and values are cached rotated. ropeconv's
formats/rotary.md defines the rest.

One mechanism serves every family. The forward of its attention runs as transformers wrote it, with three things that it
uses replaced: the rotary function, which then holds queries or keys still where the variant does; the cache, which turns
values before it takes them; and the output matrix, which turns back what it is given. LlamaRotaryForCausalLM is made from
transformers' LlamaForCausalLM when it is asked for, and so is that of any other family.

Runs with transformers 5.24."""
import contextvars
import functools
import inspect
import re
import types

import torch
import transformers
from transformers import conversion_mapping

from .configuration_ropeconv import variant_of as configuration_of

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
        if len(attentions) != config.num_hidden_layers:
            raise ValueError(f"this code cannot change the attention of {type(self).__name__}")
        for attention in attentions:
            attention.rotation = Rotation(config, attention.layer_idx)
            if attention.rotation.absorbs_latent:
                absorb(attention)
            attention.__class__ = rotary_attention(type(attention))
        turn_shares(self, config)


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


# What a configuration says


class Rotation:
    """The rotation of one layer's heads."""

    def __init__(self, config, layer):
        declared = config.rotary
        if declared.get("version") != 1:
            raise ValueError(f"config.json: rotary.version is {declared.get('version')}, this code knows version 1")
        self.sites = declared["sites"]
        # Latent attention whose one vector is key and value of all heads.
        self.absorbs_latent = declared.get("latent") == "absorbed"
        # None: the order of dims that the family's own rotary function expects.
        self.score_layout = declared.get("score", {}).get("layout")
        self.pairs = rotary_pairs(config)
        value = declared.get("value") if self.turns("vo") else None
        self.value_layout = value and value["layout"]
        self.keeps_value_bias = value is not None and value["bias"] == "unrotated"
        self.value_frequencies = value and self.of_layer(value["frequencies"], layer, config.num_hidden_layers)

    def turns(self, sites):
        """Whether any of these sites rotates."""
        return not set(sites).isdisjoint(self.sites)

    def of_layer(self, frequencies, layer, layers):
        """This layer's row of a table that has one row for every layer, or one for all."""
        rows = len(frequencies) // self.pairs
        if rows not in (1, layers) or rows * self.pairs != len(frequencies):
            raise ValueError(
                f"config.json: rotary.value.frequencies has {len(frequencies)} numbers for {self.pairs} pairs of"
                f" {layers} layers"
            )
        first = layer * self.pairs if rows > 1 else 0
        return frequencies[first : first + self.pairs]


def rope_of(config, layer_type=None):
    """What a configuration says of the rotation of all layers, or of those of one type."""
    rope = getattr(config, "rope_parameters", None) or {}
    return rope.get(layer_type) or next((it for it in rope.values() if isinstance(it, dict)), rope)


def rotary_pairs(config):
    """How many pairs of a head turn, from its first dim on."""
    stated = getattr(config, "qk_rope_head_dim", None) or getattr(config, "rotary_dim", None)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    share = rope_of(config).get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1.0
    return (stated or int(width * share)) // 2


def plain_frequencies(config, layer_type=None):
    """The frequencies that the base alone gives."""
    base = rope_of(config, layer_type).get("rope_theta") or getattr(config, "rope_theta", None) or 10000.0
    pairs = rotary_pairs(config)
    return [base ** (-pair / pairs) for pair in range(pairs)]


def of_share(config, device=None, layer_type=None, **_):
    """What a rotary embedding computes from a configuration, its frequencies and magnitude: for a share of each head."""
    return torch.tensor(plain_frequencies(config, layer_type), device=device), 1.0


def turn_shares(model, config):
    """Most families turn whole heads whatever share of a head the configuration states: their tables are made anew."""
    for module in model.modules():
        for name, frequencies in list(module.named_buffers(recurse=False)):
            kind = re.fullmatch("(?:(.+?)_)?(?:original_)?inv_freq", name)
            if kind and len(frequencies) != rotary_pairs(config):
                if rope_of(config, kind[1])["rope_type"] != "default":
                    raise ValueError("this transformers cannot scale the rotation of a part of each head")
                module.compute_default_rope_parameters = of_share  # which the initialization of weights calls again
                setattr(module, name, of_share(config, frequencies.device, kind[1])[0])


# Rotations of tensors


def turn(x, cos, sin, layout):
    """x, [batch, heads, tokens, width], its first pairs turned by the angles of cos and sin, [batch, 1, tokens, pairs]."""
    turning, still = x[..., : 2 * cos.shape[-1]], x[..., 2 * cos.shape[-1] :]
    one, two = split(turning, layout)
    return torch.cat((join(one * cos - two * sin, one * sin + two * cos, layout), still), -1)


def split(x, layout):
    """First and second dims of x's pairs: (2p, 2p + 1) if `layout` is "interleaved", (p, p + pairs) if it is "half"."""
    return (x[..., 0::2], x[..., 1::2]) if layout == "interleaved" else x.chunk(2, -1)


def join(one, two, layout):
    """What `split` takes apart."""
    return torch.stack((one, two), -1).flatten(-2) if layout == "interleaved" else torch.cat((one, two), -1)


def tables(frequencies, positions, like):
    """Cosines and sines, [batch, 1, tokens, pairs], of positions [batch, tokens] times radians per position."""
    # A float32 angle is off by a thousandth of a radian at position 32,000; not every device has float64.
    precise = torch.float32 if like.device.type == "mps" else torch.float64
    frequencies = torch.tensor(frequencies, dtype=precise, device=like.device)
    angles = positions.to(like.device)[:, None, :, None].to(precise) * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def variant_of(function):
    """A family's rotary function, for the sites and the layout of pairs of the attention that calls it."""
    signature = inspect.signature(function)
    # What families call their tables, with the value that turns nothing, and their queries and keys.
    tables = {name: still for name, still in (("cos", 1), ("sin", 0), ("freqs_cis", 1)) if name in signature.parameters}
    heads = [name for name in ("q", "k", "xq", "xk", "tensor") if name in signature.parameters]

    def rotary(*arguments, **options):
        call = CALL.get()
        given = signature.bind(*arguments, **options).arguments
        rotation, width, layout = call.rotation, 2 * call.rotation.pairs, call.rotation.score_layout
        own = layout and ("half" if layout == "interleaved" else "interleaved")
        turning = {name: given[name][..., :width] for name in heads}
        if layout:
            turning = {name: join(*split(x, layout), own) for name, x in turning.items()}

        def turned(**changes):
            result = function(**{**given, **turning, **changes})
            result = result if len(heads) > 1 else (result,)
            if layout:
                result = [join(*split(x, own), layout) for x in result]
            return [torch.cat((x, given[name][..., width:]), -1) for name, x in zip(heads, result)]

        # Some families take one at a time, and keys first; some return dims in another order, turned or not.
        sites = "qk" if len(heads) > 1 else next(call.single_sites)
        moved = turned() if rotation.turns(sites) else None
        rested = turned(**{name: torch.full_like(given[name], still) for name, still in tables.items()})
        result = [(moved if rotation.turns(site) else rested)[index] for index, site in enumerate(sites)]
        return tuple(result) if len(heads) > 1 else result[0]

    return rotary


# Attention


@functools.cache
def rotary_attention(family):
    """The class of a family's attention with the variant's rotation."""
    plain = inspect.unwrap(family.forward)
    surroundings = {
        name: variant_of(it) if name.startswith("apply_rotary") and callable(it) else it
        for name, it in plain.__globals__.items()
    }
    forward = types.FunctionType(plain.__code__, surroundings, plain.__name__, plain.__defaults__, plain.__closure__)
    forward.__kwdefaults__ = plain.__kwdefaults__
    parameters = inspect.signature(plain).parameters
    members = {
        "plain_forward": forward,
        "cache_name": next(name for name in ("cache", "layer_past", "past_key_values") if name in parameters),
        "expands_latents": hasattr(family, "expand_kv"),
    }
    for name in ("o_proj", "dense", "out_proj", "c_proj"):
        members[name] = within_call(name, lambda call, matrix, x: matrix(call.turned_back(x)))
    members["c_attn"] = within_call("c_attn", lambda call, matrix, x: call.turned_scores(matrix(x)))
    return type(f"Rotary{family.__name__}", (RotaryAttention, family), members)


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
        if options.get("position_ids") is None:
            raise ValueError(f"transformers {transformers.__version__} passes no position_ids to {type(self).__name__}")
        call = Call(self, options["position_ids"], options.get(self.cache_name))
        options[self.cache_name] = call
        token = CALL.set(call)
        try:
            return self.plain_forward(*arguments, **options)
        finally:
            CALL.reset(token)

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
        if hasattr(self, "v_proj"):
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


class Call:
    """One call of an attention, in place of its cache: turns values and outputs by the positions of its tokens."""

    def __init__(self, attention, positions, cache):
        self.attention = attention
        self.rotation = attention.rotation
        self.positions = positions
        self.cache = cache
        self.single_sites = iter("kq")
        # The still bias' heads have one dim more, which sums the weights that a sink leaves.
        self.bias = attention.still_bias()
        self.has_share = self.bias is not None and hasattr(attention, "sinks")

    def value_tables(self, like):
        return tables(self.rotation.value_frequencies, self.positions, like)

    def update(self, keys, values, *places, **options):
        """What an attention calls with new keys and values, to get those of all tokens."""
        self.places, self.options = places, options
        if self.attention.expands_latents:
            return keys, values  # latents; see `expand_kv`
        return self.keep(keys, values)

    def keep(self, keys, values):
        """Turns new values and caches them with their keys; gives those of all tokens."""
        values = values if self.bias is None else values - self.bias
        if self.rotation.turns("v"):
            values = turn(values, *self.value_tables(values), self.rotation.value_layout)
        if self.cache is not None:
            keys, values = self.cache.update(keys, values, *self.places, **self.options)
        if self.has_share:
            values = torch.cat((values, torch.ones_like(values[..., :1])), -1)
        return keys, values

    def turned_back(self, outputs):
        """What the heads give, [batch, tokens, heads * width], as the output matrix expects it."""
        outputs = outputs.unflatten(-1, (self.attention.config.num_attention_heads, -1)).transpose(1, 2)
        outputs, share = (outputs[..., :-1], outputs[..., -1:]) if self.has_share else (outputs, 1)
        if self.rotation.turns("o"):
            cos, sin = self.value_tables(outputs)
            outputs = turn(outputs, cos, -sin, self.rotation.value_layout)
        if self.bias is not None:
            outputs = outputs + share * self.bias.repeat_interleave(outputs.shape[1] // len(self.bias), 0)
        return outputs.transpose(1, 2).flatten(2)

    def turned_scores(self, fused):
        """Queries, keys and values, [batch, tokens, 3 * width], of a family that has no rotary function."""
        *scores, values = fused.chunk(3, -1)
        for index, site in enumerate("qk"):
            if self.rotation.turns(site):
                x = scores[index].unflatten(-1, (self.attention.num_heads, -1)).transpose(1, 2)
                cos, sin = tables(plain_frequencies(self.attention.config), self.positions, x)
                x = turn(x, cos, sin, self.rotation.score_layout or "half")
                scores[index] = x.transpose(1, 2).flatten(2)
        return torch.cat((*scores, values), -1)
