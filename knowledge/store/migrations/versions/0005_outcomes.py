"""See 0005_outcomes.sql."""

from knowledge.store.migrations import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0005_outcomes.sql")
