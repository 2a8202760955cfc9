"""Formats of exported files, and their columns beside fields and people."""

from typing import Literal

# Format -> media type.
FORMATS = {"csv": "text/csv", "jsonl": "application/jsonl"}
# What became of the lead, when, who said so, and by which rule where it was only inferred.
OUTCOME_COLUMNS = ("actual_outcome", "outcome_at", "outcome_source", "outcome_rule")
# Words for an outcome event that takes one back -> which: the last of its own source, or the one
# of another source that counted.
OWN_WITHDRAWN, OTHER_WITHDRAWN = "withdrawn", "withdrawn (other source)"
WITHDRAWALS: dict[str, Literal["own", "counting"]] = {
    OWN_WITHDRAWN: "own",
    OTHER_WITHDRAWN: "counting",
}
# An import leaves these out: they follow from the rest, or say how this installation came to it.
SCORE_COLUMNS = ("conversion_score", "grade", "model_version")
STATE_COLUMNS = ("status", "created_at", "removed_at")
EVENT_COLUMNS = ("recorded_at", "actor")
HISTORY_COLUMNS = ("conversion_score", "model_version", "input_source")
