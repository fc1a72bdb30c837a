"""Prompts that begin alike: what computing their common tokens once saves, and that no digit changes."""
import json
import random
import re

from measure import Failed, in_turn, shown, summary

WITHOUT = {"ROPECONV_SHARED_PREFIXES": "off"}


def task(b, examples):
    """Four choices for a word of a text that is left out, by their letters: a prompt of about a hundred words."""
    path = b.models.folder / "word-of-four.jsonl"
    draw = random.Random(1)
    lines = [line.strip() for line in b.models.text().read_text().splitlines() if len(line) > 300 and not line.startswith(" =")]
    words = sorted({word for line in lines for word in re.findall(r"\b[a-z]{6,12}\b", line)})
    made = []
    for line in draw.sample(lines, examples + 6):
        passage = line.split()[:70]
        places = [place for place, word in enumerate(passage) if re.fullmatch(r"[a-z]{6,12}", word)]
        if not places:
            continue
        place = draw.choice(places)
        choices = [passage[place], *draw.sample(words, 3)]
        draw.shuffle(choices)
        query = " ".join(passage[:place] + ["____"] + passage[place + 1:])
        query += "\nWhich word is missing?\n" + "\n".join(f"{letter}. {word}" for letter, word in zip("ABCD", choices))
        made.append({"query": query + "\nAnswer:", "choices": list("ABCD"), "gold": choices.index(passage[place])})
    path.write_text("".join(json.dumps(example) + "\n" for example in made[:examples]))
    return path


def sides(b, name, what, command, target, budget):
    """The same command with and without sharing, in turn."""
    found = in_turn({"shared": (command, None), "alone": (command, WITHOUT)}, b.repeat, budget)
    results = []
    for kind, environment in (("shared", None), ("alone", WITHOUT)):
        report = json.loads(found[kind][0].output)
        results.append({"name": f"{name}, {kind}", "command": shown(command, environment), **summary(found[kind]),
                        "tokens": report["evaluated_tokens"], "computed": report["computed_tokens"],
                        "units": report["units"]})
    shared, alone = results
    if shared.pop("units") != alone.pop("units"):
        raise Failed(f"{name}: sharing changes digits")
    for side in results:
        b.say(f"    {side['name']:32} {side['median']:8.2f} s  {side['peak_bytes'] / 1e6:7.0f} MB  "
              f"{side['computed']:,} of {side['tokens']:,} tokens computed")
    return results, b.held(what, alone["median"] / shared["median"], "times", target, least=True)


def few_shot(b):
    """Few-shot: five shots before each example, four choices."""
    examples = 8 if b.quick else 200
    command = [b.program, "eval", "icl", b.models.smollm2(), "--tasks", task(b, examples), "--shots", 5, "--threads", b.threads,
               "--json", "--quiet"]
    results, ratio = sides(b, "few-shot", f"few-shot, 5 shots, 4 choices, {examples} examples, SmolLM2, against no sharing",
                           command, 4, 600)
    return {"sides": results, "ratios": [ratio]}


def needle(b):
    """Needle grids: five depths, four trials."""
    length = 1024 if b.quick else 4096
    results, ratios = [], []
    for passages in ("own", "one"):
        command = [b.program, "eval", "needle", b.models.smollm2(), "--haystack", b.models.essays(), "--lengths", length,
                   "--trials", 4, "--passages", passages, "--threads", b.threads, "--json", "--quiet"]
        found, ratio = sides(b, f"--passages {passages}",
                             f"needle, 5 depths x 4 trials at {length} tokens, --passages {passages}, against no sharing",
                             command, 1.5, 300)
        results += found
        ratios.append(ratio)
    return {"sides": results, "ratios": ratios}
