#!/usr/bin/env python3
"""Distills what a conversion lost back from the original: KL divergence to its logits, on mixed texts.

    heal.py STUDENT ORIGINAL OUT --text FILE [--text FILE ...] [--tokens 1000000]

STUDENT and ORIGINAL are Hugging Face folders that `ropeconv convert MODEL -o FOLDER/ --type f32` wrote, of the converted
and of the original model; OUT is the folder that is written. Every step takes windows at random places, one text after
the other in turn. OUT.checkpoint is kept every --keep steps: a run that was stopped goes on from there with the same
windows. OUT.log has the divergence by step and tokens.

Adam with a small rate: at thirty times the default the first steps ruin what the fit had won. A step's windows go through
both models one at a time, so memory is that of one window."""
import argparse
import math
import os
import time

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(folder):
    # The folder's own code computes the variant: read modeling_ropeconv.py before you trust a folder you did not make.
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, dtype=torch.float32)


def windows(texts, step, options):
    """The windows of a step: the same whenever it is taken."""
    random = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
    for row in range(options.rows):
        ids = texts[(step * options.rows + row) % len(texts)]
        start = torch.randint(len(ids) - options.context + 1, (1,), generator=random).item()
        yield ids[None, start : start + options.context]


def divergence(student, original, ids):
    """Mean KL divergence of the student's next-token distribution from the original's, in nats."""
    with torch.no_grad():
        target = original(ids, use_cache=False).logits[0].log_softmax(-1)
    given = student(ids, use_cache=False).logits[0].log_softmax(-1)
    return functional.kl_div(given, target, reduction="batchmean", log_target=True)


def rate(options, step, steps):
    """Linear warm-up over 20 steps, then a cosine to a tenth."""
    warm = min(1.0, (step + 1) / 20)
    return options.rate * warm * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def trained(student, only):
    """The parameters that learn, by the names that `--only` gives parts of."""
    chosen = [p for name, p in student.named_parameters() if not only or any(part in name for part in only)]
    if not chosen:
        raise SystemExit(f"heal.py: no parameter's name has any of {', '.join(only)}")
    for parameter in student.parameters():
        parameter.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student")
    parser.add_argument("original")
    parser.add_argument("out")
    parser.add_argument("--text", action="append", required=True, help="may be repeated; windows of each in turn")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--rows", type=int, default=4, help="windows of a step")
    parser.add_argument("--rate", type=float, default=1e-5)
    parser.add_argument("--only", action="append", help="train only parameters whose names have this part; may be repeated")
    parser.add_argument("--keep", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if os.path.exists(options.out):
        raise SystemExit(f"heal.py: {options.out}: is there already")
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.student, trust_remote_code=True)
    texts = []
    for path in options.text:
        with open(path) as file:
            texts.append(torch.tensor(tokenizer(file.read(), add_special_tokens=False)["input_ids"]))
        if len(texts[-1]) < options.context:
            raise SystemExit(f"heal.py: {path}: {len(texts[-1])} tokens, expected at least {options.context}")
    student, original = load(options.student).train(), load(options.original).eval()
    optimizer = torch.optim.Adam(trained(student, options.only), lr=options.rate, betas=(0.9, 0.98))
    steps = max(options.tokens // (options.rows * options.context), 1)
    checkpoint, step, seconds = f"{options.out.rstrip('/')}.checkpoint", 0, 0.0
    settings = {key: value for key, value in vars(options).items() if key not in ("keep", "threads")}
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        if saved["settings"] != settings:
            raise SystemExit(f"heal.py: {checkpoint}: kept by other settings, {saved['settings']}: delete it to begin anew")
        student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
        step, seconds = saved["step"], saved["seconds"]
    log = open(f"{options.out.rstrip('/')}.log", "a")
    recent = []
    while step < steps:
        began = time.time()
        for group in optimizer.param_groups:
            group["lr"] = rate(options, step, steps)
        total = 0.0
        for ids in windows(texts, step, options):
            loss = divergence(student, original, ids) / options.rows
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, seconds = step + 1, seconds + time.time() - began
        recent.append(total)
        if step % 10 == 0 or step == steps:
            line = (f"step {step} of {steps}, {step * options.rows * options.context} tokens, "
                    f"divergence {sum(recent) / len(recent):.5f}, {seconds:.0f} s")
            print(line, flush=True)
            print(line, file=log, flush=True)
            recent = []
        if step % options.keep == 0 and step < steps:
            torch.save({"settings": settings, "student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                        "seconds": seconds}, checkpoint + ".part")
            os.replace(checkpoint + ".part", checkpoint)
    part = f"{options.out.rstrip('/')}.part"
    student.save_pretrained(part)
    tokenizer.save_pretrained(part)
    os.rename(part, options.out)
    if os.path.exists(checkpoint):
        os.remove(checkpoint)


if __name__ == "__main__":
    main()
