"""JUnit XML as pytest, surefire and gradle write it: test cases that failed or broke become failures.

The file is read as a stream and no tree is built, so its size is no bound. What is hostile is refused before it does
anything: document types (and with them entities and everything external), nesting, and markup without an end. What was
read before is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from ingest.bounded import BoundedText
from ingest.foreign import LONGEST_NAME, moment_of, name_of, text_of
from ingest.items import Item, Names, Outcome, filled, identity
from ingest.occurrences import Occurrences, digest_of

CHUNK = 65_536
#: testsuites, suites in suites, a case, a failure and its parts: nobody nests deeper.
DEEPEST = 50
#: Bytes of markup (a tag with its attributes) without an end.
LONGEST_MARKUP = 16_000_000
#: Characters of an attribute that are kept; the message of a failed assertion may hold what was compared.
LONGEST_MESSAGE = 200_000
#: Failures of one test case: attempts of it, and the failure of its teardown.
MOST_OF_A_CASE = 100

SUITES, SUITE, CASE = "testsuites", "testsuite", "testcase"
#: Attempts in a row, as surefire tells them. A flaky one was followed by one that passed.
FAILED, AGAIN, FLAKY = ("failure", "error"), ("rerunFailure", "rerunError"), ("flakyFailure", "flakyError")
FAILURES = frozenset((*FAILED, *AGAIN, *FLAKY))
#: Where surefire puts the text of attempts; other parts of a failure are its output.
STACK = "stackTrace"
#: What a test case printed: all that CTest, whose failures say "Failed", tells of why.
OUTPUT = ("system-out", "system-err")


class _RefusedXml(Exception):
    """What the reader does not go on with, in words."""


def read_junit(stream: BinaryIO, *, names: Names) -> Iterator[Item]:
    """Failures and errors of a file, in its order; the last item tells where it could not be read further."""
    with Occurrences() as occurrences:
        yield from _read(stream, target=_Cases(names, occurrences))


def _read(stream: BinaryIO, *, target: _Cases) -> Iterator[Item]:
    parser = XMLParser(target=target, forbid_dtd=True)
    expat = parser.parser  # which the parser forgets at its end
    target.line = lambda: int(expat.CurrentLineNumber)
    problem: str | None = None
    while problem is None:
        chunk = stream.read(CHUNK)
        problem = _fed(parser, chunk, target=target)
        yield from target.take(len(chunk))
        if not chunk:
            break
    if problem is None and not target.seen_suite:
        problem = "this is no JUnit XML: it has no testsuite"
    if problem is not None:
        yield Item(max(1, target.line()), problem=problem)


def _fed(parser: Any, chunk: bytes, *, target: _Cases) -> str | None:
    """Feed the parser, or end it; what is wrong, in words."""
    try:
        if chunk:
            before = target.events
            parser.feed(chunk)
            target.silent = 0 if target.events > before else target.silent + len(chunk)
        else:
            parser.close()
    except DefusedXmlException:
        return "this XML declares a document type or entities, which are not read"
    except _RefusedXml as refused:
        return str(refused)
    except (ParseError, ValueError, LookupError) as error:
        return f"this is not valid XML: {error}"
    return f"a tag has more than {LONGEST_MARKUP} bytes" if target.silent > LONGEST_MARKUP else None


@dataclass
class _Failure:
    """A failure element while it is read."""

    kind: str
    number: int
    attributes: Mapping[str, str]
    text: BoundedText = field(default_factory=BoundedText)


@dataclass
class _Case:
    """A test case while it is read."""

    attributes: Mapping[str, str]
    failures: list[_Failure] = field(default_factory=list)
    output: BoundedText = field(default_factory=lambda: BoundedText(head=2_000, tail=50_000))


class _Cases:
    """What the parser tells of elements, made into items."""

    def __init__(self, names: Names, occurrences: Occurrences) -> None:
        self._names = names
        self._occurrences = occurrences
        self._open: list[str] = []
        self._suites: list[Mapping[str, str]] = []
        self._case: _Case | None = None
        self._failure: _Failure | None = None
        self._done: deque[Item] = deque()
        self.events = self.silent = 0
        self.seen_suite = False
        self.line: Callable[[], int] = lambda: 1

    def take(self, size: int) -> Iterator[Item]:
        """The items that are complete; the first is told what was read for them."""
        while self._done:
            item = self._done.popleft()
            yield Item(item.number, size, item.value, outcome=item.outcome)
            size = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self.events += 1
        if len(self._open) >= DEEPEST:
            raise _RefusedXml(f"this XML is nested more than {DEEPEST} deep")
        name = tag.rpartition("}")[2]
        self._open.append(name)
        self.seen_suite = self.seen_suite or name in (SUITES, SUITE)
        if name == SUITE:
            self._suites.append(attributes)
        elif name == CASE and self._failure is None:
            self._case = _Case(attributes)
        elif name in FAILURES and self._failure is None and self._suites:
            self._failure = _Failure(name, self.line(), attributes)

    def data(self, text: str) -> None:
        """Characters; those of a failure are kept, and of its parts only the stack trace; and what the case printed."""
        self.events += 1
        if self._failure is not None:
            if self._open[-1] in (self._failure.kind, STACK):
                self._failure.text.add(text)
        elif self._case is not None and self._open[-1] in OUTPUT:
            self._case.output.add(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.events += 1
        name = tag.rpartition("}")[2]
        self._open.pop()
        failure = self._failure
        if failure is not None and name == failure.kind:
            self._failure = None
            if self._case is None:
                self._emit(_Case({}, [failure]))
            elif len(self._case.failures) < MOST_OF_A_CASE:
                self._case.failures.append(failure)
        elif name == CASE and self._case is not None and failure is None:
            self._emit(self._case)
            self._case = None
        elif name == SUITE and self._suites and failure is None:
            self._suites.pop()

    def close(self) -> None:
        """The document ends."""

    def _emit(self, case: _Case) -> None:
        suite = self._suites[-1] if self._suites else {}
        for failure, (attempt, outcome) in zip(case.failures, _attempts(case.failures), strict=True):
            value = _value(failure, case=case, suite=suite, names=self._names)
            value |= filled(attempt=attempt, external_id=self._id(value, case=case.attributes, suite=suite))
            self._done.append(Item(failure.number, value=value, outcome=outcome))

    def _id(self, value: Mapping[str, Any], *, case: Mapping[str, str], suite: Mapping[str, str]) -> str:
        """By what the file says of suite, case and failure; the same once more is another occurrence.

        A suite's time stamp and the durations tell one run of the tests from the next.
        """
        said = (sorted(suite.items()), sorted(case.items()), value.get("error"), value.get("text"))
        id = identity("junit", *said)
        times = self._occurrences.count(digest_of(id.encode()))
        return id if times == 1 else f"{id}:{times}"


def _attempts(failures: list[_Failure]) -> list[tuple[int | None, Outcome | None]]:
    """Which attempt each was and how the next one ended, where the failures are attempts of one case."""
    kinds = [failure.kind for failure in failures]
    flaky = bool(kinds) and all(kind in FLAKY for kind in kinds)
    if not flaky and not any(kind in AGAIN for kind in kinds):
        return [(None, None)] * len(kinds)
    numbered: list[tuple[int | None, Outcome | None]] = [
        (number, Outcome("failed", attempt=number + 1)) for number in range(1, len(kinds))
    ]
    return [*numbered, (len(kinds), Outcome("succeeded", attempt=len(kinds) + 1) if flaky else None)]


def _value(failure: _Failure, *, case: _Case, suite: Mapping[str, str], names: Names) -> dict[str, Any]:
    """The fields of an import's line."""
    said = case.attributes
    environment = filled(
        test=name_of(said.get("name")), file=name_of(said.get("file")), hostname=name_of(suite.get("hostname"))
    )
    moment = moment_of(said.get("timestamp")) or moment_of(suite.get("timestamp"))
    fields = filled(
        pipeline=name_of(suite.get("name")),
        step=name_of(said.get("classname")) or name_of(said.get("name")),
        occurred_at=moment.isoformat() if moment else None,
        environment=environment,
    )
    return _told(failure, case=case) | fields | names.fields()


def _told(failure: _Failure, *, case: _Case) -> dict[str, Any]:
    """What went wrong. pytest names no type: then the text is read as a log is, or what the case printed."""
    kind = text_of(failure.attributes.get("type"), most=LONGEST_NAME)
    message = text_of(failure.attributes.get("message"), most=LONGEST_MESSAGE)
    text = text_of(failure.text.text())
    if kind:
        return {"error": filled(type=kind, message=message, stacktrace=text)}
    if text is None and (printed := text_of(case.output.text())):
        return {"text": f"{printed}\n{message or ''}".rstrip()}
    return {"text": text or message or f"{failure.kind} in {name_of(case.attributes.get('name')) or 'a test'}"}
