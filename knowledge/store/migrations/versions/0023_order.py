"""See 0023_order.sql."""

from knowledge.store.migrations import run_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0023_order.sql")
