"""A CPU's page in docs/performance from the results of all parts."""
import columns
from kernel_tables import kernel_tables
from kernels import Peaks, roofline
from markdown import code, megabytes, number, percent, seconds, table

TITLES = {
    "short": "SmolLM2-135M-Instruct Q4_1, {chunks} x {context} tokens of wikitext-2 test",
    "long": "SmolLM2-135M-Instruct Q4_1, {chunks} x {context} tokens",
    "gemma": "gemma-3-270m Q4_K_M, {chunks} x {context} tokens",
    "convert": "Conversion of 540 MB of F32 to qkvo, without a fit",
    "tokenize": "Tokenization of wiki.test.tokens, 1.25 MB",
    "inspect": "First line of `inspect` on a sparse file of 4 GB",
    "few-shot": "Few-shot, SmolLM2 Q4_1: five shots before each example, four choices",
    "needle": "Needle grids, SmolLM2 Q4_1: five depths, four trials",
    "fallbacks": "Fallbacks, SmolLM2 Q4_1, {chunks} x {context} tokens",
}


def overview(parts, results):
    rows = []
    for ratio in parts:
        shown = columns.shown(ratio)
        rows.append((ratio["what"], shown, f"{ratio['target']} {ratio['unit']}".strip(), ratio["met"]))
    lines = table(["figure", "measured", "target", "met"], rows)
    missing = [f"{name} ({result['failed']})" for name, result in results.items() if "failed" in result]
    if missing:
        lines += ["Not measured: " + "; ".join(missing) + ".", ""]
    return lines


def machine_section(machine, peer, threads):
    lines = ["## Machine and versions", ""]
    rows = [("CPU", f"{machine['cpu']} ({machine['vendor']}, family {machine['family']}, model {machine['model']}), "
             f"{machine['cores']} cores; {threads} threads used on both sides"),
            ("extensions", " ".join(machine["flags"]) or "none of those looked for"),
            ("memory", f"{machine['memory_bytes'] / 1e9:.0f} GB"), ("system", machine["system"]),
            ("busy before the run", f"{100 * machine['busy']:.0f} % of the CPUs"),
            ("ropeconv", f"{machine['ropeconv']}; commit {machine['commit']}; {machine['swift']}")]
    if peer and "failed" not in peer:
        rows += [("llama.cpp", peer["version"]), ("built with", f"`{peer['flags']}`"),
                 ("system_info", "`" + peer["system_info"].replace("|", ",") + "`")]
    lines += table(["", ""], rows)
    if peer and "failed" not in peer:
        known = (peer["known"] or {}).get("pp512", {})
        lines += ["llama-bench's pp512 of SmolLM2 tells whether llama.cpp is as fast as this CPU lets it be; more than 15 % "
                  "below a known value refuses every ratio. Here: " + peer["verdict"] + ".", ""]
        lines += table(["type", "pp512, tokens/s", "known"],
                       [(kind, number(speed), number(known.get(kind))) for kind, speed in peer["speeds"].items()])
    return lines


def sides_section(name, result):
    lines = [f"## {TITLES[name].format(**result)}", ""]
    rows = []
    for side in result["sides"]:
        name = side["name"]
        if "computed" in side:
            name += f": {side['computed']:,} of {side['tokens']:,} tokens computed"
        row = [name, seconds(side["median"]), f"{seconds(side['low'])} to {seconds(side['high'])}", side["runs"],
               megabytes(side.get("peak_bytes"))]
        rows.append(row + ([f"{side['perplexity']:.4f}", side["compute"]] if "perplexity" in side else ["", ""]))
    scored = any(row[-1] for row in rows)
    head = ["", "median", "spread", "runs", "peak memory", "perplexity", "arithmetic"]
    keep = len(head) if scored else 5
    return lines + table(head[:keep], [row[:keep] for row in rows]) + code(side["command"] for side in result["sides"])


def growth_sections(results):
    lines = []
    if "sides" in results.get("context", {}):
        sides = results["context"]["sides"]
        lines += ["## Growth with the context", "", "SmolLM2 Q4_1, at least 8,192 tokens each, one run.", ""]
        lines += table(["chunks x context", "tokens/s", "whole process", "peak memory", "perplexity"],
                       [(side["name"], number(side["tokens_per_second"]), seconds(side["seconds"]),
                         megabytes(side["peak_bytes"]), f"{side['perplexity']:.4f}") for side in sides])
        lines += code([sides[-1]["command"]])
    if "sides" in results.get("sizes", {}):
        sides = results["sizes"]["sides"]
        lines += ["## Growth with the model", "",
                  "Random weights of llama's shape (`Tests/Benchmarks/synthesize.py`), 4 x 512 tokens (8 x 512 of experts, "
                  "of which a token uses some), one run of each side. llama.cpp has products of its own for Q4_0.", ""]
        peers = [side.get("peer", {}) for side in sides]
        lines += table(["parameters", "type", "file", "operations a token", "ropeconv", "tokens/s", "peak memory", "perplexity",
                        "llama.cpp", "peak memory", "perplexity"],
                       [(side["name"], side.get("kind", "Q4_0"), megabytes(side["file_bytes"]), f"{number(side['work']['linear'] / 1e9)} GFLOP",
                         seconds(side["seconds"]), number(side["tokens_per_second"]), megabytes(side["peak_bytes"]),
                         number(side["perplexity"], 6), seconds(peer["seconds"]) if peer else "",
                         megabytes(peer.get("peak_bytes")), number(peer.get("perplexity"), 6))
                        for side, peer in zip(sides, peers)])
        lines += code([sides[-1]["command"], *[peer["command"] for peer in peers[-1:] if peer]])
    lines += heads_section(results)
    if "sides" in results.get("7b", {}):
        sides = results["7b"]["sides"]
        lines += ["## A model of 7B shape in 3 GB", "",
                  f"Random weights in llama-2-7B's shape, scored with the process held to 3 GB of data (`prlimit`). The resident "
                  "peak counts the mapped file's pages too, which the system takes back when others need memory; what is the "
                  "process's own was sampled beside it. llama.cpp had no such limit.", ""]
        lines += table(["file", "size", "tokens", "whole process", "peak resident memory", "its own", "perplexity", "arithmetic",
                        "llama.cpp", "peak memory", "perplexity"],
                       [(side["name"], megabytes(side["file_bytes"]), side["tokens"], seconds(side["seconds"]),
                         megabytes(side["peak_bytes"]), megabytes(side.get("own_bytes")), number(side["perplexity"], 6),
                         side["compute"], *((seconds(side["peer"]["seconds"]), megabytes(side["peer"]["peak_bytes"]),
                                             number(side["peer"]["perplexity"], 6)) if "peer" in side else ("", "", "")))
                        for side in sides])
        lines += code([side["command"] for side in sides])
    return lines


def heads_section(results):
    """Attention's rates over shapes, against the peak of its arithmetic."""
    sides = results.get("heads", {}).get("sides")
    if not sides:
        return []
    variants = results.get("kernels", {}).get("variants")
    top = Peaks(variants[0]) if variants else None
    usual = sides[0]["shape"]
    lines = ["## Attention over shapes", "",
             f"Four layers of {usual['heads']} heads of {usual['head']}, groups of {usual['group']}, {usual['length']:,} tokens, "
             "but for what the row names; widths that do not divide 2,048 have the next fewer heads. Operations of scores and of "
             "weights times values, for the keys that a token sees, over the time of that part.", ""]
    lines += table(["", "GFLOP/s", "share of peak", "arithmetic", "whole process", "peak memory"],
                   [(side["name"], number(side["rate"] / 1e9), percent(side["rate"] / top.of(side["compute"])) if top else "",
                     side["compute"], seconds(side["seconds"]), megabytes(side["peak_bytes"])) for side in sides])
    return lines + code([sides[0]["command"]])


def roofline_section(results, threads):
    variants = results.get("kernels", {}).get("variants")
    if not variants:
        return []
    top = Peaks(variants[0])
    lines = ["## Where the time goes", "",
             f"The peak of {threads} threads together, measured by `kernel-bench`: "
             + ", ".join(f"{name} {number(value / 1e9)} {unit}" for name, unit, value in top.lines())
             + f". (f32: a loop of multiplications and additions reaches {number(top.loop / 1e9)}, the best matrix product "
             f"{number(top.product / 1e9)} GFLOP/s; the larger one counts.)", "",
             "Operations come from the shapes; \"at peak\" is the time they would take if nothing else were done. The share "
             "of the peak is of the time spent in that part where the program tells it (`phases`), and of the whole run in "
             "any case.", ""]
    for name in ("short", "long", "gemma"):
        result = results.get(name, {})
        if "sides" not in result:
            continue
        account = roofline(result["sides"][0], result["work"], result["context"], top, threads)
        lines += [f"{TITLES[name].format(**result)}: {seconds(account['seconds'])} in {account['arithmetic']}.", ""]
        lines += table(["part", "operations", "at peak", "time", "share of peak in its time", "in the whole run"],
                       [(part, f"{number(share['operations'] / 1e12)} TFLOP", seconds(share["at_peak"]),
                         seconds(share["seconds"]) if share["seconds"] else "not told", percent(share["of_peak"]),
                         percent(share["of_peak_in_total"])) for part, share in account["parts"].items()])
        if account["phases"]:
            total = account["seconds"]
            rows = [(phase, seconds(value), percent(value / total)) for phase, value in account["phases"].items()]
            rest = total - sum(account["phases"].values())
            lines += table(["phase", "time of all threads / threads", "share of the run"],
                           rows + [("loading, waiting, the rest", seconds(max(rest, 0)), percent(max(rest, 0) / total))])
    return lines


def linear_share(side, top):
    """What part of the best product's rate all products with weights reach over a whole run; the output matrix is one too."""
    done = side["work"]["linear"] * side["tokens"] + side["work"]["logits"] * side["scored"]
    return done / side["seconds_inside"] / top.best_product(side["compute"])


def linear_figures(results):
    variants = results.get("kernels", {}).get("variants")
    if not variants:
        return []
    top = Peaks(variants[0])
    rows = [("SmolLM2 at 512", 82, {**results["short"]["sides"][0], "work": results["short"]["work"]})
            ] if "sides" in results.get("short", {}) else []
    rows += [(f"7B {kind}, 1 x 512", 80, side) for kind, side in zip(("Q4_0", "Q4_K_M"), results.get("7b", {}).get("sides", []))
             if "scored" in side]
    return [{"what": f"linear layers' operations over the time of the whole run, {what}, share of the best product",
             "beside": side["compute"], "value": 100 * linear_share(side, top), "unit": "%", "target": f">= {target}",
             "met": "yes" if linear_share(side, top) >= target / 100 else "no"} for what, target, side in rows]


def write(path, machine, results, threads):
    account, figures = roofline_section(results, threads), linear_figures(results)
    ratios = [ratio for result in results.values() for ratio in result.get("ratios", [])] + figures
    lines = [f"# Speed and memory on {machine['cpu']}, {columns.kind(machine)}", "",
             f"Written by `make bench` on {machine['date']}. Times are of whole processes, loading and tokenization included; "
             "ropeconv and the program it is compared with run in turn on the same files, and the median counts. Peak "
             "memory is the resident set, the file's pages included. Files are called by their names: "
             "`Tests/References/fetch` brings SmolLM2, `make bench` makes or fetches the others in "
             "`.build-references/benchmarks`, and the texts are wikitext-2's.", ""]
    lines += overview(ratios, results)
    lines += machine_section(machine, results.get("peer"), threads)
    for name in TITLES:
        if "sides" in results.get(name, {}):
            lines += sides_section(name, results[name])
    lines += growth_sections(results) + account
    if "variants" in results.get("kernels", {}):
        lines += kernel_tables(results["kernels"]["variants"], threads)
    lines += ["## By hand", "",
              *code(["make bench                                  # everything; half an hour on two cores",
                     "make bench BENCH='--only short kernels'     # some parts; the others stay as last measured",
                     "make bench BENCH='--quick'                  # a few minutes, not written here",
                     "ROPECONV_PEER=llama.cpp/build/bin make bench"])]
    stale = [f"{name} on {result['when'][:10]} (commit {result['commit']})" for name, result in results.items()
             if result["commit"] != machine["commit"]]
    if stale:
        lines += ["Measured by another commit than the one above: " + ", ".join(stale) + ".", ""]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines).rstrip() + "\n")
    return ratios
