"""docs/performance.md: the figures of every CPU that `make bench` ran on, side by side. Each CPU has a page and a JSON file of
its own in docs/performance, so that no run overwrites another CPU's."""
import json
import re

from machine import ROOT
from markdown import number, table

FOLDER = ROOT / "docs/performance"


def kind(machine):
    """What tells CPUs of one name apart."""
    widest = next((flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in machine["flags"]), "neither AVX2")
    return f"family {machine['family']}, model {machine['model']}, {widest}"


def page(machine):
    name = re.sub("[^a-z0-9]+", "-", re.sub(r"\(r\)|processor|cpu", " ", machine["cpu"].lower())).strip("-")
    return FOLDER / f"{name}-{machine['family']}-{machine['model']}.md"


def shown(figure):
    """A figure's value with its unit, and what it was held against where that differs between CPUs."""
    if figure["value"] is None:
        return "none"
    text = f"{number(figure['value'])} {figure['unit']}".strip()
    return f"{text} ({figure['beside']})" if figure.get("beside") else text


def add(machine, figures):
    """Keeps a CPU's figures, and writes the table of all."""
    record = {"cpu": machine["cpu"], "kind": kind(machine), "cores": machine["cores"], "date": machine["date"],
              "ropeconv": machine["ropeconv"], "figures": [{key: figure[key] for key in ("what", "value", "unit", "target", "beside")
                                                           if key in figure} for figure in figures]}
    page(machine).with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
    write()


def write():
    records = [(path, json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]
    whats = dict.fromkeys(figure["what"] for _, record in records for figure in record["figures"])
    targets = {figure["what"]: f"{figure['target']} {figure['unit']}".strip() for _, record in records
               for figure in record["figures"] if figure.get("target")}
    columns = [{figure["what"]: shown(figure) for figure in record["figures"]} for _, record in records]
    lines = ["# Speed and memory", "",
             "Of whole processes on two cores, beside llama.cpp on the same texts in the same run, as `make bench` measured them: "
             "how, and with which commands, is on each CPU's page. A CPU without a figure was not at hand since it is measured.",
             ""]
    lines += table(["figure", "target"] + [f"{record['cpu']}, {record['kind']}" for _, record in records],
                   [(what, targets.get(what, ""), *(column.get(what, "") for column in columns)) for what in whats])
    for path, record in records:
        name = f"{record['cpu']}, {record['kind']}"
        named = f"[{name}](performance/{path.stem}.md)" if path.with_suffix(".md").exists() else name
        source = record.get("source") or f"measured by {record['ropeconv']}"
        lines.append(f"- {named}: {record['date']}, {record['cores']} cores, {source}.")
    (ROOT / "docs/performance.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write()
