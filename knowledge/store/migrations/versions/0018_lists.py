"""See 0018_lists.sql."""

from knowledge.store.migrations import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0018_lists.sql")
