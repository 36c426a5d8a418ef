"""See 0014_notices.sql."""

from knowledge.store.migrations import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0014_notices.sql")
