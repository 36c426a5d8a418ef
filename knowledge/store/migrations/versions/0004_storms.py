"""See 0004_storms.sql."""

from knowledge.store.migrations import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0004_storms.sql")
