"""`seenbefore advise`: ask the running service about one failure."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import click

from api.cli.asking import Document, Target, connect, target_options
from api.cli.output import json_option, say, show_fields, show_json, show_table
from api.cli.reading import read_failure
from api.untrusted import first_line
from api.wording import counted, decision_text

EPILOG = "Exit codes: 0 answered, 2 wrong usage, 3 the service cannot be reached or refuses."


@click.command("advise", epilog=EPILOG)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--pipeline", help="Pipeline that failed.")
@click.option("--step", help="Its step.")
@click.option("--run-id", help="Its run.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt failed, from 1.")
@click.option("--max-attempts", type=click.IntRange(1), help="Attempts that your own policy allows.")
@click.option("--dry-run", is_flag=True, help="Answer, and record nothing.")
@click.option("--json-input", is_flag=True, help="The input is the JSON of POST /advise (else it is recognised).")
@json_option
@target_options
def command(
    *, file: BinaryIO, target: Target, dry_run: bool, json_input: bool, as_json: bool, **options: str | int | None
) -> None:
    """Seen this before? FILE holds a log or a traceback, or the JSON of a request; without it, standard input does."""
    given = read_failure(file, json_input=json_input)
    if given.left_out:
        say(f"The log is long: {given.left_out} bytes in its middle are not sent.", err=True)
    body = given.fields | {name: value for name, value in options.items() if value is not None}
    params = {"dry_run": "true"} if dry_run else {}
    with connect(target) as service:
        advice = service.post("/advise", encoded(body), params=params)
    if as_json:
        show_json(advice)
        return
    show_fields(advice_fields(advice), title="Advice")
    show_evidence(advice["evidence"], title="Nearest precedents")


def encoded(body: dict[str, Any]) -> bytes:
    """JSON in ASCII: whatever was read, it can be sent."""
    return json.dumps(body).encode("ascii")


def advice_fields(advice: Document) -> list[tuple[str, str]]:
    """What people read first, most important on top."""
    decision = advice["decision"]
    cause = f", {advice['cause']}" if advice["cause"] else ""
    return [
        ("verdict", f"{advice['verdict']}{cause} (confidence {advice['confidence']:.2f})"),
        ("decision", decision_text(decision)),
        ("reason", decision["reason"]),
        ("strategy", _strategy(advice["strategy"])),
        ("seen before", seen_text(advice)),
        ("storm", _pairs(advice["storm"])),
        ("degraded", ", ".join(advice["degraded"])),
        ("incident", advice["incident_id"] or ""),
    ]


def _strategy(strategy: Document) -> str:
    resume = strategy["resume"]
    place = f"; resume at {_pairs({name: resume[name] for name in resume if name != 'artifacts'})}" if resume else ""
    return f"{strategy['action']}{place}"


def seen_text(advice: Document) -> str:
    """`yes: 4 occurrences, first …, last …`; one that is counted alone is this very failure."""
    precedent = advice["precedent"]
    if not advice["seen_before"]:
        return "no"
    if precedent is None or (precedent["occurrences"] == 1 and advice["incident_id"]):  # this very one
        return "yes, in other words"
    times = f"first {precedent['first_seen']}, last {precedent['last_seen']}"
    return f"yes: {counted(precedent['occurrences'], 'occurrence')}, {times}"


def _pairs(values: Document | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items() if value is not None)


def show_evidence(evidence: list[Document], *, title: str) -> None:
    """Precedents as a table, best first; nothing when there is none."""
    if not evidence:
        say("No precedent is near.")
        return
    rows = [
        (
            f"{entry['similarity']:.2f}",
            entry["verdict"],
            entry["cause"] or "",
            entry["title"] or first_line(entry["template"]),
            entry["resolution"] or "",
            entry["source"],
        )
        for entry in evidence
    ]
    show_table(("similarity", "verdict", "cause", "what", "resolution", "source"), rows, title=title)
