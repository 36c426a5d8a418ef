"""The kinds of line that a failing pipeline prints; a line may be of several."""

from __future__ import annotations

#: One shape's contribution: which pattern makes a line which kind.
LinePatterns = tuple[tuple[int, str], ...]

FRAME = 1 << 0  # one stack frame, in any language
PYTHON_FRAME = 1 << 1  # a frame that may be followed by the source line it quotes
CAUSED_BY = 1 << 2  # starts a deeper cause of what was printed before it (Java, Node, Rust, Go)
CHAINED = 1 << 3  # says that what was printed before it caused what follows (Python)
HEADER = 1 << 4  # announces a stack and says nothing itself
RAISED = 1 << 5  # names an exception class, with or without a message
FACT = 1 << 6  # a cluster's status field that decides: reason, exit code, condition
ERROR = 1 << 7  # says in words that something failed
LEVEL = 1 << 8  # logged at error level
QUIET = 1 << 9  # logged at a level below warning
NOISE = 1 << 10  # progress bars, banners, separators, listings
TRAILER = 1 << 11  # says only that something before it failed
GENERIC = 1 << 12  # an exception class that wraps whatever failed in another process
WARNING = 1 << 13  # logged at warning level
RUBY_RAISED = 1 << 14  # a frame that is followed by what was raised there
