"""The case study: 47 models retrained continuously, under policies from restarting by hand to knowing everything."""
