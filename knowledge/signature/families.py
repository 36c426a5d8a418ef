"""Families of failure: the few things that go wrong everywhere, under one term however they are worded.

They let `Too Many Requests`, `throttled` and `rate limit exceeded` meet where no word is shared. Each family holds what
manuals and standards say of it; none decides a verdict, it only adds one term to the search and the embedding.
"""

from __future__ import annotations

import re2

_FAMILIES: tuple[tuple[str, str], ...] = (
    ("timeout", r"tim(?:ed?|e)[ -]?out|deadline|timeout"),
    (
        "throttling",
        r"rate.?limit|throttl|too.?many.?requests|slow.?down|request rate|rate.?exceeded|server.?busy"
        r"|backpressure",
    ),
    ("quota", r"quota|resource.?exhausted|usage limit|billing|credit balance"),
    (
        "memory",
        r"\boom|out.?of.?memory|memory.?(?:limit|pressure|error)|cannot allocate|alloc(?:ate|ation) fail"
        r"|sigkill|signal.?9\b|\bkilled|low on memory|(?:physical|virtual|heap|gpu) (?:memory|space)",
    ),
    (
        "authorization",
        r"unauthori[sz]ed|forbidden|access.?denied|permission|credential|authenticat|not authori[sz]ed"
        r"|expired.?token|\blogin",
    ),
    (
        "missing",
        r"not.?found|no.?such|does.?n.t exist|does not exist|missing|unknown|can.?not find"
        r"|could ?n.t find|could not find|not defined|undefined|no module",
    ),
    ("name_resolution", r"name resolution|getaddrinfo|resolv|\bdns|no such host|\benotfound|\beai_"),
    ("tls", r"\bssl|\btls|certificate|handshake|x509"),
    ("storage", r"no space|\bdisk|storage|enospc|file.?system|inode|input/output|stale file"),
    ("connection", r"connect|socket|refused|\breset\b|unreachable|\becon|network|broken pipe|\bdial\b|\bpeer\b"),
    ("concurrency", r"\block(?:ed|ing|s)?\b|deadlock|conflict|concurren|serializ|contention|transaction|race"),
    ("preemption", r"preempt|\bspot\b|evict|terminat|shut.?down|shutting down|drain|sigterm|reclaim"),
    (
        "corruption",
        r"corrupt|truncat|checksum|hash|\beof\b|magic|unexpected size|incomplete|invalid load|malformed"
        r"|deserializ|unpickl",
    ),
    ("accelerator", r"cuda|\bgpu|nccl|nvidia|cudnn|cublas|\becc\b|\bxid\b|rocm|\btpu|\bhip"),
    ("schema", r"schema|column|\bfield|dtype|datatype|data.?type|\bshape|dimension|\bparse|\bcast\b|convert"),
    ("version", r"version|incompatib|deprecat|requirement|dependenc|unsupported|no longer"),
    (
        "unavailable",
        r"unavailable|bad.?gateway|\b50[0234]\b|overload|internal.?(?:server.?)?error|backend|temporar"
        r"|try again",
    ),
    (
        "limit",
        r"\blimit|exceed|too (?:large|big|long|many)|maximum|\bmax_|capacity|insufficient|bigger than"
        r"|larger than",
    ),
    ("format", r"json|\bxml|\bcsv|parquet|encod|decod|utf-?8|unicode|syntax|unexpected token"),
    ("numeric", r"\bnan\b|infinity|\binf\b|overflow|divi[ds].{1,10}zero|diverg|gradient"),
)


def _compiled() -> re2.Set:
    options = re2.Options()
    options.case_sensitive = False
    families = re2.Set.SearchSet(options)
    for _, words in _FAMILIES:
        families.Add(words)
    families.Compile()
    return families


_SET = _compiled()


def families_of(text: str) -> tuple[str, ...]:
    """The families that a masked text speaks of, in a fixed order."""
    return tuple(_FAMILIES[number][0] for number in sorted(_SET.Match(text) or ()))
