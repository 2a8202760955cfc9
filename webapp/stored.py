"""JSON columns, typed; what older releases did not store has a default."""

from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

# How a text writes its number: whole, by a sure mark, or by one that may part thousands instead.
NumberForm: TypeAlias = Literal["whole", ".", ",", ".?", ",?"]
# Which part of 03/04/2026 is the day: surely known, the first, the second, or either.
DayOrder: TypeAlias = Literal["known", "day", "month", "either"]


# How a column says what became of leads: by a status, by yes where one outcome came, as Odoo does,
# which archives lost leads and gives won ones 100 per cent, or as this product exports it.
OutcomeWords: TypeAlias = Literal[
    "status", "converted", "lost", "active", "probability", "exported"
]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class Bin(_Stored):
    """Leads with similar scores: the mean prediction and the share that converted."""

    n: int
    n_converted: int | None = None
    predicted: float
    observed: float


class Gain(_Stored):
    """The share of conversions found by calling the best-scored share of leads."""

    share: float
    found: float
    lift: float


class GradeRow(_Stored):
    """Conversion of one grade; `rate` is None without leads."""

    grade: str
    lower_bound: float
    n: int
    n_converted: int
    rate: float | None


class Histogram(_Stored):
    """Number of converted and lost leads in each bin of scores; one more edge than bins."""

    edges: list[float]
    converted: list[int]
    lost: list[int]


class FamilyRow(_Stored):
    """One family or blend, cross-validated; `weight` is the share beside the first family."""

    family: str
    weight: float | None = None
    auc: float
    log_loss: float
    is_chosen: bool


class HalfLife(_Stored):
    """One tried half-life, in outcomes; None where all count alike."""

    labels: int | None
    log_loss: float
    saved: float
    is_chosen: bool


class Block(_Stored):
    """One step of the backtest: the leads predicted from all those before them."""

    n_before: int
    n: int
    predicted: float
    observed: float
    auc: float
    auc_random_split: float


class Backtest(_Stored):
    """How well older leads predict newer ones, beside a random split of the same leads."""

    n: int
    auc: float
    auc_low: float
    auc_high: float
    auc_random_split: float
    verdict: Literal["holds", "nothing", "fades", "lost"]
    blocks: list[Block]
    half_lives: list[HalfLife] = []


class Interval(NamedTuple):
    """A figure with its 90 % interval."""

    value: float
    low: float
    high: float


class Claim(_Stored):
    """What a version claimed of leads to come when it was trained; see `ml.monitoring.claims`."""

    n: int
    auc: Interval
    log_loss: Interval
    rate: Interval
    grades: dict[str, Interval]


class Batch(_Stored):
    """How well leads that ended one after another were ranked; see `ml.monitoring.over_time`."""

    since: datetime
    until: datetime
    n: int
    n_groups: int
    auc: float
    low: float
    high: float


class Track(_Stored):
    """How a version did while it was live: what became of its claim, and batches of outcomes."""

    met: Literal["early", "luck", "holds", "doubtful", "failed"]
    batches: list[Batch]


class Metrics(_Stored):
    """How good a version is on leads it has not seen; see `ml.training.metrics.model_metrics`."""

    n: int
    n_groups: int | None = None
    n_converted: int
    n_lost: int
    base_rate: float
    auc: float
    auc_low: float
    auc_high: float
    log_loss: float
    log_loss_base: float
    brier: float
    ece: float
    lift_10: float
    lift_20: float
    calibration: list[Bin]
    roc: list[tuple[float, float]]
    gains: list[Gain] = []
    histogram: Histogram
    grades: list[GradeRow]
    families: list[FamilyRow] = []
    slope: float | None = None
    # Fields that too few have to count: how many companies and people, converted and lost.
    thin_fields: dict[str, tuple[int, int]] = {}
    in_time_order: Backtest | None = None
    served_scores: list[int] | None = None
    claim: Claim | None = None

    @property
    def claimed_auc(self) -> Interval:
        """The AUC claimed, with its interval: of 95 % where an older release kept no claim."""
        return self.claim.auc if self.claim else Interval(self.auc, self.auc_low, self.auc_high)

    @property
    def groups_per_lead(self) -> float:
        """Persons and companies a lead, at most 1: so much less an interval knows."""
        return (self.n_groups or self.n) / self.n


class Check(_Stored):
    """One rule of the gate, with its numbers in a sentence; older releases kept no name."""

    name: str = ""
    passed: bool
    sentence: str


class Rule(_Stored):
    """What the gate required."""

    min_gain: float | None = None
    min_each_class: int | None = None


class Decision(_Stored):
    """The gate's decision; without checks for a starter model, which nothing was compared with."""

    promote: bool = True
    reason: str = ""
    n_evidence: int = 0
    n_groups: int | None = None
    n_converted: int = 0
    n_lost: int = 0
    auc_champion: float | None = None
    gain: float | None = None
    standard_error: float | None = None
    log_loss_champion: float | None = None
    log_loss_challenger: float | None = None
    checks: list[Check] = []
    rule: Rule = Rule()

    @property
    def n_failed(self) -> int:
        return sum(not check.passed for check in self.checks)


class TrainingData(_Stored):
    """The leads that a version learned from; times in ISO 8601."""

    n_leads: int
    n_groups: int | None = None
    n_converted: int
    n_lost: int
    n_came_with_outcome: int = 0
    n_left_out: int = 0
    # Older ones, after which the world has changed.
    n_outdated: int = 0
    first_outcome_at: str | None = None
    last_outcome_at: str | None = None
    is_dated: bool = True
    seed: int | None = None
    libraries: dict[str, str] = {}
    left_out_fields: dict[str, str] = {}
    champion_knew: list[str] = []
    recalibrated_from: str | None = None
    # Invented leads, not this team's.
    is_demo: bool = False
    shift: float = 0.0
    slope: float = 1.0


class RowError(_Stored):
    """One mistake in a file: its line, from 1, the column, and a sentence."""

    line: int
    field: str
    message: str


class ImportWarning(_Stored):
    """Something taken otherwise than it stands in a file: where, why, how often; never the value.

    Without a column it is said of the whole file; `lines` are the first ones.
    """

    column: str | None = None
    message: str
    count: int | None = None
    lines: list[int] = []


class WrongReason(_Stored):
    """How many rows a file has that are wrong for one reason."""

    column: str
    message: str
    n: int


class ImportResult(_Stored):
    """What an import has found and brought so far.

    `n_done` counts rows taken in or left out, `n_waiting` outcomes whose lead is not known yet.
    """

    n_rows: int = 0
    n_wrong: int = 0
    # Of the right rows, each once.
    n_leads: int = 0
    errors: list[RowError] = []
    reasons: list[WrongReason] = []
    warnings: list[ImportWarning] = []
    ignored_columns: list[str] = []
    n_done: int = 0
    n_new_leads: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_snapshots: int = 0
    n_outcomes: int = 0
    n_waiting: int = 0

    @property
    def has_changed(self) -> bool:
        """Whether there is anything to undo."""
        return any((self.n_new_leads, self.n_changed, self.n_outcomes, self.n_waiting))


class ValueChange(_Stored):
    """A value of a lead that an import changes: the field, its value before and after."""

    field: str
    old: Any
    new: Any


class LeadChange(_Stored):
    """What an import changes of one lead."""

    lead_id: str
    changes: list[ValueChange]


class ImportPreview(_Stored):
    """What an import would bring; `changes` are those of the first leads that change.

    `turned` are the first leads of which another outcome would count.
    """

    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_outcomes: int = 0
    n_waiting: int = 0
    changes: list[LeadChange] = []
    turned: list[LeadChange] = []
    # The list of fields that the rows were checked by.
    fields_version: int = 0


class FileFormat(_Stored):
    """How a file is to be read: a codec and a delimiter, or a sheet of a workbook.

    JSON lines have a codec and the keys of all their objects, those with nested values apart.
    """

    codec: str | None = None
    is_gzip: bool = False
    delimiter: str = ","
    keys: list[str] = []
    nested_keys: list[str] = []
    sheet: str | None = None
    sheets: list[str] = []


class ProfiledColumn(_Stored):
    """What one column holds; see `services.imports.matching.profile`."""

    name: str
    values: dict[str, int]
    is_complete: bool
    n_filled: int
    numbers: dict[NumberForm | Literal[""], int]
    times: dict[DayOrder | Literal[""], int]
    n_without_offset: int


class ImportProfile(_Stored):
    """What a file holds, without its rows."""

    columns: list[ProfiledColumn]
    n_rows: int
    point_is_usual: bool
    notes: list[str] = []
    agreeing: list[tuple[int, int]] = []


class TrainingResult(_Stored):
    """The version that a training made, and what the gate said of it."""

    version: str | None = None
    promoted: bool | None = None
    reason: str | None = None


class RescoringResult(_Stored):
    """How far a backfill is: the last lead scored, and how many; no key before it has begun."""

    after_key: int | None = None
    n_done: int = 0
