"""PostgreSQL, the only truth: one module an aggregate, functions that take a connection first, SQL in `sql/*.sql`."""
