"""Histories: what schedulers and trackers still know of failed runs, read from their HTTP APIs."""
