"""A worker that stands still for ever at one place, to be killed there."""

import os
import time
from typing import Any

from sync import jobs, scheduler
from tests.sync.instant_training import InstantTraining
from webapp.app import create_app
from webapp.services.models import lifecycle, monitor_samples, monitoring, rescoring
from webapp.services.webhooks import deliveries

# The end of a pipe that is told, given by `run`.
_there: Any = None


def stand_still():
    _there.send("here")
    time.sleep(600)


def before(owner, name, *, call=1):
    """Stand still when a function is called for the first, second ... time."""
    original, calls = getattr(owner, name), []

    def wrapped(*positional, **named):
        calls.append(name)
        if len(calls) == call:
            stand_still()
        return original(*positional, **named)

    setattr(owner, name, wrapped)


def after(owner, name):
    """Stand still when a function has done its work, inside the transaction around it."""
    original = getattr(owner, name)

    def wrapped(*positional, **named):
        original(*positional, **named)
        stand_still()

    setattr(owner, name, wrapped)


PLACES = {
    "claiming": lambda: after(lifecycle, "claim_retraining"),
    "claimed": lambda: before(InstantTraining, "train"),
    "training": lambda: after(InstantTraining, "train"),
    "registering": lambda: after(lifecycle, "register"),
    "registered": lambda: before(rescoring, "begin"),
    "beginning": lambda: after(rescoring, "begin"),
    "filling": lambda: before(rescoring, "fill", call=2),
    "before the switch": lambda: before(lifecycle, "switch"),
    "switching": lambda: after(lifecycle, "switch"),
    "answered": lambda: before(deliveries, "record"),
    "checking": lambda: before(monitor_samples, "read"),
    "recalibrating": lambda: after(monitoring, "register"),
    "switched": lambda: before(jobs, "forget_old_scores", call=3),
}


def run(place, variables, there):
    """Be a worker with these variables; say through the pipe `there` when it has come there."""
    global _there  # noqa: PLW0603 - the process is its own
    _there = there
    os.environ.update(variables)
    PLACES[place]()
    rescoring.CHUNK = 5
    scheduler.TrainingProcess = lambda settings: InstantTraining()  # type: ignore[assignment,misc]
    scheduler.run(create_app())
