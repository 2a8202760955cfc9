"""One org of a world, lived through day by day with the product's own services and jobs."""

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import flask_migrate
import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.worlds.leads import FIELDS, FIELDS_FILE, Lead, arrivals, sent
from bench.worlds.policies import MIN_GAIN, Model, Track, claimed, held_out
from bench.worlds.truth import Truth
from bench.worlds.world import World
from sync import jobs
from sync.trainer import trainer
from sync.trainer.process import Answer, Beat, TrainingProcess
from sync.worker import Worker
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import db, read, write
from webapp.services import setup
from webapp.services.leads import leads, scoring
from webapp.services.leads.records import clean
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import monitoring, registry, training_data
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.tables import ModelVersion, Run

POLICIES = ("leadloop", "always", "holdout")
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
PROGRAM = Attribution("api", "the org")
MONITOR_DAYS = 2  # about as often as outcomes make a check due, every twentieth
SEND_AGAIN_DAYS = 5
TOP = 0.7  # quantile of the newest scores above which every lead is worked
N_NEWEST = 200


class Trainer(TrainingProcess):
    """Trains in this process what the child process would."""

    def train(self, run_key: int, *, limit_seconds: float, beat: Beat) -> Answer:
        return trainer.answer(run_key, beat)


class Org:
    """An org and its Leadloop: leads come, outcomes follow, and the jobs run once a day."""

    def __init__(self, world: World, seed: int, policies: Sequence[str]) -> None:
        self.world = world
        self.rng = np.random.default_rng([seed, 0])
        self.leads = arrivals(world, self.rng)
        self.day, self.n_outcomes = 0, 0
        self.newest_scores: list[float] = []
        self.noticed_days: float | None = None
        self.worker = Worker("bench", Trainer({}), threading.Event(), lambda: at(self.day))
        write(lambda s: setup.starter_version(s, None, START))
        version, card = read(lambda s: (registry.champion(s), registry.serving(s)[1]))
        self.seen_key = self.live_key = version.key
        starter = Model(card)
        truth = Truth(world, seed)
        self.tracks = {
            name: Track(name, truth, starter, starter) for name in ("leadloop", *policies)
        }

    def live(self) -> None:
        """Live through all days."""
        for day in range(self.world.days):
            self.day = day
            self._take_in([lead for lead in self.leads if _is_on(lead.arrived, self.day)])
            if self.world.grows and self.day % SEND_AGAIN_DAYS == 0:
                self._take_in([d for d in self.leads if d.arrived < self.day < d.decided])
            self._tell(
                [d for d in self.leads if self.day <= d.decided < self.day + 1 and d.is_worked]
            )
            if self.day == self.world.wrong_until:
                self._tell([lead for lead in self.leads if lead.was_closed])
            self._work()

    def _take_in(self, arrived: Sequence[Lead]) -> None:
        scored = write(lambda s: self._scored(s, arrived))
        for lead, probability in zip(arrived, scored, strict=True):
            self.newest_scores.append(probability)
            bound = np.quantile(self.newest_scores[-N_NEWEST:], TOP)
            is_chosen = probability >= bound or self.rng.random() < self.world.worked
            lead.is_worked = bool(lead.was_closed or is_chosen)
        self.n_outcomes += sum(lead.was_closed for lead in arrived)

    def _scored(self, session: Session, arrived: Sequence[Lead]) -> list[float]:
        """Score leads; outcomes of those already closed come along, as at a first load."""
        now = at(self.day)
        inputs = [
            ScoringInput(clean(FIELDS, self._payload(lead)), now, came_with_outcome=lead.was_closed)
            for lead in arrived
        ]
        versions = registry.in_use(session)
        scored = scoring.score_many(session, versions, inputs, source="api", now=now)
        is_reversed = self.world.wrong_until is not None
        events = [
            OutcomeEvent(lead, mine.converted != is_reversed, PROGRAM, at(mine.decided))
            for (lead, _), mine in zip(scored, arrived, strict=True)
            if mine.was_closed
        ]
        outcomes.record_many(session, events, now=now)
        return [probability for _, probability in scored]

    def _payload(self, lead: Lead) -> dict[str, Any]:
        age = max(0.0, min(self.day, lead.decided) - lead.arrived)
        values = sent(self.world, lead.values, day=self.day, age=age)
        return {"lead_id": lead.lead_id, **lead.person, **values}

    def _tell(self, decided: Sequence[Lead]) -> None:
        flips_on = self.world.flips_on
        is_flipped = flips_on is not None and self.day >= flips_on

        def record(session: Session) -> None:
            found = leads.resolve_many(session, [lead.lead_id for lead in decided])
            events = [
                OutcomeEvent(found[d.lead_id], d.converted != is_flipped, PROGRAM, _told_at(d))
                for d in decided
            ]
            outcomes.record_many(session, events, now=at(self.day))

        write(record)
        self.n_outcomes += len(decided)

    def _work(self) -> None:
        jobs.retrain_if_due(self.worker)
        jobs.rescore(self.worker)
        is_monitored = self.day % MONITOR_DAYS == 0
        if is_monitored:
            jobs.monitor(self.worker)
            jobs.rescore(self.worker)
        champion, new = read(self._versions)
        for version in new:
            self._follow(version, is_live=version.key == champion.key)
        if champion.key < self.live_key:
            card = read(lambda s: registry.scorecard(s, champion))
            claim = claimed(champion.metrics) if champion.metrics else None
            self.tracks["leadloop"].live = Model(card, claim)
        self.live_key = champion.key
        if is_monitored:
            self._look()

    def _versions(self, session: Session) -> tuple[ModelVersion, list[ModelVersion]]:
        newer = sa.select(ModelVersion).where(ModelVersion.key > self.seen_key)
        new = list(session.scalars(newer.order_by(ModelVersion.key)))
        self.seen_key = max((version.key for version in new), default=self.seen_key)
        return registry.champion(session), new

    def _follow(self, version: ModelVersion, *, is_live: bool) -> None:
        """Let each policy do what it does with a new version."""
        product = self.tracks["leadloop"]
        card = read(lambda s: registry.scorecard(s, version))
        if version.learned_key is not None:
            product.recalibrate(card, self.day)
            return
        model = Model(card, claimed(version.metrics))
        if is_live:
            product.promote(model, self.day)
        if "always" in self.tracks:
            self.tracks["always"].promote(model, self.day)
        if "holdout" in self.tracks:
            self._try_held_out(self.tracks["holdout"], version)

    def _try_held_out(self, holdout: Track, version: ModelVersion) -> None:
        other = self._held_out(version.run_key or 0)
        if other is None or other.claim is None:
            return
        before = holdout.live.claim
        if before is None or other.claim.auc >= before.auc + MIN_GAIN:
            holdout.promote(other, self.day)

    def _held_out(self, run_key: int) -> Model | None:
        labelled = read(lambda s: training_data.collect(s, run_key, since_run=0)).leads
        records, converted = [d.inputs for d in labelled], [d.converted for d in labelled]
        return held_out(records, converted, FIELDS, run_key)

    def _look(self) -> None:
        report = read(monitoring.newest)
        findings = report.findings if report is not None and report.is_current else []
        warnings = {found.name for found in findings if found.is_warning}
        changed_on = self.world.changes_on
        has_changed = changed_on is not None and self.day >= changed_on
        if has_changed and self.noticed_days is None and warnings & {"field_drift", "score_drift"}:
            self.noticed_days = self.day - (changed_on or 0)
        for name, track in self.tracks.items():
            is_said = name == "leadloop" and "live_auc" in warnings
            track.look(self.day, self._told_since, is_said=is_said)

    def _told_since(self, day: float | None) -> int:
        """Count the outcomes told by now, all or of leads created since a day."""
        if day is None:
            return self.n_outcomes
        ended = (lead for lead in self.leads if lead.arrived >= day and lead.is_worked)
        return sum(lead.decided < self.day + 1 for lead in ended)


def at(day: float) -> datetime:
    """The moment of a day."""
    return START + timedelta(days=day)


def _is_on(arrived: float, day: int) -> bool:
    """Whether a lead comes on a day; all older ones come with the first load."""
    return arrived < 1 if day == 0 else day <= arrived < day + 1


def _told_at(lead: Lead) -> datetime | None:
    """When an outcome happened, where it is told again; else it is about now."""
    return at(lead.decided) if lead.was_closed else None


def lived(world: World, seed: int, policies: Sequence[str] = POLICIES) -> list[dict[str, Any]]:
    """Live through one org; give a row for each policy, the product's first."""
    with _leadloop():
        org = Org(world, seed, policies)
        org.live()
        n_attempts = read(lambda s: s.scalar(_ATTEMPTS)) or 0
    common = {
        "world": world.name,
        "seed": seed,
        "outcomes": org.n_outcomes,
        "attempts": n_attempts,
    }
    rows = [common | track.row() for track in org.tracks.values()]
    rows[0]["noticed_days"] = org.noticed_days
    return rows


_ATTEMPTS = (
    sa.select(sa.func.count())
    .select_from(Run)
    .where(Run.kind == "training", Run.state == "succeeded")
)


@contextmanager
def _leadloop() -> Iterator[None]:
    """An empty Leadloop in this process."""
    with TemporaryDirectory() as folder:
        shutil.copytree(_template(), folder, dirs_exist_ok=True)
        with create_app(_settings(Path(folder))).app_context():
            sa.event.listen(db.engine, "connect", _need_not_outlive_a_power_cut)
            yield
            db.engine.dispose()


@cache
def _template() -> Path:
    folder = Path(mkdtemp(prefix="leadloop-worlds-"))
    (folder / "fields.toml").write_text(FIELDS_FILE)
    with create_app(_settings(folder)).app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return folder


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, fields_file=folder / "fields.toml", log_level="error")


def _need_not_outlive_a_power_cut(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
