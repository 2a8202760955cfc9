"""A worker that stands still for ever at one place, to be killed there.

`python -m tests.sync.paused_worker PLACE` prints a line when it has come there.
"""

import sys
import time

from sync import jobs, scheduler
from tests.sync.instant_training import InstantTraining
from webapp.app import create_app
from webapp.services.models import lifecycle, monitor_samples, monitoring, rescoring


def stand_still():
    sys.stdout.write("here\n")
    sys.stdout.flush()
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
    "checking": lambda: before(monitor_samples, "read"),
    "recalibrating": lambda: after(monitoring, "register"),
    "switched": lambda: before(jobs, "forget_old_scores", call=3),
}

if __name__ == "__main__":
    PLACES[sys.argv[1]]()
    rescoring.CHUNK = 5
    scheduler.TrainingProcess = lambda settings: InstantTraining()  # type: ignore[assignment,misc]
    scheduler.run(create_app())
