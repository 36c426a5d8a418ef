"""Numbers: error codes, statuses, signals and well-known ports say what happened; all others say how often or where."""

from __future__ import annotations

from http import HTTPStatus

from knowledge.signature.patterns import Match, pattern

_STATUSES = frozenset(str(status.value) for status in HTTPStatus if status >= 300) | {
    "440", "444", "449", "460", "498", "499", "509", "520", "521", "522", "523", "524", "525", "526", "527", "529", "530",
}  # fmt: skip
#: Ports that name a service: SSH, SMTP, DNS, HTTP, Kubernetes, databases, queues, caches, trackers, model servers.
_PORTS = frozenset(
    "21 22 25 53 80 88 111 123 137 139 389 443 445 465 514 587 636 993 1433 1521 2049 2181 2375 2376 2379 2380 3000 3306 3389"
    " 4317 4318 5000 5432 5672 5673 6333 6334 6379 6380 6443 6817 6818 7077 7474 7687 8000 8020 8080 8081 8088 8125 8265 8443"
    " 8786 8787 8793 8888 9000 9042 9083 9090 9092 9093 9200 9300 9418 9870 10000 10001 10250 10255 11211 11434 15672 16379"
    " 18080 19530 27017 29400 29500 50051 50070".split()
)
_REASONS = (
    r"Bad|Unauthorized|Payment|Forbidden|Not|Method|Proxy|Request|Conflict|Gone|Length|Precondition|Payload|URI|Unsupported|Too|Expectation"
    r"|Unprocessable|Locked|Failed|Upgrade|Internal|Service|Gateway|HTTP|Insufficient|Loop|Network|Moved|Found|Permanent|Temporary|Client|Server"
    r"|error|Error|unauthorized|forbidden|not|bad|too|internal|service|gateway|status|Slow|Resource|Unknown|UNAVAILABLE|RESOURCE|DEADLINE"
)
_WORDS_BEFORE_CODES = (
    r"(?:https?(?:/[\d.]+)?(?:[ _\-]?(?:status|error|response|code))*|status|(?:status|exit|return|error|err|response|result|reason|sql|native"
    r"|vendor|failure|grpc|http|term|db|sqlstate)?[ _\-]?(?:code|status|errno|state)|errno|error|err|exit(?:ed)?(?: with)?|signal|sig|xid"
    r"|os error|winerror|response|rc|retcode|returncode|oserror|curl|sqlcode|hresult|returned|got|received|exit value|died with|killed by)"
)
_CODES_AND_NUMBERS = pattern(
    rf"(?i)\b{_WORDS_BEFORE_CODES}(?:\]|\")?(?: is| was| of)? ?[:=,]? {{0,8}}[\[(<'\"#{{]{{0,2}}-?\d[\d.]*\b",
    r"\b(?:0\.0\.0\.0|169\.254\.169\.254)\b",
    r"(?i)\bxid ?\([^()\n]{0,40}\): ?\d+",
    r"\[?(?:SQLSTATE)?\[[0-9A-Z]{5}\](?: ?[\[(]\d+[\])])?|\bSQLSTATE:? ?[0-9A-Z]{5}\b|\b(?:[0-9]{2}|HY|57|XX)[0-9P][0-9A-Z]{2}\b: ",
    r"\b[A-Z][A-Z_]{1,9}-\d{2,6}\b|\b[A-Z]{1,5}\d{2,5}\b|(?i)\b(?:utf|latin|iso|cp|sha|gpt|tls|ssl|http|python|ipv)-?v?\d",
    r"(?:localhost|<host>|<ip>|\bport(?: |=|: ?|\"?: ?)['\"]?|[a-z]):\d{2,5}\b|\bports?['\"]?(?:=| |: ?)['\"]?\d{2,5}\b",
    rf"\b[1-5]\d\d(?:,? {1,3}|: ?|\)? ?- ?|\] ?|\) )(?:{_REASONS})",
    r"[(\[:'\" ]{1,2}[345]\d\d[)\]'\":]",
    r"\w(?:Error|Exception)[:( \[]{1,3}[1-5]\d\d\b",
    r"\w(?:Error|Exception)\((?:-?\d{1,5}),",
    r"(?:==|>=|<=|~=|!=)v?\d[\w.*]*",
    r"\b(?:rank|worker|node|gpu|cuda|device|executor|task|shard|part|thread|pool|attempt|stage|job|batch|epoch|step|iter|process|pid|host|pod|replica"
    r"|partition|chunk|block|layer|line|fd|slot|trial|fold|seed|broker|container|instance|exec|actor|proc|tid|ID|id)s?[_#\-]?\d+\b",
    r"\b\d+(?:[.,:]\d+)*(?:[eE][-+]?\d+)?\b%?",
)
_LONGEST_CODE = 5


def mask_numbers(text: str) -> str:
    """The text with `<num>` and `<version>` for the numbers that carry no meaning."""
    return _CODES_AND_NUMBERS.sub(_decide, text)


def _decide(match: Match) -> str:
    found = match[0]
    first = found[0]
    if first in "0123456789+-":
        return _bare(found)
    if first in "=<>~!":
        return found
    if ":" in found or "port" in found[:4].lower():
        return _after_colon(found)
    return _after_word(found)


def _bare(found: str) -> str:
    if found in ("0.0.0.0", "169.254.169.254"):
        return found
    if not found[-1].isdigit() and found[-1] != "%":  # a status with its reason phrase, a SQLSTATE
        return found
    if found.count(".") >= 2:
        return "<version>"
    return "<num>"


def _after_colon(found: str) -> str:
    number = _trailing(found)
    if number in _PORTS or number in _STATUSES and not found.lower().startswith(("port", "localhost")):
        return found
    if found[0].isalpha() and not found.lower().startswith(("port", "localhost")) and len(found) - len(number) > 2:
        return _after_word(found)
    return _cut(found, number)


def _after_word(found: str) -> str:
    number = _trailing(found)
    if not number:
        return found
    if found[0].isalpha() and _is_ordinal(found, number):
        return _cut(found, number)
    if found.lower().startswith(("returned", "got", "received")) and number not in _STATUSES:
        return _cut(found, number)
    return found if len(number) <= _LONGEST_CODE and "." not in number else _cut(found, number)


_ORDINALS = tuple(
    "rank worker node gpu cuda device executor task shard part thread pool attempt stage job batch epoch step iter process pid host pod replica"
    " partition chunk block layer line fd slot trial fold seed broker container instance exec actor proc tid id".split()
)


def _is_ordinal(found: str, number: str) -> bool:
    name = found[: -len(number)].rstrip("_#-").lower()
    return name in _ORDINALS or name.removesuffix("s") in _ORDINALS


def _trailing(found: str) -> str:
    bare = found.rstrip(")]'\": ,")
    tail = len(bare)
    while tail and (bare[tail - 1].isdigit() or bare[tail - 1] == "."):
        tail -= 1
    return bare[tail:].strip(".")


def _cut(found: str, number: str) -> str:
    before, _, after = found.rpartition(number)
    return f"{before}<num>{after}"
