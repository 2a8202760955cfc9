"""The trainer as the worker sees it: warm, watched, and never in the way for long."""

import os
import signal
import sys

import pytest

from sync.trainer.process import ONE_THREAD, TrainingFailed
from tests.sync.processes import children, is_running, wait_until

# Trainers of a line or two: what a real one may do, done at once.
ANSWERS = "print(json.dumps({'scorecard': {}, 'pid': os.getpid(), 'run': int(line)}), flush=True)"
REFUSES = "print(json.dumps({'reason': 'There is nothing to learn.'}), flush=True)"
HANGS = (
    "print(json.dumps({'done': 0.25, 'stage': f'In {os.getpid()}'}), flush=True); time.sleep(600)"
)
DIES = "os.kill(os.getpid(), signal.SIGKILL)"
BREAKS = "raise SystemExit(3)"
# In the middle of a line, and of a letter.
DIES_SPEAKING = (
    'sys.stdout.buffer.write(b\'{"stage": "Gr\\xc3\'); sys.stdout.flush();'
    " os.kill(os.getpid(), signal.SIGKILL)"
)


@pytest.fixture(scope="session")
def dialect():
    """No database is reached here."""
    return "sqlite"


@pytest.fixture
def trainer(make_training):
    def trainer(what):
        program = f"import json, os, signal, sys, time\nfor line in sys.stdin: {what}"
        return make_training(sys.executable, "-c", program)

    return trainer


def train(training, run_key=7, limit_seconds=60, beat=lambda done, stage: None):
    return training.train(run_key, limit_seconds=limit_seconds, beat=beat)


def process_of(stage):
    """The child that told what it is at."""
    return int(stage.removeprefix("In "))


def test_the_child_is_asked_for_the_run_and_stays_for_the_next(trainer):
    training = trainer(ANSWERS)
    first, second = train(training, 7), train(training, 8)
    assert (first["run"], second["run"]) == (7, 8)
    assert first["pid"] == second["pid"]


def test_where_nothing_can_be_learned_the_reason_is_the_answer(trainer):
    assert train(trainer(REFUSES)) == {"reason": "There is nothing to learn."}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (DIES, "was killed, most often because"),
        (DIES_SPEAKING, "was killed, most often because"),
        (BREAKS, r"\(status 3\)"),
    ],
)
def test_a_child_that_dies_fails_the_training_with_a_sentence(what, sentence, trainer):
    with pytest.raises(TrainingFailed, match=sentence):
        train(trainer(what))


def test_after_a_death_the_next_training_gets_a_new_child(trainer):
    training = trainer(ANSWERS)
    first = train(training)["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_running(first))
    assert train(training)["pid"] != first


def test_a_training_over_its_limit_is_killed(trainer):
    training, seen = trainer(HANGS), []
    with pytest.raises(TrainingFailed, match=r"^It was stopped after 3 seconds, the limit"):
        train(training, limit_seconds=3, beat=lambda _, stage: seen.append(stage))
    assert not is_running(process_of(seen[-1]))


def test_progress_is_told_again_and_again_and_who_hears_it_may_stop_the_training(trainer):
    training, beats = trainer(HANGS), []

    def beat(done, stage):
        beats.append((done, stage))
        if len(beats) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(training, beat=beat)
    assert {done for done, _ in beats} == {0.25}
    assert not is_running(process_of(beats[0][1]))


def test_an_idle_child_is_let_go_and_a_used_one_is_not(trainer):
    training = trainer(ANSWERS)
    child = train(training)["pid"]
    training.rest(idle_seconds=600)
    assert is_running(child)
    training.rest(idle_seconds=0)
    assert not is_running(child)


def test_the_real_trainer_ends_soon_after_its_worker_was_killed(start):
    parent = start("tests.sync.worker_with_a_trainer")
    wait_until(lambda: children(parent.pid))
    [child] = children(parent.pid)
    wait_until(lambda: os.getpriority(os.PRIO_PROCESS, child) > os.nice(0))
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_running(child))


def test_the_child_learns_with_one_thread(make_training, monkeypatch):
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "2")
    shown = "ENV = {n: os.environ[n] for n in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')}"
    program = (
        f"import json, os, sys\n{shown}\n"
        "for line in sys.stdin: print(json.dumps({'scorecard': ENV}), flush=True)"
    )
    training = make_training(sys.executable, "-c", program)
    assert train(training)["scorecard"] == {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
