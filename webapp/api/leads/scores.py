"""`POST /score`, for one lead or a batch of them."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from ml.scorecard.reasons import Reason
from ml.scorecard.scorecard import Bands
from webapp.api import answers, batches, forms, requests, sent
from webapp.api.document.contract import LEAD_RECORD, MEGABYTE, describe
from webapp.api.problems import complaints
from webapp.database import Session, read, utc_now, write
from webapp.observability import figures
from webapp.product import product
from webapp.services.accounts import api_keys
from webapp.services.leads import scoring
from webapp.services.leads.records import InvalidRecord, LeadRecord
from webapp.services.leads.scoring import Scored

bp = Blueprint("scores", __name__)

# What everybody who reads a form key could ask about known leads otherwise.
UNTOLD: dict[str, Any] = {
    "reasons": [],
    "unknown_fields": [],
    "actual_outcome": None,
    "previous_score": None,
}


@bp.post("/score")
@describe(
    "Score a lead",
    scope="score",
    body=LEAD_RECORD,
    takes_preference=True,
    takes_forms=True,
    answers={200: answers.Score, 303: None},
    problems=(429,),
)
def create_score() -> Response:
    """Create the lead or bring it up to date, and say how likely it converts and why.

    Plain spellings are read as what they mean: "8" is 8, "" is null, yes and won are true. What
    surprises is taken with a warning: a category outside its list or a number out of range is not
    used, and what was known before is kept; text that is too long is cut. `Prefer:
    handling=strict` refuses such values instead.

    Only `lead_id` is needed. A field that is not sent keeps what is known; null makes it unknown,
    which is not zero. A call without any input changes no score. `actual_outcome: null`, or
    leaving it out, keeps the outcome that is known; `never_worked` closes a lead that nobody
    worked, which is no label for training.

    A form on another site sends its form key as `form_key`, and may say as `redirect_to` where the
    browser goes next (303). The answer then tells the score alone.
    """
    now, attribution = utc_now(), requests.attribution()
    record, is_of_form_key = requests.lead_record(), requests.is_of_form_key()
    target = forms.redirect_target(requests.caller()) if is_of_form_key else None
    fields = product().fields
    scored = write(lambda s: scoring.score_lead(s, fields, record, attribution, now=now))
    figures().rows.labels("score", "accepted").inc()
    answer = score_answer(scored, record)
    if target:
        return Response(status=303, headers={"Location": target})
    return requests.reply(answer.model_copy(update=UNTOLD) if is_of_form_key else answer)


@bp.route("/score", methods=["OPTIONS"])
@describe("Ask whether a page of another site may send leads", answers={204: None})
def allow_score() -> Response:
    """What browsers ask before a script sends JSON or a key in a header (CORS).

    Only the sites that a form key was made for are allowed.
    """
    response, origin = Response(status=204), request.headers.get("Origin")
    if origin and read(lambda session: api_keys.is_listed(session, origin)):
        forms.preflight(response)
    return response


@bp.post("/score/batch")
@describe(
    "Score many leads",
    scope="score",
    body=sent.LeadRecords,
    answers={200: answers.ScoreBatch},
    takes_idempotency_key=True,
    takes_preference=True,
    max_bytes=10 * MEGABYTE,
)
def create_scores() -> Response:
    """Do for up to 5,000 leads what `POST /score` does for one.

    The answer has one result a row, in their order. A row that is wrong has its error in its
    place and stops none of the others. Rows of one lead are taken in one after another.
    """
    rows = requests.body(sent.LeadRecords, utc_now()).leads
    return batches.answer(SCORES, rows)


def score_records(session: Session, right: list[LeadRecord]) -> list[answers.Result]:
    """Score the leads of a batch, in their order."""
    scored = scoring.score_leads(
        session, product().fields, right, requests.attribution(), now=utc_now()
    )
    return [score_answer(one, record) for one, record in zip(scored, right, strict=True)]


def record_or_error(row: Any, place: str) -> LeadRecord | answers.RowError:
    """One row of a batch, checked."""
    if not isinstance(row, dict):
        return batches.wrong_row(None, [requests.not_an_object(place)])
    try:
        return requests.clean_record(row)
    except InvalidRecord as error:
        return batches.wrong_row(row.get("lead_id"), complaints(error.errors, place))


def score_answer(scored: Scored, record: LeadRecord) -> answers.Score:
    """What `POST /score` answers."""
    previous = scored.previous_probability
    return answers.Score(
        lead_id=scored.lead.lead_id,
        conversion_score=round(scored.probability, 4),
        risk_category=risk_category(scored.probability),
        timestamp=scored.scored_at,
        model_version=scored.version,
        grade=scored.grade,
        reasons=reasons(scored.reasons),
        unknown_fields=scored.unknown_fields,
        warnings=[answers.FieldWarning(**asdict(warning)) for warning in record.warnings],
        actual_outcome=scored.outcome,
        previous_score=None if previous is None else round(previous, 4),
    )


def risk_category(probability: float) -> str:
    """The band of a probability, by the settings; the bounds apply before it is rounded."""
    settings = product().settings
    return Bands(high=settings.risk_high, medium=settings.risk_medium).of(probability)


def reasons(found: list[Reason]) -> list[answers.Reason]:
    """The fields that moved a score most."""
    return [
        answers.Reason(
            field=reason.field,
            label=reason.label,
            value=reason.value,
            effect=round(reason.effect, 4),
            sentence=reason.sentence,
        )
        for reason in found
    ]


SCORES = batches.Kind("score", "/leads", record_or_error, score_records)
