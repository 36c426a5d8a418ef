"""`python -m seenbefore run -- COMMAND`: any command, run again where Seen Before says that it is worth it.

With no service it does what the command alone would do: `default` means the caller's own policy, which is
`--max-attempts`, and one attempt where that is not given.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from seenbefore.advice import Advice
from seenbefore.child import Child, Ended, Signals
from seenbefore.client import Client
from seenbefore.settings import TIMEOUT_S

#: Without `--max-attempts`, the most that advice may ask for; and when it says nothing of attempts.
MOST_ATTEMPTS, SOME_ATTEMPTS = 10, 3
#: The caller's own policy between attempts, in seconds: doubled each time.
FIRST_S, LONGEST_S = 5.0, 300.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    command: list[str]
    pipeline: str | None
    step: str | None
    run_id: str | None
    max_attempts: int | None
    max_delay_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Again:
    """Run it again after so many seconds; None: stop."""

    after_s: float | None
    because: str


def next_step(advice: Advice, *, attempt: int, own_attempts: int | None, max_delay_s: float) -> Again:
    """What the advice means after the failure of an attempt (counted from 1)."""
    decision = advice.decision
    if decision.action == "fail":
        return Again(None, decision.reason)
    if decision.action == "retry":
        advised = min(decision.max_attempts or SOME_ATTEMPTS, own_attempts or MOST_ATTEMPTS)
        wait = min(decision.retry_delay_s or 0.0, max_delay_s)
        return Again(wait if attempt < advised else None, decision.reason)
    own = min(FIRST_S * 2.0 ** min(attempt - 1, 20), LONGEST_S, max_delay_s)
    return Again(own if attempt < (own_attempts or 1) else None, decision.reason)


def main(given: list[str]) -> int:
    """The exit status of the command's last attempt; 128 and the signal's number where a signal has ended it."""
    asked = read(given)
    with Client(timeout_s=asked.timeout_s) as memory, Signals() as signals:
        return _run(asked, memory, signals)


def _run(asked: Asked, memory: Client, signals: Signals) -> int:
    attempt, before, waited_s = 1, Advice(), 0.0
    while True:
        ended = Child(asked.command).run(signals)
        if signals.stopping:
            return ended.status
        if attempt > 1:
            memory.outcome(before, "failed" if ended.failed else "succeeded", attempt=attempt, waited_s=waited_s)
        if not ended.failed or not ended.started:
            return ended.status
        before = _advice(asked, memory, ended, attempt=attempt)
        again = next_step(before, attempt=attempt, own_attempts=asked.max_attempts, max_delay_s=asked.max_delay_s)
        _tell(ended, before, again)
        if again.after_s is None or not signals.sleep(again.after_s):
            return ended.status
        attempt, waited_s = attempt + 1, again.after_s


def _advice(asked: Asked, memory: Client, ended: Ended, *, attempt: int) -> Advice:
    return memory.advise(
        ended.text,
        pipeline=asked.pipeline,
        step=asked.step,
        run_id=asked.run_id,
        attempt=attempt,
        max_attempts=asked.max_attempts,
    )


def _tell(ended: Ended, advice: Advice, again: Again) -> None:
    """One line on standard error: it is not the command's output."""
    what = f"it is run again in {again.after_s:g} s" if again.after_s is not None else "it is not run again"
    because = " ".join("".join(each if each.isprintable() else " " for each in again.because).split())
    print(f"seenbefore: {ended.told}; {advice.decision.action}: {what}. {because}", file=sys.stderr, flush=True)


def read(given: list[str]) -> Asked:
    """The command line; ends the process with a usage message where it cannot be understood."""
    parser = argparse.ArgumentParser(prog="python -m seenbefore run", description=__doc__.partition("\n")[0])
    parser.add_argument("--pipeline", help="name of the pipeline")
    parser.add_argument("--step", help="name of the step")
    parser.add_argument("--run-id", help="id of the run")
    parser.add_argument("--max-attempts", type=_count, metavar="N", help="never more; also when there is no advice")
    parser.add_argument(
        "--max-delay", type=float, default=3600.0, metavar="S", help="longest wait (default: %(default)g s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT_S, metavar="S", help="for advice (default: %(default)g s)"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    said = parser.parse_args(given)
    command = said.command[1:] if said.command[:1] == ["--"] else said.command
    if not command:
        parser.error("say which command to run: -- COMMAND ...")
    return Asked(
        command,
        said.pipeline,
        said.step,
        said.run_id,
        said.max_attempts,
        max(said.max_delay, 0.0),
        max(said.timeout, 0.0),
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of attempts is 1 or more")
    return int(text)
