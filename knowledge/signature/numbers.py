"""Numbers: error codes, statuses, signals and well-known ports say what happened; all others say how often or where."""

from __future__ import annotations

from knowledge.signature.patterns import Match, pattern, words
from knowledge.signature.standards import HTTP_STATUSES

#: Ports that name a service: SSH, SMTP, DNS, HTTP, Kubernetes, databases, queues, caches, trackers, model servers.
_PORTS = words(
    "21 22 25 53 80 88 111 123 137 139 389 443 445 465 514 587 636 993 1433 1521 2049 2181 2375 2376 2379 2380 3000"
    " 3306 3389 4317 4318 5000 5432 5672 5673 6333 6334 6379 6380 6443 6817 6818 7077 7474 7687 8000 8020 8080 8081"
    " 8088 8125 8265 8443 8786 8787 8793 8888 9000 9042 9083 9090 9092 9093 9200 9300 9418 9870 10000 10001 10250"
    " 10255 11211 11434 15672 16379 18080 19530 27017 29400 29500 50051 50070"
)
#: What follows a status where it is printed with its reason: `503 Service Unavailable`, `404 Client Error`.
_REASONS = (
    "(?i:bad|unauthori[sz]ed|payment|forbidden|not|method|proxy|request|conflict|gone|length|precondition|payload|uri|too"
    "|unsupported|unprocessable|locked|failed|upgrade|internal|service|gateway|http|insufficient|network|moved|found"
    "|permanent|temporary|client|server|error|status|slow|resource|unknown|unavailable|deadline)"
)
#: What is said before a code: `exit code 137`, `Errno 28`, `HTTP/1.1 503`, `ERROR: 1205`, `signal=-9`.
_CODE_WORDS = (
    r"(?:https?(?:/[\d.]+)?(?:[ _\-]?(?:status|error|response|code))*"
    r"|(?:status|exit|return|error|err|response|result|reason|sql|native|vendor|failure|grpc|term|db)?[ _\-]?"
    r"(?:code|status|errno|state)"
    r"|errno|error|err|exit(?:ed)?(?: with)?|exit value|signal|sig|xid|os error|winerror|oserror|response|rc|retcode"
    r"|returncode|curl|sqlcode|hresult|died with|killed by|returned|got|received)"
)
#: What is counted or numbered: its number belongs to one occurrence even where it is part of the word.
_ORDINALS = words(
    "rank worker node gpu cuda device executor task shard part thread pool attempt stage job batch epoch step iter"
    " process pid host pod replica partition chunk block layer line fd slot trial fold seed broker container instance"
    " exec actor proc tid id"
)
#: Any address, and the metadata service of the large clouds.
WELL_KNOWN_ADDRESSES = ("0.0.0.0", "169.254.169.254")  # noqa: S104
_NUMBERS = pattern(
    rf"(?i)\b{_CODE_WORDS}(?:\]|\")?(?: is| was| of)? ?[:=,]? {{0,8}}[\[(<'\"#{{]{{0,2}}-?\d[\d.]*\b",
    r"\b(?:0\.0\.0\.0|169\.254\.169\.254)\b",
    r"(?i)\bxid ?\([^()\n]{0,40}\): ?\d+",
    r"\bSQLSTATE\[[0-9A-Z]{5}\](?: ?[\[(]\d+[\])])?|\bSQLSTATE:? ?[0-9A-Z]{5}\b|\b(?:\d\d|HY|57|XX)[0-9P][0-9A-Z]{2}: ",
    r"\b[A-Z][A-Z_]{1,9}-\d{2,6}\b",
    r"(?i)\b(?:utf|latin|iso|cp|sha|gpt|tls|ssl|http|python|ipv)-?v?\d",
    r"(?i)(?:localhost|<host>|<ip>|[a-z]):\d{2,5}\b|\bports?['\"]?(?: ?[=:] ?| )['\"]?\d{2,5}\b",
    rf"\b[1-5]\d\d(?:,? {{1,3}}|: ?|\)? ?- ?|\] ?|\) ){_REASONS}",
    r"[(\[:'\" ]{1,2}[345]\d\d[)\]'\":]",
    r"\w(?:Error|Exception)[:( \[]{1,3}[1-5]\d\d\b|\w(?:Error|Exception)\(-?\d{1,5},",
    r"(?:==|>=|<=|~=|!=)v?\d[\w.*]*",
    rf"(?i)\b(?:{'|'.join(sorted(_ORDINALS))})s?[_#\-]?\d+\b",
    r"\b\d+(?:[.,:]\d+)*(?:[eE][-+]?\d+)?\b%?",
)
_LONGEST_CODE = 5


def mask_numbers(text: str) -> str:
    """The text with `<num>` and `<version>` for the numbers that carry no meaning."""
    return _NUMBERS.sub(_decide, text)


def _decide(match: Match) -> str:
    found = match[0]
    if found[0].isdigit():
        return _bare(found)
    if found[0] in "=<>~!" and ":" not in found:
        return found
    number = _number_at_end(found)
    return found if _means(found, number) else _cut(found, number)


def _bare(found: str) -> str:
    """A number that nothing precedes stays when a reason phrase or a SQLSTATE's colon follows it."""
    if found in WELL_KNOWN_ADDRESSES or not (found[-1].isdigit() or found[-1] == "%"):
        return found
    return "<version>" if found.count(".") >= 2 else "<num>"


def _means(found: str, number: str) -> bool:
    """Whether a number with what precedes it is a code, a status or a well-known port."""
    words = found.lower().strip()
    if not number or words.startswith(("localhost", "<", "port")) or (words[1:2] == ":" and words[0].isalpha()):
        return not number or number in _PORTS
    name = words[: words.rfind(number)].rstrip("_#-")
    if name in _ORDINALS or name.removesuffix("s") in _ORDINALS:
        return False
    if words.startswith(("returned", "got", "received")) or not words[0].isalpha():
        return number in HTTP_STATUSES
    return len(number) <= _LONGEST_CODE and "." not in number


def _number_at_end(found: str) -> str:
    bare = found.rstrip(")]'\": ,")
    return bare[len(bare.rstrip("0123456789.")) :].strip(".")


def _cut(found: str, number: str) -> str:
    before, _, after = found.rpartition(number)
    return f"{before}<num>{after}"
