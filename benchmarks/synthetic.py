"""Failures made up for load: any number of kinds, each with any number of occurrences.

`kind` decides the words that carry meaning, so two kinds have two fingerprints; `occurrence` decides what belongs to
one occurrence only (hosts, ids, times, sizes), so two occurrences of a kind have one.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


SYSTEMS = _listed(
    "ledger invoice feature catalog session basket parcel tariff sensor payroll roster claim voucher booking "
    "vessel patient genome survey auction meter fleet depot kitchen studio podcast lecture museum harbour orchard "
    "foundry"
)
PARTS = _listed(
    "Reader Writer Loader Merger Planner Encoder Decoder Splitter Sampler Tracker Broker Router Shuffler "
    "Compactor Indexer Resolver Scanner Emitter Collector Scheduler Validator Trainer Exporter Importer"
)
PHASES = _listed(
    "compacting joining shuffling validating exporting tokenizing partitioning aggregating deduplicating "
    "backfilling checkpointing evaluating normalising encoding publishing replaying"
)
REASONS = (
    "the upstream closed the stream before the footer was read",
    "a required column has the wrong type",
    "the lease was taken over by another worker",
    "the quota of concurrent writers is used up",
    "the manifest names a segment that does not exist",
    "the checksum of the block does not match its header",
    "the schema registry refused the new version",
    "the device ran out of memory while growing the arena",
    "the leader changed during the commit",
    "the token is not valid for this audience",
    "the loss became infinite after the warm-up",
    "the archive ends in the middle of an entry",
    "the replica is too far behind the primary",
    "the template refers to an unknown variable",
    "the certificate was issued for another host",
    "the worker was told to leave by its node",
)
OBJECTS = _listed(
    "snapshot segment embedding window bucket cursor offset partition manifest batch shard tensor vocabulary "
    "gradient watermark changelog bloom dictionary histogram baseline"
)
CAUSES = ("network", "rate_limit", "contention", "data_quality", "code_defect", "configuration", "resource_limit")
TRANSIENT = frozenset({"network", "rate_limit", "contention"})

_AXES = (SYSTEMS, PARTS, PHASES, REASONS, OBJECTS)
#: How many kinds there are; a kind beyond it is another one again.
KINDS = math.prod(len(axis) for axis in _AXES)
#: Prime to `KINDS`, so that kinds in a row differ in everything.
_STRIDE = 2_654_435_761
FRAMES = 13
#: One kind of these many is reported as a traceback when a service is filled.
TRACEBACK_EVERY = 50


def error(kind: int, *, occurrence: int) -> str:
    """An exception of one line, about 41 tokens of MiniLM's, the length that FACTS were measured with."""
    system, part, phase, reason, thing = _words(kind)
    dice = random.Random(f"{kind} {occurrence}")
    # An ephemeral port: well-known ones carry meaning and are kept.
    host = f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}:{dice.randrange(49_152, 65_536)}"
    name = f"{system.capitalize()}{part}Error"
    return f"{system}.{part.lower()}.{name}: {thing} failed while {phase}: {reason} ({host})"


def traceback(kind: int, *, occurrence: int) -> str:
    """A Python traceback of about thirty lines that ends in such an exception."""
    system, part, phase, _, thing = _words(kind)
    dice = random.Random(f"{kind} {occurrence} frames")
    lines = ["Traceback (most recent call last):"]
    for depth in range(FRAMES):
        function = (f"run_{system}", f"{phase}_{thing}", f"_{part.lower()}_{thing}", f"apply_{depth}")[depth % 4]
        module = f"/srv/run-{dice.randrange(10**6)}/{system}/{part.lower()}_{depth}.py"
        lines.append(f'  File "{module}", line {dice.randrange(20, 900)}, in {function}')
        lines.append(f"    return self.{part.lower()}.{function}({thing}, step={depth})")
    lines.append(error(kind, occurrence=occurrence))
    return "\n".join(lines)


def remembered(kind: int, *, occurrence: int) -> str:
    """The text of a kind as a filled service has it: mostly one line, sometimes a traceback."""
    make = traceback if kind % TRACEBACK_EVERY == 0 else error
    return make(kind, occurrence=occurrence)


def ndjson(kinds: Iterable[int], *, occurrence: int) -> bytes:
    """Incidents as lines of an import, with what was found out about each."""
    return b"".join(_line(kind, occurrence=occurrence) for kind in kinds)


def _line(kind: int, *, occurrence: int) -> bytes:
    cause = CAUSES[kind % len(CAUSES)]
    incident = {
        "text": remembered(kind, occurrence=occurrence),
        "pipeline": f"{SYSTEMS[kind % len(SYSTEMS)]}-nightly",
        "verdict": "transient" if cause in TRANSIENT else "genuine",
        "cause": cause,
        "external_id": f"{kind}-{occurrence}",
    }
    return json.dumps(incident).encode() + b"\n"


def _words(kind: int) -> tuple[str, str, str, str, str]:
    rest = kind * _STRIDE % KINDS
    found: list[str] = []
    for axis in _AXES:
        rest, place = divmod(rest, len(axis))
        found.append(axis[place])
    system, part, phase, reason, thing = found
    return system, part, phase, reason, thing
