"""Whole-process times of perplexities beside llama-perplexity's: the main rows, and the fallbacks."""
import json
import os
import pathlib
import shutil
import subprocess

from bench import ours, theirs
from machine import ROOT
from measure import Failed, Run
import peer as peers

KINDS = ["Q4_1", "F32", "BF16", "F16", "Q8_0", "Q4_0"]


def check_peer(b):
    """pp512 of the peer on every type of SmolLM2, against what is known of this CPU."""
    peer = b.needs_peer()
    b.say(f"peer: {peer.version()}")
    b.say(f"peer: built with {peer.build_flags()}")
    for kind in KINDS:
        b.speeds[kind] = peer.prompt_speed(b.models.smollm2_as(kind), 1 if b.quick else 3)
        b.say(f"    pp512 {kind:5} {b.speeds[kind]:8.0f} tokens/s")
    known = peers.known_speeds(b.machine, b.threads)
    b.trusted, b.verdict = peers.judge(b.speeds, known)
    b.say(f"peer: {b.verdict}")
    probe = Run(peer.perplexity(b.models.smollm2_as("Q4_0"), b.models.text(), 64, 1))
    info = peers.system_info(probe)
    b.say(f"peer: system_info: {info}")
    return {"version": peer.version(), "flags": peer.build_flags(), "system_info": info, "speeds": b.speeds,
            "known": known, "trusted": b.trusted, "verdict": b.verdict}


def work(b, model):
    """Floating-point operations, from the shapes of the weights: by token in the layers' products, by scored
    target in the logits, by token and visible key in attention."""
    shape = json.loads(Run([b.program, "inspect", model, "--tensors", "--json"]).output)
    layers = sum(tensor["shape"][0] * tensor["shape"][1] for tensor in shape["tensors"]
                 if tensor["name"].startswith("blk.") and len(tensor["shape"]) == 2)
    return {"linear": 2 * layers, "logits": 2 * shape["vocabulary"] * shape["width"],
            "attention": 2 * shape["layers"] * shape["heads"] * (shape["key_width"] + shape["value_width"])}


def short(b):
    """SmolLM2 Q4_1, 32 chunks of 512."""
    chunks, model, text = 4 if b.quick else 32, b.models.smollm2(), b.models.text()
    sides = {"ropeconv": (b.score(model, text, 512, chunks), None, ours)}
    others = []
    if b.peer:
        # By pp512 alone a type may be ahead that takes longer to load and repack.
        others = b.fastest_types()
        if len(others) > 1:
            once = {kind: Run(b.peer.perplexity(b.models.smollm2_as(kind), text, 512, chunks)).seconds for kind in others}
            b.say("    once each: " + ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in once.items()))
            others.sort(key=once.get)
        for kind in dict.fromkeys(["Q4_1", others[0]]):
            sides[f"llama.cpp {kind}"] = (b.peer.perplexity(b.models.smollm2_as(kind), text, 512, chunks), None, theirs)
    results = b.measure(sides, 500)
    mine = results[0]["peak_bytes"]
    ratios = [b.faster(f"SmolLM2 Q4_1, {chunks} x 512, against llama.cpp on the same file", results, "ropeconv",
                       "llama.cpp Q4_1", 7, needs="avx512_bf16")]
    if others:
        ratios.append(b.faster(f"SmolLM2 Q4_1, {chunks} x 512, against llama.cpp's fastest type", results, "ropeconv",
                               f"llama.cpp {others[0]}", 2.3, beside=others[0]))
    ratios.append(b.held(f"SmolLM2 Q4_1, {chunks} x 512, peak memory", mine / 1e6, "MB", 200, least=False))
    return {"sides": results, "ratios": ratios, "work": work(b, model), "context": 512, "chunks": chunks}


def long(b):
    """SmolLM2 Q4_1, 4 chunks of 8192."""
    context, chunks = (2048, 1) if b.quick else (8192, 4)
    model, text = b.models.smollm2(), b.models.text()
    sides = {"ropeconv": (b.score(model, text, context, chunks), None, ours)}
    kinds = []
    if b.peer:
        kinds = list(dict.fromkeys(["BF16", b.fastest_types()[0]]))
        for kind in kinds:
            sides[f"llama.cpp {kind}"] = (
                b.peer.perplexity(b.models.smollm2_as(kind), text, context, chunks, "-fa", "on"), None, theirs)
    results = b.measure(sides, 420)
    ratios = [b.faster(f"SmolLM2 Q4_1, {chunks} x {context}, against llama.cpp on {kind} with -fa on", results, "ropeconv",
                       f"llama.cpp {kind}", 5) for kind in kinds or ["BF16"]]
    return {"sides": results, "ratios": ratios, "work": work(b, model), "context": context, "chunks": chunks}


def gemma(b):
    """gemma-3-270m Q4_K_M: sliding windows, 262,144 tokens."""
    chunks, model, text = 2 if b.quick else 16, b.models.gemma(), b.models.text()
    sides = {"ropeconv": (b.score(model, text, 512, chunks), None, ours)}
    if b.peer:
        sides["llama.cpp Q4_K_M"] = (b.peer.perplexity(model, text, 512, chunks), None, theirs)
    results = b.measure(sides, 240)
    ratios = [b.faster(f"gemma-3-270m Q4_K_M, {chunks} x 512, against llama.cpp on the same file", results, "ropeconv",
                       "llama.cpp Q4_K_M", 5)]
    if len(results) > 1:
        ratios.append(b.held(f"gemma-3-270m Q4_K_M, {chunks} x 512, peak memory as a share of llama.cpp's",
                             results[0]["peak_bytes"] / results[1]["peak_bytes"], "", 0.25, least=False))
    return {"sides": results, "ratios": ratios, "work": work(b, model), "context": 512, "chunks": chunks}


def without_onednn(b):
    """The program built with OpenBLAS alone; None, with a line, where it cannot be built."""
    folder = ROOT / ".build-without-onednn"
    flags = ["-c", "release", "--product", "ropeconv", "--scratch-path", str(folder)]
    if not shutil.which("swift"):
        b.say("    no swift here: without the build that has no oneDNN")
        return None
    b.say("    building without oneDNN (minutes the first time)")
    done = subprocess.run(["swift", "build", *flags], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, "ROPECONV_WITHOUT_ONEDNN": "1"})
    program = folder / "release/ropeconv"
    if done.returncode != 0 or not program.exists():
        b.say("    the build without oneDNN failed: " + (done.stdout + done.stderr).strip().splitlines()[-1])
        return None
    return pathlib.Path(program)


def fallbacks(b):
    """The same text without the best instructions, and without oneDNN."""
    chunks, model, text = 2 if b.quick else 8, b.models.smollm2(), b.models.text()
    command = b.score(model, text, 512, chunks)
    sides = {"as it is": (command, None, ours)}
    for level in ("avx2", "portable"):
        sides[f"ROPECONV_ISA={level}"] = (command, {"ROPECONV_ISA": level}, ours)
    if "--compute" in b.help:
        sides["--compute f32"] = (b.score(model, text, 512, chunks, "--compute", "f32"), None, ours)
    other = without_onednn(b)
    if other:
        sides["without oneDNN"] = ([other, *command[1:]], None, ours)
    results = b.measure(sides, 200)
    if other:
        results[-1]["command"] = ".build-without-onednn/release/" + results[-1]["command"]
    if any(abs(side["perplexity"] / results[0]["perplexity"] - 1) > 1e-3 for side in results):
        raise Failed("the fallbacks' perplexities differ by more than a thousandth")
    return {"sides": results, "ratios": [], "context": 512, "chunks": chunks}
