"""`seenbefore-spool`: what waits for the service on this machine, and what it has refused."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from seenbefore.breaker import Breaker
from seenbefore.drainer import Drainer
from seenbefore.engine import Engine
from seenbefore.errors import SpoolUnavailable
from seenbefore.settings import make_target, spool_path
from seenbefore.spool import MOST_REFUSED, Spool

TIMEOUT_S = 10.0


def main(given: list[str] | None = None) -> int:
    """The exit status: 0, or 1 where something is left to be written, or the spool cannot be used."""
    parser = argparse.ArgumentParser(prog="seenbefore-spool", description=__doc__)
    parser.add_argument("--spool", type=Path, default=None, help="the file (default: SEENBEFORE_SPOOL, or the user's)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="what waits, by service and workspace")
    drain = commands.add_parser("drain", help="bring it to the service of SEENBEFORE_URL")
    drain.add_argument("--wait", type=float, default=60.0, metavar="S", help="longest time (default: %(default)g s)")
    drain.add_argument(
        "--adopt", metavar="TARGET", help="send what waits for another target (as `show` has it) there too"
    )
    refused = commands.add_parser("refused", help="what the service does not take, and why")
    refused.add_argument("--again", metavar="NUMBER", help="put this one in line again (`all`: all of them)")
    said = parser.parse_args(given)
    try:
        status = _run(said)
        sys.stdout.flush()
    except SpoolUnavailable as error:
        print(f"seenbefore-spool: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # what has not been brought waits on
        return 130
    except BrokenPipeError:  # whoever read it has read enough (| head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return status


def _run(said: argparse.Namespace) -> int:
    path = said.spool or spool_path()
    if not path.exists():
        print(f"There is no spool at {path}: nothing waits.")
        return 0
    spool = Spool(path)
    try:
        if said.command == "show":
            return _show(spool)
        if said.command == "drain":
            return _drain(spool, wait_s=said.wait, adopt=said.adopt)
        return _refused(spool) if said.again is None else _again(spool, said.again)
    finally:
        spool.close()


def _show(spool: Spool) -> int:
    counts = spool.counts()
    print(f"{spool.path}: {counts.waiting} waiting ({counts.size} bytes)", end="")
    print(f", {counts.refused} refused, {counts.dropped} dropped")
    for each in spool.standing():
        trouble = f"; {_line(each.trouble)}" if each.trouble else ""
        trouble += f"; its key was refused ({_line(each.refused)})" if each.refused else ""
        print(f"  {_line(each.target)}: {each.rows} waiting ({each.size} bytes) since {each.oldest} UTC{trouble}")
    return 0


def _drain(spool: Spool, *, wait_s: float, adopt: str | None) -> int:
    target = make_target()
    if adopt is not None:
        print(f"{spool.retarget(adopt, target.name)} adopted")
    engine = Engine(target, timeout_s=TIMEOUT_S, breaker=Breaker())
    drainer = Drainer(spool, engine)
    try:
        drainer.start()
        drainer.wait_for(lambda: not spool.holds(target.name), timeout_s=wait_s)
    finally:
        drainer.stop()
        engine.close()
    standing = spool.standing()
    left = [each for each in standing if each.target == target.name]
    for each in left:
        print(f"{each.rows} still wait for {_line(each.target)}: {_line(each.trouble or 'no time was left')}")
    for each in standing:
        if each.refused and each not in left:
            print(f"{each.rows} wait for a key that was refused: drain --adopt {shlex.quote(_line(each.target))}")
    if not left:
        print(f"Nothing waits for {_line(target.name)} any more.")
    return 1 if left else 0


def _refused(spool: Spool) -> int:
    for each in spool.refused():
        print(f"{each.number} {each.refused_at} UTC {each.method} {_line(each.path)}: {_line(each.reason)}")
    return 0


def _again(spool: Spool, which: str) -> int:
    numbers = sorted(each.number for each in spool.refused(limit=MOST_REFUSED))
    chosen = [number for number in numbers if which in ("all", str(number))]
    print(f"{sum(spool.requeue(number) for number in chosen)} put in line again")
    return 0 if chosen else 1


def _line(text: str) -> str:
    """In one line, and without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in text)[:500]


if __name__ == "__main__":
    sys.exit(main())
