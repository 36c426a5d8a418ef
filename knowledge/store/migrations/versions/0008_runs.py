"""See 0008_runs.sql."""

from knowledge.store.migrations import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0008_runs.sql")
