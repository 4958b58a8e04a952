"""Processes that a measurement starts: found, weighed and ended by their IDs.

Whatever loses its parent becomes a child of this process (a "subreaper"), so
that everything an engine has started, keepers and forked workers included, is
below us and nothing that is not ours ever is.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

_LIBC = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _SUBREAPER = 1, 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


class Broken(Exception):
    """A measurement that cannot be made; its text is for the person who asked for it."""


def adopt() -> None:
    """Make this process the parent of all orphans below it."""
    if _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise Broken("this system cannot tell which processes are ours (prctl: no subreaper); it needs Linux")


def descendants(of: int = 0) -> list[int]:
    """Give the IDs of all living processes below one, or below this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(entry.name))
    found: list[int] = []
    todo = [of or os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


@dataclass
class Weight:
    """What the processes of an engine hold at one moment, in MiB."""

    processes: int
    rss: float  # the sum of all: memory that they share counts once for each
    pss: float  # shared memory divided among those who share it


def weigh(shared: bool = True) -> Weight:
    """Weigh all processes below this one; without shared, PSS is left out, which is quick."""
    count, rss, pss = 0, 0, 0
    for pid in descendants():
        try:
            rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
            if shared:
                pss += _pss(pid)
        except (OSError, IndexError):
            continue
        count += 1
    return Weight(count, rss / MIB, pss / MIB)


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return 0


class Watch:
    """Weighs the processes twice a second while a block runs, and keeps the heaviest."""

    def __init__(self) -> None:
        self.rss = 0.0
        self.processes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            now = weigh(shared=False)
            self.rss = max(self.rss, now.rss)
            self.processes = max(self.processes, now.processes)
            if self._over.wait(0.5):
                return


class TooLong(Broken):
    """Something that did not happen in the time that it was given."""


class Processes:
    """The processes of one engine, which end together."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._started: list[tuple[str, subprocess.Popen, int]] = []

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None,
              user: int | None = None, stop: int = signal.SIGTERM) -> None:
        """Start a program in a group of its own; stop is the signal that ends it in good order."""
        as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        with open(self.scratch / f"{name}.log", "ab") as log:
            child = subprocess.Popen(command, env=None if env is None else dict(env), cwd=self.scratch, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log, start_new_session=True, preexec_fn=_die_with_parent, **as_user)
        self._started.append((name, child, stop))

    def alive(self) -> None:
        """Raise Broken, with what it logged last, if a program has ended."""
        for name, child, _ in self._started:
            if child.poll() is not None:
                raise Broken(f"{name} has ended with {child.returncode}\n{self.tail(name)}")

    def tail(self, name: str) -> str:
        """Give the end of a program's log."""
        return (self.scratch / f"{name}.log").read_text(errors="replace")[-3000:]

    def tails(self) -> str:
        """Give the ends of all logs."""
        return "\n".join(f"== {name}\n{self.tail(name)}" for name, _, _ in self._started)

    def stop(self, only: str = "") -> None:
        """End the programs, the last one first, and whatever they leave behind; or only one of them."""
        for name, child, how in reversed(self._started):
            if child.poll() is None and only in ("", name):
                _end(child, how)
        self._started = [s for s in self._started if only not in ("", s[0])]
        if not only:
            end_all()


def _end(child: subprocess.Popen, how: int) -> None:
    """End one program and then what is left below it, which would hold the locks of its transactions for it."""
    below = descendants(child.pid)
    child.send_signal(how)
    try:
        child.wait(90)
    except subprocess.TimeoutExpired:
        below += descendants(child.pid)
        child.kill()
        child.wait()
    for pid in set(below).intersection(descendants()):
        _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_all() -> None:
    """Kill everything below this process, and wait until it is gone."""
    for _ in range(100):
        left = descendants()
        for pid in left:
            _kill(pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        if not left:
            return
        time.sleep(0.05)
    raise Broken(f"these processes do not end: {descendants()}")


def _die_with_parent() -> None:
    _LIBC.prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def until(what: str, so: Callable[[], bool], patience: float, every: float = 0.1,
          processes: Processes | None = None) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + patience
    while not so():
        if processes is not None:
            processes.alive()
        if time.monotonic() > end:
            raise TooLong(f"waited {patience:.0f} s in vain until {what}")
        time.sleep(every)


def free_port() -> int:
    """Give a port on loopback that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
