"""Leads and deals belong together many to many, and nothing but a kind says which CRM it is.

A lead had one deal of its own, one that a person had linked, and the deals of its contact in a
table beside it: all of them are links now. Going down, of several links of a lead the one to the
first deal by its id is kept. The source of an outcome is the kind of its CRM, whichever it is.
"""

# ruff: noqa: S608 - all names are of this file

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID = sa.String(18)
SOURCES = "source IN ('api', 'rep', 'csv', 'salesforce')"
COLUMNS = {"lead": "opportunity_id", "person": "linked_opportunity_id"}
ORIGINS = "origin IN ('lead', 'deal', 'contact', 'person')"
# What is kept as JSON: of the rules, and of what runs have done.
RULES = (
    ('"opportunity_won"', '"deal_won"'),
    ('"opportunity_created"', '"deal_created"'),
    ('"no_opportunity"', '"no_deal"'),
    ('"no_opportunity_days"', '"no_deal_days"'),
    ('"conflicts": "salesforce"', '"conflicts": "crm"'),
)
RESULTS = (
    ('"opportunities_read"', '"deals_read"'),
    ('"opportunities_changed"', '"deals_changed"'),
    ('"opportunities":', '"deals":'),
    ('"salesforce":', '"crm":'),
)


def upgrade() -> None:
    op.create_table(
        "crm_links",
        sa.Column("crm_lead_id", ID, nullable=False),
        sa.Column("deal_id", ID, nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.CheckConstraint(ORIGINS, name=op.f("ck_crm_links_origin_known")),
        sa.PrimaryKeyConstraint("crm_lead_id", "deal_id", "origin", name=op.f("pk_crm_links")),
    )
    op.create_index(op.f("ix_crm_links_deal_id"), "crm_links", ["deal_id"])
    for origin, column in COLUMNS.items():
        op.execute(
            f"INSERT INTO crm_links SELECT id, {column}, '{origin}' FROM crm_leads"
            f" WHERE {column} IS NOT NULL"
        )
        op.drop_index(op.f(f"ix_crm_leads_{column}"), "crm_leads")
        op.drop_column("crm_leads", column)
    op.execute("INSERT INTO crm_links SELECT crm_lead_id, opportunity_id, 'contact' FROM crm_roles")
    op.drop_table("crm_roles")
    op.rename_table("crm_opportunities", "crm_deals")
    _rename_key("crm_deals", "pk_crm_opportunities", "pk_crm_deals")
    op.execute("ALTER TABLE crm_unmatched RENAME COLUMN opportunity_id TO deal_id")
    op.add_column(
        "crm_connections",
        sa.Column("kind", sa.String(20), server_default="salesforce", nullable=False),
    )
    with op.batch_alter_table("outcomes") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_outcomes_source_known"), type_="check")
    op.execute("UPDATE crm_windows SET object = 'lead' WHERE object = 'Lead'")
    op.execute("UPDATE crm_windows SET object = 'deal' WHERE object = 'Opportunity'")
    op.execute("UPDATE crm_conflicts SET kept = 'crm' WHERE kept = 'salesforce'")
    _replace("crm_connections", "rules", RULES)
    _replace("runs", "result", RESULTS, "kind = 'sync'")


def downgrade() -> None:
    _replace("runs", "result", [(new, old) for old, new in RESULTS], "kind = 'sync'")
    _replace("crm_connections", "rules", [(new, old) for old, new in RULES])
    op.execute("UPDATE crm_conflicts SET kept = 'salesforce' WHERE kept = 'crm'")
    op.execute("UPDATE crm_windows SET object = 'Lead' WHERE object = 'lead'")
    op.execute("UPDATE crm_windows SET object = 'Opportunity' WHERE object = 'deal'")
    op.execute(
        "UPDATE outcomes SET source = 'salesforce' WHERE source NOT IN ('api', 'rep', 'csv')"
    )
    with op.batch_alter_table("outcomes") as batch_op:
        batch_op.create_check_constraint(batch_op.f("ck_outcomes_source_known"), SOURCES)
    op.drop_column("crm_connections", "kind")
    op.execute("ALTER TABLE crm_unmatched RENAME COLUMN deal_id TO opportunity_id")
    op.rename_table("crm_deals", "crm_opportunities")
    _rename_key("crm_opportunities", "pk_crm_deals", "pk_crm_opportunities")
    op.create_table(
        "crm_roles",
        sa.Column("crm_lead_id", ID, nullable=False),
        sa.Column("opportunity_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["crm_lead_id"], ["crm_leads.id"], name=op.f("fk_crm_roles_crm_lead_id_crm_leads")
        ),
        sa.PrimaryKeyConstraint("crm_lead_id", "opportunity_id", name=op.f("pk_crm_roles")),
    )
    op.create_index(op.f("ix_crm_roles_opportunity_id"), "crm_roles", ["opportunity_id"])
    op.execute(
        "INSERT INTO crm_roles SELECT crm_lead_id, deal_id FROM crm_links"
        " WHERE origin = 'contact' AND crm_lead_id IN (SELECT id FROM crm_leads)"
    )
    for origin, column in COLUMNS.items():
        op.add_column("crm_leads", sa.Column(column, ID, nullable=True))
        op.create_index(op.f(f"ix_crm_leads_{column}"), "crm_leads", [column])
        origins = "('lead', 'deal')" if origin == "lead" else f"('{origin}')"
        op.execute(
            f"UPDATE crm_leads SET {column} = (SELECT min(deal_id) FROM crm_links"
            f" WHERE crm_lead_id = crm_leads.id AND origin IN {origins})"
        )
    op.drop_table("crm_links")


def _rename_key(table: str, old: str, new: str) -> None:
    # SQLite does not tell the name of a primary key.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")


def _replace(
    table: str, column: str, pairs: Sequence[tuple[str, str]], where: str = "true"
) -> None:
    """Replace pieces of a column's JSON."""
    text = f"CAST({column} AS TEXT)"
    for old, new in pairs:
        text = f"replace({text}, '{old}', '{new}')"
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    value = f"CAST({text} AS JSON)" if is_postgresql else text
    op.get_bind().exec_driver_sql(f"UPDATE {table} SET {column} = {value} WHERE {where}")
