"""See 0002_recording.sql."""

from knowledge.store.migrations import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0002_recording.sql")
