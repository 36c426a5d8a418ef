"""See 0016_pages.sql."""

from knowledge.store.migrations import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0016_pages.sql")
