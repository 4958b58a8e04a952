"""A private PostgreSQL, the same for every engine: Debian's settings, with every sync."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

from processes import Broken, Processes, free_port, until

# What differs from PostgreSQL's own defaults, and its reason.
SETTINGS = {
    "max_connections": "200",  # Airflow's processes hold many
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


def find() -> Path:
    """Find the directory of PostgreSQL's programs, the newest first."""
    places = [Path(p).resolve().parent for p in [shutil.which("initdb")] if p]
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        places += sorted((d / "bin" for d in debian.iterdir()), key=lambda d: float(d.parent.name), reverse=True)
    for place in [*places, Path("/usr/local/pgsql/bin")]:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise Broken("there is no PostgreSQL here (initdb is not on PATH, nor in /usr/lib/postgresql or /usr/local/pgsql)")


def version(bin_dir: Path) -> str:
    """Give PostgreSQL's version, such as 15.14."""
    out = subprocess.run([bin_dir / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    return re.search(r"[\d.]+", out).group()


def start(processes: Processes, name: str) -> str:
    """Start a server among processes with one empty database, and give that one's address: user@host:port/name."""
    bin_dir, root, port = find(), processes.scratch / "postgres", free_port()
    root.mkdir()
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(root, user, user)
    as_user = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    quiet = {"check": True, "capture_output": True, "cwd": root, **as_user}
    subprocess.run([bin_dir / "initdb", "-D", root / "data", "-U", name, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], **quiet)
    settings = {**SETTINGS, "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(root)}
    command = [str(bin_dir / "postgres"), "-D", str(root / "data")]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    processes.start("postgres", command, user=user, stop=signal.SIGINT)
    ready = [bin_dir / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    until("PostgreSQL answers", lambda: subprocess.run(ready, check=False).returncode == 0, 60, processes=processes)
    subprocess.run([bin_dir / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", name, name], **quiet)
    return f"{name}@127.0.0.1:{port}/{name}"
