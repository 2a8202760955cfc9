"""What webhooks send, for the OpenAPI document; docs/webhooks.md says when."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from webapp.services.webhooks import events

Grade = Literal["A", "B", "C", "D"]
Status = Literal["open", "in_pipeline", "converted", "lost", "never_worked"]

HEADERS = {
    "webhook-id": "The same in each try: drop what you have had.",
    "webhook-timestamp": "Seconds since 1970, of this try.",
    "webhook-signature": "v1, and the HMAC-SHA256 of id, timestamp and body, in base64.",
}


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScoreMove(_Sent):
    """A lead's score and grade, before and after."""

    lead_id: str
    status: Status
    conversion_score: float
    previous_score: float
    grade: Grade
    previous_grade: Grade
    model_version: str


class OutcomeNews(_Sent):
    """The outcome that counts for a lead now; null where it was withdrawn."""

    lead_id: str
    status: Status
    outcome: Literal["converted", "lost", "never_worked"] | None
    happened_at: datetime | None
    source: str


class VersionSwitch(_Sent):
    """One version replaced another, and how far scores of open leads moved by that, in points."""

    model_version: str
    previous_version: str
    action: Literal["promoted", "rolled_back"]
    by: Literal["person", "gate", "monitors"]
    open_leads: int
    mean_points: float
    by_10_or_more: int


class SyncFailure(_Sent):
    """The run that failed, and the name of the fault."""

    run: int
    fault: str


class ScoreMessage(_Sent):
    """A score or a grade has changed."""

    type: Literal["score.changed", "grade.changed"]
    timestamp: datetime
    data: ScoreMove


class OutcomeMessage(_Sent):
    """Another outcome counts."""

    type: Literal["outcome.recorded"]
    timestamp: datetime
    data: OutcomeNews


class VersionMessage(_Sent):
    """Another version is live."""

    type: Literal["model.promoted"]
    timestamp: datetime
    data: VersionSwitch


class SyncMessage(_Sent):
    """The sync has begun to fail."""

    type: Literal["sync.failed"]
    timestamp: datetime
    data: SyncFailure


BODIES: dict[str, type[BaseModel]] = {
    events.SCORE_CHANGED: ScoreMessage,
    events.GRADE_CHANGED: ScoreMessage,
    events.OUTCOME_RECORDED: OutcomeMessage,
    events.MODEL_PROMOTED: VersionMessage,
    events.SYNC_FAILED: SyncMessage,
}


def section(ref: str) -> dict[str, Any]:
    """The part `webhooks` of the document; `ref` is where its schemas stand."""
    return {kind: {"post": _operation(kind, ref)} for kind in BODIES}


def _operation(kind: str, ref: str) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "header",
            "required": True,
            "description": about,
            "schema": {"type": "string"},
        }
        for name, about in HEADERS.items()
    ]
    schema = {"$ref": ref.format(model=BODIES[kind].__name__)}
    return {
        "operationId": kind.replace(".", "_"),
        "summary": f"Sent when {events.TYPES[kind]}",
        "parameters": parameters,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"2XX": {"description": "Received; anything else is tried again"}},
        "security": [],
    }
