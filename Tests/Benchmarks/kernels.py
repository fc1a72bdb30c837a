"""Every kernel in every instruction set beside the processor's peak, and what that says of the whole."""
import json

from measure import Failed, Run


def kernels(b):
    """kernel-bench once for each instruction set."""
    if not b.kernel_bench.exists():
        raise Failed("kernel-bench is not built: make bench does it")
    variants = []
    for level in ("auto", "avx2", "portable"):
        run = Run([b.kernel_bench, "--threads", b.threads, "--seconds", 0.03 if b.quick else 0.15],
                  {"ROPECONV_ISA": level})
        report = json.loads(run.output)
        if report["isa"] in [variant["isa"] for variant in variants]:
            continue
        variants.append(report)
        top = Peaks(report)
        b.say(f"    {report['isa']:17} peak " + ", ".join(
            f"{name} {value / 1e9:.0f} {unit}" for name, unit, value in top.lines()) + f"; {run.seconds:.0f} s")
    return {"variants": variants, "ratios": []}


class Peaks:
    """The most that was reached of each kind, by one instruction set, all threads together."""

    def __init__(self, report):
        found = [result for result in report["results"] if result["group"] in ("peaks", "products")]
        best = lambda start, key: max((result[key] for result in found if result["kernel"].startswith(start)), default=0)
        self.f32 = best("f32", "operations_per_second")
        self.bf16 = best("bf16", "operations_per_second")
        self.loop = best("f32 multiply-add", "operations_per_second")
        self.product = best("f32 product", "operations_per_second")
        self.bf16_product = best("bf16 product", "operations_per_second")
        self.cached = best("triad, 3 MB", "bytes_per_second")
        self.memory = max(best("triad, 192 MB", "bytes_per_second"), best("copy, 128 MB", "bytes_per_second"))

    def lines(self):
        named = [("f32", "GFLOP/s", self.f32), ("bf16", "GFLOP/s", self.bf16), ("triad in cache", "GB/s", self.cached),
                 ("memory", "GB/s", self.memory)]
        return [line for line in named if line[2]]

    def best_product(self, arithmetic):
        return self.bf16_product if arithmetic == "bf16" and self.bf16_product else self.product

    def of(self, arithmetic):
        return self.bf16 if arithmetic == "bf16" and self.bf16 else self.f32


def roofline(side, work, context, top, threads):
    """Where the time of one of our runs goes, against the peak of its arithmetic.

    Linear layers work on every token, logits on scored ones, attention on each token and the keys it sees."""
    peak = top.of(side["compute"])
    operations = {"linear": work["linear"] * side["tokens"], "logits": work["logits"] * side["scored"],
                  "attention": work["attention"] * side["tokens"] * (context + 1) / 2}
    phases, seconds = side.get("phases"), side["seconds_inside"]
    known = phases is not None
    shares = {}
    for name, count in operations.items():
        spent = phases.get(name) / threads if known and phases.get(name) else None
        shares[name] = {"operations": count, "at_peak": count / peak, "seconds": spent,
                        "of_peak": count / peak / spent if spent else None, "of_peak_in_total": count / peak / seconds}
    return {"peak": peak, "arithmetic": side["compute"], "parts": shares, "seconds": seconds,
            "phases": {name: value / threads for name, value in phases.items()} if known else None}
