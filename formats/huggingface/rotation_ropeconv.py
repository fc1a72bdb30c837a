"""How the heads of a rotary variant turn, for transformers (Apache-2.0): what config.json says of it, and the turning."""
import inspect

import torch


# What a configuration says


class Rotation:
    """The rotation of one layer's heads."""

    def __init__(self, config, layer):
        declared = config.rotary
        if declared.get("version") not in (1, 2, 3):
            raise ValueError(f"config.json: rotary.version is {declared.get('version')}, this code knows 1 to 3")
        self.sites = declared["sites"]
        # Latent attention whose one vector is key and value of all heads.
        self.absorbs_latent = declared.get("latent") == "absorbed"
        # None: the order of dims that the family's own rotary function expects.
        score = declared.get("score", {})
        self.score_layout = score.get("layout")
        self.score_sign = -1 if score.get("direction") == "backward" else 1
        pairs = [rotary_pairs(config, layer_type) for layer_type in layer_types(config)]
        self.pairs = pairs[layer]
        self.first = 0  # dim of a head that turns
        self.shares_vector = False
        value = declared.get("value") if self.turns("vo") else None
        self.value_layout = value and value["layout"]
        self.keeps_value_bias = value is not None and value["bias"] == "unrotated"
        dimensions = value and value.get("dimensions")
        if dimensions:
            pairs = [it // 2 for it in (dimensions if isinstance(dimensions, list) else [dimensions] * len(pairs))]
        self.value_frequencies = value and of_layer(value["frequencies"], layer, pairs)
        self.value_magnitude = 1.0
        # What holds the frequencies of queries and keys, which follow the length of a pass; None: values do not follow.
        self.embedding = None
        self.follows_scaling = value is not None and value.get("scaling") == "scores"
        self.layer_type = layer_types(config)[layer]
        if self.follows_scaling:
            check_followed([rope_of(config, it).get("rope_type") or "default" for it in layer_types(config)])
            base = base_of(config, self.layer_type)
            of_base = [((value.get("freq_base") or base) / base) ** (-pair / self.pairs) for pair in range(self.pairs)]
            # The table says which pairs turn, and which way.
            self.value_shares = [
                share if stated > 0 else -share if stated < 0 else 0.0
                for share, stated in zip(of_base, self.value_frequencies)
            ]

    def frequencies_now(self):
        """Radians per position of pairs of values in the pass that is under way."""
        if self.embedding is None:
            return self.value_frequencies
        now = getattr(self.embedding, f"{self.layer_type}_inv_freq", None)
        now = self.embedding.inv_freq if now is None else now
        precise = torch.float32 if now.device.type == "mps" else torch.float64
        return torch.tensor(self.value_shares, dtype=precise, device=now.device) * now

    def turns(self, sites):
        """Whether any of these sites rotates."""
        return not set(sites).isdisjoint(self.sites)


def check_followed(kinds):
    """Values of any base follow a scaling of each pair alike, not of wavelengths; one must follow the length."""
    wrong = [it for it in kinds if it in ("yarn", "llama3")] or ([] if {"dynamic", "longrope"} & set(kinds) else kinds)
    if wrong:
        raise ValueError(
            "config.json: rotary.value.scaling is 'scores', which needs a scaling of queries and keys that follows the"
            f" length (dynamic or longrope), found {wrong[0]!r}"
        )


def of_layer(frequencies, layer, pairs):
    """A layer's row of a table that has one row for every layer, or one for all; `pairs` are those of each layer."""
    if len(frequencies) == pairs[layer] and len(set(pairs)) == 1:
        return frequencies
    if len(frequencies) != sum(pairs):
        raise ValueError(f"config.json: rotary.value.frequencies has {len(frequencies)} numbers for {sum(pairs)} pairs")
    first = sum(pairs[:layer])
    return frequencies[first : first + pairs[layer]]


def layer_types(config):
    """The type of each layer; None in a family whose layers are all alike."""
    return getattr(config, "layer_types", None) or [None] * config.num_hidden_layers


def rope_of(config, layer_type=None):
    """What a configuration says of the rotation of all layers, or of those of one type."""
    rope = getattr(config, "rope_parameters", None) or {}
    return rope.get(layer_type) or next((it for it in rope.values() if isinstance(it, dict)), rope)


def rotary_pairs(config, layer_type=None):
    """How many pairs of a head turn."""
    config = config.per_layer_config[layer_type] if config.is_heterogeneous else config
    stated = getattr(config, "qk_rope_head_dim", None) or getattr(config, "rotary_dim", None)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rope = rope_of(config, layer_type)
    share = rope.get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1.0
    # A proportional rotation is one of all pairs, in which the others have frequency 0.
    share = 1.0 if rope.get("rope_type") == "proportional" else share
    return (stated or int(width * share)) // 2


def stated_frequencies(config):
    """Frequencies of queries and keys that do not follow from a base; None where there are none."""
    stated = (getattr(config, "rotary", None) or {}).get("score", {}).get("frequencies")
    if stated and {rotary_pairs(config, layer_type) for layer_type in layer_types(config)} != {len(stated)}:
        raise ValueError("config.json: rotary.score.frequencies is not one row for all layers")
    return stated


def base_of(config, layer_type=None):
    """The base of the frequencies of queries and keys."""
    return rope_of(config, layer_type).get("rope_theta") or getattr(config, "rope_theta", None) or 10000.0


def plain_frequencies(config, layer_type=None):
    """The frequencies that the base alone gives, or that the configuration states itself."""
    stated = stated_frequencies(config)
    if stated:
        return stated
    base = base_of(config, layer_type)
    pairs = rotary_pairs(config, layer_type)
    return [base ** (-pair / pairs) for pair in range(pairs)]


# Positions of tokens


class Tables(tuple):
    """What a rotary embedding gives, with the positions that it is of."""


def hand_positions(model):
    """Where layers are not handed the positions of their tokens (Granite 4), the tables that they get hold them."""
    layers, embedding = getattr(model, "layers", None), getattr(model, "rotary_emb", None)
    if not layers or embedding is None or "position_ids" in inspect.signature(type(layers[0]).forward).parameters:
        return

    def mark(module, arguments, options, given):
        if not isinstance(given, tuple):
            return given
        given = Tables(given)
        given.positions = options.get("position_ids", arguments[1] if len(arguments) > 1 else None)
        return given

    embedding.register_forward_hook(mark, with_kwargs=True)


# Rotations of tensors


def turn(x, cos, sin, layout, first=0):
    """x, [batch, heads, tokens, width], its pairs from dim `first` on turned by the angles of cos and sin, [batch, 1,
    tokens, pairs]."""
    before, turning, after = x.tensor_split((first, first + 2 * cos.shape[-1]), -1)
    one, two = split(turning, layout)
    return torch.cat((before, join(one * cos - two * sin, one * sin + two * cos, layout), after), -1)


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
    frequencies = torch.as_tensor(frequencies, dtype=precise, device=like.device)
    angles = positions.to(like.device)[:, None, :, None].to(precise) * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)
