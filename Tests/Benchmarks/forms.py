#!/usr/bin/env python3
"""Time and memory of both forms of decay attention by length: the table of docs/rotary.md.

    forms.py PROGRAM MODEL [LENGTH...]

Scores one window of random ids of each length in either form, and prints processor seconds, the peak of resident memory,
and the largest difference of a likelihood between the two."""
import json
import os
import random
import subprocess
import sys
import tempfile

program, model, *lengths = sys.argv[1:]
lengths = [int(it) for it in lengths] or [1 << power for power in range(10, 18)]
described = json.loads(subprocess.run([program, "inspect", model, "--json"], capture_output=True, check=True).stdout)
random.seed(1)
ids = [random.randrange(described["vocabulary"]) for _ in range(max(lengths))]


def run(length, form, folder):
    tokens, values = f"{folder}/ids.json", f"{folder}/{form}.npy"
    with open(tokens, "w") as file:
        json.dump(ids[:length], file)
    process = subprocess.Popen(
        [program, "eval", "perplexity", model, "--tokens", tokens, "--ctx", str(length), "--score", "all", "--form", form,
         "--compute", "f32", "--nll", values, "--force", "--quiet", "--json"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{form} at {length} failed")
    with open(values, "rb") as file:
        data = memoryview(file.read()[-4 * (length - 1):]).cast("f")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, list(data)


print("| tokens | attention, processor s | MiB | recurrent, processor s | MiB | largest difference, nats |\n|---|---|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    for length in lengths:
        (slow, wide, one), (fast, narrow, other) = (run(length, form, folder) for form in ("attention", "recurrent"))
        apart = max(abs(a - b) for a, b in zip(one, other))
        print(f"| {length:,} | {slow:.2f} | {wide:.0f} | {fast:.2f} | {narrow:.0f} | {apart:.1e} |", flush=True)
