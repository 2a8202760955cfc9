"""What programs say of a lead beside its values: notes, wrong scores, overrides, its owner."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from flask import Blueprint, Response

from webapp.api import requests
from webapp.api.document.contract import describe
from webapp.api.leads import shapes
from webapp.api.paths import KEY
from webapp.api.problems import Complaint, Refused, WrongValues
from webapp.database import Session, read, utc_now, write
from webapp.services.leads import leads, views
from webapp.services.models import registry
from webapp.services.owners import assigning
from webapp.services.remarks import notes, overrides, score_reports
from webapp.services.remarks.overrides import Override
from webapp.tables import Lead
from webapp.tables.remarks import Note, ScoreReport

bp = Blueprint("remarks", __name__)

T = TypeVar("T")
OF_LEAD = "/api/leads/<lead:lead_id>"


@bp.get(f"{OF_LEAD}/notes")
@describe("List a lead's notes", scope="read", answers={200: shapes.Notes}, problems=(404, 422))
def list_notes(lead_id: str) -> Response:
    """The notes that people and programs wrote on a lead, the newest first, at most 500."""
    lead_id = requests.lead_id(lead_id)
    found = read(lambda s: notes.of_lead(s, leads.find(s, lead_id)))
    return requests.reply(shapes.Notes(notes=[_note(note) for note in found]))


@bp.post(f"{OF_LEAD}/notes")
@describe(
    "Write a note",
    scope="admin",
    body=shapes.SentNote,
    answers={201: shapes.Note},
    problems=(404, 422),
)
def add_note(lead_id: str) -> Response:
    """Write a note on a lead; its author is the key."""
    who, now = requests.actor(), utc_now()
    text = requests.body(shapes.SentNote, now).text
    note = _on(lead_id, lambda s, lead: notes.add(s, lead, text, author=who, now=now))
    return requests.reply(_note(note), 201)


@bp.delete(f"{OF_LEAD}/notes/{KEY}")
@describe(
    "Delete a note",
    scope="admin",
    answers={200: shapes.Note},
    # Without a number at its end, the path is that of a lead, which is not deleted.
    problems=(403, 404, 405, 422),
)
def delete_note(lead_id: str, key: int) -> Response:
    """Delete a note that this key wrote."""
    who = requests.actor()

    def work(session: Session, lead: Lead) -> Note:
        if key not in {note.key for note in notes.of_lead(session, lead)}:
            raise notes.NoteNotFound(key)
        return notes.delete(session, key, who)

    return requests.reply(_note(_on(lead_id, work)))


@bp.put(f"{OF_LEAD}/score-report")
@describe(
    "Report a wrong score",
    scope="admin",
    body=shapes.SentScoreReport,
    answers={200: shapes.ScoreReport},
    problems=(404, 409, 422),
)
def report_score(lead_id: str) -> Response:
    """Say that a lead's score is wrong; this key's open report on the lead is changed instead.

    409 where the lead has no score.
    """
    who, now = requests.actor(), utc_now()
    sent = requests.body(shapes.SentScoreReport, now)

    def work(session: Session, lead: Lead) -> ScoreReport:
        return score_reports.report(session, lead, sent.reason, sent.note, author=who, now=now)

    return requests.reply(_report(_on(lead_id, work)))


@bp.delete(f"{OF_LEAD}/score-report")
@describe(
    "Take a report back",
    scope="admin",
    answers={200: shapes.ScoreReport},
    problems=(404, 422),
)
def take_report_back(lead_id: str) -> Response:
    """Withdraw this key's open report; 404 where there is none."""
    who = requests.actor()

    def work(session: Session, lead: Lead) -> ScoreReport:
        found = score_reports.own(session, lead, who)
        if found is None:
            raise Refused(404, "This key has no open report on this lead.")
        score_reports.take_back(session, lead, who)
        return found

    return requests.reply(_report(_on(lead_id, work)))


@bp.put(f"{OF_LEAD}/override")
@describe(
    "Override a score",
    scope="admin",
    body=shapes.SentOverride,
    answers={200: shapes.Overridden},
    problems=(404, 422),
)
def put_override(lead_id: str) -> Response:
    """Let a score stand beside the model's until a date; an earlier override ends."""
    who, now = requests.actor(), utc_now()
    sent = requests.body(shapes.SentOverride, now)
    until, probability, reason = _end(sent, now), sent.conversion_score, sent.reason

    def work(session: Session, lead: Lead) -> shapes.Overridden:
        said = overrides.put(
            session, lead, probability, until=until, reason=reason, author=who, now=now
        )
        _, card = registry.serving(session)
        made = shapes.override(Override(said, card.grade(said.probability)))
        return shapes.Overridden(lead_id=lead.lead_id, override=made)

    return requests.reply(_on(lead_id, work))


@bp.delete(f"{OF_LEAD}/override")
@describe(
    "End an override",
    scope="admin",
    answers={200: shapes.Overridden},
    problems=(404, 422),
)
def end_override(lead_id: str) -> Response:
    """End the override of a lead now; where there is none, nothing changes."""
    who, now = requests.actor(), utc_now()

    def work(session: Session, lead: Lead) -> shapes.Overridden:
        overrides.end(session, lead, who, now)
        return shapes.Overridden(lead_id=lead.lead_id, override=None)

    return requests.reply(_on(lead_id, work))


@bp.put(f"{OF_LEAD}/owner")
@describe(
    "Assign a lead",
    scope="admin",
    body=shapes.SentOwner,
    answers={200: shapes.Owned},
    problems=(404, 409, 422),
)
def assign(lead_id: str) -> Response:
    """Give a lead to an account, or to nobody; 409 where the CRM says who owns it."""
    who, now = requests.actor(), utc_now()
    owner = requests.body(shapes.SentOwner, now).owner

    def work(session: Session, lead: Lead) -> shapes.Owned:
        assigning.assign_one(session, lead.key, owner, by=who, now=now)
        return shapes.Owned(lead_id=lead.lead_id, owner=lead.owner)

    try:
        return requests.reply(_on(lead_id, work))
    except assigning.NotAnOwner:
        rule = str(shapes.SentOwner.model_fields["owner"].description)
        wrong = Complaint(pointer="/owner", message=f"must be {rule}", rule=rule)
        raise WrongValues([wrong]) from None


@bp.get("/api/views")
@describe("List saved views", scope="read", answers={200: shapes.Views})
def list_views() -> Response:
    """The views of the lead table that people share; private ones stay theirs."""
    found = read(views.shared)
    return requests.reply(
        shapes.Views(
            views=[
                shapes.View(
                    id=view.key,
                    name=view.name,
                    author=view.author,
                    filters=view.asked,
                    saved_at=view.saved_at,
                )
                for view in found
            ]
        )
    )


def _on(lead_id: str, work: Callable[[Session, Lead], T]) -> T:
    """Do something with a lead, its row locked, merges followed."""
    cleaned = requests.lead_id(lead_id)
    return write(lambda s: work(s, leads.find(s, cleaned, lock=True)))


def _end(sent: shapes.SentOverride, now: datetime) -> datetime:
    try:
        return overrides.end_of(sent.until, now)
    except overrides.InvalidOverride:
        rule = shapes.UNTIL_RULE
        wrong = Complaint(pointer="/until", message=f"must be {rule}", rule=rule)
        raise WrongValues([wrong]) from None


def _note(note: Note) -> shapes.Note:
    return shapes.Note(
        id=note.key,
        text=note.text,
        author=note.author,
        written_at=note.written_at,
        edited_at=note.edited_at,
    )


def _report(report: ScoreReport) -> shapes.ScoreReport:
    return shapes.ScoreReport.model_validate(
        {
            "reason": report.reason,
            "note": report.note,
            "author": report.author,
            "reported_at": report.reported_at,
            "model_version": report.version,
            "conversion_score": round(report.probability, 4),
            "grade": report.grade,
        }
    )
