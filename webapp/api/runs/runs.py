"""`POST /retrain` and `/api/runs`: work of the worker, asked for and followed."""

from flask import Blueprint, Response, url_for

from webapp.api import answers, requests, sent
from webapp.api.document.contract import describe
from webapp.api.paths import KEY
from webapp.database import read, utc_now, write
from webapp.services.models import lifecycle
from webapp.services.runs import runs
from webapp.tables import Run

bp = Blueprint("runs", __name__)


@bp.post("/retrain")
@describe("Train now", scope="admin", answers={202: answers.Run}, problems=(400, 409))
def retrain() -> Response:
    """Ask the worker for a training; the answer is its run, to be followed at `/api/runs/{key}`.

    409 while a training is asked for or running; 400 where there are too few outcomes to learn
    from.
    """
    actor, now = requests.actor(), utc_now()
    return accepted(write(lambda session: lifecycle.request_retraining(session, actor, now)))


@bp.get("/api/runs")
@describe("List runs", scope="read", query=sent.RunsQuery, answers={200: answers.Runs})
def list_runs() -> Response:
    """The newest 50 runs, of one kind or of all."""
    kind = requests.query(sent.RunsQuery).kind
    found = read(lambda session: runs.latest(session, kind))
    return requests.reply(answers.Runs(runs=[run_answer(run) for run in found]))


@bp.get(f"/api/runs/{KEY}")
@describe("Follow a run", scope="read", answers={200: answers.Run}, problems=(404,))
def show_run(key: int) -> Response:
    """How far a run is, and what came of it."""
    return requests.reply(run_answer(read(lambda session: runs.by_key(session, key))))


def accepted(run: Run) -> Response:
    """A run that waits for the worker, and where to follow it."""
    place = {"Location": url_for("api.runs.show_run", key=run.key)}
    return requests.reply(run_answer(run), 202, place)


def run_answer(run: Run) -> answers.Run:
    """A run as the API tells of it."""
    return answers.Run(
        id=run.key,
        kind=run.kind,
        state=run.state,
        trigger=run.trigger,
        requested_by=run.requested_by,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        progress=run.progress,
        stage=run.stage,
        result=run.result,
        error=run.error,
    )
