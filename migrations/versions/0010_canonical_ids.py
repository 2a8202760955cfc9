"""Every lead's id is in its one form: programs that send another spelling find it by that."""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LEADS = sa.table(
    "leads",
    *(sa.column(name) for name in ("key", "lead_id", "search_text", "sort_name")),
)
CHUNK = 5000
INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
SALESFORCE_ID = re.compile(r"(001|003|005|006|00Q|701)[0-9A-Za-z]{12}", re.ASCII)
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def upgrade() -> None:
    connection, after = op.get_bind(), 0
    while rows := connection.execute(_next(after)).all():
        for row in rows:
            lead_id = _canonical(row.lead_id)
            # Where another lead has that id both stay: nobody can say which knows better.
            if lead_id not in ("", row.lead_id) and not connection.scalar(_has(lead_id)):
                connection.execute(_renamed(row, lead_id))
        after = rows[-1].key


def downgrade() -> None:
    """Keep the ids: the spelling that was sent first is not known any more."""


def _canonical(lead_id: str) -> str:
    """As the product did when this migration was written, whatever it does later."""
    text = unicodedata.normalize("NFC", INVISIBLE.sub("", lead_id).strip())
    if not SALESFORCE_ID.fullmatch(text):
        return text
    fives = (text[0:5], text[5:10], text[10:15])
    bits = (sum(1 << n for n, c in enumerate(five) if "A" <= c <= "Z") for five in fives)
    return text + "".join(CHECKSUM[number] for number in bits)


def _next(after: int) -> sa.Select[tuple[int, str, str, str]]:
    return sa.select(*LEADS.c).where(LEADS.c.key > after).order_by(LEADS.c.key).limit(CHUNK)


def _has(lead_id: str) -> sa.Select[tuple[int]]:
    return sa.select(LEADS.c.key).where(LEADS.c.lead_id == lead_id)


def _renamed(row: sa.Row[tuple[int, str, str, str]], lead_id: str) -> sa.Update:
    before, now = row.lead_id.casefold(), lead_id.casefold()
    values = {
        "lead_id": lead_id,
        "search_text": row.search_text.replace(before, now),
        "sort_name": now[:200] if row.sort_name == before[:200] else row.sort_name,
    }
    return sa.update(LEADS).where(LEADS.c.key == row.key).values(**values)
