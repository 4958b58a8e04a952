"""Measures one peer, Apache Airflow, beside Banto and bare processes: make bench-peer.

Needs Linux, Python 3.10 or newer, PostgreSQL and a package registry that pip
knows. Everything is made in a temporary directory, which is taken away again
with all processes, however this ends; --venv keeps an installation for the next
time. The standard library is all that it uses itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import postgres
from baseline import Baseline, facts, median, steps
from engines import HERE, TRIAL, Airflow, Banto, Engine
from processes import Broken, TooLong, Watch, adopt, end_all, weigh
from report import HEAD, Result, aligned, bare, number, page

TOP = HERE.parent.parent


def say(text: str) -> None:
    """Tell a person how far it is."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    p = argparse.ArgumentParser(prog="run.py", description="One peer beside us: Apache Airflow, Banto, xargs and a shell loop in one run.")
    p.add_argument("--binary", type=Path, default=TOP / "bin/banto", help="Banto's binary")
    p.add_argument("--jobs", type=int, default=500, help="jobs that do not wait for each other")
    p.add_argument("--chain", type=int, default=500, help="jobs in a row")
    p.add_argument("--rounds", type=int, default=5, help="rounds of Banto and of bare processes; Airflow has one")
    p.add_argument("--parallelism", type=int, nargs="+", default=[4, 8, 16], metavar="N", help="jobs that Airflow runs at once: tried one after the other, and the best is taken")
    p.add_argument("--limit", type=float, default=300, help="seconds that a chain may take; of one that takes longer, the jobs until then count")
    p.add_argument("--venv", type=Path, help="virtualenv with Airflow, which is made if need be and stays")
    p.add_argument("--install", action="store_true", help="make the virtualenv of --venv, and measure nothing")
    p.add_argument("-o", "--output", type=Path, default=TOP / "bench/PEER.md", help="file for the results")
    a = p.parse_args()
    if a.install and not a.venv:
        p.error("--install without --venv would be thrown away")
    if min(a.jobs, a.rounds, *a.parallelism) < 1 or a.chain < 3:
        p.error("there must be a job, a round and a place to run it, and three jobs in a row")
    return a


def install(venv: Path) -> None:
    """Bring Airflow into a virtualenv, unless it is there."""
    if (venv / "bin/airflow").exists():
        return
    say("installing Airflow from the package registry: a minute or two")
    begin = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "requirements.txt"]
    if subprocess.run(pip, check=False).returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise Broken("pip could not install the versions of bench/peer/requirements.txt; what it said is above")
    say(f"installed in {time.monotonic() - begin:.0f} s")


def measure(engine: Engine, every: Baseline, rounds: int, engine_rounds: int) -> Result:
    """Measure one engine between two measurements of bare processes."""
    say(f"{engine.version()}: bare processes before it")
    beside = Baseline()
    beside.measure(engine.scratch, engine.jobs, engine.chain, rounds)
    say("starting it")
    try:
        engine.start()
        time.sleep(5)
        idle = weigh()
        rates: list[float] = []
        with Watch() as watch:
            say(f"{engine.jobs} jobs that do not wait for each other, {engine_rounds} time(s)")
            for _ in range(engine_rounds):
                rates.append(engine.jobs / engine.run("independent"))
            say(f"{number(median(rates))} jobs/s; {engine.chain} jobs in a row")
            whole = _chain(engine)
    except Broken as problem:
        raise Broken(f"{problem}\n{engine.processes.tails()}") from problem
    finally:
        engine.stop()
    between = steps(engine.times, engine.chain, part=not whole)
    beside.measure(engine.scratch, engine.jobs, engine.chain, rounds)
    every.rates += beside.rates
    every.steps += beside.steps
    return Result(engine.version(), engine.durable, engine.jobs, engine.chain, rates, between, idle, watch.rss, beside)


def _chain(engine: Engine) -> bool:
    """Run the chain, and say whether it came to its end."""
    try:
        engine.run("chain")
        return True
    except TooLong:
        say(f"the chain has not ended in {engine.limit:.0f} s; what has run of it counts")
        return False


def compare(a: argparse.Namespace, scratch: Path, venv: Path) -> None:
    """Measure all, print the table and write the page."""
    known = facts(scratch)
    known += [("PostgreSQL", postgres.version(postgres.find())), ("Python", sys.version.split()[0])]
    sizes = (a.jobs, a.chain, a.limit)
    peer = Airflow(scratch / "airflow", *sizes, venv, a.parallelism)
    engines: list[tuple[Engine, int]] = [
        (Banto(scratch / "banto-sqlite", *sizes, a.binary, "SQLite"), a.rounds),
        (Banto(scratch / "banto-postgres", *sizes, a.binary, "PostgreSQL"), a.rounds),
        (peer, 1),
    ]
    every, results = Baseline(), []
    for engine, engine_rounds in engines:
        results.append(measure(engine, every, a.rounds, engine_rounds))
    print("\n" + aligned(HEAD[:-1], [line[:-1] for line in [bare(every, a.chain), *(r.cells() for r in results)]]) + "\n")
    a.output.write_text(page(results, every, known, peer.tuning(), peer.trials, TRIAL, postgres.SETTINGS))
    say(f"written: {os.path.relpath(a.output)}")


def main() -> int:
    """Run it all, and leave nothing behind."""
    a = arguments()
    if sys.version_info < (3, 10):
        raise Broken(f"this is Python {sys.version.split()[0]}, and Airflow 3 needs 3.10 or newer: make bench-peer PYTHON=python3.12")
    if not a.install and not os.access(a.binary, os.X_OK):
        raise Broken(f"there is no binary {a.binary} (make build)")
    adopt()
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    scratch = Path(tempfile.mkdtemp(prefix="banto-peer-"))
    scratch.chmod(0o711)
    try:
        postgres.find()
        venv = (a.venv or scratch / "venv").absolute()
        install(venv)
        if not a.install:
            compare(a, scratch, venv)
    finally:
        end_all()
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as problem:
        sys.exit(f"bench-peer: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
