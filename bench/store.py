"""An empty Leadloop of its own: a data folder, a web and a worker process, one HTTP connection."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from ml.fields.types import Value
from webapp import config
from webapp.config import ROOT, Settings

SETUP = [sys.executable, "-m", "flask", "--app", "wsgi", "setup"]
CREATE_KEY = [*SETUP[:-1], "create-key", "bench", "--scope", "admin"]
WEB = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
WORKER = [sys.executable, "-m", "sync"]
POLL_SECONDS = 0.2
START_SECONDS = 120
END_SECONDS = 20
MAX_AT_ONCE = 5_000  # rows of a batch


class StoreFailed(RuntimeError):
    """A process ended, or an answer was not the expected one."""


class Store:
    """A running Leadloop; the caller is its only client."""

    def __init__(self, settings: Settings, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        self.settings = settings
        self.processes = processes
        self._connection = http.client.HTTPConnection(settings.host, settings.port, timeout=60)
        self._headers = {"Content-Type": "application/json"}

    def sign_in(self) -> None:
        """Wait until requests are served, then make a key for all of them."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise StoreFailed("the web process does not answer")
            time.sleep(POLL_SECONDS)
        environment = {**os.environ, **config.environment(self.settings)}
        made = subprocess.run(
            CREATE_KEY, env=environment, cwd=ROOT, capture_output=True, check=True
        )
        self._headers["Authorization"] = f"Bearer {made.stdout.decode().strip()}"

    def score(self, lead_id: str, values: dict[str, Value]) -> None:
        known = {name: value for name, value in values.items() if value is not None}
        self._ask("POST", "/score", {"lead_id": lead_id, **known})

    def say(self, lead_id: str, *, converted: bool) -> None:
        outcome = str(converted).lower()
        self._ask("PUT", f"/feedback/{quote(lead_id, safe='')}?outcome={outcome}")

    def score_all(self, leads: Iterable[tuple[str, dict[str, Value]]]) -> None:
        self._batches("/score/batch", "leads", ({"lead_id": i, **v} for i, v in leads))

    def say_all(self, outcomes: Iterable[tuple[str, bool]]) -> None:
        rows = ({"lead_id": lead_id, "outcome": converted} for lead_id, converted in outcomes)
        self._batches("/feedback/batch", "outcomes", rows)

    def trainings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", "/api/runs?kind=training")["runs"]
        return found

    def wait_for_attempt(self, n_before: int) -> dict[str, Any]:
        """Wait for the training after so many, and for its promotion; give the training's run."""
        while True:
            trainings = self.trainings()
            fills = self._ask("GET", "/api/runs?kind=rescoring")["runs"]
            is_done = all(run["state"] in {"succeeded", "failed"} for run in trainings + fills)
            if is_done and trainings and trainings[0]["id"] > n_before:
                return self._succeeded(trainings[0], fills)
            self._check_processes()
            time.sleep(POLL_SECONDS)

    def _succeeded(self, training: dict[str, Any], fills: list[dict[str, Any]]) -> dict[str, Any]:
        for run in [training, *fills[:1]]:
            if run["state"] == "failed":
                raise StoreFailed(f"run {run['id']} failed: {run['error']}")
        return training

    def _batches(self, path: str, name: str, rows: Iterable[dict[str, Any]]) -> None:
        self._connection.close()  # the server may have ended it; asking opens it again
        waiting = iter(rows)
        while batch := list(islice(waiting, MAX_AT_ONCE)):
            answers = self._ask("POST", path, {name: batch})["results"]
            refused = [answer for answer in answers if "error" in answer]
            if refused:
                raise StoreFailed(f"POST {path}: {refused[0]}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, sent, self._headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._check_processes()
            raise StoreFailed(f"{method} {path}: {error}") from error
        if response.status != 200:
            raise StoreFailed(f"{method} {path}: {response.status} {text.decode()[:500]}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _is_ready(self) -> bool:
        try:
            self._ask("GET", "/readyz")
        except StoreFailed:
            self._check_processes()
            return False
        return True

    def _check_processes(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.settings.data_dir / f"{name}.log").read_text()[-2000:]
                raise StoreFailed(f"the {name} process ended ({process.returncode}):\n{log}")


@contextmanager
def running_store(fields_file: Path, **changed: Any) -> Iterator[Store]:
    """Start an empty store with these fields and otherwise default settings; always end it."""
    with TemporaryDirectory(prefix="leadloop-replay-") as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            fields_file=fields_file.absolute(),
            port=_free_port(),
            demo=False,
            log_level="warning",
            worker_poll_seconds=POLL_SECONDS,
            **changed,
        )
        others = {n: v for n, v in os.environ.items() if not n.startswith(config.PREFIX)}
        environment = others | config.environment(settings)
        subprocess.run(SETUP, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in {"web": WEB, "worker": WORKER}.items():
                processes[name] = _started(command, environment, settings.data_dir / f"{name}.log")
            store = Store(settings, processes)
            store.sign_in()
            yield store
        finally:
            _end(list(processes.values()))


def _started(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
