"""Variants of a model as a table, and what each loses of every chunk of a text as a picture:
    variants.py PROGRAM MODEL TEXT PICTURE.png"""
import json
import subprocess
import sys

import pandas

program, model, text, picture = sys.argv[1:]


def ropeconv(*arguments):
    done = subprocess.run([program, *arguments, "--json", "--quiet"], stdout=subprocess.PIPE)
    result = json.loads(done.stdout)
    return result if result["kind"] != "error" else sys.exit(done.returncode)


results = {sites: ropeconv("eval", "perplexity", model, "--text", text, "--sites", sites)
           for sites in ("rope", "rove", "vo", "nope")}
table = pandas.DataFrame(results).T[["ppl", "ppl_stderr", "bits_per_byte", "tokens_per_second"]]
print(table.astype(float).round(4).to_string())
chunks = pandas.DataFrame({sites: {each["chunk"]: each["nll"] for each in result["per_chunk"]}
                           for sites, result in results.items()})
losses = chunks.drop(columns="rope").sub(chunks["rope"], axis=0)
losses.plot(xlabel="chunk", ylabel="nats per token more than RoPE").figure.savefig(picture)
