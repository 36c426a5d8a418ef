"""The door for agents: tools of the Model Context Protocol, over HTTP at `/mcp` and over standard input and output.

What an agent may ask (`tools`), what it is told (`answers`), and how text from failures is marked in it (`marking`) are
the same by either way; who answers is not (`respondent`): the service itself, or a service that runs elsewhere.
"""
