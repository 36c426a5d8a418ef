"""OpenTelemetry's logs and traces: exceptions in them become failures. Neither encoding is known to the conversion."""
