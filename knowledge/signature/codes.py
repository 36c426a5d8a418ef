"""Codes that standards define, under one name however a program prints them: `Errno 111`, `ECONNREFUSED`, `Connection refused`."""

from __future__ import annotations

from http import HTTPStatus

from knowledge.signature.patterns import pattern

#: Linux errno: number, name and what strerror(3) says, fixed here so that signatures do not depend on the machine.
_ERRNO = (
    (1, "EPERM", "operation not permitted"), (2, "ENOENT", "no such file or directory"), (4, "EINTR", "interrupted system call"),
    (5, "EIO", "input/output error"), (9, "EBADF", "bad file descriptor"), (11, "EAGAIN", "resource temporarily unavailable"),
    (12, "ENOMEM", "cannot allocate memory"), (13, "EACCES", "permission denied"), (16, "EBUSY", "device or resource busy"),
    (17, "EEXIST", "file exists"), (18, "EXDEV", "invalid cross-device link"), (20, "ENOTDIR", "not a directory"),
    (21, "EISDIR", "is a directory"), (22, "EINVAL", "invalid argument"), (23, "ENFILE", "too many open files in system"),
    (24, "EMFILE", "too many open files"), (26, "ETXTBSY", "text file busy"), (27, "EFBIG", "file too large"),
    (28, "ENOSPC", "no space left on device"), (30, "EROFS", "read-only file system"), (32, "EPIPE", "broken pipe"),
    (36, "ENAMETOOLONG", "file name too long"), (39, "ENOTEMPTY", "directory not empty"), (71, "EPROTO", "protocol error"),
    (98, "EADDRINUSE", "address already in use"), (99, "EADDRNOTAVAIL", "cannot assign requested address"),
    (100, "ENETDOWN", "network is down"), (101, "ENETUNREACH", "network is unreachable"),
    (103, "ECONNABORTED", "software caused connection abort"), (104, "ECONNRESET", "connection reset by peer"),
    (105, "ENOBUFS", "no buffer space available"), (107, "ENOTCONN", "transport endpoint is not connected"),
    (110, "ETIMEDOUT", "connection timed out"), (111, "ECONNREFUSED", "connection refused"), (112, "EHOSTDOWN", "host is down"),
    (113, "EHOSTUNREACH", "no route to host"), (116, "ESTALE", "stale file handle"), (121, "EREMOTEIO", "remote i/o error"),
    (122, "EDQUOT", "disk quota exceeded"),
)  # fmt: skip
#: getaddrinfo(3); Node says ENOTFOUND for EAI_NONAME, Windows 11001 for the same.
_NAME_RESOLUTION = {
    "temporary failure in name resolution": "eai_again", "temporary failure resolving": "eai_again",
    "name or service not known": "eai_noname",
    "no such host": "eai_noname", "could not resolve host": "eai_noname", "nodename nor servname provided": "eai_noname",
    "unknownhostexception": "eai_noname",
}  # fmt: skip
#: https://grpc.io/docs/guides/status-codes/
_GRPC = (
    "cancelled invalid_argument deadline_exceeded not_found already_exists permission_denied resource_exhausted failed_precondition"
    " out_of_range unimplemented unavailable data_loss unauthenticated"
).split()
_NODE_NAMES = {"enotfound": "eai_noname", "eai_again": "eai_again", "eai_noname": "eai_noname"}
_NAME_NUMBERS = {-2: "eai_noname", -3: "eai_again", 11001: "eai_noname"}
_SIGNALS = {6: "sigabrt", 7: "sigbus", 8: "sigfpe", 9: "sigkill", 11: "sigsegv", 15: "sigterm"}
_SAME_IN_HTTP = {
    "slow down": "503", "slowdown": "503", "gateway time-out": "504", "temporarily unavailable": "503", "toomanyrequests": "429",
    "rate limit exceeded": "429", "access denied": "403", "accessdenied": "403", "payload too large": "413", "unauthorised": "401",
}  # fmt: skip
_TOO_COMMON = frozenset({"OK", "Found", "Not Found", "Gone", "Locked", "Conflict", "Continue", "Created", "Accepted", "Processing"})

_ERRNO_BY_NUMBER = {number: name.lower() for number, name, _ in _ERRNO}
_ERRNO_BY_TEXT = {text: name.lower() for _, name, text in _ERRNO}
_HTTP_BY_PHRASE = {s.phrase.lower(): str(s.value) for s in HTTPStatus if s >= 300 and s.phrase not in _TOO_COMMON} | _SAME_IN_HTTP
_PHRASES = pattern(
    "(?i)" + "|".join(sorted((*_ERRNO_BY_TEXT, *_HTTP_BY_PHRASE, *_NAME_RESOLUTION), key=len, reverse=True)).replace("-", r"\-")
)
_NUMBERED = pattern(
    r"(?i)\b(?:errno|os error|winerror)[\]: =(]{1,3}-?\d{1,5}\b",
    r"(?i)\b(?:signal|sig)[ :=(]{1,2}\d{1,2}\b|\bSIG[A-Z]{3,5}\b",
    r"(?i)\bexit(?:ed|s)?(?:[ _]with)?(?:[ _](?:code|status|value))?[ :=(]{0,3}-?\d{1,3}\b|\bsignal=-\d+",
    r"\b[345]\d\d\b",
    r"\bE[A-Z_]{3,12}\b",
    r"\bConnection(?:Refused|Reset|Aborted)Error\(\d+",
)
_NAMED = pattern(
    r"\bORA-\d{4,5}\b|\b(?:SQLSTATE)?\[?[0-9A-Z]{5}\]",
    r"(?i)\b(?:xid|code|error|status|signal)\b(?: ?\(PCI:<id>\))?[\])]?[ :=#(\[]{1,8}-?\d{1,5}\b",
    r"\b[A-Z]{2,}[A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b(?:cuda|nccl|cudnn|cublas)[A-Z]\w+\b|\bCU(?:DA|BLAS|DNN)_\w+\b",
    r"\((?:[A-Z][a-z]+){2,}\)|(?:Code|code|Reason|reason|ErrorCode)[\"']?(?:>|[:=] ?[\"']?)[A-Z][A-Za-z]+",
)


def standard_codes(text: str) -> tuple[str, ...]:
    """Canonical names of the standard codes in a masked text: `http_429`, `econnrefused`, `sigkill`, each once."""
    found: dict[str, None] = {}
    for match in _PHRASES.finditer(text):
        found.update(dict.fromkeys(_of_phrase(match[0].lower())))
    for match in _NUMBERED.finditer(text):
        found.update(dict.fromkeys(_of_number(match[0])))
    lowered = text.lower()
    found.update((f"grpc_{name}", None) for name in _GRPC if name in lowered and "_" in name)
    return tuple(found)


def _of_phrase(phrase: str) -> tuple[str, ...]:
    if phrase in _HTTP_BY_PHRASE:
        return (f"http_{_HTTP_BY_PHRASE[phrase]}",)
    return (_ERRNO_BY_TEXT.get(phrase) or _NAME_RESOLUTION[phrase],)


def _of_number(found: str) -> tuple[str, ...]:
    if found.isdigit():
        return (f"http_{found}",)
    word = found.lower()
    number = int("".join(char for char in found if char.isdigit()) or -1)
    if word.startswith(("errno", "os error", "winerror", "connection")):
        number = -number if "-" in word and number < 4 else number
        if number in _NAME_NUMBERS:
            return (_NAME_NUMBERS[number],)
        return (_ERRNO_BY_NUMBER[number],) if number in _ERRNO_BY_NUMBER else ()
    if word.startswith("sig"):
        return (_SIGNALS[number],) if number in _SIGNALS else (word,) if word in _SIGNALS.values() else ()
    if word.startswith("exit"):
        return (_SIGNALS[number % 128],) if ("-" in found or number > 128) and number % 128 in _SIGNALS else ()
    return (_NODE_NAMES.get(word, word),) if word in _NODE_NAMES or word in _ERRNO_BY_TEXT.values() else ()


def named_codes(text: str) -> tuple[str, ...]:
    """Codes as they are printed (`SlowDown`, `CUDA_ERROR_ECC_UNCORRECTABLE`, `ORA-00060`), each once, in the order of the text."""
    return tuple(dict.fromkeys(_bare(match[0]) for match in _NAMED.finditer(text)))


def _bare(found: str) -> str:
    """The code alone: `SlowDown` of `<Code>SlowDown`, `error 1205` of `ERROR: 1205`."""
    if found[-1].isdigit() and found[0].isalpha() and not found.startswith(("ORA-", "SQLSTATE")) and "_" not in found:
        number = found[max(found.rfind(mark) for mark in " :=#([") + 1 :]
        word = "".join(char if char.isalpha() else " " for char in found).split()[0]
        return f"{word.lower()} {number}"
    if found[0].isalpha() and not found.startswith("ORA-"):
        found = found[max(found.rfind(mark) for mark in ">:=") + 1 :]
    return found.strip("()[]\"' ")
