"""See 0021_proposing_keys.sql."""

from knowledge.store.migrations import run_sql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0021_proposing_keys.sql")
