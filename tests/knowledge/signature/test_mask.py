"""What belongs to one occurrence goes, what carries meaning stays, and masking twice changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.signature import mask

FRAGMENTS = (
    "rank 3", "worker-12", "[Errno 28]", "10.0.0.1:8080", "https://huggingface.co/api/models/x", "s3://b/k/x.parquet",
    "/var/log/x.log", "C:\\Users\\a\\b.py", "2026-01-02T03:04:05Z", "0x7ffdeadbeef", "12.5 GiB", 'user "bob"', "'x'",
    "a1b2c3d4e5f6", "trainer-7f9c8d6b5c-x2x9z", "HTTP 503", "exit code 137", "(403)", "::1", "fe80::1:2", "<num>",
    "<path>", "<id>", "port 5432", "node:", "db.internal.example.com", "x@y.com", "Request ID: abc-1", "us-east-1",
    "arn:aws:s3:::b", "sha256:abc123", "ORA-00060", "SQLSTATE[40001]", "error 12", "localhost", "==2.0", "1.2.3", "5s",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Exit code 137",
        "Exit Code:    137",
        "exited with code -9",
        "killed by signal 9",
        "OSError: [Errno 28] No space left on device",
        "Connection refused (os error 111)",
        "SQLSTATE[40001]: Serialization failure",
        "ORA-00060: deadlock detected",
        "ERROR 1205 (HY000): Lock wait timeout exceeded",
        "HTTP/1.1 503 Service Unavailable",
        "403 Client Error: Forbidden",
        "status=500",
        "unexpected status (403)",
        "the server returned 503",
        "rpc error: code = ResourceExhausted desc = quota",
        "CUDA error 719",
        "cudaErrorIllegalAddress",
        "HRESULT 0x80070005",
        "port 5432 refused",
        "float32 is not float64",
        "numpy==1.26.4 and botocore>=1.30 conflict",
        "'utf-8' codec",
        "https://huggingface.co/api/models/",
        "An error occurred (SlowDown) when calling the PutObject operation",
        "no such host",
        "错误 磁盘空间不足",
    ],
)
def test_keeps_what_carries_meaning(text: str) -> None:
    """Statuses, errno, exit codes, signals, vendor codes, ports, requirements and public hosts stay as they are."""
    masked = mask(text)

    assert text == masked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rank 3 of 8", "rank <num> of <num>"),
        ("worker-12 died", "worker-<num> died"),
        ("pod trainer-7f9c8d6b5c-x2x9z evicted", "pod trainer-<id> evicted"),
        ("job 550e8400-e29b-41d4-a716-446655440000", "job <id>"),
        ("commit 9f86d081884c7d65", "commit <hex>"),
        ("object at 0x7f3cd8c80050", "object at <hex>"),
        ("connect to 10.1.2.3:5432", "connect to <ip>:5432"),
        ("connect to 10.1.2.3:41022", "connect to <ip>:<num>"),
        ("connect to 127.0.0.1:6379", "connect to localhost:6379"),
        ("db-3.internal.acme.net refused", "<host> refused"),
        ("cannot open /data/run7/part-1.parquet", "cannot open <path>.parquet"),
        ("cannot open C:\\data\\run7\\model.ckpt now", "cannot open <path>.ckpt now"),
        ("/usr/lib/x86_64-linux-gnu/libcuda.so.1: missing", "<path>/libcuda.so: missing"),
        ("GET https://api.acme.net/v1/x?token=1", "GET <url>"),
        ("GET https://huggingface.co/api/models/acme/bert", "GET https://huggingface.co/api/models/<path>"),
        ("s3://bucket/key/part-0.parquet gone", "s3://<path> gone"),
        ("at 2026-11-20T08:15:00Z", "at <time>"),
        ("after 30.5 s", "after <time>"),
        ("1.02 GB of 1 GB used", "<size> of <size> used"),
        ("retried 4 times", "retried <num> times"),
        ("mail bob@acme.net", "mail <email>"),
        ('password authentication failed for user "bob"', 'password authentication failed for user "<name>"'),
        ("Request ID: 9B1E03FFD7A0C2B4", "Request ID: <id>"),
        ("role arn:aws:iam::123456789012:role/x failed", "role <id> failed"),
        ("expecting 'us-west-2'", "expecting '<region>'"),
        ("in organization org-abc123DEF", "in organization org-<id>"),
        ("Xid (PCI:0000:65:00): 79, pid=123", "Xid (PCI:<id>): 79, pid=<num>"),
        ("NCCL version 2.19.3", "NCCL version <version>"),
        ("loss 0.1234", "loss <num>"),
    ],
)
def test_masks_what_belongs_to_one_occurrence(text: str, expected: str) -> None:
    """Ids, hosts, paths, times, sizes, counters and names become placeholders."""
    masked = mask(text)

    assert expected == masked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HTTP Error 403", "HTTP Error 404"),
        ("status 500", "status 503"),
        ("[Errno 13]", "[Errno 2]"),
        ("exit code 1", "exit code 137"),
    ],
)
def test_codes_stay_apart(one: str, other: str) -> None:
    """403 is not 404: what needs another remedy is another failure."""
    assert mask(one) != mask(other)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(FRAGMENTS) | st.text(alphabet="aZ09.:-_/<>\"'[](){}=, \n@e", max_size=5), max_size=12).map(
        "".join
    )
)
def test_masking_twice_changes_nothing(text: str) -> None:
    """A masked text holds nothing more to mask, and keeps its lines."""
    masked = mask(text)

    assert masked == mask(masked)
    assert text.count("\n") == masked.count("\n")
