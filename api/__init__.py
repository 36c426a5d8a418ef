"""The HTTP service, the command line, and the composition root that builds both."""
