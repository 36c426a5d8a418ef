"""See 0017_overview.sql."""

from knowledge.store.migrations import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0017_overview.sql")
