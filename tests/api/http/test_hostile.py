"""Hostile input: a 4xx problem that names what is wrong, or an answer; never a 5xx, never a hang."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.models import AdviceAnswer
from tests.api.http.asking import LIMIT_S, checked, fields_of, listed, problem, recorded

JSON = {"Content-Type": "application/json"}
PATHS = ("/advise", "/incidents")
#: Every field of an incident that holds text, and how to put a text there.
TEXT_FIELDS = {
    "text": lambda text: {"text": text},
    "error.type": lambda text: {"error": {"type": text}},
    "error.message": lambda text: {"error": {"message": text}},
    "error.stacktrace": lambda text: {"error": {"stacktrace": text}},
    "pipeline": lambda text: {"text": "boom", "pipeline": text},
    "step": lambda text: {"text": "boom", "step": text},
    "run_id": lambda text: {"text": "boom", "run_id": text},
    "external_id": lambda text: {"text": "boom", "external_id": text},
    "environment.image": lambda text: {"text": "boom", "environment": {"image": text}},
    "environment.a.1": lambda text: {"text": "boom", "environment": {"a": ["x", text]}},
}


def post(client: httpx.Client, path: str, content: bytes) -> httpx.Response:
    """A body as it stands."""
    return client.post(path, content=content, headers=JSON)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_nul_in_every_text(client: httpx.Client, path: str, field: str) -> None:
    """Refused, and the field is named."""
    refused = problem(client.post(path, json=TEXT_FIELDS[field]("a\0b")), 422)

    assert [field] == fields_of(refused)
    assert "NUL" in refused["detail"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_lone_surrogate_in_every_text(client: httpx.Client, path: str, field: str) -> None:
    """No Unicode text has one: the body is malformed."""
    problem(post(client, path, json.dumps(TEXT_FIELDS[field]("a\ud800b")).encode()), 400)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"text": "boom", "spent": {"gpu_hours": NaN}}',
        b'{"text": "boom", "spent": {"gpu_hours": Infinity}}',
        b'{"text": "boom", "attempt": -Infinity}',
        b'{"text": "boom", "environment": {"a": NaN}}',
        b'{"text": "boom", "spent": {"gpu_hours": 1e999}}',
        b'{"text": "boom", "environment": {"a": -1e999}}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\xc0\x80"}',
        '{"text": "boom"}'.encode("utf-16"),
        b'{"text": "a\nb"}',
        b'{"text": "boom",}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"text": "boom", "environment": {"a": ' + b"[" * 60 + b"]" * 60 + b"}}",
        b'{"text": "boom", "attempt": 1' + b"0" * 400 + b"}",
        b'{"text": "boom", "attempt": 1e400}',
        b'{"text": "boom", "attempt": 1.5}',
        b'{"text": "boom", "attempt": "two"}',
        b'{"text": "boom", "attempt": 18446744073709551615}',
        b'{"text": "boom", "spent": {"gpu_hours": "many"}}',
        b'{"text": "boom", "spent": []}',
        b'{"text": "boom", "environment": "linux"}',
        b'{"text": "boom", "environment": null}',
        b'{"text": ["boom"]}',
        b'{"text": true}',
        b'{"error": "boom"}',
        b'{"error": {}}',
        b'{"text": ""}',
        b'{"text": " \\n\\t "}',
        b'{"text": "boom", "occurred_at": "0001-01-01T00:00:00Z"}',
        b'{"text": "boom", "occurred_at": "0001-01-01T00:00:00+14:00"}',
        b'{"text": "boom", "occurred_at": "9999-12-31T23:59:59Z"}',
        b'{"text": "boom", "occurred_at": "9999-12-31T23:59:59-14:00"}',
        b'{"text": "boom", "occurred_at": 1e300}',
        b'{"text": "boom", "occurred_at": "2026-02-30T00:00:00Z"}',
        b'{"text": "boom", "run_id": "' + b"x" * 501 + b'"}',
        b'{"text": "boom", "__proto__": {}}',
        b"null",
        b'"text"',
        b"7",
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
def test_bodies_that_cannot_be_taken(client: httpx.Client, path: str, body: bytes) -> None:
    """Refused with something that tells why; nothing is recorded."""
    refused = problem(post(client, path, body), 400, 422)

    assert refused["errors"]
    assert all(each["field"] and each["problem"] for each in refused["errors"])
    assert [] == listed(client)


@pytest.mark.parametrize(
    "text",
    [
        "password=correct-horse-battery-staple-9",
        "AKIAIOSFODNN7EXAMPLE",
        "连接被拒绝,数据库不可用",
        "データベースに接続できません",
        "لا يمكن الاتصال بقاعدة البيانات",
        "💥" * 500,
        "e\u0301\u200b\u202e\ufeff\ufffe\U0010ffff",
        "\x01\x02\x1b[31mred\x1b[0m\x7f\x85\u2028",
        "' OR 1=1; DROP TABLE incidents; --",
        "<script>alert(1)</script>",
        "%s %d {0} {text} ${jndi:ldap://x} $(id)",
        ".",
        "\\" * 5_000,
        "(" * 20_000,
        '"' * 20_000,
        "a" * 1_000_000,
        ('Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: no\n') * 12_000,
        "key=" * 250_000,
        "Caused by: " * 90_000,
        "\n" * 500_000 + "boom",
    ],
    ids=lambda text: f"{text[:24]!a} x {len(text)}",
)
def test_odd_texts_are_answered(client: httpx.Client, text: str) -> None:
    """Whatever a text holds, it is a failure like another, recorded once each time."""
    answers = [checked(client.post("/advise", json={"text": text}), AdviceAnswer) for _ in range(2)]

    assert answers[0]["precedent"]["fingerprint"] == answers[1]["precedent"]["fingerprint"]
    assert 2 == len(listed(client))


@pytest.mark.parametrize("name", ["pipeline", "step", "run", "cursor", "precedent", "verdict", "since", "until"])
@pytest.mark.parametrize("value", ["%00", "a%00b", "%ff", "%ed%a0%80"])
def test_hostile_bytes_in_a_query(client: httpx.Client, name: str, value: str) -> None:
    """NUL and what is no UTF-8 never reach the store."""
    assert ["query"] == fields_of(problem(client.get(f"/incidents?{name}={value}"), 400, 422))


@pytest.mark.parametrize("path", ["/incidents/%00", "/incidents/a%00b", "/precedents/%ff", "/%00", "/incidents/%c0%80"])
def test_hostile_bytes_in_a_path(client: httpx.Client, path: str) -> None:
    """The same."""
    assert ["path"] == fields_of(problem(client.get(path), 400, 422))


@pytest.mark.parametrize("header", ["X-Workspace", "Idempotency-Key", "If-Match", "Authorization", "Content-Type"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xed\xa0\x80", b"a" * 20_000, b"caf\xc3\xa9"])
def test_hostile_bytes_in_a_header(client: httpx.Client, header: str, value: bytes) -> None:
    """A refusal, or an answer where the header says nothing here."""
    said = recorded(client)
    response = client.request(
        "PATCH",
        f"/precedents/{said['precedent_id']}",
        content=b"{}",
        headers={**JSON, "If-Match": '"1"', header: value},
    )

    assert response.status_code < 500
    if response.status_code >= 400 and len(value) < 20_000:
        problem(response)


@pytest.mark.parametrize("header", ["X-Workspace", "Idempotency-Key"])
@pytest.mark.parametrize("value", [b"a\0b", b"a\x7fb", b"a\rb"], ids=repr)
def test_what_http_allows_in_no_header(service_url: str, header: str, value: bytes) -> None:
    """Sent by hand, for no client sends it: the request is refused before any route."""
    host, _, port = service_url.removeprefix("http://").partition(":")
    body = b'{"text": "boom"}'
    head = f"POST /advise HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection((host, int(port)), timeout=LIMIT_S) as connection:
        connection.sendall(head.encode() + header.encode() + b": " + value + b"\r\nConnection: close\r\n\r\n" + body)
        answer = connection.recv(4_096)

    assert b"HTTP/1.1 4" == answer[:10], answer


@pytest.mark.parametrize("id", ["7", "x" * 36, "00000000-0000-0000-0000-00000000000g", "...", "%2e%2e", "null", "-1"])
@pytest.mark.parametrize("path", ["/incidents/{}", "/precedents/{}", "/incidents/{}/outcome"])
def test_ids_that_are_none(client: httpx.Client, path: str, id: str) -> None:
    """Refused as what they are, or as a path that nobody offers."""
    problem(client.get(path.format(id)), 404, 405, 422)


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "=", "MjAyNg", "../..", "a" * 200, "a" * 201, "MDAwMS0wMS0wMVQwMDowMDowMCswMDowMCB4", "\u202e"],
)
def test_cursors_that_are_none(client: httpx.Client, cursor: str) -> None:
    """Only those of the page before are taken."""
    refused = problem(client.get("/incidents", params={"cursor": cursor}), 422)

    assert fields_of(refused)[0] in {"cursor", "query.cursor"}


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "1e9", "9" * 400])
def test_limits_that_cannot_be(client: httpx.Client, limit: str) -> None:
    """A page has 1 to 200 incidents."""
    assert ["query.limit"] == fields_of(problem(client.get("/incidents", params={"limit": limit}), 422))


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "-1",
        "1e300",
        "nan",
        "2026-13-01",
    ],
)
def test_times_at_the_ends_of_the_calendar(client: httpx.Client, name: str, moment: str) -> None:
    """A page, or a refusal that names the parameter."""
    response = client.get("/incidents", params={name: moment})

    if response.status_code != 200:
        assert fields_of(problem(response, 422))[0] in {name, f"query.{name}"}


@pytest.mark.parametrize("path", [*PATHS, "/incidents/import", "/doors/alertmanager", "/mcp"])
def test_packed_bodies(client: httpx.Client, path: str) -> None:
    """Are told apart from what is no JSON; only the doors of OTLP unpack."""
    kind = "application/x-ndjson" if path.endswith("import") else "application/json"
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    refused = problem(client.post(path, content=gzip.compress(b'{"text": "boom"}'), headers=headers), 415)

    assert ["Content-Encoding"] == fields_of(refused)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "", "x"])
def test_other_content_types(client: httpx.Client, path: str, kind: str) -> None:
    """A form is no failure."""
    refused = problem(client.post(path, content=b'{"text": "boom"}', headers={"Content-Type": kind}), 415)

    assert ["Content-Type"] == fields_of(refused)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/advise"),
        ("PUT", "/advise"),
        ("DELETE", "/incidents"),
        ("PATCH", "/incidents"),
        ("POST", "/search"),
        ("POST", "/health/live"),
        ("TRACE", "/advise"),
        ("BREW", "/advise"),
    ],
)
def test_methods_that_are_not_offered(client: httpx.Client, method: str, path: str) -> None:
    """405, or for one that HTTP does not know, 400."""
    assert client.request(method, path).status_code in {400, 405}


@pytest.mark.parametrize(
    "path", ["/nowhere", "/incidents/", "/incidents//advise", "/advise/", "/" + "a" * 5_000, "/%F0%9F%92%A5"]
)
def test_paths_that_are_not_offered(client: httpx.Client, path: str) -> None:
    """404, without a redirect."""
    problem(client.get(path), 404)


@pytest.mark.parametrize("path", ["outcome", "resolution"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"result": "failed", "waited_s": NaN}',
        b'{"result": "failed", "waited_s": 1e300}',
        b'{"result": "failed", "attempt": 1e400}',
        b'{"summary": "a\\u0000b"}',
        b'{"summary": "\\ud800"}',
        b'{"summary": "ok", "author": "a\\u0000"}',
        b'{"summary": "' + b"x" * 20_001 + b'"}',
        b"[]",
        b"",
    ],
    ids=lambda body: body[:40].decode(),
)
def test_bodies_about_an_incident(client: httpx.Client, path: str, body: bytes) -> None:
    """As everywhere."""
    said = recorded(client)

    assert problem(post(client, f"/incidents/{said['id']}/{path}", body), 400, 422)["errors"]


def test_environment_of_odd_shape_is_kept(client: httpx.Client) -> None:
    """Whatever JSON says, within bounds, comes back as it went in."""
    environment: dict[str, Any] = {
        "": "",
        "名前": [None, True, {"深い": [1.5, -0.0, 9007199254740993]}],
        "large": 2**63,
        "text": "\u2028 \\u0000 is no NUL",
    }
    said = recorded(client, environment=environment)

    assert environment == said["environment"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"environment": {"model_max_length": 10**30}}, "environment"),
        ({"environment": {"a": [{"b": -(2**63) - 1}]}}, "environment"),
        ({"environment": {"a": 2**64}}, "environment"),
        ({"environment": {str(number): "x" for number in range(150_000)}}, "environment"),
        ({"environment": {"a": {"b": list(range(1_000))}}}, "environment"),
        ({"spent": {"gpu_hours": 10**30}}, "spent.gpu_hours"),
        ({"spent": {str(number): 1 for number in range(1_001)}}, "spent"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_numbers_and_mappings_beyond_bounds(client: httpx.Client, path: str, body: dict[str, Any], field: str) -> None:
    """Whole numbers have at most 64 bits, and mappings a thousand entries at whatever depth."""
    refused = problem(client.post(path, json={"text": "boom", **body}), 422)

    assert [field] == fields_of(refused)
    assert [] == listed(client)


def test_mapping_beyond_bounds_in_an_import(client: httpx.Client) -> None:
    """The line is named, the next one is taken."""
    lines = [{"text": "boom", "environment": {"a": list(range(1_000))}}, {"text": "boom"}]
    content = b"\n".join(json.dumps(line).encode() for line in lines)
    report = client.post("/incidents/import", content=content, headers={"Content-Type": "application/x-ndjson"}).json()

    assert (1, [1]) == (report["accepted"], [each["line"] for each in report["rejected"]])


def test_many_precedents_in_one_merge(client: httpx.Client) -> None:
    """At most a hundred."""
    said = recorded(client)
    body = {"precedents": [str(uuid4()) for _ in range(101)]}
    refused = client.post(f"/precedents/{said['precedent_id']}/merge", json=body, headers={"If-Match": '"1"'})

    assert ["precedents"] == fields_of(problem(refused, 422))
