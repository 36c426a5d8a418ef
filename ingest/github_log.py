"""Logs of GitHub Actions: of each step that failed, what it printed.

Three forms are read: what `gh run view --log` and `--log-failed` print (job, step and line, with tabs between), the log
of one job as GitHub keeps it (lines with time stamps), and the zip of "Download log archive" (`ingest.github_archive`).
A step has failed where the runner says so: with `##[error]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from ingest.bounded import BoundedText, bounded_lines
from ingest.foreign import moment_of, name_of
from ingest.github import id_of_job
from ingest.items import Item, Names, filled, identity

LONGEST_LINE = 200_000
#: `2026-11-20T08:15:00.1234567Z` and a space; the length of the fraction varies.
LONGEST_STAMP = 40
BYTE_ORDER_MARK = "\ufeff"
#: What newer versions of gh print for a step, where the archive does not tell which it is.
NO_STEP = "UNKNOWN STEP"
ERROR, GROUP, END_OF_GROUP = "##[error]", "##[group]", "##[endgroup]"
#: The runner's own way to show what it is about to run, with its environment: no output of the step.
RUN_GROUP = "##[group]Run "
CLEAN_UP = "Post job cleanup."
#: Lines of the runner that tell nothing of a failure.
NOISE = ("##[debug]", "##[command]", END_OF_GROUP)
MARKERS = (ERROR, GROUP, "##[warning]", "##[notice]", "##[section]")
#: A group that shows what is run is at most so long; what goes on is output.
LONGEST_SHOWN = 500
#: How whatever the runner itself marks begins.
MARK = "##["
NO_LOG = (
    "this is no log of GitHub Actions: no line has what the lines of such a log have, a time stamp and then, now and "
    "again, a mark of the runner's (##[group], ##[error])"
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log: which job and step it is of, as far as it says, its time stamp, its text, and its bytes."""

    number: int
    size: int
    job: str | None
    step: str | None
    stamp: str
    text: str


def parse_line(raw: bytes, *, number: int, size: int, job: str | None = None, step: str | None = None) -> LogLine:
    """A line in whichever form."""
    line = raw.decode("utf-8", "replace").rstrip("\r\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    line = line.removeprefix(BYTE_ORDER_MARK)
    parts = line.split("\t", 2)
    if len(parts) == 3 and _stamped(parts[2])[0]:
        job, line = parts[0], parts[2]
        step = parts[1] if parts[1] != NO_STEP else None
    stamp, text = _stamped(line)
    return LogLine(number, size, job, step, stamp, text)


def is_log_line(raw: bytes) -> bool:
    """Whether a line could be of such a log: it has a time stamp where one belongs."""
    return bool(parse_line(raw, number=1, size=0).stamp)


def _stamped(line: str) -> tuple[str, str]:
    """The time stamp and the rest; an empty stamp where there is none."""
    line = line.removeprefix(BYTE_ORDER_MARK)
    stamp, _, text = line[:LONGEST_STAMP].partition(" ")
    if len(stamp) >= 20 and stamp.endswith("Z") and stamp[10] == "T" and _moment(stamp):
        return stamp, text + line[LONGEST_STAMP:]
    return "", line


def _moment(stamp: str) -> datetime | None:
    """Python reads six digits of a fraction, GitHub writes seven."""
    whole, dot, fraction = stamp.removesuffix("Z").partition(".")
    return moment_of(f"{whole}{dot}{fraction[:6]}+00:00")


@dataclass
class _Step:
    """A step while it is read."""

    job: str | None
    named: str | None
    title: str | None = None
    number: int = 0
    first_error: LogLine | None = None
    last_error: LogLine | None = None
    text: BoundedText = field(default_factory=BoundedText)
    original: BoundedText = field(default_factory=lambda: BoundedText(head=2_000, tail=20_000))
    shown: int | None = None

    def add(self, line: LogLine) -> None:
        """A line of the step."""
        self.original.add(f"{line.stamp} {line.text}\n")
        if line.text.startswith(ERROR):
            self.first_error = self.first_error or line
            self.last_error = line
        if self._is_output(line.text):
            self.text.add(_unmarked(line.text) + "\n")

    def _is_output(self, text: str) -> bool:
        if text.startswith(RUN_GROUP):
            self.shown = 0
            self.title = self.title or text.removeprefix(GROUP)
        elif text.startswith((END_OF_GROUP, ERROR)):
            self.shown = None
        elif self.shown is not None:
            self.shown = self.shown + 1 if self.shown < LONGEST_SHOWN else None
        return self.shown is None and not text.startswith(NOISE)


def _unmarked(text: str) -> str:
    return next((text[len(mark) :] for mark in MARKERS if text.startswith(mark)), text)


def read_log(stream: BinaryIO, *, names: Names) -> Iterator[Item]:
    """The failures of a log; the last item tells of one that is no such log. An empty one has no failure."""
    logs = JobLogs(names)
    lines = bounded_lines(stream, longest=LONGEST_LINE)
    yield from logs.failed_steps(parse_line(line, number=number, size=size) for number, line, size in lines)
    if logs.lines and not logs.are_logs:
        yield Item(1, problem=NO_LOG)


@dataclass
class JobLogs:
    """The logs of a run while they are read: what failed in them, and whether they are such logs at all."""

    names: Names
    lines: int = field(default=0, init=False)
    _stamps: bool = field(default=False, init=False)
    _marks: bool = field(default=False, init=False)
    _failed: set[str] = field(default_factory=set, init=False)

    @property
    def are_logs(self) -> bool:
        """Whether the lines read so far have what those of such logs have."""
        return self._stamps and self._marks

    def failed_steps(self, lines: Iterable[LogLine]) -> Iterator[Item]:
        """The failure of each failed step, in the order of the log."""
        step: _Step | None = None
        size = 0
        for line in lines:
            self._look_at(line)
            if step is None or _begins_another(step, line):
                if step is not None and (item := self._item(step, size=size)) is not None:
                    yield item
                    size = 0
                step = _Step(line.job, line.step, number=line.number)
            step.add(line)
            size += line.size
        if step is not None and (item := self._item(step, size=size)) is not None:
            yield item

    def _look_at(self, line: LogLine) -> None:
        self.lines += 1
        self._stamps = self._stamps or bool(line.stamp)
        self._marks = self._marks or line.text.startswith(MARK)

    def _item(self, step: _Step, *, size: int) -> Item | None:
        """None for a step that did not fail."""
        first, last = step.first_error, step.last_error
        if first is None or last is None:
            return None
        value = _names(step, given=self.names) | filled(
            text=step.text.text().strip() or first.text,
            occurred_at=(moment.isoformat() if (moment := _moment(last.stamp)) else None),
            external_id=self._id(step, first),
        )
        return Item(first.number, size, value, original=step.original.text().encode("utf-8", "replace"))

    def _id(self, step: _Step, error: LogLine) -> str:
        """Of the first step of a job that failed: the job's, where it is known which attempt of which run this is.

        Else the first error and its time, to 100 ns: so the same failure is one in all three forms of a log.
        """
        run, attempt, job = self.names.run_id, self.names.attempt, step.job
        if run and attempt and job and job not in self._failed:
            self._failed.add(job)
            return id_of_job(run, attempt, job)
        where = () if error.stamp else (step.job, step.named, step.text.text())
        return identity("github-log", error.stamp, error.text, *where)


def _begins_another(step: _Step, line: LogLine) -> bool:
    """Where steps have no names, the runner shows what it runs at the beginning of each."""
    if (line.job, line.step) != (step.job, step.named):
        return True
    return line.step is None and line.text.startswith((RUN_GROUP, CLEAN_UP))


def _names(step: _Step, *, given: Names) -> dict[str, Any]:
    """The job is the pipeline and the step its step; under a pipeline that is given, both make the step."""
    job, title = name_of(step.job), name_of(step.named or step.title)
    if given.pipeline:
        return filled(step=name_of(" / ".join(part for part in (job, title) if part))) | given.fields()
    return filled(pipeline=job, step=title) | given.fields()
