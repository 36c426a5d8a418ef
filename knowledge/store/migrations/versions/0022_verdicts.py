"""See 0022_verdicts.sql."""

from knowledge.store.migrations import run_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0022_verdicts.sql")
