"""`/api/fields`: the fields, those that seem to leak the outcome, and decisions on these."""

from flask import Blueprint, Response

from webapp.api import answers, requests
from webapp.api.document.contract import describe
from webapp.database import Session, read, utc_now, write
from webapp.product import product
from webapp.services.models import leakage, registry
from webapp.tables import LeakingField, ModelVersion

bp = Blueprint("fields", __name__)


@bp.get("/api/fields")
@describe("List fields", scope="read", answers={200: answers.LeadFields})
def list_fields() -> Response:
    """All fields that are taken, retired ones too, in their order."""
    fields = [
        answers.LeadField(
            name=field.name,
            label=field.label,
            type=field.type,
            unit=field.unit,
            rule=field.rule,
            choices=list(field.choices),
            is_shown=field.declared,
            is_used=field.declared and field.use,
            is_influenced=field.influenced,
            is_retired=field.retired,
        )
        for field in product().fields
    ]
    return requests.reply(answers.LeadFields(fields=fields))


@bp.get("/api/fields/suspected")
@describe("List leaking fields", scope="read", answers={200: answers.SuspectedFields})
def list_suspected_fields() -> Response:
    """All fields that a training ever flagged as leaking, undecided ones first, with the evidence.

    Training leaves them out until they are allowed.
    """
    return requests.reply(read(_suspected))


@bp.post("/api/fields/<field>/allow")
@describe("Allow a field", scope="admin", answers={200: answers.SuspectedField}, problems=(404,))
def allow_field(field: str) -> Response:
    """Let training use a leaking field, from the next one on."""
    return _decide(field, leakage.ALLOWED)


@bp.post("/api/fields/<field>/leave-out")
@describe(
    "Leave a field out", scope="admin", answers={200: answers.SuspectedField}, problems=(404,)
)
def leave_out_field(field: str) -> Response:
    """Exclude a leaking field from training, or an allowed one again."""
    return _decide(field, leakage.LEFT_OUT)


def _suspected(session: Session) -> answers.SuspectedFields:
    champion = registry.champion(session)
    found = leakage.every(session)
    return answers.SuspectedFields(fields=[_told(row, champion) for row in found])


def _decide(name: str, state: str) -> Response:
    actor, now = requests.actor(), utc_now()

    def decide(session: Session) -> answers.SuspectedField:
        row = leakage.decide(session, name, state, actor=actor, now=now)
        return _told(row, registry.champion(session))

    return requests.reply(write(decide))


def _told(row: LeakingField, champion: ModelVersion) -> answers.SuspectedField:
    return answers.SuspectedField(
        field=row.name,
        state=row.state,
        sign=row.sign,
        sentence=row.sentence,
        evidence=row.evidence,
        suspected_at=row.suspected_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        is_in_use=row.name in champion.fields,
    )
