"""See 0006_corrections.sql."""

from knowledge.store.migrations import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0006_corrections.sql")
