"""What the figures were measured on."""
import datetime
import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Extensions that decide how fast matrix products and decoding can be.
FLAGS = ["ssse3", "sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl",
         "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"]


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except OSError:
        return "unknown"
    return (done.stdout.strip() or done.stderr.strip() or "unknown").splitlines()[0]


def describe(program):
    """CPU, its extensions, memory, system, versions."""
    info = {}
    for line in open("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        info.setdefault(name.strip(), value.strip())
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())[1]) * 1024
    flags = info.get("flags", info.get("Features", "")).split()
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "vendor": info.get("vendor_id", "unknown"),
        "family": int(info.get("cpu family", -1)), "model": int(info.get("model", -1)),
        "cores": len(os.sched_getaffinity(0)), "flags": [flag for flag in FLAGS if flag in flags],
        "memory_bytes": memory, "system": f"{system_name()}, Linux {platform.release()}",
        "busy": busy(),
        "ropeconv": first_line(program, "--version"),
        "commit": first_line("git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"),
        "swift": first_line("swift", "--version"),
    }


def busy():
    """The share of all CPUs' time that others take, over two seconds. The load average would still tell of the build."""
    def ticks():
        values = [int(word) for word in open("/proc/stat").readline().split()[1:9]]
        return sum(values), values[3] + values[4]

    (total, idle), _ = ticks(), time.sleep(2)
    later, later_idle = ticks()
    return 1 - (later_idle - idle) / max(later - total, 1)


def system_name():
    try:
        return re.search(r'PRETTY_NAME="([^"]+)"', open("/etc/os-release").read())[1]
    except (OSError, TypeError):
        return "unknown system"
