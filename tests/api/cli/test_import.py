"""`seenbefore import`, against the real service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import sending
from api.cli.asking import ServiceAway
from api.cli.source import LONGEST_LINE, Ids, Line
from tests.api.cli.conftest import Command


@pytest.fixture
def where(service_url: str, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The service, and a workspace of the test's own."""
    return ("--url", service_url, "--workspace", request.node.name.replace("_", "-").partition("[")[0][:60])


def incidents(where: tuple[str, ...], **query: Any) -> list[dict[str, Any]]:
    """What the workspace holds."""
    answer = httpx.get(f"{where[1]}/incidents", params={"limit": 200, **query}, headers={"X-Workspace": where[3]})
    found: list[dict[str, Any]] = answer.json()["incidents"]
    return found


def write(path: Path, *lines: object) -> Path:
    """A file of NDJSON."""
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_file_imported_twice_makes_no_duplicates(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Lines without external ids get one from their content; the same line twice in a file is two incidents."""
    failures = [{"text": "KeyError: 'price'"}, {"text": "KeyError: 'price'"}, {"text": "boom", "external_id": "own"}]
    file = write(tmp_path / "history.ndjson", *failures)

    first, second = (command.json("import", file, *where) for _ in range(2))

    assert [(3, 0), (0, 3)] == [(each["accepted"], each["duplicates"]) for each in (first, second)]
    assert "own" in {each["external_id"] for each in incidents(where)}


def test_rejected_lines_are_written_with_their_problems(
    command: Command, where: tuple[str, ...], tmp_path: Path
) -> None:
    """A bad line never costs the good ones; the numbers are those of the file."""
    bad = ["not json", '{"text": "x", "attempt": 0}', '{"txt": "x"}', '{"text": NaN}', "[]"]
    file = write(tmp_path / "mixed.ndjson", {"text": "boom"}, "", *bad, {"text": "boom 2"})
    rejected = tmp_path / "rejected.ndjson"

    result = command("import", file, "--rejected", rejected, *where)

    written = [json.loads(line) for line in rejected.read_text().splitlines()]
    assert (1, [*zip(range(3, 8), bad, strict=True)]) == (
        result.exit_code,
        [(each["line"], each["original"]) for each in written],
    )
    assert "attempt: " in written[1]["problem"]
    assert 0o600 == rejected.stat().st_mode & 0o777
    assert 2 == len(incidents(where))


def test_rejections_never_take_the_place_of_the_file(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """By whatever name it is called."""
    file = write(tmp_path / "history.ndjson", {"text": "KeyError: 'price'"})
    (tmp_path / "link").symlink_to(file)
    before = file.read_bytes()
    results = [command("import", file, "--rejected", each, *where) for each in (file, tmp_path / "link")]

    assert [2, 2] == [each.exit_code for each in results]
    assert before == file.read_bytes()


def test_rejections_without_a_file_are_shown(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """The first of them, and how many more there are."""
    file = write(tmp_path / "bad.ndjson", *["nonsense"] * 12)
    result = command("import", file, *where)

    assert (1, "... and 2 more: --rejected FILE keeps them all") == (
        result.exit_code,
        result.stderr.splitlines()[-1],
    )


def test_csv_with_a_column_map(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Columns become fields; what is not imported is said."""
    file = tmp_path / "export.csv"
    file.write_text(
        'id,error_message,dag,node,severity\n7,"ValueError: bad\nTraceback",nightly,n-1,high\n8,KeyError: x,nightly,,\n'
    )
    maps = ("--map", "text=error_message", "--map", "pipeline=dag", "--map", "environment.node=node")

    result = command("import", file, *maps, "--external-id-column", "id", *where)

    assert 0 == result.exit_code
    assert "severity" in result.stderr
    assert [("7", "nightly", {"node": "n-1"}), ("8", "nightly", {})] == sorted(
        (each["external_id"], each["pipeline"], each["environment"]) for each in incidents(where)
    )


def test_keys_of_ndjson_are_mapped_too(command: Command, where: tuple[str, ...]) -> None:
    """What the map does not name and no field is called is left out."""
    line = json.dumps({"message": "boom", "job": "nightly", "extra": 1, "attempt": 3})
    maps = ("--map", "error.message=message", "--map", "pipeline=job")

    imported = command.json("import", "-", "--format", "ndjson", *maps, *where, input=line)

    assert (1, [("nightly", 3)]) == (
        imported["accepted"],
        [(each["pipeline"], each["attempt"]) for each in incidents(where)],
    )


def test_wait_ends_when_neighbours_can_be_found(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """What was imported is found at once."""
    failure = {"text": "WidgetError: the frobnicator is out of sprockets", "verdict": "genuine"}
    imported = command.json("import", write(tmp_path / "a.jsonl", failure), "--wait", *where)

    found = command.json("search", "frobnicator without sprockets", *where)

    assert imported["indexed"] is True
    assert "incident" == found["results"][0]["source"]


def test_more_lines_than_a_chunk(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Every chunk is sent, and a bad line in a later one has its own number."""
    lines = [{"text": f"ValueError: kind {number % 7}", "run_id": str(number)} for number in range(1200)]
    file = write(tmp_path / "many.ndjson", *lines[:1100], "bad", *lines[1100:])

    result = command("import", file, "--json", *where)

    document = json.loads(result.stdout)
    assert (1200, 1, 1101) == (document["accepted"], document["rejected"], document["problems"][0]["line"])


def test_line_that_is_too_long(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """It is passed over without being held in memory, and the next one is read."""
    file = write(tmp_path / "long.ndjson", '{"text": "' + "a" * (LONGEST_LINE + 10) + '"}', {"text": "boom"})
    result = command("import", file, "--json", *where)

    assert (1, [1]) == (
        json.loads(result.stdout)["accepted"],
        [each["line"] for each in json.loads(result.stdout)["problems"]],
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-",), "--format"),
        (("-", "--format", "csv", "--map", "nonsense"), "FIELD=COLUMN"),
        (("-", "--format", "csv", "--map", "txt=a"), "no field 'txt'"),
        (("-", "--format", "csv", "--map", "text=b"), "no column 'b'"),
        (("-", "--format", "csv", "--delimiter", "::"), "--delimiter"),
        (("-", "--format", "ndjson", "--rejected", "/dev/null/x"), "--rejected"),
    ],
)
def test_wrong_usage(command: Command, service_url: str, arguments: tuple[str, ...], problem: str) -> None:
    """Said before anything is sent."""
    result = command("import", *arguments, "--url", service_url, input="a,c\n")

    assert (2, True) == (result.exit_code, problem in result.stderr)


def test_ids_come_from_content_and_occurrence() -> None:
    """White space around a line says nothing; the same line again is the next occurrence."""
    with Ids() as first, Ids() as second:
        ids = [first.of(b"a\n"), first.of(b"a"), first.of(b"b")]

        assert ids == [second.of(b"a"), second.of(b" a\r\n"), second.of(b"b")]
        assert [f"{ids[0]}-2", len("line-") + 32] == [ids[1], len(ids[2])]


class Away:
    """A service that is away for some calls."""

    def __init__(self, times: int) -> None:
        self.times = times

    def post(self, *_: object, **__: object) -> dict[str, Any]:
        """Refuse, or take the one line."""
        if self.times:
            self.times -= 1
            raise ServiceAway("PostgreSQL cannot be reached")
        return {"accepted": 1, "duplicates": 0, "rejected": []}


def test_service_that_is_away_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again where that makes no duplicates, and only there."""
    monkeypatch.setattr(sending, "PAUSE_S", 0.0)
    line = Line(1, b"x", 1, body=b'{"text":"x"}')

    sent = sending.send([line], service=Away(2), repeatable=True)  # type: ignore[arg-type]

    assert 1 == sent.accepted
    with pytest.raises(ServiceAway):
        sending.send([line], service=Away(1), repeatable=False)  # type: ignore[arg-type]


def test_import_broken_off_says_how_far_it_came(
    command: Command, where: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that it can be repeated."""
    calls = iter([True, False])

    def send(chunk: list[Line], **_: object) -> sending.Sent:
        if next(calls):
            return sending.Sent(accepted=len(chunk))
        raise ServiceAway("away")

    monkeypatch.setattr(sending, "send", send)
    monkeypatch.setattr(sending, "MOST_LINES", 2)
    result = command("import", write(tmp_path / "a.ndjson", *[{"text": "x"}] * 3), *where)

    assert (3, "accepted: 2") == (result.exit_code, result.stdout.splitlines()[0])
    assert "Import the file again to go on" in result.stderr
