"""What the worker does at each tick: each function looks for work, claims it and carries it out."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from sync.trainer.process import Answer
from sync.worker import Worker, held
from webapp import importing
from webapp.database import read, write
from webapp.product import product
from webapp.services.accounts import attempts, audit, devices, invitations, sessions
from webapp.services.demo import demo_data
from webapp.services.imports import imports
from webapp.services.leads import ageing, leads, scoring
from webapp.services.models import lifecycle, monitoring, registry, rescoring
from webapp.services.models.lifecycle import Trigger
from webapp.services.outcomes import label_counts, waiting
from webapp.services.runs import idempotency, runs, workers
from webapp.services.webhooks import deliveries
from webapp.tables import ModelVersion, Run

# Between two steps of a fill the database belongs to those who score.
PAUSE_SECONDS = 0.01
CHILD_IDLE_SECONDS = 600
STRAGGLERS_AT_ONCE = 100

log = structlog.stdlib.get_logger("leadloop.worker")


def report(worker: Worker) -> None:
    """Say that this worker is there."""
    write(lambda s: workers.report(s, worker.name, worker.clock()))


def free_lost_runs(worker: Worker) -> None:
    """Close or requeue the runs of workers that are gone."""
    for run in write(lambda s: lifecycle.free_lost_runs(s, worker.clock())):
        log.warning("lost run freed", run=run.key, kind=run.kind)


def retrain_if_due(worker: Worker) -> None:
    """Train, let the gate decide, and register what came of it."""
    trigger = Trigger.by(product().settings)
    # Looked at first without the lock: most of the time there is nothing to do.
    if read(lambda s: lifecycle.is_idle(s, trigger, worker.clock())):
        return
    run = write(lambda s: lifecycle.claim_retraining(s, trigger, worker.name, worker.clock()))
    if run is None:
        return
    with held(worker, run, lifecycle.fail):
        answer = trained(worker, run)
        write(lambda s: _register(s, run, answer, worker.clock()))


def rescore(worker: Worker) -> None:
    """Score all leads with the version that is to be promoted, then switch to it.

    Where values have got another meaning, the live version scores them anew.
    """
    run = write(lambda s: lifecycle.claim_rescoring(s, worker.name, worker.clock()))
    if run is None:
        return
    with held(worker, run, lifecycle.fail):
        version = read(lambda s: registry.version(s, run.task["version"]))
        forget_old_scores(worker, lambda s: runs.renew(s, run, worker.clock()))
        if run.rescoring_result.after_key is None:
            write(lambda s: _begin(s, run, version, worker.clock()))
        _fill(worker, run, version)
        write(lambda s: _switch(s, run, version, worker.clock()))
    forget_old_scores(worker)


def import_leads(worker: Worker) -> None:
    """Do what an import waits for: read its file, check it, take it in or undo it."""
    run = write(lambda s: imports.claim(s, worker.name, worker.clock()))
    if run is not None:
        with held(worker, run, importing.fail):
            importing.carry_out(run, clock=worker.clock, on_step=lambda _: worker.go_on())


def play_demo(worker: Worker) -> None:
    """Go on with the invented half year, once the model has learned from what came before."""
    settings, fields = product().settings, product().fields
    trigger, now = Trigger.by(settings), worker.clock()
    if settings.demo and read(lambda s: demo_data.next_part(s, fields, trigger, now)):
        write(lambda s: demo_data.go_on(s, fields, trigger, now))


def monitor(worker: Worker) -> None:
    """Carry out the check that was asked for or is due; recalibrate where scores are far off."""
    settings, fields = product().settings, product().fields
    trigger = Trigger.by(settings)
    run = write(lambda s: monitoring.claim(s, trigger, worker.name, worker.clock()))
    if run is None:
        return
    may = settings.auto_recalibrate
    with held(worker, run):
        found = read(
            lambda s: monitoring.check(s, fields, trigger, worker.clock(), may_recalibrate=may)
        )
        run.result = found.result
        if replace_by := found.replace_by:
            write(lambda s: monitoring.replace(s, run, replace_by, worker.clock()))
        elif found.recalibrate:
            answer = trained(worker, run)
            write(lambda s: _recalibrate(s, worker, run, answer))
        else:
            write(lambda s: runs.finish(s, run, worker.clock(), found.result))


def tidy(worker: Worker) -> None:
    """Remove what lost work, answered requests and outcomes without a lead have left behind."""
    forget_old_scores(worker)
    now = worker.clock()
    old = (
        *(idempotency.forget_old, waiting.forget_expired),
        *(imports.forget_old_changes, imports.forget_old_errors),
        *(deliveries.forget_old, invitations.forget_old, scoring.forget_moves),
        partial(audit.forget_old, days=product().settings.audit_kept_days),
        *(sessions.forget_old, attempts.forget_old, devices.forget_old),
        *(workers.forget_old, label_counts.add_up),
    )
    for forget in old:
        while write(partial(forget, now=now)) and not worker.stop.wait(PAUSE_SECONDS):
            pass
    folder = product().settings.data_dir
    write(lambda s: imports.give_up_abandoned(s, worker.clock()))
    read(lambda s: imports.remove_orphans(s, folder, worker.clock()))


def age_leads(worker: Worker) -> None:
    """Score open leads again whose days since contact have gone on without a message."""
    now, after_key = worker.clock(), 0
    while due := read(partial(ageing.next_due, after_key=after_key, now=now)):
        if due.keys:
            write(partial(ageing.score, keys=due.keys, now=now))
        after_key = due.last
        if worker.stop.wait(PAUSE_SECONDS):
            return


def record_stragglers(worker: Worker) -> None:
    """Record outcomes that did not see their lead, nor it them, because both came at once."""
    lead_ids = read(lambda s: waiting.stragglers(s, STRAGGLERS_AT_ONCE))
    if lead_ids:
        now = worker.clock()
        write(lambda s: waiting.record(s, leads.resolve_many(s, lead_ids), now))


def rest(worker: Worker) -> None:
    """Stop an idle trainer."""
    worker.training.rest(CHILD_IDLE_SECONDS)


def forget_old_scores(worker: Worker, renew: Callable[[Session], None] | None = None) -> None:
    """Delete scores of versions no longer live or staged, in small steps; renew a claim held."""

    def step(session: Session) -> int:
        if renew is not None:
            renew(session)
        return rescoring.forget_others(session)

    while write(step) and not worker.stop.wait(PAUSE_SECONDS):
        pass


def trained(worker: Worker, run: Run) -> Answer:
    """What the trainer makes of a claimed run, or why it makes nothing; the claim is kept."""

    def beat(done: float, stage: str) -> None:
        worker.go_on()
        write(lambda s: runs.renew(s, run, worker.clock(), progress=done, stage=stage))

    limit = product().settings.training_limit_seconds
    return worker.training.train(run.key, limit_seconds=limit, beat=beat)


def _register(session: Session, run: Run, answer: Answer, now: datetime) -> None:
    if "reason" in answer:
        # An attempt all the same: its labels stay counted, and new ones bring the next.
        runs.finish(session, run, now, error=answer["reason"])
        return
    if registry.champion(session).key != answer["champion_key"]:
        raise runs.Explained("Another version was promoted during this training.")
    lifecycle.register(
        session,
        run,
        Scorecard.from_json(answer["scorecard"]),
        answer["details"],
        promote=answer["promote"],
        now=now,
    )


def _begin(session: Session, run: Run, version: ModelVersion, now: datetime) -> None:
    rescoring.begin(session, version, now)
    run.result = {"after_key": 0, "n_done": 0}
    runs.renew(session, run, now, stage="Scoring all leads", result=run.result)


def _fill(worker: Worker, run: Run, version: ModelVersion) -> None:
    """Fill from where the run stands; a step and its place are one transaction."""
    n_leads = max(read(rescoring.n_leads), 1)
    place = run.rescoring_result
    after_key, n_done = place.after_key or 0, place.n_done

    def step(session: Session) -> int | None:
        reached = rescoring.fill(session, version, after_key)
        if reached is not None:
            result = {"after_key": reached, "n_done": n_done + rescoring.CHUNK}
            share = min(result["n_done"] / n_leads, 1)
            runs.renew(session, run, worker.clock(), progress=share, result=result)
        return reached

    while (reached := write(step)) is not None:
        after_key, n_done = reached, n_done + rescoring.CHUNK
        worker.wait(PAUSE_SECONDS)


def _switch(session: Session, run: Run, version: ModelVersion, now: datetime) -> None:
    reason = run.task.get("reason", "")
    lifecycle.switch(session, version, run.requested_by, now, reason=reason)
    runs.finish(session, run, now, {"version": version.name, "n_leads": rescoring.n_leads(session)})


def _recalibrate(session: Session, worker: Worker, run: Run, answer: Answer) -> None:
    if "reason" in answer:
        monitoring.leave(session, run, answer["reason"], worker.clock())
        return
    monitoring.register(
        session,
        run,
        Scorecard.from_json(answer["scorecard"]),
        answer["details"],
        champion_key=answer["champion_key"],
        now=worker.clock(),
    )
