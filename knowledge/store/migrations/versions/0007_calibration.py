"""See 0007_calibration.sql."""

from knowledge.store.migrations import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0007_calibration.sql")
