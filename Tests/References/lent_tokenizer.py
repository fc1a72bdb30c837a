"""A tokenizer lent to the parity folders, which have none: each id is one token, written as its number.

All are added tokens, which every reader finds in a text, longest first, before it cuts words. llama.cpp wants a
merge: so the last three ids are written as (, ) and (), and the first two of them may not stand in a row."""
import json
import os


def contents(size):
    return [f"<{number}>" for number in range(size - 3)] + ["(", ")", "()"]


def text_of(ids, size):
    """The text whose tokens are these ids."""
    assert (size - 3, size - 2) not in zip(ids, ids[1:]), "these two ids in a row are another token's text"
    words = contents(size)
    return "".join(words[number] for number in ids)


def lend(folder, size):
    """Writes the two files of a tokenizer with `size` tokens into a checkpoint's folder."""
    words = contents(size)
    added = [{"id": number, "content": word, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": False} for number, word in enumerate(words)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": added,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {word: number for number, word in enumerate(words)}, "merges": ["( )"]},
    }
    with open(os.path.join(folder, "tokenizer.json"), "w") as file:
        json.dump(tokenizer, file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": False, "add_eos_token": False,
                   "clean_up_tokenization_spaces": False}, file)
