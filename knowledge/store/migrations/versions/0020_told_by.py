"""See 0020_told_by.sql."""

from knowledge.store.migrations import run_sql

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0020_told_by.sql")
