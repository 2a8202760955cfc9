"""The orders of the lead table: a new one is one entry here, with an index on its column."""

from dataclasses import dataclass
from typing import Any

from ml.sentences import gettext
from webapp.tables import Lead, Score


@dataclass(frozen=True)
class Sort:
    """An order: the column of `Lead` or `Score`, which way its values go, and how it is said."""

    column: Any
    is_descending: bool
    words: str

    @property
    def is_of_score(self) -> bool:
        """Whether scores hold the value, in the order of an index that begins with the status."""
        return self.column.class_ is Score


SORTS = {
    "score": Sort(Score.probability, True, gettext("highest score first")),
    "change": Sort(Score.moved, True, gettext("largest rise first")),
    "scored": Sort(Lead.scored_at, True, gettext("most recently scored first")),
    "contact": Sort(Lead.contact_day, False, gettext("longest without contact first")),
    "outcome": Sort(Lead.outcome_day, True, gettext("newest outcome first")),
    "name": Sort(Lead.sort_name, False, gettext("by name")),
}
