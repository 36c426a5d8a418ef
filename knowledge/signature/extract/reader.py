"""From plain lines to what failed: chains of exceptions, failing lines, what surrounds them, what only repeats them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from knowledge.signature.extract import cluster, jvm, kinds, native, plain, python
from knowledge.signature.patterns import LineKinds, pattern

_KINDS = LineKinds((*python.PATTERNS, *jvm.PATTERNS, *native.PATTERNS, *cluster.PATTERNS, *plain.PATTERNS))
_STACK = kinds.FRAME | kinds.PYTHON_FRAME | kinds.HEADER
_STRUCTURE = _STACK | kinds.CHAINED | kinds.CAUSED_BY | kinds.RAISED | kinds.RUBY_RAISED
_STARTS_ANEW = _STRUCTURE | kinds.LEVEL | kinds.WARNING | kinds.QUIET | kinds.NOISE | kinds.TRAILER
_CLASS = pattern(plain.EXCEPTION_CLASS)
_LEAD = pattern(r"^:\s+|^\s*\S+\.rb:\d+:in [`'][^']*': |^\s*(?:Caused by|Suppressed|\[cause\]|Source)(?::\s*|\b\s*)")
_SHORTEST_MESSAGE = 8
_SOURCE_LINES = 4
_CONTINUED_LINES = 6


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception: its class as written (empty when the line names none) and what it says, class included."""

    type: str
    lines: tuple[str, ...]
    generic: bool = False

    @property
    def decisive(self) -> tuple[str, ...]:
        """The line that names it; and what follows where that line only announces it."""
        head = self.lines[0]
        says_little = head.endswith(":") or len(head) <= len(self.type) + _SHORTEST_MESSAGE
        return self.lines if says_little else self.lines[:1]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says of its failure, in the order of the text; `chains` and `frames` are innermost first."""

    chains: tuple[tuple[Raised, ...], ...] = ()
    errors: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    trailers: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()


@dataclass(slots=True)
class _Scan:
    """Where the reading of a text stands. `aside`: lines that were logged below error level."""

    chains: list[list[Raised]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    trailers: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    aside: set[str] = field(default_factory=set)
    python_frames: list[str] = field(default_factory=list)
    raising_frames: list[str] = field(default_factory=list)
    raise_statement: str = ""
    source_indent: int = -1
    source_left: int = 0
    continues: int = 0
    chained: bool = False
    outermost_first: bool = False
    just_raised: bool = False


def read(lines: Sequence[str]) -> Reading:
    """Read plain lines (see `clean`); every line with something to say is kept somewhere.

    Of a traceback that was cut off before its last line, the innermost `raise` statement is kept in its stead.
    """
    scan = _Scan()
    for line in lines:
        _take(scan, line, _KINDS.of(line))
    if scan.raise_statement and not scan.chains:
        scan.errors.append(scan.raise_statement)
    if not (scan.chains or scan.errors or scan.context or scan.trailers or scan.noise):
        # Nothing but what looks like frames: then that is what was said.
        scan.context.extend(line.strip() for line in lines if line.strip())
    errors, context = _without_asides(scan)
    return Reading(
        tuple(tuple(chain) for chain in scan.chains),
        errors,
        context,
        tuple(scan.trailers) or tuple(scan.noise),
        (*reversed(scan.raising_frames), *reversed(scan.python_frames)),
    )


def _without_asides(scan: _Scan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Failing lines and what surrounds them. Of an exception with its stack nothing is part that was logged below error
    level on the way there."""
    raised = any(not one.generic for chain in scan.chains for one in chain)
    if not (raised and (scan.python_frames or scan.raising_frames)):
        return tuple(scan.errors), tuple(scan.context)
    return (
        tuple(line for line in scan.errors if line not in scan.aside),
        tuple(line for line in scan.context if line not in scan.aside),
    )


def _take(scan: _Scan, line: str, kind: int) -> None:
    text = line.strip()
    if not text:
        scan.continues = scan.source_left = 0
    elif _is_source(scan, line, kind):
        scan.source_left -= 1
        scan.raise_statement = text if text.startswith("raise ") else scan.raise_statement
    elif kind & _STACK:
        _take_stack(scan, line, kind)
    elif kind & kinds.CHAINED:
        scan.chained = True
    elif kind & (kinds.RAISED | kinds.CAUSED_BY | kinds.RUBY_RAISED):
        _take_raised(scan, text, kind)
    elif scan.continues and not kind & _STARTS_ANEW:
        _continue_raised(scan, text)
    else:
        _take_plain(scan, text, kind)


def _is_source(scan: _Scan, line: str, kind: int) -> bool:
    indent = len(line) - len(line.lstrip())
    return scan.source_left > 0 and indent > scan.source_indent and not kind & kinds.PYTHON_FRAME


def _take_stack(scan: _Scan, line: str, kind: int) -> None:
    scan.continues = 0
    scan.source_left = 0
    if kind & kinds.HEADER:
        rest = line.partition("Traceback (most")[0].strip(" :")
        if len(rest.split()) > 2 and kind & kinds.ERROR and "most recent call last" in line:
            scan.errors.append(rest)
        return
    if kind & kinds.PYTHON_FRAME:
        scan.source_indent = len(line) - len(line.lstrip())
        scan.source_left = _SOURCE_LINES
        scan.python_frames.append(line.strip())
    elif line.lstrip().startswith("raise "):
        scan.raise_statement = line.strip()
    elif scan.just_raised:
        scan.raising_frames.append(line.strip())
    scan.just_raised = False


def _take_raised(scan: _Scan, text: str, kind: int) -> None:
    text = _LEAD.sub("", text)
    found = _CLASS.search(text)
    raised = Raised(found[0] if found else "", (text,), bool(kind & kinds.GENERIC))
    scan.continues = _CONTINUED_LINES
    scan.source_left = 0
    scan.just_raised = True
    if not scan.chains or not (scan.chained or kind & kinds.CAUSED_BY):
        scan.chains.append([raised])
    elif kind & kinds.CAUSED_BY:
        scan.chains[-1].insert(0, raised)
        scan.outermost_first = True
    else:
        scan.chains[-1].append(raised)
        scan.outermost_first = False
    scan.chained = False


def _continue_raised(scan: _Scan, text: str) -> None:
    scan.continues -= 1
    chain = scan.chains[-1]
    place = 0 if scan.outermost_first else -1
    chain[place] = replace(chain[place], lines=(*chain[place].lines, text))


def _take_plain(scan: _Scan, text: str, kind: int) -> None:
    scan.continues = 0
    if kind & (kinds.WARNING | kinds.QUIET) and not kind & (kinds.LEVEL | kinds.FACT):
        scan.aside.add(text)
    if kind & kinds.TRAILER and not kind & kinds.FACT:
        scan.trailers.append(text)
    elif kind & kinds.FACT:
        scan.errors.append(text)
    elif kind & kinds.NOISE:
        (scan.context if kind & kinds.ERROR else scan.noise).append(text)
    elif kind & (kinds.ERROR | kinds.LEVEL):
        scan.errors.append(text)
    else:
        scan.context.append(text)
