"""`seenbefore signature`: offline, for people who wonder why two failures do not match."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.signature import word_diff
from knowledge.failures import Failure
from knowledge.signature import sign
from tests.api.cli.conftest import Command

FIRST = "TimeoutError: job 17 did not answer within 30 s at 10.0.0.7:5432"


def write(folder: Path, **logs: str) -> list[Path]:
    """A file a log."""
    for name, log in logs.items():
        (folder / f"{name}.log").write_text(log)
    return [folder / f"{name}.log" for name in logs]


def test_signature_is_the_services(command: Command) -> None:
    """From standard input; what is shown is what the service would match by."""
    shown = command.json("signature", input=FIRST)["signatures"][0]
    expected = sign(Failure(text=FIRST))

    assert ("standard input", expected.fingerprint, expected.template) == (
        shown["name"],
        shown["fingerprint"],
        shown["template"],
    )


def test_same_fingerprint_is_said(command: Command, tmp_path: Path) -> None:
    """Two occurrences of one failure, and another."""
    files = write(tmp_path, a=FIRST, b=FIRST.replace("17", "18"), c="KeyError: 'price'")
    result = command("signature", *files)

    assert f"same fingerprint: {files[0]}, {files[1]}" == result.stdout.splitlines()[-1]


def test_difference_of_two_is_shown(command: Command, tmp_path: Path) -> None:
    """Word by word, with the classes and codes that only one has."""
    files = write(tmp_path, a="OSError: disk quota exceeded", b="IOError: disk quota reached")
    found = command.json("signature", *files)["differences"]
    shown = command("signature", *files).stdout

    assert (False, "[-OSError:-] {+IOError:+} disk quota [-exceeded-] {+reached+}") == (
        found["same_fingerprint"],
        found["template"],
    )
    assert "no two have the same fingerprint" in shown
    assert "only first: exceptions: OSError" in shown


def test_secrets_are_scrubbed_first(command: Command) -> None:
    """What is shown may be pasted into a ticket."""
    log = "ConnectionError: postgresql://app:Xk29fk3x9q@db/prod refused"

    assert "Xk29fk3x9q" not in command("signature", input=log).output


def test_ndjson_is_a_failure_a_line(command: Command) -> None:
    """Lines that are requests are failures of their own; so is a single request."""
    lines = [json.dumps({"text": FIRST}), json.dumps({"error": {"type": "KeyError", "message": "'price'"}})]
    many = command.json("signature", input="\n".join(lines))["signatures"]
    one = command.json("signature", input=lines[1])["signatures"]

    assert ["standard input:1", "standard input:2", "standard input"] == [each["name"] for each in (*many, *one)]
    assert many[1]["fingerprint"] == one[0]["fingerprint"]


def test_json_log_lines_are_a_log(command: Command) -> None:
    """They tell of one failure together."""
    lines = ['{"level": "info", "msg": "start"}', '{"level": "error", "msg": "disk full"}']

    assert 1 == len(command.json("signature", input="\n".join(lines))["signatures"])


def test_request_that_cannot_be_taken(command: Command) -> None:
    """What the service would refuse is refused, by its name."""
    result = command("signature", input='{"text": "x", "attempt": 0}')

    assert (2, True) == (result.exit_code, "standard input: attempt" in result.stderr)


def test_needs_neither_service_nor_model() -> None:
    """Nor anything that serves them."""
    script = (
        "import sys\nfrom api.cli import main\n"
        "try: main(['signature', '--json'])\nexcept SystemExit as end: assert not end.code\n"
        "sys.stderr.write(' '.join(n for n in ('fastapi', 'torch', 'openvino', 'httpx', 'psycopg', 'qdrant_edge')"
        " if n in sys.modules))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, input=FIRST, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a b", "a b", "a b"),
        ("a b c", "a c", "a [-b-] c"),
        ("a\nb", "a\nb c", "a\nb {+c+}"),
        ("", "a", "[--] {+a+}"),
    ],
)
def test_word_diff(first: str, second: str, expected: str) -> None:
    """As GNU wdiff marks what differs; lines stay lines."""
    assert expected == word_diff(first, second)
