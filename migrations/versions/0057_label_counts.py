"""The number of labelled leads is kept by triggers: each answer to an outcome tells it."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0050"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
COUNTED = """INSERT INTO label_counts (n_converted, n_lost)
    SELECT coalesce(sum(CASE WHEN outcome THEN 1 ELSE 0 END), 0),
           coalesce(sum(CASE WHEN outcome THEN 0 ELSE 1 END), 0)
    FROM leads WHERE outcome IS NOT NULL"""
# By the sign of a row of `leads`: NEW adds one of its outcome, OLD takes one away.
SQLITE_SET = """INSERT INTO label_counts (key, n_converted, n_lost) VALUES (1, {converted}, {lost})
    ON CONFLICT (key) DO UPDATE SET n_converted = n_converted + excluded.n_converted,
                                    n_lost = n_lost + excluded.n_lost"""
ADDED = ("(NEW.outcome IS 1)", "(NEW.outcome IS 0)")
REMOVED = ("-(OLD.outcome IS 1)", "-(OLD.outcome IS 0)")
CHANGED = tuple(f"{new} {old}" for new, old in zip(ADDED, REMOVED, strict=True))
SQLITE = {
    "leads_label_added": ("INSERT ON leads WHEN NEW.outcome IS NOT NULL", ADDED),
    "leads_label_removed": ("DELETE ON leads WHEN OLD.outcome IS NOT NULL", REMOVED),
    "leads_label_changed": (
        "UPDATE OF outcome ON leads WHEN NEW.outcome IS NOT OLD.outcome",
        CHANGED,
    ),
}
FUNCTION = """CREATE FUNCTION count_label() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE was boolean; now_is boolean;
    BEGIN
      IF TG_OP <> 'INSERT' THEN was := OLD.outcome; END IF;
      IF TG_OP <> 'DELETE' THEN now_is := NEW.outcome; END IF;
      INSERT INTO label_counts (n_converted, n_lost) VALUES (
        (now_is IS TRUE)::int - (was IS TRUE)::int,
        (now_is IS FALSE)::int - (was IS FALSE)::int);
      RETURN NULL;
    END $$"""
POSTGRESQL = {
    "leads_label_added": "INSERT ON leads FOR EACH ROW WHEN (NEW.outcome IS NOT NULL)",
    "leads_label_removed": "DELETE ON leads FOR EACH ROW WHEN (OLD.outcome IS NOT NULL)",
    "leads_label_changed": (
        "UPDATE OF outcome ON leads FOR EACH ROW WHEN (NEW.outcome IS DISTINCT FROM OLD.outcome)"
    ),
}


def upgrade() -> None:
    op.create_table(
        "label_counts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("n_converted", sa.BigInteger(), nullable=False),
        sa.Column("n_lost", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_label_counts")),
    )
    if is_postgresql():
        # Before the count, as nobody may change an outcome between it and the triggers.
        op.execute("LOCK TABLE leads IN SHARE ROW EXCLUSIVE MODE")
        op.execute(COUNTED)
        op.execute(FUNCTION)
        for name, when in POSTGRESQL.items():
            op.execute(f"CREATE TRIGGER {name} AFTER {when} EXECUTE FUNCTION count_label()")
        return
    op.execute(COUNTED)
    for name, (when, (converted, lost)) in SQLITE.items():
        adding = SQLITE_SET.format(converted=converted, lost=lost)
        op.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {adding}; END")


def downgrade() -> None:
    for name in SQLITE:
        op.execute(f"DROP TRIGGER {name}" + (" ON leads" if is_postgresql() else ""))
    if is_postgresql():
        op.execute("DROP FUNCTION count_label()")
    op.drop_table("label_counts")


def is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
