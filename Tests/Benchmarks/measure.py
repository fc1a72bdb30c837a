"""Whole processes: wall time, peak resident memory, output; two or more of them in turn."""
import os
import statistics
import subprocess
import tempfile
import time


class Failed(Exception):
    """A program that did not do its work; the message is one line."""


class Run:
    """One process from start to end. `watch`: also how much of its memory is its own, not a file's, sampled."""

    def __init__(self, command, environment=None, check=True, watch=False):
        self.command = [str(word) for word in command]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            began = time.monotonic()
            try:
                process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                           env={**os.environ, **(environment or {})})
            except OSError as error:
                raise Failed(f"{self.command[0]}: {error.strerror}") from None
            self.own_bytes, ended = 0, 0
            while watch and not ended:
                self.own_bytes = max(self.own_bytes, own_memory(process.pid))
                time.sleep(0.02)
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if not ended:
                # Its own usage, not the largest of all children so far.
                _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            self.peak_bytes = usage.ru_maxrss * 1024
            out.seek(0)
            err.seek(0)
            self.output = out.read().decode(errors="replace")
            self.errors = err.read().decode(errors="replace")
        if check and process.returncode != 0:
            last = (self.errors.strip() or self.output.strip() or "no message").splitlines()[-1]
            raise Failed(f"{shown(self.command)} ended with {process.returncode}: {last}")


def own_memory(pid):
    """Resident bytes that are in no file; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((1024 * int(line.split()[1]) for line in status if line.startswith("RssAnon:")), 0)
    except OSError:
        return 0


def shown(command, environment=None):
    """The command as a reader would type it: files by their names, without this machine's folders."""
    words = [os.path.basename(word.rstrip("/")) if word.startswith("/") else word for word in map(str, command)]
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    return " ".join(settings + [f"'{word}'" if " " in word or "|" in word else word for word in words])


def summary(runs):
    """Median, extremes and number of times; the largest memory."""
    seconds = [run.seconds for run in runs]
    return {"median": statistics.median(seconds), "low": min(seconds), "high": max(seconds), "runs": len(runs),
            "peak_bytes": max(run.peak_bytes for run in runs)}


def in_turn(commands, repeat, budget, before=None):
    """Runs every command once, then all again, `repeat` rounds in all; no further round begins that would
    end more than `budget` seconds after the start. `commands`: name -> (command, environment)."""
    runs, began = {name: [] for name in commands}, time.monotonic()
    for turn in range(repeat):
        start = time.monotonic()
        for name, (command, environment) in commands.items():
            if before:
                before()
            runs[name].append(Run(command, environment))
        took = time.monotonic() - start
        if turn + 1 < repeat and time.monotonic() - began + took > budget:
            break
    return runs
