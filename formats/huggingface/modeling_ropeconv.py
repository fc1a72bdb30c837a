"""Rotary variants that ropeconv has written, for transformers (Apache-2.0).

A variant is its plain model with another attention. With R_t the rotation of a head's pairs by t times their frequencies,
query position i and key position j, each of the sites that config.json's `rotary.sites` names does

    q: q_i -> R_i q_i      k: k_j -> R_j k_j      v: v_j -> R_j v_j      o: o_i -> R_i^T o_i

where o_i is what a head's attention gives, before the output matrix. Keys and values are cached rotated. The attention
itself is PyTorch's scaled_dot_product_attention; weights are not returned. ropeconv's formats/rotary.md defines the rest.

Runs with transformers 4.45 (llama, mistral, qwen2) to 5.24; gpt2 needs 5, whose blocks pass positions on."""
import torch
import transformers
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import GPT2LMHeadModel, LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM

from . import configuration_ropeconv as configurations
from .configuration_ropeconv import GPT2RotaryConfig, LlamaRotaryConfig, MistralRotaryConfig, Qwen2RotaryConfig

# Decoder layers before 4.48 take the cache back from their attention.
RETURNS_CACHE = tuple(int(part) for part in transformers.__version__.split(".")[:2]) < (4, 48)


def rotate(x, cos, sin, layout):
    """x, [batch, heads, tokens, width], with its first pairs turned by the angles of cos and sin, [batch, 1, tokens, pairs].

    Pairs are (2p, 2p + 1) where `layout` is "interleaved" and (p, p + pairs) where it is "half"."""
    pairs = cos.shape[-1]
    turning, still = x[..., : 2 * pairs], x[..., 2 * pairs :]
    interleaved = layout == "interleaved"
    one, two = (turning[..., 0::2], turning[..., 1::2]) if interleaved else turning.split(pairs, -1)
    turned = (one * cos - two * sin, one * sin + two * cos)
    turned = torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)
    return torch.cat((turned, still), -1)


def tables(frequencies, positions, like):
    """Cosines and sines, [batch, 1, tokens, pairs], of positions [batch, tokens] times radians per position."""
    # A float32 angle is off by a thousandth of a radian at position 32,000; not every device has float64.
    precise = torch.float32 if like.device.type == "mps" else torch.float64
    frequencies = torch.tensor(frequencies, dtype=precise, device=like.device)
    angles = positions.to(like.device)[:, None, :, None].to(precise) * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


class RotaryAttention(nn.Module):
    """The attention of one layer, with the projections of the plain model's module."""

    def __init__(self, attention, config, layer_idx):
        super().__init__()
        for name, module in attention.named_children():
            self.add_module(name, module)
        self.config = config
        self.layer_idx = layer_idx
        self.is_causal = True
        self.heads = config.num_attention_heads
        self.groups = getattr(config, "num_key_value_heads", None) or self.heads
        self.head_dim = attention.head_dim
        rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
        fraction = rope.get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1.0
        self.pairs = int(self.head_dim * fraction) // 2
        self.rope_theta = rope.get("rope_theta") or getattr(config, "rope_theta", None) or 10000.0
        self.rope_type = rope.get("rope_type") or rope.get("type") or "default"

        declared = config.rotary
        if declared.get("version") != 1:
            raise ValueError(f"config.json: rotary.version is {declared.get('version')}, this code knows version 1")
        self.sites = declared["sites"]
        self.score_layout = declared.get("score", {}).get("layout", "half")
        value = declared.get("value") if set("vo") & set(self.sites) else None
        self.value_layout = value and value["layout"]
        self.keeps_value_bias = value is not None and value["bias"] == "unrotated"
        self.value_frequencies = value and self.of_layer(value["frequencies"])

    def of_layer(self, frequencies):
        """This layer's row of a table that has one row for every layer, or one for all."""
        rows = len(frequencies) // self.pairs
        if rows not in (1, self.config.num_hidden_layers) or rows * self.pairs != len(frequencies):
            raise ValueError(
                f"config.json: rotary.value.frequencies has {len(frequencies)} numbers for {self.pairs} pairs of"
                f" {self.config.num_hidden_layers} layers"
            )
        first = self.layer_idx * self.pairs if rows > 1 else 0
        return frequencies[first : first + self.pairs]

    def split(self, x):
        """[batch, tokens, heads * head_dim] as [batch, heads, tokens, head_dim]."""
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

    def project(self, x):
        """Queries, keys and values, each [batch, heads, tokens, head_dim], and the bias that is part of the values."""
        q, k, v = self.split(self.q_proj(x)), self.split(self.k_proj(x)), self.split(self.v_proj(x))
        if hasattr(self, "q_norm"):
            q, k = self.q_norm(q), self.k_norm(k)
        return q, k, v, self.v_proj.bias

    def output(self, x):
        return self.o_proj(x)

    @property
    def dropout(self):
        return self.config.attention_dropout

    def score_tables(self, x, position_ids, position_embeddings):
        """What the model's own rotary embedding gives for queries and keys, frequency scaling included; but most models
        turn whole heads whatever the configuration says, and where only a part of them turns the table is made here."""
        if position_embeddings is None:
            position_embeddings = self.rotary_emb(x, position_ids)
        if position_embeddings[0].shape[-1] != 2 * self.pairs:
            if self.rope_type != "default":
                raise ValueError(f"this transformers cannot scale ({self.rope_type}) the rotation of a part of each head")
            return self.plain_tables(position_ids, x)
        return (table[:, None, :, : table.shape[-1] // 2].to(x.dtype) for table in position_embeddings)

    def plain_tables(self, position_ids, like):
        """Tables of the frequencies that the base alone gives."""
        return tables([self.rope_theta ** (-pair / self.pairs) for pair in range(self.pairs)], position_ids, like)

    def forward(
        self, hidden_states, position_ids=None, attention_mask=None, position_embeddings=None, past_key_values=None,
        past_key_value=None, cache=None, cache_position=None, **_,
    ):
        """Attention over hidden_states, [batch, tokens, width]; `attention_mask` is 4-dimensional, or None: causal."""
        if position_ids is None:
            raise ValueError("this transformers passes no position_ids to the attention: gpt2 variants need version 5")
        if attention_mask is not None and attention_mask.dim() != 4:
            raise ValueError("rotary variants run with attn_implementation 'sdpa' or 'eager' only")
        q, k, v, bias = self.project(hidden_states)
        keeps_bias = self.keeps_value_bias and bias is not None
        if keeps_bias:
            # Attention weights sum to 1, so the bias may stay still: it is added again to what they give.
            bias = bias.view(-1, 1, self.head_dim)
            v = v - bias
        if set("qk") & set(self.sites):
            cos, sin = self.score_tables(q, position_ids, position_embeddings)
            q = rotate(q, cos, sin, self.score_layout) if "q" in self.sites else q
            k = rotate(k, cos, sin, self.score_layout) if "k" in self.sites else k
        if self.value_frequencies:
            cos, sin = tables(self.value_frequencies, position_ids, v)
        if "v" in self.sites:
            v = rotate(v, cos, sin, self.value_layout)
        # The cache's name since 5.24, since 4.56, and before.
        cache = next((it for it in (cache, past_key_values, past_key_value) if it is not None), None)
        if cache is not None:
            places = () if cache_position is None else ({"cache_position": cache_position},)
            k, v = cache.update(k, v, self.layer_idx, *places)

        tokens, repeats = q.shape[2], self.heads // self.groups
        is_causal = attention_mask is None and tokens > 1
        if is_causal:
            # Only a cache that was empty comes without a mask; a static one is longer than what it holds.
            k, v = k[:, :, :tokens], v[:, :, :tokens]
        elif attention_mask is not None:
            attention_mask = attention_mask[..., : k.shape[2]]
        o = scaled_dot_product_attention(
            q, k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1), attn_mask=attention_mask,
            dropout_p=self.dropout if self.training else 0.0, is_causal=is_causal,
        )
        if "o" in self.sites:
            o = rotate(o, cos, -sin, self.value_layout)
        if keeps_bias:
            o = o + bias.repeat_interleave(repeats, 0)
        o = self.output(o.transpose(1, 2).flatten(2))
        return (o, None, cache) if RETURNS_CACHE else (o, None)


class GPT2RotaryAttention(RotaryAttention):
    """GPT-2's attention: one fused projection, and no frequencies of the model's own for queries and keys."""

    def project(self, x):
        q, k, v = (self.split(part) for part in self.c_attn(x).chunk(3, -1))
        return q, k, v, self.c_attn.bias.chunk(3)[2]

    def output(self, x):
        return self.resid_dropout(self.c_proj(x))

    @property
    def dropout(self):
        return self.config.attn_pdrop

    def score_tables(self, x, position_ids, position_embeddings):
        return self.plain_tables(position_ids, x)


class RotaryModel:
    """Puts the variant's attention into the layers of a plain model."""

    _supports_flash_attn = _supports_flash_attn_2 = _supports_flex_attn = False

    def __init__(self, config):
        super().__init__(config)
        for index, layer in enumerate(self.model.layers):
            layer.self_attn = RotaryAttention(layer.self_attn, config, index)


class LlamaRotaryForCausalLM(RotaryModel, LlamaForCausalLM):
    config_class = LlamaRotaryConfig


class MistralRotaryForCausalLM(RotaryModel, MistralForCausalLM):
    config_class = MistralRotaryConfig


class Qwen2RotaryForCausalLM(RotaryModel, Qwen2ForCausalLM):
    config_class = Qwen2RotaryConfig


if hasattr(transformers, "Qwen3ForCausalLM"):  # since 4.51

    class Qwen3RotaryForCausalLM(RotaryModel, transformers.Qwen3ForCausalLM):
        config_class = configurations.Qwen3RotaryConfig


class GPT2RotaryLMHeadModel(GPT2LMHeadModel):
    config_class = GPT2RotaryConfig
    _supports_flash_attn = _supports_flash_attn_2 = _supports_flex_attn = False

    def __init__(self, config):
        super().__init__(config)
        for index, block in enumerate(self.transformer.h):
            block.attn = GPT2RotaryAttention(block.attn, config, index)


# save_pretrained writes this code beside the weights.
for variant in [*RotaryModel.__subclasses__(), GPT2RotaryLMHeadModel]:
    variant.register_for_auto_class("AutoModelForCausalLM")
    variant.config_class.register_for_auto_class()
