"""See 0015_proposals.sql."""

from knowledge.store.migrations import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0015_proposals.sql")
