"""Leads by the beginnings of words in their names, in the index that each database keeps."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from webapp.tables import Lead

Rows: TypeAlias = sa.Select[*tuple[Any, ...]]
# The words as the index on PostgreSQL has them, letter by letter, or it would not be used.
INDEXED_WORDS: sa.ColumnElement[Any] = sa.literal_column(
    "array_to_tsvector(string_to_array(leads.search_text, ' '))"
)


def on_postgresql(words: Sequence[str]) -> Rows:
    """The `key`s of leads with words that begin so."""
    wanted = " & ".join(f"'{word}':*" for word in words)
    return sa.select(Lead.key).where(INDEXED_WORDS.op("@@")(sa.cast(wanted, TSQUERY)))


def on_sqlite(words: Sequence[str], *, is_limited: bool) -> Rows:
    """The same; joined to leads where a session is limited, which narrows only what it sees."""
    index = sa.table("leads_search", sa.column("rowid"), sa.column("leads_search"))
    wanted = " ".join(f'"{word}"*' for word in words)
    keys = sa.select(index.c.rowid.label("key")).where(index.c.leads_search.match(wanted))
    return keys.join(Lead, Lead.key == index.c.rowid) if is_limited else keys
