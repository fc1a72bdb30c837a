"""llama.cpp: found or built, its flags, and whether it is as fast here as it should be."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from machine import ROOT
from measure import Failed, Run

sys.path.insert(0, str(ROOT / "Tests/References"))
import llama_cpp  # noqa: E402

PACKAGE = "llama-cpp-python==0.3.36"
OPTIONS = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_SERVER=OFF",
           "-DLLAMA_OPENSSL=OFF"]
TARGETS = ["llama-perplexity", "llama-bench", "llama-quantize", "llama-tokenize", "llama-gguf-split"]
KNOWN = pathlib.Path(__file__).with_name("reference.json")
# A peer slower than this share of its known speed is not a yardstick.
LEAST_SHARE = 0.85


class Peer:
    def __init__(self, binaries, threads):
        self.binaries = pathlib.Path(binaries)
        self.threads = threads
        for name in TARGETS[:4]:
            if not (self.binaries / name).exists():
                raise Failed(f"{self.binaries} has no {name}")

    def tool(self, name):
        return str(self.binaries / name)

    def perplexity(self, model, text, context, chunks, *options):
        """The command that scores a text."""
        return [self.tool("llama-perplexity"), "-m", str(model), "-f", str(text), "-c", str(context), "--chunks",
                str(chunks), "-t", str(self.threads), *options]

    def version(self):
        done = Run([self.tool("llama-perplexity"), "--version"], check=False)
        lines = [line for line in (done.errors + done.output).splitlines() if line.startswith(("version", "built"))]
        return "; ".join(lines) or "unknown"

    def build_flags(self):
        """What its build was configured with: the settings that decide its speed."""
        cache = self.binaries.parent / "CMakeCache.txt"
        if not cache.exists():
            return "unknown (no CMakeCache.txt beside the bin folder)"
        values = dict(re.findall(r"^(\w+):\w+=(.*)$", cache.read_text(), re.M))
        names = ["CMAKE_BUILD_TYPE", "CMAKE_C_FLAGS", "CMAKE_C_FLAGS_RELEASE", "GGML_NATIVE", "GGML_CPU_REPACK",
                 "GGML_LLAMAFILE", "GGML_OPENMP", "GGML_BLAS"]
        return " ".join(f"{name}={values[name]}" for name in names if values.get(name))

    def prompt_speed(self, model, repeats):
        """pp512 of llama-bench: tokens a second."""
        done = Run([self.tool("llama-bench"), "-m", model, "-p", "512", "-n", "0", "-t", self.threads, "-r", repeats,
                    "-o", "json"])
        return json.loads(done.output)[0]["avg_ts"]


def perplexity_of(run):
    found = llama_cpp.printed_perplexity(run.output, run.errors)
    if found is None:
        last = (run.output.strip() or run.errors.strip() or "nothing").splitlines()[-1]
        raise Failed(f"llama-perplexity printed no perplexity; its last line: {last}")
    return found


def system_info(run):
    found = re.search(r"system_info: (.*)", run.errors + run.output)
    return found[1].strip() if found else "not printed"


def find(threads, references, say):
    """ROPECONV_PEER, or what was built before, or a new build. None, with a line, where that fails."""
    given = os.environ.get("ROPECONV_PEER")
    built = references / "llama.cpp/build/bin"
    try:
        if not given and not (built / "llama-gguf-split").exists():
            say("llama.cpp: building it, about five minutes on two cores (ROPECONV_PEER=FOLDER takes one that is there)")
            build(references)
        return Peer(given or built, threads)
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        say(f"no peer, so no ratios: {error}")
        return None


def build(references):
    folder = references / "llama.cpp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "build.log"
    with open(log, "w") as output:
        def step(*command):
            subprocess.run(command, check=True, stdout=output, stderr=output)

        step("python3", "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder), PACKAGE)
        archive = next(folder.glob("*.tar.gz"))
        with tarfile.open(archive) as source:
            source.extractall(folder, filter="data")
        top = next(path for path in folder.iterdir() if path.is_dir())
        step("cmake", "-S", str(top / "vendor/llama.cpp"), "-B", str(folder / "build"), *OPTIONS)
        step("cmake", "--build", str(folder / "build"), "-j2", "--target", *TARGETS)
        archive.unlink()
    # Compiled into the folder above: its sources are not needed again.
    shutil.rmtree(top)


def known_speeds(machine, threads):
    """The entry of reference.json for this CPU; None where there is none."""
    for entry in json.loads(KNOWN.read_text()):
        same = all(entry[key] in (None, machine[key]) for key in ("vendor", "family", "model"))
        if same and entry["threads"] == threads:
            return entry
    return None


def record_speeds(machine, threads, speeds):
    """Makes what was just measured the known speeds of this CPU."""
    key = {name: machine[name] for name in ("vendor", "family", "model")}
    entries = [entry for entry in json.loads(KNOWN.read_text())
               if {name: entry[name] for name in key} != key or entry["threads"] != threads]
    entries.append({"cpu": machine["cpu"], **key, "threads": threads, "source": f"measured {machine['date']}",
                    "pp512": {name: round(speed) for name, speed in speeds.items()}})
    KNOWN.write_text(json.dumps(entries, indent=1) + "\n")


def judge(speeds, known):
    """Whether the peer may be compared with, and the reason."""
    if known is None:
        return True, ("its speed on this CPU is not known yet: a quiet run with --record-reference makes it so. "
                      "Ratios are given unchecked")
    slow = {name: speed / known["pp512"][name] for name, speed in speeds.items() if known["pp512"].get(name)}
    low = {name: share for name, share in slow.items() if share < LEAST_SHARE}
    if low:
        return False, "ratios refused, the machine is busy or the peer badly built: " + ", ".join(
            f"{name} at {100 * share:.0f} % of its known {known['pp512'][name]} tokens/s" for name, share in low.items())
    return True, "as fast as known: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in slow.items())
