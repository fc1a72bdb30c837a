"""How cost grows: with the context, with the model, and a model far larger than the memory it may use."""
import math

from bench import ours, theirs
from measure import Failed, Run, shown
from scoring import work


# Times faster than the peer on the same file.
TARGETS = {("1B", "Q4_0"): 2.3, ("2B of experts", "Q4_0"): 1.5}


def context(b):
    """SmolLM2 Q4_1 at growing contexts: tokens a second and peak memory."""
    model, text = b.models.smollm2(), b.models.text()
    results = []
    for length in [512, 1024, 2048] if b.quick else [512, 1024, 2048, 4096, 8192, 16384, 32768]:
        chunks = max(1, (2048 if b.quick else 8192) // length)
        run = Run(b.score(model, text, length, chunks))
        side = ours(run) | {"name": f"{chunks} x {length}", "context": length, "chunks": chunks, "seconds": run.seconds,
                            "peak_bytes": run.peak_bytes, "command": shown(run.command)}
        results.append(side)
        b.say(f"    {length:6} tokens: {side['tokens_per_second']:8.0f} tokens/s, {run.peak_bytes / 1e6:6.0f} MB")
    return {"sides": results, "ratios": []}


def sizes(b):
    """Random checkpoints of growing size beside the peer on the same file."""
    text, results, ratios = b.models.text(), [], []
    names = ["15M", "60M"] if b.quick else ["15M", "60M", "250M", "1B", "2B of experts"]
    for name, kind in [(name, "Q4_0") for name in names] + ([] if b.quick else [("1B", "Q4_K_M")]):
        model = b.models.random(name, kind)
        chunks = 8 if "experts" in name else 4
        command = b.score(model, text, 512, chunks)
        run = Run(command)
        side = ours(run) | {"name": name, "kind": kind, "seconds": run.seconds, "peak_bytes": run.peak_bytes,
                            "file_bytes": model.stat().st_size, "work": work(b, model), "command": shown(run.command)}
        line = f"    {name:5} {kind:6} {side['tokens_per_second']:8.0f} tokens/s, {run.peak_bytes / 1e6:6.0f} MB"
        if b.peer:
            other = Run(b.peer.perplexity(model, text, 512, chunks))
            side["peer"] = theirs(other) | {"seconds": other.seconds, "peak_bytes": other.peak_bytes,
                                            "command": shown(other.command)}
            line += f"; llama.cpp {other.seconds / run.seconds:.2f} times the time, {other.peak_bytes / 1e6:.0f} MB"
            if (name, kind) in TARGETS:
                times = [{"name": "ropeconv", "median": run.seconds}, {"name": "llama.cpp", "median": other.seconds}]
                ratios.append(b.faster(f"{name} Q4_0, {chunks} x 512, against llama.cpp on the same file", times, "ropeconv",
                                       "llama.cpp", TARGETS[name, kind]))
        side["chunks"] = chunks
        results.append(side)
        b.say(line)
    return {"sides": results, "ratios": ratios}


def seven_billion(b):
    """Checkpoints of llama-2-7B's shape under a limit of 3 GB of data."""
    text, results = b.models.text(), []
    for kind in ("Q4_0", "Q4_K_M"):
        model = b.models.random("7B shape, 2 layers" if b.quick else "7B", kind)
        command = b.score(model, text, 512, 1, "--memory", b.memory)
        run = Run(["prlimit", "--data=3221225472", *command], watch=True)
        side = ours(run) | {"name": model.name, "seconds": run.seconds, "peak_bytes": run.peak_bytes,
                            "own_bytes": run.own_bytes, "context": 512,
                            "file_bytes": model.stat().st_size, "work": work(b, model), "command": shown(run.command)}
        if not math.isfinite(side["perplexity"]):
            raise Failed(f"the perplexity is {side['perplexity']}")
        b.say(f"    {kind:6} {run.seconds:.1f} s, {side['tokens_per_second']:.1f} tokens/s, peak {run.peak_bytes / 1e6:.0f} MB, "
              f"its own {run.own_bytes / 1e6:.0f} MB, perplexity {side['perplexity']:.1f}")
        if b.peer and not b.quick:
            other = Run(b.peer.perplexity(model, text, 512, 1))
            side["peer"] = theirs(other) | {"seconds": other.seconds, "peak_bytes": other.peak_bytes,
                                            "command": shown(other.command)}
        results.append(side)
    return {"sides": results, "ratios": []}
