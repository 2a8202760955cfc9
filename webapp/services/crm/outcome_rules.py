"""What an administrator chooses about outcomes, conflicts, and what is read and written."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from webapp.services.crm.kinds.kind import CrmKind

MILESTONES = ("deal_won", "deal_created", "lead_converted")
POLICIES = ("leave_out", "converted", "lost")
SILENCE = ("lost", "never_worked")
CONFLICT_RULES = ("ask", "newest", "crm", "rep")
ALLOWED = {
    "milestone": MILESTONES,
    "no_deal": POLICIES,
    "silence": SILENCE,
    "conflicts": CONFLICT_RULES,
}
# Days: the least and the most.
SPANS = {"no_deal_days": (1, 3650), "silent_days": (7, 3650), "history_days": (1, 36_500)}
ID_LISTS = ("owner_ids", "record_type_ids")
MAX_LIST_LENGTH, MAX_STATUS_LENGTH = 200, 255
# The statuses of leads without an outcome.
UNDECIDED = ("open", "in_pipeline")
# How many leads a run names, and how many of those that changed rules would move alike.
MAX_EXAMPLES = 20
MAX_ALIKE = 5
FIELD_NAME = re.compile(r"[A-Za-z]\w{0,79}", re.ASCII)
# Of other values every lead and deal is read again from the beginning of the history.
READ_AGAIN = ("external_id_field", "owner_ids", "record_type_ids", "history_days")


@dataclass(frozen=True)
class CrmRules:
    """What the administrator chose about outcomes, conflicts and what is read and written."""

    milestone: str = "deal_won"
    disqualified: tuple[str, ...] = ()
    no_deal: str = "leave_out"
    no_deal_days: int = 90
    silent_days: int | None = None
    silence: str = "lost"
    conflicts: str = "ask"
    external_id_field: str | None = None
    owner_ids: tuple[str, ...] = ()
    record_type_ids: tuple[str, ...] = ()
    writes_scores: bool = True
    history_days: int = 730

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "CrmRules":
        """The rules as stored; what a newer version has added gets its default."""
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in known
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def without_inference(self) -> "CrmRules":
        """The same for a lead with a reported outcome: nothing is inferred from time alone."""
        return replace(self, no_deal="leave_out", silent_days=None)

    def needs_reading(self, before: "CrmRules") -> bool:
        """Whether what is here does not suffice after a change from these rules."""
        return any(getattr(before, name) != getattr(self, name) for name in READ_AGAIN)

    @property
    def reads_all(self) -> bool:
        """Whether the history is read from its beginning."""
        return self.history_days == SPANS["history_days"][1]

    @property
    def decisive(self) -> frozenset[str]:
        """The facts of a lead by which it is let in, or by which its outcome is inferred."""
        by_fact = {
            "status": self.disqualified,
            "active_on": self.silent_days,
            "owner_id": self.owner_ids,
            "record_type_id": self.record_type_ids,
        }
        return frozenset(fact for fact, chosen in by_fact.items() if chosen)

    def mistakes(self, kind: CrmKind) -> dict[str, str]:
        return dict(self._mistakes(kind))

    def _mistakes(self, kind: CrmKind) -> Iterator[tuple[str, str]]:
        for name, values in ALLOWED.items():
            if getattr(self, name) not in values:
                yield name, f"must be one of {', '.join(values)}"
        if self.milestone == "lead_converted" and not kind.converts_leads:
            yield "milestone", f"must be another one: {kind.name} converts no {kind.leads}"
        for name, (low, high) in SPANS.items():
            days = getattr(self, name)
            is_never = name == "silent_days" and days is None
            if not is_never and not (days is not None and low <= days <= high):
                yield name, f"must be a whole number from {low:,} to {high:,}"
        if len(self.disqualified) > MAX_LIST_LENGTH or any(
            len(status) > MAX_STATUS_LENGTH for status in self.disqualified
        ):
            sentence = f"must be at most {MAX_LIST_LENGTH} statuses as the CRM has them"
            yield "disqualified", sentence
        for name in ID_LISTS:
            if complaint := _filter_complaint(getattr(self, name), name, kind):
                yield name, complaint
        if self.external_id_field and not FIELD_NAME.fullmatch(self.external_id_field):
            yield "external_id_field", "must be the API name of a field of a lead"


def _filter_complaint(ids: Sequence[str], name: str, kind: CrmKind) -> str | None:
    if ids and name not in kind.filters:
        return f"cannot be used to filter {kind.leads}"
    if len(ids) > MAX_LIST_LENGTH:
        return f"must be at most {MAX_LIST_LENGTH} ids"
    wrong = [each[:20] for each in ids if not kind.filters[name].is_id(each)]
    return f"{kind.filters[name].rule}: {', '.join(wrong[:3])}" if wrong else None


@dataclass
class StatusChange:
    """What changed rules would make of a lead's status, and why."""

    lead_id: str
    before: str
    after: str
    reason: str = ""


@dataclass
class RuleChanges:
    """What changed rules would do to leads that were read: how many, and some of each kind.

    A status also changes with each outcome.
    """

    leads: int = 0
    outcomes_gained: int = 0
    outcomes_lost: int = 0
    outcomes_changed: int = 0
    statuses_changed: int = 0
    examples: list[StatusChange] = field(default_factory=list)

    def count(self, change: StatusChange) -> None:
        """Count one lead whose status changes, and keep it where few are kept so far."""
        had, has = (s not in UNDECIDED for s in (change.before, change.after))
        self.outcomes_gained += has and not had
        self.outcomes_lost += had and not has
        self.outcomes_changed += had and has
        self.statuses_changed += 1
        alike = [e for e in self.examples if (e.before, e.after) == (change.before, change.after)]
        if len(alike) < MAX_ALIKE:
            self.examples.append(change)

    def by_weight(self) -> list[StatusChange]:
        """The examples, those of leads that had an outcome before first."""
        return sorted(self.examples, key=lambda each: (each.before in UNDECIDED, each.after))
