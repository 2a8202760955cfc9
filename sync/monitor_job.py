"""The job of the worker that reads the monitors, and recalibrates where the level is far off."""

from sqlalchemy.orm import Session

from ml.scorecard.scorecard import Scorecard
from sync.jobs import Worker, held, trained
from sync.trainer.process import Answer
from webapp.database import read, write
from webapp.product import product
from webapp.services.models import monitoring
from webapp.services.models.lifecycle import Trigger
from webapp.services.runs import runs
from webapp.tables import Run


def monitor(worker: Worker) -> None:
    """Carry out the check that was asked for or is due."""
    trigger = Trigger.by(product().settings)
    run = write(lambda s: monitoring.claim(s, trigger, worker.name, worker.clock()))
    if run is not None:
        with held(worker, run):
            carry_out(worker, run, trigger)


def carry_out(worker: Worker, run: Run, trigger: Trigger) -> None:
    """Keep what is found; where the level of scores is far off, try to set it right."""
    found = read(
        lambda s: monitoring.check(
            s,
            product().fields,
            trigger,
            worker.clock(),
            may_recalibrate=product().settings.auto_recalibrate,
        )
    )
    run.result = found.result
    if not found.recalibrate:
        write(lambda s: runs.finish(s, run, worker.clock(), run.result))
        return
    answer = trained(worker, run)
    write(lambda s: _register(s, worker, run, answer))


def _register(session: Session, worker: Worker, run: Run, answer: Answer) -> None:
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
