"""The engines: Apache Airflow and Banto, each started, asked for runs and ended.

Both are asked through their HTTP API, and timed the same way: from before the
request to the end that the engine itself states.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import postgres
from processes import Broken, Processes, free_port, until

HERE = Path(__file__).resolve().parent
PATIENCE = 1800  # seconds that a run may take; a chain has its limit
TRIAL = 50  # jobs of a first run, which warms and shows how many at once are best


class Engine:
    """What the measurement needs of an engine."""

    name = ""
    durable = ""

    def __init__(self, scratch: Path, jobs: int, chain: int, limit: float) -> None:
        self.scratch, self.jobs, self.chain, self.limit = scratch, jobs, chain, limit
        self.processes = Processes(scratch)
        self.times = scratch / "times"
        self.api = f"http://127.0.0.1:{free_port()}"
        self.token = ""
        scratch.mkdir()
        scratch.chmod(0o711)  # PostgreSQL's user has its directory in here

    def start(self) -> None:
        """Start everything, and return when a first job has run."""
        raise NotImplementedError

    def run(self, what: str) -> float:
        """Run warm, independent or chain, and give the seconds that it took."""
        raise NotImplementedError

    def version(self) -> str:
        """Name and version, as a reader knows them."""
        raise NotImplementedError

    def stop(self) -> None:
        """End everything."""
        self.processes.stop()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the engine's API."""
        request = urllib.request.Request(self.api + path, method=method, data=None if body is None else json.dumps(body).encode())
        for key, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(key, value)
        if self.token:
            request.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise Broken(f"{self.name}: {method} {path}: {e.code} {e.read().decode(errors='replace')[:2000]}") from e
        except (OSError, ValueError) as e:
            raise Broken(f"{self.name}: {method} {path}: {e}") from e

    def answers(self, path: str) -> Any:
        """Ask the API, and give None while it does not answer."""
        try:
            return self.call("GET", path)
        except Broken:
            return None

    def _wait(self, what: str, path: str, key: str, good: str, bad: set[str]) -> Any:
        """Read a run until it has ended well."""
        last: Any = None

        def over() -> bool:
            nonlocal last
            last = self.answers(path) or last  # a busy engine may leave a question without an answer
            return last is not None and last[key] in bad | {good}

        until(f"a run of {self.name} ends", over, self.limit if what == "chain" else PATIENCE, every=0.5, processes=self.processes)
        if last[key] != good:
            raise Broken(f"a run of {self.name} has ended {last[key]}\n{self.why(path)}")
        return last

    def why(self, run: str) -> str:
        """Tell what is known of a run that went wrong."""
        return json.dumps(self.answers(run), indent=2)[:3000]


class Airflow(Engine):
    """Airflow with its LocalExecutor, on a PostgreSQL of its own."""

    name = "Apache Airflow"
    durable = "each change of state, in PostgreSQL; logs of jobs in files without a sync"

    def __init__(self, scratch: Path, jobs: int, chain: int, limit: float, venv: Path, tried: list[int]) -> None:
        super().__init__(scratch, jobs, chain, limit)
        self.venv, self.tried, self.parallelism = venv, tried, tried[0]
        self.trials: dict[int, float] = {}  # jobs a second with so many at once

    def version(self) -> str:
        code = "import importlib.metadata as m; print(m.version('apache-airflow'))"
        out = subprocess.run([self.venv / "bin/python", "-c", code], check=True, capture_output=True, text=True)
        return f"{self.name} {out.stdout.strip()} (LocalExecutor, PostgreSQL)"

    def tuning(self) -> dict[str, str]:
        """What is not as Airflow ships it and may change its speed."""
        return {
            "CORE__PARALLELISM": str(self.parallelism),
            "CORE__MAX_ACTIVE_TASKS_PER_DAG": str(self.jobs),
            "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": str(self.jobs),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGBAG_IMPORT_TIMEOUT": "120",
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "API__WORKERS": str(os.cpu_count()),
        }

    def _environment(self, database: str) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "PYTHON", "BANTO"))}
        port = self.api.rpartition(":")[2]
        ours = {
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__DAGS_FOLDER": str(self.scratch / "dags"),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__EXECUTION_API_SERVER_URL": self.api + "/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://" + database,
            "API__HOST": "127.0.0.1", "API__PORT": port, "API__BASE_URL": self.api,
            "API__SECRET_KEY": secrets.token_hex(32), "API_AUTH__JWT_SECRET": secrets.token_hex(64),
            **self.tuning(),
        }
        env.update({"AIRFLOW__" + k: v for k, v in ours.items()})
        env.update(AIRFLOW_HOME=str(self.scratch), PATH=f"{self.venv / 'bin'}:{env.get('PATH', '')}", NO_PROXY="127.0.0.1", no_proxy="127.0.0.1",
                   PEER_WARM=str(TRIAL), PEER_JOBS=str(self.jobs), PEER_CHAIN=str(self.chain), PEER_TIMES=str(self.times))
        return env

    def start(self) -> None:
        shutil.copytree(HERE / "dags", self.scratch / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        env = self._environment(postgres.start(self.processes, "airflow"))
        program = str(self.venv / "bin/airflow")
        done = subprocess.run([program, "db", "migrate"], env=env, cwd=self.scratch, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"airflow db migrate has failed\n{(done.stdout + done.stderr)[-3000:]}")
        for part in ("api-server", "dag-processor"):
            self.processes.start(part, [program, part], env=env)
        for self.parallelism in self.tried:
            self._schedule(program, env)
            if not self.trials:
                self.run("warm")  # the very first run is slower than any other
            self.trials[self.parallelism] = TRIAL / self.run("warm")
        best = max(self.tried, key=lambda tried: self.trials[tried])
        if best != self.parallelism:
            self.parallelism = best
            self._schedule(program, env)
            self.run("warm")

    def _schedule(self, program: str, env: dict[str, str]) -> None:
        """Start the scheduler, again if it is there: the number of jobs at once is read only then."""
        self.processes.stop("scheduler")
        env["AIRFLOW__CORE__PARALLELISM"] = str(self.parallelism)
        begin = time.time()
        self.processes.start("scheduler", [program, "scheduler"], env=env)
        until("Airflow is healthy and has read its files", lambda: self._ready(begin), 300, every=0.5, processes=self.processes)

    def _ready(self, since: float) -> bool:
        health = self.answers("/api/v2/monitor/health") or {}
        if any(health.get(part, {}).get("status") != "healthy" for part in ("metadatabase", "scheduler", "dag_processor")):
            return False
        if moment(health["scheduler"]["latest_scheduler_heartbeat"]) < since:  # that of the one before
            return False
        found = (self.answers("/api/v2/dags") or {}).get("dags", [])
        return {d["dag_id"] for d in found} >= {"warm", "independent", "chain"}

    def why(self, run: str) -> str:
        failed = (self.answers(run + "/taskInstances?state=failed&limit=1") or {}).get("task_instances", [])
        logs = [self.answers(f"{run}/taskInstances/{t['task_id']}/logs/1?full_content=true") for t in failed]
        return f"{json.dumps(failed)[:2000]}\n{json.dumps(logs)[-4000:]}\n{self.processes.tail('scheduler')}"

    def run(self, what: str) -> float:
        begin = time.time()
        run = self.call("POST", f"/api/v2/dags/{what}/dagRuns", {"logical_date": None})
        run = self._wait(what, f"/api/v2/dags/{what}/dagRuns/{run['dag_run_id']}", "state", "success", {"failed"})
        return moment(run["end_date"]) - begin


class Banto(Engine):
    """Banto's manager and agent, each a process of its own, on either store."""

    name = "Banto"

    def __init__(self, scratch: Path, jobs: int, chain: int, limit: float, binary: Path, store: str) -> None:
        super().__init__(scratch, jobs, chain, limit)
        self.binary, self.store = binary, store
        self.durable = "each change of state, in " + store + "; claims and results on the host, before a process starts and before its end is told"

    def version(self) -> str:
        out = subprocess.run([self.binary, "version"], check=True, capture_output=True, text=True, env=self._environment()).stdout
        words = out.split()
        return f"{self.name} {words[1] if len(words) > 1 else words[0]} ({self.store})"

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("BANTO")}
        return {**env, "BANTO_CONFIG": str(self.scratch / "caller.json")}

    def start(self) -> None:
        env, data = self._environment(), str(self.scratch / "data")
        flags = ["--data", data, "--http", self.api.partition("//")[2], "--fabric", f"127.0.0.1:{free_port()}"]
        if self.store == "PostgreSQL":
            flags += ["--store", f"postgres://{postgres.start(self.processes, 'banto')}"]
        self.processes.start("server", [str(self.binary), "server", *flags], env=env)
        until("Banto answers", self._ready, 60, every=0.05, processes=self.processes)
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        self.processes.start("agent", [str(self.binary), "agent", "--data", data, *as_root], env=env)
        until("the agent is connected", self._connected, 60, every=0.05, processes=self.processes)
        self.call("POST", "/api/v1/apply", {"files": [{"name": "peer.yaml", "text": self._definitions()}]})
        self.run("warm")

    def _ready(self) -> bool:
        try:
            self.token = json.loads((self.scratch / "caller.json").read_text())["token"]
        except (OSError, ValueError, KeyError):
            return False
        return self.answers("/api/v1/manager") is not None

    def _connected(self) -> bool:
        return any(h["state"] == "connected" for h in (self.answers("/api/v1/hosts") or {}).get("items", []))

    def _definitions(self) -> str:
        lines = ["jobnet: peer/warm", "parts:", "  only: {job: 'true'}", "---", "jobnet: peer/independent", "parts:"]
        lines += [f"  p{i}: {{job: 'true'}}" for i in range(self.jobs)]
        lines += ["---", "jobnet: peer/chain", "parts:"]
        for i in range(self.chain):
            after = f"after: p{i - 1}, " if i else ""
            lines.append(f"  p{i}: {{{after}job: \"date +%s%N >> '{self.times}'\"}}")
        return "\n".join(lines) + "\n"

    def run(self, what: str) -> float:
        begin = time.time()
        tracker = self.call("POST", "/api/v1/trackers", {"jobnet": "peer/" + what}, **{"Idempotency-Key": secrets.token_hex(16)})
        tracker = self._wait(what, f"/api/v1/trackers/{tracker['id']}", "state", "ok", {"warning", "error", "cancelled", "blocked"})
        return moment(tracker["ended_at"]) - begin


def moment(text: str) -> float:
    """Read a time such as 2026-11-22T09:00:00.123456789Z, with any number of digits."""
    whole, _, rest = text.replace("+00:00", "").rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp() + float("0." + (rest or "0"))
