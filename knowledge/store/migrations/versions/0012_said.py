"""See 0012_said.sql."""

from knowledge.store.migrations import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0012_said.sql")
