"""Leads to explore: a random slice that is worth a call whatever the score.

Where only the leads scored highest are worked, a model learns nothing of the others, and its AUC on
them cannot be told. The slice is drawn once by the lead's id: it stays the same whatever is known
of the lead, and a larger share holds all of a smaller one.
"""

import hashlib

import sqlalchemy as sa

from webapp.tables import Lead

N_DRAWS = 10_000
SALT = "explore"  # so that the draw has nothing to do with other uses of an id


def draw(lead_id: str) -> int:
    """Draw a number from 0 to 9,999 for a lead, always the same."""
    digest = hashlib.sha256(f"{SALT}:{lead_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % N_DRAWS


def is_explored(lead: Lead, percent: float) -> bool:
    """Whether a lead belongs to the slice of so many percent."""
    return lead.explore_draw < _below(percent)


def explored(percent: float) -> sa.ColumnElement[bool]:
    """The same as a condition on `Lead`."""
    return Lead.explore_draw < _below(percent)


def _below(percent: float) -> float:
    return percent * N_DRAWS / 100
