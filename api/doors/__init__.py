"""Doors through which other programs' telemetry and webhooks come in. The conversions are in `ingest`."""
