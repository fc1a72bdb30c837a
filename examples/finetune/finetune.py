#!/usr/bin/env python3
"""Trains what `ropeconv convert` made: a few steps of AdamW on a text.

    finetune.py FOLDER TEXT OUT [--steps 60] [--context 256] [--batch 4] [--rate 3e-4]

FOLDER is a Hugging Face folder, OUT the folder that save_pretrained writes."""
import argparse

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder")
parser.add_argument("text")
parser.add_argument("out")
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--context", type=int, default=256)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--rate", type=float, default=3e-4)
options = parser.parse_args()

torch.manual_seed(1)
# The folder's own code computes the variant: read modeling_ropeconv.py before you trust a folder you did not make.
model = AutoModelForCausalLM.from_pretrained(options.folder, trust_remote_code=True).float().train()
tokenizer = AutoTokenizer.from_pretrained(options.folder, trust_remote_code=True)
with open(options.text) as file:
    ids = torch.tensor(tokenizer(file.read())["input_ids"])
optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.0)
for step in range(options.steps):
    starts = torch.randint(len(ids) - options.context, (options.batch,))
    batch = torch.stack([ids[start : start + options.context] for start in starts])
    loss = model(batch, labels=batch).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0 or step == options.steps - 1:
        print(f"step {step}: loss {loss.item():.4f}", flush=True)
model.save_pretrained(options.out)
tokenizer.save_pretrained(options.out)
