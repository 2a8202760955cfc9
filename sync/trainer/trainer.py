"""The training process: JSON lines over stdin and stdout; it writes nothing to the database."""

import json
import os
import queue
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple, TextIO

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.gate.gate import GateRule
from ml.monitoring import recalibration
from ml.monitoring.claims import Interval
from ml.scorecard.scorecard import Scorecard
from ml.training import train
from webapp import field_lists
from webapp.app import create_app
from webapp.config import Settings
from webapp.database import read
from webapp.product import product
from webapp.services.models import (
    leakage,
    monitor_samples,
    monitoring,
    outcome_waits,
    registry,
    training_data,
)
from webapp.services.models.monitor_samples import Evidence
from webapp.services.models.outcome_waits import Labelled
from webapp.services.runs import runs
from webapp.tables import ModelVersion

# About a tenth of a core that others want, all of one that nobody does.
NICENESS = 10


def main() -> None:
    """Train whenever asked, until the worker is gone."""
    os.nice(NICENESS)
    # They reach every process of a terminal or group; when to end is the worker's business.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Standard output is for answers; whatever else prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    app = create_app()
    while True:
        run_key = asked.get()
        with app.app_context():
            found = answer(run_key, lambda done, stage: _say(answers, done=done, stage=stage))
        _say(answers, **found)


def answer(run_key: int, progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do what a run is for: train, or set the level of the champion right."""
    run = read(lambda session: runs.by_key(session, run_key))
    if run.kind == monitoring.KIND:
        return recalibrate(run.started_at or run.requested_at)
    return learn(run_key, run.started_at or run.requested_at, progress)


def recalibrate(now: datetime) -> dict[str, Any]:
    """Adjust the champion's scores by what outcomes since it went live show, or say why not."""
    samples = read(lambda session: monitor_samples.read(session, now))
    champion, before = samples.champion, samples.learned.metrics
    evidence = samples.of_level or Evidence([], [])
    leads = evidence.leads
    try:
        made = recalibration.recalibrate(
            evidence.outcomes,
            samples.card,
            Counter(samples.card.grade(lead.probability) for lead in samples.recent),
            level_only=evidence.is_partly_learned,
            level_error=evidence.level_error,
        )
    except recalibration.NotRecalibrated as reason:
        return {"reason": str(reason)}
    happened = sorted(lead.outcome_at for lead in leads)
    learned_from = {
        "recalibrated_from": champion.name,
        "shift": made.adjustment.step,
        "slope": made.adjustment.slope,
        "n_leads": len(leads),
        "n_converted": made.decision.n_converted,
        "n_lost": made.decision.n_lost,
        "first_outcome_at": happened[0].isoformat(),
        "last_outcome_at": happened[-1].isoformat(),
        "libraries": train.library_versions(),
    }
    return {
        "champion_key": champion.key,
        "scorecard": made.scorecard.to_json(),
        "details": {
            "learned_key": samples.learned.key,
            "fields": champion.fields,
            "field_list": champion.field_list,
            "training": learned_from,
            # What each field does is as it was.
            "metrics": made.metrics | {k: v for k, v in before.items() if k == "shapes"},
            "decision": made.decision.to_json(),
        },
    }


def learn(run_key: int, now: datetime, progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Train for a run: the challenger with all that is kept of it, or why there is none."""
    # Before the fields: what changes between the two is not taken for learned.
    field_list = read(field_lists.current).version
    settings, fields = product().settings, product().fields
    found = read(lambda s: _material(s, run_key, fields))
    champion, labelled = found.champion, found.labelled
    rule = gate_rule(settings)
    try:
        challenge = train.challenge(
            _examples(labelled, now),
            fields,
            found.card,
            rule,
            seed=run_key,
            exclusions=found.exclusions,
            claimed=found.claimed,
            progress=progress,
        )
    except train.NotEnoughToLearn as reason:
        more = (
            f" {labelled.n_left_out:,} more leads are left out: their inputs are known only from"
            " after the outcome."
        )
        return {"reason": f"{reason}{more if labelled.n_left_out else ''}"}
    kept = {
        "left_out_fields": challenge.left_out,
        "suspicions": [leak.to_json() for leak in challenge.leaks],
        "champion_knew": list(challenge.champion_knew),
        "n_outdated": labelled.n_outdated + challenge.n_outdated,
        "seed": challenge.seed,
        "libraries": challenge.libraries,
    }
    return {
        "champion_key": champion.key,
        "scorecard": challenge.scorecard.to_json(),
        "promote": challenge.decision.promote,
        "details": {
            "fields": list(challenge.fields),
            "field_list": field_list,
            "training": labelled.since(challenge.n_outdated).about() | kept,
            "metrics": challenge.metrics,
            "decision": challenge.decision.to_json() | {"rule": asdict(rule)},
        },
    }


def _examples(labelled: training_data.Labelled, now: datetime) -> train.Examples:
    return train.Examples(
        records=[lead.inputs for lead in labelled.leads],
        converted=[lead.converted for lead in labelled.leads],
        is_evidence=labelled.is_evidence,
        is_dated=labelled.is_dated,
        groups=labelled.groups,
        stand_for=read(lambda s: _stand_for(s, labelled, now)),
        seen_open=[not lead.came_with_outcome for lead in labelled.leads],
    )


def _stand_for(
    session: Session, labelled: training_data.Labelled, now: datetime
) -> list[float] | None:
    seen = [
        Labelled(lead.scored_since, lead.in_crm_since, lead.converted, lead.came_with_outcome)
        for lead in labelled.leads
    ]
    return outcome_waits.weights(session, seen, now)


def gate_rule(settings: Settings) -> GateRule:
    """What a challenger has to show, by the settings."""
    return GateRule(
        min_gain=settings.promote_min_gain,
        confidence=settings.promote_confidence or None,
        min_each_class=settings.promote_min_each_class,
        log_loss_must_fall=settings.promote_log_loss_check,
        sure_gain_is_enough=settings.promote_sure_gain,
    )


class _Material(NamedTuple):
    champion: ModelVersion
    card: Scorecard
    labelled: training_data.Labelled
    exclusions: train.FieldExclusions
    claimed: Interval | None


def _material(session: Session, run_key: int, fields: Fields) -> _Material:
    champion = registry.champion(session)
    # A recalibration changes no order of leads: the gate's evidence goes on adding up through it.
    learned = registry.learned(session, champion)
    about = learned.learned_from
    # What it left out because the world has changed is not learned again.
    first = about.first_outcome_at if about is not None and about.n_outdated else None
    known = leakage.known(session, fields, champion)
    open_leads = training_data.newest_open(session, fields)
    return _Material(
        champion,
        registry.scorecard(session, champion),
        training_data.collect(
            session,
            run_key,
            since_run=learned.run_key or 0,
            since=datetime.fromisoformat(first) if first else None,
        ),
        train.FieldExclusions(known.allowed, known.left_out, open_leads),
        Interval(*learned.measured.claimed_auc) if learned.measured else None,
    )


def _say(answers: TextIO, **answer: Any) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _listen(asked: "queue.SimpleQueue[int]") -> None:
    """Take run numbers; at the end of the input, which is the end of the worker, end at once."""
    for line in sys.stdin:
        asked.put(int(line))
    os._exit(0)


if __name__ == "__main__":
    main()
