"""Configurations of rotary variants that ropeconv has written (Apache-2.0).

Each is the configuration of the plain model with one more field, `rotary`: which of the sites q, k, v, o rotate, and how
values do. ropeconv's formats/rotary.md says what its entries mean. LlamaRotaryConfig is made from transformers' LlamaConfig
when it is asked for, and so is that of any other family."""
import functools

import transformers


def __getattr__(name):
    plain = name.endswith("RotaryConfig") and getattr(transformers, name.replace("RotaryConfig", "Config"), None)
    if not plain:
        raise AttributeError(f"{__name__} has no {name!r}, or transformers {transformers.__version__} no plain class of it")
    return variant_of(plain)


@functools.cache
def variant_of(plain):
    """The configuration of a family's variants, from that of its plain model."""
    members = {"__module__": __name__, "model_type": f"{plain.model_type}_rotary", "rotary": None}
    variant = type(plain.__name__.replace("Config", "RotaryConfig"), (plain,), members)
    variant.register_for_auto_class()  # save_pretrained writes this code beside the weights
    return variant
