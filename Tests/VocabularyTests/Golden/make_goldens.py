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
    golden = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=bos).ids} for text in texts]
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
    golden = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts]
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
