"""See 0013_unbiased_counts.sql."""

from knowledge.store.migrations import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0013_unbiased_counts.sql")
