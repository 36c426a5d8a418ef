"""JUnit XML: as its writers write it, and as nobody should."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.items import Item, Names, Outcome
from ingest.junit import DEEPEST, read_junit
from ingest.records import from_mapping

PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.04"
 timestamp="2026-11-20T08:15:00.123456+01:00" hostname="ci-7">
<testcase classname="tests.test_prices" name="test_load[eur]" time="0.002"><failure message="KeyError: 'price'">prices =
{'eur': 1}

    def load(prices):
&gt;       return prices['price']
E       KeyError: 'price'

tests/test_prices.py:9: KeyError</failure><system-out>not part of it</system-out></testcase>
<testcase classname="tests.test_prices" name="test_store" time="0.001"><error
 message="failed on setup with &quot;boom&quot;"
>E   ConnectionRefusedError: [Errno 111] Connection refused</error></testcase>
<testcase classname="tests.test_prices" name="test_skipped">
<skipped type="pytest.skip" message="no GPU">x</skipped></testcase>
<testcase classname="tests.test_prices" name="test_good" /></testsuite></testsuites>"""

SUREFIRE = """<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0.2" name="com.acme.PriceTest"
 time="1.2" tests="3" errors="1" failures="1" timestamp="2026-11-20T08:15:00">
<properties><property name="java.version" value="21"/></properties>
<testcase name="loads" classname="com.acme.PriceTest" time="0.5">
<failure message="expected: &lt;1&gt; but was: &lt;2&gt;"
 type="org.opentest4j.AssertionFailedError"><![CDATA[org.opentest4j.\
AssertionFailedError: expected: <1> but was: <2>
\tat com.acme.PriceTest.loads(PriceTest.java:12)]]></failure>
<rerunFailure message="timed out" type="java.net.SocketTimeoutException">
<stackTrace>java.net.SocketTimeoutException: timed out
</stackTrace><system-out>chatter</system-out></rerunFailure></testcase>
<testcase name="flaky" classname="com.acme.PriceTest" time="0.1">
<flakyError message="reset" type="java.net.SocketException">
<stackTrace>java.net.SocketException: Connection reset</stackTrace>
<system-err>chatter</system-err></flakyError></testcase>
</testsuite>"""

GRADLE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.acme.OrderTest" tests="1" skipped="0" failures="1" errors="0" timestamp="2026-11-20T08:15:00.000Z"
 hostname="runner" time="0.01"><properties/>
  <testcase name="orders()" classname="com.acme.OrderTest" time="0.01">
    <failure message="java.lang.NullPointerException: id"
 type="java.lang.NullPointerException">java.lang.NullPointerException: id
\tat com.acme.Orders.of(Orders.java:3)
</failure>
  </testcase>
  <system-out><![CDATA[]]></system-out>
</testsuite>"""


JEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="jest tests" tests="2" failures="1" errors="0" time="1.2">
  <testsuite name="sum" errors="0" failures="1" skipped="0" timestamp="2026-11-20T08:15:00" time="0.9" tests="2">
    <testcase classname="sum adds" name="sum adds" time="0.003"><failure>Error: expect(received).toBe(expected)
    at Object.toBe (/home/u/sum.test.js:5:21)</failure></testcase>
  </testsuite>
</testsuites>"""

GO = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" failures="1"><testsuite name="all">
<testsuite name="acme.example/prices" tests="1" failures="1" errors="0" id="0" hostname="ci" time="0.2"
 timestamp="2026-11-20T08:15:00Z"><properties><property name="go.version" value="go1.26"></property></properties>
<testcase name="TestLoad/eur" classname="acme.example/prices" time="0.000"><failure message="Failed"><![CDATA[
    prices_test.go:10: got [[3]]]]><![CDATA[> want 4
panic: runtime error: index out of range [5] with length 3]]></failure></testcase>
<system-out><![CDATA[not part of it]]></system-out></testsuite></testsuite></testsuites>"""

CTEST = """<testsuite name="Linux-g++" tests="2" failures="2" timestamp="2026-11-20T08:15:00">
<testcase name="save" classname="save" status="fail"><failure message="Failed"/><system-out>terminate called after
throwing an instance of 'std::runtime_error'
  what():  disk full</system-out></testcase>
<testcase name="load" classname="load" status="fail"><failure message="Failed"/></testcase></testsuite>"""


def read(text: str | bytes, names: Names = Names()) -> list[Item]:  # noqa: B008 - it is frozen
    """The items of a file."""
    content = text.encode() if isinstance(text, str) else text
    return list(read_junit(io.BytesIO(content), names=names))


def values(items: Iterable[Item]) -> list[dict[str, Any]]:
    """The fields of those that have some."""
    return [dict(item.value) for item in items if item.value is not None]


def test_pytest() -> None:
    """No type is named: the text of the failure is read as a log is."""
    failure, error = values(read(PYTEST))

    assert ("pytest", "tests.test_prices", "2026-11-20T07:15:00.123456+00:00") == (
        failure["pipeline"],
        failure["step"],
        failure["occurred_at"],
    )
    assert {"test": "test_load[eur]", "hostname": "ci-7"} == failure["environment"]
    assert failure["text"].endswith("test_prices.py:9: KeyError")
    assert "not part of it" not in failure["text"]
    assert "E   ConnectionRefusedError: [Errno 111] Connection refused" == error["text"]


def test_gradle() -> None:
    """Type, message and stack trace."""
    [failure] = values(read(GRADLE))

    assert {
        "type": "java.lang.NullPointerException",
        "message": "java.lang.NullPointerException: id",
        "stacktrace": "java.lang.NullPointerException: id\n\tat com.acme.Orders.of(Orders.java:3)\n",
    } == failure["error"]


def test_jest() -> None:
    """No type and no message: the text alone."""
    [failure] = values(read(JEST))

    assert ("sum", "sum adds", True) == (
        failure["pipeline"],
        failure["step"],
        failure["text"].startswith("Error: expect(received)"),
    )


def test_go_in_nested_suites() -> None:
    """The inner suite is the pipeline; sections of CDATA are one text."""
    [failure] = values(read(GO))

    assert ("acme.example/prices", "TestLoad/eur") == (failure["pipeline"], failure["environment"]["test"])
    assert "got [[3]]> want 4\npanic: runtime error" in failure["text"]
    assert "not part of it" not in failure["text"]


def test_ctest() -> None:
    """What the test printed says why, where the failure does not: "Failed" would be one precedent of everything."""
    save, load = values(read(CTEST))

    assert "terminate called after" == save["text"].splitlines()[0]
    assert save["text"].endswith("what():  disk full\nFailed")
    assert "Failed" == load["text"]


def test_report_without_suites() -> None:
    """Of a run that had no tests: nothing, and no trouble."""
    assert [] == read('<testsuites name="jest tests" tests="0" failures="0"/>')


def test_surefire_and_its_reruns() -> None:
    """Attempts are numbered, and how the next one ended is known."""
    items = read(SUREFIRE)

    assert [
        ("org.opentest4j.AssertionFailedError", 1, Outcome("failed", attempt=2)),
        ("java.net.SocketTimeoutException", 2, None),
        ("java.net.SocketException", 1, Outcome("succeeded", attempt=2)),
    ] == [
        (value["error"]["type"], value["attempt"], item.outcome)
        for item, value in zip(items, values(items), strict=True)
    ]
    assert "chatter" not in str(values(items))


@pytest.mark.parametrize("text", [PYTEST, SUREFIRE, GRADLE, JEST, GO, CTEST])
def test_ids_are_the_files_own(text: str) -> None:
    """The same file gives the same ids, no two alike; another run of the tests gives others."""
    first, second = ([value["external_id"] for value in values(read(text))] for _ in range(2))
    later = [value["external_id"] for value in values(read(text.replace("08:15", "09:15")))]

    assert first == second
    assert len(first) == len(set(first) - set(later))


def test_what_a_line_of_an_import_takes() -> None:
    """Every item is one."""
    items = [*read(PYTEST), *read(SUREFIRE), *read(GRADLE)]

    assert len(items) == len([from_mapping(value) for value in values(items)])


def test_names_that_are_given() -> None:
    """They stand over those of the file."""
    names = Names(pipeline="shop", step="unit", run_id="r-1")
    [value] = values(read(GRADLE, names))

    assert ("shop", "unit", "r-1") == (value["pipeline"], value["step"], value["run_id"])


def test_suite_that_failed_as_a_whole() -> None:
    """Without a test case."""
    [value] = values(read('<testsuite name="s"><error type="E" message="class could not be loaded"/></testsuite>'))

    assert {"type": "E", "message": "class could not be loaded"} == value["error"]


def test_file_that_breaks_off() -> None:
    """What was read before is kept, and where it ends is told."""
    good, end = read(SUREFIRE[: SUREFIRE.index('<testcase name="flaky"')])[-2:]

    assert (2, True) == (good.value and good.value["attempt"], str(end.problem).startswith("this is not valid XML"))


BILLION = (
    '<!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BILLION + '<testsuite name="s"><testcase><failure>&j;</failure></testcase></testsuite>', "document type"),
        (
            '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase><failure>&e;</failure></testcase>'
            "</testsuite>",
            "document type",
        ),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><testsuite/>', "document type"),
        ("<testsuite>" * (DEEPEST + 1), "deep"),
        ("<html/>", "no testsuite"),
        ("", "not valid XML"),
        ("nothing", "not valid XML"),
        ('<?xml version="1.0" encoding="no-such-code"?><testsuite/>', "not valid XML"),
        ("<testsuite>\0</testsuite>", "not valid XML"),
        ("<testsuite a='1' a='2'/>", "not valid XML"),
        ("<testsuite " + "a" * 20_000_000, "bytes"),
    ],
    ids=["bomb", "file", "address", "nesting", "html", "empty", "text", "encoding", "nul", "attributes", "markup"],
)
def test_hostile_files(text: str, problem: str) -> None:
    """One clear problem, and nothing else."""
    [item] = read(text)

    assert problem in str(item.problem)


def test_large_files_are_read_as_streams() -> None:
    """What is held does not grow with the file, nor with one failure's text."""

    class Endless(io.RawIOBase):
        """Test cases for 40 MB, then one text of 40 MB."""

        def __init__(self) -> None:
            case = b'<testcase name="x"><failure type="E">' + b"y" * 65_000 + b"</failure></testcase>"
            self.parts = iter([b'<testsuite name="s">', *[case] * 600, b"<testcase><failure>", *[b"z" * 65_536] * 600])

        def read(self, size: int = -1) -> bytes:
            """The next part."""
            return next(self.parts, b"")

    tracemalloc.start()
    count = sum(1 for item in read_junit(Endless(), names=Names()) if item.value)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 600 == count
    assert peak < 5_000_000


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.text(max_size=200).map(
            lambda text: f"<testsuite><testcase><failure>{text}".encode("utf-8", "surrogatepass")
        ),
        st.tuples(
            st.sampled_from([PYTEST, SUREFIRE, GRADLE]), st.integers(0, 2_000), st.binary(min_size=1, max_size=8)
        ).map(lambda each: each[0].encode()[: each[1]] + each[2] + each[0].encode()[each[1] + len(each[2]) :]),
    )
)
def test_whatever_bytes_come(content: bytes) -> None:
    """Items or a problem, never an exception; what is taken is fit for an import."""
    for item in read(content):
        assert (item.value is None) != (item.problem is None)
        if item.value is not None:
            from_mapping(item.value)
