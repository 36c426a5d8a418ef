"""Nearest precedents: the port to Qdrant, and its two adapters (in this process, or any server or cluster)."""
