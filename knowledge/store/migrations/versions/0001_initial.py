"""See 0001_initial.sql."""

from knowledge.store.migrations import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0001_initial.sql")
