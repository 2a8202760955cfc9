"""What was asked for and is empty is told apart from what was not collected.

Inputs of snapshots get a null for each field that was declared then and is empty: until now these
two were one. The first inputs of leads that a CRM had closed already are left as they are, because
only fields that do not move with the outcome were read of them.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BUILT_IN = (
    "age",
    "location",
    "industry",
    "email_opens",
    "website_visits",
    "content_downloads",
    "days_since_contact",
    "lead_source",
)
LISTS = "SELECT after_snapshot_key, meanings FROM field_lists ORDER BY version"
# Functions take 100 arguments in any build, two for each name.
MAX_NAMES = 50
NEWEST = """(
    SELECT inputs FROM snapshots WHERE lead_key = leads.key ORDER BY taken_at DESC, key DESC LIMIT 1
)"""
ASKED = {
    "sqlite": f"SELECT json_group_array(told.key) FROM json_each({NEWEST}) AS told",  # noqa: S608
    "postgresql": f"SELECT json_agg(told) FROM json_object_keys({NEWEST}) AS told",  # noqa: S608
}
FILLED = {
    "sqlite": ("json_insert(inputs, {})", "'$.\"{}\"', NULL"),
    "postgresql": (
        "CAST(jsonb_build_object({}) || CAST(inputs AS jsonb) AS json)",
        "'{}', NULL",
    ),
}
FILL = """
    UPDATE snapshots SET inputs = {filled} WHERE key > :first AND key <= :last
    AND NOT (came_with_outcome AND source NOT IN ('api', 'rep', 'csv', 'demo'))
"""


def upgrade() -> None:
    # Not in a batch, which would make the table anew and lose the triggers of the search.
    op.add_column(
        "leads", sa.Column("asked_fields", sa.JSON(), server_default="[]", nullable=False)
    )
    connection = op.get_bind()
    last = connection.scalar(sa.text("SELECT MAX(key) FROM snapshots")) or 0
    lists = connection.execute(sa.text(LISTS)).all()
    starts = [0, *(start for start, _ in lists[1:])]
    ends = [*(start for start, _ in lists[1:]), last]
    names = [json.loads(m) if isinstance(m, str) else m for _, m in lists] or [{}]
    for first, end, meanings in zip(starts, ends, names, strict=True):
        _fill(connection, sorted({*BUILT_IN, *meanings}), first, end)
    asked = ASKED[connection.dialect.name]
    op.execute(f"UPDATE leads SET asked_fields = COALESCE(({asked}), '[]')")  # noqa: S608


def downgrade() -> None:
    # A null in the inputs of a snapshot is read as unknown, as before.
    op.drop_column("leads", "asked_fields")


def _fill(connection: sa.Connection, names: list[str], first: int, last: int) -> None:
    whole, pair = FILLED[connection.dialect.name]
    for place in range(0, len(names), MAX_NAMES):
        pairs = ", ".join(pair.format(name) for name in names[place : place + MAX_NAMES])
        statement = sa.text(FILL.format(filled=whole.format(pairs)))
        connection.execute(statement, {"first": first, "last": last})
