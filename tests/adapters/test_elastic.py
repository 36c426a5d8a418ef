"""Error files as torch itself writes them, in processes of their own; torch is the development environment's."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seenbefore import Client
from seenbefore.adapters.elastic import ERROR_FILE, WorkerFailure, advise_job, first_failure, read_error_file
from tests.adapters.conftest import Page

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


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


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


def write_failure(folder: Path, rank: int, message: str, *, timestamp: int) -> Path:
    """An error file as `@record` writes it."""
    path = folder / str(rank) / "error.json"
    path.parent.mkdir(parents=True)
    extra = {"py_callstack": f"Traceback (most recent call last):\n{message}", "timestamp": str(timestamp)}
    path.write_text(json.dumps({"message": {"message": message, "extraInfo": extra}}))
    os.utime(path, (timestamp, timestamp))
    return path


def launch(folder: Path, *, began: int) -> Path:
    """An attempt's folder, made at that time."""
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder, (began, began))
    return folder


def failed(folder: Path, *messages: str, began: int) -> Path:
    """The folder of an attempt whose ranks failed so, a second after each other."""
    for rank, message in enumerate(messages):
        write_failure(folder, rank, message, timestamp=began + rank + 1)
    return launch(folder, began=began)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A log folder of some months: two jobs, the newer with two attempts, the older with more of them."""
    folder = tmp_path / "logs"
    for attempt in range(11):
        failed(folder / f"old_a1b2c3d4/attempt_{attempt}", f"OSError: old {attempt}", began=1_000 + 100 * attempt)
    failed(folder / "new_e5f6_7h8/attempt_0", "OSError: new 0", began=5_000)
    failed(folder / "new_e5f6_7h8/attempt_1", "RuntimeError: peer is gone", "OSError: new 1", began=6_000)
    write_failure(folder / "new_e5f6_7h8/attempt_1", 2, "OSError: root", timestamp=6_000)
    launch(folder / "new_e5f6_7h8/attempt_1", began=6_000)
    return folder


def message_of(place: Path, *, job: str | None = None) -> str | None:
    """What the first failure says."""
    failure = first_failure(place, job=job)
    return failure.message if failure else None


def test_the_newest_attempt_of_the_newest_job_is_asked_about(logs: Path) -> None:
    """Not what failed months ago; within it, the rank that failed first."""
    assert "OSError: root" == message_of(logs)
    assert "OSError: root" == message_of(logs.parent)


def test_a_job_or_an_attempt_can_be_named(logs: Path) -> None:
    """By its id, by its folder's name, or by the folder itself; attempts are counted, not sorted as words."""
    assert "OSError: old 10" == message_of(logs, job="old")
    assert "OSError: old 10" == message_of(logs, job="old_a1b2c3d4")
    assert "OSError: root" == message_of(logs, job="new")
    assert "OSError: old 10" == message_of(logs / "old_a1b2c3d4")
    assert "OSError: old 3" == message_of(logs / "old_a1b2c3d4" / "attempt_3")
    assert message_of(logs, job="none") is None


def test_an_attempt_without_a_word_is_not_told_by_an_older_one(logs: Path) -> None:
    """A worker that was killed writes no file: what failed before it is another failure."""
    launch(logs / "new_e5f6_7h8/attempt_2/0", began=7_000)
    launch(logs / "new_e5f6_7h8/attempt_2", began=7_000)

    assert message_of(logs) is None
    assert message_of(logs, job="new") is None


def test_nodes_that_share_a_log_folder_are_one_job(logs: Path) -> None:
    """The cause may be another node's; an earlier launch of the same id is none of them."""
    failed(logs / "new_node0000/attempt_0", "OSError: earlier launch", began=5_900)
    failed(logs / "new_node1111/attempt_0", "OSError: first of all", began=6_999)
    failed(logs / "new_node2222/attempt_0", "RuntimeError: peer is gone", "x", began=7_003)
    os.utime(logs / "new_node1111/attempt_0/0/error.json", (7_004, 7_004))

    assert "OSError: first of all" == message_of(logs)


def test_what_was_ended_by_others_is_not_the_cause(tmp_path: Path) -> None:
    """Times are whole seconds, and torchrun ends the other ranks within one."""
    attempt = tmp_path / "none_a1b2c3d4/attempt_0"
    for rank, message in enumerate(["SignalException: Process 7 got signal: 15", "OSError: root", "OSError: after"]):
        write_failure(attempt, rank, message, timestamp=6_000)
        os.utime(attempt / f"{rank}/error.json", (6_000, 6_000.1 + rank / 10))

    assert "OSError: root" == message_of(tmp_path)


def test_torchrun_itself(server_python: str, tmp_path: Path, memory: Client) -> None:
    """Two launches over one log folder, each started twice: the second attempt of the second launch is asked about."""
    script = tmp_path / "train.py"
    body = "raise ValueError(f\"{sys.argv[1]} {os.environ['TORCHELASTIC_RESTART_COUNT']}\")"
    script.write_text("import os, sys\n" + WORKER.format(body=body))
    for name in ("first", "second"):
        options = ["--nproc-per-node", "1", "--max-restarts", "1", "--master-port", str(free_port())]
        line = [server_python, "-m", "torch.distributed.run", *options, "--log-dir", str(tmp_path / "logs")]
        done = subprocess.run([*line, str(script), name], check=False, capture_output=True, text=True, timeout=300)
        assert 1 == done.returncode, done.stderr

    assert "ValueError: second 1" == message_of(tmp_path / "logs")
    assert advise_job(memory, tmp_path / "logs", pipeline="llm").incident_id


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


def test_the_pages_program_runs(page: Page, server_python: str, service: Any, tmp_path: Path) -> None:
    """As it is there, with a job that is worth a second attempt; and the page names the version that is tested."""
    service.knows(ConnectionResetError(104, "Connection reset by peer"), verdict="transient", action="retry_now")
    body = 'if not os.path.exists("done"):\n        open("done", "w").close()\n        ' + RESET
    (tmp_path / "train.py").write_text("import os\n" + WORKER.format(body=body))
    path = f"{Path(server_python).parent}{os.pathsep}{os.environ['PATH']}"

    assert page.run(tmp_path, PATH=path).startswith("retry ")
    asked = [server_python, "-c", "from importlib.metadata import version; print(version('torch').partition('+')[0])"]
    tested = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    assert f"Tested with torch {tested}" in page.text
