"""The sync with the CRM: how it is doing, its runs, and what a person may ask of it."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.addresses import key_argument
from webapp.pages.crm import connection, run_labels, words
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.crm import connections, sync_runs, sync_status
from webapp.services.crm.kinds.exchange import ORG_SHARE
from webapp.services.runs import runs
from webapp.tables import Run

bp = Blueprint("sync", __name__, url_prefix="/sync")

# What a person may ask for here; a look at some leads belongs to the mapping of fields.
MODES = ("live", "dry", "check", "reconcile")
IN_PROGRESS = gettext("A sync is already in progress; you can follow it here.")
FOLLOWS = gettext("Another run is in progress; the sync starts after it.")
RUNS_PAGE = 50
WAITS_TOO_LONG = timedelta(minutes=1)
# How soon a page that shows no run looks for one again, once the next is due.
SOONEST_LOOK, LATEST_LOOK = 5, 3600


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: how the sync is doing; without a connection, what it does and how to connect."""
    if read(connections.find) is None:
        return connection.show()
    return render_template("crm/index.html", **read(_overview))


@bp.get("/status")
def status() -> ResponseReturnValue:
    """Managers, fragment: how far the run at work is, or what state that has left behind."""
    watched = key_argument("watched")

    def whole(session: Session) -> dict[str, Any]:
        at_work = _at_work(session)
        if at_work["at_work"] is not None:
            return at_work
        return _overview(session) | {"is_news": watched is not None}

    try:
        return render_template("crm/_status.html", **read(whole))
    except connections.NotConnected:
        # Somebody has ended the connection while this page was open.
        return "", {"HX-Refresh": "true"}


@bp.post("/runs")
def start() -> ResponseReturnValue:
    """Managers: ask the worker for a run now."""
    mode = request.form.get("mode")
    if mode not in MODES:
        raise BadRequest
    actor, now = current_user.email, utc_now()
    try:
        run = write(lambda session: sync_runs.request(session, mode, actor, now))
    except runs.AlreadyRunning:
        if mode != "live":
            raise
        at_work = write(lambda session: sync_runs.join(session, actor, now))
        flash(IN_PROGRESS if at_work == mode else FOLLOWS, "good")
        return redirect(url_for("pages.sync.index"), 303)
    if mode == "live":
        return redirect(url_for("pages.sync.index"), 303)
    return redirect(url_for("pages.sync.run", key=run.key), 303)


@bp.get("/runs")
def log() -> ResponseReturnValue:
    """Managers: all runs, the newest first."""
    before = key_argument("before")
    found = read(lambda s: runs.latest(s, sync_runs.KIND, RUNS_PAGE + 1, before))
    older = found[RUNS_PAGE - 1].key if len(found) > RUNS_PAGE else None
    page = {"runs": found[:RUNS_PAGE], "older": older, "is_first": before is None}
    return render_template("crm/runs/index.html", **page)


@bp.get("/runs/<key:key>")
def run(key: int) -> ResponseReturnValue:
    """Managers: one run, whole."""
    return render_template("crm/runs/show.html", **_run(key))


@bp.get("/runs/<key:key>/progress")
def progress(key: int) -> ResponseReturnValue:
    """Managers, fragment: how far the run is, or what came of it."""
    return render_template("crm/runs/_run.html", **_run(key))


@bp.post("/pause")
def pause() -> ResponseReturnValue:
    """Administrators: stop scheduled runs."""
    actor, now = current_user.email, utc_now()
    write(lambda session: connections.pause(session, True, actor, now))
    return redirect(url_for("pages.sync.index"), 303)


@bp.post("/resume")
def resume() -> ResponseReturnValue:
    """Administrators: resume scheduled runs, one at once."""
    actor, now = current_user.email, utc_now()
    write(lambda session: sync_runs.resume(session, actor, now))
    return redirect(url_for("pages.sync.index"), 303)


@bp.post("/lost")
def go_on() -> ResponseReturnValue:
    """Administrators: go on without the records that can no longer be read."""
    actor, now = current_user.email, utc_now()
    write(lambda session: connections.accept_losses(session, actor, now))
    return redirect(url_for("pages.sync.index"), 303)


def _overview(session: Session) -> dict[str, Any]:
    now, settings = utc_now(), product().settings
    overview = sync_status.overview(session, settings, now)
    shown = _at_work(session)
    is_begun = shown["at_work"] is not None and sync_runs.mode(shown["at_work"]) in sync_runs.WHOLE
    return {
        "overview": overview,
        "is_new": overview.is_unstarted and not is_begun,
        "look_again_seconds": _look_again_seconds(overview.due_at, now),
        "is_blocked": sync_runs.waits_for_person(overview.connection),
        # A worker has had time to take up the next run, also since it was brought forward.
        "is_overdue": overview.due_at is not None
        and now - max(overview.due_at, overview.connection.hinted_at or overview.due_at)
        > WAITS_TOO_LONG,
        "is_behind": overview.lag is not None
        and overview.lag > sync_status.LATE_AFTER * timedelta(minutes=settings.sync_every_minutes),
        "stops_at": ORG_SHARE,
        "api_version": words.crm().setting(settings, "api_version"),
        **shown,
    }


def _at_work(session: Session) -> dict[str, Any]:
    at_work = runs.unfinished(session, sync_runs.KIND)
    return {
        "at_work": at_work,
        "is_waiting_long": at_work is not None and _waits_long(at_work),
        "is_paused": connections.get(session).is_paused,
    }


def _waits_long(run: Run) -> bool:
    return run.state == "requested" and utc_now() - run.requested_at > WAITS_TOO_LONG


def _look_again_seconds(due_at: datetime | None, now: datetime) -> int | None:
    """When the page asks whether the next run is at work; None where no run comes by itself."""
    if due_at is None:
        return None
    wait = (due_at - now).total_seconds()
    # Longer and longer where no worker takes it up.
    return int(min(max(wait + SOONEST_LOOK, SOONEST_LOOK, -wait), LATEST_LOOK))


def _run(key: int) -> dict[str, Any]:
    found = read(lambda session: runs.by_key(session, key))
    if found.kind != sync_runs.KIND:
        raise runs.OtherKind(key, found.kind)
    result = sync_runs.SyncResult.of(found)
    return {
        "run": found,
        "result": result,
        "is_waiting_long": _waits_long(found),
        "is_new": read(lambda session: sync_runs.lag(session, utc_now())) is None,
        "counts": run_labels.counts(result, product().fields),
    }
