"""`seenbefore import` of JUnit XML and logs of GitHub Actions, against the real service."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from api.cli.source import read_items
from ingest.items import Item
from tests.api.cli.conftest import Command
from tests.api.cli.test_import import incidents, where
from tests.ingest.test_github_log import SET_UP, TESTS, archive, printed
from tests.ingest.test_junit import PYTEST, SUREFIRE

__all__ = ["where"]


def test_junit_files(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Several at once, a broken one among them; twice makes no duplicates."""
    files = [tmp_path / name for name in ("pytest.xml", "surefire.xml", "broken.xml")]
    for file, text in zip(files, (PYTEST, SUREFIRE, SUREFIRE.replace("08:15", "09:15")[:-60]), strict=True):
        file.write_text(text)
    first, second = (command("import", "--junit", *files, "--json", *where) for _ in range(2))
    told, again = json.loads(first.stdout), json.loads(second.stdout)

    assert (1, 7, 0, 1) == (first.exit_code, told["accepted"], told["duplicates"], told["rejected"])
    assert (0, 7) == (again["accepted"], again["duplicates"])
    assert ["broken.xml"] == [Path(each["file"]).name for each in told["problems"]]
    assert {"pytest", "com.acme.PriceTest"} == {each["pipeline"] for each in incidents(where)}


def test_retries_that_the_file_tells_of(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """A flaky test has passed when it was run again: its precedent says so, once."""
    (tmp_path / "report.xml").write_text(SUREFIRE)
    for _ in range(2):
        command("import", tmp_path / "report.xml", *where)
    told = command.json("import", tmp_path / "report.xml", *where)
    [flaky] = [each for each in incidents(where) if each["environment"]["test"] == "flaky"]
    precedent = httpx.get(f"{where[1]}/precedents/{flaky['precedent_id']}", headers={"X-Workspace": where[3]}).json()

    assert (2, 3) == (told["outcomes"], told["duplicates"])
    assert {"succeeded": 1, "failed": 0} == {name: precedent["retries"][name] for name in ("succeeded", "failed")}


def test_logs_are_known_by_their_looks(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Nobody has to say what a file holds, nor standard input; the same failure is one, in whichever form."""
    forms = {"a.log": printed("build"), "b.zip": archive(**{"0_build": SET_UP + TESTS}), "c": (SET_UP + TESTS).encode()}
    names = ("--pipeline", "shop", "--run-id", "17")
    told = []
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        told.append(command.json("import", tmp_path / name, *names, *where))
        told.append(command.json("import", "-", *names, *where, input=content))

    assert [(1, 0), *[(0, 1)] * 5] == [(each["accepted"], each["duplicates"]) for each in told]
    assert [("shop", "17", True)] == [
        (each["pipeline"], each["run_id"], "KeyError" in each["template"]) for each in incidents(where)
    ]


def test_names_for_lines_that_have_none(command: Command, where: tuple[str, ...]) -> None:
    """What a line says itself stays."""
    lines = '{"text": "KeyError: 1", "pipeline": "own"}\n{"text": "KeyError: 2"}\n'
    command.json("import", "-", "--format", "ndjson", "--pipeline", "nightly", *where, input=lines)

    assert ["nightly", "own"] == sorted(each["pipeline"] for each in incidents(where))


def test_zip_that_is_none(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """Said before anything is sent, without a traceback."""
    (tmp_path / "logs.zip").write_bytes(b"PK\x03\x04nothing")
    result = command("import", "--github-log", tmp_path / "logs.zip", *where)

    assert (2, True) == (result.exit_code, "this zip cannot be read" in result.stderr)


OTHERS = {
    "junit.xml": PYTEST.encode(),
    "lines.ndjson": b'{"text": "KeyError: 1"}\n',
    "table.csv": b"text,step\nKeyError,load\n",
    "plain.log": b"all is well\n",
    "zip of others": archive(**{"readme": "x"}),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("kind", ["--github-log", "--junit"])
def test_file_of_another_kind(command: Command, where: tuple[str, ...], tmp_path: Path, kind: str, name: str) -> None:
    """Is never taken for one in which nothing failed."""
    file = tmp_path / name
    file.write_bytes(OTHERS[name])
    result = command("import", kind, file, *where)

    if (kind, name) == ("--junit", "junit.xml"):
        assert 0 == result.exit_code
    else:
        assert 0 < result.exit_code < 3
        assert "GitHub Actions" in result.stderr or "valid XML" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (("--github-log",), SET_UP.encode()),
        (("--github-log",), archive(**{"0_build": SET_UP})),
        (("--junit",), b'<testsuite name="s"><testcase name="good"/></testsuite>'),
        (("--format", "csv"), b"text,step\n"),
        (("--format", "ndjson"), b"\n"),
    ],
    ids=["log", "archive", "junit", "csv", "ndjson"],
)
def test_file_in_which_nothing_failed(
    command: Command, where: tuple[str, ...], tmp_path: Path, arguments: tuple[str, ...], content: bytes
) -> None:
    """Is said so, and no trouble."""
    file = tmp_path / "file"
    file.write_bytes(content)
    result = command("import", *arguments, file, *where)

    assert (0, "There is no failure in it.") == (result.exit_code, result.stderr.strip())


def test_file_among_others_that_cannot_be_read(command: Command, where: tuple[str, ...], tmp_path: Path) -> None:
    """It costs itself alone, and is named."""
    (tmp_path / "a.xml").write_text(PYTEST)
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04nothing")
    (tmp_path / "c").write_text("who knows what")
    result = command("import", *(tmp_path / name for name in ("b.zip", "c", "a.xml")), "--json", *where)

    told = json.loads(result.stdout)
    assert (1, 2, ["b.zip", "c"]) == (
        result.exit_code,
        told["accepted"],
        [Path(each["file"]).name for each in told["problems"]],
    )


def test_items_that_no_import_takes() -> None:
    """Each is refused with what is wrong with it, whatever it holds."""
    odd = [{"text": "x", "environment": {"n": 2**70}}, {"text": "\ud800"}, {"text": ""}, {"text": "x", "attempt": 0}]
    lines = list(read_items(Item(number, value=value) for number, value in enumerate(odd)))

    assert [None] * 4 == [line.body for line in lines]
    assert ["environment", "text", "line", "attempt"] == [str(line.problem).partition(":")[0] for line in lines]
