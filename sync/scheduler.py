"""The worker process: a clock that starts each job again and again, and a clean end."""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from datetime import UTC, datetime

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from sync import jobs
from sync.crm import phases
from sync.crm.protocol import Connect
from sync.digests import send_digests
from sync.salesforce import adapter
from sync.trainer.process import TrainingProcess
from sync.webhooks.sending import send_webhooks
from sync.worker import Worker, in_context
from webapp import config
from webapp.database import read
from webapp.product import product
from webapp.services import health
from webapp.services.runs import workers

# Every few seconds, by the settings.
POLLING = (
    jobs.free_lost_runs,
    jobs.retrain_if_due,
    jobs.rescore,
    jobs.import_leads,
    phases.sync_crm,
    jobs.monitor,
    jobs.play_demo,
    jobs.record_stragglers,
    send_webhooks,
)
ADAPTERS: dict[str, Connect] = {"salesforce": adapter.connect}
EVERY_SECONDS = {
    jobs.report: workers.REPORT_SECONDS,
    jobs.rest: 60,
    send_digests: 60,
    jobs.tidy: 3600,
    jobs.age_leads: 86_400,
}
SIGNAL_SECONDS = 0.2

log = structlog.stdlib.get_logger("leadloop.worker")


class NotReady(RuntimeError):
    """The worker has no database to work on; the message says what to do."""


def run(app: Flask) -> None:
    """Work until SIGTERM or Ctrl-C; then finish the step at hand, hand runs back and end."""
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # A lock taken in here could be one that the interrupted code holds: a list needs none.
        signal.signal(number, lambda number, frame: signals.append(number))
    with app.app_context():
        if reason := health.not_set_up(product().settings):
            raise NotReady(reason)
        missing = [check for check in read(health.readiness) if not check.is_good]
        if missing:
            raise NotReady("; ".join(f"{check.name}: {check.sentence}" for check in missing))
        training = TrainingProcess(config.environment(product().settings))
        # A unique name for this process.
        name = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        worker = Worker(name, training, threading.Event(), adapters=ADAPTERS)
        scheduler = build_scheduler(app, worker)
    scheduler.start()
    log.info("worker started", worker=worker.name)
    while not signals:
        time.sleep(SIGNAL_SECONDS)
    worker.stop.set()
    scheduler.shutdown()
    training.close()
    log.info("worker ended", worker=worker.name)


def build_scheduler(app: Flask, worker: Worker) -> BackgroundScheduler:
    """The clock: no job runs twice at once, and ticks missed meanwhile are made up for by one."""
    poll_seconds = product().settings.worker_poll_seconds
    every_seconds = dict.fromkeys(POLLING, poll_seconds) | EVERY_SECONDS
    # It warns whenever a job still runs at its next tick, which here is the ordinary case.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(len(every_seconds))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    for work, seconds in every_seconds.items():
        scheduler.add_job(
            in_context(app, work),
            "interval",
            [worker],
            id=work.__name__,
            seconds=seconds,
            next_run_time=datetime.now(UTC),
        )
    return scheduler
