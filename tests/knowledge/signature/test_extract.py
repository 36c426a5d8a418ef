"""From what pipelines really send to what failed: root cause first."""

from __future__ import annotations

import pytest

from knowledge.failures import Failure
from knowledge.signature import Signature, sign
from knowledge.signature.extract import extract


def _sign(text: str) -> Signature:
    return sign(Failure(text=text))


PYTHON_CHAIN = """\
Traceback (most recent call last):
  File "/app/db.py", line 10, in connect
    sock.connect(address)
ConnectionRefusedError: [Errno 111] Connection refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 99, in <module>
    run()
RuntimeError: could not open the feature store
"""
EXCEPTION_GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 10, in <module>
  |     raise group
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/load.py", line 3, in fetch_rows
    |     raise ValueError("bad row 12")
    | ValueError: bad row 12
    +------------------------------------
"""
PY4J = """\
Traceback (most recent call last):
  File "/opt/job/etl.py", line 88, in write_out
    frame.write.parquet(path)
py4j.protocol.Py4JJavaError: An error occurred while calling o412.parquet.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.sql.FileFormatWriter$.write(FileFormatWriter.scala:231)
Caused by: org.apache.spark.SparkException: Task failed while writing rows
\t... 9 more
Caused by: java.io.FileNotFoundException: No such file or directory: s3a://lake/in/part-0001.parquet
\tat org.apache.hadoop.fs.s3a.S3AFileSystem.s3GetFileStatus(S3AFileSystem.java:3866)
\t... 12 more
"""
NODE = """\
Error: Failed to fetch manifest
    at load (/app/dist/index.js:10:13)
  [cause]: Error: connect ECONNREFUSED 127.0.0.1:5432
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
    code: 'ECONNREFUSED'
  }
"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 17 [running]:
main.(*Worker).Process(0xc000010000, 0x1)
\t/src/worker.go:42 +0x1d
exit status 2
"""
RUST = """\
thread 'main' panicked at src/main.rs:12:9:
called `Result::unwrap()` on an `Err` value: NotConnected
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
note: run with `RUST_BACKTRACE=1` environment variable
"""
RUBY = """\
/gems/octokit/raise_error.rb:18:in `on_complete': 403 - Resource not accessible (Octokit::Forbidden)
\tfrom /gems/faraday/response.rb:7:in `call'
"""
GITHUB = """\
2026-11-20T08:15:01.1234567Z ##[group]Run make test
2026-11-20T08:15:01.1234567Z ##[endgroup]
2026-11-20T08:15:02.1234567Z \x1b[36;1mCollecting acme\x1b[0m
2026-11-20T08:15:12.1234567Z E   ValueError: too few rows: 12
2026-11-20T08:15:13.1234567Z make: *** [Makefile:4: test] Error 1
2026-11-20T08:15:13.1234567Z ##[error]Process completed with exit code 2.
"""
JSON_LINES = (
    '{"time": "2026-01-01T00:00:00Z", "level": "info", "message": "start"}\n'
    '{"level": "error", "message": "write failed", "error": {"type": "TimeoutError", "stack": '
    '"Traceback (most recent call last):\\n  File \\"/a.py\\", line 3, in go\\n    x()\\nTimeoutError: too slow"}}\n'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PYTHON_CHAIN, "ConnectionRefusedError: [Errno 111] Connection refused"),
        (EXCEPTION_GROUP, "ValueError: bad row <num>"),
        (PY4J, "java.io.FileNotFoundException: No such file or directory: s3a://<path>"),
        (NODE, "Error: connect ECONNREFUSED localhost:5432"),
        (GO, "panic: runtime error: index out of range [<num>] with length <num>"),
        (RUST, "thread 'main' panicked at <path>.rs:<num>:<num>:"),
        (RUBY, "403 - Resource not accessible (Octokit::Forbidden)"),
        (GITHUB, "ValueError: too few rows: <num>"),
        (JSON_LINES, "TimeoutError: too slow"),
        ("错误 磁盘空间不足 无法写入", "错误 磁盘空间不足 无法写入"),
        ("make: *** [Makefile:4: test] Error 1", "make: *** [Makefile:<num>: test] Error 1"),
    ],
)
def test_the_root_cause_comes_first(text: str, expected: str) -> None:
    """The first line of the template is the innermost cause; generic trailers lead only when alone."""
    template = _sign(text).template

    assert expected == template.split("\n")[0]


def test_exceptions_are_named_innermost_first() -> None:
    """Java inside Python: the deepest `Caused by` first, the wrapper last."""
    exceptions = _sign(PY4J).exceptions

    assert (
        "java.io.FileNotFoundException",
        "org.apache.spark.SparkException",
        "py4j.protocol.Py4JJavaError",
    ) == exceptions


@pytest.mark.parametrize("text", [PYTHON_CHAIN, PY4J, NODE, GO, RUST, RUBY, EXCEPTION_GROUP])
def test_frames_are_left_out(text: str) -> None:
    """No stack frame and no quoted source line is part of a template."""
    template = _sign(text).template

    assert [] == [word for word in ("File ", "raise group", ".go", ".rb", ".scala", "goroutine") if word in template]


def test_trailers_are_dropped_when_there_is_better() -> None:
    """Make's and the runner's last lines say nothing of why."""
    assert "ValueError: too few rows: <num>" == _sign(GITHUB).template


LOGGED = """\
2026-11-23 08:06:39 INFO epoch 3 step 21999 loss=0.00005 lr=1e-4
2026-11-23 08:06:40 WARN retrying after Connection reset by peer (1/3)
2026-11-23 08:06:41 ERROR the batch could not be read
Traceback (most recent call last):
  File "/app/train.py", line 10, in <module>
    row["price"]
KeyError: 'price'
"""


def test_log_below_error_level_is_no_part_of_a_traceback() -> None:
    """It tells of what went well, or was overcome. Where no exception says what failed it may be all there is."""
    whole, cut = extract(LOGGED), extract(LOGGED.partition("Traceback")[0])

    assert (("ERROR the batch could not be read",), ()) == (whole.errors, whole.context)
    assert (True, True) == ("reset by peer" in "".join(cut.errors), "epoch" in "".join(cut.context))


def test_what_pytorch_adds_to_every_cuda_error_is_dropped() -> None:
    """It says nothing of this one."""
    error = "RuntimeError: CUDA error: uncorrectable ECC error encountered"
    footer = (
        "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
        "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
        "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
    )

    assert sign(Failure(text=error)).fingerprint == sign(Failure(text=f"{error}\n{footer}")).fingerprint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM users;", False),
        ("INFO epoch 3 step 100 loss 0.123 lr 1e-4", False),
        ("my oven is too hot and the cake burned", False),
        ("KeyError: 'price'", True),
        ("連接超時", True),
        ("连接超时", True),
        ("connection refused", True),
        ("command terminated with exit code 1", True),
    ],
)
def test_whether_a_text_says_that_something_failed(text: str, expected: bool) -> None:
    """In the words that we know."""
    assert expected is sign(Failure(text=text)).says_failure


def test_interleaved_ranks_are_one_failure() -> None:
    """Two ranks that print the same error at once say it once."""
    template = _sign(
        "[rank3]: Traceback (most recent call last):\n"
        '[rank3]:   File "/w/t.py", line 10, in step\n'
        "[rank5]: Traceback (most recent call last):\n"
        "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
        "[rank5]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 4.00 GiB\n"
    ).template

    assert "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate <size>" == template


def test_cluster_status_says_why() -> None:
    """Reason and exit code lead, timestamps of the status do not take part."""
    signature = _sign(
        "  Last State: Terminated\n    Reason:   OOMKilled\n    Exit Code:  137\n"
        "    Started: Tue, 02 Jun 2026 08:41:05 +0000"
    )

    assert "Reason:   OOMKilled\nExit Code:  137" == "\n".join(signature.template.split("\n")[:2])
    assert "sigkill" in signature.codes


def test_a_cut_off_traceback_keeps_its_raise() -> None:
    """Where the last line is missing, the innermost raise statement speaks for it."""
    cut = 'Traceback (most recent call last):\n  File "/a.py", line 3, in read\n    raise ReadTimeoutError(self._pool)'
    template = _sign(cut).template

    assert "raise ReadTimeoutError(self._pool)" == template


def test_a_failure_in_a_long_log_is_found() -> None:
    """The decisive lines of a megabyte are in its middle, between chatter."""
    chatter = "".join(f"step {number} loss 0.{number}\n" for number in range(25_000))
    template = _sign(f"{chatter}\nValueError: Input contains NaN\n{chatter}").template

    assert "ValueError: Input contains NaN" == template.split("\n")[0]
