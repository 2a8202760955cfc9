"""The audit log says from where, and keeps what it says: entries are added and expire, no more."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0044"
branch_labels = None
depends_on = None

# An entry may lose what names a person, and goes once it is older than the shortest retention.
SQLITE = (
    """CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE ON audit_entries
    WHEN NEW.key IS NOT OLD.key OR NEW.at IS NOT OLD.at OR NEW.actor IS NOT OLD.actor
      OR NEW.action IS NOT OLD.action OR NEW.caller IS NOT OLD.caller
      OR NEW.request_id IS NOT OLD.request_id
      OR NEW.subject IS NOT 'erased' OR NEW.detail IS NOT '{}'
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END""",
    """CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
    WHEN OLD.at > datetime('now', '-90 days')
    BEGIN SELECT RAISE(ABORT, 'audit entries are kept for 90 days at least'); END""",
)
POSTGRESQL = (
    """CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF (NEW.key, NEW.at, NEW.actor, NEW.action) IS DISTINCT FROM
           (OLD.key, OLD.at, OLD.actor, OLD.action)
           OR (NEW.caller, NEW.request_id) IS DISTINCT FROM (OLD.caller, OLD.request_id)
           OR NEW.subject <> 'erased' OR NEW.detail::text <> '{}' THEN
          RAISE EXCEPTION 'audit entries are never changed';
        END IF;
        RETURN NEW;
      END IF;
      IF OLD.at > now() - interval '90 days' THEN
        RAISE EXCEPTION 'audit entries are kept for 90 days at least';
      END IF;
      RETURN OLD;
    END $$""",
    """CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION keep_audit_entry()""",
)


def upgrade() -> None:
    op.add_column("audit_entries", sa.Column("caller", sa.String(100), nullable=True))
    op.add_column("audit_entries", sa.Column("request_id", sa.String(64), nullable=True))
    for statement in POSTGRESQL if is_postgresql() else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    if is_postgresql():
        op.execute("DROP TRIGGER audit_entries_kept ON audit_entries")
        op.execute("DROP FUNCTION keep_audit_entry()")
    else:
        op.execute("DROP TRIGGER audit_entries_unchanged")
        op.execute("DROP TRIGGER audit_entries_kept")
    op.drop_column("audit_entries", "request_id")
    op.drop_column("audit_entries", "caller")


def is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
