"""What no scheduler can beat by much: bare processes, and what is known of the machine."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from processes import Broken


def percentile(values: Sequence[float], p: float) -> float:
    """Give the value at or below which p of a hundred values are (the nearest rank)."""
    ordered = sorted(values)
    return ordered[min(max(math.ceil(p / 100 * len(ordered)), 1), len(ordered)) - 1]


def median(values: Sequence[float]) -> float:
    """Give the value in the middle, the lower one of two."""
    return percentile(values, 50)


def steps(file: Path, want: int, part: bool = False) -> list[float]:
    """Give the seconds between the times that jobs in a row wrote, and take the file away; part: fewer may have written."""
    times = [int(line) for line in file.read_text().split()]
    file.unlink()
    if not (3 if part else want) <= len(times) <= want:
        raise Broken(f"{want} jobs in a row have written {len(times)} times")
    if times != sorted(times):
        raise Broken("jobs in a row have not run in their order")
    return [(after - before) / 1e9 for before, after in zip(times, times[1:])]


@dataclass
class Baseline:
    """xargs and the loop, measured close to an engine."""

    rates: list[float] = field(default_factory=list)  # jobs a second
    steps: list[float] = field(default_factory=list)  # seconds

    def measure(self, scratch: Path, jobs: int, chain: int, rounds: int) -> None:
        """Take rounds of both, and keep them beside earlier ones."""
        file = scratch / "loop-times"
        loop = f"i=0; while [ $i -lt {chain} ]; do date +%s%N >> '{file}'; i=$((i+1)); done"
        for _ in range(rounds):
            begin = time.monotonic()
            subprocess.run(["sh", "-c", f"seq {jobs} | xargs -P {os.cpu_count()} -n1 true"], check=True)
            self.rates.append(jobs / (time.monotonic() - begin))
            subprocess.run(["sh", "-c", loop], check=True)
            self.steps += steps(file, chain)


def facts(scratch: Path) -> list[tuple[str, str]]:
    """Tell what a reader must know of the machine."""
    took = []
    with open(scratch / "synced", "wb") as f:
        for _ in range(500):
            begin = time.monotonic()
            f.write(bytes(4096))
            f.flush()
            os.fsync(f.fileno())
            took.append(1000 * (time.monotonic() - begin))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return [
        ("date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("machine", f"{_processor()}, {os.cpu_count()} cores, {memory:.1f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("fsync", f"4 KiB written and synced: p50 {percentile(took, 50):.2f} ms, p99 {percentile(took, 99):.2f} ms"),
        ("load average", f"{os.getloadavg()[0]:.2f} at the start"),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
