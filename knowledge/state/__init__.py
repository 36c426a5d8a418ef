"""Pipeline memory: what runs have done, so that a retry goes on from the last checkpoint."""
