"""`python -m seenbefore run -- COMMAND` and `python -m seenbefore spool`."""

from __future__ import annotations

import sys

USAGE = """usage: python -m seenbefore run [options] -- COMMAND...
       python -m seenbefore spool [options] show|drain|refused

run    run a command; when it fails, ask whether to run it again
spool  what waits for the service, and what it has refused"""


def main(given: list[str]) -> int:
    """The exit status."""
    if given[:1] == ["run"]:
        from seenbefore.command import main as run  # noqa: PLC0415 - only what is called is loaded

        return run(given[1:])
    if given[:1] == ["spool"]:
        from seenbefore.spool_command import main as spool  # noqa: PLC0415

        return spool(given[1:])
    asked = given[:1] in (["-h"], ["--help"])
    print(USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
