"""What every part of the benchmark has at hand, and how its results are kept and judged."""
import json
import time

from measure import Failed, Run, in_turn, shown, summary
import peer as peers


class Bench:
    def __init__(self, options, program, machine, references):
        self.program, self.kernel_bench = program, program.with_name("kernel-bench")
        self.machine, self.references = machine, references
        self.threads, self.quick, self.memory = options.threads, options.quick, options.memory
        self.repeat = 1 if options.quick else options.repeat
        self.began = time.monotonic()
        self.models = self.peer = None
        # Whether the peer's speed was checked, and what came of it.
        self.speeds, self.trusted, self.verdict = {}, False, "no peer"
        self.help = Run([program, "eval", "perplexity", "--help"]).output

    def say(self, line):
        took = int(time.monotonic() - self.began)
        print(f"[{took // 60:2}:{took % 60:02}] {line}", flush=True)

    def needs_peer(self):
        if self.peer is None:
            raise Failed("there is no llama.cpp here")
        return self.peer

    def score(self, model, text, context, chunks, *options):
        """Our command that scores a text."""
        return [self.program, "eval", "perplexity", model, "--text", text, "--ctx", context, "--chunks", chunks,
                "--threads", self.threads, "--json", "--quiet", *options]

    def measure(self, sides, budget, before=None):
        """Runs the sides in turn and says what came out. sides: name -> (command, environment, reader)."""
        runs = in_turn({name: (command, environment) for name, (command, environment, _) in sides.items()},
                       self.repeat, budget, before)
        results = []
        for name, (command, environment, reader) in sides.items():
            ordered = sorted(runs[name], key=lambda run: run.seconds)
            # What a run says of itself comes from the one whose time is the median.
            side = {"name": name, "command": shown(command, environment), **summary(runs[name]),
                    **reader(ordered[(len(ordered) - 1) // 2])}
            results.append(side)
            text = f"    {name:32} {side['median']:8.2f} s  {side['peak_bytes'] / 1e6:7.0f} MB"
            if "perplexity" in side:
                text += f"  perplexity {side['perplexity']:.4f}, {side['compute']}"
            self.say(text)
        return results

    def fastest_types(self):
        """Up to three types of SmolLM2 whose pp512 is within a tenth of the best one's, the best first."""
        if not self.speeds:
            return ["BF16"]
        best = max(self.speeds.values())
        return [kind for kind in sorted(self.speeds, key=self.speeds.get, reverse=True)
                if self.speeds[kind] >= 0.9 * best][:3]

    def faster(self, what, results, ours, theirs, target, needs=None, beside=None):
        """How many times faster ours is; refused where the peer is not as fast as it should be. `beside` names what of the
        peer's it was, where that is another one on other CPUs."""
        times = {side["name"]: side["median"] for side in results}
        if ours not in times or theirs not in times:
            return {"what": what, "value": None, "unit": "times", "target": f">= {target}", "met": "no peer"}
        if not self.trusted:
            return {"what": what, "value": None, "unit": "times", "target": f">= {target}", "met": "refused"}
        result = self.held(what, times[theirs] / times[ours], "times", target, least=True)
        if needs and needs not in self.machine["flags"]:
            result["met"] = f"set for {needs}"
        return result | ({"beside": beside} if beside else {})

    @staticmethod
    def held(what, value, unit, target, least):
        """A figure beside its target."""
        return {"what": what, "value": value, "unit": unit, "target": f"{'>=' if least else '<='} {target}",
                "met": "yes" if (value >= target if least else value <= target) else "no"}


def ours(run):
    """What our JSON says of a perplexity."""
    report = json.loads(run.output)
    return {"perplexity": report["ppl"], "compute": report.get("compute", "f32"), "tokens": report["evaluated_tokens"],
            "scored": report["scored"], "seconds_inside": report["seconds"], "phases": report.get("phases"),
            "tokens_per_second": report["tokens_per_second"]}


def theirs(run):
    return {"perplexity": peers.perplexity_of(run), "compute": "ggml's"}


def nothing(run):
    return {}
