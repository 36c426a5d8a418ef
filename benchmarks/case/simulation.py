"""One policy living through one world: a discrete-event simulation in the order of the world's time.

An attempt fails at the next place where a trouble strikes. A trouble that has struck stays at its place: who comes by
before it has cleared, or before a person has mended it, fails there again. So a retry does again what lies between
where it starts (zero, or the last checkpoint) and that place.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from benchmarks.case.assumptions import Assumptions
from benchmarks.case.world import Nature, Retraining, Spares, Trouble, World, trouble


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure as a policy meets it. `clears_at_h` and `trouble` are the truth, which only a clairvoyant may read.

    `retried`: retries of this trouble so far; `retried_run`: of the run, since a person last started it. `place`: where
    it failed, and `safe`: where its last checkpoint is, in GPU-hours of work (zero where none are written). `back_h`:
    how long it takes to come back to this place from there.
    """

    run: str
    pipeline: str
    number: int
    at_h: float
    trouble: Trouble
    clears_at_h: float | None
    retried: int
    retried_run: int
    place: float
    safe: float
    back_h: float

    @property
    def text(self) -> str:
        """What the pipeline reports."""
        return self.trouble.row.text

    @property
    def lost(self) -> float:
        """GPU-hours of work that a retry from the last checkpoint does again."""
        return self.place - self.safe


@dataclass(frozen=True, slots=True)
class Decision:
    """Retry after so many hours; None: leave it to a person."""

    wait_h: float | None


PAGE = Decision(None)


class Policy(Protocol):
    """Decides after each failure, and is told what came of it."""

    name: str
    #: Whether its runs write checkpoints.
    resumes: bool

    def decide(self, failed: Failed) -> Decision:
        """What to do now."""

    def ended(self, failed: Failed, *, waited_h: float, succeeded: bool) -> None:
        """The retry after this failure has got past its place, or has failed there again."""

    def looked(self, failed: Failed) -> None:
        """A person was paged, found out what it was, and mended it where that was needed."""

    def resume(self, failed: Failed) -> float:
        """Where the attempt after this failure begins, in GPU-hours of work: whoever starts it, a retry or a person."""

    def deployed(self, retraining: Retraining) -> None:
        """The run has come to its end."""


@dataclass(slots=True)
class Open:
    """A trouble that has struck and was not passed yet. `asked`: the failure whose retry is under way."""

    number: int
    trouble: Trouble
    place: float
    clears_at_h: float | None
    retried: int = 0
    mended: bool = False
    asked: Failed | None = None
    waited_h: float = 0.0

    def blocks(self, at_h: float) -> bool:
        """Whether who comes by at this time fails here."""
        return not self.mended and (self.clears_at_h is None or at_h < self.clears_at_h)


@dataclass(slots=True)
class Story:
    """What became of a retraining. `stopped`: transient troubles left to a person; `retried`: genuine ones that were
    retried before a person had seen them."""

    due_h: float
    deployed_h: float = math.nan
    gpu_hours: float = 0.0
    attempts: int = 0
    pages: int = 0
    transient: int = 0
    genuine: int = 0
    stopped: int = 0
    retried: int = 0

    @property
    def hours(self) -> float:
        """From due to deployed."""
        return self.deployed_h - self.due_h


@dataclass(frozen=True, slots=True)
class _Leg:
    """An attempt, from start to end: which troubles it gets past and when, and the one that stops it."""

    end_h: float
    end: float
    passed: tuple[tuple[float, Open], ...]
    struck: Open | None


@dataclass(slots=True)
class _Run:
    """A retraining on its way. `start`: where its attempt begins; `far`: how far it has ever come; `again`: GPU-hours
    that were done again."""

    retraining: Retraining
    assumptions: Assumptions
    resumes: bool
    spares: Spares
    first: list[tuple[float, Trouble]]
    natures: Iterator[tuple[float, Nature]]
    open: list[Open] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    start: float = 0.0
    far: float = 0.0
    again: float = 0.0
    retried: int = 0
    following: tuple[float, Nature] | None = None

    def __post_init__(self) -> None:
        self.following = next(self.natures, None)

    @property
    def safe(self) -> float:
        """The last checkpoint."""
        every = self.assumptions.checkpoint_gpu_hours
        return math.floor(self.far / every) * every if self.resumes else 0.0

    @property
    def hours_a_gpu_hour(self) -> float:
        """How long it takes to come a GPU-hour further."""
        return (1 + (self.assumptions.checkpoint_share if self.resumes else 0.0)) / self.assumptions.gpus

    def arrives(self, place: float, *, began_h: float, start: float | None = None) -> float:
        """When an attempt that starts now is at this place; `start`: not this attempt, but one from there."""
        start = self.start if start is None else start
        return began_h + self.assumptions.start_h + (place - start) * self.hours_a_gpu_hour

    def attempt(self, began_h: float) -> _Leg:
        """Go on until something strikes, or to the end."""
        end, struck = self._next(began_h)
        end_h = self.arrives(end, began_h=began_h)
        passed = tuple(
            (self.arrives(each.place, began_h=began_h), each)
            for each in sorted(self.open, key=lambda each: each.place)
            if each is not struck and each.place < end
        )
        self.open = [each for each in self.open if each.place >= end]
        self.again += max(0.0, min(end, self.far) - self.start)
        self.far = max(self.far, end)
        return _Leg(end_h, end, passed, struck)

    def _next(self, began_h: float) -> tuple[float, Open | None]:
        """The first place where the attempt fails: an open trouble, one on the way, or one of doing work again."""
        blocking = [
            each
            for each in self.open
            if each.place >= self.start and each.blocks(self.arrives(each.place, began_h=began_h))
        ]
        old = min(blocking, key=lambda each: each.place, default=None)
        end = old.place if old else self.assumptions.run_gpu_hours
        if self.following is not None:
            place = self.start + self.following[0] - self.again
            if place < min(end, self.far):
                return place, self._strike(place, self._redone(), began_h=began_h)
        if self.first and self.first[0][0] < end:
            place, found = self.first.pop(0)
            return place, self._strike(place, found, began_h=began_h)
        return end, old

    def _redone(self) -> Trouble:
        assert self.following is not None
        of = self.following[1]
        self.following = next(self.natures, None)
        return trouble(self.spares.take(transient=of.transient), of, self.assumptions)

    def _strike(self, place: float, found: Trouble, *, began_h: float) -> Open:
        at = self.arrives(place, began_h=began_h)
        struck = Open(next(self.numbers), found, place, None if found.clears_h is None else at + found.clears_h)
        self.open.append(struck)
        return struck

    def failed(self, struck: Open, *, at_h: float) -> Failed:
        """The failure as a policy meets it."""
        return Failed(
            run=self.retraining.name,
            pipeline=self.retraining.pipeline,
            number=struck.number,
            at_h=at_h,
            trouble=struck.trouble,
            clears_at_h=struck.clears_at_h,
            retried=struck.retried,
            retried_run=self.retried,
            place=struck.place,
            safe=self.safe,
            back_h=self.arrives(struck.place, began_h=0.0, start=self.safe),
        )


def simulate(world: World, policy: Policy, *, advance: Callable[[], None] = lambda: None) -> list[Story]:
    """What became of each retraining; `advance` is called when one is deployed."""
    spares = Spares(world)
    stories = [Story(each.due_h) for each in world.retrainings]
    waiting: list[tuple[float, int, Generator[float]]] = []
    for number, (retraining, story) in enumerate(zip(world.retrainings, stories, strict=True)):
        course = _course(retraining, world.assumptions, policy=policy, spares=spares, story=story)
        waiting.append((next(course), number, course))
    heapq.heapify(waiting)
    while waiting:
        _, number, course = waiting[0]
        following = next(course, None)
        if following is None:
            heapq.heappop(waiting)
            advance()
        else:
            heapq.heapreplace(waiting, (following, number, course))
    return stories


def _course(
    retraining: Retraining, assumptions: Assumptions, *, policy: Policy, spares: Spares, story: Story
) -> Generator[float]:
    """A retraining from due to deployed; it stops wherever time has to pass, and says until when."""
    again = retraining.again(assumptions)
    run = _Run(retraining, assumptions, policy.resumes, spares, list(retraining.first), again)
    now = retraining.due_h
    yield now
    while True:
        leg = run.attempt(now)
        story.attempts += 1
        share = assumptions.checkpoint_share if policy.resumes else 0.0
        story.gpu_hours += assumptions.start_h * assumptions.gpus + (leg.end - run.start) * (1 + share)
        for at, passed in leg.passed:
            if passed.asked is not None:
                yield at
                policy.ended(passed.asked, waited_h=passed.waited_h, succeeded=True)
        yield leg.end_h
        now = leg.end_h
        if leg.struck is None:
            break
        now = yield from _after(run, leg.struck, now=now, policy=policy, story=story)
    policy.deployed(retraining)
    story.deployed_h = now


def _after(run: _Run, struck: Open, *, now: float, policy: Policy, story: Story) -> Generator[float, None, float]:
    """Decide after a failure; when the next attempt begins."""
    if struck.asked is not None:
        policy.ended(struck.asked, waited_h=struck.waited_h, succeeded=False)
    else:
        story.transient += struck.trouble.transient
        story.genuine += not struck.trouble.transient
    failed = run.failed(struck, at_h=now)
    decision = policy.decide(failed)
    if decision.wait_h is None:
        now = yield from _paged(run, struck, failed, policy=policy, story=story)
        run.start = policy.resume(failed)
        return now
    story.retried += not struck.trouble.transient and not struck.retried
    struck.asked, struck.waited_h = failed, decision.wait_h
    struck.retried += 1
    run.retried += 1
    yield now + decision.wait_h
    run.start = policy.resume(failed)
    return now + decision.wait_h


def _paged(run: _Run, struck: Open, failed: Failed, *, policy: Policy, story: Story) -> Generator[float, None, float]:
    """A person looks, mends what is genuine, waits for what is not, and starts the run again."""
    story.pages += 1
    story.stopped += struck.trouble.transient
    at = run.assumptions.looked_at(failed.at_h)
    if struck.trouble.transient:
        at = max(at, struck.clears_at_h or at)
    else:
        at += struck.trouble.fix_h
    yield at
    policy.looked(failed)
    struck.mended, struck.asked, run.retried = True, None, 0
    return at
