#!/usr/bin/env python3
"""Makes small tokenizer.json files of every supported kind and the ids that Hugging Face's own
`tokenizers` package (0.21 or later) gives for tricky texts.

    pip install tokenizers && python3 make_goldens.py
"""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

here = pathlib.Path(__file__).parent
corpus = [
    "The lantern keeper walks to the harbour and counts 1234 boats before 7 o'clock.",
    "We'll see: it's the 3rd of March, isn't it?  Two  spaces, three   spaces.",
    "def rotate(x, angle):\n\treturn x * cos(angle)\n\n\nprint(rotate(1, 2))\r\n",
    "Größe, naïve café, 東京タワー, привет мир, 한국어, 🙂🚀.",
] * 20
texts = [
    "", " ", "  ", "\n", "\n\n\n", "\t x", "Hello world", " Hello  world ", "it's we'll I'D", "1234567 12 1",
    "café", "cafe\u0301", "東京", "🙂 🚀🚀", "a" * 40, "<|end|>", "x<|end|> y", "say <tool> now", "<tool><tool>",
    "\r\n\r\n a", "привет, мир!", "don't stop   ", "x_1 = y[2]; // ok", "\u00a0nbsp", "\ufeffbom", "한국어 문장",
    "tab\tand\x00nul", "<0x41>", "▁under", "ends with space ", "Ünïcödé 123,456.78", "...!!!???", "(){}[]",
]
llama3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(name, steps, ignore_merges=False, normalizer=None, bos=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  show_progress=False)
    finish(name, tokenizer, trainer, bos)


def finish(name, tokenizer, trainer, bos):
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    if bos:
        end = tokenizer.token_to_id("<|end|>")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|end|> $A", special_tokens=[("<|end|>", end)])
    folder = here / name
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_golden(folder, tokenizer, texts, special=bos)


def write_golden(folder, tokenizer, texts, special):
    golden = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=special).ids} for text in texts]
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")


byte_level("gpt2", [pre_tokenizers.ByteLevel(add_prefix_space=False)])
byte_level("llama3", [pre_tokenizers.Split(Regex(llama3), "isolated"),
                      pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)],
           ignore_merges=True, bos=True)
byte_level("smollm", [pre_tokenizers.Digits(individual_digits=True),
                      pre_tokenizers.ByteLevel(add_prefix_space=False)], normalizer=normalizers.NFC())

for name, legacy in [("spm-prepend", True), ("spm-metaspace", False)]:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if legacy:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    special = ["<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([text for text in corpus if "東" not in text], trainer)
    # The trainer made the byte tokens special: they are ordinary tokens of the model.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    folder = here / name
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_golden(folder, tokenizer, texts, special=False)

# The pre-tokenizers of families, as their published tokenizer.json files write them. One alphabet and a few merges
# serve all: what differs is where words end, which merges across words would show.
more_texts = texts + [
    "WE'LL I'D y'all's 'Tis '\u017f", "мир, м ½²Ⅷ 12½34", "1,234,567.89 1234 12 ٣٤٥٦",
    "x²y $5+5=10 a<b>c `code` ~/.x|y^z",
    "\n\n  two\n\n\n", "a \n b\r\n\tc  \n", "ends in newline\n", "line one  \nline two", "東京タワーと123個", "カタカナhello世界",
    "HelloWorld camelCase ABCdef ǅabc", "é\u0301 ก็ हिन्दी", "https://a.b/c?d=e#f // path/",
    "\u3000wide\u3000space", "---===---",
    "a--b-c-", "[list](of) {things}", "don't DON'T Don\u2019t", "ab ab  ab   ab",
    "x,y . z", "\u200bzero\u200dwidth", "  \t \n",
]
gpt4 = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+SUFFIX"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*SUFFIX|\p{N}DIGITS"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
suffix = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
deepseek = ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")
letters = json.loads((here / "../../../formats/tokenizers/huggingface.json").read_text())["pre_tokenizers"]
letters = next(entry["patterns"][1] for entry in letters if entry["name"] == "deepseek-llm")


def split(pattern, behavior="isolated", invert=False, literal=False):
    return pre_tokenizers.Split(pattern if literal else Regex(pattern), behavior, invert)


digits = pre_tokenizers.Digits
raw = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
families = {
    "falcon": [pre_tokenizers.Punctuation("contiguous"), words, digits(False), split("[0-9][0-9][0-9]")],
    "deepseek-llm": [split("[\r\n]"), split(letters), split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), split("\\s+$"),
                     split("[一-龥ࠀ-一가-퟿]+"), digits(True), raw],
    "deepseek-coder": [split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
                       digits(True), raw],
    "deepseek-v3": [split("\\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(deepseek), raw],
    "tekken": [split(gpt4.replace("SUFFIX", "").replace("DIGITS", "")), raw],
    "gpt-4o": [split(gpt4.replace("SUFFIX", suffix).replace("DIGITS", "{1,3}"), "removed", invert=True), raw],
    "qwen2": [split(llama3.replace("{1,3}", "")), raw],
    "dbrx": [split(llama3), raw],
    "qwen35": [split(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+"
                     r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), raw],
    "seed-coder": [split(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+"
                         r"|\s*[\r\n]+|\s+(?!\S)|\s+"), raw],
    "bailingmoe": [split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"
                         r"|\s+(?!\S)|\s+"), raw],
    "bloom": [split(" ?[^(\\s|[.,!?…。，、।۔،])]+"), raw],
    # No family's: every behavior of a split, and anchors, which hold at the ends of lines.
    "behaviors": [split("\\s+$"), split("^[a-c]"), split(" ", "merged_with_next", literal=True),
                  split("-", "merged_with_previous"), split("[A-Z]", "contiguous"), split("o", "removed"),
                  split("q", "merged_with_previous", invert=True), raw],
}
shared = Tokenizer(models.BPE())
shared.pre_tokenizer = raw
shared.train_from_iterator(corpus + ["  12 345 . , ab ab\n\n -- ''ll"] * 40, trainers.BpeTrainer(
    vocab_size=380, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, max_token_length=6))
for name, steps in families.items():
    tokenizer = Tokenizer.from_str(shared.to_str())
    tokenizer.model.ignore_merges = name == "tekken"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    folder = here / "families" / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_golden(folder, tokenizer, more_texts, special=True)

# Gemma's: spaces are escaped before a split that then finds none. GLM's: two tokens before every text.
data = json.loads((here / "spm-prepend/tokenizer.json").read_text())
data["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
data["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
gemma = Tokenizer.from_str(json.dumps(data))
glm = Tokenizer.from_file(str(here / "families/dbrx/tokenizer.json"))
glm.add_special_tokens(["[gMASK]", "<sop>"])
glm.post_processor = processors.TemplateProcessing(single="[gMASK] <sop> $A", special_tokens=[
    (token, glm.token_to_id(token)) for token in ("[gMASK]", "<sop>")])
for name, tokenizer in ("gemma", gemma), ("glm", glm):
    folder = here / "families" / name
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_golden(folder, tokenizer, more_texts, special=True)
