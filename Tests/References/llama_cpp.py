"""llama.cpp as the checks call it: its programs' scores, and its converter on a checkpoint without a tokenizer.

    llama_cpp.py SOURCES FOLDER OUTPUT.gguf [FOLDER OUTPUT.gguf...]      converts, a log beside each output

The converter knows a tokenizer by a hash of what it makes of a text, and looks for SentencePiece files or adds tokens
where a family's models have them; a lent tokenizer (lent_tokenizer.py) is in no list. So two of its methods are replaced
here: every family's vocabulary is the added tokens of tokenizer.json, its pre-tokenizer GPT-2's. It is told that there
are no layers for predicting several tokens, as there are none in what transformers saves. All else is the converter's."""
import json
import os
import re
import subprocess
import sys
import traceback

# Keys that the converter asks for and that transformers does not write (it did once); for cohere2 the released models'
# 1.0 is of width / heads, which is half of a head in the parity folder.
LACKING = {"gpt2": {"n_ctx": 256}, "gpt_neox": {"rotary_pct": 0.25}, "cohere2": {"rotary_pct": 2.0}}
# Products, attention and the cache in f32, as far as the peer's kernels have them.
EXACT = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"]


def perplexity(programs, model, text, context, *options):
    """The perplexity that llama-perplexity prints, or None, and what it wrote."""
    done = subprocess.run([f"{programs}/llama-perplexity", "-m", str(model), "-f", str(text), "-c", str(context),
                           "-b", str(context), "-t", "2", *map(str, options)], capture_output=True, text=True,
                          errors="replace")
    return printed_perplexity(done.stdout, done.stderr), done.stdout + done.stderr


def printed_perplexity(output, errors):
    """The final estimate, or the running one of the last chunk: llama-perplexity's log and its output are written by
    two threads, and a line is torn now and then. None where there is none."""
    found = (re.search(r"Final estimate: PPL = (\d+\.\d{4}) \+/-", output + errors)
             or re.search(r"\[\d+\](\d+\.\d{4}),(?!.*\[\d+\]\d)", output, re.S))
    return float(found[1]) if found else None


def refusal(log):
    """The line of a log that says why a model was not loaded or converted."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line for line in lines if re.search(r"error loading model|GGML_ASSERT|Error: |ERROR:|is not supported", line)]
    line = (told or lines or ["nothing was said"])[-1 if not told else 0]
    return re.sub(r"^(.*error loading model: |ERROR:[^:]*:|\S+\.cpp:\d+: )", "", line)


def convert(sources, pairs):
    """Converts each (folder, output) to f32; the output is missing where the converter refused."""
    subprocess.run([sys.executable, __file__, str(sources), *[str(path) for pair in pairs for path in pair]], check=True)


def main(sources, *paths):
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.path.insert(0, sources)
    import convert_hf_to_gguf as converter
    from conversion import ModelBase, TextModel, get_model_class
    from gguf import TokenType

    def with_lent_tokenizer(name, mmproj=False):
        family = get_model_class(name, mmproj)
        family.set_vocab = TextModel._set_vocab_gpt2
        family.no_mtp = family.supports_mtp_export
        return family

    def with_lacking(*arguments, **named):
        config = load(*arguments, **named)
        return config | LACKING.get(config.get("model_type"), {})

    load = ModelBase.load_hparams
    ModelBase.load_hparams = with_lacking

    def vocabulary(self):
        tokens = json.loads((self.dir_model / "tokenizer.json").read_text())["added_tokens"]
        return [token["content"] for token in tokens], [TokenType.USER_DEFINED] * len(tokens), "gpt-2"

    TextModel.get_vocab_base = vocabulary
    converter.get_model_class = with_lent_tokenizer
    for folder, output in zip(paths[::2], paths[1::2]):
        # A process for each, since the converter keeps state in its classes; the libraries are loaded once.
        if os.fork():
            os.wait()
            continue
        log = os.open(output + ".log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["convert_hf_to_gguf.py", folder, "--outfile", output + ".part", "--outtype", "f32"]
        try:
            converter.main()
            os.rename(output + ".part", output)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
