"""Workers for tests: jobs run here by hand, and whole processes to be killed."""

import subprocess
import sys
import threading
from datetime import timedelta
from typing import cast

import pytest

from sync.trainer.process import TRAINER, TrainingProcess
from sync.worker import Worker
from tests.factories import NOW
from tests.sync import paused_worker
from tests.sync.instant_training import InstantTraining
from tests.sync.processes import environment
from webapp import config
from webapp.config import ROOT
from webapp.services.runs import runs

MAX_WAIT_SECONDS = 120


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def forward(self, **duration):
        self.now += timedelta(**duration)


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={"retrain_threshold": 20, "training_limit_seconds": 300, "worker_poll_seconds": 0.05}
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_training(settings):
    """Training processes that are ended after the test."""
    made = []

    def make_training(*command):
        made.append(TrainingProcess(environment(settings), command or TRAINER))
        return made[-1]

    yield make_training
    for training in made:
        training.close()


@pytest.fixture
def make_worker(clock):
    """A worker in this process; its training is an instant one, or one that the test has."""

    def make_worker(training=None):
        trainer = cast("TrainingProcess", training or InstantTraining())
        return Worker("worker-1", trainer, threading.Event(), clock)

    return make_worker


@pytest.fixture
def worker(make_worker):
    return make_worker()


@pytest.fixture
def do(app):
    """`do(job, worker)` runs one tick of a job."""

    def do(job, worker):
        with app.app_context():
            job(worker)

    return do


@pytest.fixture
def start(settings):
    """Start Python modules as processes that are killed after the test, whatever they do."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def newest(read):
    """The newest run of a kind."""
    return lambda kind: next(iter(read(lambda s: runs.latest(s, kind, 1))), None)


@pytest.fixture
def kill_worker_at(settings, forks):
    """`kill_worker_at(place)` lets a worker come to one of `PLACES` and kills it there."""

    def kill_worker_at(place):
        here, there = forks.Pipe(duplex=False)
        variables = config.environment(settings)
        worker = forks.Process(target=paused_worker.run, args=(place, variables, there))
        worker.start()
        there.close()
        # A place that is never reached fails instead of hanging.
        assert here.poll(MAX_WAIT_SECONDS), f"the worker never came to {place}"
        assert here.recv() == "here"
        worker.kill()
        worker.join()

    return kill_worker_at
