"""The trainer as the worker sees it: a child process at low priority, kept warm for a while."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from webapp.config import ROOT
from webapp.services.runs.runs import Explained

# The matrices are small: more threads would wait for each other, and take the web process's core.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
BEAT_SECONDS = 1.0
TRAINER = (sys.executable, "-m", "sync.trainer.trainer")

Answer: TypeAlias = dict[str, Any]
Beat: TypeAlias = Callable[[float, str], None]


class TrainingFailed(Explained):
    """The child did not end what it was asked for; the message is a sentence for people."""


class TrainingProcess:
    """Trains in a child process, one training at a time, with the settings of `environment`."""

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = TRAINER) -> None:
        self._command = command
        self._environment = {**os.environ, **environment, **dict.fromkeys(ONE_THREAD, "1")}
        self._child: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._used_at_seconds = 0.0

    def train(self, run_key: int, *, limit_seconds: float, beat: Beat) -> Answer:
        """Give a scorecard with its details, or the reason for none; else `TrainingFailed`.

        `beat` is told the progress each second; where it raises or time is up, the child is killed.
        """
        with self._lock:
            try:
                return self._train(run_key, limit_seconds, beat)
            except BaseException:
                self.close()
                raise
            finally:
                self._used_at_seconds = time.monotonic()

    def rest(self, idle_seconds: float) -> None:
        """Let the child go, and its memory, where nothing was trained for that long."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._used_at_seconds >= idle_seconds:
                self.close()
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the child, in the middle of a training too."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()

    def _train(self, run_key: int, limit_seconds: float, beat: Beat) -> Answer:
        deadline = time.monotonic() + limit_seconds
        child = self._ready_child()
        with contextlib.suppress(BrokenPipeError):  # it died: the answers will say so
            child.stdin.write(f"{run_key}\n")  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
        done, stage = 0.0, "Starting"
        while time.monotonic() < deadline:
            answer = self._next_answer(child)
            if answer.keys() & {"scorecard", "reason"}:
                return answer
            done, stage = answer.get("done", done), answer.get("stage", stage)
            beat(done, stage)
        raise TrainingFailed(
            f"It was stopped after {limit_seconds:,.0f} seconds, the limit that"
            " LEADLOOP_TRAINING_LIMIT_SECONDS sets."
        )

    def _ready_child(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._answers = queue.SimpleQueue()
            listener = threading.Thread(
                target=_listen, args=(self._child, self._answers), daemon=True
            )
            listener.start()
        return self._child

    def _next_answer(self, child: subprocess.Popen[str]) -> Answer:
        """What the child says next, or nothing new within a beat; `TrainingFailed` at its end."""
        try:
            answer = self._answers.get(timeout=BEAT_SECONDS)
        except queue.Empty:
            return {}
        if answer is not None:
            return answer
        status = child.wait()
        if status == -signal.SIGKILL:
            raise TrainingFailed(
                "The training process was killed, most often because the machine ran out of memory."
            )
        raise TrainingFailed(
            f"The training process ended unexpectedly (status {status}); the worker's log"
            " says more."
        )


def _listen(child: subprocess.Popen[str], answers: "queue.SimpleQueue[Answer | None]") -> None:
    """Pass the child's lines on; None is the end, as is the piece of a line of a child killed."""
    try:
        with child.stdout, contextlib.suppress(ValueError):  # type: ignore[union-attr]
            for line in child.stdout:  # type: ignore[union-attr]
                answers.put(json.loads(line))
    finally:
        answers.put(None)
