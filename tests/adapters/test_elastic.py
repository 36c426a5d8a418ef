"""Error files as torch itself writes them, in processes of their own; torch is the development environment's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seenbefore import Client
from seenbefore.adapters.elastic import ERROR_FILE, WorkerFailure, advise_job, first_failure, read_error_file

RECORD = "from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure, record\n"
WORKER = (
    RECORD
    + """
@record
def main():
    {body}

main()
"""
)
RESET = 'raise ConnectionResetError(104, "Connection reset by peer")'
MISSING = 'raise KeyError("customer_id")'


def run(python: str, body: str, *, file: Path) -> int:
    """A worker whose main does that; its exit code."""
    file.parent.mkdir(parents=True, exist_ok=True)
    script = WORKER.format(body=body)
    command, environment = [python, "-c", script], {ERROR_FILE: str(file)}
    return subprocess.run(command, check=False, env=environment, stderr=subprocess.DEVNULL).returncode


@pytest.fixture(scope="module")
def job(server_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log folder of a job of two ranks. Rank 1 lost its connection; rank 0 failed for that reason 9 s later."""
    folder = tmp_path_factory.mktemp("job") / "none_abc123" / "attempt_0"
    assert run(server_python, RESET, file=folder / "1" / "error.json") == 1
    assert run(server_python, 'raise RuntimeError("peer is gone")', file=folder / "0" / "error.json") == 1
    for rank, stamp in {"0": 1_760_000_009, "1": 1_760_000_000}.items():
        path = folder / rank / "error.json"
        said = json.loads(path.read_text())
        said["message"]["extraInfo"]["timestamp"] = str(stamp)
        path.write_text(json.dumps(said))
    return folder


def test_reads_what_record_writes(server_python: str, tmp_path: Path) -> None:
    """Message, traceback and time of the exception that ended the worker."""
    assert run(server_python, RESET, file=tmp_path / "error.json") == 1

    failure = read_error_file(tmp_path / "error.json")

    assert failure is not None
    assert "ConnectionResetError: [Errno 104] Connection reset by peer" == failure.message
    assert failure.stacktrace.startswith("Traceback (most recent call last):")
    assert failure.timestamp > 1_700_000_000
    assert failure.text.endswith("ConnectionResetError: [Errno 104] Connection reset by peer")


def test_reads_what_the_agent_hands_on(server_python: str, job: Path, tmp_path: Path) -> None:
    """torchrun's own file has the first failure's, and the signal that ended the worker."""
    body = (
        f'failure = ProcessFailure(local_rank=1, pid=7, exitcode=-9, error_file=r"{job / "1" / "error.json"}")\n'
        '    raise ChildFailedError("trainer", {1: failure})'
    )
    assert run(server_python, body, file=tmp_path / "error.json") == 1

    failure = read_error_file(tmp_path / "error.json")

    assert failure is not None
    assert (-9, 1_760_000_000) == (failure.exit_code, failure.timestamp)
    assert "exitcode: -9 (SIGKILL)" == failure.text.splitlines()[-1]


def test_the_first_failure_is_the_cause(job: Path) -> None:
    """Ranks that fail because another did are not what is asked about."""
    failure = first_failure(job.parents[1])

    assert failure is not None
    assert job / "1" / "error.json" == failure.path


def test_advice_about_a_job(memory: Client, service: Any, job: Path) -> None:
    """A connection that was reset is worth another attempt; the failure is recorded with where it happened."""
    advice = advise_job(memory, job, pipeline="llm", step="pretrain", attempt=1)

    assert ("retry", "transient") == (advice.decision.action, advice.verdict)
    [incident] = service.incidents(pipeline="llm", step="pretrain")
    assert "ConnectionResetError" in incident["template"]


def test_a_defect_is_told_fail(
    memory: Client, server_python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is found where torch looks for it."""
    assert run(server_python, MISSING, file=tmp_path / "error.json") == 1
    monkeypatch.setenv(ERROR_FILE, str(tmp_path / "error.json"))

    assert "fail" == advise_job(memory).decision.action


def test_the_next_attempts_outcome_is_told(memory: Client, service: Any, job: Path) -> None:
    """What the launcher knows of the next attempt goes to the advice that it followed."""
    advice = advise_job(memory, job, pipeline="llm")
    memory.outcome(advice, "succeeded", attempt=2)

    assert memory.flush(20.0)
    assert {"succeeded": [2], "failed": []} == service.retries(count=1, pipeline="llm")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"message": 7}',
        b'{"message": "<NONE>"}',
        b'{"message": null}',
    ],
)
def test_a_file_that_says_nothing_is_none(content: bytes, tmp_path: Path, lost: Client) -> None:
    """Cut off, empty, or of somebody else."""
    path = tmp_path / "error.json"
    path.write_bytes(content)

    assert read_error_file(path) is None
    assert "default" == advise_job(lost, tmp_path).decision.action


def test_odd_values_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """A bare message; a time that is none; a message without its details."""
    path = tmp_path / "error.json"

    path.write_text('{"message": "NCCL watchdog timeout", "timestamp": 5}')
    assert WorkerFailure(message="NCCL watchdog timeout", timestamp=5, path=path) == read_error_file(path)
    path.write_text('{"message": {"message": "gone", "extraInfo": {"timestamp": "soon"}, "errorCode": 1e999}}')
    assert WorkerFailure(message="gone", path=path) == read_error_file(path)
    path.write_text('{"message": {"message": "gone", "extraInfo": [], "errorCode": 77}}')
    assert "gone\nexitcode: 77" == getattr(read_error_file(path), "text", None)


def test_no_file_is_default(lost: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that failed without a word leaves the launcher to its own policy."""
    monkeypatch.delenv(ERROR_FILE, raising=False)

    assert "default" == advise_job(lost).decision.action
    assert "default" == advise_job(lost, tmp_path / "nowhere").decision.action
    assert first_failure(tmp_path) is None


def test_no_service_is_default(lost: Client, job: Path) -> None:
    """Dead, hanging, stumbling or talking nonsense: the launcher's own policy decides."""
    assert "default" == advise_job(lost, job).decision.action
