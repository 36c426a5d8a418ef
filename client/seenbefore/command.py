"""`python -m seenbefore run -- COMMAND`: any command, run again where Seen Before says that it is worth it.

With no service it does what the command alone would do: `default` means the caller's own policy, which is
`--max-attempts`, and one attempt where that is not given.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import sys
from dataclasses import dataclass

from seenbefore.advice import Advice, one_line
from seenbefore.child import Child, Ended, Signals
from seenbefore.client import Client
from seenbefore.settings import TIMEOUT_S
from seenbefore.standard_input import StandardInput

#: Without `--max-attempts`, the most that advice may ask for; and when it says nothing of attempts.
MOST_ATTEMPTS, SOME_ATTEMPTS = 10, 3
#: The caller's own policy between attempts, in seconds: doubled each time.
FIRST_S, LONGEST_S = 5.0, 300.0
READ_ONCE = "Its standard input is a pipe, which can be read once; from a file (< FILE) it can be read again."
HELP = """Run a command; when it fails, ask Seen Before (SEENBEFORE_URL) whether to run it again.

Its output streams through, and the end of it is the failure's text. What follows is told in one line on standard error:
  retry    it is run again after the advised wait
  fail     it is not run again
  default  nobody knows better, or nobody answers: it is run as often as --max-attempts says, once without it

Each attempt reads its standard input from where it began. A pipe can be read once: then it is not run again."""
EXIT_STATUS = """exit status: that of the command's last attempt; 128+N where signal N has ended it; 127 where there is
no such command, 126 where it cannot be started; 2 where these options cannot be understood.

example: python -m seenbefore run --pipeline fraud-training --max-attempts 4 -- python train.py --epochs 3"""


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
        return Again(None, advice.told)
    if decision.action == "retry":
        most = min(decision.max_attempts or SOME_ATTEMPTS, own_attempts or MOST_ATTEMPTS)
        wait = min(decision.retry_delay_s or 0.0, max_delay_s)
    else:
        most = own_attempts or 1
        wait = min(FIRST_S * 2.0 ** min(attempt - 1, 20), LONGEST_S, max_delay_s)
    if attempt < most:
        return Again(wait, advice.told)
    bound = f"Attempt {attempt} was the last of {most}"
    is_told = most == 1 or bound in advice.told  # the service counts them too
    return Again(None, advice.told if is_told else f"{bound}. {advice.told}")


def main(given: list[str]) -> int:
    """The exit status of the command's last attempt; 128 and the signal's number where a signal has ended it."""
    asked = read(given)
    logging.getLogger("seenbefore").addHandler(logging.NullHandler())  # our one line says it
    with Client(timeout_s=asked.timeout_s) as memory, Signals() as signals:
        return _run(asked, memory, signals)


def _run(asked: Asked, memory: Client, signals: Signals) -> int:
    attempt, before, waited_s, given = 1, Advice(), 0.0, StandardInput()
    while True:
        given.rewind()
        ended = Child(asked.command).run(signals)
        if not ended.started:
            _say(f"{ended.told}.")
        if signals.stopping or not ended.started or ended.unread:
            return ended.status
        if attempt > 1:
            memory.outcome(before, "failed" if ended.failed else "succeeded", attempt=attempt, waited_s=waited_s)
        if not ended.failed:
            return ended.status
        before = _advice(asked, memory, ended, attempt=attempt)
        again = next_step(before, attempt=attempt, own_attempts=asked.max_attempts, max_delay_s=asked.max_delay_s)
        if again.after_s is not None and given.is_read_once:
            again = Again(None, f"{READ_ONCE} {again.because}")
        _say(_told(ended, before, again, attempt=attempt))
        if again.after_s is None:
            return ended.status
        if not signals.sleep(again.after_s):
            _say("A signal has ended the wait: it is not run again.")
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


def _told(ended: Ended, advice: Advice, again: Again, *, attempt: int) -> str:
    """How it ended, what is advised, what follows, and why."""
    soon = f"run again in {again.after_s:g} s (attempt {attempt + 1})" if again.after_s is not None else "not run again"
    return f"{ended.told}; {advice.decision.action}: it is {soon}. {again.because}"


def _say(line: str) -> None:
    """One line on standard error, where there is one: it is not the command's output."""
    if sys.stderr is None:  # `print` would take standard output then
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody reads it, or it is closed
        print(f"seenbefore: {one_line(line)}", file=sys.stderr, flush=True)


def read(given: list[str]) -> Asked:
    """The command line; ends the process with a usage message where it cannot be understood."""
    parser = argparse.ArgumentParser(
        prog="python -m seenbefore run",
        usage="%(prog)s [options] [--] COMMAND ...",
        description=HELP,
        epilog=EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pipeline", metavar="NAME", help="the pipeline that it is part of")
    parser.add_argument("--step", metavar="NAME", help="its step of the pipeline")
    parser.add_argument("--run-id", metavar="ID", help="the run, whose resume point is told with the advice")
    parser.add_argument(
        "--max-attempts", type=_count, metavar="N", help="never run it more often; without advice, run it so often"
    )
    parser.add_argument(
        "--max-delay",
        type=_seconds,
        default=3600.0,
        metavar="S",
        help="longest wait before an attempt (default: %(default)g s)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_S,
        metavar="S",
        help="longest wait for advice (default: %(default)g s)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND ...", help="what is run, and its options")
    said = parser.parse_args(given)
    command = said.command[1:] if said.command[:1] == ["--"] else said.command
    if not command:
        parser.error("say which command to run: -- COMMAND ...")
    return Asked(
        command, said.pipeline, said.step, said.run_id, said.max_attempts, said.max_delay, timeout_s=said.timeout
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of attempts is 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (seconds := float(text)) < math.inf:
            return seconds
    raise argparse.ArgumentTypeError("a number of seconds is 0 or more")
