"""Configurations of rotary variants that ropeconv has written (Apache-2.0).

Each is the configuration of the plain model with one more field, `rotary`: which of the sites q, k, v, o rotate, and how
values do. ropeconv's formats/rotary.md says what its entries mean."""
import transformers
from transformers import GPT2Config, LlamaConfig, MistralConfig, Qwen2Config


class LlamaRotaryConfig(LlamaConfig):
    model_type = "llama_rotary"


class MistralRotaryConfig(MistralConfig):
    model_type = "mistral_rotary"


class Qwen2RotaryConfig(Qwen2Config):
    model_type = "qwen2_rotary"


class GPT2RotaryConfig(GPT2Config):
    model_type = "gpt2_rotary"


if hasattr(transformers, "Qwen3Config"):  # since 4.51

    class Qwen3RotaryConfig(transformers.Qwen3Config):
        model_type = "qwen3_rotary"
