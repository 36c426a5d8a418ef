"""Seen Before inside other people's schedulers: one module each, one extra each, and none of them ever in the way."""
