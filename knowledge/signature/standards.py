"""Tables that standards fix: errno, HTTP, getaddrinfo, gRPC, signals; so that no machine signs differently."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from knowledge.signature.patterns import words

#: Linux errno (errno(3)): number, name, and what strerror(3) says.
ERRNO: tuple[tuple[int, str, str], ...] = (
    (1, "eperm", "operation not permitted"),
    (2, "enoent", "no such file or directory"),
    (4, "eintr", "interrupted system call"),
    (5, "eio", "input/output error"),
    (9, "ebadf", "bad file descriptor"),
    (11, "eagain", "resource temporarily unavailable"),
    (12, "enomem", "cannot allocate memory"),
    (13, "eacces", "permission denied"),
    (16, "ebusy", "device or resource busy"),
    (17, "eexist", "file exists"),
    (18, "exdev", "invalid cross-device link"),
    (20, "enotdir", "not a directory"),
    (21, "eisdir", "is a directory"),
    (22, "einval", "invalid argument"),
    (23, "enfile", "too many open files in system"),
    (24, "emfile", "too many open files"),
    (26, "etxtbsy", "text file busy"),
    (27, "efbig", "file too large"),
    (28, "enospc", "no space left on device"),
    (30, "erofs", "read-only file system"),
    (32, "epipe", "broken pipe"),
    (36, "enametoolong", "file name too long"),
    (39, "enotempty", "directory not empty"),
    (71, "eproto", "protocol error"),
    (98, "eaddrinuse", "address already in use"),
    (99, "eaddrnotavail", "cannot assign requested address"),
    (100, "enetdown", "network is down"),
    (101, "enetunreach", "network is unreachable"),
    (103, "econnaborted", "software caused connection abort"),
    (104, "econnreset", "connection reset by peer"),
    (105, "enobufs", "no buffer space available"),
    (107, "enotconn", "transport endpoint is not connected"),
    (110, "etimedout", "connection timed out"),
    (111, "econnrefused", "connection refused"),
    (112, "ehostdown", "host is down"),
    (113, "ehostunreach", "no route to host"),
    (116, "estale", "stale file handle"),
    (121, "eremoteio", "remote i/o error"),
    (122, "edquot", "disk quota exceeded"),
)
ERRNO_BY_NUMBER: Mapping[int, str] = {number: name for number, name, _ in ERRNO}
ERRNO_BY_PHRASE: Mapping[str, str] = {phrase: name for _, name, phrase in ERRNO}

#: getaddrinfo(3) and what programs print for it; 11001 is Winsock's WSAHOST_NOT_FOUND, ENOTFOUND is Node's.
NAME_RESOLUTION_BY_NUMBER: Mapping[int, str] = {-2: "eai_noname", -3: "eai_again", 11001: "eai_noname"}
NAME_RESOLUTION_BY_NAME: Mapping[str, str] = {
    "eai_again": "eai_again",
    "eai_noname": "eai_noname",
    "enotfound": "eai_noname",
}
NAME_RESOLUTION_BY_PHRASE: Mapping[str, str] = {
    "temporary failure in name resolution": "eai_again",
    "temporary failure resolving": "eai_again",
    "name or service not known": "eai_noname",
    "nodename nor servname provided": "eai_noname",
    "no such host": "eai_noname",
    "could not resolve host": "eai_noname",
    "unknownhostexception": "eai_noname",
}

#: Reason phrases that are ordinary words say nothing of HTTP.
_ORDINARY_PHRASES = frozenset({"Found", "Not Found", "Gone", "Locked", "Conflict"})
#: What well-known services print in place of a reason phrase.
_OTHER_PHRASES = {
    "access denied": "403",
    "accessdenied": "403",
    "gateway time-out": "504",
    "payload too large": "413",
    "rate limit exceeded": "429",
    "slow down": "503",
    "slowdown": "503",
    "toomanyrequests": "429",
}
HTTP_BY_PHRASE: Mapping[str, str] = {
    status.phrase.lower(): str(status.value)
    for status in HTTPStatus
    if status >= HTTPStatus.MULTIPLE_CHOICES and status.phrase not in _ORDINARY_PHRASES
} | _OTHER_PHRASES
#: Statuses from 300 on: the registered ones, and those of nginx, Cloudflare, AWS load balancers and IIS.
HTTP_STATUSES = frozenset(str(status.value) for status in HTTPStatus if status >= HTTPStatus.MULTIPLE_CHOICES) | words(
    "440 444 449 460 498 499 509 520 521 522 523 524 525 526 527 529 530"
)

#: https://grpc.io/docs/guides/status-codes/, those that are more than one word.
GRPC = (
    "already_exists",
    "data_loss",
    "deadline_exceeded",
    "failed_precondition",
    "invalid_argument",
    "not_found",
    "out_of_range",
    "permission_denied",
    "resource_exhausted",
)
SIGNALS: Mapping[int, str] = {6: "sigabrt", 7: "sigbus", 8: "sigfpe", 9: "sigkill", 11: "sigsegv", 15: "sigterm"}
#: A shell's exit code for a process that a signal ended: 128 and the signal's number.
SIGNALLED = 128
