"""A withdrawal names the statement that it cancels, and hides no other any more."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
OUTCOMES = sa.table(
    "outcomes",
    sa.column("key"),
    sa.column("lead_key"),
    sa.column("result"),
    sa.column("source"),
    sa.column("actor"),
    sa.column("happened_at", TIME),
    sa.column("recorded_at", TIME),
    sa.column("reason"),
    sa.column("rule"),
    sa.column("cancels"),
)
LEADS = sa.table(
    "leads",
    sa.column("key"),
    sa.column("outcome", sa.Boolean()),
    sa.column("outcome_at", TIME),
    sa.column("is_never_worked", sa.Boolean()),
    sa.column("counted_by_run"),
    sa.column("counted_outcome", sa.Boolean()),
)
SCORES = sa.table("scores", sa.column("lead_key"), sa.column("status"))
CHUNK = 2000
ASSUMED, GONE = ("2n", "4s"), "5"
LABELS = {"converted": True, "lost": False}


def upgrade() -> None:
    with op.batch_alter_table("outcomes") as batch_op:
        batch_op.add_column(sa.Column("cancels", KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_outcomes_cancels_outcomes"), "outcomes", ["cancels"], ["key"]
        )
        batch_op.create_unique_constraint(batch_op.f("uq_outcomes_cancels"), ["cancels"])
    connection, after = op.get_bind(), 0
    while lead_keys := connection.scalars(_withdrawn_behind(after)).all():
        rows = connection.execute(
            sa.select(OUTCOMES)
            .where(OUTCOMES.c.lead_key.in_(lead_keys))
            .order_by(OUTCOMES.c.lead_key, OUTCOMES.c.key)
        ).mappings()
        histories: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            histories[row["lead_key"]].append(dict(row))
        for lead_key, history in histories.items():
            _show(connection, lead_key, _cancel(connection, history))
        after = lead_keys[-1]


def downgrade() -> None:
    """Keep what counts for each lead: the next statement decides by the rule of then."""
    with op.batch_alter_table("outcomes") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_outcomes_cancels"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_outcomes_cancels_outcomes"), type_="foreignkey")
        batch_op.drop_column("cancels")


def _withdrawn_behind(after: int) -> sa.Select[tuple[int]]:
    withdrawn = sa.and_(OUTCOMES.c.result == "withdrawn", OUTCOMES.c.lead_key > after)
    query = sa.select(OUTCOMES.c.lead_key).distinct().where(withdrawn)
    return query.order_by(OUTCOMES.c.lead_key).limit(CHUNK)


def _place(row: dict[str, Any]) -> tuple[bool, Any, int]:
    return row["rule"] not in ASSUMED, row["happened_at"], row["key"]


def _cancel(connection: sa.Connection, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write what each withdrawal cancels, and return the statements that stand."""
    standing: list[dict[str, Any]] = []
    for row in history:
        if row["result"] != "withdrawn":
            standing.append(row)
            continue
        for number, told in enumerate(_withdrawn_by(row, standing)):
            standing.remove(told)
            if number == 0:
                is_row = OUTCOMES.c.key == row["key"]
                connection.execute(sa.update(OUTCOMES).where(is_row).values(cancels=told["key"]))
            else:
                more = {k: v for k, v in row.items() if k != "key"} | {"cancels": told["key"]}
                connection.execute(sa.insert(OUTCOMES).values(**more))
    return standing


def _withdrawn_by(row: dict[str, Any], standing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Its source's last statement; of one that was only reported elsewhere, that which counted."""
    own = [told for told in standing if told["source"] == row["source"]]
    if row["source"] == "salesforce":
        return list(standing) if row["rule"] == GONE else own
    before = sorted((told for told in standing if _place(told) < _place(row)), key=_place)
    return own[-1:] or before[-1:]


def _show(connection: sa.Connection, lead_key: int, standing: list[dict[str, Any]]) -> None:
    """Bring a lead in line with the statements that stand, where another one counts now."""
    lead = connection.execute(sa.select(LEADS).where(LEADS.c.key == lead_key)).one()
    counts = max(standing, key=_place, default=None)
    result = counts["result"] if counts else None
    before = "never_worked" if lead.is_never_worked else lead.outcome
    label = LABELS.get(result or "")
    if (result if result == "never_worked" else label) == before:
        return
    values: dict[str, Any] = {
        "outcome": label,
        "outcome_at": counts["happened_at"] if counts else None,
        "is_never_worked": result == "never_worked",
    }
    if label is not None and label != lead.counted_outcome:
        values |= {"counted_by_run": None, "counted_outcome": None}
    connection.execute(sa.update(LEADS).where(LEADS.c.key == lead_key).values(**values))
    is_of_lead = SCORES.c.lead_key == lead_key
    connection.execute(sa.update(SCORES).where(is_of_lead).values(status=result or "open"))
