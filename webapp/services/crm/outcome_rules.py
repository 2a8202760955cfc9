"""What an administrator chooses about outcomes, conflicts, and what is read and written."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
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
FIELD_NAME = re.compile(r"[A-Za-z]\w{0,79}", re.ASCII)
# Of other values every lead and opportunity is read again from the beginning of the history.
READ_AGAIN = ("external_id_field", "owner_ids", "record_type_ids", "history_days")
CHECK_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


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
            if complaint := _ids_complaint(getattr(self, name), kind.id_prefixes.get(name)):
                yield name, complaint
        if self.external_id_field and not FIELD_NAME.fullmatch(self.external_id_field):
            yield "external_id_field", "must be the API name of a field of a lead"


def full_id(text: str) -> str:
    """A record id with the 3 characters that say which of its 15 are capitals; else as it is.

    >>> full_id("0055g000001AbCd")
    '0055g000001AbCdAAK'
    """
    if not re.fullmatch(r"[A-Za-z0-9]{15}", text):
        return text
    fives = (text[start : start + 5] for start in (0, 5, 10))
    capitals = (sum(1 << n for n, letter in enumerate(five) if letter.isupper()) for five in fives)
    return text + "".join(CHECK_CHARACTERS[places] for places in capitals)


def _ids_complaint(ids: Sequence[str], starts: tuple[str, ...] | None) -> str | None:
    if len(ids) > MAX_LIST_LENGTH:
        return f"must be at most {MAX_LIST_LENGTH} ids"
    if starts is None:
        return None
    # The last three of 18 characters fit the others.
    wrong = [i for i in ids if len(i) != 18 or full_id(i[:15]) != i or not i.startswith(starts)]
    if wrong:
        named = ", ".join(i[:20] for i in wrong[:3])
        return (
            f"must be ids of 15 or 18 letters and digits that start {' or '.join(starts)}: {named}"
        )
    return None
