"""The shapes of the API's answers; the document describes them from here."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer

from webapp.api.problems import Problem

Value = int | float | str | bool | None
Grade = Literal["A", "B", "C", "D"]
Verdict = Literal["unknown", "good", "look", "act"]
# Every time carries its offset, +00:00.
Moment = Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str, when_used="json")]
Probability = Annotated[float, Field(ge=0, le=1, description="With four decimals.")]


class Reason(BaseModel):
    """One field's part in a score."""

    field: str
    label: str
    value: Value
    effect: float = Field(description="In log-odds; above zero it speaks for the lead.")
    sentence: str


class FieldWarning(BaseModel):
    """A value that was taken otherwise than it was sent."""

    field: str
    value: str = Field(description="As it was sent, up to 100 characters of it.")
    rule: str = Field(description="What a right value is.")
    message: str = Field(description="What was done with it.")


class Score(BaseModel):
    """A lead's score, and why."""

    lead_id: str
    conversion_score: Probability
    risk_category: Literal["high", "medium", "low"]
    timestamp: Moment
    model_version: str
    grade: Grade
    reasons: list[Reason] = Field(max_length=5, description="The strongest effects first.")
    unknown_fields: list[str] = Field(description="Declared fields that this lead lacks.")
    warnings: list[FieldWarning] = Field(description="What was not taken as it was sent.")
    actual_outcome: bool | None = Field(description="What counts for this lead now.")
    previous_score: Probability | None


class FeedbackGiven(BaseModel):
    """What counts for a lead after an outcome was recorded or withdrawn."""

    message: str
    lead_id: str
    outcome: bool | None = Field(description="What counts for this lead now.")


class FeedbackWaiting(BaseModel):
    """An outcome that is kept until its lead comes."""

    message: str
    lead_id: str
    outcome: bool | None = Field(description="What was reported.")
    waiting: Literal[True] = True
    waiting_until: Moment = Field(description="Until when the lead has to come.")


class RowError(BaseModel):
    """A row of a batch that was refused, and why."""

    lead_id: str | None = Field(description="Null if it could not be read.")
    error: Problem


Result = Score | FeedbackGiven | FeedbackWaiting | RowError


class ScoreBatch(BaseModel):
    """One answer a row, in their order."""

    results: list[Score | RowError]


class FeedbackAnswer(FeedbackGiven):
    """What counts for a lead now, and how many outcomes are known in all."""

    total_feedback: int


class FeedbackWaitingAnswer(FeedbackWaiting):
    """An outcome that is kept, and how many outcomes are known in all."""

    total_feedback: int


class FeedbackBatchAnswer(BaseModel):
    """One answer a row, in their order."""

    results: list[FeedbackGiven | FeedbackWaiting | RowError]


class LastRun(BaseModel):
    """The newest training."""

    id: int
    state: Literal["requested", "running", "succeeded", "failed"]
    requested_at: Moment
    finished_at: Moment | None
    version: str | None = Field(description="The version it made.")
    promoted: bool | None = Field(description="Whether the gate let that version in.")
    reason: str | None = Field(description="The gate's reason, or why the run failed.")


class RetrainingStatus(BaseModel):
    """How far the next training is."""

    feedback_count: int = Field(description="Leads whose outcome is known.")
    retraining_threshold: int
    ready_for_retraining: bool
    new_feedback_count: int = Field(description="Outcomes that no training has seen.")
    is_retraining: bool
    last_run: LastRun | None


class ModelMetrics(BaseModel):
    """How good the live version was on leads it had not seen; null where not measured."""

    auc: float | None
    auc_low: float | None = Field(description="95 % interval.")
    auc_high: float | None
    log_loss: float | None
    brier: float | None
    n_leads: int | None = Field(description="How many leads this was measured on.")
    sentence: str


class Info(BaseModel):
    """The live version, and how much is known."""

    model_version: str
    total_leads_scored: int
    feedback_samples_collected: int
    retraining_status: RetrainingStatus
    model_metrics: ModelMetrics
    version: str


class Run(BaseModel):
    """One training, import, re-scoring or synchronisation."""

    id: int
    kind: str
    state: Literal["requested", "running", "succeeded", "failed"]
    trigger: str
    requested_by: str
    requested_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    progress: float = Field(ge=0, le=1)
    stage: str
    result: dict[str, Any]
    error: str | None


class Runs(BaseModel):
    """The newest runs first."""

    runs: list[Run]


class Override(BaseModel):
    """A person's score of a lead beside the model's; no model learns from it."""

    conversion_score: Probability
    grade: Grade
    reason: str
    author: str
    made_at: Moment
    until: Moment


class Lead(BaseModel):
    """A lead as known now."""

    lead_id: str
    name: str | None
    company: str | None
    email: str | None
    phone: str | None
    owner: str | None
    inputs: dict[str, Value] = Field(
        description="Every field, null where unknown; of fields no longer declared what was known."
    )
    conversion_score: Probability = Field(description="The model's, also where it is overridden.")
    risk_category: Literal["high", "medium", "low"]
    grade: Grade
    override: Override | None = Field(description="What a person says instead, until a moment.")
    status: Literal["open", "in_pipeline", "converted", "lost", "never_worked"] = Field(
        description="in_pipeline: its outcome waits for a deal in the CRM that is open or not seen."
    )
    actual_outcome: bool | None
    outcome_at: Moment | None
    explore: bool = Field(description="Whether it is drawn to be called whatever the score.")
    created_at: Moment
    scored_at: Moment


class LeadWithReasons(Lead):
    """A lead as known now, and why it has its score."""

    model_version: str
    reasons: list[Reason]
    unknown_fields: list[str]


class LeadPage(BaseModel):
    """A page of the lead table."""

    leads: list[Lead]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")
    n_leads: int = Field(description="How many leads match, counted up to 1,000.")
    has_more_than_counted: bool


class PastScore(BaseModel):
    """One score of a lead: from a scoring, or from another version that was promoted."""

    timestamp: Moment
    conversion_score: Probability
    model_version: str
    inputs: dict[str, Value]
    source: str = Field(
        description="Where the inputs came from; model after a promotion, days where time went by."
    )
    came_with_outcome: bool = Field(description="Whether the inputs came along with an outcome.")


class PastOutcome(BaseModel):
    """One outcome event of a lead."""

    outcome: Literal["converted", "lost", "never_worked", "withdrawn"]
    source: str
    actor: str
    happened_at: Moment
    recorded_at: Moment
    reason: str | None
    rule: str | None
    withdrawn: bool = Field(
        description="Whether it was withdrawn later, so that it does not count."
    )


class History(BaseModel):
    """Scores and outcome events of a lead, the newest first."""

    lead_id: str
    scores: list[PastScore] = Field(description="The last 100.")
    outcomes: list[PastOutcome] = Field(description="All; the first one counts.")


class ModelVersion(BaseModel):
    """A model version with the evidence of its gate."""

    version: str
    created_at: Moment
    family: str
    is_champion: bool
    fields: list[str]
    digest: str = Field(description="SHA-256 of the scorecard.")
    training: dict[str, Any]
    metrics: dict[str, Any]
    decision: dict[str, Any] = Field(description="The gate's; empty for version 1.0.")


class LeadField(BaseModel):
    """A field that is taken with a lead."""

    name: str
    label: str
    type: Literal["count", "number", "category", "boolean"]
    unit: str | None
    rule: str = Field(description="What a right value is.")
    choices: list[str] = Field(description="The only values it may take; empty where any may be.")
    is_shown: bool = Field(description="Whether forms show it.")
    is_used: bool = Field(description="Whether models may learn from it.")
    is_influenced: bool = Field(description="Whether a rep can bring another value about.")
    is_retired: bool


class LeadFields(BaseModel):
    """All fields that are taken, in their order."""

    fields: list[LeadField]


class SuspectedField(BaseModel):
    """A field that seems to be filled in after the outcome, and what was decided on it."""

    field: str
    state: Literal["suspected", "allowed", "left_out"] = Field(
        description="Training uses it only where it is allowed; a person has confirmed it where it"
        " is left out."
    )
    sign: str = Field(description="What made training flag it.")
    sentence: str = Field(description="What was found, in words.")
    evidence: dict[str, Any]
    suspected_at: Moment
    decided_by: str | None
    decided_at: Moment | None
    is_in_use: bool = Field(description="Whether the live version learned from it.")


class SuspectedFields(BaseModel):
    """Every field ever flagged as leaking, undecided ones first."""

    fields: list[SuspectedField]


class Finding(BaseModel):
    """One monitor of the live version."""

    name: Literal["calibration", "live_auc", "score_drift", "field_drift", "selection"]
    title: str
    verdict: Verdict
    sentence: str = Field(description="What was found.")
    advice: str = Field(description="What to do; empty where there is nothing to do.")
    figures: dict[str, Any]


class Monitors(BaseModel):
    """Whether a version still fits the leads and outcomes that come in."""

    checked_at: Moment | None
    model_version: str | None
    is_current: bool = Field(description="Whether that version is live.")
    verdict: Verdict | None = Field(description="The most urgent of the findings.")
    findings: list[Finding]


class ModelVersions(BaseModel):
    """Versions, the newest first."""

    models: list[ModelVersion]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Hint(BaseModel):
    """The hint was heard."""

    is_new: bool = Field(description="False where one was waiting already.")


class Check(BaseModel):
    """One thing that must hold."""

    name: str
    ok: bool
    sentence: str


class Readiness(BaseModel):
    """Whether requests can be served."""

    status: Literal["ready", "not ready"]
    checks: list[Check]
