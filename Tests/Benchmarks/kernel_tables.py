"""The tables of kernel-bench's figures, the instruction sets side by side."""
from kernels import Peaks
from markdown import table


def figure(value):
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def kernel_tables(variants, threads):
    tops = [Peaks(variant) for variant in variants]
    best = tops[0]
    by_name = [{(result["group"], result["kernel"]): result for result in variant["results"]} for variant in variants]
    names = [variant["isa"] for variant in variants]

    def rows(group, cells):
        return [[kernel, *[cell for found, top in zip(by_name, tops)
                           for cell in (cells(found[group, kernel], top) if (group, kernel) in found else ["", ""])]]
                for (of, kernel) in by_name[0] if of == group]

    lines = ["## Kernels", "",
             f"`kernel-bench`, {threads} threads at once on data of their own, each thread's best batch of calls; all threads "
             "together. The instruction sets are those of `ROPECONV_ISA`, which holds the libraries to them as well.", ""]
    lines += table(["the most that is possible", *names], [
        [name, *[f"{figure(getattr(top, key) / 1e9)} {unit}" if getattr(top, key) else "none" for top in tops]]
        for name, key, unit in [("f32, multiplications and additions alone", "loop", "GFLOP/s"),
                                ("f32, best matrix product", "product", "GFLOP/s"), ("bf16", "bf16", "GFLOP/s"),
                                ("triad in cache (3 MB a thread)", "cached", "GB/s"),
                                ("memory (triad or copy far beyond caches)", "memory", "GB/s")]])
    lines += [f"Decoding to float32: G elements/s, and GB/s of output with its share of the {names[0]} triad in cache.", ""]
    lines += table(["type", *[title for name in names for title in (f"{name}: G elements/s", "GB/s of output")]], rows(
        "decode", lambda result, top: [figure(result["elements_per_second"] / 1e9),
                                       share(4 * result["elements_per_second"], best.cached)]))
    lines += ["Encoding, bytes equal to llama-quantize's: M elements/s, and GB/s of input.", ""]
    lines += table(["type", *[title for name in names for title in (f"{name}: M elements/s", "GB/s of input")]], rows(
        "encode", lambda result, top: [figure(result["elements_per_second"] / 1e6),
                                       figure(4 * result["elements_per_second"] / 1e9)]))
    lines += [f"Rows: G elements/s, and GB/s read and written with their share of the {names[0]} triad in cache.", ""]
    lines += table(["kernel", *[title for name in names for title in (f"{name}: G elements/s", "GB/s")]], rows(
        "rows", lambda result, top: [figure(result["elements_per_second"] / 1e9),
                                     share(result["bytes_per_second"], best.cached)]))
    lines += ["Matrix products, rows x outputs x inputs: GFLOP/s, and the share of the same arithmetic's peak in that "
              "instruction set.", ""]
    lines += table(["product", *[title for name in names for title in (f"{name}: GFLOP/s", "of peak")]], rows(
        "products", lambda result, top: [
            figure(result["operations_per_second"] / 1e9),
            f"{100 * result['operations_per_second'] / (top.of('bf16' if result['kernel'].startswith('bf16') else 'f32')):.0f} %"]))
    return lines


def share(rate, peak):
    return f"{figure(rate / 1e9)} ({100 * rate / peak:.0f} %)"
