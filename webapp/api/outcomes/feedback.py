"""`/feedback`: outcomes of leads, reported or withdrawn by programs."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Blueprint, Response
from pydantic import ValidationError

from webapp.api import answers, batches, requests, sent
from webapp.api.document.contract import MEGABYTE, describe
from webapp.api.problems import Complaint, WrongValues, pointer, problem
from webapp.database import Session, read, utc_now, write
from webapp.observability import figures
from webapp.product import product
from webapp.services.leads import leads
from webapp.services.outcomes import label_counts, outcomes, stale, waiting
from webapp.services.outcomes.outcomes import Effect, OutcomeEvent
from webapp.services.outcomes.waiting import WaitingEvent
from webapp.tables import Lead, Meaning

bp = Blueprint("feedback", __name__)

# The contract of reporting an outcome, whichever the method.
REPORT: dict[str, Any] = {
    "scope": "feedback",
    "query": sent.OutcomeQuery,
    "body": sent.Feedback,
    "body_required": False,
    "answers": {200: answers.FeedbackAnswer, 202: answers.FeedbackWaitingAnswer},
    "problems": (404, 409),
}


@bp.put("/feedback/<lead:lead_id>")
@describe("Say what became of a lead", **REPORT)
def record_outcome(lead_id: str) -> Response:
    """Record that a lead converted or was lost, in the address (`?outcome=true`) or as JSON.

    `never_worked` closes a lead that nobody worked: it leaves the open leads, and no model learns
    from it. It may stand as `outcome` or as `result`.

    Nothing is erased: an outcome is added to the lead's history, and the newest by the time it
    happened counts. Saying the same again adds nothing.

    With `?wait=true` the outcome of a lead that is not known is kept for 30 days (a setting) and
    recorded, as of its own time, when the lead comes: 202 instead of 404.
    """
    now, lead_id = utc_now(), requests.lead_id(lead_id)
    asked = requests.query(sent.OutcomeQuery)
    feedback = requests.optional_body(sent.Feedback, now)
    outcome = _agreed(asked.outcome, feedback)
    if asked.wait and feedback.expected_status is not None:
        raise WrongValues([_STATUS_OF_AN_UNKNOWN_LEAD])
    event = WaitingEvent(
        lead_id, outcome, requests.attribution(feedback.reason), feedback.occurred_at
    )
    try:
        return _say(event, now, seen=feedback.expected_status)
    except leads.LeadNotFound:
        if not asked.wait:
            raise
        return _wait(event, now)


@bp.post("/feedback/<lead:lead_id>")
@describe("Say what became of a lead, as programs do that can only post", **REPORT)
def post_outcome(lead_id: str) -> Response:
    """Do what `PUT /feedback/{lead_id}` does, for every lead but one with the id `batch`."""
    return record_outcome(lead_id)


@bp.delete("/feedback/<lead:lead_id>")
@describe(
    "Withdraw the outcome of a lead",
    scope="feedback",
    answers={200: answers.FeedbackAnswer},
    problems=(404, 422),
)
def withdraw_outcome(lead_id: str) -> Response:
    """Withdraw the last outcome that this API key has reported; the history keeps both.

    A withdrawal is no outcome: what others have reported then counts, whatever its time.
    Repeating the call withdraws nothing more.

    Of a lead that is not known, this cancels an outcome that waits for it.
    """
    now, lead_id, attribution = utc_now(), requests.lead_id(lead_id), requests.attribution()
    try:
        return _say(WaitingEvent(lead_id, None, attribution), now)
    except leads.LeadNotFound:
        if not write(lambda s: waiting.withdraw(s, lead_id, attribution, now=now)):
            raise
        message = "Withdrawn: nothing waits for this lead any more from this key"
        given = answers.FeedbackGiven(message=message, lead_id=lead_id, outcome=None)
        return _with_total(given)


@bp.post("/feedback/batch")
@describe(
    "Say what became of many leads",
    scope="feedback",
    body=sent.FeedbackBatch,
    answers={200: answers.FeedbackBatchAnswer},
    takes_idempotency_key=True,
    max_bytes=10 * MEGABYTE,
)
def record_outcomes() -> Response:
    """Do for up to 5,000 leads what `PUT /feedback/{lead_id}` does for one.

    The answer has one result a row, in their order. A row that is wrong has its error in its place
    and stops none of the others. The outcome of a lead that is not known waits for it, and the
    result says so.
    """
    rows = requests.body(sent.FeedbackBatch, utc_now()).outcomes
    return batches.answer(OUTCOMES, rows)


def record_rows(session: Session, right: list[sent.FeedbackRow]) -> list[answers.Result]:
    """Record the outcomes of a batch, in their order."""
    known = leads.resolve_many(session, {row.lead_id for row in right})
    now = utc_now()
    return [
        result
        for rows in _seen_at_once(right, known)
        for result in _record_rows(session, rows, known, now)
    ]


def _seen_at_once(
    rows: list[sent.FeedbackRow], known: Mapping[str, Lead]
) -> Iterator[list[sent.FeedbackRow]]:
    """Split rows before each whose expected status an earlier row of the same lead may change."""
    some: list[sent.FeedbackRow] = []
    told: set[int] = set()
    for row in rows:
        lead = known.get(row.lead_id)
        if lead is not None and lead.key in told and row.expected_status is not None:
            yield some
            some, told = [], set()
        some.append(row)
        told |= {lead.key} if lead is not None else set()
    yield some


def _record_rows(
    session: Session, rows: list[sent.FeedbackRow], known: Mapping[str, Lead], now: datetime
) -> list[answers.Result]:
    errors = [_unexpected(session, known.get(row.lead_id), row) for row in rows]
    right = [row for row, error in zip(rows, errors, strict=True) if error is None]
    told = [
        WaitingEvent(row.lead_id, row.meaning, requests.attribution(row.reason), row.occurred_at)
        for row in right
    ]
    events = [
        OutcomeEvent(known[one.lead_id], one.converted, one.attribution, one.happened_at)
        for one in told
        if one.lead_id in known
    ]
    effects = iter(outcomes.record_many(session, events, now=now) if events else ())
    _keep(session, [one for one in told if one.lead_id not in known], now)
    results = (
        _given(known[one.lead_id], one.converted, next(effects))
        if one.lead_id in known
        else answers.FeedbackWaiting(**_waits(one, now))
        for one in told
    )
    return [error or next(results) for error in errors]


def _unexpected(
    session: Session, lead: Lead | None, row: sent.FeedbackRow
) -> answers.RowError | None:
    """Why a row is not recorded: its lead is not in the status that was expected of it."""
    if lead is None and row.expected_status is not None:
        error = problem(404, f"{leads.LeadNotFound(row.lead_id)}.")
        return answers.RowError(lead_id=row.lead_id, error=error)
    try:
        if lead is not None:
            stale.check(session, lead, row.expected_status, row.meaning)
    except stale.ChangedMeanwhile as error:
        return answers.RowError(lead_id=row.lead_id, error=problem(409, f"{error}."))
    return None


def _say(event: WaitingEvent, now: datetime, *, seen: str | None = None) -> Response:
    def transaction(session: Session) -> answers.FeedbackGiven:
        lead = leads.find(session, event.lead_id, lock=True)
        stale.check(session, lead, seen, event.converted)
        told = (event.converted, event.attribution)
        effect = outcomes.record(session, lead, *told, now=now, happened_at=event.happened_at)
        return _given(lead, event.converted, effect)

    given = write(transaction)
    figures().rows.labels("outcome", "accepted").inc()
    return _with_total(given)


def _with_total(given: answers.FeedbackGiven) -> Response:
    total = read(label_counts.count)
    return requests.reply(answers.FeedbackAnswer(**given.model_dump(), total_feedback=total))


def _wait(event: WaitingEvent, now: datetime) -> Response:
    """Keep the outcome; its lead may just have come, and is found by the worker then."""
    write(lambda session: _keep(session, [event], now))
    figures().rows.labels("outcome", "waiting").inc()
    total = read(label_counts.count)
    found = answers.FeedbackWaitingAnswer(**_waits(event, now), total_feedback=total)
    return requests.reply(found, 202)


def _keep(session: Session, events: list[WaitingEvent], now: datetime) -> None:
    days = product().settings.waiting_outcome_days
    waiting.keep(session, events, now=now, keep_days=days)


def _waits(event: WaitingEvent, now: datetime) -> dict[str, Any]:
    return {
        "message": "Waiting: this lead is not known yet",
        "lead_id": event.lead_id,
        "outcome": event.converted if isinstance(event.converted, bool) else None,
        "waiting_until": now + timedelta(days=product().settings.waiting_outcome_days),
    }


def _given(lead: Lead, outcome: Meaning, effect: Effect) -> answers.FeedbackGiven:
    result = outcomes.RESULTS[outcome].replace("_", " ")
    if outcome is None and (counts := outcomes.counting(lead)) is not None:
        now_counts = outcomes.RESULTS[counts].replace("_", " ")
        done = "Your last outcome is withdrawn" if effect else "Nothing has changed"
        message = f"{done}; another one counts for this lead: {now_counts}"
    elif lead.removed_at is not None:
        message = "Recorded, but the lead was deleted in the CRM: it counts once the lead is back"
    elif outcomes.counting(lead) != outcome:
        message = "Recorded, but something later counts for this lead"
    elif effect is Effect.CHANGED:
        message = f"Recorded: {result}"
    elif effect is Effect.ADDED:
        message = f"Recorded: {result} as before, with its new time or reason"
    else:
        message = f"Nothing has changed: {result} already"
    return answers.FeedbackGiven(message=message, lead_id=lead.lead_id, outcome=lead.outcome)


def _row_or_error(row: Any, place: str) -> sent.FeedbackRow | answers.RowError:
    if not isinstance(row, dict):
        return batches.wrong_row(None, [requests.not_an_object(place)])
    try:
        known = requests.known_keys(sent.FeedbackRow, row)
        found = sent.FeedbackRow.model_validate(known, context=utc_now())
    except ValidationError as error:
        wrong = requests.mistakes(sent.FeedbackRow, error, partial(pointer, place))
        return batches.wrong_row(row.get("lead_id"), wrong)
    mistake = _one_thing(found, place)
    return batches.wrong_row(found.lead_id, [mistake]) if mistake else found


def _agreed(in_address: Meaning, body: sent.Feedback) -> Meaning:
    told = (in_address, body.outcome, body.result)
    reported = {meaning for meaning in told if meaning is not None}
    if len(reported) == 1:
        return reported.pop()
    if body.result is not None:
        raise WrongValues([_BESIDE_A_RESULT])
    message = "must be the same in the address and in the body" if reported else "is required"
    place = "/outcome" if "outcome" in body.model_fields_set else "?outcome"
    wrong = Complaint(pointer=place, message=message, rule=sent.OUTCOME_HERE_RULE)
    raise WrongValues([wrong])


_STATUS_OF_AN_UNKNOWN_LEAD = Complaint(
    pointer="/expected_status",
    message="must not stand beside wait=true: a lead that is not known has no status",
    rule=sent.EXPECTED_RULE,
)
_BESIDE_A_RESULT = Complaint(
    pointer="/result", message="must not stand beside another outcome", rule=sent.RESULT_RULE
)


def _one_thing(row: sent.FeedbackRow, place: str) -> Complaint | None:
    if row.outcome is None and row.result is None:
        pointed = pointer(place, "outcome")
        return Complaint(pointer=pointed, message="is required", rule=sent.OUTCOME_RULE)
    if row.result is not None and row.outcome not in {None, row.result}:
        return _BESIDE_A_RESULT.model_copy(update={"pointer": pointer(place, "result")})
    return None


OUTCOMES = batches.Kind("outcome", "/outcomes", _row_or_error, record_rows)
