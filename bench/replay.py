"""Replay real leads through the real product and compare its models as they come.

`python -m bench.replay FOLDER [--limit N]` feeds the leads over HTTP to an empty store (each is
scored first, its outcome follows) and stops at every outcome that makes a training due: then
champion, version 1.0 and an Odoo-style naive Bayes are measured on the next 1,000 leads, at least
100 and of both outcomes. `--limit` ends the feeding, not the measuring.
"""

import argparse
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import naive_bayes
from bench.real_leads import RealLeads, real_leads
from bench.store import Store, running_store
from ml.fields.types import Value
from ml.scorecard.scorecard import Scorecard
from ml.training.encode import Floats
from ml.training.evaluate import delong, log_loss
from ml.training.readiness import shortage
from webapp.app import create_app
from webapp.config import ROOT
from webapp.database import read
from webapp.services.models import registry

RESULTS = ROOT / "bench" / "results"
MAX_UNSEEN = 1_000
MIN_UNSEEN = 100
HEADER = (
    "outcomes  version   AUC: champion    1.0  n.Bayes"
    "   log loss: champion    1.0  n.Bayes   decision"
)


@dataclass(frozen=True)
class Line:
    """One attempt: the decision, and every model's figures on the next unseen leads, if any."""

    outcomes: int
    version: str
    promoted: bool
    reason: str
    auc: float | None = None
    log_loss: float | None = None
    auc_starter: float | None = None
    log_loss_starter: float | None = None
    auc_naive_bayes: float | None = None
    log_loss_naive_bayes: float | None = None

    def __str__(self) -> str:
        aucs = (_figure(a) for a in (self.auc, self.auc_starter, self.auc_naive_bayes))
        losses = (self.log_loss, self.log_loss_starter, self.log_loss_naive_bayes)
        shown = "{:>17} {:>6} {:>8}".format(*aucs)
        shown += "{:>21} {:>6} {:>8}".format(*(_figure(loss) for loss in losses))
        return f"{self.outcomes:8,}  {self.version:<7}{shown}   {self.reason}"


class Champion(NamedTuple):
    """The version in use."""

    name: str
    card: Scorecard


class Due:
    """When the product trains by itself, told from the outcomes sent alone."""

    def __init__(self, threshold: int) -> None:
        self.threshold = threshold
        self.n_new = 0
        self.n_by_class = {True: 0, False: 0}

    def add(self, *, converted: bool) -> bool:
        self.n_new += 1
        self.n_by_class[converted] += 1
        is_due = self.n_new >= self.threshold and not shortage(*self.n_by_class.values())
        self.n_new = 0 if is_due else self.n_new
        return is_due


def replay(store: Store, leads: RealLeads, limit: int) -> list[Line]:
    """Feed the leads, and print and give one line an attempt."""
    app = create_app(store.settings)
    due, lines, last_run = Due(store.settings.retrain_threshold), list[Line](), 0
    with app.app_context():
        starter = read(_champion)
    for place in range(min(limit, len(leads.records))):
        lead_id, converted = leads.lead_ids[place], leads.converted[place]
        store.score(lead_id, leads.records[place])
        store.say(lead_id, converted=converted)
        if due.add(converted=converted):
            run = store.wait_for_attempt(last_run)
            last_run = run["id"]
            with app.app_context():
                champion = read(_champion)
            lines.append(measured(leads, place + 1, champion, starter, run=run))
            print(lines[-1], flush=True)
    return lines


def measured(
    leads: RealLeads, n_seen: int, champion: Champion, starter: Champion, *, run: dict[str, Any]
) -> Line:
    result = run["result"]
    told = Line(n_seen, champion.name, result["promoted"], result["reason"])
    unseen = slice(n_seen, n_seen + MAX_UNSEEN)
    records, converted = leads.records[unseen], np.array(leads.converted[unseen])
    if len(records) < MIN_UNSEEN or min(converted.sum(), (~converted).sum()) < 2:
        return told
    predict = naive_bayes.fit(leads.records[:n_seen], leads.converted[:n_seen])
    scores = np.array(
        [scored(champion.card, records), scored(starter.card, records), predict(records)]
    )
    aucs, _ = delong(converted, scores)
    losses = [log_loss(converted, row) for row in scores]
    names = ("", "_starter", "_naive_bayes")
    figures = {f"auc{name}": round(float(auc), 4) for name, auc in zip(names, aucs, strict=True)}
    figures |= {f"log_loss{n}": round(loss, 4) for n, loss in zip(names, losses, strict=True)}
    return Line(**{**asdict(told), **figures})


def scored(card: Scorecard, records: list[dict[str, Value]]) -> Floats:
    return np.array([card.score(record).probability for record in records])


def summary(lines: list[Line], seconds: float) -> str:
    """Say how often the champion led since the first promotion, and how it ended."""
    first = next((i for i, line in enumerate(lines) if line.promoted), len(lines))
    compared = [line for line in lines[first:] if line.auc is not None]
    n_ahead = sum(line.auc > line.auc_naive_bayes for line in compared)  # type: ignore[operator]
    n_promoted = sum(line.promoted for line in lines)
    ended = next((line for line in reversed(lines) if line.auc is not None), None)
    n_unmeasured = sum(line.auc is None for line in lines)
    last = "none"
    if ended is not None:
        figure = _figure(ended.auc)
        last = f"AUC {figure} with version {ended.version} at {ended.outcomes:,} outcomes"
    return "\n".join(
        [
            f"{len(lines)} attempts, {n_promoted} promotions, {seconds / 60:.1f} minutes",
            f"champion above naive Bayes since the first promotion: {n_ahead} of {len(compared)}",
            f"last measured: {last}",
            f"lines without enough unseen leads to measure on: {n_unmeasured}",
        ]
    )


def _champion(session: Any) -> Champion:
    version = registry.champion(session)
    return Champion(version.name, registry.scorecard(session, version))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make replay", description="Replay real leads.")
    parser.add_argument("folder", type=Path, help="holds fields.toml and leads.csv.gz")
    parser.add_argument("--limit", type=int, default=sys.maxsize, help="feed so many leads")
    options = parser.parse_args(arguments)
    # Else the two processes of the store would outlive this one.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    leads = real_leads(options.folder)
    began_at_seconds = time.monotonic()
    with running_store(options.folder / "fields.toml") as store:
        print(HEADER, flush=True)
        lines = replay(store, leads, options.limit)
    print(summary(lines, time.monotonic() - began_at_seconds))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"replay-{options.folder.resolve().name}.json"
    path.write_text(json.dumps([asdict(line) for line in lines], indent=1) + "\n")
    print(f"written to {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
