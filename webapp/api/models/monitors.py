"""`/api/monitors`: whether the live version still fits the leads and outcomes that come in."""

from flask import Blueprint, Response

from webapp.api import answers, requests
from webapp.api.document.contract import describe
from webapp.api.runs.runs import accepted
from webapp.database import Session, read, utc_now, write
from webapp.services.models import monitoring

bp = Blueprint("monitors", __name__)


@bp.get("/api/monitors")
@describe("What the monitors found", scope="read", answers={200: answers.Monitors})
def show_monitors() -> Response:
    """The newest check that was done; all is null or empty before the first one."""
    return requests.reply(read(_newest))


@bp.post("/api/monitors")
@describe("Check the monitors now", scope="admin", answers={202: answers.Run}, problems=(409,))
def check_monitors() -> Response:
    """Ask the worker for a check; the answer is its run. 409 while one is asked for or running.

    If conversions clearly differ from the scores, the check creates a version with another
    intercept and promotes it; otherwise the advice says what is missing.
    """
    actor, now = requests.actor(), utc_now()
    return accepted(write(lambda session: monitoring.request(session, actor, now)))


def _newest(session: Session) -> answers.Monitors:
    report = monitoring.newest(session)
    if report is None:
        return answers.Monitors(
            checked_at=None, model_version=None, is_current=False, verdict=None, findings=[]
        )
    return answers.Monitors(
        checked_at=report.run.finished_at,
        model_version=report.champion,
        is_current=report.is_current,
        verdict=report.verdict,
        findings=[answers.Finding(**finding._asdict()) for finding in report.findings],
    )
