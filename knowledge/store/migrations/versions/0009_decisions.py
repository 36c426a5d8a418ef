"""See 0009_decisions.sql."""

from knowledge.store.migrations import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0009_decisions.sql")
