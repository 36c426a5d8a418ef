"""See 0010_schemas.sql."""

from knowledge.store.migrations import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the file beside this one."""
    run_sql("0010_schemas.sql")
