"""Formats of exported files, and their columns beside fields and people."""

# Format -> media type.
FORMATS = {"csv": "text/csv", "jsonl": "application/jsonl"}
# What became of the lead, when, who said so, and by which rule where it was only inferred.
OUTCOME_COLUMNS = ("actual_outcome", "outcome_at", "outcome_source", "outcome_rule")
# The word for an outcome event that takes the one before it back.
WITHDRAWN = "withdrawn"
# What an import leaves out: it follows from the rest, or says how this installation came to it.
SCORE_COLUMNS = ("conversion_score", "grade", "model_version")
STATE_COLUMNS = ("created_at", "removed_at")
EVENT_COLUMNS = ("recorded_at", "actor")
HISTORY_COLUMNS = ("conversion_score", "model_version", "input_source")
LEFT_OUT = (*SCORE_COLUMNS, *STATE_COLUMNS, *EVENT_COLUMNS, *HISTORY_COLUMNS)
