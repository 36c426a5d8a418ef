"""See 0011_failed_retries.sql."""

from knowledge.store.migrations import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0011_failed_retries.sql")
