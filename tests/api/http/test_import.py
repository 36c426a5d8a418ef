"""`POST /incidents/import` over HTTP: a bad line never costs the good ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.models import AdviceAnswer, ImportAnswer
from api.routes import incidents
from tests.api.http.asking import Document, checked, fields_of, listed, problem

NDJSON = {"Content-Type": "application/x-ndjson"}


def import_(client: httpx.Client, content: bytes | Iterator[bytes], **query: Any) -> Document:
    """The report of an import."""
    response = client.post("/incidents/import", params=query, content=content, headers=NDJSON, timeout=60)
    return checked(response, ImportAnswer)


def line(**incident: Any) -> bytes:
    """An incident as a line, without its end."""
    return json.dumps({"text": "PearError: stale lease", **incident}, ensure_ascii=False).encode()


def test_good_and_bad_lines_mixed(client: httpx.Client) -> None:
    """Each bad one is named by its number and its field; empty lines count, and are nothing."""
    lines = [
        line(external_id="1"),
        b"",
        b"not json",
        line(external_id="4", attempt=0),
        b'{"text": "boom", "colour": "red"}',
        b'{"text": NaN}',
        b'{"text": "\\u0000"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\xff"}',
        b"[]",
        b'"text"',
        b'{"text": "  "}',
        b"   ",
        line(external_id="14", occurred_at="0001-01-01T00:00:00Z"),
        line(external_id="15"),
    ]
    report = import_(client, b"\n".join(lines))
    problems = {each["line"]: each["problem"] for each in report["rejected"]}

    assert [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14] == list(problems)
    assert (2, 0, 11) == (report["accepted"], report["duplicates"], report["rejected_total"])
    assert [True] * 4 == [
        word in problems[number] for number, word in ((4, "attempt"), (5, "colour"), (7, "text"), (14, "occurred_at"))
    ]
    assert {"1", "15"} == {each["external_id"] for each in listed(client)}


@pytest.mark.parametrize(
    "content",
    [
        line(external_id="1") + b"\r\n" + line(external_id="2") + b"\r\n",
        b"\xef\xbb\xbf" + line(external_id="1") + b"\n" + line(external_id="2"),
        b"\n\n" + line(external_id="1") + b"\n\n\n" + line(external_id="2") + b"\n\n",
        line(external_id="1", text="连接被拒绝 😀") + b"\n" + line(external_id="2"),
    ],
    ids=["crlf", "byte order mark", "empty lines", "not English, no last line end"],
)
def test_files_as_programs_write_them(client: httpx.Client, content: bytes) -> None:
    """All the lines of each."""
    report = import_(client, content)

    assert (2, []) == (report["accepted"], report["rejected"])
    assert {"1", "2"} == {each["external_id"] for each in listed(client)}


def test_line_that_comes_in_pieces(client: httpx.Client) -> None:
    """Chunks end anywhere, within a character as well."""
    content = line(external_id="1", text="连接被拒绝") + b"\n" + line(external_id="2") + b"\n"
    report = import_(client, (content[at : at + 1] for at in range(len(content))))

    assert 2 == report["accepted"]


def test_line_that_is_too_long(client: httpx.Client) -> None:
    """It is named, and its neighbours are taken."""
    pieces = [line(external_id="1") + b"\n", b'{"text": "', *[b"x" * 100_000] * 30, b'"}\n', line(external_id="3")]
    report = import_(client, iter(pieces))

    assert (2, [2]) == (report["accepted"], [each["line"] for each in report["rejected"]])
    assert "bytes" in report["rejected"][0]["problem"]


def test_import_is_repeatable(client: httpx.Client) -> None:
    """By external ids, also within one file."""
    content = b"\n".join([line(external_id="1"), line(external_id="2"), line(external_id="1"), line()])
    first, second = (import_(client, content) for _ in range(2))

    assert ((3, 1), (1, 3)) == tuple((each["accepted"], each["duplicates"]) for each in (first, second))
    assert 4 == len(listed(client))


def test_waiting_ends_when_neighbours_are_found(client: httpx.Client) -> None:
    """What was imported a moment ago is evidence, by its external id."""
    content = b"\n".join(line(text=f"PearError: {word} lease", external_id=word) for word in ("stale", "torn", "lost"))
    report = import_(client, content, wait="indexed")
    answer = client.post("/advise", params={"dry_run": True}, json={"text": "PearError: broken lease"})
    own = [each for each in checked(answer, AdviceAnswer)["evidence"] if each["source"] == "incident"]

    assert (3, True) == (report["accepted"], report["indexed"])
    assert {"stale", "torn", "lost"} == {each["external_id"] for each in own}


def test_waiting_is_bounded(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not found in time is recorded all the same, and the answer says which it is."""
    monkeypatch.setattr(incidents, "LONGEST_WAIT_S", 0.0)
    report = import_(client, line(text="PearError: unripe lease"), wait="indexed")

    assert (1, False) == (report["accepted"], report["indexed"])


def test_what_lines_state_is_taken(client: httpx.Client) -> None:
    """Verdict, cause and resolution, as in `POST /incidents`."""
    resolution = {"summary": "Renewed the lease by hand.", "action": "retry_now"}
    import_(client, line(verdict="transient", cause="contention", resolution=resolution), wait="indexed")
    answer = checked(client.post("/advise", json={"text": "PearError: stale lease"}), AdviceAnswer)

    assert ("transient", "contention", resolution["summary"]) == (
        answer["verdict"],
        answer["cause"],
        answer["evidence"][0]["resolution"],
    )


def test_nothing_to_import(client: httpx.Client) -> None:
    """An empty body is no error."""
    assert {"accepted": 0, "duplicates": 0, "rejected": [], "rejected_total": 0, "indexed": None} == import_(
        client, b""
    )


def test_many_bad_lines_are_counted_and_the_first_listed(client: httpx.Client) -> None:
    """The report stays small."""
    report = import_(client, b"x\n" * 1_500)

    assert (1_500, 1_000) == (report["rejected_total"], len(report["rejected"]))


def test_what_no_import_is(client: httpx.Client) -> None:
    """Another content type, and a wait for something else."""
    csv = client.post("/incidents/import", content=b"text\nboom", headers={"Content-Type": "text/csv"})
    wait = client.post("/incidents/import", params={"wait": "forever"}, content=b"", headers=NDJSON)

    assert ["Content-Type"] == fields_of(problem(csv, 415))
    assert ["query.wait"] == fields_of(problem(wait, 422))
