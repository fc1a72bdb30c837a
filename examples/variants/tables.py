#!/usr/bin/env python3
"""Makes the tables and plots of docs/variants.md from what `ropeconv run plan.yaml` left.

    tables.py WORK -o OUT       # OUT/tables.md and OUT/*.svg

A number is the mean over seeds, ± the standard deviation between seeds (n - 1 in the denominator)."""
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


class Results:
    """Results of a plan by step and run; every value is a list over seeds, in their order, the same for every run."""

    def __init__(self, folder):
        self.steps = collections.defaultdict(dict)
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            if path.stem.count(".") < 2:      # a conversion's
                continue
            step, run, seed = path.stem.rsplit(".", 2)
            self.steps[step].setdefault(run, {})[seed] = json.loads(path.read_text())
        if not self.steps:
            raise SystemExit(f"tables.py: {folder}: no results of a plan")
        for step, runs in self.steps.items():
            seeds = {run: sorted(results) for run, results in runs.items()}
            if len(set(map(tuple, seeds.values()))) > 1:      # differences are of the same seed
                raise SystemExit(f"tables.py: {step}: runs have results of other seeds: {seeds}")
            for run, results in runs.items():
                runs[run] = [results[seed] for seed in sorted(results)]

    def values(self, step, run, of):
        return [of(result) for result in self.steps[step].get(run, [])]

    def sizes(self, task):
        """The lengths of a task, whose steps are named TASK.LENGTH."""
        return sorted(int(step.removeprefix(task + ".")) for step in self.steps if step.startswith(task + "."))

    def runs(self, step):
        return self.steps[step].keys()


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


def nll(result):
    return result["nll"]


def losses(results):
    by_loss = sorted(NINE, key=lambda run: statistics.mean(results.values("loss.english", run, nll)))
    rows = []
    for run in by_loss + [run for run in ("shared", "latent") if run in results.runs("loss.english")]:
        first = [value - base for value, base in zip(results.values("loss.english", run, nll),
                                                     results.values("loss.english", "qk", nll))]
        rows.append([run, shown(results.values("loss.english", run, nll)), shown(first),
                     shown(results.values("loss.valley", run, nll)), f"{SU[run]:.3f}" if run in SU else ""])
    head = ["sites", "English, nats a token", "from qk, same seed", "valley, nats a token", "Su, 1 B parameters"]
    return table(head, rows)


def curves(results):
    """Curves of perplexity by length: {(run, scaling): {length: [ppl of each seed]}}."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in results.runs("lengths"):
        for result in results.steps["lengths"][run]:
            for sweep in result["sweeps"]:
                for point in sweep["points"]:
                    found[run, sweep["rope_scaling"]][point["ctx"]].append(point["ppl"])
    return found


def lengths(found):
    sizes = sorted({size for points in found.values() for size in points})
    rows = [[run, scaling] + [shown(points[size], 1) for size in sizes] for (run, scaling), points in found.items()]
    return table(["sites", "scaling"] + [f"{size}" for size in sizes], rows)


def retrieval(results, task, runs):
    sizes = results.sizes(task)
    of = lambda key, factor: lambda result: factor * result["requests"][0][key]
    rows = []
    for run in runs:
        cell = lambda size: ", ".join(filter(None, (
            shown(results.values(f"{task}.{size}", run, of("greedy", 100)), 0),
            shown(results.values(f"{task}.{size}", run, of("loglikelihood", -1)), 2))))
        rows.append([run] + [cell(size) for size in sizes])
    return table([task] + [f"{size}" for size in sizes], rows)


def shots(results, runs):
    counts = results.sizes("shots")
    accuracy = lambda result: 100 * result["tasks"][0]["accuracy"]
    rows = [[run] + [shown(results.values(f"shots.{count}", run, accuracy), 1) for count in counts] for run in runs]
    return table(["sites"] + [f"{count} shots" for count in counts], rows)


def converted(results):
    rows = []
    greedy = lambda result: 100 * result["requests"][0]["greedy"]
    for run, name in [("qk", "qk, trained"), ("fitted", "qkvo, by a fit"), ("healed", "qkvo, fit and healing"),
                      ("qkvo", "qkvo, trained")]:
        rows.append([name, shown(results.values("loss.valley", run, nll)), shown(results.values("loss.english", run, nll)),
                     shown(results.values("keys.256", run, greedy), 0),
                     shown(results.values("generated", run, lambda result: 100 * result["accuracy"]), 0),
                     shown(results.values("copies.256", run, greedy), 0)])
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
    order = sorted(NINE, key=lambda run: statistics.mean(results.values("loss.english", run, nll)))
    values = [results.values("loss.english", run, nll) for run in order]
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
    greedy = lambda result: 100 * result["requests"][0]["greedy"]
    for axes, task in zip(panels, TASKS):
        sizes = sorted(int(step.split(".")[1]) for step in results.steps if step.startswith(task + "."))
        for run in ("qk", "qkvo", "vo", "nope"):
            sizes = [size for size in results.sizes(task) if results.values(f"{task}.{size}", run, greedy)]
            values = [results.values(f"{task}.{size}", run, greedy) for size in sizes]
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
    for offset, (step, label) in enumerate([("loss.valley", "valley"), ("loss.english", "English")]):
        base = results.values(step, "qk", nll)
        values = [[100 * (math.exp(v - b) - 1) for v, b in zip(results.values(step, run, nll), base)] for run in runs]
        axes.errorbar([i + 0.15 * offset for i in range(len(runs))], [statistics.mean(v) for v in values],
                      [spread(v) for v in values], fmt="o", capsize=3, label=label)
    axes.set_xticks(range(len(runs)), ["qk", "qkvo, fitted", "fitted and healed", "qkvo, trained"])
    axes.set_ylabel("perplexity from qk, %")
    axes.legend(fontsize=8)
    keep(figure, "converted")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("-o", "--output", required=True)
    options = parser.parse_args()
    results, out = Results(pathlib.Path(options.work) / "results"), pathlib.Path(options.output)
    out.mkdir(parents=True, exist_ok=True)
    found = curves(results)
    runs = NINE + [run for run in ("shared", "latent", "fitted", "healed") if run in results.runs("needle.64")]
    parts = ["## Losses", losses(results), "## Lengths", lengths(found), "## Retrieval",
             *(retrieval(results, task, runs) for task in TASKS), "With YaRN:\n",
             *(retrieval(results, f"yarn.{task}", ["qk", "qkvo"]) for task in TASKS), "## Few-shot", shots(results, runs), "## Converted",
             converted(results)]
    (out / "tables.md").write_text("\n".join(parts))
    plots(results, found, out)


if __name__ == "__main__":
    main()
