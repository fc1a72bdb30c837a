#!/usr/bin/env python3
"""Makes the tables and plots of docs/variants.md from what `ropeconv run plan.yaml` left.

    tables.py WORK ... -o OUT       # OUT/tables.md, OUT/*.svg and OUT/values.json, every number that they are made of

WORK is the plan's folder, or an earlier values.json: seeds that were measured apart are put together.
A number is the mean over seeds, ± the standard deviation between seeds (n - 1 in the denominator); one without ± is of one
seed."""
import argparse
import collections
import json
import math
import pathlib
import statistics

NINE = ["qk", "qkvo", "k", "vo", "qkv", "nope", "o", "q", "v"]   # in the order of Su's losses
SU = {"qk": 2.712, "qkvo": 2.719, "k": 2.769, "vo": 2.770, "qkv": 2.783, "nope": 2.795, "o": 2.841, "q": 2.851, "v": 2.856}
TASKS = ["needle", "keys", "copies", "tally"]
TRAINED = 256


def numbers(result):
    """What the tables need of a result, by names of our own."""
    if "sweeps" in result:
        return {f"{sweep['rope_scaling']} {point['ctx']}": point["ppl"] for sweep in result["sweeps"]
                for point in sweep["points"]}
    if "requests" in result:
        return {key: result["requests"][0][key] for key in ("greedy", "loglikelihood")}
    if "tasks" in result:
        return {"accuracy": result["tasks"][0]["accuracy"]}
    return {key: result[key] for key in ("nll", "accuracy") if key in result}


def measured(path):
    """{step: {run: {seed: numbers}}} of a plan's folder, or of a values.json."""
    if path.is_file():
        return json.loads(path.read_text())
    steps = collections.defaultdict(lambda: collections.defaultdict(dict))
    for file in sorted(path.glob("results.*/*.json")):
        if file.stem.count(".") >= 2:      # others are conversions'
            step, run, seed = file.stem.rsplit(".", 2)
            steps[step][run][seed] = numbers(json.loads(file.read_text()))
    if not steps:
        raise SystemExit(f"tables.py: {path}/results.*: no results of a plan")
    return steps


class Results:
    """Numbers by step, run and seed. Some runs may have fewer seeds: differences are of the same seeds."""

    def __init__(self, paths):
        found = collections.defaultdict(lambda: collections.defaultdict(dict))
        for path in paths:
            for step, runs in measured(path).items():
                for run, seeds in runs.items():
                    for seed, values in seeds.items():
                        if found[step][run].setdefault(seed, values) != values:
                            raise SystemExit(f"tables.py: {path}: {step} of {run}.{seed} has other values elsewhere")
        self.found = {step: {run: dict(sorted(seeds.items())) for run, seeds in sorted(runs.items())}
                      for step, runs in sorted(found.items())}

    def values(self, step, run, key, factor=1):
        return [factor * values[key] for values in self.found.get(step, {}).get(run, {}).values() if key in values]

    def differences(self, step, run, base, key):
        runs = self.found.get(step, {})
        bases = runs.get(base, {})
        return [values[key] - bases[seed][key] for seed, values in runs.get(run, {}).items() if seed in bases]

    def keys(self, step, run):
        return {key for values in self.found[step][run].values() for key in values}

    def sizes(self, task):
        """The lengths of a task, whose steps are named TASK.LENGTH."""
        return sorted(int(step.removeprefix(task + ".")) for step in self.found if step.startswith(task + "."))

    def runs(self, step):
        return self.found.get(step, {}).keys()

    def lines(self):
        """JSON with a line for each run of a step."""
        steps = [f"{json.dumps(step)}: {{\n  " + ",\n  ".join(
            f"{json.dumps(run)}: {json.dumps(seeds)}" for run, seeds in runs.items()) + "\n}"
            for step, runs in self.found.items()]
        return "{\n" + ",\n".join(steps) + "\n}\n"


def spread(values):
    return statistics.stdev(values) if len(values) > 1 else math.nan


def shown(values, digits=3):
    if not values:
        return ""
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {spread(values):.{digits}f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def nll(results, kind, run):
    return results.values(f"loss.{kind}", run, "nll")


def by_loss(results):
    def loss(run):
        found = results.differences("loss.english", run, "qk", "nll")
        if not found:
            raise SystemExit(f"tables.py: loss.english: {run} has no seed that qk has")
        return statistics.mean(found)
    return sorted(NINE, key=loss)


def losses(results):
    rows = []
    for run in by_loss(results) + [run for run in ("shared", "latent") if run in results.runs("loss.english")]:
        rows.append([run, shown(nll(results, "english", run)),
                     shown(results.differences("loss.english", run, "qk", "nll")), shown(nll(results, "valley", run)),
                     f"{SU[run]:.3f}" if run in SU else ""])
    head = ["sites", "English, nats a token", "from qk, same seed", "valley, nats a token", "Su, 1 B parameters"]
    return table(head, rows)


def curves(results):
    """Curves of perplexity by length: {(run, scaling): {length: [ppl of each seed]}}."""
    found = collections.defaultdict(dict)
    for run in results.runs("lengths"):
        for key in sorted(results.keys("lengths", run)):
            scaling, length = key.rsplit(" ", 1)
            found[run, scaling][int(length)] = results.values("lengths", run, key)
    return found


def lengths(found):
    sizes = sorted({size for points in found.values() for size in points})
    rows = [[run, scaling] + [shown(points.get(size, []), 1) for size in sizes] for (run, scaling), points in found.items()]
    return table(["sites", "scaling"] + [f"{size}" for size in sizes], rows)


def retrieval(results, task, runs):
    sizes = results.sizes(task)
    rows = []
    for run in runs:
        cell = lambda size: ", ".join(filter(None, (
            shown(results.values(f"{task}.{size}", run, "greedy", 100), 0),
            shown(results.values(f"{task}.{size}", run, "loglikelihood", -1), 2))))
        rows.append([run] + [cell(size) for size in sizes])
    return table([task] + [f"{size}" for size in sizes], rows)


def shots(results, runs):
    counts = results.sizes("shots")
    rows = [[run] + [shown(results.values(f"shots.{count}", run, "accuracy", 100), 1) for count in counts] for run in runs]
    return table(["sites"] + [f"{count} shots" for count in counts], rows)


def converted(results):
    rows = []
    for run, name in [("qk", "qk, trained"), ("fitted", "qkvo, by a fit"), ("healed", "qkvo, fit and healing"),
                      ("qkvo", "qkvo, trained")]:
        rows.append([name, shown(nll(results, "valley", run)), shown(nll(results, "english", run)),
                     shown(results.values("keys.256", run, "greedy", 100), 0),
                     shown(results.values("generated", run, "accuracy", 100), 0),
                     shown(results.values("copies.256", run, "greedy", 100), 0)])
    head = ["", "valley, nats", "English, nats", "keys at 256, exact match %", "needles, generated, %", "copies at 256, %"]
    return table(head, rows)


def plots(results, found, out):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "ropeconv"
    from matplotlib import pyplot

    def by_length(axes, sizes):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes], fontsize=8)
        axes.minorticks_off()

    def keep(figure, name):
        figure.tight_layout()
        figure.savefig(out / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)

    figure, axes = pyplot.subplots(figsize=(7, 3.2))
    order = by_loss(results)
    values = [nll(results, "english", run) for run in order]
    axes.errorbar(range(len(order)), [statistics.mean(v) for v in values], [spread(v) for v in values], fmt="o", capsize=3)
    axes.set_xticks(range(len(order)), order)
    axes.set_ylabel("nats a token, English")
    keep(figure, "losses")

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for run, scaling in [("qk", "checkpoint"), ("qkvo", "checkpoint"), ("vo", "checkpoint"), ("nope", "checkpoint"),
                         ("qk", "yarn"), ("qkvo", "yarn"), ("qkvo", "yarn:qk"), ("qkvo", "yarn:vo")]:
        points = found.get((run, scaling))
        if points:
            sizes = sorted(points)
            axes.errorbar(sizes, [statistics.mean(points[s]) for s in sizes], [spread(points[s]) for s in sizes],
                          marker="o", capsize=3, label=run if scaling == "checkpoint" else f"{run}, {scaling}",
                          linestyle="-" if scaling == "checkpoint" else "--")
    by_length(axes, sizes)
    axes.set(yscale="log", xlabel=f"tokens (trained: {TRAINED})", ylabel="perplexity, English")
    axes.set_yticks([60, 80, 100, 150, 200, 300, 400], ["60", "80", "100", "150", "200", "300", "400"])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    keep(figure, "lengths")

    figure, panels = pyplot.subplots(1, len(TASKS), figsize=(12, 3.2), sharey=True)
    for axes, task in zip(panels, TASKS):
        greedy = lambda run, size: results.values(f"{task}.{size}", run, "greedy", 100)
        for run in ("qk", "qkvo", "vo", "nope"):
            sizes = [size for size in results.sizes(task) if greedy(run, size)]
            values = [greedy(run, size) for size in sizes]
            axes.errorbar(sizes, [statistics.mean(v) for v in values], [spread(v) for v in values], marker="o", capsize=3,
                          label=run)
        axes.axvline(TRAINED, color="gray", linewidth=0.8)
        by_length(axes, results.sizes(task))
        axes.set(xlabel="tokens", title=task)
    panels[0].set_ylabel("exact match, %")
    panels[0].legend(fontsize=8)
    keep(figure, "retrieval")

    figure, axes = pyplot.subplots(figsize=(7, 3.2))
    runs = ["qk", "fitted", "healed", "qkvo"]
    for offset, (kind, label) in enumerate([("valley", "valley"), ("english", "English")]):
        values = [[100 * math.expm1(change) for change in results.differences(f"loss.{kind}", run, "qk", "nll")]
                  for run in runs]
        axes.errorbar([i + 0.15 * offset for i in range(len(runs))], [statistics.mean(v) for v in values],
                      [spread(v) for v in values], fmt="o", capsize=3, label=label)
    axes.set_xticks(range(len(runs)), ["qk", "qkvo, fitted", "fitted and healed", "qkvo, trained"])
    axes.set_ylabel("perplexity from qk, %")
    axes.legend(fontsize=8)
    keep(figure, "converted")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="+", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    results, out = Results(options.work), pathlib.Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    found = curves(results)
    runs = NINE + [run for run in ("shared", "latent", "fitted", "healed") if run in results.runs("needle.64")]
    parts = ["## Losses", losses(results), "## Lengths", lengths(found), "## Retrieval",
             *(retrieval(results, task, runs) for task in TASKS), "With YaRN:\n",
             *(retrieval(results, f"yarn.{task}", ["qk", "qkvo"]) for task in TASKS), "## Few-shot", shots(results, runs),
             "## Converted", converted(results)]
    (out / "tables.md").write_text("\n".join(parts))
    (out / "values.json").write_text(results.lines())
    plots(results, found, out)


if __name__ == "__main__":
    main()
