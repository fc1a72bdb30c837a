"""Work on files: conversion, tokenization, the first line of `inspect`."""
import json
import os
import statistics
import subprocess
import time

from bench import nothing
from measure import Failed, shown


def convert(b):
    """540 MB of F32 to qkvo without a fit, beside copying the file, waiting for the disk, and hashing it."""
    source = b.models.smollm2_as("F32")
    target = b.models.folder / "converted.gguf"
    copied = b.models.folder / "copied.gguf"
    copy = f"cp --reflink=never {source.name} {copied.name} && sync {copied.name} && sha256sum {copied.name}"

    def clean():
        for path in (target, copied):
            path.unlink(missing_ok=True)
        # Neither side waits for what the other left to write.
        os.sync()

    sides = {
        "ropeconv convert": ([b.program, "convert", source, "--to", "qkvo", "-o", target, "--threads", b.threads,
                              "--quiet"], None, nothing),
        "cp, sync, sha256sum": (["sh", "-c", f"cd '{b.models.folder}' && {copy}"], None, nothing),
    }
    results = b.measure(sides, 150, before=clean)
    clean()
    results[1]["command"] = copy
    return {"sides": results, "bytes": source.stat().st_size, "ratios": [
        b.held("convert of a 540 MB F32 file to qkvo, times that of cp, sync and sha256sum",
               results[0]["median"] / results[1]["median"], "times", 1.2, least=False)]}


def tokenize(b):
    """wiki.test.tokens, 1.25 MB: loading the model included, the same ids on both sides."""
    model, text = b.models.smollm2(), b.models.text()
    tokens = {}

    def read(name, parse):
        def reader(run):
            tokens[name] = parse(run.output)
            return {"tokens": len(tokens[name])}
        return reader

    sides = {"ropeconv tokenize": ([b.program, "tokenize", model, "--text", text, "--json", "--quiet"], None,
                                   read("ours", lambda output: json.loads(output)["tokens"]))}
    if b.peer:
        sides["llama-tokenize"] = ([b.peer.tool("llama-tokenize"), "-m", model, "-f", text, "--ids", "--no-parse-special",
                                    "--log-disable"], None, read("theirs", json.loads))
    results = b.measure(sides, 60)
    if b.peer and tokens["ours"] != tokens["theirs"]:
        raise Failed("the two tokenizations differ")
    return {"sides": results, "ratios": [
        b.faster("tokenization of 1.25 MB, against llama-tokenize", results, "ropeconv tokenize", "llama-tokenize", 3)]}


def inspect(b):
    """From the start of the process to the first line of `inspect`, on a sparse file of 4 GB."""
    command = [str(b.program), "inspect", str(b.models.sparse())]
    times = []
    for _ in range(11):
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            line = process.stdout.readline()
            times.append(time.monotonic() - began)
            process.stdout.read()
            errors = process.stderr.read().decode()
        if process.returncode != 0 or not line:
            raise Failed(f"inspect failed: {errors.strip()}")
    median = statistics.median(times)
    b.say(f"    first line after {1e3 * median:.1f} ms ({1e3 * min(times):.1f} to {1e3 * max(times):.1f})")
    side = {"name": "ropeconv inspect", "command": shown(command), "median": median, "low": min(times), "high": max(times),
            "runs": len(times)}
    return {"sides": [side], "bytes": b.models.sparse().stat().st_size, "ratios": [
        b.held("first line of inspect of a 4 GB file", 1e3 * median, "ms", 50, least=False)]}
