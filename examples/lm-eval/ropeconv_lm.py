"""lm-evaluation-harness (0.4.13) on ropeconv: a model whose requests `ropeconv eval requests` answers.

All requests of a call go to one process, which computes equal ones, and what several begin with, once."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.models.utils import normalize_gen_kwargs

BUILT = pathlib.Path(__file__).resolve().parents[2] / ".build/release/ropeconv"


@register_model("ropeconv")
class RopeconvLM(LM):
    """`--model_args pretrained=MODEL`, and options of `ropeconv eval requests` by their names: `sites=rove`,
    `value_pairs=16`, `ctx=2048`, `threads=8`. Products are float32 unless `compute` says otherwise.

    `program` names the program (else ROPECONV, the one on PATH, or the one built here); `state` a file where finished
    requests are kept, so that the same command goes on after it was stopped."""

    def __init__(self, pretrained, program=None, compute="f32", batch_size=None, max_batch_size=None, device=None,
                 **options):
        super().__init__()
        found = program or os.environ.get("ROPECONV") or shutil.which("ropeconv") or BUILT
        self.command = [str(found), "eval", "requests", str(pretrained), "--compute", compute]
        # The program finds its own batches, and works on the CPU: the harness's options for both change nothing.
        for name, value in options.items():
            self.command.append(f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}"))

    def ask(self, requests):
        """The answers to requests, in their order."""
        if not requests:
            return []
        with tempfile.TemporaryDirectory() as folder:
            asked, answered = f"{folder}/in.jsonl", f"{folder}/out.jsonl"
            with open(asked, "w") as file:
                file.writelines(json.dumps(request) + "\n" for request in requests)
            done = subprocess.run([*self.command, "--requests", asked, "-o", answered], stdout=subprocess.DEVNULL)
            if done.returncode != 0:
                # What is wrong stands on standard error.
                raise SystemExit(done.returncode)
            with open(answered) as file:
                return [json.loads(line) for line in file]

    def answer(self, requests, make, take):
        """What `take` finds in the answers to what `make` makes of each request's arguments."""
        answers = [take(each) for each in self.ask([make(*request.args) for request in requests])]
        for request, answer in zip(requests, answers, strict=True):
            self.cache_hook.add_partial(request.request_type, request.args, answer)
        return answers

    def loglikelihood(self, requests, disable_tqdm=False):
        return self.answer(
            requests,
            lambda context, continuation: {"type": "loglikelihood", "context": context, "continuation": continuation},
            lambda answer: (answer["loglikelihood"], answer["is_greedy"]))

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        return self.answer(
            requests, lambda text: {"type": "loglikelihood_rolling", "text": text},
            lambda answer: answer["loglikelihood"])

    def generate_until(self, requests, disable_tqdm=False):
        return self.answer(requests, self.generation, lambda answer: answer["text"])

    @staticmethod
    def generation(context, settings):
        settings = normalize_gen_kwargs(settings)
        if settings.get("do_sample") or settings.get("num_beams", 1) != 1:
            raise ValueError("ropeconv answers greedy requests: do_sample and num_beams must be left away")
        until = settings.get("until") or []
        return {"type": "generate_until", "context": context, "until": [until] if isinstance(until, str) else until,
                "max_tokens": settings["max_gen_toks"]}

    def get_model_info(self):
        """What the harness states of the model in its results."""
        version = subprocess.run([self.command[0], "--version"], capture_output=True, text=True, check=True).stdout
        return {"model_program": version.strip(), "model_command": " ".join(self.command)}


def main():
    """`lm_eval` with this model; its options are the harness's own."""
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()
