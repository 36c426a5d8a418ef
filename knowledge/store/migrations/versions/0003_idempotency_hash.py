"""See 0003_idempotency_hash.sql."""

from knowledge.store.migrations import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0003_idempotency_hash.sql")
