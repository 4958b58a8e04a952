"""The table, for a terminal and for bench/PEER.md."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Sequence

from baseline import Baseline, median, percentile
from processes import Weight

HEAD = ("engine", "jobs/s", "of xargs", "chain: jobs", "step, median", "p99", "of the loop", "p99", "memory idle", "most", "processes", "durable")


@dataclass
class Result:
    """What one engine has reached."""

    version: str
    durable: str
    jobs: int
    chain: int
    rates: list[float]  # jobs a second, a value for each round
    steps: list[float]  # seconds
    idle: Weight
    most: float  # MiB of RSS
    beside: Baseline

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        rate, unit = median(self.rates), median(self.beside.steps)
        p50, p99 = median(self.steps), percentile(self.steps, 99)
        return (self.version, number(rate), number(rate / median(self.beside.rates)), f"{len(self.steps) + 1} of {self.chain}", milli(p50), milli(p99), number(p50 / unit) + " ×",
                number(p99 / unit) + " ×", f"{self.idle.rss:,.0f} MiB ({self.idle.pss:,.0f})", f"{self.most:,.0f} MiB", str(self.idle.processes), self.durable)


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def milli(seconds: float) -> str:
    """Seconds as milliseconds."""
    return number(seconds * 1000) + " ms"


def bare(beside: Baseline, chain: int) -> tuple[str, ...]:
    """The line of what runs without an engine."""
    p50, p99 = median(beside.steps), percentile(beside.steps, 99)
    return ("bare `xargs -P`; shell loop", number(median(beside.rates)), "1", f"{chain} of {chain}", milli(p50), milli(p99), "1 ×", number(p99 / p50) + " ×", "", "", "", "nothing")


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The same for a terminal."""
    rows = [head, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


PAGE = """# Beside a peer

Made by `make bench-peer`: Apache Airflow and Banto on one machine, one after the other, each between two measurements of
bare processes. Airflow comes from the package registry in the versions of `bench/peer/requirements.txt`.

{table}

- **jobs/s**: one run of {jobs} jobs `true` that do not wait for each other, from before its submission by HTTP to the end that the
  engine states. Banto's is the median of {rounds} runs, Airflow's is one run.
- **of xargs**: beside `seq {jobs} | xargs -P {cores} -n1 true`, taken just before and just after the engine.
- **chain**: {chain} jobs in a row, each `date +%s%N >> FILE`, and how many of them ran in the time that it is given (`--limit`).
  **Step**: the time from one written to the next. **Of the loop**: beside a shell loop of the same commands, its median; taken with `xargs`.
- **memory**: resident memory of all processes of the engine and its PostgreSQL added up, five seconds after the first runs (in brackets with
  shared memory counted once: PSS), and the most that was seen, twice a second, during the runs. **Processes**: those that were there when idle.
- **durable**: what survives the death of the process by the engine's own design. Banto's is tried by `make crash`; Airflow was not
  crash-tested here.

The first line is the median of all measurements of bare processes; each engine is compared with its own.

## How Airflow was set up

LocalExecutor, its executor for one machine; `airflow api-server`, `scheduler` and `dag-processor`, no triggerer, since nothing is
deferred. One file for each DAG, so that a task reads no other's, with an operator for each task as a jobnet has a
part for each job (all alike could be one operator that is mapped, which leaves less to read); runs of {trial} tasks come before the measurement. PostgreSQL's settings are
the same for Banto: {postgres}. What differs from Airflow's defaults:

{tuning}

`core.parallelism` is the best of what was tried in the same run, before the measurement: {trials}. Those trials are runs of {trial}
jobs, whose file is short: they show what Airflow reaches when a task has little to read. The two timeouts are longer so that
no task fails on a busy machine; they make nothing slower.
Banto ran with its defaults: manager and agent each a process of its own.

## What to keep in mind

- Banto was measured by its own authors, who know where its time goes and have tuned it for just this work. Somebody who knows Airflow
  as well may find more in it.
- The work suits Banto: jobs that do nothing, on one machine. A job of a minute costs a minute in both.
- Airflow does what Banto does not: tasks that are Python code and pass values to each other, providers for many other systems, executors
  that start a container for each task, several schedulers active at once, scheduling by data and backfills; and a web console. It starts a Python
  process for each task, which reads the DAG's file again and talks to Airflow's API: much of what is measured here is that.
- Banto does what Airflow's LocalExecutor does not: jobs run on other hosts through an agent, a job outlives the death of agent and
  manager, an attempt starts at most one process, and what a job printed is kept by the manager.
- A shared machine is noisy: compare the ratios. One peer is not the field; other engines are better at either figure.

## The machine

{facts}
"""


def page(results: Sequence[Result], beside: Baseline, facts: Sequence[tuple[str, str]], tuning: dict[str, str],
         trials: dict[int, float], trial: int, settings: dict[str, str]) -> str:
    """All of PEER.md."""
    first = results[0]
    return PAGE.format(
        table=markdown(HEAD, [bare(beside, first.chain), *(r.cells() for r in results)]),
        jobs=first.jobs, chain=first.chain, rounds=len(first.rates), cores=os.cpu_count(),
        postgres=", ".join(f"`{k} = {v}`" for k, v in settings.items()),
        tuning=markdown(("setting", "value"), [("`" + key.lower().replace("__", ".", 1) + "`", value) for key, value in tuning.items()]),
        trial=trial, trials=", ".join(f"{at_once} at once {number(rate)} jobs/s" for at_once, rate in trials.items()),
        facts=markdown(("", ""), facts),
    )
