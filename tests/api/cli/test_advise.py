"""`seenbefore advise` and `seenbefore search`, against the real service."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import pytest

from api.cli.advise import seen_text
from api.cli.reading import HEAD, TAIL, read_failure
from api.wording import decision_text, duration
from tests.api.cli.conftest import Command

SLOW_DOWN = (
    "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the PutObject operation: "
    "Please reduce your request rate."
)


def test_answer_on_a_pipe(command: Command, service_url: str) -> None:
    """Names and values, then the precedents with tabs between the cells."""
    result = command("advise", "--url", service_url, "--workspace", "advise-pipe", input=SLOW_DOWN)

    assert (0, "verdict: transient, rate_limit") == (result.exit_code, result.stdout.partition(" (")[0])
    assert "similarity\tverdict\tcause\twhat\tresolution\tsource" in result.stdout.splitlines()
    assert not [char for char in result.stdout if "\u2500" <= char <= "\u257f"]


@pytest.mark.usefixtures("on_a_terminal")
def test_answer_on_a_terminal(command: Command, service_url: str) -> None:
    """A panel and a table."""
    result = command("advise", "--url", service_url, "--workspace", "advise-terminal", "--dry-run", input=SLOW_DOWN)

    assert 0 == result.exit_code
    assert all(part in result.stdout for part in ("╭─ Advice", "transient, rate_limit", "Nearest precedents", "┃"))


def test_context_of_the_failure_is_sent(command: Command, service_url: str, tmp_path: Path) -> None:
    """From a file, with options; the second time it was seen before."""
    log = tmp_path / "failed.log"
    log.write_text("ValueError: the column price has 3 values that are no numbers\n")
    arguments = ("advise", log, "--url", service_url, "--workspace", "advise-context", "--pipeline", "nightly")

    first = command.json(*arguments, "--attempt", 2, "--max-attempts", 4, "--run-id", "r-1", "--step", "load")
    second = command.json(*arguments)

    assert (False, True) == (first["seen_before"], second["seen_before"])
    assert 2 == second["precedent"]["occurrences"]


def test_dry_run_records_nothing(command: Command, service_url: str) -> None:
    """No incident comes of it."""
    answer = command.json("advise", "--dry-run", "--url", service_url, "--workspace", "advise-dry", input=SLOW_DOWN)

    assert answer["incident_id"] is None


@pytest.mark.parametrize("arguments", [(), ("--json-input",)], ids=["recognised", "said"])
def test_json_of_a_request(command: Command, service_url: str, arguments: tuple[str, ...]) -> None:
    """An object with `error` or `text` is a request, and options win over what it says."""
    body = json.dumps({"error": {"type": "ClientError", "message": SLOW_DOWN}, "pipeline": "a"})
    where = ("--url", service_url, "--workspace", "advise-json", "--pipeline", "b")

    assert "transient" == command.json("advise", *arguments, *where, input=body)["verdict"]


def test_json_that_is_none(command: Command, service_url: str) -> None:
    """JSON that was promised and does not come is wrong usage."""
    result = command("advise", "--json-input", "--url", service_url, input='{"level": "error"}')

    assert (2, True) == (result.exit_code, "no JSON object with `error` or `text`" in result.stderr)


def test_log_of_any_length_and_any_bytes(command: Command, service_url: str) -> None:
    """Head and tail of a long log are enough; bytes that are no text do no harm."""
    log = b"\xff\0\x1b[31m" + b"\x01" * (HEAD + TAIL + 5_000_000) + b"\n" + SLOW_DOWN.encode()
    result = command("advise", "--url", service_url, "--workspace", "advise-long", input=log)

    assert (0, "verdict: transient, rate_limit") == (result.exit_code, result.stdout.partition(" (")[0])
    assert "bytes in its middle are not sent" in result.stderr


def test_traceback_in_the_middle_of_a_long_log_is_sent(command: Command, service_url: str) -> None:
    """Head and tail say nothing of it."""
    lines = "".join(f"INFO uploaded part {number} of 90000\n" for number in range(30_000))
    failed = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nKeyError: 'price'\n"
    arguments = ("advise", "--dry-run", "--url", service_url, "--workspace", "advise-middle")
    answer = command.json(*arguments, input=lines + failed + lines)

    assert len(lines) > HEAD + TAIL
    assert ("genuine", True) == (answer["verdict"], "KeyError" in answer["evidence"][0]["same_because"])


@pytest.mark.parametrize("content", [bytes(range(256)) * 400, b"\x7fELF" + b"\0\1" * 5_000], ids=["bytes", "program"])
def test_what_is_no_text_is_refused(command: Command, content: bytes) -> None:
    """It would be remembered, and shown to others as a precedent."""
    result = command("advise", input=content)

    assert (2, True) == (result.exit_code, "The input is no text" in result.stderr)


def test_utf_16_is_read() -> None:
    """Some shells write it where output goes to a file."""
    given = read_failure(io.BytesIO("KeyError: 'price'".encode("utf-16")))

    assert {"text": "KeyError: 'price'"} == given.fields


def test_empty_input_is_wrong_usage(command: Command) -> None:
    """Nothing is asked about nothing."""
    result = command("advise", input=" \n")

    assert (2, True) == (result.exit_code, "it is empty" in result.stderr)


def test_service_that_does_not_run(command: Command) -> None:
    """It is said how to start it; the exit code is 3."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    result = command("advise", "--url", url, input=SLOW_DOWN)

    assert (3, True) == (result.exit_code, "Start it with: make serve" in result.stderr)


def test_refusal_of_the_service(command: Command, service_url: str) -> None:
    """What is wrong is said in its words; the exit code is 3."""
    result = command("advise", "--url", service_url, "--workspace", "no such name", input=SLOW_DOWN)

    assert (3, True) == (result.exit_code, "A workspace has 1 to 64 letters" in result.stderr)


def test_address_and_key_that_cannot_be(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong usage, and the key itself is never shown."""
    monkeypatch.setenv("SEENBEFORE_API_KEY", "sb_ключ")
    results = [command("advise", *arguments, input="x") for arguments in (("--url", "localhost:8000"), ())]

    assert [2, 2] == [result.exit_code for result in results]
    assert "ключ" not in results[1].output


def test_proxies_do_not_stand_before_this_machine(
    command: Command, service_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names for the world is not asked for the loopback address."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    assert command.json("advise", "--dry-run", "--url", service_url, input=SLOW_DOWN)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (("retry", 42.0, 5), "retry in 42 s, at most 5 attempts"),
        (("retry", 600.0, None), "retry in 10 min"),
        (("fail", None, None), "fail"),
        (("default", 3.0, 4), "default: keep your own retry policy"),
    ],
)
def test_decision_in_words(decision: tuple[str, float | None, int | None], expected: str) -> None:
    """With the delay, where there is one."""
    action, delay, attempts = decision

    assert expected == decision_text({"action": action, "retry_delay_s": delay, "max_attempts": attempts})


@pytest.mark.parametrize(
    ("seen", "incident", "occurrences", "expected"),
    [
        (False, "i", 1, "no"),
        (True, "i", None, "yes, in other words"),
        (True, "i", 1, "yes, in other words"),
        (True, None, 1, "yes: 1 occurrence, first a, last b"),
        (True, "i", 4, "yes: 4 occurrences, first a, last b"),
    ],
)
def test_seen_before_in_words(seen: bool, incident: str | None, occurrences: int | None, expected: str) -> None:
    """The one occurrence that is counted after recording is the question itself."""
    precedent = occurrences and {"occurrences": occurrences, "first_seen": "a", "last_seen": "b"}
    advice = {"seen_before": seen, "incident_id": incident, "precedent": precedent}

    assert expected == seen_text(advice)


def test_one_is_not_many(command: Command, service_url: str) -> None:
    """One occurrence, two occurrences."""
    where = ("--url", service_url, "--workspace", "advise-one")
    command("advise", *where, input="PearError: the lease is stale")
    said = [
        command("advise", *where, *more, input="PearError: the lease is stale").stdout for more in (("--dry-run",), ())
    ]

    assert ["seen before: yes: 1 occurrence, ", "seen before: yes: 2 occurrences, "] == [
        next(line for line in text.splitlines() if line.startswith("seen")).partition("first")[0] for text in said
    ]
    assert "retry, at most 1 attempt" == decision_text({"action": "retry", "retry_delay_s": None, "max_attempts": 1})


def test_durations() -> None:
    """In the unit that reads best."""
    told = {
        0.5: "0.5 s",
        9.4: "9.4 s",
        9.6: "10 s",
        45: "45 s",
        60.2: "1 min",
        90: "90 s",
        99.6: "1 min 40 s",
        150: "2 min 30 s",
        182.4: "3 min",
        599.9: "10 min",
        3_599: "1 h",
        4_800: "1 h 20 min",
        7_200: "2 h",
        86_400: "1 day",
        93_600: "1 day 2 h",
        3 * 86_400 + 5: "3 days",
    }

    assert list(told.values()) == [duration(each) for each in told]


def test_search_with_filters(command: Command, service_url: str) -> None:
    """Precedents by meaning and by word, of one verdict."""
    filters = ("--verdict", "transient", "--cause", "rate_limit", "--resolved", "--limit", "3")
    found = command.json("search", "s3 slow down", *filters, "--url", service_url)

    assert [("transient", "rate_limit")] * 3 == [(each["verdict"], each["cause"]) for each in found["results"]]


def test_search_for_people(command: Command, service_url: str) -> None:
    """A table, or a word that there is none."""
    where = ("--url", service_url, "--workspace", "search-people")
    some = command("search", "s3 slow down", *where)
    none = command("search", "s3 slow down", "--pipeline", "never-ran", "--since", "2026-01-01", *where)

    assert "similarity\tverdict" in some.stdout
    assert "No precedent is near.\n" == none.stdout
