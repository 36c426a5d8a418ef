"""From neighbours to advice: pure functions over what the index and the store know. No I/O here."""
