"""What a training costs, and whether anybody waits for it.

`python -m bench.training [FOLDER] [--sizes n ...]` fills a Leadloop of its own for each size. One
client scores leads and loads the lead table, first while nothing else is done, then while the last
outcome trains a model. Both waits are told as a ratio.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import requests

from bench.made_up_leads import fields_file, made_up, resampled
from bench.real_leads import RealLeads
from bench.store import Store, StoreFailed, running_store

RESULTS = Path(__file__).parent / "results" / "training.json"
SIZES = (1_000, 10_000, 100_000)
N_IDLE, MAX_IDLE_SECONDS = 300, 60.0  # rounds of the client: a score and a page each
PAUSE_SECONDS = 0.01
MAX_TRAINING_SECONDS = 1_800.0
LOOK_EVERY_SECONDS = 0.5


@dataclass(frozen=True)
class Row:
    """What one training cost, and what its neighbours waited; ratios are to idle times."""

    leads: int
    wall_seconds: float
    processor_seconds: float
    peak_megabytes: float
    rounds_idle: int
    rounds_training: int
    score_p50_ms: float
    score_p50_ratio: float
    score_p99_ms: float
    score_p99_ratio: float
    table_p50_ms: float
    table_p50_ratio: float
    table_p99_ms: float
    table_p99_ratio: float


OWN_PASSWORD = "twelve odd benches wobble"


class Client:
    """Scores leads as a program and loads the lead table as a person, and takes the times."""

    def __init__(self, store: Store, leads: RealLeads) -> None:
        self._address = f"http://{store.settings.host}:{store.settings.port}"
        self._leads = leads
        access = (store.settings.data_dir / "first-access.txt").read_text()
        said = dict(line.split(": ", 1) for line in access.splitlines())
        self._program, self._person = requests.Session(), requests.Session()
        self._program.headers["Authorization"] = f"Bearer {said['key']}"
        page = self._person.get(f"{self._address}/sign-in")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        form = {"email": said["e-mail"], "password": said["password"]}
        form["csrf_token"] = token[1] if token else ""
        page = self._person.post(f"{self._address}/sign-in", form)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        form = {"new": OWN_PASSWORD, "again": OWN_PASSWORD, "csrf_token": token[1] if token else ""}
        self._person.post(f"{self._address}/new-password", form).raise_for_status()

    def rounds(self, goes_on: Callable[[int], bool]) -> list[tuple[float, float]]:
        """Seconds of `POST /score` and of the lead table, taken in turn while told to go on."""
        taken: list[tuple[float, float]] = []
        places = np.random.default_rng(1).permutation(len(self._leads.records)).tolist()
        while goes_on(len(taken)):
            place = places[len(taken) % len(places)]
            known = {k: v for k, v in self._leads.records[place].items() if v is not None}
            lead = {"lead_id": self._leads.lead_ids[place], **known}
            scored = _timed(self._program, "POST", f"{self._address}/score", json=lead)
            taken.append((scored, _timed(self._person, "GET", f"{self._address}/leads")))
            time.sleep(PAUSE_SECONDS)
        return taken


class Watch:
    """Says until when a training goes on, and sees what its process takes meanwhile."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._began = self._looked = time.monotonic()
        self._is_done = False
        self.processor_seconds = 0.0
        self.peak_megabytes = 0.0

    def goes_on(self, _: int = 0) -> bool:
        now = time.monotonic()
        if now - self._began > MAX_TRAINING_SECONDS:
            raise StoreFailed("the training took too long")
        if now - self._looked > LOOK_EVERY_SECONDS:
            self._looked = now
            self._measure()
            trainings = self._store.trainings()
            self._is_done = bool(trainings) and trainings[0]["finished_at"] is not None
        return not self._is_done

    def _measure(self) -> None:
        worker = psutil.Process(self._store.processes["worker"].pid)
        for process in worker.children():
            used = process.cpu_times()
            self.processor_seconds = used.user + used.system
            megabytes = process.memory_info().rss / 2**20
            self.peak_megabytes = max(self.peak_megabytes, megabytes)


def measured(leads: RealLeads, fields: Path) -> Row:
    """Fill a store with the leads, wait idly, train, and wait meanwhile."""
    outcomes = list(zip(leads.lead_ids, leads.converted, strict=True))
    with running_store(fields, retrain_threshold=len(outcomes)) as store:
        store.score_all(zip(leads.lead_ids, leads.records, strict=True))
        store.say_all(outcomes[:-1])
        client, began = Client(store, leads), time.monotonic()
        idle = client.rounds(lambda n: n < N_IDLE and time.monotonic() - began < MAX_IDLE_SECONDS)
        store.say_all(outcomes[-1:])
        watch = Watch(store)
        meanwhile = client.rounds(watch.goes_on)
        (training,) = store.trainings()
    if training["state"] != "succeeded":
        raise StoreFailed(f"the training failed: {training['error']}")
    began_at, ended_at = (
        datetime.fromisoformat(training[name]) for name in ("started_at", "finished_at")
    )
    return Row(
        leads=len(outcomes),
        wall_seconds=round((ended_at - began_at).total_seconds(), 1),
        processor_seconds=round(watch.processor_seconds, 1),
        peak_megabytes=round(watch.peak_megabytes),
        rounds_idle=len(idle),
        rounds_training=len(meanwhile),
        **_waits("score", [s for s, _ in idle], [s for s, _ in meanwhile]),
        **_waits("table", [t for _, t in idle], [t for _, t in meanwhile]),
    )


def table(rows: list[Row]) -> str:
    lines = [
        "| labels | wall s | processor s | peak MB | rounds idle / training "
        "| POST /score idle: p50, p99 ms | while training | lead table idle: p50, p99 ms "
        "| while training |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        cells = [
            f"{row.leads:,}",
            f"{row.wall_seconds:.1f}",
            f"{row.processor_seconds:.1f}",
            f"{row.peak_megabytes:.0f}",
            f"{row.rounds_idle} / {row.rounds_training}",
            f"{row.score_p50_ms:.1f}, {row.score_p99_ms:.1f}",
            f"{row.score_p50_ratio:.2f} x, {row.score_p99_ratio:.2f} x",
            f"{row.table_p50_ms:.1f}, {row.table_p99_ms:.1f}",
            f"{row.table_p50_ratio:.2f} x, {row.table_p99_ratio:.2f} x",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-training", description="Cost of a training.")
    parser.add_argument("folder", type=Path, nargs="?", help="of leads; made up without it")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with TemporaryDirectory(prefix="leadloop-training-") as made:
        (Path(made) / "fields.toml").write_text(fields_file())
        for n in options.sizes:
            folder = options.folder
            leads = resampled(folder, n) if folder else made_up(n)
            rows.append(measured(leads, (folder or Path(made)) / "fields.toml"))
            print(rows[-1], file=sys.stderr, flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))
    return 0


def _timed(session: requests.Session, method: str, address: str, **sent: Any) -> float:
    start = time.perf_counter()
    session.request(method, address, **sent).raise_for_status()
    return time.perf_counter() - start


def _waits(name: str, idle: list[float], meanwhile: list[float]) -> dict[str, Any]:
    told = {}
    for percent in (50, 99):
        before, during = np.percentile(idle, percent), np.percentile(meanwhile, percent)
        told[f"{name}_p{percent}_ms"] = round(1_000 * float(before), 2)
        told[f"{name}_p{percent}_ratio"] = round(float(during / before), 2)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
