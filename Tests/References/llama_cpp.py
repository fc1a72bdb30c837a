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

# Keys that released checkpoints have, and the converter asks for, but transformers does not write any more.
LACKING = {
    "gpt2": lambda config: {"n_ctx": config["n_positions"]},
    "gpt_neox": lambda config: {"rotary_pct": config["rope_parameters"]["partial_rotary_factor"]},
    # Of width / heads, which the converter takes for the width of a head.
    "cohere2": lambda config: {
        "rotary_pct": config["head_dim"] * config["num_attention_heads"] / config["hidden_size"]},
    "deepseek_v3": lambda config: {"scoring_func": "sigmoid"},
}
# Products, attention and the cache in f32, as far as the peer's kernels have them.
EXACT = ["-fa", "off", "-ctk", "f32", "-ctv", "f32"]


def perplexity(programs, model, text, context, *options):
    """The perplexity, of the first `--chunks` where they are given, or None, and what llama-perplexity wrote. It often ends
    before its last lines are written, and is then run again. With `--chunks` it is asked for one more, so that the running
    value that is wanted is not in those lines."""
    options, chunks = [str(option) for option in options], None
    if "--chunks" in options:
        place = options.index("--chunks") + 1
        chunks = int(options[place])
        options[place] = str(chunks + 1)
    for _ in range(10):
        done = score(programs, model, text, context, *options)
        found = running_perplexity(chunks, done.stdout, done.stderr) if chunks else None
        if found is None:
            found = printed_perplexity(done.stdout, done.stderr, chunks)
        if found is not None or done.returncode != 0:
            break
    return found, done.stdout + done.stderr


def score(programs, model, text, context, *options):
    """llama-perplexity's run; again, where it failed before its log said why."""
    for _ in range(10):
        done = subprocess.run([f"{programs}/llama-perplexity", "-m", str(model), "-f", str(text), "-c", str(context),
                               "-b", str(context), "-t", "2", *map(str, options)], capture_output=True, text=True,
                              errors="replace")
        if done.returncode == 0 or reasons(done.stdout + done.stderr):
            break
    return done


def running_perplexity(chunks, output, errors):
    """The running value after so many chunks."""
    found = re.search(rf"\[{chunks}\](\d+\.\d{{4}}),", output + errors)
    return float(found[1]) if found else None


def printed_perplexity(output, errors, chunks=None):
    """The final estimate, or the running one of the last chunk: llama-perplexity's log and its output are written by
    two threads, and a line is torn now and then. None where there is neither, or it is of other than `chunks`."""
    count = re.search(r"over (\d+) chunks, n_ctx", output + errors)
    if chunks and (not count or int(count[1]) != chunks):
        return None
    final = re.search(r"Final estimate: PPL = (\d+\.\d{4}) \+/-", output + errors)
    if final:
        return float(final[1])
    return running_perplexity(count[1], output, errors) if count else None


def reasons(log):
    """The lines of a log that say why a model was not loaded or converted."""
    return [line for line in log.splitlines()
            if re.search(r"error loading model|GGML_ASSERT|Error: |ERROR:|^AssertionError|is not supported", line)]


def refusal(log):
    return re.sub(r"^(.*error loading model(?: hyperparameters)?: |ERROR:[^:]*:|\S+\.cpp:\d+: )", "",
                  (reasons(log) or ["nothing was said"])[0])


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
        lacking = LACKING.get(config.get("model_type"), lambda config: {})
        return lacking(config) | config

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
