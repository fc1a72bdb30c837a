"""Attention alone: its share of the peak over head widths, groups, lengths, windows, sinks and soft caps."""
import json

from bench import ours
from machine import ROOT
from measure import Run, shown

# Few columns beside the heads': nearly all of the time is attention's.
SHAPE = dict(layers=4, width=256, feed_forward=64, vocabulary=1024, context=16384)
HEAD_COLUMNS = 2048


def layer(head=64, group=4, length=4096, window=0, softcap=0.0, sinks=False):
    """A shape with so many columns of heads, and how it is scored."""
    return {"head": head, "heads": HEAD_COLUMNS // head // group * group, "group": group, "length": length,
            "window": window, "softcap": softcap, "sinks": sinks}


USUAL = layer()
SHAPES = {
    **{f"head width {head}": layer(head=head) for head in (64, 80, 96, 128, 192, 256)},
    **{f"groups of {group}": layer(group=group) for group in (1, 2, 8, 16)},
    "window of 512": layer(window=512), "window of 1,024": layer(window=1024), "sinks": layer(sinks=True),
    "soft cap": layer(softcap=50.0),
    **{f"{length:,} tokens": layer(length=length) for length in (512, 1024, 2048, 8192, 16384)},
}


def family(folder):
    """llama's data file with a window, a soft cap and sinks: a family of the benchmark's own."""
    data = json.loads((ROOT / "formats/architectures/llama.json").read_text())
    data["name"] = "attention-bench"
    data["model_types"] = {"attention_bench": "AttentionBenchForCausalLM"}
    del data["windowed_model_type"], data["block"]["experts"], data["seventy_billion"]
    data["hyperparameters"]["window"]["gguf"] = ["attention.sliding_window"]
    data["hyperparameters"]["attention_softcap"] = {"gguf": ["attn_logit_softcapping"]}
    data["weights"]["attention.sinks"] = {"gguf": "blk.{layer}.attn_sinks.weight", "optional": True}
    for key in ("experts", "experts_per_token"):
        del data["hyperparameters"][key]
    for key in [key for key in data["weights"] if "router" in key or "expert" in key]:
        del data["weights"][key]
    folder.mkdir(exist_ok=True)
    (folder / "attention-bench.json").write_text(json.dumps(data, indent=1))
    return folder


def operations(shape, tokens):
    """Multiplications and additions of scores and of weights times values, for the keys that each token sees."""
    length = min(shape["length"], tokens)
    seen = sum(min(place + 1, shape["window"] or length) for place in range(length))
    return 4 * SHAPE["layers"] * shape["heads"] * shape["head"] * seen * (tokens // length)


def heads(b):
    """Attention over head widths, groups, lengths, windows, sinks and soft caps."""
    folder = family(b.models.folder / "architectures")
    results = []
    for name, shape in SHAPES.items():
        if b.quick and shape["length"] > 2048:
            shape = {**shape, "length": 2048}
        model = b.models.attention(SHAPE, shape)
        chunks = max(1, 4096 // shape["length"])
        command = b.score(model, b.models.text(), shape["length"], chunks, "--architectures", folder)
        run = Run(command)
        side = ours(run)
        done = operations(shape, side["tokens"])
        rate = done / (side["phases"]["attention"] / b.threads)
        results.append({"name": name, "shape": shape, "operations": done, "rate": rate, "compute": side["compute"],
                        "seconds": run.seconds, "peak_bytes": run.peak_bytes, "command": shown(run.command)})
        b.say(f"    {name:18} {rate / 1e9:6.0f} GFLOP/s, {run.seconds:.1f} s")
    return {"sides": results, "ratios": []}
