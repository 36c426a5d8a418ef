"""How failures come in: logs, imports, and later webhooks and telemetry. Knows knowledge, not api."""
