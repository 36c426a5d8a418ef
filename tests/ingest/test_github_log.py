"""Logs of GitHub Actions, in all their forms."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import github_archive
from ingest.github_archive import read_archive
from ingest.github_log import NO_LOG, is_log_line, read_log
from ingest.items import Item, Names, Unreadable
from ingest.records import from_mapping

SET_UP = """2026-11-20T08:15:00.0000001Z Current runner version: '2.330.0'
2026-11-20T08:15:00.1000000Z ##[group]Operating System
2026-11-20T08:15:00.2000000Z Ubuntu
2026-11-20T08:15:00.3000000Z ##[endgroup]
"""
TESTS = """2026-11-20T08:15:01.0000000Z ##[group]Run pytest --maxfail=1
2026-11-20T08:15:01.1000000Z \x1b[36;1mpytest --maxfail=1\x1b[0m
2026-11-20T08:15:01.2000000Z shell: /usr/bin/bash -e {0}
2026-11-20T08:15:01.3000000Z ##[endgroup]
2026-11-20T08:15:02.0000000Z Traceback (most recent call last):
2026-11-20T08:15:02.0000001Z   File "app/prices.py", line 9, in load
2026-11-20T08:15:02.0000002Z KeyError: 'price'
2026-11-20T08:15:02.0000003Z ##[debug]left out
2026-11-20T08:15:03.1234567Z ##[error]Process completed with exit code 1.
"""
CLEANED = """2026-11-20T08:15:04.0000000Z Post job cleanup.
2026-11-20T08:15:04.1000000Z [command]/usr/bin/git version
"""
STEPS = (("Set up job", SET_UP), ("Run tests", TESTS), ("Post Run actions/checkout@v5", CLEANED))
SAID = (
    "Traceback (most recent call last):\n"
    '  File "app/prices.py", line 9, in load\n'
    "KeyError: 'price'\nProcess completed with exit code 1."
)
NONE = Names()


def printed(job: str, *, unknown: bool = False) -> bytes:
    """As `gh run view --log` prints it."""
    return "".join(
        f"{job}\t{'UNKNOWN STEP' if unknown else step}\t{bom}{line}\n"
        for step, log in STEPS
        for bom, line in zip(["\ufeff", *[""] * 50], log.splitlines(), strict=False)
    ).encode()


def read(log: bytes, names: Names = NONE) -> list[Item]:
    """The items of a log."""
    return list(read_log(io.BytesIO(log), names=names))


def archive(**entries: str) -> bytes:
    """A zip of logs; two underscores stand for a slash."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in entries.items():
            target.writestr(name.replace("__", "/") + ".txt", text)
    return made.getvalue()


def unzip(content: bytes, names: Names = NONE) -> list[Item]:
    """The items of an archive."""
    return list(read_archive(io.BytesIO(content), names=names))


def values(items: list[Item]) -> list[dict[str, Any]]:
    """The fields of those that have some."""
    return [dict(item.value) for item in items if item.value is not None]


def test_what_gh_prints() -> None:
    """One failure for the step that failed: what it printed, without stamps, markers and what was about to run."""
    [item] = read(printed("build (3.11)"))

    assert {
        "pipeline": "build (3.11)",
        "step": "Run tests",
        "text": SAID,
        "occurred_at": "2026-11-20T08:15:03.123456+00:00",
    } == {name: value for name, value in (item.value or {}).items() if name != "external_id"}
    assert (13, True) == (item.number, b"##[error]" in item.original)


def test_steps_without_names() -> None:
    """As newer versions of gh print them: the runner shows what it runs, which parts them and names them."""
    [value] = values(read(printed("build", unknown=True)))

    assert ("build", "Run pytest --maxfail=1", SAID) == (value["pipeline"], value["step"], value["text"])


def test_archive_with_steps_and_without() -> None:
    """Of a job that has both, the steps are read."""
    whole = SET_UP + TESTS + CLEANED
    steps = {f"build__{number}_{name.replace('/', ' ')}": log for number, (name, log) in enumerate(STEPS, 1)}
    both = values(unzip(archive(**{"0_build": whole, "build__system": "x"}, **steps)))
    alone = values(unzip(archive(**{"0_build": whole, "build__system": "x"})))

    assert [("build", "Run tests", SAID)] == [(each["pipeline"], each["step"], each["text"]) for each in both]
    assert [("build", "Run pytest --maxfail=1", SAID)] == [
        (each["pipeline"], each["step"], each["text"]) for each in alone
    ]


def test_same_failure_in_every_form() -> None:
    """It has one id."""
    forms = [
        *read(printed("build")),
        *read(printed("build", unknown=True)),
        *read((SET_UP + TESTS).encode()),
        *unzip(archive(**{"0_build": SET_UP + TESTS})),
    ]

    assert (4, 1) == (len(forms), len({value["external_id"] for value in values(forms)}))


def test_names_that_are_given() -> None:
    """Under a pipeline of one's own, job and step make the step."""
    [value] = values(read(printed("build"), Names(pipeline="shop", run_id="r-7")))

    assert ("shop", "build / Run tests", "r-7") == (value["pipeline"], value["step"], value["run_id"])


def test_log_of_which_nothing_failed() -> None:
    """Nothing, and no trouble; nor is there in an empty one."""
    assert [[], []] == [read((SET_UP + CLEANED).encode()), read(b"")]


@pytest.mark.parametrize(
    "content",
    [
        b"<testsuite/>",
        b'{"text": "x"}\n',
        b"2026-11-20T08:15:00.1234567Z INFO a service that stamps its lines the same way\n",
        b"##[group]marks alone\n",
        b"\n",
        bytes(range(256)),
    ],
)
def test_file_that_is_no_log(content: bytes) -> None:
    """One clear problem, and no silence that could be taken for success."""
    assert [NO_LOG] == [item.problem for item in read(content)]


def test_archive_that_holds_no_logs() -> None:
    """A zip of something else: by the names in it, or by what these entries say."""
    with pytest.raises(Unreadable, match="holds no logs of GitHub Actions"):
        unzip(archive(**{"readme": "x", "word__document": "y"}))

    assert [NO_LOG] == [item.problem for item in unzip(archive(**{"1_chapter": "Once upon a time"}))]


def test_job_has_one_id() -> None:
    """Where run and attempt are known: of its first step that failed, in whichever form its log comes."""
    names, again = Names(run_id="4711", attempt=2), "2026-11-20T08:15:05.1Z ##[error]and the upload too\n"
    steps = {"build  test__1_Run tests": TESTS, "build  test__2_Upload": again}
    gh = "".join(f"build / test\tRun tests\t{line}\n" for line in TESTS.splitlines())
    gh += f"build / test\tUpload\t{again}"
    forms = (read(gh.encode(), names), unzip(archive(**steps), names))
    told = [[each["external_id"] for each in values(items)] for items in forms]

    assert ["github:4711:2:build test"] * 2 == [first for first, _ in told]
    assert 1 == len({second for _, second in told})
    assert "github-log" == values(read(gh.encode(), Names(run_id="4711")))[0]["external_id"].partition(":")[0]


def test_program_that_prints_markers() -> None:
    """A group that never ends hides a bounded part alone."""
    log = "2026-11-20T08:15:01.0000000Z ##[group]Run x\n" + "a line\n" * 2_000 + "##[error]boom\n"
    [value] = values(read(log.encode()))

    assert value["text"].endswith("a line\nboom")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"build\tRun tests\t2026-11-20T08:15:00.1234567Z x", True),
        (b"2026-11-20T08:15:00.1234567Z x", True),
        (b"2026-11-20T08:15:00Z", True),
        (b"2026-13-40T08:15:00.1234567Z x", False),
        (b"a,b,c", False),
        (b'{"text": "x"}', False),
        (b"", False),
    ],
)
def test_lines_are_told_by_their_stamps(line: bytes, expected: bool) -> None:
    """Nothing else is taken for a log."""
    assert expected == is_log_line(line)


def test_archive_that_is_none() -> None:
    """Said at once."""
    with pytest.raises(Unreadable, match="this zip cannot be read"):
        unzip(b"PK\x03\x04 and then nothing")


def test_archive_that_holds_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb is read up to the bound; what failed before it is kept."""
    monkeypatch.setattr(github_archive, "MOST_UNPACKED", 100_000)
    first, last = unzip(archive(**{"a__1_test": TESTS, "a__2_bomb": "0" * 50_000_000}))

    assert (SAID, "the archive holds more than 100000 bytes; the rest is not read") == (
        first.value and first.value["text"],
        last.problem,
    )


def test_archive_with_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before any of them is read."""
    monkeypatch.setattr(github_archive, "MOST_ENTRIES", 2)

    with pytest.raises(Unreadable, match="more than 2 entries"):
        unzip(archive(a="", b="", c=""))


def test_broken_entry_costs_itself_alone() -> None:
    """The others are read."""
    content = bytearray(archive(**{"a__1_test": TESTS, "b__1_test": TESTS.replace("08:15", "09:15")}))
    content[45:60] = b"\xff" * 15  # in the first entry's deflated bytes
    first, second = unzip(bytes(content))

    assert (True, SAID) == ("cannot be read" in str(first.problem), second.value and second.value["text"])


def test_encrypted_entry() -> None:
    """One clear problem."""
    content = bytearray(archive(**{"a__1_test": TESTS}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    [item] = unzip(bytes(content))

    assert "encrypted" in str(item.problem)


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.tuples(
                st.sampled_from(["", "build\tstep\t", "\t\t", "\ufeff", "2026-11-20T08:15:00.1Z "]),
                st.sampled_from(["", "##[error]", "##[group]Run ", "##[endgroup]", "##[error]##[error]"]),
                st.text(max_size=20),
            )
        ).map(lambda parts: "\n".join("".join(part) for part in parts).encode("utf-8", "surrogatepass")),
    )
)
def test_whatever_a_log_says(content: bytes) -> None:
    """Failures fit for an import, never an exception."""
    for item in read(content):
        assert (item.value is None) == (item.problem == NO_LOG)
        from_mapping(item.value or {"text": "x"})


@settings(max_examples=80, deadline=None)
@given(place=st.integers(0, 400), bytes_there=st.binary(min_size=1, max_size=12))
def test_whatever_a_zip_holds(place: int, bytes_there: bytes) -> None:
    """Failures, problems or one clear refusal."""
    content = archive(**{"a__1_test": TESTS, "0_b": SET_UP + TESTS})
    place %= len(content)
    try:
        items = unzip(content[:place] + bytes_there + content[place + len(bytes_there) :])
    except Unreadable as problem:
        assert str(problem).startswith("this zip cannot be read: ")
    else:
        for item in items:
            assert (item.value is None) != (item.problem is None)
