"""What of a command's output can be read: bytes of an archive or a picture are no failure's text."""

from __future__ import annotations

import re

#: Characters in no text of any usual encoding. Tabs, line ends, bells, backspaces and colours (ESC) are in many.
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
#: So long a run of ASCII does not come about by chance: of random bytes, one in ten million begins one.
_RUN = re.compile(rb"[\t\x20-\x7e]{16,}")
#: Among binary bytes, a line that is shorter is taken for chance.
LEAST_LINE = 8


def readable(part: bytes) -> bytes:
    """Whole lines, less what cannot be read. Text comes back as it is, whatever its encoding."""
    if not _CONTROL.search(part):
        return part
    return b"".join(_of_line(line) for line in part.splitlines(keepends=True))


def _of_line(line: bytes) -> bytes:
    """A line that has binary ones about it: whole where it is UTF-8, else what is ASCII for long enough."""
    if len(line.strip()) >= LEAST_LINE and not _CONTROL.search(line) and _is_utf8(line):
        return line
    runs = _RUN.findall(line)
    return b" ".join(runs) + b"\n" if runs else b""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
